"""The OpenAPI document: whole, of the types, and held to by a running process."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from dataflows.serve.http.openapi import document, path_of
from dataflows.serve.http.operations import OPERATIONS

DOCUMENT = json.loads(document())


def parts(value):
    """Yield every object within a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from parts(inner)


def test_every_operation_is_described_under_its_name():
    found = {
        (path, method): one["operationId"]
        for path, methods in DOCUMENT["paths"].items()
        for method, one in methods.items()
    }
    assert found == {(path_of(one.template), one.method.lower()): one.name for one in OPERATIONS}
    assert len(set(found.values())) == len(OPERATIONS)


def test_what_is_referred_to_is_there_and_every_schema_is_one():
    names = {one["$ref"] for one in parts(DOCUMENT) if "$ref" in one}
    schemas = DOCUMENT["components"]["schemas"]
    assert names
    assert {name.rpartition("/")[2] for name in names} <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.name)
def test_a_described_operation_tells_its_parameters_its_token_and_its_problems(one):
    described = DOCUMENT["paths"][path_of(one.template)][one.method.lower()]
    in_path = {each["name"] for each in described["parameters"] if each["in"] == "path"}
    assert in_path == {part[1:-1] for part in path_of(one.template).split("/") if "{" in part}
    assert described["security"] == ([] if one.scope is None else [{"token": []}])
    for status in ("400", "429", "503"):
        assert "application/problem+json" in described["responses"][status]["content"]
    assert ("requestBody" in described) == (one.body is not None)


def test_limits_stand_with_their_parameters():
    described = DOCUMENT["paths"]["/v1/users/{user_id}/recommendations"]["get"]["parameters"]
    by_name = {each["name"]: each for each in described}
    assert by_name["k"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000}
    assert by_name["offset"]["schema"]["default"] == 0
    assert by_name["categories"]["schema"]["type"] == "array"
    assert by_name["categories"]["explode"] is True
    assert not any(each["required"] for each in by_name.values() if each["in"] == "query")
