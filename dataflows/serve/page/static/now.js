// Now: how fast it goes, what became of every record, what people are after, which lists change,
// and which versions of models are in force.

import { areas, lines } from "./chart.js";

export const title = "now.title";

const EVERY = 2_000; // milliseconds between two looks
const CHANGES = 12;
const LAYERS = 5; // needs that have a colour of their own

const person = (id) => `#/person/${encodeURIComponent(id)}`;

function percent(page, share) {
  return share === null || share === undefined ? "–" : `${page.number(Math.round(share * 1000) / 10)} %`;
}

function milliseconds(page, seconds) {
  return seconds === null || seconds === undefined ? "–" : `${page.number(Math.round(seconds * 10_000) / 10)} ms`;
}

// A server that follows what a run sent knows nothing of what only the run counts.
function isStored(status) {
  return status.source === "stored";
}

function cards(page, status) {
  const { el, t, number } = page;
  const newest = status.samples?.at(-1);
  const rates = status.hit_rates;
  const told = [
    [t("now.events"), newest ? number(newest.events_per_second) : "–", t("now.a_second")],
    [t("now.lists"), newest ? number(newest.lists_per_second) : "–", t("now.a_second")],
    [t("now.latency"), milliseconds(page, newest?.latency_p50), t("now.p99", { value: milliseconds(page, newest?.latency_p99) })],
    [t("now.lag"), newest ? number(newest.lag) : "–", status.lag?.[0] ? t(`now.${status.lag[0].unit}`) : t("now.none_unread")],
    [t("now.users"), number(status.users ?? 0), t("now.in_memory")],
    [t("now.items"), number(status.available ?? status.items ?? 0), t("now.shown_so_far", { count: number(status.covered ?? 0) })],
  ];
  if (rates)
    told.push(
      [t("now.hits", { k: rates.k }), percent(page, rates.served), t("now.of_events", { count: number(rates.events) })],
      [t("now.popularity", { k: rates.k }), percent(page, rates.popularity), t("now.for_comparison")],
    );
  return el(
    "ul",
    { class: "cards" },
    ...told.map(([label, figure, note]) =>
      el("li", {}, el("span", { class: "label" }, label), el("strong", {}, figure), el("span", { class: "note" }, note)),
    ),
  );
}

function curves(page, status) {
  const { t } = page;
  const samples = status.samples ?? [];
  if (isStored(status)) return page.el("p", { class: "soft" }, t("now.with_the_run"));
  if (samples.length < 2) return page.el("p", { class: "soft" }, t("now.no_curve"));
  const times = samples.map((one) => one.time);
  return [
    lines(page, {
      title: t("now.rate"),
      times,
      figure: (value) => page.number(value),
      series: [
        { name: t("now.events"), values: samples.map((one) => one.events_per_second) },
        { name: t("now.lists"), values: samples.map((one) => one.lists_per_second) },
      ],
    }),
    lines(page, {
      title: t("now.latency"),
      times,
      figure: (value) => milliseconds(page, value),
      series: [
        { name: "p50", values: samples.map((one) => one.latency_p50) },
        { name: "p99", values: samples.map((one) => one.latency_p99) },
      ],
    }),
  ];
}

function flow(page, status) {
  const { t } = page;
  const told = status.intents ?? [];
  if (told.length < 2) return page.el("p", { class: "soft" }, t("now.no_intents"));
  const total = {};
  for (const one of told) for (const [need, share] of Object.entries(one.shares)) total[need] = (total[need] ?? 0) + share;
  const needs = Object.keys(total).sort((a, b) => total[b] - total[a]).slice(0, LAYERS);
  const layers = needs.map((name, number) => ({
    name,
    kind: `s${number}`,
    shares: told.map((one) => one.shares[name] ?? 0),
  }));
  const rest = told.map((_, place) => Math.max(0, 1 - layers.reduce((sum, one) => sum + one.shares[place], 0)));
  layers.push({ name: t("now.other_needs"), kind: "rest", shares: rest });
  return areas(page, {
    title: t("now.intents"),
    times: told.map((one) => one.time),
    layers,
    figure: (share) => percent(page, share),
  });
}

function table(page, label, head, rows) {
  const { el } = page;
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...head.map((cell) => el("th", { scope: "col" }, cell)))),
      el(
        "tbody",
        {},
        ...rows.map(([first, ...rest]) =>
          el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((cell) => el("td", {}, cell))),
        ),
      ),
    ),
  );
}

function ledger(page, status) {
  const { t, number, el } = page;
  const found = status.ledger;
  if (!found) return el("p", { class: "soft" }, t("now.no_ledger"));
  const outcomes = ["learnt", "observed", "skipped", "duplicate", "dead_letter"];
  const rows = outcomes.map((name) => {
    const reasons = Object.entries(found.reasons?.[name] ?? {}).filter(([reason]) => reason);
    const words = reasons.map(([reason, count]) => `${reason} ${number(count)}`).join(", ");
    return [t(`outcome.${name}`), number(found[name]), words];
  });
  rows.push([t("outcome.arrived"), number(found.arrived), ""]);
  return table(page, t("now.ledger"), [t("now.outcome"), t("now.count"), t("now.reasons")], rows);
}

function letters(page, status) {
  const { t, el, moment } = page;
  const found = status.dead_letters ?? [];
  if (isStored(status)) return el("p", { class: "soft" }, t("now.with_the_run"));
  if (found.length === 0) return el("p", { class: "soft" }, t("now.no_letters"));
  const rows = found.map((one) => [`${one.partition}:${one.offset}`, one.reason, one.detail, moment(one.time * 1e6)]);
  return table(page, t("now.letters"), [t("now.place"), t("now.reason"), t("now.detail"), t("now.time")], rows);
}

