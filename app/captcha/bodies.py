"""Reads the body of a request within bounds of size and time, and what it says."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import anyio
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from app.captcha.refusals import RefusedError

MAX_TEXT = 16 * 1024
_FIELDS = 16
_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


async def read_body(request: Request, most: int, patience: float) -> bytes:
    """Return the body, of at most `most` bytes, if it has arrived within `patience` seconds.

    Raises:
        RefusedError: "too-large" or "too-slow", or "bad-request" if the client left.
    """
    if int(_digits(request.headers.get("content-length", "0"))) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        with anyio.fail_after(patience):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError as error:
        raise RefusedError("too-slow", 408, f"Body: expected within {patience:g} seconds.") from error
    except ClientDisconnect as error:
        raise bad_request("a body that broke off") from error
    return bytes(body)


def media_type(request: Request) -> str:
    """Return the body's media type, in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, patience: float) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        RefusedError: if it is none, or says so with another media type than JSON's.
    """
    if media_type(request) != "application/json":
        raise RefusedError("unsupported-media-type", 415, f"Body: expected application/json. Received: {media_type(request) or 'no type'}")
    return _parse(await read_body(request, MAX_TEXT, patience))


async def read_fields(request: Request, patience: float) -> dict[str, str]:
    """Return the text fields of a JSON object or of a form, of either kind.

    Raises:
        RefusedError: if it is none of these, or a field is there twice or is not text.
    """
    kind = media_type(request)
    if kind not in (_URLENCODED, _MULTIPART):
        return texts(await read_json(request, patience))
    body = await read_body(request, MAX_TEXT, patience)
    parser = FormParser if kind == _URLENCODED else MultiPartParser
    options: dict[str, Any] = {"max_fields": _FIELDS} | ({"max_files": 0} if kind == _MULTIPART else {})
    try:
        form = await parser(request.headers, _stream(body), **options).parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise bad_request("a form that cannot be read") from error
    return _unique(form.multi_items())


def texts(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields if all are text; null stands for a field that is not there.

    Raises:
        RefusedError: "bad-request".
    """
    if wrong := [name for name, value in fields.items() if value is not None and not isinstance(value, str)]:
        raise bad_request(f"fields that are not text: {', '.join(wrong)[:80]!a}")
    if not all(map(_is_encodable, (*fields.keys(), *(value for value in fields.values() if value)))):
        raise bad_request("half a character")
    return {name: value for name, value in fields.items() if value is not None}


def bad_request(received: str) -> RefusedError:
    """Return the refusal of a body that cannot be read."""
    return RefusedError("bad-request", 400, f"Body: expected fields as documented. Received: {received}")


def _is_encodable(text: str) -> bool:
    """Whether it can be stored and sent: JSON's escapes, and some character sets of forms, can spell half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(items: list[tuple[str, Any]]) -> dict[str, str]:
    fields = texts(dict(items))
    if len(fields) < len(items):
        raise bad_request("a field twice")
    return fields


def _parse(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("no JSON") from error
    if not isinstance(fields, dict):
        raise bad_request("JSON that is no object")
    return fields


async def _stream(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
    yield b""


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise bad_request("a length that is no number")
    return text


def _too_large(most: int) -> RefusedError:
    return RefusedError("too-large", 413, f"Body: expected at most {most // 1024} KB.")
