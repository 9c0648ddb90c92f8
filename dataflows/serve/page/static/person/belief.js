// What is believed of a user: now, with what spoke for it, and after each of their newest events.

import { userPath } from "../ids.js";

const MOST_LINES = 5;
const [WIDTH, HEIGHT, LEFT, FOOT] = [460, 170, 40, 22];

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Return the needs that were believed in most over all steps, at most so many.
function strongest(beliefs) {
  const most = new Map();
  for (const { belief } of beliefs)
    for (const [need, share] of Object.entries(belief))
      most.set(need, Math.max(share, most.get(need) ?? 0));
  return [...most].sort((one, other) => other[1] - one[1]).slice(0, MOST_LINES).map(([need]) => need);
}

function drawing(page, beliefs, needs) {
  const across = (WIDTH - LEFT - 8) / Math.max(beliefs.length - 1, 1);
  const x = (step) => LEFT + step * across;
  const y = (share) => 8 + (1 - share) * (HEIGHT - FOOT - 8);
  const words = page.t("belief.drawing", { needs: needs.join(", "), count: page.number(beliefs.length) });
  const made = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "belief", "aria-label": words });
  for (const share of [0, 0.5, 1]) {
    made.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: y(share), y2: y(share) }));
    const label = svg("text", { x: LEFT - 6, y: y(share) + 4, "text-anchor": "end" });
    label.textContent = page.number(share);
    made.append(label);
  }
  needs.forEach((need, place) => {
    const points = beliefs.map(({ belief }, step) => `${x(step)},${y(belief[need] ?? 0)}`);
    made.append(svg("polyline", { class: `line s${place}`, points: points.join(" ") }));
    const last = beliefs.length - 1;
    const dot = { class: `dot s${place}`, cx: x(last), cy: y(beliefs[last].belief[need] ?? 0), r: 4 };
    made.append(svg("circle", dot));
  });
  const foot = svg("text", { x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" });
  foot.textContent = page.t("belief.newest");
  made.append(foot);
  return made;
}

function keys(page, needs) {
  const lines = needs.map((need, place) => {
    const swatch = svg("svg", { class: "swatch", width: 26, height: 10, "aria-hidden": "true" });
    swatch.append(svg("line", { class: `line s${place}`, x1: 0, x2: 26, y1: 5, y2: 5 }));
    return page.el("li", {}, swatch, need);
  });
  return page.el("ul", { class: "keys" }, ...lines);
}

// The same as figures: for those who cannot see the drawing, and for who wants to know.
function table(page, beliefs, needs) {
  const { el, t, number, moment } = page;
  const head = ["belief.time", ...needs].map((name, place) =>
    el("th", { scope: "col" }, place === 0 ? t(name) : name),
  );
  const rows = beliefs.toReversed().map(({ time, belief }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, moment(Date.parse(time) * 1000)),
      ...needs.map((need) => el("td", {}, number(Math.round((belief[need] ?? 0) * 100) / 100))),
    ),
  );
  const whole = el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
  const scroll = el("div", { class: "scroll", tabindex: "0", role: "region" }, whole);
  scroll.setAttribute("aria-label", t("belief.figures"));
  return el("details", {}, el("summary", {}, t("belief.figures")), scroll);
}

function because(page, reasons) {
  const { el, t } = page;
  const told = reasons
    .filter((one) => one.words.length > 0 || one.events.length > 0)
    .map((one) => {
      const spoke = one.events.map((event) => event.text).filter(Boolean);
      const said = [one.words.join(", "), ...spoke.map((text) => t("belief.quote", { text }))];
      return el("li", {}, el("strong", {}, one.need), " ", said.filter(Boolean).join(" · "));
    });
  return told.length === 0 ? null : el("ul", { class: "because" }, ...told);
}

// Return what is believed of a user, as elements.
export async function beliefOf(page, userId) {
  const { el, t } = page;
  const [now, past] = await Promise.all([
    page.api.get(userPath(userId, "intent"), {}),
    page.api.get(userPath(userId, "beliefs"), {}),
  ]);
  const beliefs = past.beliefs.filter(({ belief }) => Object.keys(belief).length > 0);
  if (beliefs.length === 0 && Object.keys(now.belief).length > 0)
    beliefs.push({ time: new Date().toISOString(), belief: now.belief });
  const needs = strongest(beliefs);
  if (needs.length === 0) return el("p", {}, t("belief.none"));
  return [
    el("p", { class: "soft" }, t("belief.told", { count: page.number(beliefs.length) })),
    keys(page, needs),
    drawing(page, beliefs, needs),
    because(page, now.reasons),
    table(page, beliefs, needs),
  ].filter(Boolean);
}
