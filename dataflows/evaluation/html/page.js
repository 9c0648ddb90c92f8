// Values on hover, and lines that stand out when their key is pressed. The page is whole without.
"use strict";
const tip = document.getElementById("tip");

function hide() {
  tip.hidden = true;
  document.querySelectorAll(".cursor").forEach((line) => line.remove());
}

function cursor(mark) {
  if (!mark.classList.contains("band")) return;
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const top = mark.getAttribute("y");
  const foot = Number(top) + Number(mark.getAttribute("height"));
  const at = { x1: mark.dataset.x, x2: mark.dataset.x, y1: top, y2: foot, class: "cursor" };
  for (const [name, value] of Object.entries(at)) line.setAttribute(name, value);
  mark.parentNode.insertBefore(line, mark.parentNode.querySelector(".band"));
}

function show(event) {
  const mark = event.target.closest("[data-i]");
  hide();
  if (!mark) return;
  const words = mark.closest("figure").querySelector(".tips");
  if (!words) return;
  tip.textContent = JSON.parse(words.textContent)[mark.dataset.i];
  tip.hidden = false;
  cursor(mark);
  const box = tip.getBoundingClientRect();
  const wide = document.documentElement.clientWidth;
  const left = Math.min(event.clientX + 14, wide - box.width - 6);
  const below = event.clientY + 16 + box.height < innerHeight;
  tip.style.left = Math.max(6, left) + "px";
  tip.style.top = (below ? event.clientY + 16 : Math.max(6, event.clientY - box.height - 12)) + "px";
}

for (const plot of document.querySelectorAll(".plot")) {
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", hide);
}
addEventListener("scroll", hide, { passive: true });

for (const key of document.querySelectorAll(".keys button")) {
  key.addEventListener("click", () => {
    const figure = key.closest("figure");
    const on = key.getAttribute("aria-pressed") !== "true";
    for (const other of figure.querySelectorAll(".keys button"))
      other.setAttribute("aria-pressed", String(on && other === key));
    for (const line of figure.querySelectorAll(".plot [data-s]")) {
      line.classList.toggle("picked", on && line.dataset.s === key.dataset.s);
      line.classList.toggle("faded", on && line.dataset.s !== key.dataset.s);
    }
  });
}
