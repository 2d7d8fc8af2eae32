"""Keeps files for the one who may fetch them: once, within a minute, by a name that nobody can guess."""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

KEPT = 60.0  # seconds


@dataclass(frozen=True)
class Parcel:
    """A file that waits.

    Attributes:
        path: of the file.
        kind: its media type.
        folder: what goes when the file went.
    """

    path: Path
    kind: str
    folder: "TemporaryDirectory[str]"

    def discard(self) -> None:
        """Delete the file, and its folder if it was the last one there."""
        self.path.unlink(missing_ok=True)
        if not any(Path(self.folder.name).glob("*")):
            self.folder.cleanup()


class Shelf:
    """Parcels by their names. For one event loop.

    Args:
        seconds: after which what was not fetched is deleted.
    """

    def __init__(self, seconds: float = KEPT) -> None:
        self._seconds = seconds
        self._parcels: dict[str, tuple[Parcel, asyncio.TimerHandle]] = {}

    def put(self, parcel: Parcel) -> str:
        """Take a parcel in and return its name."""
        name = secrets.token_urlsafe(24)
        self._parcels[name] = (parcel, asyncio.get_running_loop().call_later(self._seconds, self._drop, name))
        return name

    def take(self, name: str) -> Parcel | None:
        """Hand a parcel out, who then has to discard it; None if there is none of this name, or it was fetched already."""
        parcel, timer = self._parcels.pop(name, (None, None))
        if timer is not None:
            timer.cancel()
        return parcel

    def _drop(self, name: str) -> None:
        if (parcel := self.take(name)) is not None:
            parcel.discard()
