"""Encodings and packings: a byte never costs a row."""

from __future__ import annotations

import bz2
import lzma
import os
import zipfile
from pathlib import Path

import pytest
from backports import zstd

from dataflows.datasets.convert import convert
from dataflows.errors import InputError
from tests.dataflows.datasets.convert_files import (
    FILMS,
    RATED,
    movielens,
    put,
    read,
    told,
)


def test_one_latin_1_byte_costs_no_film(tmp_path: Path):
    item = (
        "1|Toy Story (1995)|01-Jan-1995||x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        "2|Misérables, Les (1995)|01-Jan-1995||x|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n"
    )
    for encoding, hint in (("latin-1", "u.item is not UTF-8 (line 2 first)"), ("utf-8", "")):
        files = {"u.data": "7\t1\t3\t90\n", "u.item": item.encode(encoding)}
        report = movielens(tmp_path, files, force=True)
        titles = [item["title"] for item in read(tmp_path / "out", "items")]
        assert titles == ["Toy Story", "Misérables, Les"]
        assert hint in told(report)
        assert ("is not UTF-8" in told(report)) == bool(hint)


def test_one_odd_byte_does_not_spoil_the_rest_of_a_file(tmp_path: Path):
    films = "1,Amélie,\n2,Żądło,\n3,Öl,\n".encode() + b"4,Caf\xe9 \x81,\n"
    report = movielens(
        tmp_path, {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": FILMS.encode() + films}
    )
    titles = [item["title"] for item in read(tmp_path / "out", "items")]
    assert titles == ["Amélie", "Żądło", "Öl", "Café \x81"]
    assert "movies.csv: 1 lines hold bytes that are not UTF-8 (line 5 first)" in told(report)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-bom"])
def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path, encoding: str):
    text = RATED + "1,Zoë,3,100\n"
    data = (
        b"\xfe\xff" + text.encode("utf-16-be")
        if encoding.endswith("bom")
        else text.encode(encoding)
    )
    movielens(tmp_path, {"ratings.csv": data})
    assert read(tmp_path / "out")[0]["item_id"] == "Zoë"


def test_utf_16_without_a_mark_wants_its_name(tmp_path: Path):
    files = {"ratings.csv": (RATED + "1,Zoë,3,100\n").encode("utf-16-le")}
    with pytest.raises(InputError, match=r"is a binary file.* utf-16-le or utf-16-be"):
        movielens(tmp_path, files)
    movielens(tmp_path, files, encoding="utf-16-le")
    assert read(tmp_path / "out")[0]["item_id"] == "Zoë"


def test_an_encoding_that_is_named_is_used(tmp_path: Path):
    films = "2,一一重新开始,\n"
    files = {"ratings.csv": RATED + "1,2,3,100\n", "movies.csv": (FILMS + films).encode("gb18030")}
    report = movielens(tmp_path, files, encoding="gb18030")
    assert read(tmp_path / "out", "items")[0]["title"] == "一一重新开始"
    assert "movies.csv" not in " ".join(report.remarks)
    movielens(tmp_path, files, force=True)
    assert read(tmp_path / "out", "items")[0]["title"] != "一一重新开始"
    for name in ("klingon", "hex"):
        with pytest.raises(InputError, match=f"encoding '{name}' is unknown"):
            movielens(tmp_path, files, force=True, encoding=name)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("chinese", "big5"), ("korean", "cp949"), ("greek", "cp1253"), ("hebrew-2", "cp1255")],
)
def test_real_texts_in_old_encodings_are_read_when_named(
    shared: Path, tmp_path: Path, name: str, encoding: str
):
    data = (shared / f"data/dirty/encodings/sample-{name}.txt").read_bytes()
    lines = [line.strip() for line in data.splitlines() if line.strip()][:50]
    rows = [b"1\t" + line.replace(b"\t", b" ") for line in lines]
    path = put(
        tmp_path / "in",
        {
            "x.inter": "user_id:token\titem_id:token\n1\t1\n",
            "x.item": b"item_id:token\ttitle:token\n"
            + b"\n".join(b"%d\t%s" % (n, row[2:]) for n, row in enumerate(rows)),
        },
    )
    report = convert("recbole", path, tmp_path, encoding=encoding)
    assert report.items == len(lines)
    wanted = lines[0].decode(encoding).replace("\t", " ").strip()
    assert read(tmp_path, "items")[0]["title"] == wanted
    assert convert("recbole", path, tmp_path / "b").items == len(lines)  # odd letters, no row lost


@pytest.mark.parametrize(
    ("ending", "pack"), [(".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd.compress)]
)
def test_packed_files_are_read_whatever_their_packing(tmp_path: Path, ending: str, pack):
    data = pack((RATED + "1,2,3,100\n").encode())
    movielens(
        tmp_path, {f"ratings.csv{ending}": data, "movies.csv": pack(FILMS.encode() + b"2,A,")}
    )
    assert read(tmp_path / "out", "items")[0]["title"] == "A"
    with pytest.raises(InputError, match=f"is not a whole {ending[1:3]}"):
        movielens(tmp_path, {f"ratings.csv{ending}": data[:-6]}, force=True)


def test_an_archive_is_told_to_be_unpacked(tmp_path: Path):
    path = put(tmp_path / "in", {})
    with zipfile.ZipFile(path / "ml-1m.zip", "w") as archive:
        archive.writestr("ratings.dat", "1::2::3::4\n")
    with pytest.raises(InputError, match=r"\(unpack ml-1m\.zip first\)"):
        convert("movielens", path, tmp_path / "out")
    with pytest.raises(InputError, match=r"is a zip archive; unpack it first: python -m zipfile"):
        convert("movielens", path / "ml-1m.zip", tmp_path / "out")


def test_a_pipe_is_refused_before_it_is_read(tmp_path: Path):
    path = put(tmp_path / "in", {"ratings.csv": RATED + "1,2,3,100\n"})
    os.mkfifo(path / "pipe")
    with pytest.raises(InputError, match="pipe: is neither a file nor a folder"):
        convert("movielens", path / "pipe", tmp_path / "out")
    assert not (tmp_path / "out").exists()
