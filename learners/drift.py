"""Drift: an alarm when the hit rate or the intent loss is no longer what it was.

Labels that changed their meaning are noticed in `learners.classifiers.label_drift`, and told here
too. Each of the two other signals is watched by River's ADWIN (Bifet and Gavaldà, 2007, "Learning
from time-changing data with adaptive windowing"), which keeps a window of values for as
long as its halves agree in their mean.

Over thousands of values a difference in the third digit is certain, and of no use to
anybody. So a drift must also be large: Cohen's h (1988, "Statistical power analysis for the
behavioral sciences"), the distance of two shares on the arcsine scale, between the mean that
was last reported and the new one. Steps too small to be reported add up until they are. Nothing is
learnt from an alarm: it is reported, and that is all.

ADWIN's own state is private to River, so what is stored is what it was fed: the
values since its last fresh start, in steps of 1/255, so that each is one byte. A
detector always equals a new one that is fed with them. To keep them bounded, a
detector that was fed `remember` values is replaced by a new one that is fed the
newest half of them, at the same place in every run.

The package `river.drift` also loads River's data sets, and with them scikit-learn, SciPy's
statistics and pandas: more than all else that a process needs to start. So only the file of the
class that River ships is loaded.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import msgspec
import numpy as np
import river
from msgspec import Meta

from learners.classifiers.label_drift import LabelAlarm
from learners.limited_settings import Count, LimitedSettings

if TYPE_CHECKING:
    from river.drift import ADWIN

Signal = Literal["hit", "intent_loss", "intent_label"]

HIT: Signal = "hit"
INTENT_LOSS: Signal = "intent_loss"
INTENT_LABEL: Signal = "intent_label"

_MODULE = "river.drift.adwin"
_STEPS = 255
_LEAST_PART = 32


def adwin_class() -> type[ADWIN]:
    """Return River's ADWIN, from its own file where that can be loaded without the package.

    Where a version of River has no such file, or the file needs more than River's base classes,
    it is what `river.drift` gives. The module is not entered in `sys.modules`: a later
    `import river.drift` finds all as River has it.
    """
    try:
        return cast("type[ADWIN]", _load(Path(river.__path__[0], "drift", "adwin.py")))
    except (AttributeError, ImportError, OSError):
        from river.drift import ADWIN

        return ADWIN


def _load(file: Path) -> object:
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ADWIN


_ADWIN = adwin_class()


class DriftSettings(LimitedSettings, frozen=True):
    """Settings of drift detection. Raises ValueError with the value and the limit.

    `delta` is ADWIN's chance of a false alarm per check, `clock` how many values lie
    between checks. `remember` bounds the values kept per signal (a byte each), and so
    the longest window: long ones notice small drifts, very short ones none. `keep` is
    how many alarms are kept to look at; all are counted. `effect` is the least Cohen's h
    that is reported: at 0.1 a hit rate of 0.2 that falls below 0.16, or rises above 0.24.
    """

    delta: Annotated[float, Meta(gt=0, lt=1)] = 0.002
    clock: Count = 32
    remember: Annotated[int, Meta(ge=256)] = 16_384
    keep: Annotated[int, Meta(ge=0)] = 20
    effect: Annotated[float, Meta(ge=0, le=math.pi)] = 0.1


class Alarm(msgspec.Struct, frozen=True):
    """One drift: the mean of the signal went from `before` to `after`.

    `before` is what the last alarm told; at the first, the mean up to the change. `hit` is
    as it was given; `intent_loss` is 1 - exp(-loss), what was given to other labels than the
    true one; `intent_label` is the share of one label's events that were hit, and `label`
    says which. `position` is where the caller was when it was noticed.
    """

    signal: Signal
    position: int
    before: float
    after: float
    label: str | None = None


class DriftDetector:
    """One signal from 0 to 1 under ADWIN, rebuilt from what it was fed."""

    def __init__(self, settings: DriftSettings, fed: bytes = b"") -> None:
        self._settings = settings
        self._start(fed)

    def update(self, value: float) -> tuple[float, float] | None:
        """Note one value; at a drift, return the means before the change and after it."""
        step = round(value * _STEPS)
        self._fed.append(step)
        self._detector.update(step / _STEPS)  # type: ignore[no-untyped-call]
        if self._detector.drift_detected:
            noticed = means_apart(self._fed[self._since :])
            # River's ADWIN starts afresh after a drift, and so does the memory of it.
            self._start(b"")
            return noticed
        if len(self._fed) >= self._settings.remember:
            return self._start(self._fed[-(self._settings.remember // 2) :])
        return None

    @property
    def width(self) -> int:
        """How many values the window holds."""
        return int(self._detector.width)

    @property
    def mean(self) -> float:
        """The mean of the window, 0 while it is empty."""
        return float(self._detector.estimation)

    def fed(self) -> bytes:
        """Return the values since the last fresh start, oldest first, as steps of 1/255."""
        return bytes(self._fed)

    def _start(self, fed: bytes | bytearray) -> tuple[float, float] | None:
        """Feed a new detector; return the last drift that it notices on the way."""
        self._fed = bytearray(fed)
        self._since = 0
        self._detector = _ADWIN(delta=self._settings.delta, clock=self._settings.clock)
        noticed = None
        for place, step in enumerate(self._fed, 1):
            self._detector.update(step / _STEPS)  # type: ignore[no-untyped-call]
            if self._detector.drift_detected:
                noticed = means_apart(self._fed[self._since : place])
                self._since = place
        return noticed


class DriftMonitor:
    """Watches the prequential hit and the intent loss; counts alarms and keeps the newest."""

    def __init__(self, settings: DriftSettings | None = None) -> None:
        self.settings = settings or DriftSettings()
        self.counts: dict[str, int] = {HIT: 0, INTENT_LOSS: 0, INTENT_LABEL: 0}
        self.alarms: list[Alarm] = []
        self.position = 0
        self._reported: dict[str, float] = {}
        self._watches: dict[str, DriftDetector] = {
            HIT: DriftDetector(self.settings),
            INTENT_LOSS: DriftDetector(self.settings),
        }

    def update(
        self,
        hit: float | None,
        loss: float | None,
        position: int | None = None,
        changed: LabelAlarm | None = None,
    ) -> list[Alarm]:
        """Note one event's hit (0 to 1) and log loss (nats); return the drifts noticed.

        None or NaN says that there is no value; a hit outside 0 to 1 is cut to it.
        `position` names the event, by default by its number among the updates. `changed`
        is a label that the intent learner saw change its meaning.
        """
        where = self.position if position is None else position
        self.position = where + 1
        found: list[Alarm] = []
        if hit is not None and not math.isnan(hit):
            means = self._watches[HIT].update(min(max(hit, 0.0), 1.0))
            if means is not None:
                self._judge(HIT, means, where, found)
        if loss is not None and not math.isnan(loss):
            means = self._watches[INTENT_LOSS].update(1.0 - math.exp(-max(loss, 0.0)))
            if means is not None:
                self._judge(INTENT_LOSS, means, where, found)
        if changed is not None:
            alarm = Alarm(INTENT_LABEL, where, changed.before, changed.after, changed.label)
            self._note(alarm, found)
        return found

    def mean(self, signal: Signal) -> float:
        """Return the mean of a signal since it last drifted, 0 before its first value."""
        return self._watches[signal].mean

    def width(self, signal: Signal) -> int:
        """Return how many values that mean is of."""
        return self._watches[signal].width

    def state(self) -> dict[str, object]:
        """Return all as plain values, for `learners.codec`."""
        return {
            "settings": msgspec.to_builtins(self.settings),
            "counts": dict(self.counts),
            "alarms": msgspec.to_builtins(self.alarms),
            "position": self.position,
            "told": dict(self._reported),
            "fed": {signal: watch.fed() for signal, watch in self._watches.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DriftMonitor:
        """Build a monitor that goes on exactly where the one of `state` stopped."""
        monitor = cls(msgspec.convert(state["settings"], DriftSettings))
        monitor.counts |= state["counts"]
        monitor.alarms = msgspec.convert(state["alarms"], list[Alarm])
        monitor.position = state["position"]
        monitor._reported = dict(state.get("told", {}))
        for signal, fed in state["fed"].items():
            monitor._watches[signal] = DriftDetector(monitor.settings, fed)
        return monitor

    def _judge(
        self, signal: Signal, means: tuple[float, float], where: int, found: list[Alarm]
    ) -> None:
        """Report a drift between these means, if it is large."""
        mean, after = means
        before = self._reported.setdefault(signal, mean)
        if effect_size(before, after) < self.settings.effect:
            return
        self._reported[signal] = after
        self._note(Alarm(signal, where, before, after), found)

    def _note(self, alarm: Alarm, found: list[Alarm]) -> None:
        found.append(alarm)
        self.counts[alarm.signal] += 1
        self.alarms = [*self.alarms, alarm][-self.settings.keep :] if self.settings.keep else []


def effect_size(one: float, other: float) -> float:
    """Return Cohen's h of two shares, from 0 to pi: 0.2 is what he calls small, 0.5 medium."""
    return 2.0 * abs(math.asin(math.sqrt(one)) - math.asin(math.sqrt(other)))


def means_apart(window: bytes | bytearray) -> tuple[float, float]:
    """Return the means of a window's two parts, where a change of the mean is likeliest.

    ADWIN lets go of its oldest values only, so its own mean is still mostly that of before.
    The parts are those whose means are the most standard errors apart (Page's cumulative
    sum); neither is a mere handful. `window` holds steps of 1/255, at least two.
    """
    values = np.frombuffer(bytes(window), np.uint8) / _STEPS
    n = len(values)
    least = min(_LEAST_PART, max(n // 4, 1))
    ends = np.arange(least, n - least + 1)
    sums = np.cumsum(values)
    apart = np.abs(sums[ends - 1] - ends / n * sums[-1]) / np.sqrt(ends * (n - ends))
    end = int(ends[apart.argmax()])
    return float(values[:end].mean()), float(values[end:].mean())
