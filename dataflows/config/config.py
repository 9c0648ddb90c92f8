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
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import remember, remember_variables
from encoders.llm.training.settings import LanguageTuning
from encoders.training.settings import EncoderTuning
from learners.limited_settings import LimitedSettings
from learners.settings import LearnerSettings


class FlowSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[flow]`.

    `source`: where events come from and lists go to, "files" or "kafka".
    `epoch_seconds`: how often state is written, in one transaction.
    `log`: from which level on the process logs, to stderr. `log_seconds`: how often it says
    how far it is, whether anything moved or not.
    """

    source: Literal["files", "kafka"] = "files"
    epoch_seconds: Annotated[float, Meta(ge=0.001, le=3600)] = 1.0
    log: Literal["info", "warning", "error"] = "info"
    log_seconds: Annotated[float, Meta(ge=0.001, le=86_400)] = 10.0


class FilesSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[files]`, for `source = "files"`. Paths are relative to the working directory.

    `events`, `items` and `decisions` (may be left out) are files of JSON lines; `output` is the
    folder for one file of JSON lines per topic. `items_are`: "all" where `items` is the whole
    catalogue, so that what it no longer has is gone, "changes" where it holds new and changed
    items only. With `follow` the process waits for more lines at the end of `events`, and for
    what takes its place; else it ends there. `batch_size` is the most records in one
    micro-batch.
    """

    events: PathText = "events.jsonl"
    items: PathText | None = None
    items_are: Literal["all", "changes"] = "all"
    decisions: PathText | None = None
    output: PathText = "output"
    follow: bool = False
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 1000


class StateSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[state]`.

    `path` is the folder of the embedded stores. `shards`: users are dealt out to so many
    shards; fixed when the state is created. `served_users`: for how many users the list last
    sent is remembered; another user's next list is sent even if it is the same.
    `refresh_per_record`: how many lists that a change of the catalogue made stale may be made
    anew with each record (0: none, they wait for an event of their user); `refresh_items`: for
    how many changed items at a time lists are looked through.
    """

    path: PathText = "state"
    shards: Annotated[int, Meta(ge=1, le=1024)] = 1
    served_users: Annotated[int, Meta(ge=2, le=100_000_000)] = 200_000
    refresh_per_record: Annotated[int, Meta(ge=0, le=1000)] = 2
    refresh_items: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000


class EncoderSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[encoder]`.

    `name`: "packaged" (all-MiniLM-L6-v2, English) and "multilingual" need no network;
    "hashing", "hashing-128", "static:FOLDER", a folder, or a hub name. `revision`: of a hub
    name, the commit, tag or branch to take; none: the newest. `cached_texts`: for
    how many texts the vector is kept in memory; `disk_texts`: for how many on disk, in the
    state folder (0: none). `batch_seconds`: how long the new texts of one micro-batch from
    Kafka may take to encode, as estimated; a longer one is cut.
    """

    name: PathText = "packaged"
    revision: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    cached_texts: Annotated[int, Meta(ge=1, le=100_000_000)] = 100_000
    disk_texts: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 1_000_000
    batch_seconds: Annotated[float, Meta(ge=0.001, le=3600)] = 0.2


class Config(LimitedSettings, frozen=True, kw_only=True):
    """All settings, by section."""

    flow: FlowSettings = FlowSettings()
    files: FilesSettings = FilesSettings()
    kafka: KafkaSettings = KafkaSettings()
    state: StateSettings = StateSettings()
    encoder: EncoderSettings = EncoderSettings()
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
