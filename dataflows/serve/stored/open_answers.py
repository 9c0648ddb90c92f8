"""A store and its follower, put together by the configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from dataflows.config.config import Config
from dataflows.serve.stored.answers import StoredAnswers
from dataflows.serve.stored.files import FileFollower
from dataflows.serve.stored.followers import Follower
from dataflows.serve.stored.following import Following
from dataflows.serve.stored.intake import Intake
from dataflows.serve.stored.store import AnswerStore

Publish = Callable[[str, bytes], object]


def open_stored(
    config: Config,
    folder: Path,
    publish: Publish = lambda _user_id, _message: None,
    *,
    accept_items: bool = False,
) -> StoredAnswers:
    """Return what answers from the store in `folder`, to be started.

    Each list that changes is handed to `publish`: whose it is, and the message as it was sent.
    With `accept_items` the items file is the catalogue, whatever it lacks. Raises InputError where
    the store cannot be used.
    """
    store = AnswerStore(folder, _identity(config))
    with ExitStack() as undo:
        undo.callback(store.close)
        stop = threading.Event()
        follower: Follower = FileFollower(config, store, stop, accept_items=accept_items)
        following = Following(store, Intake(store, config.events), follower, stop, publish)
        answers = StoredAnswers(store, following, config.learner.k)
        undo.pop_all()
    return answers


def _identity(config: Config) -> dict[str, str]:
    """Return what a store is made of: where its input comes from."""
    files = config.files
    return {
        "source": config.flow.source,
        "lists": str(Path(files.output).resolve()),
        "items": str(Path(files.items).resolve()) if files.items else "",
    }
