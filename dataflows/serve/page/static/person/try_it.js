// Try it: a list as if items were just taken or something searched for. Nothing of it is kept: each
// list is asked for with a context, and what was tried is known to this page alone.

import { userPath } from "../ids.js";
import { listView, placesOf } from "./list_view.js";
import { problemBox } from "../problem_box.js";

const NOT_HERE = 501;

class TryIt {
  constructor(page, userId) {
    this.page = page;
    this.userId = userId;
    this.items = [];
    this.search = "";
    this.shown = null;
    this.asked = 0;
    this.build();
  }

  build() {
    const { el, t } = this.page;
    this.input = el("input", { type: "search", maxlength: "1000" });
    const form = el(
      "form",
      { class: "line" },
      el("label", {}, el("span", {}, t("try.search")), " ", this.input),
      el("button", { type: "submit" }, t("try.search_button")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.search = this.input.value.trim();
      this.refresh();
    });
    this.tried = el("ul", { class: "tried" });
    this.status = el("p", { class: "status", tabindex: "-1" });
    this.list = el("div", { class: "list" });
    const heading = el("h3", {}, t("try.title"));
    const notice = el("p", { class: "soft" }, t(this.userId === null ? "try.nobody" : "try.somebody"));
    this.element = el(
      "section", { class: "piece try-it" }, heading, notice, form, this.tried, this.status, this.list,
    );
  }

  // Take an item, and show the list that somebody would get who had.
  take(item) {
    this.items = [...this.items.filter((one) => one.id !== item.id), item];
    return this.refresh({ isMoved: true });
  }

  // Ask for the list of this moment. Where another is asked for meanwhile, the newer one counts.
  // `isMoved`: what was pressed is gone, so the focus moves; `isQuiet`: nobody asked for it.
  async refresh({ isMoved = false, isQuiet = false } = {}) {
    const number = ++this.asked;
    this.showTried();
    this.list.setAttribute("aria-busy", "true");
    try {
      const { list, seconds, notice } = await this.ask();
      if (number === this.asked) this.showList(list, seconds, notice, isQuiet);
    } catch (error) {
      if (number === this.asked) this.showProblem(error);
    } finally {
      if (number === this.asked) this.list.removeAttribute("aria-busy");
    }
    if (isMoved && number === this.asked) this.status.focus();
  }

  async ask() {
    const context = this.context();
    const path = this.userId === null ? "/v1/recommendations" : userPath(this.userId, "recommendations");
    const whole = { explain: true, signals: true, ...(context && { context }) };
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    try {
      const list = await this.page.api.send("POST", path, whole);
      return { list, seconds: since(), notice: null };
    } catch (error) {
      if (error.status !== NOT_HERE || this.userId === null || context) throw error;
      const list = await this.page.api.send("POST", path, { explain: true }); // as it was sent
      return { list, seconds: since(), notice: error };
    }
  }

  context() {
    if (this.items.length === 0 && this.search === "") return null;
    return {
      items: this.items.map((one) => one.id),
      ...(this.search && { search: this.search }),
    };
  }

  showTried() {
    const { el, t } = this.page;
    const chips = this.items.map((item) =>
      this.chip(t("try.took", { title: item.title }), () => {
        this.items = this.items.filter((one) => one !== item);
      }),
    );
    if (this.search) {
      const words = t("try.searched", { text: this.search });
      chips.push(this.chip(words, () => { this.search = this.input.value = ""; }));
    }
    if (chips.length > 0) {
      const anew = el("button", { type: "button" }, t("try.anew"));
      anew.addEventListener("click", () => {
        this.items = [];
        this.search = this.input.value = "";
        this.refresh({ isMoved: true });
      });
      chips.push(el("li", {}, anew));
    }
    this.tried.replaceChildren(...chips);
  }

  chip(words, undo) {
    const { el, t } = this.page;
    const less = el("button", { type: "button" }, "×");
    less.setAttribute("aria-label", t("try.undo", { what: words }));
    less.addEventListener("click", () => {
      undo();
      this.refresh({ isMoved: true });
    });
    return el("li", { class: "chip" }, words, " ", less);
  }

  showList(list, seconds, notice, isQuiet) {
    const { t, number } = this.page;
    const before = this.shown === null ? null : placesOf(this.shown);
    const changed = before === null ? 0 : list.items.filter((one) => before.get(one.item_id) !== one.place).length;
    const ms = number(Math.max(1, Math.round(seconds * 1000)));
    const words = t(`try.made_${list.source}`, { ms });
    const told = before === null ? words : `${words} ${t("try.changed", { count: number(changed) })}`;
    this.status.textContent = told;
    if (!isQuiet) this.page.announce(told);
    const onTake = notice === null ? (item) => this.take(item) : null;
    const shown = listView(this.page, list, before, onTake);
    this.list.replaceChildren(...(notice ? [problemBox(this.page, notice)] : []), shown);
    this.shown = list;
  }

  showProblem(error) {
    this.status.textContent = "";
    this.list.replaceChildren(problemBox(this.page, error));
    this.page.announce(error.detail ?? error.message);
  }
}

// Return what tries: its `element`, `refresh()` and `take({id, title})`. `userId` null: somebody of
// whom nothing is known but what is tried.
export function tryIt(page, userId) {
  return new TryIt(page, userId);
}
