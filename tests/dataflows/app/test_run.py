"""The real process on files: killed, stopped, started again, in several shards."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.errors import InputError
from dataflows.state.ledger import Ledger
from dataflows.state.outbox import KIND_MESSAGE
from dataflows.state.store import Store, store_path
from encoders.backends.hashing import HashingEncoder
from tests.dataflows.stored import stored_ledger

ROOT = Path(__file__).resolve().parents[3]
EVENTS, USERS, ITEMS = 400, 12, 30
RUN = (
    "import sys; from dataflows.app.run import run; from dataflows.config.config import "
    "load_config as load; "
)
RUN += "from pathlib import Path; run(load(Path(sys.argv[1])))"
BAD = [b"\xff\xfe\x83", b'{"event_id": "x"', b"null", b'{"event_id": NaN}']


@pytest.fixture
def place(tmp_path: Path) -> SimpleNamespace:
    """A folder with items, a stream that has bad and repeated lines, and a configuration."""
    dice = random.Random(7)
    items = [
        json.dumps(
            {"item_id": f"i{n}", "title": f"thing {n} for {n % 5}", "categories": [f"c{n % 5}"]}
        ).encode()
        for n in range(ITEMS)
    ]
    events, clock = [], 1.7e9
    for number in range(EVENTS):
        user = dice.randrange(USERS)
        clock += dice.choice([0, 1, 5])
        fields = {
            "event_id": f"e{number if number % 20 else number // 2}",
            "user_id": f"u{user}",
            "item_id": f"i{(user * 3 + dice.randrange(9)) % ITEMS}",
            "type": dice.choice(["view", "view", "glance"]),
            "ts": clock,
        }
        events.append(json.dumps(fields).encode())
        if number % 37 == 0:
            events.append(BAD[number // 37 % len(BAD)])
    (tmp_path / "items.jsonl").write_bytes(b"\n".join(items) + b"\n")
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(events) + b"\n")
    return SimpleNamespace(folder=tmp_path, lines=len(events), config=config_of(tmp_path))


def config_of(folder: Path, name="run", shards=1, batch=7, follow=False) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(
        f"""
        [flow]
        epoch_seconds = 0.05
        [files]
        events = "{folder}/events.jsonl"
        items = "{folder}/items.jsonl"
        output = "{folder}/{name}-output"
        batch_size = {batch}
        follow = {str(follow).lower()}
        [state]
        path = "{folder}/{name}-state"
        shards = {shards}
        [encoder]
        name = "hashing-32"
        [clean.weights]
        glance = 0
        """
    )
    return path


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENCHANT_")}
    return kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more


def start(config: Path, *command: str, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *(command or ("-c", RUN, str(config)))],
        cwd=ROOT,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def lines(folder: Path, topic="recommendations", name="run") -> list[bytes]:
    path = folder / f"{name}-output" / f"{topic}.jsonl"
    return path.read_bytes().split(b"\n") if path.exists() else [b""]


def wait_for_lists(process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(lines(folder)) < count and process.poll() is None:
        assert time.monotonic() < deadline, "no lists came"
        time.sleep(0.002)


def last_lists(folder: Path, name="run") -> dict[str, list[str]]:
    found = {}
    for line in lines(folder, name=name)[:-1]:
        message = json.loads(line)
        found[message["user_id"]] = [place["item_id"] for place in message["items"]]
    return found


def records(folder: Path, name="run", shard=0) -> dict[tuple[str, str], bytes]:
    store = Store.reader(folder / f"{name}-state", shard)
    assert store is not None
    with closing(store):
        kinds = [kind for kind in store.kinds() if not kind.startswith(KIND_MESSAGE)]
        return {(kind, key): blob for kind in kinds for key, blob in store.scan(kind)}


def undelivered(folder: Path, name="run") -> int:
    store = Store.reader(folder / f"{name}-state")
    assert store is not None
    with closing(store):
        return len(list(store.scan(KIND_MESSAGE)))


def ledger(folder: Path, name="run", shard=0) -> Ledger:
    return stored_ledger(folder / f"{name}-state", shard)


def in_one_go(place: SimpleNamespace, **more) -> None:
    run(load_config(config_of(place.folder, "whole", **more), environ={}))


def test_killed_again_and_again_it_ends_like_an_unbroken_run(place):
    in_one_go(place, batch=1000)
    kills = 0
    for count in (1, 60, 130):
        process = start(place.config)
        wait_for_lists(process, place.folder, count)
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills == 3, "the process was too quick to be killed in mid-stream"
    finished(start(place.config))

    assert records(place.folder) == records(place.folder, "whole")
    assert last_lists(place.folder) == last_lists(place.folder, "whole")
    assert len(last_lists(place.folder)) == USERS
    assert undelivered(place.folder) == 0
    figures = ledger(place.folder)
    assert figures.balance() == place.lines
    assert figures.as_dict()["duplicate"] > 0
    dead = [json.loads(line)["offset"] for line in lines(place.folder, "dead-letters")[:-1]]
    assert len(set(dead)) == figures.as_dict()["dead_letter"] == EVENTS // 37 + 1


def test_sigterm_in_mid_stream_writes_all_and_repeats_nothing(place):
    in_one_go(place, batch=1000)
    process = start(config_of(place.folder, follow=True))
    wait_for_lists(process, place.folder, 30)
    process.send_signal(signal.SIGTERM)
    finished(process)
    assert ledger(place.folder).balance() < place.lines
    assert undelivered(place.folder) == 0
    before = lines(place.folder)
    assert before[-1] == b""

    finished(start(config_of(place.folder)))
    after = lines(place.folder)
    assert after[: len(before) - 1] == before[:-1]
    assert records(place.folder) == records(place.folder, "whole")
    assert last_lists(place.folder) == last_lists(place.folder, "whole")
    offsets = [json.loads(line)["position"]["offset"] for line in after[:-1]]
    assert offsets == sorted(offsets), "a list was sent twice"


def test_bytewax_runs_the_flow_too_opens_no_port_and_stops_on_sigterm(place):
    config = config_of(place.folder, follow=True)
    flow = ("-m", "bytewax.run", "-s", "1", "dataflows.app.flow:get_flow")
    process = start(config, *flow, PENCHANT_CONFIG=str(config))
    wait_for_lists(process, place.folder, 100)
    assert listening(process.pid) == []
    process.send_signal(signal.SIGTERM)
    finished(process)
    assert ledger(place.folder).balance() > 0
    assert undelivered(place.folder) == 0
    in_one_go(place)
    finished(start(place.config, *flow, PENCHANT_CONFIG=str(config_of(place.folder))))
    assert records(place.folder) == records(place.folder, "whole")


def listening(pid: int) -> list[int]:
    """Ports on which this process listens."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(link.readlink()))
        except FileNotFoundError:
            continue
    ports = []
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                ports.append(int(fields[1].split(":")[1], 16))
    return ports


