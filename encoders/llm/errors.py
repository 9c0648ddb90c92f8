"""What can go wrong with a language model, in one place.

    LanguageError       a model or an adapter cannot be loaded or used: missing package,
                        unknown name, no network for a hub name, broken weights
    ├─ AdapterError     an adapter does not fit: empty, truncated, of another size, made
    │                   for another model
    └─ TuningError      a round of training cannot go on: nothing to learn from, targets
                        cut away, a loss that is not finite, no memory for one example

Every message is one line: what, where, and the remedy.
"""

from __future__ import annotations


class LanguageError(RuntimeError):
    """A language model cannot be loaded or used; the message says what, where and the remedy."""


class AdapterError(LanguageError):
    """An adapter cannot be used with this model; the message says why."""


class TuningError(LanguageError):
    """A round of training cannot go on; the message says why."""
