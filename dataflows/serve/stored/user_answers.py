"""What a store says of users: who was sent a list, and intent and profile as sent last."""

from __future__ import annotations

import msgspec

from dataflows.messages.outgoing import Intents
from dataflows.serve.api_types import (
    IntentAnswer,
    ProfileAnswer,
)
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.list_answers import as_of
from dataflows.serve.user_types import ActiveUser, BeliefsAnswer, PastBelief, UsersAnswer
from dataflows.state.outbox import INTENTS

_intents = msgspec.json.Decoder(Intents)


class StoredUsers:
    """Answers questions about users from a store."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store

    def active_users(self, k: int) -> UsersAnswer:
        """Return the users whose lists came last; what came at once is in no order."""
        rows = self._store.read("SELECT user_id FROM listed ORDER BY rowid DESC LIMIT ?", (k,))
        users = tuple(ActiveUser(user_id) for (user_id,) in rows)
        return UsersAnswer(users=users, as_of=self._store.as_of())

    def beliefs(self, user_id: str) -> BeliefsAnswer:
        """Return what was believed of a user when that was sent last: one belief, or none."""
        sent = self._sent(user_id)
        found = () if sent is None else (PastBelief(sent.time, sent.intent, sent.belief),)
        as_of_now = self._store.as_of() if sent is None else as_of(sent.position)
        return BeliefsAnswer(user_id=user_id, beliefs=found, as_of=as_of_now)

    def intent(self, user_id: str) -> IntentAnswer:
        """Return what a user was after when that was sent last."""
        sent = self._sent(user_id)
        return IntentAnswer(
            user_id=user_id,
            is_known=sent is not None,
            intent={} if sent is None else sent.intent,
            belief={} if sent is None else sent.belief,
            novelty=None if sent is None else sent.novelty,
            reasons=() if sent is None else sent.reasons,
            as_of=self._store.as_of() if sent is None else as_of(sent.position),
        )

    def profile(self, user_id: str) -> ProfileAnswer:
        """Return what a user leaned towards when that was sent last."""
        sent = self._sent(user_id)
        return ProfileAnswer(
            user_id=user_id,
            is_known=sent is not None,
            profile=() if sent is None else sent.profile,
            as_of=self._store.as_of() if sent is None else as_of(sent.position),
        )

    def _sent(self, user_id: str) -> Intents | None:
        message = self._store.message(INTENTS, user_id)
        return None if message is None else _intents.decode(message)
