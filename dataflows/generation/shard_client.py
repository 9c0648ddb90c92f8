"""What one shard has to do with the language model: asks on the way, takes answers up between.

Nothing here waits for the model. Answers are taken up at the start of a micro-batch, and what
they say of items that left meanwhile is dropped.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from dataflows.config.generate import GenerateSettings
from dataflows.generation.item_generator import NamedItems, Wish
from dataflows.generation.labeller import LabelQuestion, Lesson
from dataflows.generation.prompts import MOST_SHOWN
from dataflows.generation.queue import Allowance, Request, RequestQueue
from dataflows.generation.responder import LABELS, NAMES, NARRATIVES
from dataflows.messages import outgoing_json
from dataflows.messages.items import ItemRecord
from dataflows.messages.narrative import GeneratedNarrative, SentList
from dataflows.messages.outgoing import Position, Versions
from dataflows.messages.raw import Raw
from dataflows.state.outbox import RECOMMENDATIONS, Out, Outbox
from learners.intent.event_buffer import Found, LateLabel
from learners.online_model.generation import Generation
from learners.types import Interaction, RecommendationList

_USERS = 50_000
"""Users of whom it is known what they were after last."""
_GOLDEN, _ALL = 0x9E3779B1, 0xFFFFFFFF  # multiples of the golden ratio spread evenly
_BECAME: dict[Found, str] = {
    "learn": "teacher_learnt",
    "unmatched": "teacher_unmatched",
    "duplicate": "teacher_duplicate",
}

_log = logging.getLogger(__name__)


class ShardModel(Protocol):
    """What a client asks of the model of its shard."""

    @property
    def generation(self) -> Generation:
        """What it is asked about, and what keeps the items that were named."""
        ...

    def learn_label(self, late: LateLabel) -> Found:
        """Learn a label of intent that comes after its event; tell what became of it."""
        ...


class LlmClient:
    """Asks the language model what events of one shard make due, and takes up the answers.

    `attach` comes first: it connects the client to the shard's engine.
    """

    def __init__(self, queue: RequestQueue, settings: GenerateSettings, shard: int = 0) -> None:
        self._queue = queue
        self._settings = settings
        self._shard = shard
        self._after: OrderedDict[str, str] = OrderedDict()
        self._allowance = Allowance(settings.narratives_per_minute, settings.narrative_seconds)
        self.attach(Counter(), Outbox(), time.time)

    def attach(self, counts: Counter[str], outbox: Outbox, clock: Callable[[], float]) -> None:
        """Set the counts of requests and answers, the outbox of messages, and the clock."""
        self._counts = counts
        self._outbox = outbox
        self._clock = clock

    def begin(self, learner: ShardModel) -> list[Out]:
        """Take up what was answered since the last call; return the messages that come of it."""
        outs: list[Out] = []
        for answer in self._queue.take(self._shard):
            if answer.kind == NAMES:
                self._take_names(learner, answer.what)
            elif answer.kind == NARRATIVES:
                outs += self._take_narrative(answer.what)
            elif answer.kind == LABELS:
                self._take_lesson(learner, answer.what)
        return outs

    @property
    def is_awaited(self) -> bool:
        """Whether `begin` has, or may yet have, something to take up without another event."""
        return self._queue.is_awaited(self._shard)

    def finish(self, learner: ShardModel) -> list[Out]:
        """Take up what comes within a while, at the end of a finite input."""
        self._queue.drain(self._settings.finish_seconds)
        return self.begin(learner)

    def put_item(self, record: ItemRecord) -> None:
        """Put an item that is new or changed, or no longer available."""
        self._queue.put_item(self._shard, record)

    def remove_item(self, item_id: str) -> None:
        """Remove an item that left the catalogue."""
        self._queue.remove_item(self._shard, item_id)

    def learnt(self, learner: ShardModel, interaction: Interaction) -> None:
        """Ask for what a learnt event makes due."""
        if self._is_asked_about(interaction):
            self._ask_label(learner, interaction)
        if not self._settings.candidates or interaction.item_id is None or interaction.weight <= 0:
            return
        if learner.generation.length(interaction.user_id) % self._settings.every == 0:
            self._ask_names(learner, interaction.user_id)

    def offered(
        self,
        learner: ShardModel,
        offered: RecommendationList,
        outs: Sequence[Out],
        raw: Raw,
        versions: Versions,
    ) -> None:
        """Ask for what a list makes due, as of the record `raw`; `outs` is what was sent of it."""
        if self._settings.candidates and self._settings.on_intent and self._is_turned(offered):
            self._ask_names(learner, offered.user_id)
        is_sent = any(out.topic == RECOMMENDATIONS for out in outs)
        if self._settings.narratives and is_sent and offered.entries:
            self._ask_narrative(offered, Position(raw.partition, raw.offset), versions)

    def _is_turned(self, offered: RecommendationList) -> bool:
        """Return whether a user is after something else than at their last list."""
        top = _need(offered)
        before = self._after.get(offered.user_id)
        self._after[offered.user_id] = top
        self._after.move_to_end(offered.user_id)
        if len(self._after) > _USERS:
            self._after.popitem(last=False)
        return before is not None and before != top

    def _ask_names(self, learner: ShardModel, user_id: str) -> None:
        taken = learner.generation.taken(user_id, MOST_SHOWN)
        if not (taken.items or taken.search):
            return
        self._counts["generate_asked"] += 1
        self._queue.ask(Request(NAMES, self._shard, user_id, Wish(user_id, taken)))
        if self._queue.is_prompt:
            self.begin(learner)

    def _take_names(self, learner: ShardModel, named: NamedItems) -> None:
        kept = learner.generation.put(named.user_id, named.item_ids, named.lifts, named.asked)
        self._counts["generate_users"] += 1
        self._counts["generate_items"] += kept
        self._counts["generate_gone"] += len(named.item_ids) - kept

    def _is_asked_about(self, interaction: Interaction) -> bool:
        """Draw events that have words and no label: evenly, keyed by their position."""
        if self._settings.teacher_share <= 0 or interaction.intent is not None:
            return False
        drawn = (interaction.position * _GOLDEN & _ALL) < self._settings.teacher_share * _ALL
        return drawn and bool(interaction.encoded or interaction.text)

    def _ask_label(self, learner: ShardModel, interaction: Interaction) -> None:
        labels = self._settings.teacher_labels or tuple(learner.generation.labels())
        if len(labels) < 2:
            return
        event_id, text = interaction.event_id, interaction.encoded or interaction.text or ""
        self._counts["teacher_asked"] += 1
        question = LabelQuestion(interaction.user_id, event_id, text, labels)
        self._queue.ask(Request(LABELS, self._shard, event_id, question))

    def _take_lesson(self, learner: ShardModel, lesson: Lesson) -> None:
        question, label, margin = lesson
        if margin < self._settings.teacher_margin:
            self._counts["teacher_unsure"] += 1
            return
        late = LateLabel(question.user_id, label, "teacher", question.event_id)
        self._counts[_BECAME[learner.learn_label(late)]] += 1

    def _ask_narrative(
        self, offered: RecommendationList, sent: Position, versions: Versions
    ) -> None:
        if not self._allowance.take(offered.user_id, self._clock()):
            self._counts["narratives_skipped"] += 1
            return
        listed = SentList(
            offered.user_id,
            tuple(entry.item_id for entry in offered.entries),
            _need(offered),
            offered.sequence,
            sent,
            versions,
        )
        self._counts["narratives_asked"] += 1
        self._queue.ask(Request(NARRATIVES, self._shard, offered.user_id, listed))

    def _take_narrative(self, narrative: GeneratedNarrative) -> list[Out]:
        listed, words, version = narrative
        try:
            value = outgoing_json.render_narrative(listed, words, version, self._clock())
        except outgoing_json.MessageError as error:
            self._counts["narratives_unwritable"] += 1
            _log.warning("a narrative was not sent: %s", error)
            return []
        by_model = [words.headline.by, *(line.by for line in words.reasons)].count("model")
        self._counts["narratives_sent"] += 1
        self._counts["narrative_lines_by_model"] += by_model
        self._counts["narrative_lines_by_template"] += 1 + len(words.reasons) - by_model
        return [self._outbox.put(NARRATIVES, outgoing_json.user_key(listed.user_id), value)]


def _need(offered: RecommendationList) -> str:
    """Return the likeliest need, of the session where that is known."""
    return next(iter(offered.belief or offered.intent), "")
