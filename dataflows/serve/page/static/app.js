// The page: which view is shown, in which language, by whose right.

import { makeApi } from "./api.js";
import { chooseLanguage, languageNow, wording } from "./words.js";

const VIEWS = {
  now: () => import("./now.js"),
  person: () => import("./person/person.js"),
  catalogue: () => import("./catalogue.js"),
};
const FIRST = "now";

const at = (id) => document.getElementById(id);
const root = at("view");
let stop = () => {};
let shown = 0; // counts what was shown, so that what comes late does not overwrite what is newer

// Return an element. Text stays text: nothing that comes from data is ever read as HTML.
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : value);
  made.append(...children.flat(Infinity).filter((one) => one || one === 0));
  return made;
}

function partsOf(hash) {
  const parts = hash.replace(/^#\/?/, "").split("/");
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return [FIRST]; // no percent-encoding
  }
}

function pageIn(language) {
  const t = wording(language);
  const figures = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
  const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  return {
    api,
    el,
    t,
    language,
    number: (value) => figures.format(value),
    moment: (microseconds) => moments.format(new Date(microseconds / 1000)),
    announce(text) {
      at("told").textContent = text;
    },
    go(hash) {
      if (location.hash === hash) show();
      else location.hash = hash;
    },
  };
}

function askForToken(status) {
  const { t } = pageIn(languageNow());
  const form = at("access");
  if (!form.hidden && form.dataset.status === String(status)) return;
  const input = el("input", { type: "password", autocomplete: "off", required: true });
  const why = status === 403 ? t("access.refused") : t("access.ask");
  form.dataset.status = status;
  form.replaceChildren(
    el("p", {}, why),
    el("label", {}, el("span", {}, t("access.token")), " ", input),
    el("button", { type: "submit" }, t("access.use")),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    api.use(input.value.trim());
    form.hidden = true;
    show();
  };
  form.hidden = false;
}

const api = makeApi(askForToken);

function head(page, view, titles) {
  document.documentElement.lang = page.language;
  document.title = `${titles[view] ? `${page.t(titles[view])} · ` : ""}${page.t("page.title")}`;
  at("skip").textContent = page.t("page.skip");
  const tabs = at("tabs");
  tabs.setAttribute("aria-label", page.t("page.views"));
  tabs.replaceChildren(
    ...Object.entries(titles).map(([name, title]) =>
      el("a", { href: `#/${name}`, "aria-current": name === view ? "page" : null }, page.t(title)),
    ),
  );
  const other = page.language === "zh" ? "en" : "zh";
  const words = el("button", { type: "button", lang: other === "zh" ? "zh" : "en" }, page.t("page.language"));
  words.addEventListener("click", () => {
    chooseLanguage(other);
    show();
  });
  at("tools").replaceChildren(words);
}

async function show() {
  const number = ++shown;
  const page = pageIn(languageNow());
  const [view, ...parts] = partsOf(location.hash);
  const modules = Object.fromEntries(
    await Promise.all(Object.entries(VIEWS).map(async ([name, load]) => [name, await load()])),
  );
  if (number !== shown) return;
  stop();
  stop = () => {};
  const titles = Object.fromEntries(Object.entries(modules).map(([name, one]) => [name, one.title]));
  const wanted = view || FIRST;
  head(page, wanted, titles);
  if (!(wanted in modules)) {
    root.replaceChildren(el("p", { class: "problem" }, page.t("problem.no_view")));
    return;
  }
  root.replaceChildren(el("p", {}, page.t("view.loading")));
  const ended = await modules[wanted].show(root, page, parts);
  if (number === shown) stop = ended ?? (() => {});
  else ended?.();
}

at("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash says which view is shown
  root.focus();
});
window.addEventListener("hashchange", show);
show();
