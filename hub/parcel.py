"""What is pushed: files of a folder, each with its place in a repository."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

MODEL, SPACE = "model", "space"


@dataclass(frozen=True)
class Parcel:
    """Files that make up the whole content of a repository.

    Attributes:
        name: what messages call it.
        files: path in the repository, with slashes, -> file on disk.
        kind: `MODEL` or `SPACE`.
        left_out: what lies in the folder and is not pushed, such as the state of a training.
    """

    name: str
    files: dict[str, Path]
    kind: str = MODEL
    left_out: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.files.values())


def git_hash(path: Path) -> str:
    """Return the name that git gives a file's content: SHA-1 of a header and the content, 40 hex digits."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(folder: Path) -> dict[str, Path]:
    """Return all files of a folder and its folders by their path in it, with slashes, sorted."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
