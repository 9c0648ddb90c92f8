"""The answer to a request for a list that asks for nothing special, from the message that was sent.

It is made when the message is taken in, and made anew when an item of it leaves or changes its
categories; the request itself then costs one look into the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from dataflows.messages.items import ItemRecord
from dataflows.messages.outgoing import Place, Position, Recommendation
from dataflows.serve.api_types import ListAnswer, ListedItem

encode = msgspec.json.Encoder().encode
decode_list = msgspec.json.Decoder(Recommendation).decode


class KnownItem(msgspec.Struct, frozen=True):
    """What is known of an item of a list. `record`: None where no catalogue told of it."""

    is_gone: bool = False
    record: ItemRecord | None = None


Lookup = Callable[[str], KnownItem]


def as_of(position: Position) -> dict[str, int]:
    """Return a position as the first that was not yet learnt."""
    return {position.partition: position.offset + 1}


def offered(message: Recommendation, lookup: Lookup) -> Iterator[tuple[Place, KnownItem]]:
    """Yield the places of a list whose items may still be offered."""
    for place in message.items:
        known = lookup(place.item_id)
        if not known.is_gone:
            yield place, known


def plain_answer(message: Recommendation, lookup: Lookup) -> bytes:
    """Return the answer to a plain request, as JSON."""
    return encode(
        stored_answer(
            message,
            str(message.sequence),
            tuple(
                ListedItem(
                    item_id=place.item_id,
                    title=place.title,
                    score=place.score,
                    place=number,
                    categories=() if known.record is None else known.record.categories,
                )
                for number, (place, known) in enumerate(offered(message, lookup), 1)
            ),
        )
    )


def stored_answer(
    message: Recommendation, list_id: str, items: tuple[ListedItem, ...]
) -> ListAnswer:
    """Return an answer with places of a list that was sent."""
    return ListAnswer(
        user_id=message.user_id,
        list_id=list_id,
        items=items,
        source="stored",
        is_known=True,
        as_of=as_of(message.position),
        versions=message.versions,
        time=message.time,
        sequence=message.sequence,
        intent=message.intent,
    )
