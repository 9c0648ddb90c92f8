"""What can go wrong for the person who runs the project, in one place.

    InputError          a file, format, option or config value cannot be used: the
                        command prints the message, one line, and ends with status 2
    ├─ LedgerError      the count of what became of every event does not balance: a
    │                   fault of ours, never of the input
    ├─ FullDiskError    the disk took no more, or fails: what was written before is whole, and
    │                   the next start goes on from there; status 1
    └─ ModelError       a version of a model is unknown, damaged, of the wrong size, or was
                        refused by the gate: what serves now goes on serving

Bad *records* are not errors: they become `Reject`s and go to the dead letters.
Every message says what, where, the limit and the remedy.
"""

from __future__ import annotations


class InputError(Exception):
    """Something that was given cannot be used; the message is one line for a person."""


class LedgerError(InputError):
    """Events in and what became of them differ; the message names partition and figures."""


class FullDiskError(InputError):
    """What is to be kept cannot be written now; the message names file, reason and remedy."""


class ModelError(InputError):
    """A version of a model cannot be used; the message names it, the reason and the remedy."""
