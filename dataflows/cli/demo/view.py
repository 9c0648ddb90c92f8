"""The demo while it runs: a live panel on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BLOCKS = "▁▂▃▄▅▆▇█"
REFRESH_SECONDS = 0.25
LINES = 10
STEPS = 40


class HitRates(NamedTuple):
    """Hit rates over the newest events, None while too few were scored.

    `intent` is the share of labels foreseen, where the log is of intent alone.
    """

    ours: float | None
    popularity: float | None
    intent: float | None = None

    @property
    def drawn(self) -> float | None:
        """The figure that is drawn."""
        return self.intent if self.ours is None else self.ours


class Scene(NamedTuple):
    """What there is to show at one moment; `recent` is over the newest events."""

    done: int
    total: int
    per_second: float
    p50: float | None
    p99: float | None
    lists: int
    intents: int
    dead_letters: int
    recent: HitRates
    encoded: int
    remembered: int


@contextmanager
def demo_view(title: str, encoder: str, console: Console) -> Iterator[DemoView]:
    """Open a view, live for as long as it is open where the console is a terminal."""
    screen = Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext()
    with screen as live:
        yield DemoView(title, encoder, console, live)


class DemoView:
    """Shows a scene each time it is due: in `live`, or else as a line."""

    def __init__(self, title: str, encoder: str, console: Console, live: Live | None) -> None:
        self._title = title
        self._encoder = encoder
        self._console = console
        self._live = live
        self._shown = 0.0
        self._line_number = 0
        self._curve: list[HitRates] = []

    def is_due(self, done: int, total: int) -> bool:
        """Return whether it is time to show another scene."""
        if self._live is None:
            return done * LINES // max(1, total) > self._line_number
        return time.monotonic() - self._shown >= REFRESH_SECONDS

    def show(self, scene: Scene) -> None:
        """Show a scene."""
        self._shown = time.monotonic()
        self._line_number = scene.done * LINES // max(1, scene.total)
        while scene.recent.drawn is not None and len(self._curve) < _step(scene):
            self._curve.append(scene.recent)
        if self._live is not None:
            self._live.update(self._panel(scene), refresh=True)
        else:
            self._console.print(_line(scene), soft_wrap=True, highlight=False)

    def _panel(self, scene: Scene) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column()
        bar = ProgressBar(total=scene.total, completed=scene.done, width=STEPS)
        table.add_row("events", Group(bar, f"{scene.done:,} of {scene.total:,}"))
        table.add_row("speed", _speed(scene))
        table.add_row("sent", _sent(scene))
        for name, rates, style in self._rows(scene):
            table.add_row(name, Text(_curve(rates, self._top()), style=style))
        table.add_row("encoder", f"{self._encoder}: {_encoding(scene)}")
        return Panel(table, title=f"penchant · {self._title}", title_align="left")

    def _rows(self, scene: Scene) -> list[tuple[str, list[float | None], str]]:
        drawn = [each.drawn for each in self._curve]
        if scene.recent.intent is not None:
            return [("intent right", drawn, "bold green")]
        popularity = [each.popularity for each in self._curve]
        return [("hits, penchant", drawn, "bold green"), ("hits, popularity", popularity, "yellow")]

    def _top(self) -> float:
        return max(
            (max(each.drawn or 0, each.popularity or 0) for each in self._curve), default=0.0
        )


def _step(scene: Scene) -> int:
    return min(STEPS, 1 + scene.done * STEPS // max(1, scene.total))


def _curve(rates: list[float | None], top: float) -> str:
    """Draw rates as blocks, with the newest as a number."""
    if not rates:
        return "(learning only: the warm-up)"
    if not top:
        return "none yet"
    levels = [min(len(BLOCKS) - 1, int((rate or 0.0) / top * len(BLOCKS))) for rate in rates]
    return "".join(BLOCKS[level] for level in levels) + f"  {100 * (rates[-1] or 0.0):.1f} %"


def _speed(scene: Scene) -> str:
    latency = "" if scene.p50 is None else f", list after {scene.p50:.0f} ms (p99 {scene.p99:.0f})"
    return f"{scene.per_second:,.0f} events/s{latency}"


def _sent(scene: Scene) -> str:
    return f"{scene.lists:,} lists, {scene.intents:,} intents, {scene.dead_letters:,} dead letters"


def _encoding(scene: Scene) -> str:
    return f"{scene.encoded:,} texts encoded, {scene.remembered:,} from the cache"


def _line(scene: Scene) -> str:
    hits = "warm-up, learning only"
    if scene.recent.intent is not None:
        hits = f"intent right {100 * scene.recent.intent:.1f} %"
    elif scene.recent.ours is not None:
        hits = (
            f"hit rate {100 * scene.recent.ours:.1f} % "
            f"(popularity {100 * (scene.recent.popularity or 0.0):.1f} %)"
        )
    return f"{scene.done:>7,} of {scene.total:,} events  {_speed(scene)}  {hits}  {_sent(scene)}"
