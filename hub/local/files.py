"""What the hub answers about files: listings, contents, and how new ones are to be sent."""

import mimetypes
from collections.abc import Iterable
from fnmatch import fnmatch
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.responses import FileResponse, JSONResponse, Response

from hub.local import described
from hub.local.calls import Call
from hub.local.names import check_path
from hub.local.refusals import RefusalError
from hub.local.store import Commit, Entry, Repository

_LARGE_FROM = 10 * 2**20  # bytes
_PAGE, _LONG_PAGE = 50, 1000  # entries of a listing


def tree(call: Call) -> Response:
    """Files and folders, in pages."""
    commit, folder, expand = call.commit(), call.part("path").strip("/"), call.flag("expand")
    entries = _below(commit, folder, call.flag("recursive"))
    if folder and not entries:
        raise RefusalError(404, f"{folder} does not exist on {call.revision!r}", "EntryNotFound", commit=commit.sha)
    start, length = _cursor(call), _PAGE if expand else _LONG_PAGE
    shown = [entry | (described.last_commit(commit) if expand else {}) for entry in entries[start : start + length]]
    return JSONResponse(shown, headers=_next_page(call, start + length) if start + length < len(entries) else {})


def _below(commit: Commit, folder: str, recursive: bool) -> list[dict[str, Any]]:
    """What lies in a folder, by name; of all folders below too if `recursive`."""
    prefix = f"{folder}/" if folder else ""
    inside = {path: entry for path, entry in commit.files.items() if path.startswith(prefix)}
    names = {path[: end if end >= 0 else None] for path in inside for end in _ends(path, len(prefix), recursive)}
    return [described.file(name, inside[name]) if name in inside else described.folder(name, commit) for name in sorted(names)]


def _ends(path: str, start: int, recursive: bool) -> Iterable[int]:
    """Where the names end that a path adds to a listing: at slashes behind `start`, -1 for the end of the path."""
    slashes = [place for place in range(start, len(path)) if path[place] == "/"]
    return [*slashes, -1] if recursive else [*slashes, -1][:1]


def _cursor(call: Call) -> int:
    asked = call.request.query_params.get("cursor", "0")
    if not asked.isdecimal():
        raise RefusalError(400, f"Expected the cursor of a page before. Received: {asked!r}")
    return int(asked)


def _next_page(call: Call, cursor: int) -> dict[str, str]:
    query = urlencode({**call.request.query_params, "cursor": cursor})
    return {"Link": f'<{call.base}{call.request.url.path}?{query}>; rel="next"'}


def paths(call: Call) -> Response:
    """What is known of some paths; those that are not there are left out."""
    fields, commit = parse_qs(call.body.decode(errors="replace")), call.commit()
    expand = fields.get("expand", [""])[0].lower() in {"1", "true"}
    known = [entry for path in fields.get("paths", []) for entry in _path(commit, path.strip("/"))]
    return JSONResponse([entry | (described.last_commit(commit) if expand else {}) for entry in known])


def _path(commit: Commit, path: str) -> list[dict[str, Any]]:
    if path in commit.files:
        return [described.file(path, commit.files[path])]
    return [described.folder(path, commit)] if any(name.startswith(f"{path}/") for name in commit.files) else []


def resolve(call: Call) -> Response:
    """The content of a file, or of a range of it."""
    path, held = call.part("path"), call.commit()
    call.check_gate()
    entry = held.files.get(path)
    if entry is None:
        raise RefusalError(404, "Entry not found", "EntryNotFound", commit=held.sha)
    linked = {"X-Linked-Size": str(entry.size), "X-Linked-ETag": f'"{entry.oid}"'} if entry.large else {}
    headers = {"ETag": f'"{entry.oid}"', "X-Repo-Commit": held.sha, "X-Content-Type-Options": "nosniff"} | linked
    return FileResponse(call.repository.object_file(entry.oid), headers=headers, media_type=_media_type(path))


def _media_type(path: str) -> str:
    """Text as text; nothing that a browser would run."""
    guessed = mimetypes.guess_type(path)[0] or ""
    return "text/plain" if guessed.startswith("text/") or guessed == "application/json" else "application/octet-stream"


def preupload(call: Call) -> Response:
    """How each file is to be sent, and the hash of what lies there now."""
    files = call.writable.commit(call.revision).files
    patterns = _large_patterns(call.repository, files.get(".gitattributes"))
    try:
        asked = [(check_path(file["path"]), int(file["size"])) for file in call.fields["files"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusalError(400, f"Expected a list of files with path and size. Received: {error!r}") from error
    plans = {path: "lfs" if size > _LARGE_FROM or _matches(path, patterns) else "regular" for path, size in asked}
    return JSONResponse({"files": [_plan(path, mode, files.get(path)) for path, mode in plans.items()]})


def _plan(path: str, mode: str, there: Entry | None) -> dict[str, Any]:
    return {"path": path, "uploadMode": mode, "shouldIgnore": False} | ({"oid": there.oid} if there else {})


def _large_patterns(repository: Repository, attributes: Entry | None) -> list[str]:
    lines = repository.read(attributes).decode(errors="replace").splitlines() if attributes else []
    return [line.split()[0] for line in lines if "filter=lfs" in line.split()[1:]]


def _matches(path: str, patterns: list[str]) -> bool:
    return any(fnmatch(path if "/" in pattern else path.rpartition("/")[2], pattern) for pattern in patterns)
