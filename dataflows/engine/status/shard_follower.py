"""A hook of a shard that only looks on: it is told of the stream, and has nothing to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from dataflows.engine.protocols import Model
from dataflows.messages.items import ItemRecord
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import Raw
from dataflows.state.outbox import Out, Outbox
from learners.types import Interaction, RecommendationList


class ShardFollower:
    """Does nothing at each turn of `LlmHooks` (`dataflows.engine.protocols`); to be overridden."""

    is_awaited = False

    def attach(self, counts: Counter[str], outbox: Outbox, clock: Callable[[], float]) -> None:
        """Take nothing of the shard."""

    def begin(self, learner: Model) -> list[Out]:  # noqa: ARG002 - of the protocol
        """Return nothing."""
        return []

    def finish(self, learner: Model) -> list[Out]:  # noqa: ARG002 - of the protocol
        """Return nothing."""
        return []

    def put_item(self, record: ItemRecord) -> None:
        """Note nothing."""

    def remove_item(self, item_id: str) -> None:
        """Note nothing."""

    def learnt(self, learner: Model, interaction: Interaction) -> None:
        """Note nothing."""

    def offered(
        self,
        learner: Model,
        offered: RecommendationList,
        outs: Sequence[Out],
        raw: Raw,
        versions: Versions,
    ) -> None:
        """Note nothing."""
