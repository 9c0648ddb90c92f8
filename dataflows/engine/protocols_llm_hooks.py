"""Where a shard lets a language model in, and what stands there where it has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from dataflows.engine.protocols import Model
from dataflows.messages.items import ItemRecord
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import Raw
from dataflows.state.outbox import Out, Outbox
from learners.types import Interaction
from learners.types_lists import RecommendationList


class LlmHooks(Protocol):
    """What a shard tells of its stream, and what it takes up in return; none of it may wait."""

    def attach(self, counts: Counter[str], outbox: Outbox, clock: Callable[[], float]) -> None:
        """Take what counts and messages go into, and the time; called before all else."""
        ...

    def begin(self, learner: Model) -> list[Out]:
        """Take up what was answered since the last call; return the messages that come of it."""
        ...

    @property
    def is_awaited(self) -> bool:
        """Whether `begin` may yet have something to take up without another event."""
        ...

    def finish(self, learner: Model) -> list[Out]:
        """Take up what comes within a while, at the end of a finite input."""
        ...

    def put_item(self, record: ItemRecord) -> None:
        """Note an item that is new or changed, or no longer available."""
        ...

    def remove_item(self, item_id: str) -> None:
        """Note an item that left the catalogue."""
        ...

    def learnt(self, learner: Model, interaction: Interaction) -> None:
        """Ask for what a learnt event makes due."""
        ...

    def offered(
        self,
        learner: Model,
        offered: RecommendationList,
        outs: Sequence[Out],
        raw: Raw,
        versions: Versions,
    ) -> None:
        """Ask for what a list makes due, as of the record `raw`; `outs` is what was sent of it."""
        ...


class NoLlm:
    """The hooks of a shard without a language model: nothing is asked, nothing comes."""

    is_awaited = False

    def attach(self, counts: Counter[str], outbox: Outbox, clock: Callable[[], float]) -> None:
        """Count nothing."""

    def begin(self, learner: Model) -> list[Out]:  # noqa: ARG002 - there is nothing to take up
        """Return no message."""
        return []

    def finish(self, learner: Model) -> list[Out]:  # noqa: ARG002 - there is nothing to take up
        """Return no message."""
        return []

    def put_item(self, record: ItemRecord) -> None:
        """Ignore it."""

    def remove_item(self, item_id: str) -> None:
        """Ignore it."""

    def learnt(self, learner: Model, interaction: Interaction) -> None:
        """Ask nothing."""

    def offered(
        self,
        learner: Model,
        offered: RecommendationList,
        outs: Sequence[Out],
        raw: Raw,
        versions: Versions,
    ) -> None:
        """Ask nothing."""


NO_LLM = NoLlm()