def test_a_listening_port_would_be_seen():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname()[1] in listening(os.getpid())


def test_many_shards_in_one_process_share_the_users_and_balance(place):
    run(load_config(config_of(place.folder, shards=3), environ={}))
    ledgers = [ledger(place.folder, shard=shard) for shard in range(3)]
    assert sum(figures.balance() for figures in ledgers) == place.lines
    assert all(figures.balance() > 0 for figures in ledgers)
    assert set(last_lists(place.folder)) == {f"u{n}" for n in range(USERS)}
    for shard in range(3):
        stored = records(place.folder, shard=shard)
        assert sum(kind == "item" for kind, _ in stored) == ITEMS
    before = lines(place.folder)
    run(load_config(config_of(place.folder, shards=3), environ={}))
    assert lines(place.folder) == before, "what every shard has stored was read again"


def test_many_shards_killed_end_like_an_unbroken_run(place):
    in_one_go(place, shards=3)
    config = config_of(place.folder, shards=3)
    process = start(config)
    wait_for_lists(process, place.folder, 60)
    process.kill()
    process.communicate()
    finished(start(config))
    for shard in range(3):
        assert records(place.folder, shard=shard) == records(place.folder, "whole", shard)
    assert last_lists(place.folder) == last_lists(place.folder, "whole")


def test_a_follower_reads_what_is_appended_whole_lines_only(place):
    config = config_of(place.folder, follow=True)
    events = place.folder / "events.jsonl"
    whole = events.read_bytes()
    cut = whole.index(b"\n", len(whole) // 2) - 9
    events.write_bytes(whole[:cut])
    process = start(config)
    wait_for_lists(process, place.folder, 20)
    with events.open("ab") as file:
        file.write(whole[cut:])
    in_one_go(place)
    deadline = time.monotonic() + 120
    wanted = len(last_lists(place.folder, "whole"))
    while last_lists_whole(place.folder) != last_lists(place.folder, "whole"):
        assert time.monotonic() < deadline, f"the lists of {wanted} users did not come"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    finished(process)
    assert records(place.folder) == records(place.folder, "whole")


def last_lists_whole(folder: Path) -> dict[str, list[str]]:
    try:
        return last_lists(folder)
    except json.JSONDecodeError:  # caught in the middle of a write
        return {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state.shards": 2}, "shards 1"),
        ({"encoder.name": "hashing-16"}, "encoder hashing-32"),
        ({"learner.dim": 5}, "leave learner.dim out"),
        ({"learner.neighbours": 99}, "learner.neighbours"),
        ({"files.events": "/nowhere/events.jsonl"}, "cannot be read"),
        ({"files.items": "/nowhere/items.jsonl"}, "cannot be read"),
        ({"files.output": "/dev/null/x"}, "cannot be written"),
        ({"state.path": "/dev/null/x"}, "cannot be used"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(place, change, message):
    run(load_config(place.config, environ={}))
    before = store_path(place.folder / "run-state", 0).read_bytes()
    with pytest.raises(InputError, match=message) as caught:
        run(load_config(place.config, change, {}))
    assert "\n" not in str(caught.value)
    assert store_path(place.folder / "run-state", 0).read_bytes() == before
    run(load_config(place.config, environ={}))


def test_users_are_read_when_they_turn_up_not_at_the_start(place, monkeypatch):
    run(load_config(place.config, environ={}))
    scanned, loaded = [], []
    scan, get = Store.scan, Store.get

    def scan_noted(self, kind, start=""):
        scanned.append(kind)
        return scan(self, kind, start)

    monkeypatch.setattr(Store, "scan", scan_noted)
    monkeypatch.setattr(Store, "get", lambda s, kind, key: loaded.append(key) or get(s, kind, key))
    with (place.folder / "events.jsonl").open("ab") as file:
        fields = {"event_id": "last", "user_id": "u3", "item_id": "i1", "type": "view"}
        file.write(json.dumps(fields | {"ts": 1.7e9 + 9000}).encode() + b"\n")
    run(load_config(place.config, environ={}))
    monkeypatch.undo()
    stored = {kind for kind, _ in records(place.folder) if kind.endswith((":user", "served:0"))}
    assert stored, "the model keeps its users in records of their own"
    assert not stored & set(scanned)
    assert {key for key in loaded if key in {f"u{n}" for n in range(USERS)}} == {"u3"}


def test_the_encoder_may_be_given(place):
    engines = run(load_config(place.config, environ={}), HashingEncoder(48))
    assert engines[0].model.settings.dim == 48