function drift(page, status) {
  const { t, el, number } = page;
  const found = status.drift ?? [];
  if (isStored(status)) return el("p", { class: "soft" }, t("now.with_the_run"));
  if (found.length === 0) return el("p", { class: "soft" }, t("now.no_drift"));
  const rows = found.map((one) => [
    t(`drift.${one.signal}`) + (one.label ? ` (${one.label})` : ""),
    number(one.before),
    number(one.after),
    number(one.position),
  ]);
  return table(page, t("now.drift"), [t("now.figure"), t("now.before"), t("now.after"), t("now.event")], rows);
}

function decided(page, status, act) {
  const { t, el, moment } = page;
  const inForce = status.in_force ?? [];
  const decisions = status.decisions ?? [];
  if (isStored(status)) return el("p", { class: "soft" }, t("now.with_the_run"));
  if (inForce.length + decisions.length === 0) return el("p", { class: "soft" }, t("now.no_models"));
  const current = new Set(inForce.map((one) => `${one.kind} ${one.version}`));
  const button = (words, label, path, body) => {
    const made = el("button", { type: "button", "aria-label": label }, words);
    made.addEventListener("click", () => act(path, body));
    return made;
  };
  const versions = inForce.map((one) => [
    t(`model.${one.kind}`),
    one.version || t("now.configured"),
    one.previous !== null && one.previous !== undefined
      ? button(
          t("now.roll_back"),
          t("now.roll_back_to", { kind: t(`model.${one.kind}`), version: one.previous || t("now.configured") }),
          `/v1/models/${one.kind}/rollback`,
          {},
        )
      : t("now.first_version"),
  ]);
  const rows = decisions.map((one) => [
    `${t(`model.${one.kind}`)} ${one.version}`,
    t(`action.${one.action}`),
    one.reasons.join("; "),
    moment(one.time * 1e6),
    one.action === "passed" && !current.has(`${one.kind} ${one.version}`)
      ? button(
          t("now.promote"),
          t("now.promote_version", { version: one.version }),
          `/v1/models/${one.kind}/promote`,
          { version: one.version },
        )
      : "",
  ]);
  return [
    table(page, t("now.versions"), [t("now.model"), t("now.version"), t("now.before")], versions),
    rows.length > 0 &&
      table(page, t("now.decisions"), [t("now.version"), t("now.decision"), t("now.reasons"), t("now.time"), ""], rows),
  ];
}

function change(page, list) {
  const { el } = page;
  const titles = list.items.slice(0, 3).map((one) => (typeof one === "string" ? one : one.title || one.item_id));
  return el("li", {}, el("a", { href: person(list.user_id) }, list.user_id), " ", el("span", { class: "soft" }, titles.join(" · ")));
}

export async function show(root, page, _parts) {
  const { el, t, api } = page;
  const place = (name) => el("div", { id: `now-${name}` });
  const parts = Object.fromEntries(
    ["cards", "curves", "flow", "ledger", "letters", "drift", "decided"].map((name) => [name, place(name)]),
  );
  parts.curves.className = parts.flow.className = "figures";
  const about = el("p", { class: "soft" });
  const changes = el("ul", { class: "changes" });
  const wrong = el("p", { class: "problem", hidden: true });
  const part = (name, ...content) => el("section", { class: "part" }, el("h2", {}, t(name)), ...content);
  const head = el("h1", {}, t(title));

  const put = (list) => {
    changes.prepend(change(page, list));
    while (changes.children.length > CHANGES) changes.lastChild.remove();
  };
  const act = async (path, body) => {
    try {
      const made = await api.send("POST", path, body);
      page.announce(t("now.done", { version: made.version || t("now.configured") }));
      await look();
    } catch (error) {
      tell(error);
    }
  };
  const tell = (error) => {
    wrong.hidden = error === null;
    const words = error && [error.detail ?? error.message, error.remedy].filter(Boolean).join("; ");
    wrong.textContent = error ? `${t("problem.failed")} ${words}` : "";
  };
  const drawn = {};
  const look = async () => {
    let status;
    try {
      status = await api.get("/v1/status");
    } catch (error) {
      tell(error);
      return;
    }
    tell(null);
    about.textContent = status.about;
    parts.cards.replaceChildren(cards(page, status));
    parts.curves.replaceChildren(...[curves(page, status)].flat());
    parts.flow.replaceChildren(flow(page, status));
    if (changes.children.length === 0) for (const list of [...(status.changes ?? [])].reverse()) put(list);
    // Tables are made anew only where they changed: somebody may be reading, or about to press.
    const redraw = (name, of, make) => {
      const told = JSON.stringify([of]);
      if (told === drawn[name]) return;
      drawn[name] = told;
      parts[name].replaceChildren(...[make()].flat().filter(Boolean));
    };
    redraw("ledger", status.ledger, () => ledger(page, status));
    redraw("letters", status.dead_letters, () => letters(page, status));
    redraw("drift", status.drift, () => drift(page, status));
    redraw("decided", [status.in_force, status.decisions], () => decided(page, status, act));
  };

  await look();
  root.replaceChildren(
    head,
    about,
    wrong,
    parts.cards,
    part("now.speed", parts.curves),
    part("now.intents", parts.flow),
    el("div", { class: "columns" }, part("now.changes", changes), part("now.ledger", parts.ledger)),
    part("now.letters", parts.letters),
    part("now.drift", parts.drift),
    part("now.models", parts.decided),
  );
  const stopStream = api.stream({}, put);
  const timer = setInterval(() => {
    if (!document.hidden) look();
  }, EVERY);
  return () => {
    clearInterval(timer);
    stopStream();
  };
}
