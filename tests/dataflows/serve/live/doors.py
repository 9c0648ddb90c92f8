"""A connection to a process that answers over HTTP."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any, Self

from tests.dataflows.processes import PATIENCE, Run

_LISTENS = re.compile(r"answers at http://127\.0\.0\.1:(\d+)")


def port_of(run: Run) -> int:
    """The port that a process says it answers at, waited for."""
    run.until(lambda: _LISTENS.search(run.said) is not None, "an address")
    return int(_LISTENS.findall(run.said)[-1])


class Door:
    """Asks a process, one question after the other."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def answer(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer that is none but good."""
        status, read = self.answer(method, path, body)
        assert status < 300, read
        return read

    def until_learnt(self, run: Run, patience: float = PATIENCE) -> None:
        """Wait until all that is written is learnt, for at most so many seconds."""
        size, name = run.events.stat().st_size, run.events.name

        def is_learnt() -> bool:
            status, read = self.answer("GET", "/v1/popular?k=1")
            return status == 200 and read["as_of"].get(name) == size

        run.until(is_learnt, "all that is written learnt", patience)
