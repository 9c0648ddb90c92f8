"""Every limit that the OpenAPI document tells: on it a request is taken, beyond it refused."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from dataflows.serve.http.openapi import document
from dataflows.serve.http.operations import STREAM
from tests.dataflows.serve.test_http_routes import problem

DOCUMENT = json.loads(document())
KNOWN = {"user_id": "u1", "item_id": "i1", "name": "new", "kind": "encoder"}
NEEDED = {"search": {"q": ["lamp"]}}


def on_and_beyond(schema):
    """Values on each limit of a schema, and beside each the one beyond it."""
    if "minimum" in schema:
        yield schema["minimum"], schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"], schema["maximum"] + 1
    if schema.get("minLength"):
        yield "x" * schema["minLength"], "x" * (schema["minLength"] - 1)
    if "maxLength" in schema:
        yield "x" * schema["maxLength"], "x" * (schema["maxLength"] + 1)
    for limit, by in (("minItems", -1), ("maxItems", 1)):
        if limit in schema:
            yield (
                [f"i{n}" for n in range(schema[limit])],
                [f"i{n}" for n in range(schema[limit] + by)],
            )


QUERIES = [
    (one["operationId"], path, parameter["name"], *pair)
    for path, methods in DOCUMENT["paths"].items()
    for method, one in methods.items()
    if method == "get" and one["operationId"] != STREAM  # which has no end
    for parameter in one["parameters"]
    if parameter["in"] == "query"
    for pair in on_and_beyond(parameter["schema"])
]


@pytest.mark.parametrize(
    ("operation", "path", "name", "on", "beyond"), QUERIES, ids=lambda one: str(one)[:30]
)
def test_a_parameter_may_be_as_much_as_is_told_and_no_more(door, operation, path, name, on, beyond):
    client = door()

    def ask(value):
        given = NEEDED.get(operation, {}) | {name: value if isinstance(value, list) else [value]}
        query = "&".join(f"{key}={quote(str(one))}" for key, many in given.items() for one in many)
        return client.get(f"{path.format(**KNOWN)}?{query}")

    assert ask(on).status_code == 200
    assert name in problem(ask(beyond), 400).detail


def plain(schema):
    """A schema without the null that a field may be, and what it refers to."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            schema = one
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


BODIES = [
    (path, field, name, *pair)
    for path, body in (
        ("/v1/users/u1/recommendations", "ListRequest"),
        ("/v1/recommendations", "ListRequest"),
        ("/v1/rank", "RankRequest"),
        ("/v1/rank", "GivenContext"),
        ("/v1/recommendations", "GivenContext"),
    )
    for field in ["context" if body == "GivenContext" else None]
    for name, schema in DOCUMENT["components"]["schemas"][body]["properties"].items()
    for pair in on_and_beyond(plain(schema))
]


@pytest.mark.parametrize(
    ("path", "field", "name", "on", "beyond"), BODIES, ids=lambda one: str(one)[:30]
)
def test_a_body_may_hold_as_much_as_is_told_and_no_more(door, path, field, name, on, beyond):
    client = door()

    def ask(value):
        if name == "rules":
            value = [{"kind": "on_offer", "name": one} for one in value]
        given = {name: value} if field is None else {field: {name: value}}
        needed = {"item_ids": ["i1"]} if path == "/v1/rank" else {}
        return client.post(path, json=needed | given)

    assert ask(on).status_code == 200
    problem(ask(beyond), 400)


def test_there_are_limits_to_try():
    assert len(QUERIES) > 30
    assert len(BODIES) > 20
