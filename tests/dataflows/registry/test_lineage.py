"""What a rollback goes back through, and what gc must keep, over any history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataflows.registry.history import BASE, line_of, to_keep
from dataflows.registry.manifest import FileFacts, Manifest, Promotion, kind_of, number_of


def id_of(number: int, kind: str = "encoder") -> str:
    return f"{kind}-{number:04d}-00000000"


def manifest(number: int, kind: str = "encoder", form: str = "static", base: str = "packaged"):
    return Manifest(
        kind=kind,
        id=id_of(number, kind),
        base=base,
        form=form,
        fingerprint="f",
        made=0.0,
        files={"a": FileFacts("0", 1)},
    )


def promotion(sequence: int, kind: str, version: str, action: str) -> Promotion:
    return Promotion(
        sequence=sequence,
        kind=kind,
        version=version,
        previous="",
        action=action,
        reason="",
        time=0.0,
    )


moves = st.lists(
    st.tuples(st.sampled_from(["encoder", "language"]), st.integers(-2, 8)), max_size=25
)


@given(moves, st.sets(st.integers(0, 24)))
def test_the_newest_record_says_what_is_in_force(moves, lost):
    """A move of -2 or -1 is a rollback by as many; lost records change nothing of that."""
    lines = {"encoder": [BASE], "language": [BASE]}
    records = []
    for kind, move in moves:
        line = lines[kind]
        if move < 0:
            del line[max(1, len(line) + move) :]
            records.append(promotion(len(records), kind, line[-1], "rollback"))
        elif line[-1] != id_of(move, kind):
            line.append(id_of(move, kind))
            records.append(promotion(len(records), kind, line[-1], "promote"))
    for kind, line in lines.items():
        assert line_of(records, kind) == line
        kept = [one for one in records if one.sequence not in lost]
        newest = [one for one in kept if one.kind == kind][-1:]
        assert line_of(kept, kind)[-1] == (newest[0].version if newest else BASE)


@given(
    st.sets(st.integers(0, 12)),
    st.lists(st.integers(0, 12), max_size=5),
    st.integers(0, 4),
    st.dictionaries(st.integers(0, 12), st.integers(0, 12)),
)
def test_what_is_kept_is_enough_and_no_more(numbers, promoted, keep, bases):
    versions = {}
    for number in sorted(numbers):
        base = bases.get(number)
        is_adapter = base is not None and base < number
        versions[id_of(number, "language")] = manifest(
            number,
            "language",
            "adapter" if is_adapter else "static",
            id_of(base, "language") if is_adapter else "packaged",
        )
    line = [BASE, *(id_of(number, "language") for number in promoted)]
    kept = to_keep(versions, {"language": line, "encoder": [BASE]}, keep) & versions.keys()
    newest = sorted(versions, key=number_of)[len(versions) - keep :] if keep else []
    roots = {*newest, *line[-2:]} & versions.keys()
    assert roots <= kept
    for one in kept:
        needed = versions[one].base if versions[one].form == "adapter" else BASE
        assert needed not in versions or needed in kept
    needed_by = {versions[one].base for one in kept}
    assert all(one in roots or one in needed_by for one in kept)


def test_an_id_is_read_as_a_whole():
    assert kind_of("encoder-0001-0123abcd") == "encoder"
    assert number_of("language-00010-0123abcd") == 10
    for wrong in (
        "encoder-0001",
        "encoder-0001-0123abcde",
        "x-0001-0123abcd",
        "encoder-1-0123abcd",
    ):
        assert kind_of(wrong) is None
        assert number_of(wrong) == -1
