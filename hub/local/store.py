"""Repositories on disk: files by their hash, commits that never change, and one small file that says where branches point.

A repository is a folder `<kind>/<owner>/<name>/` with `settings.json`, `objects/<hash>`, `commits/<sha>.json` and
`references.json`. A commit writes the files, then itself, and last replaces `references.json` in one rename: after a
kill in between, branches still point to the old commit, and what was written so far is in nobody's way.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import Any

from filelock import FileLock

from fersys.atomic import replacing
from hub.local.names import COMMIT, KINDS, is_repository
from hub.local.refusals import RefusalError

MAIN = "main"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHORTEST = 7  # hex digits of a commit that are taken for it


def git_hash(content: bytes) -> str:
    """What git calls a file with this content."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A file of a commit. `oid` is its SHA-256 if it is a large one, else its git hash; `size` is in bytes."""

    oid: str
    size: int
    large: bool = False

    @property
    def pointer(self) -> bytes:
        """What git keeps in the place of a large file."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.oid}\nsize {self.size}\n".encode()

    @property
    def git_oid(self) -> str:
        """The git hash of what git keeps."""
        return git_hash(self.pointer) if self.large else self.oid


@dataclass(frozen=True)
class Note:
    """What a commit says about itself."""

    title: str
    message: str = ""
    author: str = "system"


@dataclass(frozen=True)
class Commit:
    """A state of all files; `sha` follows from them, the parent and the note."""

    note: Note
    parent: str | None
    files: dict[str, Entry] = field(default_factory=dict)
    date: str = ""

    @property
    def sha(self) -> str:
        """40 hexadecimal digits."""
        content = {"parent": self.parent, "note": asdict(self.note), "files": {path: asdict(entry) for path, entry in sorted(self.files.items())}}
        return sha1(json.dumps(content, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Settings:
    """Who may see a repository; the kind of app that a Space is."""

    private: bool = False
    gated: bool = False
    sdk: str | None = None
    created: str = ""


@dataclass(frozen=True)
class Repository:
    """One repository in its folder."""

    kind: str
    name: str
    folder: Path

    @property
    def owner(self) -> str:
        """The user in front of the slash."""
        return self.name.partition("/")[0]

    @property
    def settings(self) -> Settings:
        """As they are now."""
        return Settings(**_read(self.folder / "settings.json"))

    def set_settings(self, settings: Settings) -> None:
        """Replace them."""
        _write(self.folder / "settings.json", asdict(settings))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one at a time gets in, of all threads and processes."""
        with FileLock(self.folder / "lock"):
            yield

    def references(self) -> dict[str, dict[str, str]]:
        """{"branches": {name: commit}, "tags": {name: commit}}."""
        return dict(_read(self.folder / "references.json"))

    def set_references(self, references: dict[str, dict[str, str]]) -> None:
        """Replace them; the caller has locked the repository."""
        _write(self.folder / "references.json", references)

    def resolve(self, revision: str) -> str:
        """The commit of a branch, a tag, or the first 7 or more digits of a commit. Raises RefusalError (404)."""
        references = self.references()
        for named in (references["branches"], references["tags"]):
            if revision in named:
                return named[revision]
        whole = self._commit_file(revision) if COMMIT.fullmatch(revision) else None
        found = [whole] if whole is not None and whole.is_file() else self._abbreviated(revision)
        if len(found) != 1:
            raise RefusalError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found[0].stem

    def _abbreviated(self, revision: str) -> list[Path]:
        hexadecimal = _SHORTEST <= len(revision) < 40 and set(revision) <= set("0123456789abcdef")
        return list((self.folder / "commits").glob(f"{revision}*.json")) if hexadecimal else []

    def _commit_file(self, sha: str) -> Path:
        return self.folder / "commits" / f"{sha}.json"

    def commit(self, revision: str) -> Commit:
        """The commit that a revision names. Raises RefusalError (404)."""
        stored = _read(self._commit_file(self.resolve(revision)))
        files = {path: Entry(**entry) for path, entry in stored["files"].items()}
        return Commit(Note(**stored["note"]), stored["parent"], files, stored["date"])

    def add_commit(self, commit: Commit) -> str:
        """Write a commit that nothing points to yet; its SHA."""
        _write(self._commit_file(commit.sha), asdict(commit) | {"date": now()})
        return commit.sha

    def object_file(self, oid: str) -> Path:
        """Where the content with this hash lies, or would lie."""
        return self.folder / "objects" / oid

    def add_object(self, content: bytes) -> Entry:
        """Keep the content of a small file."""
        entry = Entry(git_hash(content), len(content))
        with self.arriving() as part:
            part.write_bytes(content)
            os.replace(part, self.object_file(entry.oid))
        return entry

    @contextmanager
    def arriving(self) -> Iterator[Path]:
        """Hand out a path to write to; what was not moved elsewhere by the end is deleted."""
        part = self.folder / "objects" / f"{uuid.uuid4().hex}.part"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def large_file(self, sha256: str) -> Entry | None:
        """The large file with this hash, if it was uploaded."""
        path = self.object_file(sha256)
        return Entry(sha256, path.stat().st_size, large=True) if _SHA256.fullmatch(sha256) and path.is_file() else None

    def read(self, entry: Entry) -> bytes:
        """The content of a file."""
        return self.object_file(entry.oid).read_bytes()


class Store:
    """All repositories in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, kind: str, name: str) -> Repository | None:
        """The repository of a name, if there is one."""
        if kind not in KINDS or not is_repository(name):
            return None
        folder = self.folder / kind / name
        return Repository(kind, name, folder) if (folder / "references.json").is_file() else None

    def every(self, kind: str) -> list[Repository]:
        """All repositories of a kind, by name."""
        folders = sorted(path.parent for path in (self.folder / kind).glob("*/*/references.json"))
        return [Repository(kind, f"{folder.parent.name}/{folder.name}", folder) for folder in folders]

    def create(self, kind: str, name: str, settings: Settings, files: dict[str, bytes]) -> Repository | None:
        """A new repository with a first commit of `files`; None if there is one of this name already."""
        building = self._aside()
        repository = Repository(kind, name, building)
        for part in ("objects", "commits"):
            (building / part).mkdir(parents=True)
        repository.set_settings(settings)
        first = Commit(Note("initial commit"), None, {path: repository.add_object(content) for path, content in files.items()})
        repository.set_references({"branches": {MAIN: repository.add_commit(first)}, "tags": {}})
        return self._put_in_place(repository)

    def _put_in_place(self, built: Repository) -> Repository | None:
        place = self.folder / built.kind / built.name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            built.folder.rename(place)
        except OSError:  # somebody was faster
            shutil.rmtree(built.folder)
            return None
        return Repository(built.kind, built.name, place)

    def delete(self, repository: Repository) -> None:
        """Out of sight in one rename, then off the disk."""
        aside = self._aside()
        repository.folder.rename(aside)
        shutil.rmtree(aside)

    def _aside(self) -> Path:
        aside = self.folder / "aside" / uuid.uuid4().hex
        aside.parent.mkdir(parents=True, exist_ok=True)
        return aside


def now() -> str:
    """The time as the hub writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    with replacing(path) as whole:
        whole.write_text(json.dumps(content, indent=1), encoding="utf-8")
