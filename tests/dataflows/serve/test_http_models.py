"""Models are put in force over HTTP by the registry's own rules, by admins alone."""

from __future__ import annotations

import msgspec
import pytest

from dataflows.registry.registry import Registry
from dataflows.serve.api_types import ListRequest
from dataflows.serve.http.user_routes import ListQuery
from tests.dataflows.registry.tiny import about, write_sentence
from tests.dataflows.serve.test_http_checks import ADMIN, READER, TOKENS, bearer
from tests.dataflows.serve.test_http_routes import problem


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "models")


def test_a_version_is_promoted_and_rolled_back_and_announced(door, registry, tmp_path):
    first, second = (
        registry.add("encoder", write_sentence(tmp_path / str(seed), seed=seed), given).id
        for seed, given in ((1, about(gate=None)), (2, about()))
    )
    told = []
    client = door(
        registry=lambda: registry,
        announce=lambda _, promotion: told.append(promotion.version),
        tokens=TOKENS,
        clock=lambda: 1.7e9,
    )

    def ask(path: str, body: dict, token: str = ADMIN):
        return client.post(f"/v1/models/{path}", json=body, headers=bearer(token))

    problem(ask("encoder/promote", {"version": first}, READER), 403)
    assert registry.current("encoder") is None
    made = ask("encoder/promote", {"version": first, "anyway": True, "reason": "a trial"})
    assert made.status_code == 200, made.text
    assert (made.json()["version"], made.json()["reason"]) == (first, "a trial")
    assert registry.current("encoder").id == first
    ask("encoder/promote", {"version": second})
    assert ask("encoder/rollback", {}).json()["version"] == first
    assert ask("encoder/rollback", {"to": "base"}).json()["version"] == ""
    assert registry.current("encoder") is None
    assert told == [first, second, first, ""]


def test_what_the_registry_refuses_is_a_problem_with_its_words(door, registry, tmp_path):
    made = registry.add("encoder", write_sentence(tmp_path / "one", seed=1), about(gate=None)).id
    client = door(registry=lambda: registry)

    def refused(path: str, body: dict, status: int) -> str:
        return problem(client.post(f"/v1/models/{path}", json=body), status).detail

    assert "never judged" in refused("encoder/promote", {"version": made}, 409)
    assert "there is no version" in refused("encoder/promote", {"version": "x"}, 409)
    assert "not of language" in refused("language/promote", {"version": made}, 409)
    assert "no such kind" in refused("other/rollback", {}, 404)
    refused("encoder/rollback", {}, 409)
    assert "reason is ''" in refused("encoder/rollback", {"reason": ""}, 400)
    assert registry.promotions() == []


def test_a_query_can_ask_for_all_that_a_body_can():
    fields = {field.name for field in msgspec.structs.fields(ListRequest)}
    asked = {field.name for field in msgspec.structs.fields(ListQuery)}
    assert asked == (fields - {"rules"}) | {"search"}
    assert ListQuery().request() == ListRequest()
