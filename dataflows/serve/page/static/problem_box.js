// What is shown in place of what could not be had: never an empty box.

// Return a box that says what was not answered and what to do about it.
export function problemBox(page, error) {
  if (error.status === undefined) console.error(error);
  const what = error.status === 501 ? page.t("problem.not_here") : page.t("problem.failed");
  const detail = [error.detail ?? error.message, error.remedy].filter(Boolean).join("; ");
  return page.el("p", { class: "problem" }, page.el("strong", {}, what), " ", detail);
}

// Fill an element with what `make` returns once it is there, or with its problem.
export async function fill(page, element, make) {
  element.setAttribute("aria-busy", "true");
  try {
    element.replaceChildren(...[await make()].flat());
  } catch (error) {
    element.replaceChildren(problemBox(page, error));
  } finally {
    element.removeAttribute("aria-busy");
  }
}

// Return a section with a heading whose content comes when it comes.
export function section(page, title, make, level = "h3") {
  const body = page.el("div", {}, page.t("view.loading"));
  const made = page.el("section", { class: "piece" }, page.el(level, {}, title), body);
  const load = () => fill(page, body, make);
  return { element: made, load };
}
