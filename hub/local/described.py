"""What the hub tells about repositories, commits and files: JSON with the names that clients look for."""

from typing import Any

from hub.local import cards
from hub.local.refusals import RefusalError
from hub.local.store import Commit, Entry, Repository, git_hash

Described = dict[str, Any]


def repository(of: Repository, commit: Commit, with_files: bool) -> Described:
    """All about a repository at a commit; sizes and hashes of its files if `with_files`."""
    settings, data = of.settings, card_data(of, commit)
    own: Described = {"sdk": settings.sdk} if of.kind == "spaces" else {"gated": "auto" if settings.gated else False}
    if of.kind == "models":
        own |= {"modelId": of.name, "library_name": data.get("library_name"), "pipeline_tag": data.get("pipeline_tag")}
        own |= {"model-index": data.get("model-index")}
    return own | {
        "_id": commit.sha[:24],
        "id": of.name,
        "author": of.owner,
        "sha": commit.sha,
        "createdAt": settings.created,
        "lastModified": commit.date,
        "private": settings.private,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": cards.tags(data),
        "cardData": data,
        "siblings": [_sibling(path, entry, with_files) for path, entry in sorted(commit.files.items())],
    }


def card_data(of: Repository, commit: Commit) -> Described:
    """The front matter of the README; {} if there is none that can be read."""
    entry = commit.files.get("README.md")
    if entry is None:
        return {}
    try:
        return cards.front_matter(of.read(entry).decode(errors="replace"))
    except RefusalError:
        return {}


def _sibling(path: str, entry: Entry, with_files: bool) -> Described:
    if not with_files:
        return {"rfilename": path}
    large = {"lfs": {"sha256": entry.oid, "size": entry.size, "pointerSize": len(entry.pointer)}} if entry.large else {}
    return {"rfilename": path, "size": entry.size, "blobId": entry.git_oid} | large


def file(path: str, entry: Entry) -> Described:
    """A file in a listing."""
    large = {"lfs": {"oid": entry.oid, "size": entry.size, "pointerSize": len(entry.pointer)}} if entry.large else {}
    return {"type": "file", "path": path, "size": entry.size, "oid": entry.git_oid} | large


def folder(path: str, commit: Commit) -> Described:
    """A folder in a listing; its hash follows from what is in it."""
    inside = [f"{name} {entry.git_oid}" for name, entry in sorted(commit.files.items()) if name.startswith(f"{path}/")]
    return {"type": "directory", "path": path, "size": 0, "oid": git_hash("\n".join(inside).encode())}


def last_commit(commit: Commit) -> Described:
    """What a listing adds on request. The commit that is shown counts as the last of each file."""
    safe = {"status": "safe", "avScan": None, "pickleImportScan": None}
    return {"lastCommit": {"id": commit.sha, "title": commit.note.title, "date": commit.date}, "securityFileStatus": safe}


def log_line(commit: Commit) -> Described:
    """A commit in the history."""
    title, message = commit.note.title, commit.note.message
    return {
        "id": commit.sha,
        "title": title,
        "message": message,
        "date": commit.date,
        "authors": [{"user": commit.note.author}],
        "formatted": {"title": title, "message": message},
    }


def references(named: dict[str, dict[str, str]]) -> Described:
    """Branches and tags."""
    branches = [_reference(name, f"refs/heads/{name}", sha) for name, sha in sorted(named["branches"].items())]
    tags = [_reference(name, f"refs/tags/{name}", sha) for name, sha in sorted(named["tags"].items())]
    return {"branches": branches, "tags": tags, "converts": [], "pullRequests": []}


def _reference(name: str, ref: str, sha: str) -> Described:
    return {"name": name, "ref": ref, "targetCommit": sha}
