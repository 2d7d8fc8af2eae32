"""The audit log: what was granted and changed, one JSON line each, chained by hashes so that no line can be edited unseen.

Each line holds the hash of the line before it. A second file holds where the chain begins and ends, so that lines
missing at its end are noticed too. Whoever can write both files can forge both: note the printed end elsewhere.

What is about to change is announced in the second file first. So a process that is killed in between leaves no riddle:
the log is either as it was, or as was announced, and anything else was edited. The second file also comes first of all:
a log without it was tampered with, it without a log is one in which nothing was written yet.

Whoever checks the log keeps nobody from writing: lines are only ever appended, and a shorter log is another file.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from app.captcha.refusals import AuditError
from fersys.atomic import replacing, unfinished_name
from fersys.errors import FerSysError

_START = "0" * 64
_PATIENCE = 5.0  # seconds
_CHAIN_LENGTH = 512
_TAIL = 64 * 1024  # bytes, longer than any line
_ASIDE = "Move both aside, with a note, as docs/captcha.md says, once it is clear what happened: the service begins new ones."


class _ChangedError(Exception):
    """The lines are not as they were written."""


@dataclass(frozen=True)
class Chain:
    """Where the chain begins and ends.

    Attributes:
        start: the hash before the first line.
        end: that of the last line.
        count: how many lines there were ever.
        announced: where it begins and ends once a change that was begun is done; None if none is under way.
    """

    start: str = _START
    end: str = _START
    count: int = 0
    announced: "Chain | None" = None


@dataclass(frozen=True)
class _Snapshot:
    """The log at one moment, to be read while others write on: up to `size` bytes of the file it never changes."""

    chain: Chain
    file: IO[bytes]
    size: int

    def lines(self) -> Iterator[str]:
        """Yield the lines, each with its end."""
        while self.file.tell() < self.size:
            yield self.file.readline().decode("utf-8")


class Audit:
    """An append-only log in a file of this host, which several processes may write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chain_path = path.with_suffix(".chain.json")

    def record(self, at: float, event: str, **fields: str | int) -> None:
        """Append a line.

        Args:
            at: server time.
            event: what happened, such as "token-redeemed".
            fields: more about it; never a secret, a token or an address.

        Raises:
            AuditError: if it cannot be written.
        """
        with self.recording(at, event, **fields):
            pass

    @contextmanager
    def recording(self, at: float, event: str, **fields: str | int) -> Iterator[None]:
        """Append a line about what is done within: if that raises, the line is taken back; if the line cannot be written, it is not begun.

        Others who write wait as long as it takes. What is done within must not write a line of its own.

        Args:
            at: server time.
            event: as of `record`.
            fields: as of `record`.

        Raises:
            AuditError: if the line cannot be written.
        """
        with self._locked():
            chain = self._settled()
            line = _seal({"n": chain.count + 1, "at": round(at, 3), "event": event, **fields, "before": chain.end})
            with self._changing(chain, Chain(chain.start, _hash_of(line), chain.count + 1)):
                size = self._size()
                self._append(line)
                try:
                    yield
                except BaseException:  # Ctrl+C too
                    os.truncate(self._path, size)
                    raise

    def check(self) -> None:
        """Look, without reading the lines and without waiting for those who write, whether another could be written.

        Raises:
            AuditError: if not. A full disk is not noticed.
        """
        with self._telling():
            self._check_there(self._chain())
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600))
            for path in filter(Path.exists, (self._path, self._chain_path)):
                path.open("ab").close()

    def verify(self) -> Chain:
        """Check every line that was written until now.

        Returns:
            where the chain begins and ends.

        Raises:
            AuditError: naming the first line that is not as it was written, or if lines are missing.
        """
        with self._telling():
            if not self._is_begun():
                return Chain()
            snapshot = self._open()
            with snapshot.file:
                _check_all(snapshot)
            return snapshot.chain

    def purge(self, before: float) -> int:
        """Forget lines older than that; return how many. The chain then begins after them.

        Raises:
            AuditError: if the log cannot be written, or was changed.
        """
        with self._telling():
            return self._purge(before) if self._is_begun() else 0

    def _purge(self, before: float) -> int:
        shorter = unfinished_name(self._path)
        with FileLock(f"{self._path}.purge.lock", timeout=_PATIENCE, mode=0o600):
            snapshot = self._open()
            with snapshot.file:
                count, place, start = _check_all(snapshot, before)
                if count:
                    _copy(snapshot, place, shorter)
            try:
                if count:
                    self._shorten(snapshot, start, shorter)
            finally:
                shorter.unlink(missing_ok=True)
            return count

    def _is_begun(self) -> bool:
        return self._path.exists() or self._chain_path.exists()

    def _open(self) -> _Snapshot:
        with self._locked():
            chain = self._settled()
            return _Snapshot(chain, self._path.open("rb") if self._path.exists() else io.BytesIO(), self._size())

    def _shorten(self, snapshot: _Snapshot, start: str, shorter: Path) -> None:
        """Put the shorter file in place, with the lines that came in the meantime."""
        with self._locked():
            chain = self._settled()
            if chain.start != snapshot.chain.start:
                raise AuditError("The audit log was shortened by somebody else in the meantime: try again.")
            with self._path.open("rb") as file:
                file.seek(snapshot.size)
                _check_all(_Snapshot(replace(chain, start=snapshot.chain.end), file, self._size()))
                file.seek(snapshot.size)
                further = file.read()
            with shorter.open("ab") as file:
                file.write(further)
            with self._changing(chain, Chain(start, chain.end, chain.count)):
                self._rewrite(shorter)

    @contextmanager
    def _changing(self, now: Chain, after: Chain) -> Iterator[None]:
        """Announce a change of the lines, and say that it is done, or that it is not."""
        self._save(replace(now, announced=after))
        try:
            yield
        except (OSError, FerSysError):
            self._save(now)
            raise
        with suppress(OSError):  # as announced, it is read as done
            self._save(after)

    def _append(self, line: str) -> None:
        """The line or nothing: half a line, on a full disk, would look like an edit ever after."""
        if not self._path.exists():
            self._path.touch(mode=0o600)
        size = self._size()
        try:
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(line + "\n")
        except OSError:
            os.truncate(self._path, size)
            raise

    def _rewrite(self, shorter: Path) -> None:
        os.replace(shorter, self._path)

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _settled(self) -> Chain:
        """The chain, once it is seen whether a change that was cut off had been done. Raises AuditError if one of the two files is missing."""
        chain = self._finished(self._chain())
        self._check_there(chain)
        return chain

    def _check_there(self, chain: Chain) -> None:
        if chain.start != chain.end and not self._path.exists():
            raise AuditError(f"The audit log is missing: expected {self._path} beside {self._chain_path}. Received: none. {_ASIDE}")

    def _finished(self, chain: Chain) -> Chain:
        if chain.announced is None:
            return chain
        tail = self._tail()
        if half := len(tail) - tail.rfind(b"\n") - 1:
            os.truncate(self._path, self._size() - half)  # half a line was not written
        settled = chain.announced if self._spans(chain.announced) else replace(chain, announced=None)
        self._save(settled)
        return settled

    def _tail(self) -> bytes:
        """The end of the log, at least its last line."""
        if not self._path.exists():
            return b""
        with self._path.open("rb") as file:
            file.seek(max(0, self._size() - _TAIL))
            return file.read()

    def _spans(self, chain: Chain) -> bool:
        """Whether the lines begin and end where a chain does; what is between, `verify` looks at."""
        if not (tail := self._tail()):
            return chain.start == chain.end
        with self._path.open("rb") as file:
            first = file.readline()
        last = tail.removesuffix(b"\n").rpartition(b"\n")[2]
        return bool(json.loads(first)["before"] == chain.start) and _hash_of(last) == chain.end

    def _chain(self) -> Chain:
        if self._chain_path.exists():
            fields = json.loads(self._chain_path.read_text(encoding="utf-8"))
            announced = fields.pop("announced", None)
            return Chain(**fields, announced=Chain(**announced) if announced else None)
        if self._size():
            raise AuditError(f"The audit log's second file is missing: expected {self._chain_path} beside {self._path}. Received: none. {_ASIDE}")
        return Chain()

    def _save(self, chain: Chain) -> None:
        """In place, in one write of a fixed length: a rename at every line would wait for the disk. The first time there is nothing yet to keep."""
        if self._chain_path.exists():
            _write(self._chain_path, chain)
            return
        with replacing(self._chain_path) as path:
            _write(path, chain)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._telling():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_PATIENCE, mode=0o600):
                yield

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except _ChangedError as error:
            raise AuditError(f"{error}. The log: {self._path}; its second file: {self._chain_path}. {_ASIDE}") from error
        except (OSError, ValueError, TypeError, LookupError, AttributeError, Timeout) as error:
            what = f"{self._path}, with {self._chain_path.name} beside it"
            raise AuditError(f"The audit log cannot be read or written: {what}. Received: {type(error).__name__}. {_ASIDE}") from error


