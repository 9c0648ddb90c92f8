// Curves and flowing areas as SVG, in the colours of the page.

const SPACE = "http://www.w3.org/2000/svg";
const [HIGH, LEFT, BELOW, ABOVE] = [190, 52, 22, 8];
const [NARROW, WIDE] = [300, 640];

function svg(tag, attributes, text) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Letters keep their size: a drawing is as wide as there is room for.
function room() {
  return Math.min(WIDE, Math.max(NARROW, document.documentElement.clientWidth - 30));
}

function scale(times) {
  const [first, last] = [times[0], times.at(-1)];
  return (time) => LEFT + ((time - first) / (last - first || 1)) * (room() - LEFT - 4);
}

// Return a rounded figure at or above `value`: 1, 2 or 5 times a power of ten.
function roof(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((one) => one >= value * 0.999);
}

function frame(label, times, most, page, figure) {
  const drawing = svg("svg", { viewBox: `0 0 ${room()} ${HIGH}`, role: "img", "aria-label": label });
  const y = (value) => HIGH - BELOW - (value / most) * (HIGH - BELOW - ABOVE);
  for (const part of [0, 0.5, 1]) {
    const height = y(part * most);
    drawing.append(
      svg("line", { x1: LEFT, x2: room() - 4, y1: height, y2: height, class: part ? "grid" : "base" }),
      svg("text", { x: LEFT - 6, y: height + 4, "text-anchor": "end" }, figure(part * most)),
    );
  }
  const clock = new Intl.DateTimeFormat(page.language, { timeStyle: "medium" });
  const ends = [
    [LEFT, "start", times[0]],
    [room() - 4, "end", times.at(-1)],
  ];
  for (const [x, anchor, time] of ends)
    drawing.append(
      svg("text", { x, y: HIGH - 5, "text-anchor": anchor }, clock.format(new Date(time * 1000))),
    );
  return [drawing, y];
}

function keys(page, named) {
  return page.el(
    "ul",
    { class: "keys" },
    ...named.map(([name, kind]) => {
      const swatch = svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, class: "swatch", "aria-hidden": "true" });
      swatch.append(svg("rect", { width: 12, height: 12, rx: 2, class: `bar ${kind}` }));
      return page.el("li", {}, swatch, page.el("span", {}, name));
    }),
  );
}

function figureOf(page, title, drawing, named) {
  return page.el("figure", {}, title && page.el("h3", {}, title), keys(page, named), drawing);
}

// A value that is null makes a gap. `series` are {name, values}, each value at its time.
export function lines(page, { title, times, series, figure }) {
  const most = roof(Math.max(...series.flatMap((one) => one.values.filter((value) => value !== null)), 0));
  const newest = series.map((one) => `${one.name} ${figure(one.values.at(-1) ?? 0)}`).join(", ");
  const [drawing, y] = frame(`${title}: ${newest}`, times, most, page, figure);
  const x = scale(times);
  series.forEach((one, number) => {
    let path = "";
    let isDown = false;
    one.values.forEach((value, place) => {
      if (value !== null) path += `${isDown ? "L" : "M"}${x(times[place]).toFixed(1)} ${y(value).toFixed(1)}`;
      isDown = value !== null;
    });
    drawing.append(svg("path", { d: path, class: `line s${number}` }));
  });
  return figureOf(page, title, drawing, series.map((one, number) => [one.name, `s${number}`]));
}

// Shares of a whole, one upon the other. `layers` are {name, kind, shares}, each share at its time.
// It stands under a heading that is its `title`.
export function areas(page, { title, times, layers, figure }) {
  const newest = layers.map((one) => `${one.name} ${figure(one.shares.at(-1))}`).join(", ");
  const [drawing, y] = frame(`${title}: ${newest}`, times, 1, page, figure);
  const x = scale(times);
  const floor = times.map(() => 0);
  for (const layer of layers) {
    const points = [];
    const back = [];
    times.forEach((time, place) => {
      back.unshift(`${x(time).toFixed(1)} ${y(floor[place]).toFixed(1)}`);
      floor[place] += layer.shares[place];
      points.push(`${x(time).toFixed(1)} ${y(floor[place]).toFixed(1)}`);
    });
    drawing.append(svg("path", { d: `M${[...points, ...back].join("L")}Z`, class: `layer ${layer.kind}` }));
  }
  return figureOf(page, null, drawing, layers.map((one) => [one.name, one.kind]));
}
