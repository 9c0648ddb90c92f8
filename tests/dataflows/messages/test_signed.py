"""The envelope of an authority's records: what holds, and what never does."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from dataflows.config import signing_keys
from dataflows.config.signing_keys import KEY, KEY_FILE, Keys, read_keys
from dataflows.engine.decisions.sequences import MOST_SIGNERS, Sequences
from dataflows.errors import InputError
from dataflows.messages import signed
from dataflows.messages.raw import Refused
from dataflows.messages.signed import LARGEST, read_signed, write_signed

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "messages.md"
SECRET = b"a key that nobody else has"
KEYS, OTHER = Keys([SECRET]), Keys([b"the key of somebody else"])
CONTENT = '{"do": "retire", "intent": "gift"}'


def opened(value: bytes | None, keys: Keys = KEYS) -> signed.Signed:
    return read_signed(value, keys, 100_000, 256)


def record(keys: Keys = KEYS, **changes: Any) -> bytes:
    made = json.loads(write_signed("intents", "anna", 7, CONTENT.encode(), keys))
    return json.dumps({**made, **changes}).encode()


def refusal(value: bytes | None, keys: Keys = KEYS) -> str:
    with pytest.raises(Refused) as caught:
        opened(value, keys)
    assert SECRET.decode() not in str(caught.value)
    return str(caught.value.reason)


def test_a_signed_record_comes_back_and_is_told_apart_from_an_unsigned_one() -> None:
    assert opened(record()) == signed.Signed("intents", "anna", 7, CONTENT.encode(), True)
    unsigned = record(Keys())
    assert "signature" not in json.loads(unsigned)
    assert opened(unsigned, Keys()).is_signed is False
    assert opened(record(), Keys()).is_signed is False, "without a key nothing is proved"
    assert refusal(unsigned) == "not_signed"


def test_the_signature_is_what_the_page_says() -> None:
    message = b"penchant-signed-1\nintents\nanna\n7\n" + CONTENT.encode()
    wanted = hmac.new(SECRET, message, hashlib.sha256).hexdigest()
    assert json.loads(record())["signature"] == wanted
    page = PAGE.read_text("utf-8")
    assert "penchant-signed-1" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "intent"},
        {"signer": "bert"},
        {"sequence": 8},
        {"content": CONTENT + " "},
        {"content": CONTENT.replace("gift", "card")},
        {"signature": "0" * 64},
        {"signature": "00"},
        {"signature": "\u00e9" * 64},
        {"signature": "g" * 64},
        {"signature": "0" * 100_000},
    ],
)
def test_whatever_is_changed_the_signature_holds_no_more(changes: dict[str, Any]) -> None:
    assert refusal(record(**changes)) in ("bad_signature", "too_large")
    assert refusal(record(OTHER, **{**changes, "signature": record(OTHER)[-66:-2].decode()}))


@pytest.mark.parametrize("sequence", [10**30, 2**63, -1, 10**4000])
def test_a_sequence_beyond_64_bits_is_refused_even_where_nothing_is_signed(sequence: int) -> None:
    text = str(sequence) if sequence < 10**100 else "1" + "0" * 4000
    plain = record(Keys()).replace(b'"sequence": 7', f'"sequence": {text}'.encode())
    assert refusal(plain, Keys()) == "bad_sequence"
    assert refusal(plain) == "bad_sequence"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"", "bad_json"),
        (b"[1]", "not_an_object"),
        (b"\xff", "not_utf8"),
        (b"[" * 5000, "bad_json"),
        (b'{"kind":' + b"[" * 150 + b"]" * 150 + b"}", "bad_field"),
        (b" " * 200_000, "too_large"),
        (record(kind=5), "bad_field"),
        (record(kind=""), "missing_field"),
        (record(signer=None), "missing_field"),
        (record(signer=[]), "bad_id"),
        (record(signer="a\nb"), "bad_id"),
        (record(signer="\ud800"), "bad_id"),
        (record(signer="a" * 300), "bad_id"),
        (record(sequence=None), "missing_field"),
        (record(sequence=1.5), "bad_sequence"),
        (record(sequence="7"), "bad_sequence"),
        (record(sequence=True), "bad_sequence"),
        (record(content={}), "bad_field"),
        (record(content="\ud800"), "bad_field"),
        (record(signature=7), "bad_signature"),
        (record(signature=""), "not_signed"),
        (record(signature=None), "not_signed"),
    ],
)
def test_what_is_no_envelope_is_refused_with_its_reason(value: bytes | None, reason: str) -> None:
    assert refusal(value) == reason


def mutated(dice: random.Random) -> bytes:
    """A signed record, with bytes changed, fields replaced by junk, or cut."""
    value = bytearray(record())
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(value) + 1)
        match dice.randrange(5):
            case 0:
                value[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                del value[place : place + dice.randrange(40)]
            case 2:
                value[place:place] = dice.choice(JUNK)
            case 3:
                value = bytearray(dice.choice(JUNK).join(bytes(value).split(b'"', 3)[:3]))
            case _:
                name = dice.choice(["kind", "signer", "sequence", "content", "signature"])
                junk = dice.choice(JUNK)
                value = bytearray(re.sub(rb'("%s": )[^,}]*' % name.encode(), rb"\1JUNK", value))
                value = value.replace(b"JUNK", junk)
    return bytes(value)


JUNK = [b"null", b"[]", b"{}", b'"x"', b"1e999", b"-1", b"9" * 40, b"true", b"[" * 300, b"\xff"]
JUNK += [b'"\\ud800"', b'{"kind":{}}', b",", b'"', b"}", b"NaN", b'"' + b"a" * 300 + b'"', b" "]


def test_nothing_that_was_not_signed_is_ever_taken() -> None:
    dice, taken, refused = random.Random(0), 0, 0
    for _ in range(5_000):
        try:
            found = opened(mutated(dice))
        except Refused:
            refused += 1
        else:
            assert found == opened(record())
            taken += 1
    assert refused > 3_000
    assert taken, "white space, say, changes nothing"


def test_the_example_on_the_page_is_signed_as_it_says() -> None:
    page = PAGE.read_text("utf-8")
    example = page.split("### `decisions`")[1].split("```json\n")[1].split("```")[0].encode()
    found = opened(example, Keys([b"the key of this example"]))
    assert json.loads(found.content)["into"] == "card_arrival"


def test_a_key_comes_from_the_environment_or_a_file_and_can_be_replaced(tmp_path: Path) -> None:
    assert not read_keys({})
    assert not read_keys({KEY: "", KEY_FILE: ""})
    assert opened(record(), read_keys({KEY: SECRET.decode() + "\n"})).is_signed
    path = tmp_path / "keys"
    path.write_bytes(b"a new key of some length\n\n" + SECRET + b"\n")
    both = read_keys({KEY_FILE: str(path)})
    assert opened(record(), both).is_signed
    assert opened(record(both), Keys([b"a new key of some length"])).is_signed
    assert refusal(record(both)) == "bad_signature"


@pytest.mark.parametrize(
    ("variables", "content", "told"),
    [
        ({KEY: "hush"}, None, "4 bytes"),
        ({KEY: SECRET.decode(), KEY_FILE: "x"}, None, "set one of them"),
        ({KEY_FILE: "FILE"}, None, "cannot be read"),
        ({KEY_FILE: "FILE"}, b"\n\n", "holds no key"),
        ({KEY_FILE: "FILE"}, b"hush hush\n", "9 bytes"),
        ({KEY_FILE: "FILE"}, b"hush\xffhush", "UTF-8"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_and_never_shown(
    tmp_path: Path, variables: dict[str, str], content: bytes | None, told: str
) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    environ = {name: of.replace("FILE", str(path)) for name, of in variables.items()}
    with pytest.raises(InputError, match=told) as caught:
        read_keys(environ)
    message = str(caught.value)
    assert "\n" not in message
    assert "hush" not in message
    assert SECRET.decode() not in message
    assert caught.value.__cause__ is None


def test_keys_show_nothing_of_themselves() -> None:
    assert "key that" not in repr(KEYS) + str(KEYS)
    assert len(SECRET) >= signing_keys.LEAST_BYTES


def test_sequences_only_grow_and_forget_no_signer_so_that_it_could_begin_anew() -> None:
    known = Sequences()
    assert known.of("anna") == -1
    known.take("anna", 5)
    assert (known.of("anna"), known.of("bert")) == (5, -1)
    for number in range(MOST_SIGNERS):
        known.take(f"s{number}", 100 + number)
    assert len(known.last) == MOST_SIGNERS
    assert known.of("anna") == known.of("new") == 5, "who was forgotten begins above that"
    known.take("new", LARGEST)
    assert known.of("other") == 100


def test_the_next_sequence_is_the_clock_or_just_above_the_last() -> None:
    assert signed.next_sequence(-1, clock=50) == 50
    assert signed.next_sequence(50, clock=50) == 51
    assert signed.next_sequence(900, clock=50) == 901
    assert 1.6e18 < signed.next_sequence(-1) < LARGEST
