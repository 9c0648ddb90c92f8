"""The OpenAPI document, written from the table of operations and the types of their parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from dataflows.lifecycle.versions import installed
from dataflows.serve.api_types import Problem
from dataflows.serve.http.call import Operation
from dataflows.serve.http.operations import OPERATIONS, STREAM

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+):id\}")
_ALWAYS = (400, 401, 403, 406, 408, 413, 415, 429, 500, 501, 503)
_WORDS = {
    200: "Answered",
    202: "Taken, and safe",
    400: "What is asked does not fit: value, limit, remedy",
    401: "A token is required, or this one is not known",
    403: "The token lacks the scope, or this is told to this machine alone",
    404: "Nobody has heard of it",
    406: "Accept leaves out what is answered here",
    408: "The body was too slow",
    409: "The registry refuses it",
    413: "Too large",
    415: "A body of another type",
    429: "Asked too often; Retry-After says when to come back",
    500: "A fault of ours",
    501: "Nobody here can answer it: the remedy says who can",
    503: "Not now; Retry-After says when to come back",
}


def path_of(template: str) -> str:
    """Return the path of a template as it is written in documents: `/v1/users/{user_id}`."""
    return _PARAMETER.sub(r"{\1}", template)


@cache
def document() -> bytes:
    """Return the OpenAPI document of all that can be asked, as JSON."""
    return msgspec.json.encode(openapi(OPERATIONS))


def openapi(operations: Iterable[Operation]) -> Schema:
    """Return the OpenAPI document (3.1) of operations."""
    operations = tuple(operations)
    types: list[Any] = [Problem]
    for one in operations:
        types += [kind for kind in (one.returns, _body_of(one)) if kind is not None]
        types.append(one.query)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: Schema = {}
    for one in operations:
        described = _described(one, by_type, components)
        paths.setdefault(path_of(one.template), {})[one.method.lower()] = described
    queries = {one.query.__name__ for one in operations}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "penchant",
            "version": installed("penchant") or "0",
            "description": "Lists and what is known, asked; events and items, taken in. Readers "
            "must take what they know and ignore other fields: new ones may come.",
        },
        "paths": paths,
        "components": {
            "schemas": {name: of for name, of in components.items() if name not in queries},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _body_of(operation: Operation) -> Any:
    return operation.body_schema or operation.body


def _described(operation: Operation, by_type: Schema, components: Schema) -> Schema:
    found: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation, components)],
        "responses": _responses(operation, by_type),
    }
    if operation.scope is not None:
        found["security"] = [{"token": []}]
        found["description"] = f"Scope of the token: {operation.scope}."
    else:
        found["security"] = []
    body = _body_of(operation)
    if body is not None:
        schema = by_type[repr(body)]
        found["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind in operation.media_types},
        }
    return found


def _path_parameters(operation: Operation) -> Iterable[Schema]:
    for name in _PARAMETER.findall(operation.template):
        schema: Schema = {"type": "string", "minLength": 1}
        if name == "kind":
            schema = {"enum": ["encoder", "language"]}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation, components: Schema) -> Iterable[Schema]:
    described = components[operation.query.__name__]
    required = described.get("required", [])
    for name, schema in described["properties"].items():
        plain = {key: value for key, value in schema.items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(plain),
            **({"description": schema["description"]} if "description" in schema else {}),
            **({"style": "form", "explode": True} if schema.get("type") == "array" else {}),
        }


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a parameter: it is left out where its field would be null."""
    found = {key: value for key, value in schema.items() if key != "default"}
    if "default" in schema and schema["default"] is not None:
        found["default"] = schema["default"]
    if "anyOf" in found:
        others = [one for one in found.pop("anyOf") if one != {"type": "null"}]
        found |= others[0] if len(others) == 1 else {"anyOf": others}
    return found


def _responses(operation: Operation, by_type: Schema) -> Schema:
    good: Schema = {"description": _WORDS[operation.status]}
    if operation.returns is not None:
        good["content"] = {"application/json": {"schema": by_type[repr(operation.returns)]}}
    else:
        kind = {STREAM: "text/event-stream", "openapi": "application/json"}.get(
            operation.name, "text/plain"
        )
        good["content"] = {kind: {}}
    problem = {"application/problem+json": {"schema": by_type[repr(Problem)]}}
    found = {str(operation.status): good}
    for status in sorted({*_ALWAYS, *operation.problems}):
        found[str(status)] = {"description": _WORDS[status], "content": problem}
    if operation.name == "readyz":
        found["503"] = {
            "description": "Not ready, or not now",
            "content": {"application/json": good["content"]["application/json"], **problem},
        }
    return found
