"""The background thread that makes a promoted encoder ready while the flow goes on.

It learns of a promotion, loads and checks the encoder, makes every shard ready in small
slices, and lays the turn out for the encode step, which takes it at the start of the next
micro-batch. A promotion that cannot be loaded is refused with its reason: what is in force
goes on serving. What was encoded lies in the encoder's cache on disk under version and text,
so a run that was broken off goes on where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any, Protocol

import msgspec

from dataflows.engine.batch import Switch, Turn
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.errors import InputError
from dataflows.hotswap.background import Pause, gentle
from dataflows.hotswap.load import Serving
from dataflows.hotswap.prepare import Prepared, Reencodings, prepare
from dataflows.messages.raw import Raw
from dataflows.registry.manifest import Promotion
from dataflows.state.records import Records
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder
from learners.codec import DamagedError

TELL_EVERY = 5.0
LOOK_EVERY = 0.2
FOLLOW_EVERY = 0.5
_SOON = 0.01
_log = logging.getLogger(__name__)


class PromotionSource(Protocol):
    """Where promotions come from."""

    def poll(self) -> list[Promotion]:
        """Return those since the last call, oldest first; quick, and never raises."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class SwapProgress(msgspec.Struct, frozen=True):
    """How far a swap is: slices of work done, and how many items, rows and events are left.

    `doing` is "idle", "loading", "encoding" or "ready".
    """

    doing: str = "idle"
    version: str = ""
    done: int = 0
    left: int = 0


class _GivenUpError(Exception):
    """The process ends, or a newer promotion is there."""


