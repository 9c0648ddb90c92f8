// A person: what they did, what they are after, their list and why, and what one might try; two of
// them side by side. Without a name: who was there lately, and somebody of whom nothing is known.

import { beliefOf } from "./belief.js";
import { hashOf, isReachable, userPath } from "../ids.js";
import { fill, section } from "../problem_box.js";
import { tryIt } from "./try_it.js";

export const title = "person.title";

const MOST_EVENTS = 20;
const LATELY = 12;
const CALM = 300; // milliseconds after which what changed is asked for anew

function finder(page, ids) {
  const { el, t } = page;
  const input = (value, needed) => {
    const made = el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
    made.value = value;
    made.required = needed;
    return made;
  };
  const [first, second] = [input(ids[0] ?? "", true), input(ids[1] ?? "", false)];
  const form = el(
    "form",
    { class: "line" },
    el("label", {}, el("span", {}, t("person.id")), " ", first),
    el("label", {}, el("span", {}, t("person.beside")), " ", second),
    el("button", { type: "submit" }, t("person.show")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = [first.value, second.value].map((id) => id.trim()).filter(Boolean);
    if (wanted.length > 0) page.go(hashOf("person", ...wanted));
  });
  return form;
}

async function lately(page) {
  const { el, t } = page;
  const { users } = await page.api.get("/v1/users", { k: LATELY });
  if (users.length === 0) return el("p", {}, t("person.nobody_lately"));
  const lines = users.map((user) => {
    const what = user.title ?? user.item_id;
    const when = user.ts ? page.moment(user.ts * 1e6) : null;
    const note = [what, when].filter(Boolean).join(" · ");
    const link = el("a", { href: hashOf("person", user.user_id) }, user.user_id);
    return el("li", {}, link, note && el("span", { class: "soft" }, " ", note));
  });
  return el("ul", { class: "lately" }, ...lines);
}

async function history(page, userId) {
  const { el, t } = page;
  const { events } = await page.api.get(userPath(userId, "history"), { k: MOST_EVENTS });
  if (events.length === 0) return el("p", {}, t("person.no_history"));
  const lines = events.map((event) =>
    el(
      "li",
      {},
      el("a", { href: hashOf("catalogue", "item", event.item_id) }, event.title),
      el("span", { class: "soft" }, " ", [event.type, page.moment(event.ts * 1e6)].filter(Boolean).join(" · ")),
    ),
  );
  return el("ol", { class: "history" }, ...lines);
}

async function leanings(page, userId) {
  const { el, t, number } = page;
  const { profile } = await page.api.get(userPath(userId, "profile"), {});
  if (profile.length === 0) return el("p", {}, t("person.no_profile"));
  const bars = profile.slice(0, 10).map((one) => {
    const fill = el("span", { class: one.liking < 0.5 ? "fill takes" : "fill adds" });
    fill.style.setProperty("--share", String(Math.abs(one.liking - 0.5) * 2));
    const told = { liking: number(Math.round(one.liking * 100)), sure: number(Math.round(one.certainty * 100)) };
    return el(
      "div",
      { class: "signal" },
      el("dt", {}, one.category),
      el(
        "dd",
        {},
        el("span", { class: "track", "aria-hidden": "true" }, fill),
        el("span", { class: "figure" }, t("person.leaning", told)),
      ),
    );
  });
  return [el("p", { class: "soft" }, t("person.profile_note")), el("dl", { class: "signals" }, ...bars)];
}

async function neighbours(page, userId) {
  const { el, t, number } = page;
  const { users } = await page.api.get(userPath(userId, "neighbours"), { k: 5 });
  if (users.length === 0) return el("p", {}, t("person.no_neighbours"));
  const lines = users.map((user) => {
    const link = el("a", { href: hashOf("person", userId, user.user_id) }, user.user_id);
    link.setAttribute("aria-label", t("person.beside_whom", { user: user.user_id }));
    const note = t("person.shares", { count: number(user.shared.length) });
    return el("li", {}, link, el("span", { class: "soft" }, " ", note));
  });
  return el("ul", {}, ...lines);
}

// Return a column of one user: its element, and how to stop following them.
function column(page, userId) {
  const { el, t } = page;
  if (!isReachable(userId))
    return { element: el("p", { class: "problem" }, t("person.unreachable", { id: userId })), stop() {} };
  const tried = tryIt(page, userId);
  const parts = [
    section(page, t("belief.title"), () => beliefOf(page, userId)),
    section(page, t("person.history"), () => history(page, userId)),
    section(page, t("person.profile"), () => leanings(page, userId)),
    section(page, t("person.neighbours"), () => neighbours(page, userId)),
  ];
  const made = el("article", { class: "column" }, el("h2", {}, userId), tried.element, ...parts.map((one) => one.element));
  const load = (how) => {
    tried.refresh(how);
    for (const part of parts) part.load();
  };
  let soon = null;
  const stopStream = page.api.stream({ user: userId }, () => {
    clearTimeout(soon);
    soon = setTimeout(() => load({ isQuiet: true }), CALM);
  });
  load();
  return {
    element: made,
    stop() {
      clearTimeout(soon);
      stopStream();
    },
  };
}

function start(page) {
  const { el, t } = page;
  const recent = el("div", {}, t("view.loading"));
  const load = () => fill(page, recent, () => lately(page));
  const again = el("button", { type: "button" }, t("person.look_again"));
  again.addEventListener("click", load);
  const nobody = tryIt(page, null);
  load();
  nobody.refresh();
  return el(
    "div",
    { class: "beside" },
    el("section", { class: "piece" }, el("h2", {}, t("person.lately")), recent, again),
    el("article", { class: "column" }, el("h2", {}, t("person.somebody_new")), nobody.element),
  );
}

export async function show(root, page, parts) {
  const ids = parts.filter(Boolean).slice(0, 2);
  const columns = ids.map((id) => column(page, id));
  const shown = columns.length === 0
    ? start(page)
    : page.el("div", { class: "beside" }, ...columns.map((one) => one.element));
  root.replaceChildren(page.el("h1", {}, page.t(title)), finder(page, ids), shown);
  return () => columns.forEach((one) => one.stop());
}
