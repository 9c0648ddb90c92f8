// The catalogue: a search by meaning, what rises and falls, and an item with its neighbours.

import { hashOf, isReachable, itemPath } from "./ids.js";
import { section } from "./problem_box.js";

export const title = "catalogue.title";

const FEW = 10;
const CHARTS = ["trending", "falling", "popular", "latest"];
const RELATIONS = ["similar", "together", "next"];
// What a figure tells is shown: as a bar where it is by how much, as a number where it says how often.
const WITHOUT_BAR = new Set(["latest", "search"]);
const WITH_FIGURE = new Set(["popular", "together", "next"]);

function categoryLinks(page, categories) {
  return categories.flatMap((name) => [
    " ",
    page.el("a", { class: "category", href: hashOf("catalogue", "category", name) }, name),
  ]);
}

// Return items in order, each with what tells its score. `name` is what they were asked by.
function itemList(page, items, name) {
  const { el, t, number } = page;
  if (items.length === 0) return el("p", {}, t("catalogue.none"));
  const most = Math.max(...items.map((item) => item.score), 1e-12);
  const lines = items.map((item) => {
    const link = el("a", { href: hashOf("catalogue", "item", item.item_id) }, item.title);
    const of = categoryLinks(page, item.categories ?? []);
    if (WITHOUT_BAR.has(name)) return el("li", {}, link, of);
    const fill = el("span", { class: "fill adds" });
    fill.style.setProperty("--share", String(Math.max(item.score, 0) / most));
    const track = el("span", { class: "track", "aria-hidden": "true" }, fill);
    const figure = WITH_FIGURE.has(name) && el("span", { class: "figure" }, number(Number(item.score.toPrecision(3))));
    return el("li", {}, link, of, el("span", { class: "score" }, track, figure));
  });
  return el("ol", { class: "scored" }, ...lines);
}

function searchForm(page, text, user) {
  const { el, t } = page;
  const words = el("input", { type: "search", maxlength: "1000" });
  const whose = el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  words.required = true;
  [words.value, whose.value] = [text, user];
  const form = el(
    "form",
    { class: "line", role: "search" },
    el("label", {}, el("span", {}, t("catalogue.search")), " ", words),
    el("label", {}, el("span", {}, t("catalogue.for_user")), " ", whose),
    el("button", { type: "submit" }, t("catalogue.search_button")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = [words.value.trim(), whose.value.trim()].filter(Boolean);
    if (words.value.trim()) page.go(hashOf("catalogue", "search", ...wanted));
  });
  return form;
}

function results(page, text, user) {
  return section(
    page,
    page.t("catalogue.results", { text }),
    async () => {
      const began = performance.now();
      const found = await page.api.get("/v1/search", { q: text, k: 2 * FEW, ...(user && { user }) });
      const ms = page.number(Math.max(1, Math.round(performance.now() - began)));
      const told = page.t("catalogue.found", { count: page.number(found.items.length), ms });
      page.announce(told);
      return [page.el("p", { class: "status" }, told), itemList(page, found.items, "search")];
    },
    "h2",
  );
}

function chart(page, name, category) {
  const ask = async () => {
    const { items } = await page.api.get(`/v1/${name}`, { k: FEW, ...(category && { category }) });
    const note = page.el("p", { class: "soft" }, page.t(`catalogue.${name}_note`));
    return [note, itemList(page, items, name)];
  };
  return section(page, page.t(`catalogue.${name}`), ask, "h2");
}

// Return the leaderboards that the configuration has, as one section; nothing where it has none.
function boards(page, category) {
  const { el, t } = page;
  const made = section(page, t("catalogue.boards"), async () => {
    const { leaderboards } = await page.api.get("/v1/leaderboards", {});
    made.element.hidden = leaderboards.length === 0;
    const each = leaderboards.map((board) => section(page, board.name, async () => {
      const query = { k: FEW, ...(category && { category }) };
      const { items } = await page.api.get(`/v1/leaderboards/${encodeURIComponent(board.name)}`, query);
      return itemList(page, items, "popular");
    }));
    for (const one of each) one.load();
    return el("div", {}, ...each.map((one) => one.element));
  }, "h2");
  made.element.hidden = true;
  return made;
}

function relation(page, itemId, name) {
  const ask = async () => {
    const { items } = await page.api.get(itemPath(itemId, name), { k: FEW });
    const note = page.el("p", { class: "soft" }, page.t(`catalogue.${name}_note`));
    return [note, itemList(page, items, name)];
  };
  return section(page, page.t(`catalogue.${name}`), ask, "h3");
}

function facts(page, item) {
  const { el, t, number } = page;
  const told = [
    [t("catalogue.id"), item.item_id],
    [t("catalogue.categories"), categoryLinks(page, item.categories ?? [])],
    [t("catalogue.taken"), item.taken === undefined || item.taken === null ? "" : number(Math.round(item.taken * 10) / 10)],
    ...Object.entries(item.attributes ?? {}).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  ].filter(([, value]) => value.length > 0);
  const rows = told.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el("dl", { class: "facts" }, ...rows);
}

// Return the view of one item; its title becomes the heading once it is known.
function itemView(page, itemId) {
  const { el, t } = page;
  if (!isReachable(itemId))
    return { element: el("p", { class: "problem" }, t("catalogue.unreachable", { id: itemId })), load() {} };
  const made = section(page, itemId, async () => {
    const item = await page.api.get(itemPath(itemId), {});
    made.element.querySelector("h2").textContent = item.title;
    const relations = RELATIONS.map((name) => relation(page, itemId, name));
    for (const one of relations) one.load();
    return [
      item.is_available === false && el("p", { class: "problem" }, t("catalogue.unavailable")),
      item.text && el("p", {}, item.text),
      facts(page, item),
      el("div", { class: "beside" }, ...relations.map((one) => one.element)),
    ].filter(Boolean);
  }, "h2");
  return made;
}

export async function show(root, page, parts) {
  const [what, about = "", user = ""] = parts;
  const { el, t } = page;
  const text = what === "search" ? about : "";
  const category = what === "category" ? about : "";
  let shown;
  if (what === "item" && about) shown = [itemView(page, about)];
  else if (text) shown = [results(page, text, user)];
  else shown = [...CHARTS.map((name) => chart(page, name, category)), boards(page, category)];
  const isOne = shown.length === 1;
  root.replaceChildren(
    el("h1", {}, t(title)),
    searchForm(page, text, text && user),
    ...(category ? [el("p", {}, el("strong", {}, t("catalogue.only", { category })))] : []),
    ...(isOne || category ? [el("p", {}, el("a", { href: hashOf("catalogue") }, t("catalogue.back")))] : []),
    el("div", { class: isOne ? "whole" : "beside" }, ...shown.map((one) => one.element)),
  );
  for (const one of shown) one.load();
  return () => {};
}
