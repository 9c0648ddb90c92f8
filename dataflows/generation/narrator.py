"""A list in words: a headline, and for each item one reason, from the facts of its record.

A language model writes; each of its lines is checked, and the likeliest that keeps to the
facts is taken. Where none does, a template says the same without a model.

Examples show the model what a line is, since small models follow examples better than orders.
Texts of the catalogue are data: one line, no markup (`dataflows.generation.prompts.plain`), and
no sign that parts facts.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

from dataflows.generation.grounding import Facts, TitleIndex, facts_of, fault
from dataflows.generation.prompts import label_words, plain
from dataflows.messages.items import ItemRecord
from dataflows.messages.narrative import GeneratedNarrative, NarrativeText, Sentence, SentList
from encoders.llm.decoding.free import GeneratedLine, write_lines
from encoders.llm.model import LanguageModel

_REASON = """\
Each reason says in a few plain words why somebody may like a thing. It uses the facts and \
nothing else.

Facts: Red Kettle; kinds: Kitchen, Tea; colour: red
Reason: A red kettle for everybody who loves tea.

Facts: The Long Walk; kinds: Drama, Nature
Reason: A drama for those who like nature.

Facts: Garden Lamp; kinds: Garden, Light; power: solar
Reason: A solar lamp that brings light to the garden.

Facts: {facts}
Reason:"""

_HEADLINE = """\
Each headline says in a few plain words what a list of things offers. It uses the facts and \
nothing else.

Facts: wanted: tea time; kinds: Kitchen, Tea, Books
Headline: Tea and books for a quiet kitchen.

Facts: kinds: Drama, Nature
Headline: Dramas from the heart of nature.

Facts: wanted: a gift; kinds: Garden, Light
Headline: A gift of light for the garden.

