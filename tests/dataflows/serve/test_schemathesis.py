"""Running processes, asked all that their OpenAPI document allows, and more.

One answers from a real model, the other (`penchant serve`) from what such a one sent.
"""

from __future__ import annotations

import json
import re

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dataflows.serve.http.call import NoQuery
from dataflows.serve.http.operations import OPERATIONS, STREAM
from tests.dataflows.processes import PATIENCE, Run
from tests.dataflows.serve.live.doors import Door, port_of

pytestmark = pytest.mark.slow

CHECKS = (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
SERVE = """
[serve]
enabled = true
port = 0
wait_seconds = 0.2
heartbeat_seconds = 0.05
[serve.leaderboards.wanted]
score = "users"
"""
STORED = ("-m", "dataflows.cli.main", "serve", "--config")
ASKED = [
    (one.name, mode)
    for one in OPERATIONS
    for mode in ("positive", "negative")
    # Nothing is wrong where nothing is taken.
    if mode == "positive" or one.body is not None or one.query != NoQuery
]


@pytest.fixture(scope="module", params=["run", "serve"])
def run(request, tmp_path_factory):
    made = Run(tmp_path_factory.mktemp(request.param), settings=SERVE)
    made.write(60)
    made.start()
    with Door(port_of(made)) as door:
        door.until_learnt(made)
    if request.param == "serve":
        made.process.terminate()
        assert made.process.wait(PATIENCE) == 0, made.said
        made.start(*STORED, str(made.config))
        made.until(lambda: "answering at" in made.said, "the second process")
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture(scope="module")
def schema(run):
    load_all_checks()
    address = re.findall(r"(?:answers|answering) at (http://127\.0\.0\.1:\d+)", run.said)[-1]
    with Door(int(address.rpartition(":")[2])) as door:
        run.until(lambda: door.answer("GET", "/readyz")[0] == 200, "readiness")
        described = door.ask("GET", "/openapi.json")
    found = schemathesis.openapi.from_dict(described)
    found.config.update(base_url=address)
    return found


def name_known(case) -> None:
    """Put a user and an item of the model into a case, so that more is asked than who they are."""
    known = {"user_id": "u1", "item_id": "i5", "kind": "encoder", "name": "wanted"}
    for name in set(known) & set(case.path_parameters or {}):
        case.path_parameters[name] = known[name]
    if case.operation.definition.raw["operationId"] == "send_events":
        events = case.body if isinstance(case.body, list) else [case.body]
        for number, event in enumerate(events):
            if isinstance(event, dict):
                event |= {"event_id": f"x{number}", "user_id": "u1", "type": "view", "ts": 1.7e9}


def told(case):
    """Ask for a stream; return the answer, None for one that is begun, which has no end."""
    with requests.request(**case.as_transport_kwargs(), stream=True, timeout=PATIENCE) as answer:
        if answer.status_code != 200:
            assert answer.content
            return Response.from_requests(answer, verify=True)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert next(answer.iter_lines()).startswith((b":", b"id:", b"event:", b"retry:"))
        return None


@pytest.mark.parametrize(("name", "mode"), ASKED)
def test_no_fault_and_no_answer_against_its_schema(schema, run, name, mode):
    operation = schema.find_operation_by_id(name)
    described = operation.definition.raw
    mode = schemathesis.GenerationMode(mode)

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.sampled_from([True, True, False]))
    def ask(case, is_of_known):
        if is_of_known:
            name_known(case)
        answer = told(case) if name == STREAM else case.call()
        if answer is None:
            return
        assert answer.status_code < 500 or answer.status_code in (501, 503), answer.text
        if str(answer.status_code) in described["responses"]:
            case.validate_response(answer, checks=CHECKS)
        else:  # an id that is spoilt may be another path, or none
            assert answer.status_code in (404, 405)
            assert json.loads(answer.content or b"{}").get("status") == answer.status_code

    ask()
    assert run.process.poll() is None, run.said
    assert "Traceback" not in run.said
    assert "a request failed" not in run.said
