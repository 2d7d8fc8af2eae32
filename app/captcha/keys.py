"""The keys that sign tokens: from the environment, or made once and kept in a file that its owner alone can read.

Rotation overlaps: the newest key signs, an older one still verifies for `OVERLAP` seconds, longer than anything it
signed is worth something. A key that leaked is replaced without that. Keys from the environment rotate by putting a new
one in front of the old, or in its place.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from app.captcha.clock import Clock
from app.captcha.refusals import StoreError
from fersys.atomic import replacing
from fersys.errors import ConfigError

OVERLAP = 3600.0
_BYTES = 32  # as long as the hash, as RFC 7518 asks of HS256
_PATIENCE = 5.0  # seconds
_NEXT = "Put it back from a copy, or make another key with `python -m app keys rotate --now`: who has a token or a puzzle in hand solves again."


@dataclass(frozen=True)
class Key:
    """A signing key.

    Attributes:
        kid: its name, in the header of what it signed.
        secret: at least 32 bytes, as unpadded base64url text.
        retired_at: server time since which it signs no more; None for the one that signs.
    """

    kid: str
    secret: str = field(repr=False)
    retired_at: float | None = None

    @property
    def material(self) -> bytes:
        """The secret itself."""
        return base64.urlsafe_b64decode(self.secret + "=" * (-len(self.secret) % 4))

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for another purpose, from which the secret cannot be told."""
        return hmac.digest(self.material, purpose.encode(), hashlib.sha256)


_Known = tuple[tuple[int, int, int], tuple[Key, ...]]  # what a file was like, and what stood in it


class Keys(Protocol):
    """Hands out the key that signs, and by name those that still verify."""

    def signing(self) -> Key:
        """Return the newest key."""

    def verifying(self, kid: str) -> Key | None:
        """Return a key by its name if it still verifies."""


class FixedKeys:
    """Keys that stay as they are while the process runs; the first one signs, all verify."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = {key.kid: key for key in keys}
        self._first = keys[0]

    def signing(self) -> Key:
        """Return the first key."""
        return self._first

    def verifying(self, kid: str) -> Key | None:
        """Return a key by its name."""
        return self._keys.get(kid)


class KeyFile:
    """Keys in a file, which is made if it is not there, and read again once another process has rotated them.

    Raises:
        StoreError: by every method, if the file cannot be read or written.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._known: _Known | None = None  # one object, for threads that ask while another reads
        if not path.exists():
            self._change(lambda: self._read()[0] if path.exists() else self._write([make_key()]))

    def signing(self) -> Key:
        """Return the newest key."""
        return self._read()[0]

    def verifying(self, kid: str) -> Key | None:
        """Return a key by its name, unless it was retired longer than `OVERLAP` ago."""
        return next((key for key in self._read() if key.kid == kid and self._verifies(key)), None)

    def rotate(self, key: Key | None = None) -> Key:
        """Put a key in front, a new one by default, which signs from now on; forget those that no longer verify."""
        return self._change(lambda: self._add(key or make_key()))

    def replace(self, key: Key | None = None) -> Key:
        """Put a key, a new one by default, in the place of all others at once: for one that others may have seen."""
        return self._change(lambda: self._write([key or make_key()]))

    def _verifies(self, key: Key) -> bool:
        return key.retired_at is None or self._clock() < key.retired_at + OVERLAP

    def _change(self, change: Callable[[], Key]) -> Key:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_PATIENCE, mode=0o600):
                return change()
        except (OSError, Timeout) as error:
            raise StoreError(f"The key file cannot be written: {self._path}. Received: {type(error).__name__}") from error

    def _add(self, first: Key) -> Key:
        now = self._clock()
        kept = [replace(key, retired_at=now if key.retired_at is None else key.retired_at) for key in (self._read() if self._path.exists() else ())]
        return self._write([first, *filter(self._verifies, kept)])

    def _write(self, keys: Sequence[Key]) -> Key:
        with replacing(self._path) as path:
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump([asdict(key) for key in keys], file)
        return keys[0]

    def _read(self) -> tuple[Key, ...]:
        try:
            status = self._path.stat()
            seen, known = (status.st_mtime_ns, status.st_ino, status.st_size), self._known
            if known is None or seen != known[0]:
                self._known = known = seen, _read_keys(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(f"The key file cannot be read: {self._path}. Received: {type(error).__name__}. {_NEXT}") from error
        return known[1]


def _read_keys(text: str) -> tuple[Key, ...]:
    """Read a key file. Raises ValueError or TypeError if it has no key, or one that could not have been made here."""
    keys = tuple(Key(**fields) for fields in json.loads(text))
    if not keys or not all(key.kid and isinstance(key.kid, str) and isinstance(key.retired_at, int | float | None) and _is_long(key) for key in keys):
        raise ValueError("no key, or one that is none")
    return keys


def make_key() -> Key:
    """Return a new random key."""
    return Key(secrets.token_hex(8), secrets.token_urlsafe(_BYTES))


def parse_keys(text: str) -> list[Key]:
    """Read keys such as "2027a:<base64url>,2026b:<base64url>"; the first one signs.

    Raises:
        ConfigError: if a key has no name of its own, or less than 32 bytes. The keys are not in its words.
    """
    pairs = [part.strip().partition(":") for part in text.split(",") if part.strip()]
    keys = [Key(kid, secret.rstrip("=")) for kid, _, secret in pairs]
    if not keys or len({key.kid for key in keys if key.kid}) < len(keys) or not all(map(_is_long, keys)):
        raise ConfigError(
            f"Keys: expected name:secret, separated by commas, each secret {_BYTES} bytes or more in base64url. Received: {len(keys)} of another form"
        )
    return keys


def _is_long(key: Key) -> bool:
    try:
        return len(key.material) >= _BYTES
    except (binascii.Error, ValueError):
        return False
