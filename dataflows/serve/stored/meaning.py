"""Items like an item, and items that answer a text, by vectors of their texts.

There is no model in a store, and no encoder until somebody asks for one of these: the first asker
has the configured encoder loaded beside everything else, and is told to come again. Vectors are
kept in a file of the store, so that a text is encoded once, whatever is started again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.config.config import EncoderSettings
from dataflows.hotswap.configured_encoder import load_configured
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.serve.answers import NotAnsweredHereError, NotReadyError, UnknownError
from dataflows.serve.api_types import ItemsAnswer, ScoredItem
from dataflows.serve.stored.live_only import not_here
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.item_rows import AVAILABLE, COLUMNS, ItemRow
from encoders.base import Encoder, EncoderError
from encoders.cache.cached import CachedEncoder
from encoders.text import render_item

AT_ONCE = 64
"""Texts in one call of the encoder: so soon it can stop."""
SYNC_SECONDS = 2.0
"""Between two looks whether the catalogue has changed."""
CLOSING_SECONDS = 10.0
VECTORS = "vectors.db"

_log = logging.getLogger(__name__)


class CatalogueVectors(msgspec.Struct, frozen=True):
    """The items that have a text, and their vectors `(n, dim)` float32, in the order of numbers."""

    rows: list[ItemRow]
    vectors: NDArray[np.float32]
    places: dict[str, int]


class StoredMeaning:
    """Answers by meaning, once the texts of the catalogue are encoded; `close` it in the end."""

    def __init__(self, store: AnswerStore, settings: EncoderSettings) -> None:
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._encoder: CachedEncoder | None = None
        self._known: CatalogueVectors | None = None
        self._done = (0, 0)
        self._error: str | None = None
        self._seldom = RareWarnings(_log)

    def similar(self, item_id: str, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return the items nearest in meaning to an item; the score is the cosine.

        Raises NotReadyError until the texts are encoded, UnknownError for an item that has none.
        """
        known = self._ready()
        place = known.places.get(item_id)
        if place is None:
            raise UnknownError(f"no item {item_id!a} with a text is in the catalogue")
        return self._nearest(known, known.vectors[place], k, categories, but=place)

    def search(
        self, text: str, user_id: str | None, k: int, categories: Sequence[str]
    ) -> ItemsAnswer:
        """Return the items nearest in meaning to a text; errors as of `similar`."""
        if user_id is not None:
            raise not_here("a search in the order of a user")
        known = self._ready()
        assert self._encoder is not None  # noqa: S101 - it has encoded the catalogue
        vector = self._encoder.encode([text])[0]
        return self._nearest(known, vector, k, categories)

    def check(self) -> str:
        """Return how far it is, in words."""
        if self._error is not None:
            return self._error
        if self._thread is None:
            return "nobody has asked for similar items or a search yet: no encoder is loaded"
        done, of = self._done
        return f"{done:,} of {of:,} texts encoded" if self._known is None else "encoded"

    def close(self) -> None:
        """Stop encoding."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(CLOSING_SECONDS)
        if self._encoder is not None:
            self._encoder.close()

    def _ready(self) -> CatalogueVectors:
        """Return what is encoded; has it begun with where nobody asked before."""
        known = self._known
        if known is not None:
            return known
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="meaning", daemon=True)
                self._thread.start()
        if self._error is not None:
            raise NotAnsweredHereError(
                f"meaning cannot be compared here ({self._error}); mend [encoder] and start again, "
                "or name a `penchant run` in serve.run_url"
            )
        raise NotReadyError(
            f"the texts of the catalogue are being encoded ({self.check()}); ask again in a while"
        )

    def _nearest(
        self,
        known: CatalogueVectors,
        vector: NDArray[np.float32],
        k: int,
        categories: Sequence[str],
        but: int = -1,
    ) -> ItemsAnswer:
        scores = known.vectors @ vector
        wanted = self._in(categories)
        found: list[ScoredItem] = []
        for place in np.lexsort((np.arange(len(scores)), -scores)).tolist():
            row = known.rows[place]
            is_wanted = wanted is None or row.number in wanted
            if is_wanted and place != but and row.standing == AVAILABLE:
                score = round(float(scores[place]), 6)
                found.append(ScoredItem(row.item_id, row.title, score, row.categories))
                if len(found) == k:
                    break
        return ItemsAnswer(items=tuple(found), as_of=self._store.as_of())

    def _in(self, categories: Sequence[str]) -> set[int] | None:
        """Return the numbers of the items of some categories, None where all will do."""
        if not categories:
            return None
        marks = ", ".join("?" * len(categories))
        query = f"SELECT number FROM categories WHERE category IN ({marks})"  # noqa: S608 - marks
        return {number for (number,) in self._store.read(query, tuple(categories))}

    def _run(self) -> None:
        """Load the encoder and encode, then again whenever the catalogue has changed."""
        seen = -1
        try:
            self._encoder = CachedEncoder(
                load_configured(self._settings),
                self._settings.cached_texts,
                self._store.path.with_name(VECTORS) if self._settings.disk_texts else None,
                self._settings.disk_texts or None,
            )
            while not self._stop.is_set():
                if seen != (now := self._store.catalogue_version):
                    self._encode(self._encoder)
                    seen = now
                self._stop.wait(SYNC_SECONDS)
        # Whatever a library raises: the lists go on, and who asks is told.
        except Exception as error:  # noqa: BLE001
            self._error = str(error) if isinstance(error, EncoderError) else repr(error)
            self._seldom.warn("encoder", "similar items and search: %s", self._error)

    def _encode(self, encoder: Encoder) -> None:
        query = f"SELECT {COLUMNS} FROM items WHERE standing IN (1, 2) ORDER BY number"  # noqa: S608
        rows, texts = [], []
        for found in self._store.read(query):
            row = ItemRow(*found)
            record = row.decoded()
            text = record and render_item(record.title, record.text, record.categories)
            if text:
                rows.append(row)
                texts.append(text)
        vectors = np.zeros((len(rows), encoder.dim), np.float32)
        self._done = 0, len(rows)
        for start in range(0, len(rows), AT_ONCE):
            if self._stop.is_set():
                return
            vectors[start : start + AT_ONCE] = encoder.encode(texts[start : start + AT_ONCE])
            self._done = min(start + AT_ONCE, len(rows)), len(rows)
        places = {row.item_id: place for place, row in enumerate(rows)}
        self._known = CatalogueVectors(rows, vectors, places)
