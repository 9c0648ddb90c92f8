"""Which field of ours a name stands for that is none: `itemId`, `product_id`, `userid`.

Nothing is read under another name than its own: this is for what is said of a record that lacks
a field.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_CLOSE = 0.8
_LONGEST = 40
"""Characters of a name that may stand for a field."""

OTHER_NAMES = {
    "event_id": ("id", "uuid", "message_id", "event"),
    "user_id": (
        *("user", "uid", "customer_id", "visitor_id", "client_id", "member_id", "person_id"),
        *("account_id", "anonymous_id", "customer", "visitor"),
    ),
    "item_id": (
        *("item", "product_id", "product", "sku", "asin", "parent_asin", "article_id", "id"),
        *("content_id", "movie_id", "video_id", "news_id", "track_id", "goods_id", "listing_id"),
    ),
    "type": ("event", "event_type", "event_name", "action", "kind", "behavior", "behaviour"),
    "ts": (
        *("timestamp", "time", "datetime", "date", "event_time", "created_at", "occurred_at"),
        "unix_time",
    ),
    "value": ("rating", "score", "stars"),
    "text": ("query", "search", "search_query", "review", "comment", "description"),
    "session_id": ("session", "visit_id"),
    "title": ("name", "product_name", "item_name", "headline", "label"),
    "categories": ("category", "genre", "genres", "tags", "department"),
}
"""What others call our fields, the likeliest first."""


def meant_by(name: str, lacking: Iterable[str]) -> str | None:
    """Return which of the fields that are lacking a name stands for; None for none of them.

    Case and marks do not count (`itemId`, `Item-ID`), then come other usual names, then slips of
    the pen (`itme_id`).
    """
    letters = _letters(name)
    if not letters or len(name) > _LONGEST:
        return None
    fields = list(lacking)
    plain = {_letters(field): field for field in fields}
    if letters in plain:
        return plain[letters]
    for field in fields:
        if letters in map(_letters, OTHER_NAMES.get(field, ())):
            return field
    near = get_close_matches(letters, plain, n=1, cutoff=_CLOSE)
    return plain[near[0]] if near else None


def _letters(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
