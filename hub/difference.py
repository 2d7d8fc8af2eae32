"""What a push would change: files here held against those of a commit there."""

from collections.abc import Iterable
from dataclasses import dataclass

from huggingface_hub.hf_api import RepoFile, RepoFolder

from fersys.digest import sha256
from hub.parcel import Parcel, git_hash

SERVERS_OWN = {".gitattributes"}  # made with the repository: which files are kept as large ones


@dataclass(frozen=True)
class Difference:
    """Paths in the repository, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """What is uploaded."""
        return self.added + self.changed

    def __bool__(self) -> bool:
        return bool(self.written or self.deleted)


def compare(parcel: Parcel, tree: Iterable[RepoFile | RepoFolder]) -> Difference:
    """Compare by content: SHA-256 of a large file, git's own hash of another."""
    there = {file.path: file for file in tree if isinstance(file, RepoFile) and file.path not in SERVERS_OWN}
    added = [path for path in parcel.files if path not in there]
    changed = [path for path in parcel.files if path in there and _differs(parcel, there[path])]
    deleted = [path for path in there if path not in parcel.files]
    return Difference(*(tuple(sorted(paths)) for paths in (added, changed, deleted)))


def _differs(parcel: Parcel, file: RepoFile) -> bool:
    path = parcel.files[file.path]
    if path.stat().st_size != file.size:
        return True
    return sha256(path) != file.lfs.sha256 if file.lfs else git_hash(path) != file.blob_id


def describe(difference: Difference, parcel: Parcel) -> str:
    """Return a line a file, for people: + new, ~ changed, - deleted."""
    marks = (("+", difference.added), ("~", difference.changed), ("-", difference.deleted))
    lines = [f"{mark} {path}{_size(path, parcel)}" for mark, paths in marks for path in paths]
    return "\n".join(lines) or "nothing to change"


def _size(path: str, parcel: Parcel) -> str:
    return f"  ({-(-parcel.files[path].stat().st_size // 1000):,} kB)" if path in parcel.files else ""
