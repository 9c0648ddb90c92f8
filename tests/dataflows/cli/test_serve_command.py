"""`penchant serve` as a process: followed, asked, written to, stopped and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.dataflows.serve.stored.sent import listed

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0


class Serve:
    """A process of `penchant serve` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        self.output.mkdir()
        (self.output / "intents.jsonl").touch()
        self.events = folder / "events.jsonl"
        self.config = folder / "penchant.toml"
        self.config.write_text(
            f"[files]\nevents = '{self.events}'\noutput = '{self.output}'\nfollow = true\n"
            f"[serve]\nport = 0\nstop_seconds = 2\nstore = '{folder}/serve'\n"
            "[encoder]\nname = 'hashing-16'\n"
        )
        self.log = folder / "stderr.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, **environ: str) -> None:
        kept = {name: of for name, of in os.environ.items() if not name.startswith("PENCHANT_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dataflows.cli.main", "serve", *options],
                stderr=log,
                cwd=self.folder,
                env=kept | {"PYTHONPATH": str(ROOT)} | environ,
            )

    def begin(self, *options: str, **environ: str) -> str:
        """Start, and return where it answers once it does."""
        self.start("--config", str(self.config), *options, **environ)
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self.log.read_text()
            found = re.search(r"answer(?:ing)? at (?:http://)?(127\.0\.0\.1:\d+)", said)
            if found is not None:
                return f"http://{found[1]}"
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def served(tmp_path):
    made = Serve(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def ask(url: str, path: str, body: object = None, token: str | None = None) -> tuple[int, dict]:
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url + path, data, headers), timeout=20
        ) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def until(is_so, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def send_list(served: Serve, user_id: str) -> None:
    with (served.output / "recommendations.jsonl").open("ab") as file:
        file.write(listed(user_id, ("a", "b")) + b"\n")


def test_it_answers_what_was_sent_takes_events_and_answers_again_after_a_kill(served):
    send_list(served, "u1")
    url = served.begin()
    until(lambda: ask(url, "/readyz")[0] == 200, "readiness")
    status, first = ask(url, "/v1/users/u1/recommendations")
    assert status == 200
    assert first["source"] == "stored"
    event = {"event_id": "e", "user_id": "u1", "type": "view", "ts": 1.7e9, "item_id": "i1"}
    status, taken = ask(url, "/v1/events", event)
    assert (status, taken["events"]) == (202, [{"partition": "events.jsonl", "offset": 0}])
    assert json.loads(served.events.read_text()) == event
    assert ask(url, "/v1/rank", {"item_ids": ["a"]})[0] == 501
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
        told = answer.read()
        assert b"penchant_http_requests_total{" in told
        assert b"penchant_store_ready 1.0" in told
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    url = served.begin()
    until(lambda: ask(url, "/readyz")[0] == 200, "readiness")
    assert ask(url, "/v1/users/u1/recommendations") == (200, first)
    assert served.end() == 0


def test_a_taken_port_and_missing_tokens_are_one_line_and_status_two(served):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options, words in (
            (("--port", port), f"127.0.0.1:{port} cannot be listened at"),
            (("--port", port, "--workers", "2"), f"127.0.0.1:{port} cannot be listened at"),
            (("--host", "0.0.0.0"), "there is no token"),
        ):
            served.start("--config", str(served.config), *options)
            assert served.process.wait(PATIENCE) == 2
            (line,) = served.log.read_text().splitlines()
            assert words in line


def test_workers_share_a_port_and_end_with_the_first_process(served):
    send_list(served, "u1")
    token = "token-of-a-test-1234"
    url = served.begin("--workers", "2", PENCHANT_SERVE_TOKENS=f"read {token}")
    until(lambda: _is_up(url), "workers")
    path = "/v1/users/u1/recommendations"
    until(lambda: ask(url, path, token=token)[1].get("source") == "stored", "the list")
    assert ask(url, path)[0] == 401
    status, said = ask(url, "/metrics")
    assert (status, "metrics.enabled" in said["remedy"]) == (501, True)
    assert token not in served.log.read_text()
    assert served.end() == 0
    until(lambda: not _is_up(url), "the end of all workers")


def test_each_worker_tells_its_own_metrics(served):
    with served.config.open("a") as file:
        file.write("[metrics]\nenabled = true\nport = 0\n")
    url = served.begin("--workers", "2")
    told = re.compile(r"metrics at (http://127\.0\.0\.1:\d+/metrics)")
    until(lambda: len(told.findall(served.log.read_text())) == 2, "both workers")
    until(lambda: _is_up(url), "workers")
    for _ in range(10):
        assert ask(url, "/v1/leaderboards")[0] == 200
    counted = 0
    for each in told.findall(served.log.read_text()):
        with urllib.request.urlopen(each, timeout=20) as answer:
            found = re.findall(r'route="/v1/leaderboards".*? (\d+)\.0', answer.read().decode())
        counted += sum(map(int, found[:1]))
    assert counted == 10
    assert ask(url, "/metrics")[0] == 501


def test_a_worker_without_a_port_for_its_metrics_is_told_before_any_begins(served):
    with served.config.open("a") as file:
        file.write("[metrics]\nenabled = true\nport = 65534\n")
    served.start("--config", str(served.config), "--workers", "2")
    assert served.process.wait(PATIENCE) == 2
    (line,) = served.log.read_text().splitlines()
    assert "metrics.port is 65534" in line


def _is_up(url: str) -> bool:
    try:
        return ask(url, "/healthz")[0] == 200
    except OSError:
        return False
