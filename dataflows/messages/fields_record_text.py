"""Text of a record: a string as it stands, a number as it was written; repaired and cut visibly."""

from __future__ import annotations

from encoders.text import clip, repair


def read_text(value: float | str | None, limit: int) -> tuple[str | None, bool, bool]:
    """Return (text, was cut, was repaired); None is "no text": null, empty or blank.

    `limit` is in characters and counts after the repair, so that a record is cut
    at the same place however its accents were written.
    """
    if value is None or value == "":
        return None, False, False
    text, repaired = repair(value if isinstance(value, str) else str(value))
    text, was_cut = clip(text, limit)
    return text or None, was_cut, repaired
