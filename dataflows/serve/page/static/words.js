// The words of the page, in English and Chinese; each view brings its own.

import { words as catalogue } from "./words_catalogue.js";
import { words as now } from "./words_now.js";
import { words as person } from "./person/words_person.js";

const PAGE = {
  en: {
    "page.title": "penchant",
    "page.skip": "Skip to the content",
    "page.views": "Views",
    "page.language": "中文",
    "page.language_label": "Show this page in Chinese",
    "access.ask": "This server wants a token. It is kept for this tab alone.",
    "access.refused": "That token may not do this. Give one that may.",
    "access.token": "Token",
    "access.use": "Use it",
    "view.loading": "One moment …",
    "problem.not_here": "Not answered by this server:",
    "problem.failed": "This could not be had:",
    "problem.no_view": "There is no such view.",
  },
  zh: {
    "page.title": "penchant",
    "page.skip": "跳到内容",
    "page.views": "视图",
    "page.language": "English",
    "page.language_label": "用英文显示本页",
    "access.ask": "此服务器需要令牌。令牌只保存在本标签页中。",
    "access.refused": "该令牌没有此权限，请换一个。",
    "access.token": "令牌",
    "access.use": "使用",
    "view.loading": "请稍候……",
    "problem.not_here": "此服务器无法回答：",
    "problem.failed": "未能取得：",
    "problem.no_view": "没有这个视图。",
  },
};

export const LANGUAGES = ["en", "zh"];
const LANGUAGE = "penchant-language";

function merged(...all) {
  return Object.fromEntries(
    LANGUAGES.map((language) => [language, Object.assign({}, ...all.map((one) => one[language]))]),
  );
}

export const WORDS = merged(PAGE, now, person, catalogue);

export function languageNow() {
  const chosen = localStorage.getItem(LANGUAGE);
  if (LANGUAGES.includes(chosen)) return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function chooseLanguage(language) {
  localStorage.setItem(LANGUAGE, language);
}

// Return the words of a key with what is given in {braces}; a key without words is shown itself.
export function wording(language) {
  return (key, values = {}) =>
    (WORDS[language][key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
