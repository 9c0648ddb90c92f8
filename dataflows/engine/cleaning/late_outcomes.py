"""What the ledger says of labels that came late and of events that were taken back."""

from __future__ import annotations

from dataflows.state.ledger import Outcome
from learners.intent.event_buffer import Found
from learners.state.unlearn import Extent

_LABELS: dict[Found, tuple[Outcome, str, str]] = {
    "learn": ("learnt", "late_label", "labels_late"),
    "unmatched": ("observed", "label_unmatched", "labels_unmatched"),
    "duplicate": ("observed", "label_duplicate", "labels_duplicate"),
}
_RETRACTIONS: dict[Extent, tuple[Outcome, str, str]] = {
    "all": ("learnt", "retraction", "retractions"),
    "item": ("learnt", "retraction_of_old", "retractions_of_old"),
    "nothing": ("observed", "retraction_unmatched", "retractions_unmatched"),
}


def outcome_of_label(found: Found) -> tuple[Outcome, str, str]:
    """Return (outcome, reason) for the ledger, and the count, of what became of a late label."""
    return _LABELS[found]


def outcome_of_retraction(extent: Extent) -> tuple[Outcome, str, str]:
    """Return (outcome, reason) for the ledger, and the count, of what became of a retraction."""
    return _RETRACTIONS[extent]