Facts: {facts}
Headline:"""

BEAMS = 4
MOST_TOKENS = 32
MOST_KINDS = 4
MOST_ATTRIBUTES = 3
_MOST_CHARS = 40


def fact_texts(record: ItemRecord) -> list[str]:
    """Return what a record says beside its title: categories, then plain attributes, a few."""
    kinds = [plain(kind, _MOST_CHARS) for kind in record.categories[:MOST_KINDS]]
    return [*filter(None, kinds), *_attributes(record).values()]


def reason_prompt(record: ItemRecord) -> str:
    """Ask why somebody may like an item."""
    kinds = ", ".join(filter(None, (_fact(kind) for kind in record.categories[:MOST_KINDS])))
    parts = [_fact(record.title, 100), f"kinds: {kinds}" if kinds else ""]
    parts += [f"{_fact(name)}: {_fact(value)}" for name, value in _attributes(record).items()]
    return _REASON.format(facts="; ".join(filter(None, parts)))


def headline_prompt(need: str, kinds: Sequence[str]) -> str:
    """Ask what a list offers, from the need that it answers ("" for none) and its categories."""
    named = ", ".join(filter(None, map(_fact, kinds)))
    parts = [f"wanted: {_fact(need)}" if need else "", f"kinds: {named}" if named else ""]
    return _HEADLINE.format(facts="; ".join(filter(None, parts)) or "kinds: all")


def plain_reason(record: ItemRecord) -> str:
    """Return the reason that needs no model."""
    kinds = ", ".join(filter(None, (plain(kind, _MOST_CHARS) for kind in record.categories[:3])))
    title = plain(record.title) or plain(record.item_id)
    return f"{title}: {kinds}" if kinds else f"{title}, picked for you"


def plain_headline(need: str) -> str:
    """Return the headline that needs no model."""
    return f"Picked for you: {plain(need, _MOST_CHARS)}" if plain(need) else "Picked for you"


def _attributes(record: ItemRecord) -> dict[str, str]:
    """Return the first attributes that are a short text or a number."""
    found: dict[str, str] = {}
    for name, value in record.attributes.items():
        if len(found) < MOST_ATTRIBUTES and isinstance(value, str | int | float):
            text = plain(str(value), _MOST_CHARS + 1)
            if text and len(text) <= _MOST_CHARS and not isinstance(value, bool):
                found[plain(name.replace("_", " "), _MOST_CHARS)] = text
    return found


def _fact(text: str, limit: int = _MOST_CHARS) -> str:
    """Keep a text from looking like two facts."""
    return plain(text, limit).replace(";", ",").replace(": ", " ")


Writer = Callable[[LanguageModel, Sequence[str]], list[list[GeneratedLine]]]


def write(model: LanguageModel, prompts: Sequence[str]) -> list[list[GeneratedLine]]:
    """Write lines as narratives want them."""
    return write_lines(model, prompts, beams=BEAMS, most_tokens=MOST_TOKENS)


def narrate(
    model: LanguageModel,
    records: Sequence[ItemRecord],
    need: str = "",
    catalogue: Iterable[ItemRecord] = (),
) -> NarrativeText:
    """Put a list of items into words, by itself; no other title of `catalogue` is named."""
    known, index = {record.item_id: record for record in records}, TitleIndex()
    for record in (*catalogue, *records):
        index.put(record.item_id, record.title)
    return Narrator(known, index, 1).write(model, records, label_words(need))


class Narrator:
    """Puts lists into words; for one thread at a time. `records` are the live items by id.

    The words of the newest `most` lists are kept: for the same records, need and model they
    are not written again.
    """

    def __init__(
        self,
        records: Mapping[str, ItemRecord],
        index: TitleIndex,
        most: int,
        writer: Writer = write,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._records = records
        self._index = index
        self._most = most
        self._writer = writer
        self._kept: OrderedDict[object, NarrativeText] = OrderedDict()

    def tell(
        self,
        model: LanguageModel,
        listed: SentList,
        is_live: Callable[[str], bool] | None = None,
    ) -> GeneratedNarrative | None:
        """Put a list into words; None where one of its items left since it was sent."""
        records = [self._records[i] for i in listed.item_ids if i in self._records]
        if not records or len(records) < len(listed.item_ids):
            return None
        key = (tuple(map(_identity, records)), listed.need, model.version)
        words = self._kept.get(key)
        if words is None:
            words = self.write(model, records, label_words(listed.need))
        self._keep(key, words)
        if is_live is not None and not all(map(is_live, listed.item_ids)):
            return None
        return GeneratedNarrative(listed, words, model.version)

    def write(
        self, model: LanguageModel, records: Sequence[ItemRecord], need: str
    ) -> NarrativeText:
        """Write and check the words of a list, whatever was kept."""
        kinds = Counter(kind for record in records for kind in record.categories[:MOST_KINDS])
        common = [kind for kind, _ in kinds.most_common(MOST_KINDS)]
        prompts = [headline_prompt(need, common), *map(reason_prompt, records)]
        first, *rest = self._writer(model, prompts)
        titles = [record.title for record in records]
        # A title in a headline would speak for the whole list, whatever it says.
        headline = self._choose(first, facts_of([], [*common, need]), plain_headline(need))
        reasons = tuple(
            self._choose(
                lines, facts_of([record.title], [*fact_texts(record), need]), plain_reason(record)
            )
            for lines, record in zip(rest, records, strict=True)
        )
        return NarrativeText(headline, reasons, tuple(titles))

    def _choose(self, lines: Sequence[GeneratedLine], facts: Facts, template: str) -> Sentence:
        """Choose the likeliest line that keeps to the facts, or the template."""
        for line in lines:
            if fault(line.text, facts, self._index) is None:
                self.counts["lines_by_model"] += 1
                return Sentence(line.text, "model")
        self.counts["lines_by_template"] += 1
        return Sentence(template, "template")

    def _keep(self, key: object, words: NarrativeText) -> None:
        self._kept[key] = words
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def _identity(record: ItemRecord) -> tuple[object, ...]:
    """Return all of a record that words may rest on, as something to look up by."""
    return record.item_id, record.title, record.categories, tuple(fact_texts(record))
