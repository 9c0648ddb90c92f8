"""What an encoder must do, as checks that any package can run on its own.

A test of a package that brings one reads:

    @pytest.mark.parametrize("check", ENCODER_CHECKS, ids=lambda check: check.__name__)
    def test_it_is_an_encoder(check) -> None:
        check(MyEncoder())

and `check_installed("my-name")` looks at it as penchant will load it, in new processes. A check
that does not hold raises AssertionError, with what was wanted and what came. Ours run them too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from encoders.backends.foreign import fault_of, lacks
from encoders.base import Encoder, Vectors
from encoders.text import encode_optional

TEXTS: Final = ("toy story", "running shoes, red", "jazz", "toy story", "rock and blue jazz", "a")
ODD: Final = ("", " ", "\x00", "\ud800", "\u4f60\u597d", "?!", "a" * 20_000)
"""Nothing, blanks, signs, half a character, another script, a very long word."""

CLOSE = 1e-5
"""By how much the same text may differ from call to call, in each number."""
APART = 0.01
"""By how much texts that say something else must differ, in one number at least."""
THREADS = 8
PROCESS_SECONDS = 300.0

_ENCODE = """
import hashlib, json, sys
from encoders.load import load_encoder
encoder = load_encoder(sys.argv[1])
rows = encoder.encode(json.loads(sys.argv[2]))
print(json.dumps([encoder.version, encoder.dim, hashlib.sha256(rows.tobytes()).hexdigest()]))
"""


def check_shape(encoder: Encoder) -> None:
    """Check that it has a version and a size, and gives one unit row of float32 per text."""
    _hold(not (lacking := lacks(encoder)), lacking)
    for texts in (TEXTS, ()):
        wrong = fault_of(encoder.encode(texts), len(texts), encoder.dim)
        _hold(not wrong, f"for {len(texts)} texts it gave {wrong}")
    lengths = np.linalg.norm(encoder.encode(TEXTS), axis=1)
    _hold(bool((np.abs(lengths - 1.0) <= CLOSE).all()), f"plain words gave lengths {lengths}")


def check_order(encoder: Encoder) -> None:
    """Check that rows stand as their texts do, that equal texts agree and others differ."""
    rows = encoder.encode(TEXTS)
    _close(rows[0], rows[3], "a text that stands twice")
    _close(encoder.encode(TEXTS[::-1])[::-1], rows, "texts in the opposite order")
    most = float(np.abs(rows[0] - rows[1]).max())
    _hold(most > APART, f"{TEXTS[0]!r} and {TEXTS[1]!r} differ by {most:g} at most")


def check_company(encoder: Encoder) -> None:
    """Check that a text gives the same row whatever stands beside it."""
    company = [f"jazz {i} " + "rock " * (i % 30) for i in range(63)]
    alone = encoder.encode(["running shoes"])[0]
    _close(encoder.encode(["running shoes", *company])[0], alone, "a text before 63 others")
    _close(encoder.encode([*company, "running shoes"])[-1], alone, "a text behind 63 others")


def check_odd_texts(encoder: Encoder) -> None:
    """Check that no text is an error: a row of length 1 or 0, and the neighbours' unharmed."""
    beside = encoder.encode(["toy story", "jazz"])
    for text in ODD:
        rows = encoder.encode(["toy story", text, "jazz"])
        wrong = fault_of(rows, 3, encoder.dim)
        _hold(not wrong, f"the text {text[:20]!r} gave {wrong}")
        _close(rows[[0, 2]], beside, f"the neighbours of {text[:20]!r}")


def check_missing_texts(encoder: Encoder) -> None:
    """Check that what is no text is told apart from what is."""
    answers = encode_optional(encoder, ["jazz", "", None, "toy  story", "\u200b"])
    known = [answer is not None for answer in answers]
    _hold(known == [True, False, False, True, False], f"of five texts it knew {known}")


def check_kept_rows(encoder: Encoder) -> None:
    """Check that rows given out stay as they are, and that writing to them changes nothing."""
    rows = encoder.encode(TEXTS)
    kept = rows.copy()
    encoder.encode([f"other {i}" for i in range(20)])
    _hold(bool((rows == kept).all()), "rows given out changed when other texts were encoded")
    rows[:] = 7.0
    _close(encoder.encode(TEXTS), kept, "texts encoded again after their rows were written to")


def check_version(encoder: Encoder) -> None:
    """Check that version and size stay what they are."""
    before = encoder.version, encoder.dim
    encoder.encode(TEXTS)
    _hold((encoder.version, encoder.dim) == before, f"{before} changed by encoding")
    _hold(encoder.version.isprintable(), f"the version {encoder.version!r} is not printable")


def check_threads(encoder: Encoder) -> None:
    """Check that several threads at once get what one gets."""
    texts = [f"toy {i} jazz" for i in range(40)]
    expected = encoder.encode(texts)
    found: dict[int, Vectors] = {}

    def work(number: int) -> None:
        found[number] = np.concatenate([encoder.encode([text]) for text in texts])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _hold(len(found) == THREADS, f"{THREADS - len(found)} of {THREADS} threads failed")
    for rows in found.values():
        _close(rows, expected, f"{THREADS} threads at once")


ENCODER_CHECKS: tuple[Callable[[Encoder], None], ...] = (
    check_shape,
    check_kept_rows,
    check_order,
    check_company,
    check_odd_texts,
    check_missing_texts,
    check_version,
    check_threads,
)


def check_encoder(encoder: Encoder) -> None:
    """Run all checks on an encoder. Raises AssertionError where one does not hold."""
    for check in ENCODER_CHECKS:
        check(encoder)


def check_installed(name: str) -> None:
    """Check the encoder that `load_encoder` gives for a name, in this process and in two others.

    What is stored in one process is read in the next: version and vectors must not hang on
    Python's hash seed, nor on anything else of the process. Raises AssertionError where a check
    does not hold, EncoderError for a name that cannot be loaded.
    """
    from encoders.load import load_encoder

    check_encoder(load_encoder(name))
    first, second = (_in_a_new_process(name, TEXTS, seed) for seed in ("1", "2"))
    _hold(first == second, f"two processes gave {first} and {second} for the same texts")


def _in_a_new_process(name: str, texts: Sequence[str], hash_seed: str) -> list[object]:
    """Return version, size and a digest of the vectors, as another process has them."""
    done = subprocess.run(  # noqa: S603 - this interpreter, and a script of ours
        [sys.executable, "-c", _ENCODE, name, json.dumps(texts)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
        check=False,
    )
    _hold(done.returncode == 0, f"a new process could not encode: {done.stderr.strip()[-500:]}")
    answer: list[object] = json.loads(done.stdout)
    return answer


def _close(rows: Vectors, wanted: Vectors, what: str) -> None:
    most = float(np.abs(rows - wanted).max()) if rows.shape == wanted.shape else np.inf
    _hold(most <= CLOSE, f"{what}: vectors differ by {most:g}, the most is {CLOSE:g}")


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
