"""The body of a commit as clients send it: one JSON object a line, first the header, then what happens to which file."""

import binascii
import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from hub.local.names import COMMIT, check_path
from hub.local.refusals import RefusalError


@dataclass(frozen=True)
class Put:
    """A small file, whole."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Point:
    """A large file that was uploaded before: its SHA-256, and its size in bytes if the client says it."""

    path: str
    oid: str
    size: int | None


@dataclass(frozen=True)
class Remove:
    """A file, or all files in a folder."""

    path: str
    is_folder: bool


Operation = Put | Point | Remove


@dataclass(frozen=True)
class Proposal:
    """A commit that somebody asks for; `parent` is the commit that it was made on, if that matters to them."""

    title: str
    message: str
    parent: str | None
    operations: tuple[Operation, ...]


def read_proposal(body: bytes) -> Proposal:
    """Read the lines of a commit. Raises RefusalError (400) for anything that is no whole, well-formed commit."""
    try:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        pairs = [(line["key"], line["value"]) for line in lines]
        if not pairs or pairs[0][0] != "header":
            raise RefusalError(400, "Expected a header in the first line of a commit")
        return _proposal(pairs[0][1], pairs[1:])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusalError(400, f"Expected one JSON object with key and value in each line of a commit. Received: {error!r}") from error


def _proposal(header: dict[str, Any], pairs: list[tuple[str, Any]]) -> Proposal:
    parent = header.get("parentCommit")
    if parent is not None and not COMMIT.fullmatch(parent):
        raise RefusalError(400, f"Expected the 40 digits of a commit as parentCommit. Received: {parent!r}")
    return Proposal(header["summary"], header.get("description") or "", parent, tuple(_operation(key, value) for key, value in pairs))


def _operation(key: str, value: dict[str, Any]) -> Operation:
    if key in {"deletedFile", "deletedFolder"}:
        return Remove(check_path(value["path"].rstrip("/")), key == "deletedFolder")
    if key == "file":
        return Put(check_path(value["path"]), _content(value))
    if key == "lfsFile" and value["algo"] == "sha256":
        return Point(check_path(value["path"]), str(value["oid"]), value.get("size"))
    raise RefusalError(400, f"Expected file, lfsFile, deletedFile or deletedFolder. Received: {key!r}")


def _content(value: dict[str, Any]) -> bytes:
    if value.get("encoding", "utf-8") != "base64":
        return str(value["content"]).encode()
    try:
        return b64decode(value["content"], validate=True)
    except binascii.Error as error:
        raise RefusalError(400, f"Expected base64. Received: {error}") from error
