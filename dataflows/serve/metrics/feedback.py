"""What became of lists, over all shards, as the status tells it."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.serve.status import FeedbackFigures, ShownItems, TakenWithin
from dataflows.state.feedback import BOUNDS, FeedbackCounts, Shown


def feedback_of(shards: Sequence[FeedbackCounts]) -> FeedbackFigures:
    """Return the sum of what each shard counted."""
    places: dict[str, Shown] = {}
    versions: dict[str, Shown] = {}
    for shard in shards:
        for place, shown in enumerate(shard.places, 1):
            _add(places.setdefault(str(place), Shown()), shown)
        for version, shown in shard.versions.items():
            _add(versions.setdefault(version, Shown()), shown)
    delays = [sum(counts) for counts in zip(*(shard.delays for shard in shards), strict=True)]
    return FeedbackFigures(
        lists=sum(shard.lists for shard in shards),
        places=_items(places),
        versions=_items(versions),
        delays=tuple(
            TakenWithin(seconds=bound, taken=count)
            for bound, count in zip((*BOUNDS, None), delays, strict=False)
        ),
        unknown=sum(shard.unknown for shard in shards),
        foreign=sum(shard.foreign for shard in shards),
        unseen=sum(shard.unseen for shard in shards),
    )


def _add(into: Shown, more: Shown) -> None:
    into.exposed += more.exposed
    into.taken += more.taken


def _items(shown: dict[str, Shown]) -> tuple[ShownItems, ...]:
    return tuple(
        ShownItems(name=name, exposed=of.exposed, taken=of.taken) for name, of in shown.items()
    )