def _write(path: Path, chain: Chain) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(asdict(chain)).ljust(_CHAIN_LENGTH).encode())
    finally:
        os.close(file)


def _seal(fields: dict[str, Any]) -> str:
    """The line: its last field is the hash of the others."""
    return json.dumps({**fields, "hash": hashlib.sha256(_text(fields)).hexdigest()}, ensure_ascii=True)


def _text(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=True).encode()


def _hash_of(line: str | bytes) -> str:
    return str(json.loads(line)["hash"])


def _check_all(snapshot: _Snapshot, before: float = 0.0) -> tuple[int, int, str]:
    """Check every line of a log.

    Returns:
        of the lines that lead it and are older than `before`, how many there are, where in the file they end, and the hash of the last one.
    """
    end, count, kept, number = snapshot.chain.start, 0, None, snapshot.chain.count
    place, start = snapshot.file.tell(), end
    for index, line in enumerate(snapshot.lines(), 1):
        fields = _check(line, index, end)
        end, number = fields["hash"], fields["n"]
        kept = kept or fields["at"] >= before  # a clock may have been set back in between
        if not kept:
            count, place, start = index, snapshot.file.tell(), end
    if end != snapshot.chain.end or number != snapshot.chain.count:
        received = "no line" if end == snapshot.chain.start else f"line {number}"
        raise _ChangedError(f"The audit log's end is missing: expected line {snapshot.chain.count}. Received: {received}")
    return count, place, start


def _copy(snapshot: _Snapshot, place: int, path: Path) -> None:
    """Write what follows that place into a file of its own."""
    snapshot.file.seek(place)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        shutil.copyfileobj(snapshot.file, file)
        file.truncate(snapshot.size - place)  # what came in the meantime is added once nobody writes


def _check(line: str, number: int, before: str) -> dict[str, Any]:
    """What a line says that is as it was written, and follows the one before it."""
    try:
        fields = json.loads(line)
        given = fields.pop("hash")
        right = _seal(fields) + "\n" == line and fields["before"] == before
    except (ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right:
        raise _ChangedError(f"The audit log was changed: expected every line as it was written. Received: another line {number}")
    return {**fields, "hash": given}
