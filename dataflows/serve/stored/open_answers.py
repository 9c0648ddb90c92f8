"""A store and its follower, put together by the configuration."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

from dataflows.config.config import Config
from dataflows.config.kafka import INTENTS, ITEMS, NARRATIVES, RECOMMENDATIONS
from dataflows.rules.in_force import RulesWatch, open_rules
from dataflows.serve.changes import ChangeHub
from dataflows.serve.stored.answers import StoredAnswers
from dataflows.serve.stored.input.files import FileFollower
from dataflows.serve.stored.input.follow_thread import FollowThread
from dataflows.serve.stored.input.follower import Follower
from dataflows.serve.stored.list_requests import StoredLists
from dataflows.serve.stored.meaning import StoredMeaning
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.store_writer import StoreWriter


def open_stored(
    config: Config, hub: ChangeHub | None = None, *, worker: int = 0, accept_items: bool = False
) -> StoredAnswers:
    """Return what answers from the store of a worker, to be started.

    Each process has a store of its own, in `serve.store` under the number of its worker. A list
    that changes is published to `hub`, as it was sent.
    With `accept_items` the items file is the catalogue, whatever it lacks. Raises InputError where
    the store or the file of rules cannot be used.
    """
    hub = hub or ChangeHub(kept=1)
    rules = open_rules(config)
    store = AnswerStore(store_folder(config, worker), _identity(config))
    with ExitStack() as undo:
        undo.callback(store.close)
        stop = threading.Event()
        follower = _follower(config, store, stop, accept_items=accept_items)
        following = FollowThread(
            store, StoreWriter(store, config.events), follower, stop, hub.publish
        )
        answers = StoredAnswers(
            store,
            following,
            StoredMeaning(store, config.encoder),
            StoredLists(store, config.learner.k, rules, passes_on=config.serve.run_url is not None),
            RulesWatch(rules, tuple),
        )
        undo.pop_all()
    return answers


def store_folder(config: Config, worker: int) -> Path:
    """Return the folder of the store of a worker, from 0."""
    return Path(config.serve.store) / f"worker-{worker}"


def _follower(
    config: Config, store: AnswerStore, stop: threading.Event, *, accept_items: bool
) -> Follower:
    if config.flow.source == "files":
        return FileFollower(config, store, stop, accept_items=accept_items)
    # The client library is only loaded where it is used.
    from dataflows.serve.stored.input.topics import TopicFollower

    return TopicFollower(config.kafka, store, stop)


def _identity(config: Config) -> dict[str, str]:
    """Return what a store is made of: where its input comes from."""
    files, kafka = config.files, config.kafka
    if config.flow.source == "files":
        lists = str(Path(files.output).resolve())
        return {
            "source": "files",
            "lists": lists,
            "items": str(Path(files.items).resolve()) if files.items else "",
        }
    topics = kafka.topics()
    return {"source": "kafka"} | {
        role: topics.get(role, "") for role in (RECOMMENDATIONS, INTENTS, NARRATIVES, ITEMS)
    }
