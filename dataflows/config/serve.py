"""What a user may set about lists and HTTP: `[rules]`, `[serve]`, `[metrics]`, `[trace]`."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings
from learners.signals.formulas import LONGEST, FormulaError
from learners.signals.leaderboards import Leaderboard, leaderboard_of

Seconds = Annotated[float, Meta(ge=0.05, le=3600)]
MOST_BOARDS = 100
FormulaText = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
BoardName = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]


class LeaderboardSettings(LimitedSettings, frozen=True, kw_only=True):
    """Table `[serve.leaderboards.NAME]`: which items, and by what.

    `where` keeps the items for which it is neither 0 nor false, `score` puts them in order, the
    highest first. Both are formulas (docs/how-to/leaderboards.md). Raises ValueError for one that
    is none.
    """

    score: FormulaText
    where: FormulaText | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, text in (("score", self.score), ("where", self.where)):
            try:
                leaderboard_of(None, text or "0")
            except FormulaError as error:
                raise ValueError(f"{name}: {error}") from error

    def made(self) -> Leaderboard:
        """Return what answers by it."""
        return leaderboard_of(self.where, self.score)


class RulesSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[rules]`: what may stand in lists, and where. docs/how-to/rules.md has examples."""

    file: PathText | None = None
    """A TOML file of rules and scenarios, read anew when it changes and at SIGHUP."""


class ServeSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[serve]`: what `penchant run` and `penchant serve` answer over HTTP.

    docs/how-to/serve.md tells of it. Tokens stand in the environment or a file, never here.
    """

    enabled: bool = False
    """`penchant run` answers over HTTP, from the live model. `penchant serve` does in any case."""
    host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    """The address to listen on. On any but loopback tokens are required."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    """The port to listen on; 0 for one that is free, which the log then names."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes of `penchant serve` that share the port. In `penchant run` it is always one."""
    store: PathText = "serve"
    """The folder in which `penchant serve` keeps what it follows, a store for each of its workers
    (docs/explanation/serve-store.md). What lies there can be had again from the input.
    """
    tokens_file: PathText | None = None
    """A file of tokens, `SCOPE[,SCOPE] TOKEN` a line, with scopes `read`, `write` and `admin`; to
    be read by its owner alone. `PENCHANT_SERVE_TOKENS` holds such lines too, and
    `PENCHANT_SERVE_TOKENS_FILE` names such a file.
    """
    run_url: Annotated[str, Meta(min_length=8, max_length=2048, pattern="^https?://")] | None = None
    """The address of a `penchant run` that answers what only the live model can. Without one
    `penchant serve` says 501 to it.
    """
    metrics_public: bool = False
    """Tell `/metrics` to others than loopback."""
    access_log: Literal["off", "errors", "all"] = "errors"
    """Which requests the log names, by method, route, status, milliseconds and bytes: `"off"`,
    `"errors"` (status from 400 on, but for `/readyz`, which is asked time and again) or `"all"`.
    Never with what was asked or sent.
    """
    max_body_bytes: Annotated[int, Meta(ge=1024, le=2**30)] = 8 * 1024 * 1024
    """The largest body of a request; 413 above."""
    body_seconds: Seconds = 10.0
    """How long the body of a request may take to arrive; 408 after."""
    answer_seconds: Seconds = 10.0
    """How long an answer may take; 503 after."""
    wait_seconds: Seconds = 5.0
    """How long `POST /v1/events?wait=list` waits for the list; 503 after, with the events taken."""
    answers_at_once: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """How many requests may be at work or wait for their turn; 503 above, with `Retry-After`."""
    answer_threads: Annotated[int, Meta(ge=1, le=256)] = 4
    """Threads for answers that wait, such as for the live model."""
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 25
    """The most records that a `penchant run` which answers learns at once, in place of larger
    micro-batches from a file or from Kafka: who asks meanwhile waits for them.
    """
    requests_per_second: Annotated[float, Meta(ge=0, le=10_000_000)] = 0.0
    """The rate that one token, or one address without token, may ask each process at; 429 above;
    0: any (docs/how-to/serve.md#what-it-refuses).
    """
    requests_burst: Annotated[int, Meta(ge=1, le=10_000_000)] = 100
    """How many requests at once that rate allows after a pause."""
    rate_clients: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """For how many tokens and addresses the rate is remembered."""
    stream_clients: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    """How many may follow `/v1/stream` at once; 503 above."""
    stream_kept: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """Changes kept for those who come back to `/v1/stream` with `Last-Event-ID`; who follows all
    users and falls further behind is dropped.
    """
    stream_queued: Annotated[int, Meta(ge=1, le=10_000_000)] = 1_000
    """By how many changes who follows one user may fall behind before being dropped."""
    heartbeat_seconds: Seconds = 15.0
    """How often `/v1/stream` sends a line where nothing changed, so that connections stay open."""
    leaderboards: Annotated[dict[BoardName, LeaderboardSettings], Meta(max_length=MOST_BOARDS)] = (
        msgspec.field(default_factory=dict)
    )
    """Leaderboards of one's own, by name: tables with a `score` and, where not all items are meant,
    a `where`, both formulas of up to 500 characters (docs/how-to/leaderboards.md).
    """
    stop_seconds: Seconds = 10.0
    """How long a stop waits for answers that are under way."""

    @property
    def counted_types(self) -> set[str] | None:
        """Return the types of events that leaderboards count; None where nobody asks for any."""
        if not (self.enabled and self.leaderboards):
            return None
        return set().union(*(one.made().counted for one in self.leaderboards.values()))

    @property
    def is_loopback(self) -> bool:
        """Return whether nobody but this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class MetricsSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[metrics]`: figures of a running process, for Prometheus.

    docs/how-to/monitor.md tells what to watch, docs/reference/metrics.md lists them. With
    `serve.enabled` they are at `/metrics` there in any case.
    """

    enabled: bool = False
    """`penchant run` tells its metrics at `http://HOST:PORT/metrics`, without the rest of HTTP; of
    several workers of `penchant serve` number n, from 1, does at `metrics.port` + n.
    """
    host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    """The address to listen on; there are no tokens here."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 9464
    """The port to listen on; 0 for one that is free, which the log then names."""
    sample_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    """How often the curves of `/v1/status` get a point; 120 are kept."""


class TraceSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[trace]`: traces of events for OpenTelemetry (`pip install 'penchant[trace]'`).

    docs/how-to/monitor.md tells of them. An event that comes with the context of a trace in its
    Kafka headers goes on in it, if that is sampled; the lists that it makes hand it on.
    """

    enabled: bool = False
    """Trace events, and tell of them by OTLP over HTTP."""
    share: Annotated[float, Meta(ge=0, le=1)] = 0.01
    """Of events that come without a context, the share that is traced."""
    endpoint: Annotated[str, Meta(min_length=8, max_length=2048, pattern="^https?://")] = (
        "http://127.0.0.1:4318/v1/traces"
    )
    """Where spans are sent to. Headers, certificates and time limits stand in the environment, as
    OpenTelemetry names them (`OTEL_EXPORTER_OTLP_HEADERS`, ...).
    """
    waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """For how many messages that are not yet delivered the context is kept."""
