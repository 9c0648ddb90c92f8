"""The page in a browser: what a view shows, and what is pressed in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import scheme as follow
from tests.browser import width as size

WIDE, PHONE = 1280, 360
PATIENCE = 60
QUIET = """
return document.querySelector("#view h1") !== null
  && document.querySelector("#view [aria-busy]") === null;
"""


class Page:
    """One view of a server at `url`, opened anew."""

    def __init__(
        self,
        browser: Chrome,
        url: str,
        *parts: str,
        width: int = WIDE,
        scheme: str = "light",
        language: str = "en",
    ) -> None:
        self.browser = browser
        size(browser, width, 900)
        follow(browser, scheme)
        browser.get(f"{url}/healthz")  # of the same origin, and no page
        browser.get_log("browser")
        browser.execute_script("localStorage.setItem('penchant-language', arguments[0])", language)
        browser.get(f"{url}/#/{'/'.join(quote(part, safe='') for part in parts)}")
        self.wait()

    def until(self, condition: Any) -> Any:
        """Wait until a condition holds; return what it gave."""
        return WebDriverWait(self.browser, PATIENCE).until(lambda _: condition())

    def wait(self) -> None:
        """Wait until nothing is waited for."""
        self.until(lambda: self.browser.execute_script(QUIET))

    def all(self, selector: str) -> list[WebElement]:
        """All elements of a selector."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The one element of a selector, waited for."""
        self.until(lambda: self.all(selector))
        return self.all(selector)[0]

    def texts(self, selector: str) -> list[str]:
        """What elements say, read at once: they may be replaced at any moment."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        found: list[str] = self.browser.execute_script(script, selector)
        return found

    def listed(self, column: int = 1) -> list[str]:
        """The titles of the recommended list of a column."""
        return self.texts(f".column:nth-of-type({column}) .places .place-head a")

    def until_listed_anew(self, before: list[str]) -> list[str]:
        """Wait for another list than one; return it."""
        self.until(lambda: self.listed() not in ([], before))
        self.wait()
        return self.listed()

    def errors(self) -> list[str]:
        """What went wrong in the browser, but for answers that refuse."""
        said = [one["message"] for one in self.browser.get_log("browser")]
        return [one for one in said if "status of 501" not in one and "favicon.ico" not in one]
