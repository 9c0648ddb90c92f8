"""Every kind of question, to be asked of live answers over a small run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dataflows.engine.shards import Engines
from dataflows.serve.api_types import GivenContext, ListRequest, RankRequest
from dataflows.serve.changes import ChangeHub
from dataflows.serve.live import Following, InputLook, LiveAnswers
from dataflows.serve.live.handed_out import HandedOut
from learners.signals.leaderboards import Leaderboard, leaderboard_of
from tests.dataflows.engine.test_engine import ENCODER, ITEMS, Run

EVERY_ITEM = tuple(f"i{n}" for n in range(ITEMS))
CONTEXT = GivenContext(items=("i1", "i4"), search="thing 2")
BOARDS = {"busy": leaderboard_of('not category("lamps")', "taken / (1 + users)")}
Question = Callable[[LiveAnswers, str], object]


def answers_of(
    run: Run,
    following: Following | None = None,
    unread: Callable[[], dict[str, int]] = lambda: {"events-0": 0},
    clock: Callable[[], float] = lambda: 1.7e9,
    leaderboards: Mapping[str, Leaderboard] = BOARDS,
) -> LiveAnswers:
    """Live answers over the shard of a run; who gives `following` has to call it."""
    run.engine.space.encoder = ENCODER
    engines = Engines(lambda _: run.engine)
    engines.open_all()
    following = following or Following(ChangeHub(), HandedOut())
    return LiveAnswers(
        engines, following, InputLook(unread), clock=clock, leaderboards=leaderboards
    )


QUESTIONS: dict[str, Question] = {
    "list": lambda door, user: door.recommend(user, ListRequest()),
    "explained": lambda door, user: door.recommend(user, ListRequest(k=5, explain=True)),
    "at": lambda door, user: door.recommend(user, ListRequest(at=1.7e9 + 5)),
    "page": lambda door, user: door.recommend(
        user, ListRequest(k=1, after=door.recommend(user, ListRequest(k=1)).list_id)
    ),
    "fields": lambda door, user: door.recommend(
        user, ListRequest(fields=("colour",), exclude=("i2",), categories=("lamps",))
    ),
    "sandbox": lambda door, user: door.recommend(user, ListRequest(context=CONTEXT)),
    "anonymous": lambda door, _: door.recommend_anonymous(ListRequest(context=CONTEXT)),
    "nobody": lambda door, _: door.recommend_anonymous(ListRequest(offset=1)),
    "unknown": lambda door, user: door.recommend(f"never {user}", ListRequest(context=CONTEXT)),
    "rank": lambda door, user: door.rank(
        RankRequest(user_id=user, item_ids=(*EVERY_ITEM, "none"), explain=True, context=CONTEXT)
    ),
    "similar": lambda door, _: door.similar("i1", 3, ()),
    "together": lambda door, _: door.together("i1", 3, ("lamps",)),
    "next": lambda door, _: door.next("i1", 3, ()),
    "popular": lambda door, _: door.popular(3, ()),
    "trending": lambda door, _: door.trending(3, ()),
    "falling": lambda door, _: door.falling(3, ()),
    "latest": lambda door, _: door.latest(3, ()),
    "leaderboard": lambda door, _: door.leaderboard("busy", 3, ()),
    "search": lambda door, _: door.search("thing 3", None, 3, ()),
    "own search": lambda door, user: door.search("thing 3", user, 3, ()),
    "signals": lambda door, user: door.recommend(user, ListRequest(signals=True, context=CONTEXT)),
    "users": lambda door, _: door.active_users(3),
    "beliefs": lambda door, user: door.beliefs(user),
    "neighbours": lambda door, user: door.neighbours(user, 3),
    "intent": lambda door, user: door.intent(user),
    "profile": lambda door, user: door.profile(user),
    "history": lambda door, user: door.history(user, 5),
    "item": lambda door, _: door.item("i1"),
    "why": lambda door, user: door.why(user, "i1"),
}
