"""What the engine asks of the model, of a switch and of a language model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeVar

from dataflows.engine.batch import Switch
from dataflows.messages.items import ItemRecord
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import Raw
from dataflows.state.outbox import Out, Outbox
from dataflows.state.records import Record, Records, Scan
from encoders.base import Encoder
from learners.drift import Alarm
from learners.intent.decisions import Control
from learners.intent.event_buffer import Found, LateLabel
from learners.online_model.generation import Generation
from learners.state.reencode import Reencoding
from learners.state.unlearn import Extent
from learners.types import Interaction, Item, RecommendationList, Retraction, Vector


class Model(Protocol):
    """The model of one shard. `learners.online_model.OnlineModel` is the one that runs."""

    @property
    def began_with(self) -> str | None:
        """The fingerprint of the prior weights that ranking began with, None for chance."""
        ...

    @property
    def generation(self) -> Generation:
        """The part that a language model works with."""
        ...

    def put_item(self, item: Item) -> None:
        """Put an item that is new or changed, or that comes back after a restart."""
        ...

    def remove_item(self, item_id: str) -> None:
        """Remove an item that left the catalogue: it is in no list from now on."""
        ...

    def is_known(self, item_id: str) -> bool:
        """Return whether an item stands in the catalogue or was seen in the stream."""
        ...

    def item_title(self, item_id: str) -> str:
        """Return the title, "" where there is none."""
        ...

    def learn(self, interaction: Interaction) -> Sequence[Alarm]:
        """Learn one interaction; return the drift alarms that it raised."""
        ...

    def learn_label(self, late: LateLabel) -> Found:
        """Learn a label of intent that comes after its event; tell what became of it."""
        ...

    def retract(self, retraction: Retraction) -> Extent:
        """Take back an earlier event of a user; return how much of it was."""
        ...

    def control(self, control: Control) -> None:
        """Carry out a decision about labels of intent. Raises `ControlError` if it cannot be."""
        ...

    def recommend(self, user_id: str) -> RecommendationList:
        """Return the list of one user as of now."""
        ...

    def item_vector(self, item_id: str) -> Vector | None:
        """Return a copy of an item's vector, None where it has none."""
        ...

    def reencoding(self) -> Reencoding:
        """Begin to make all that is known by vectors anew, in another encoder's space."""
        ...

    def switch(self, reencoding: Reencoding) -> None:
        """Switch to that space: no vector of the old one is left."""
        ...

    def changed(self) -> Iterator[Record]:
        """Return the records changed since the last call."""
        ...

    def restore(self, scan: Scan) -> None:
        """Restore the state of an earlier run, all but users, who are read when they turn up."""
        ...


class FollowedItems(Protocol):
    """The items of a shard, while it is made ready for another encoder."""

    def follow(self) -> dict[str, str | None]:
        """Keep the texts of items that change from now on; return those of uncommitted ones."""
        ...

    def followed(self) -> dict[str, str | None]:
        """Return the texts of the items that changed since the last call."""
        ...


class Shard(Protocol):
    """What is asked of a shard that is made ready for another encoder; `Engine` is one."""

    @property
    def shard(self) -> int:
        """Its number."""
        ...

    @property
    def lock(self) -> AbstractContextManager[object]:
        """While it is held nothing happens in the shard."""
        ...

    @property
    def model(self) -> Model:
        """What it has learnt; hold `lock`."""
        ...

    @property
    def store(self) -> Records:
        """What is committed; for the thread of the flow alone."""
        ...

    @property
    def items(self) -> FollowedItems:
        """Its items, whose changes can be followed; hold `lock`."""
        ...


class PreparedSwitch(Protocol):
    """A shard made ready for `encoder`: `item_ids` are those of the items with a text."""

    @property
    def encoder(self) -> Encoder:
        """The encoder that the shard goes on with."""
        ...

    @property
    def reencoding(self) -> Reencoding:
        """What the model goes on with."""
        ...

    @property
    def item_ids(self) -> Iterable[str]:
        """Items whose stored vectors are of the old encoder."""
        ...

    def finish(self, engine: Shard) -> None:
        """Finish what is left; hold the shard's `lock`, just before it switches."""
        ...


class SwitchPreparer(Protocol):
    """Makes shards ready for another encoder.

    `dataflows.hotswap.prepare.Reencodings` is one.
    """

    def take(self, engine: Shard, switch: Switch) -> PreparedSwitch:
        """Return what a shard needs for a switch. Raises ModelError where it cannot be had."""
        ...


M_contra = TypeVar("M_contra", contravariant=True)


class Observer(Protocol, Generic[M_contra]):
    """Watches a shard, for replay; the CPU time it takes is kept apart."""

    def before_learn(
        self,
        recommender: M_contra,
        interaction: Interaction,
        last_sent: Sequence[str] | None,
        *,
        is_refreshed: bool,
    ) -> None:
        """Look at an interaction about to be learnt; `last_sent` is its user's newest list.

        `is_refreshed`: that list was made for no event of the user.
        """
        ...

    def before_label(self, recommender: M_contra, late: LateLabel) -> None:
        """Look at a label about to be learnt that comes after its event."""
        ...

    def after_batch(self, recommender: M_contra, outs: Sequence[Out]) -> None:
        """Look at what a micro-batch gave."""
        ...


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
