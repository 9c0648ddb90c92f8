"""Both views for everybody: screen readers, light and dark, a phone, two languages, no model."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from dataflows.config.config import load_config
from dataflows.serve.http.app import DoorApp
from dataflows.serve.open_backend import open_backend, open_hub
from dataflows.serve.server import Server
from dataflows.serve.stored.open_answers import open_stored
from tests.browser import axe, keep
from tests.dataflows.serve.page.running_shop import ODD_ITEM, ODD_USER
from tests.dataflows.serve.page.shown import PHONE, WIDE, Page
from tests.dataflows.serve.stored.sent import settle

VIEWS = {
    "start": ("person",),
    "person": ("person", "u00018"),
    "two": ("person", ODD_USER, "u00018"),
    "catalogue": ("catalogue",),
    "item": ("catalogue", "item", ODD_ITEM),
    "search": ("catalogue", "search", "bike"),
}
OUTSIDE = """
const wide = document.documentElement.clientWidth;
return [...document.body.querySelectorAll("*")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width > 0 && box.right > wide + 0.5 && !one.closest(".scroll, svg, .unseen, .skip");
}).map((one) => one.outerHTML.slice(0, 120));
"""


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
@pytest.mark.parametrize("name", VIEWS)
def test_a_screen_reader_finds_its_way_and_all_of_it_fits(browser, url, name, width, scheme):
    page = Page(browser, url, *VIEWS[name], width=width, scheme=scheme)
    assert axe(browser) == []
    assert browser.execute_script(OUTSIDE) == []
    assert page.errors() == []
    keep(browser, f"{name}-{width}-{scheme}")


SHOW_RULES = """
const [list, done] = arguments;
const page = {
  el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    made.append(...children.flat().filter(Boolean));
    return made;
  },
  t: (key, values = {}) => [key, ...Object.values(values)].join(" "),
  number: String,
};
import("/page/person/list_view.js").then(
  (made) => done(made.listView(page, list, null, null).innerText),
  (error) => done(String(error)),
);
"""


def test_every_rule_that_had_a_say_is_named(browser, url):
    Page(browser, url, "catalogue")
    places = [
        {"item_id": "a", "title": "One", "place": 1, "rules": ["pin:spring", "<b>boost</b>"]},
        {"item_id": "b", "title": "Two", "place": 2},
    ]
    said = browser.execute_async_script(SHOW_RULES, {"items": places, "rules": ["no-alcohol"]})
    assert "list.rules no-alcohol" in said
    assert said.count("list.put_by pin:spring, <b>boost</b>") == 1


def test_the_scheme_is_followed(browser, url):
    colours = []
    for scheme in ("light", "dark"):
        page = Page(browser, url, "catalogue", scheme=scheme)
        colours.append(page.one("body").value_of_css_property("background-color"))
    assert colours[0] != colours[1]


def test_both_languages_are_there_and_the_language_can_be_changed(browser, url):
    page = Page(browser, url, "person", "u00018", language="zh")
    assert browser.execute_script("return document.documentElement.lang") == "zh"
    assert page.texts("h1") == ["某个用户"]
    assert "实时模型" in page.one(".try-it .status").text
    page.one("header button").click()
    page.until(lambda: page.texts("h1") == ["A person"])
    assert browser.execute_script("return document.documentElement.lang") == "en"


@contextmanager
def stored_server(run, folder):
    """A `penchant serve` in this process, over what a run has sent."""
    config = load_config(
        run.config, {"serve.store": str(folder), "serve.port": 0, "serve.enabled": True}, {}
    )
    hub = open_hub(config)
    answers = open_stored(config, hub)
    settle(answers)
    server = Server(DoorApp(open_backend(config, answers, hub)), config.serve)
    server.start()
    try:
        yield server.url
    finally:
        server.close()
        answers.close()


def test_where_there_is_no_model_the_views_say_so_with_the_remedy(browser, shop, tmp_path):
    with stored_server(shop, tmp_path / "store") as url:
        page = Page(browser, url, "person", "u00018")
        assert len(page.listed()) == 10
        assert "sent last" in page.one(".try-it .status").text
        problems = page.texts(".problem")
        assert sum("what each signal adds" in one for one in problems) == 1
        assert sum("what a user had lately" in one for one in problems) == 1
        assert all("serve.run_url" in one for one in problems)
        assert page.all(".take") == []
        page = Page(browser, url, "person")
        assert "serve.run_url" in page.one(".try-it .problem").text
        assert page.texts(".lately a")
        page = Page(browser, url, "catalogue", "item", "i00039")
        refused = "what is taken together", "what is taken next"
        for what in refused:  # similar items are had by vectors
            page.until(lambda: any(what in one for one in page.texts(".problem")))  # noqa: B023 - asked at once
        told = [one for one in page.texts(".problem") if any(what in one for what in refused)]
        assert all("serve.run_url" in one for one in told)
        assert axe(browser) == []