class Swapper:
    """Swaps encoders under a running flow.

    `load` gives the encoder of a version id, or raises InputError; `view` opens a view of
    what a shard has committed. `counts` holds swaps that got "ready", promotions "refused",
    and swaps "given_up". `engines` is set before `begin`.
    """

    engines: Engines[Any]

    def __init__(
        self,
        serving: Serving,
        watch: PromotionSource,
        load: Callable[[str], Encoder],
        view: Callable[[int], Records | None],
    ) -> None:
        self.progress = SwapProgress()
        self.counts: Counter[str] = Counter()
        self.reencodings = Reencodings(self._find)
        self._serving = serving
        self._watch = watch
        self._load = load
        self._view = view
        self._turn: Turn | None = Turn(serving.encoder, serving.in_force.switch)
        self._lock = threading.Lock()
        self._wanted: Promotion | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._logged_at = 0.0

    def begin(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="swap", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """End the thread, a swap under way with it."""
        self._end.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        self._watch.close()

    def turn(self, raws: Sequence[Raw]) -> Turn | None:  # noqa: ARG002 - as `Turns` asks
        """Return the turn that is laid out, once. The first one says what is in force."""
        if self._turn is None:
            return None
        with self._lock:
            turn, self._turn = self._turn, None
        return turn

    def _find(self, switch: Switch) -> Encoder:
        """Return the encoder of a switch for which a shard was not made ready."""
        if self._serving.encoder.version == switch.encoder:
            return self._serving.encoder
        return self._serving.beside(self._load(switch.version))

    def _run(self) -> None:
        while not self._end.wait(LOOK_EVERY):
            self._look()
            promotion, self._wanted = self._wanted, None
            if promotion is not None:
                with gentle() as pause:
                    self._guarded(promotion, pause)

    def _look(self) -> None:
        """Keep the newest promotion that is newer than what is in force."""
        for promotion in self._watch.poll():
            is_new = promotion.sequence > self._serving.in_force.sequence
            if promotion.kind == "encoder" and is_new:
                self._wanted = promotion

    def _guarded(self, promotion: Promotion, pause: Pause) -> None:
        """Swap; whatever goes wrong, what is in force goes on serving."""
        try:
            self._swap(promotion, pause)
        except _GivenUpError:
            _log.info("the swap to encoder %s was given up", _name(promotion.version))
            self.counts["given_up"] += 1
        except (InputError, DamagedError) as error:
            _log.error("promotion %d: %s", promotion.sequence, error)
            self.counts["refused"] += 1  # last: who sees the count finds the reason in the log
        except Exception:  # noqa: BLE001 - told whole in the log
            _log.exception("promotion %d cannot be followed", promotion.sequence)
            self.counts["refused"] += 1
        finally:
            self.reencodings.clear()
            for engine in self.engines:
                with engine.lock:
                    engine.items.unfollow()
            self.progress = SwapProgress()

    def _swap(self, promotion: Promotion, pause: Pause) -> None:
        started = time.monotonic()
        self._tell(SwapProgress("loading", promotion.version), force=True)
        encoder = self._load(promotion.version)
        pause()
        switch = Switch(promotion.version, encoder.version, promotion.sequence)
        made: dict[int, Prepared] = {}
        cached = self._serving.encoder
        if encoder.version != cached.version:  # else the same weights under another id
            cached = self._serving.beside(encoder)
            for engine in self.engines:
                made[engine.shard] = self._prepared(engine, cached, switch, pause)
                self.reencodings.put(engine.shard, made[engine.shard])
        with self._lock:
            self._turn = Turn(cached, switch)
        self.counts["ready"] += 1
        self._tell(SwapProgress("ready", switch.version), force=True)
        self._follow(made, switch)
        self._serving.in_force = self._serving.in_force.after(switch)
        self._serving.encoder = cached
        _log.info(
            "encoder %s (%s) is in force, %.1f s after its promotion was read",
            *(_name(switch.version), switch.encoder, time.monotonic() - started),
        )

    def _prepared(
        self, engine: Engine[Any], encoder: CachedEncoder, switch: Switch, pause: Pause
    ) -> Prepared:
        """Make one shard ready, resting and telling after each slice."""
        done = 0

        def rest(left: int) -> None:
            nonlocal done
            done += 1
            self._tell(SwapProgress("encoding", switch.version, done, left))
            self._check()
            pause()

        view = self._view(engine.shard)
        with ExitStack() as opened:
            if view is not None:
                opened.enter_context(closing(view))
            return prepare(engine, engine.store if view is None else view, encoder, rest)

    def _follow(self, made: dict[int, Prepared], switch: Switch) -> None:
        """Keep what is ready near to the stream, until every shard has switched."""
        engines = {engine.shard: engine for engine in self.engines}
        last = time.monotonic()
        while any(e.space.in_force.sequence < switch.sequence for e in engines.values()):
            if self._end.wait(_SOON):
                raise _GivenUpError
            if self._turn is None or time.monotonic() - last < FOLLOW_EVERY:
                continue
            last = time.monotonic()
            self._take_back()
            for shard, one in made.items():
                self._catch_up(engines[shard], one, switch)
        self.turn(())  # where another process read the records, and passed the switch on

    def _catch_up(self, engine: Engine[Any], made: Prepared, switch: Switch) -> None:
        with engine.lock, made.lock:
            if engine.space.in_force.sequence >= switch.sequence:
                return
            made.follow(engine)
        while made.left:
            with made.lock:
                if not made.is_finished:
                    made.step()
            time.sleep(0)

    def _take_back(self) -> None:
        """Withdraw the turn where there is a reason, if it was not taken yet."""
        try:
            self._check()
        except _GivenUpError:
            if self.turn(()) is not None:
                raise

    def _check(self) -> None:
        """Raise where the process ends or a newer promotion is there."""
        self._look()
        if self._end.is_set() or self._wanted is not None:
            raise _GivenUpError

    def _tell(self, progress: SwapProgress, *, force: bool = False) -> None:
        self.progress = progress
        now = time.monotonic()
        if force or now - self._logged_at >= TELL_EVERY:
            self._logged_at = now
            _log.info(
                "swap to encoder %s: %s; %d slices done, %d texts and rows left",
                *(_name(progress.version), progress.doing, progress.done, progress.left),
            )


def _name(version: str) -> str:
    return version or "of the configuration"
