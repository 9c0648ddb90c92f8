"""The words of reasons, in one place: another language is this file in that language.

What each of them claims, and when it may be said, is told in `learners.ranking.claims`. `{name}` is
the title of an item, a category or a search; it stands in quotation marks, since it may hold commas
itself. Quotation marks of its own are made inner ones (`WITHIN`).
"""

from __future__ import annotations

from enum import StrEnum, auto


class Claim(StrEnum):
    """What a reason may say."""

    TOGETHER_OFTEN = auto()
    TOGETHER = auto()
    AFTER_OFTEN = auto()
    AFTER = auto()
    MEANING = auto()
    POPULAR = auto()
    NOW = auto()
    LATELY = auto()
    STAGE = auto()
    LIKING = auto()
    MORE = auto()
    INTENT = auto()
    AGAIN = auto()
    KNOWN = auto()
    SEARCH_WORDS = auto()
    SEARCH_WORD = auto()
    SEARCH = auto()
    SEARCHED = auto()
    GENERATED = auto()
    OTHERS = auto()
    SOMEBODY = auto()
    NEW = auto()
    NOTHING = auto()


WORDS = {
    Claim.TOGETHER_OFTEN: "often chosen together with “{name}”",
    Claim.TOGETHER: "chosen together with “{name}”",
    Claim.AFTER_OFTEN: "often chosen right after “{name}”",
    Claim.AFTER: "chosen right after “{name}”",
    Claim.MEANING: "similar in meaning to “{name}”",
    Claim.POPULAR: "popular",
    Claim.NOW: "popular right now",
    Claim.LATELY: "chosen lately",
    Claim.STAGE: "what others choose at this point of their history",
    Claim.LIKING: "fits a liking for “{name}”",
    Claim.MORE: "more of “{name}”",
    Claim.INTENT: "fits what is looked for now: “{name}”",
    Claim.AGAIN: "chosen before",
    Claim.KNOWN: "known from before",
    Claim.SEARCH_WORDS: "has the words of the search for “{name}”",
    Claim.SEARCH_WORD: "has words of the search for “{name}”",
    Claim.SEARCH: "near in meaning to the search for “{name}”",
    Claim.SEARCHED: "often chosen after such searches",
    Claim.GENERATED: "what a language model expects after recent choices",
    Claim.OTHERS: "chosen by others",
    Claim.SOMEBODY: "chosen by somebody already",
    Claim.NEW: "new here",
    Claim.NOTHING: "worth a look",
}
WITHIN = str.maketrans("“”", "‘’")  # noqa: RUF001 - quotes within
"""How a name is written within the quotation marks of a sentence (`str.translate`)."""
