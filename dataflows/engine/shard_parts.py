"""What stands around the model of a shard: its number, who looks on, and what it may ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dataflows.engine.list_refresher import AS_USUAL, ListSettings
from dataflows.engine.protocols import LlmHooks, Observer, SwitchPreparer
from dataflows.engine.status.stage_times import UNTIMED, StageTimes
from dataflows.state.feedback import HandedOut
from encoders.base import Encoder


class ShardParts(NamedTuple):
    """What an engine is given beside its state and its model; all of it may be left out.

    * `shard`, `shards`: the number of this one, and how many there are.
    * `lists`: of how many users the last list is kept, and how stale ones are made anew.
    * `encoder`: encodes vectors anew that are stored in another version's space.
    * `reencodings`: prepares a switch to another encoder; without it there can be none.
    * `report`: is called with `shard` and its positions after each commit.
    * `observers`: see each interaction before it is learnt.
    * `hooks`: follow the shard, for a language model.
    * `handed_out`: knows the lists that were handed out, for feedback that names one.
    * `times`: counts and times the stages.
    * `clock`: the time stamped on messages, in seconds since 1970.
    """

    shard: int = 0
    shards: int = 1
    lists: ListSettings = AS_USUAL
    encoder: Encoder | None = None
    reencodings: SwitchPreparer | None = None
    report: Callable[[int, Mapping[str, int]], object] = lambda *_: None
    observers: Sequence[Observer[Any]] = ()
    hooks: Sequence[LlmHooks] = ()
    handed_out: HandedOut | None = None
    times: StageTimes = UNTIMED
    clock: Callable[[], float] = time.time


ALONE = ShardParts()
"""A shard that nobody looks at, and that nobody tells anything but its stream."""
