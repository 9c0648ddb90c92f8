"""Questions about users: who is like them, what they are after, lean towards and had, and why."""

from __future__ import annotations

from collections.abc import Callable
from itertools import starmap

from dataflows.messages.outgoing import Because, Liking, Spoke
from dataflows.serve.answers import UnknownError
from dataflows.serve.api_types import (
    HistoryAnswer,
    IntentAnswer,
    Neighbour,
    NeighboursAnswer,
    PastEvent,
    ProfileAnswer,
    WhyAnswer,
)
from dataflows.serve.live.shard_look import Look, ShardLooks
from dataflows.serve.user_types import ActiveUser, BeliefsAnswer, PastBelief, UsersAnswer
from learners.intent.explanation import likeliest_first
from learners.online_model.queries.neighbours import gather, nearest
from learners.online_model.queries.why import account_of
from learners.signals.undo import TYPE

LEANINGS = 32


class LiveUsers:
    """Answers as `dataflows.serve.answers.UserAnswers` says.

    `type_of` returns the type of event that a history marks so (`Following.type_of`), `believed`
    what was believed of a user lately (`SentBeliefs.of`).
    """

    def __init__(
        self,
        shards: ShardLooks,
        type_of: Callable[[int], str | None],
        believed: Callable[[str], tuple[PastBelief, ...]],
    ) -> None:
        self._shards = shards
        self._type_of = type_of
        self._believed = believed

    def active_users(self, k: int) -> UsersAnswer:
        """Return users who were there lately, of all shards that are open."""
        found: list[ActiveUser] = []
        as_of: dict[str, int] = {}
        for engine in self._shards.all() or [self._shards.first()]:
            with self._shards.still(engine) as look:
                found += _active(look, k)
                for name, position in look.as_of.items():
                    as_of[name] = min(position, as_of.get(name, position))
        found.sort(key=lambda one: -(one.ts or 0.0))  # those of one shard stay in their order
        return UsersAnswer(users=tuple(found[:k]), as_of=as_of)

    def neighbours(self, user_id: str, k: int) -> NeighboursAnswer:
        """Return users like a user, among those of their shard who were there last."""
        with self._shards.still(self._shards.of_user(user_id)) as look:
            user = look.user(user_id)
            taken = None if user is None else gather(look.model, user_id, user)
            ids = look.model.signals.items.ids  # only ever grows
        found = [] if taken is None else nearest(taken, k)
        users = tuple(
            Neighbour(one.user_id, one.score, tuple(ids[number] for number in one.shared))
            for one in found
        )
        return NeighboursAnswer(users=users, as_of=look.as_of)

    def intent(self, user_id: str) -> IntentAnswer:
        """Return what a user is after."""
        with self._shards.still(self._shards.of_user(user_id)) as look:
            known = look.user(user_id)
            user = known or look.fresh_user()
            report = look.model.tracker.report(user.intent)
        because = tuple(
            Because(why.need, why.words, tuple(starmap(Spoke, why.events)))
            for why in report.because
        )
        return IntentAnswer(
            user_id=user_id,
            is_known=known is not None,
            intent=likeliest_first(report.intent),
            belief=likeliest_first(report.belief),
            novelty=report.novelty,
            reasons=because,
            as_of=look.as_of,
        )

    def beliefs(self, user_id: str) -> BeliefsAnswer:
        """Return what was believed of a user lately, as it was sent since the process started."""
        with self._shards.still(self._shards.of_user(user_id)) as look:
            as_of = look.as_of
        return BeliefsAnswer(user_id=user_id, beliefs=self._believed(user_id), as_of=as_of)

    def profile(self, user_id: str) -> ProfileAnswer:
        """Return what a user leans towards in the long run."""
        with self._shards.still(self._shards.of_user(user_id)) as look:
            known = look.user(user_id)
            profile = None if known is None else known.profile
            leanings = look.model.profiles.leanings(profile, LEANINGS)
        likings = tuple(Liking(one.category, one.liking, one.certainty) for one in leanings)
        return ProfileAnswer(
            user_id=user_id, is_known=known is not None, profile=likings, as_of=look.as_of
        )

    def history(self, user_id: str, k: int) -> HistoryAnswer:
        """Return what a user had lately, newest first."""
        with self._shards.still(self._shards.of_user(user_id)) as look:
            known, items = look.user(user_id), look.model.signals.items
            events: tuple[PastEvent, ...] = ()
            if known is not None:
                newest = slice(max(known.kept - k, 0), known.kept)
                rows = known.recent[newest], known.words[TYPE, newest], known.times[newest]
                events = tuple(
                    PastEvent(items.ids[number], items.title(number), self._type_of(mark), ts)
                    for number, mark, ts in zip(*(row[::-1].tolist() for row in rows), strict=True)
                )
        return HistoryAnswer(
            user_id=user_id, is_known=known is not None, events=events, as_of=look.as_of
        )

    def why(self, user_id: str, item_id: str) -> WhyAnswer:
        """Return where an item stands for a user, and why."""
        with self._shards.still(self._shards.of_user(user_id)) as look:
            if not look.model.is_known(item_id):
                raise UnknownError(f"item {item_id!a} was never heard of")
            number = look.number(item_id)
            user = look.user(user_id) or look.fresh_user()
            found = account_of(look.model, user_id, user, number)
            title = look.model.item_title(item_id)
        return WhyAnswer(
            user_id=user_id,
            item_id=item_id,
            title=title,
            standing=found.standing,
            place=found.place,
            score=found.score,
            reasons=found.reasons,
            signals=dict(found.signals),
            as_of=look.as_of,
        )


def _active(look: Look, k: int) -> list[ActiveUser]:
    items, found = look.model.signals.items, []
    for user_id, user in look.model.users.lately(look.model.position, k):
        number = int(user.recent[user.kept - 1]) if user.kept else None
        newest = (None, None) if number is None else (items.ids[number], items.title(number))
        found.append(ActiveUser(user_id, user.newest_time(), *newest))
    return found
