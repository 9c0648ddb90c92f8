"""What a store says of users: their intent and their profile, as they were sent last."""

from __future__ import annotations

import msgspec

from dataflows.messages.outgoing import Intents
from dataflows.serve.api_types import (
    IntentAnswer,
    ProfileAnswer,
)
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.list_answers import as_of
from dataflows.state.outbox import INTENTS

_intents = msgspec.json.Decoder(Intents)


class StoredUsers:
    """Answers questions about users from a store."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store

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
