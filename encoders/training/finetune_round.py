"""What a round of training gave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from encoders.hub_quiet import quiet
from encoders.training.interpolation import BlendChoice

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class EncoderRound(NamedTuple):
    """A trained encoder and how it came to be.

    `losses` has one loss of the pairs per step; the last one is not finite where that ended the
    round, and then the weights are those before it. `changed` is the norm of the change of the
    weights trained, relative to theirs, `targets` how many pairs took part in a loss.
    `batch_size` is what fitted into memory, `choice` how much of the change was taken over.
    """

    model: SentenceTransformer
    losses: list[float]
    steps: int
    seconds: float
    peak_bytes: int
    changed: float
    targets: int
    batch_size: int
    choice: BlendChoice

    def save(self, folder: Path) -> None:
        """Write the model, whole and in safetensors, for `SentenceEncoder.from_folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            self.model.save_pretrained(
                str(folder), create_model_card=False, safe_serialization=True
            )
