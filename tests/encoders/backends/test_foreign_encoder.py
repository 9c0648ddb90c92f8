"""Encoders that another package brings: loaded when named, versioned, held to the contract."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import encoders.backends.sentence
from encoders.base import EncoderError, cut_texts
from encoders.load import is_brought, is_of_hub, load_encoder
from encoders.testing import check_encoder

ROOT = Path(__file__).resolve().parents[3]
GROUP = "penchant.encoders"
LETTERS = """
import numpy as np

class Letters:
    version = "letters-1"
    cut = 3

    def __init__(self, dim="26"):
        self.dim = int(dim)

    def encode(self, texts):
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts):
            for letter in text.encode("utf-8", "surrogatepass"):
                row[letter % self.dim] += 1.0 + letter / 256.0
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths > 0.0, lengths, 1.0)

class Wide(Letters):
    def encode(self, texts):
        return super().encode(texts).astype(float)

class Fails(Letters):
    def encode(self, texts):
        if "boom" in texts:
            raise RuntimeError("no\\nroom")
        return super().encode(texts)

class Nameless(Letters):
    version = None

NONE = ["no", "maker"]
"""


@pytest.fixture
def letters(foreign):
    names = {"letters": "Letters", "wide": "Wide", "fails": "Fails", "nameless": "Nameless"}
    names["list"] = "NONE"
    return foreign({f"{GROUP}:{name}": of for name, of in names.items()}, LETTERS)


def test_it_is_loaded_by_its_name_and_keeps_to_the_contract(letters) -> None:
    encoder = load_encoder("letters")
    assert encoder.dim == 26
    assert encoder.version.startswith("letters-26-")
    assert cut_texts(encoder) == 3
    check_encoder(encoder)


def test_what_stands_behind_the_colon_is_handed_over(letters) -> None:
    encoder = load_encoder("letters:40", dim=40)
    assert encoder.dim == 40
    assert encoder.version.startswith("letters-40-")
    with pytest.raises(EncoderError, match=r"cannot be made with 'x': ValueError.*behind the col"):
        load_encoder("letters:x")
    with pytest.raises(EncoderError, match="gives 26 dimensions where 64 are stored"):
        load_encoder("letters", dim=64)


def test_another_release_or_argument_is_another_version(foreign) -> None:
    versions = set()
    for release in ("1.0", "1.1"):
        foreign({f"{GROUP}:letters": "Letters"}, LETTERS, version=release)
        versions |= {load_encoder("letters").version, load_encoder("letters:26").version}
    assert len(versions) == 4


def test_the_same_release_has_the_same_version_again(letters) -> None:
    assert load_encoder("letters").version == load_encoder("letters").version


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("list", "is list, not a function or class that makes one"),
        ("wide", r"gave float64 of shape \(2, 26\) for 2 texts, not float32"),
        ("nameless", "is none: its version is None, not a text"),
    ],
)
def test_what_is_no_encoder_is_refused_with_its_package(letters, name, told) -> None:
    with pytest.raises(EncoderError, match=told) as refused:
        load_encoder(name)
    assert f"the encoder '{name}' of somebodys-package 1.0" in str(refused.value)
    assert "docs/how-to/plugins.md" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_that_fails_later_is_one_line_with_its_package(letters) -> None:
    encoder = load_encoder("fails")
    with pytest.raises(EncoderError, match=r"somebodys-package 1\.0 failed: RuntimeError: no room"):
        encoder.encode(["boom"])


def test_a_package_that_cannot_be_imported_is_named(foreign) -> None:
    foreign({f"{GROUP}:letters": "Letters"}, "import a_library_that_is_not_there")
    with pytest.raises(EncoderError, match=r"^the encoder 'letters' of somebodys-package 1\.0 can"):
        load_encoder("letters")


@pytest.mark.parametrize("name", ["packaged", "multilingual", "hashing", "hashing-64"])
def test_a_name_of_ours_cannot_be_taken(foreign, name) -> None:
    foreign({f"{GROUP}:{name}": "Letters"}, LETTERS)
    with pytest.raises(EncoderError, match=r"of penchant's own, and somebodys-package 1\.0"):
        load_encoder(name)


def test_a_folder_of_the_same_name_makes_it_unclear(letters, tmp_path, monkeypatch) -> None:
    (tmp_path / "letters").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match=r"write \./letters for the folder"):
        load_encoder("letters")


def test_it_is_none_of_the_hub_and_has_no_revision(letters) -> None:
    assert is_brought("letters")
    assert is_brought("letters:40")
    assert not is_brought("someone/letters")
    assert not is_of_hub("letters")
    with pytest.raises(EncoderError, match="no name of the hub"):
        load_encoder("letters", revision="main")


def test_names_that_are_near_are_told(letters, monkeypatch) -> None:
    asked = pytest.fail
    monkeypatch.setattr(encoders.backends.sentence, "unreachable", lambda name: asked("asked"))
    with pytest.raises(EncoderError, match="did you mean 'letters'"):
        load_encoder("leters")
    with pytest.raises(EncoderError, match="`letters`, "):
        load_encoder("no such name")


def test_vectors_of_a_foreign_encoder_are_its_own(letters) -> None:
    rows = load_encoder("letters").encode(["ab"])
    np.testing.assert_allclose(rows[0, [19, 20]], [0.706, 0.708], atol=1e-2)


def test_nothing_foreign_is_imported_where_ours_is_named(foreign) -> None:
    module = foreign({f"{GROUP}:letters": "Letters"}, "raise SystemExit('imported')")
    script = (
        "import sys\nfrom encoders.load import load_encoder\nload_encoder('hashing')\n"
        f"sys.exit({module!r} in sys.modules or 'encoders.backends.foreign' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0
