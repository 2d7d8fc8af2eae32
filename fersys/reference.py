"""What names a model: a folder on this machine, or "owner/name" on a hub, with "@revision" if it is not the newest that is wanted."""

import re
from dataclasses import dataclass
from pathlib import Path

from fersys.errors import PackageError

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*"
_REPOSITORY = re.compile(rf"{_NAME}/{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9_][\w./+-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST = 96  # characters of a repository's name, as hubs have it
DEFAULT_REVISION = "main"


@dataclass(frozen=True)
class Reference:
    """A model on a hub.

    Attributes:
        repository: "owner/name".
        revision: a branch, a tag, or a commit (40 hex digits).
    """

    repository: str
    revision: str = DEFAULT_REVISION

    def __post_init__(self) -> None:
        if not _is_repository(self.repository):
            raise PackageError(f"Expected owner/name of letters, digits, -, _ and ., {_LONGEST} at most. Received: {self.repository!r}")
        if not _is_revision(self.revision):
            raise PackageError(f"Expected a branch, a tag or a commit after @. Received: {self.revision!r} for {self.repository}")

    @property
    def is_commit(self) -> bool:
        """Whether it names one commit for ever."""
        return is_commit(self.revision)

    def __str__(self) -> str:
        return self.repository if self.revision == DEFAULT_REVISION else f"{self.repository}@{self.revision}"


def is_commit(text: str) -> bool:
    """Say whether a text is the whole name of a commit: 40 hex digits."""
    return bool(_COMMIT.fullmatch(text))


def _is_repository(text: str) -> bool:
    fits = _REPOSITORY.fullmatch(text) and len(text) <= _LONGEST
    return bool(fits) and "--" not in text and not text.endswith((".git", ".", "-")) and not re.search(r"[.-]/", text)


def _is_revision(text: str) -> bool:
    return bool(_REVISION.fullmatch(text)) and not any(part in {"", ".", ".."} or part.endswith(".lock") for part in text.split("/")) and ".." not in text


def _at_home(ref: str | Path) -> Path:
    try:
        return Path(ref).expanduser()
    except RuntimeError as error:
        raise PackageError(f"No such home folder: expected ~, or ~ and the name of a user of this computer. Received: {ref}") from error


def parse_reference(text: str) -> Reference:
    """Read "owner/name" or "owner/name@revision".

    Raises:
        PackageError: if it is neither.
    """
    repository, at, revision = text.partition("@")
    return Reference(repository, revision if at else DEFAULT_REVISION)


def read_reference(ref: str | Path) -> Path | Reference:
    """Say what a text names: the one place where that is decided.

    What exists on this machine wins. Otherwise "owner/name" and whatever has an @ is a model on a hub; all else is a
    path, such as "./owner/name", "C:\\\\models\\\\mine" or "~/mine".

    Args:
        ref: as a user wrote it; "~" is the home folder.

    Raises:
        PackageError: if it does not exist, has an @ and is no reference to a hub.
    """
    path = _at_home(ref)
    text = ref if isinstance(ref, str) else ref.as_posix()
    if path.exists() or not ("@" in text or _is_repository(text)):
        return path
    try:
        return parse_reference(text)
    except PackageError as error:
        raise PackageError(f"{text} is no folder here, and no model on a hub. {error}") from error
