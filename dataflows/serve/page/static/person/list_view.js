// A recommended list: places, what each signal adds to the score, and the reasons in words.

import { hashOf } from "../ids.js";

// Those that have words here; one of a package of its own is told by its name.
const SIGNALS = new Set([
  "together", "follows", "meaning", "popular", "trending", "stage", "liking", "intent", "again",
  "generated", "search",
]);

function signalName(page, name) {
  return SIGNALS.has(name) ? page.t(`signal.${name}`) : name;
}

// Return how a place moved since another list, in words and as a class, null where it did not.
function movedSince(page, before, item) {
  if (before === null) return null;
  const was = before.get(item.item_id);
  if (was === undefined) return { kind: "new", words: page.t("list.new") };
  const up = was - item.place;
  if (up === 0) return null;
  const key = up > 0 ? "list.up" : "list.down";
  return { kind: up > 0 ? "up" : "down", words: page.t(key, { count: Math.abs(up) }) };
}

function bar(page, name, value, most) {
  const fill = page.el("span", { class: value < 0 ? "fill takes" : "fill adds" });
  fill.style.setProperty("--share", String(Math.abs(value) / most));
  return page.el(
    "div",
    { class: "signal" },
    page.el("dt", {}, signalName(page, name)),
    page.el(
      "dd",
      {},
      page.el("span", { class: "track", "aria-hidden": "true" }, fill),
      page.el("span", { class: "figure" }, page.number(Math.round(value * 1000) / 1000 + 0)),
    ),
  );
}

function place(page, item, most, before, onTake) {
  const moved = movedSince(page, before, item);
  const take = page.el("button", { type: "button", class: "take" }, page.t("list.take"));
  take.setAttribute("aria-label", page.t("list.take_item", { title: item.title }));
  take.addEventListener("click", () => onTake({ id: item.item_id, title: item.title }));
  const signals = Object.entries(item.signals ?? {});
  return page.el(
    "li",
    { class: "place" },
    page.el(
      "div",
      { class: "place-head" },
      page.el("span", { class: "rank" }, page.number(item.place)),
      page.el("a", { href: hashOf("catalogue", "item", item.item_id) }, item.title),
      moved && page.el("span", { class: `moved ${moved.kind}` }, moved.words),
      onTake && take,
    ),
    item.reasons?.length && page.el("p", { class: "why" }, item.reasons.join(" · ")),
    item.rules?.length && page.el("p", { class: "why" }, page.t("list.put_by", { rules: item.rules.join(", ") })),
    signals.length > 0 &&
      page.el("dl", { class: "signals" }, ...signals.map(([name, value]) => bar(page, name, value, most))),
  );
}

// Return places by item, for `before` of the next list.
export function placesOf(list) {
  return new Map(list.items.map((item) => [item.item_id, item.place]));
}

// Return a list as an element. `before` (item id to place, or null) is what it is compared with;
// `onTake` is called with {id, title} of an item that is taken, null for a list to look at.
export function listView(page, list, before, onTake) {
  const values = list.items.flatMap((item) => Object.values(item.signals ?? {}));
  const most = Math.max(...values.map(Math.abs), 1e-9);
  if (list.items.length === 0) return page.el("p", {}, page.t("list.empty"));
  const places = list.items.map((item) => place(page, item, most, before, onTake));
  const rules = list.rules?.length && page.t("list.rules", { rules: list.rules.join(", ") });
  return page.el(
    "div",
    {},
    rules && page.el("p", { class: "soft" }, rules),
    page.el("ol", { class: "places" }, ...places),
  );
}
