"""What stands in a request, read and checked: its path, its query, its body.

All of it is untrusted. What does not fit is told with its place, its value and its limit.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.types import Receive, Scope

from dataflows.messages.raw import shown
from dataflows.serve.http.problems import ProblemError

MOST_PARAMETERS = 3_000
_PLACE = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


class IdConvertor(StringConvertor):
    """One segment of a path, with what is written as `%2F` or `%2E` in it as part of the id.

    The router sees the path as it was sent, so that nothing in an id leads to another route.
    """

    def convert(self, value: str) -> str:
        """Return the id. Raises ProblemError (400) where it is not UTF-8."""
        try:
            return unquote_to_bytes(value.encode("latin-1")).decode()
        except UnicodeDecodeError:
            raise ProblemError(
                400, "an id in the path is not UTF-8", "write ids as UTF-8, percent-encoded"
            ) from None


register_url_convertor("id", IdConvertor())


def header(scope: Scope, name: bytes) -> str | None:
    """Return a header, the first of its name."""
    found = next((value for key, value in scope["headers"] if key == name), None)
    return None if found is None else found.decode("latin-1")


def read_query(scope: Scope, wanted: type[msgspec.Struct]) -> msgspec.Struct:
    """Return the parameters as their type. Raises ProblemError: 400."""
    fields = _fields(wanted)
    found: dict[str, Any] = {}
    for name, value in _pairs(scope["query_string"]):
        field = fields.get(name)
        if field is None:
            names = ", ".join(sorted(fields)) or "none"
            raise ProblemError(
                400, f"there is no parameter {shown(name)} here", f"this path takes: {names}"
            )
        if isinstance(field.default, tuple):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise ProblemError(400, f"{name} is given twice", "give it once")
        else:
            found[name] = value
    try:
        return msgspec.convert(found, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise ProblemError(400, misfit(str(error), found), "/openapi.json has the limits") from None


@cache
def _fields(wanted: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return the parameters of a type by name; to ask the type each time costs a third of a ms."""
    return {field.encode_name: field for field in msgspec.structs.fields(wanted)}


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise ProblemError(
            400, "the query is not UTF-8", "write parameters as UTF-8, percent-encoded"
        ) from None
    except ValueError:
        raise ProblemError(
            400, f"the query has more than {MOST_PARAMETERS} parameters", "ask for less at once"
        ) from None


async def read_body(scope: Scope, receive: Receive, most: int, seconds: float) -> bytes:
    """Return the whole body. Raises ProblemError: 413 where it is too long, 408 too slow."""
    told = header(scope, b"content-length")
    if told is not None and told.isdigit() and int(told) > most:
        raise _too_large(f"{int(told)}", most)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ProblemError(400, "the body broke off", "send it whole")
                body += message.get("body", b"")
                if len(body) > most:
                    raise _too_large("more", most)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise ProblemError(
            408,
            f"the body took longer than {seconds:g} s (serve.body_seconds)",
            "send it faster, or raise the limit",
            {"connection": "close"},
        ) from None


def _too_large(size: str, most: int) -> ProblemError:
    return ProblemError(
        413,
        f"the body has {size} bytes; the limit is {most} (serve.max_body_bytes)",
        "send it in parts, or raise the limit",
        {"connection": "close"},
    )


def check_media_type(scope: Scope, allowed: tuple[str, ...]) -> str:
    """Return the type of a body. Raises ProblemError: 415 where it is none of those."""
    given = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if given not in allowed:
        raise ProblemError(
            415,
            f"the body is {shown(given)}; this path takes {', '.join(allowed)}",
            f"send the header `Content-Type: {allowed[0]}`",
            {"accept-post": ", ".join(allowed)},
        )
    return given


def check_accepted(scope: Scope, media_type: str) -> None:
    """Raise ProblemError (406) where a request takes no answer of this type."""
    accepted = header(scope, b"accept")
    if accepted is None:
        return
    wanted = {media_type, media_type.partition("/")[0] + "/*", "*/*"}
    for part in accepted.split(","):
        name, *more = (piece.strip().lower() for piece in part.split(";"))
        if name in wanted and not any(re.fullmatch(r"q=0(\.0*)?", one) for one in more):
            return
    raise ProblemError(
        406, f"answers here are {media_type}, which Accept leaves out", f"accept {media_type}"
    )


def decode_body(body: bytes, wanted: Any) -> Any:
    """Return a JSON body as its type. Raises ProblemError: 400."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        raise ProblemError(
            400, misfit(str(error), _plain(body)), "/openapi.json has the limits"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            400, f"the body is not JSON: {error}", "send one JSON value, as UTF-8"
        ) from None


def misfit(message: str, given: Any) -> str:
    """Return msgspec's words on what does not fit, with the place and the value itself."""
    found = _PLACE.search(message)
    reason = message if found is None else message[: found.start()]
    place = "" if found is None else found[1]
    value = given
    for step in _STEP.finditer(place):
        try:
            value = value[int(step[2])] if step[2] else value[step[1]]
        except (KeyError, IndexError, TypeError):
            return f"{place.lstrip('.') or 'the value'}: {reason}"
    if not place:
        return reason
    return f"{place.lstrip('.')} is {shown(value)}: {reason}"


def _plain(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
