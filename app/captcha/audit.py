"""The audit log: what was granted and changed, one JSON line each, chained by hashes so that no line can be edited unseen.

Each line holds the hash of the line before it. A second file holds where the chain begins and ends, so that lines
missing at its end are noticed too. Whoever can write both files can forge both: note the printed end elsewhere.

What is about to change is announced in the second file first. So a process that is killed in between leaves no riddle:
the log is either as it was, or as was announced, and anything else was edited.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import dropwhile
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from app.captcha.refusals import AuditError
from fersys.atomic import replacing

_START = "0" * 64
_PATIENCE = 5.0  # seconds
_CHAIN_LENGTH = 512


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
        with self._locked():
            chain = self._settled()
            line = _seal({"n": chain.count + 1, "at": round(at, 3), "event": event, **fields, "before": chain.end})
            with self._changing(chain, Chain(chain.start, _hash_of(line), chain.count + 1)):
                self._append(line)

    def verify(self) -> Chain:
        """Check every line.

        Returns:
            where the chain begins and ends.

        Raises:
            AuditError: naming the first line that is not as it was written, or if lines are missing.
        """
        with self._locked():
            chain, lines = self._settled(), self._lines()
            end = chain.start
            for number, line in enumerate(lines, 1):
                end = _check(line, number, end)
            if end != chain.end or (lines and json.loads(lines[-1])["n"] != chain.count):
                raise AuditError(f"The audit log's end is missing: expected {chain.count} lines in all. Received: {len(lines)} lines")
            return chain

    def purge(self, before: float) -> int:
        """Forget lines older than that; return how many. The chain then begins after them.

        Raises:
            AuditError: if the log cannot be written, or was changed.
        """
        self.verify()
        with self._locked():
            chain, lines = self._settled(), self._lines()
            kept = list(dropwhile(lambda line: json.loads(line)["at"] < before, lines))  # a clock may have been set back in between
            dropped = len(lines) - len(kept)
            if dropped:
                with self._changing(chain, Chain(json.loads(kept[0])["before"] if kept else chain.end, chain.end, chain.count)):
                    self._rewrite(kept)
            return dropped

    @contextmanager
    def _changing(self, now: Chain, after: Chain) -> Iterator[None]:
        """Announce a change of the lines, and say that it is done, or that it is not."""
        self._save(replace(now, announced=after))
        try:
            yield
        except OSError:
            self._save(now)
            raise
        self._save(after)

    def _append(self, line: str) -> None:
        """The line or nothing: half a line, on a full disk, would look like an edit ever after."""
        size = self._path.stat().st_size
        try:
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(line + "\n")
        except OSError:
            os.truncate(self._path, size)
            raise

    def _rewrite(self, lines: Sequence[str]) -> None:
        with replacing(self._path) as path:
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
            path.chmod(0o600)

    def _lines(self) -> list[str]:
        return self._path.read_text(encoding="utf-8").removesuffix("\n").split("\n") if self._path.exists() and self._path.stat().st_size else []

    def _settled(self) -> Chain:
        """The chain, once it is seen whether a change that was cut off had been done."""
        chain = self._chain()
        if chain.announced is None:
            return chain
        whole = self._path.read_bytes().rfind(b"\n") + 1
        if whole < self._path.stat().st_size:
            os.truncate(self._path, whole)  # half a line was not written
        settled = chain.announced if _spans(self._lines(), chain.announced) else replace(chain, announced=None)
        self._save(settled)
        return settled

    def _chain(self) -> Chain:
        if self._chain_path.exists():
            fields = json.loads(self._chain_path.read_text(encoding="utf-8"))
            announced = fields.pop("announced", None)
            return Chain(**fields, announced=Chain(**announced) if announced else None)
        if self._path.exists():
            raise AuditError(f"The audit log's second file is missing: expected {self._chain_path}. Received: none")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        return Chain()

    def _save(self, chain: Chain) -> None:
        """In place, in one write of a fixed length: a rename at every line would wait for the disk."""
        file = os.open(self._chain_path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(asdict(chain)).ljust(_CHAIN_LENGTH).encode())
        finally:
            os.close(file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=_PATIENCE, mode=0o600):
                yield
        except (OSError, ValueError, TypeError, LookupError, AttributeError, Timeout) as error:
            raise AuditError(f"The audit log cannot be read or written: {self._path}. Received: {type(error).__name__}") from error


def _seal(fields: dict[str, Any]) -> str:
    """The line: its last field is the hash of the others."""
    return json.dumps({**fields, "hash": hashlib.sha256(_text(fields)).hexdigest()}, ensure_ascii=True)


def _text(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=True).encode()


def _spans(lines: Sequence[str], chain: Chain) -> bool:
    """Whether these lines begin and end where a chain does; what is between, `verify` looks at."""
    if not lines:
        return chain.start == chain.end
    return bool(json.loads(lines[0])["before"] == chain.start) and _hash_of(lines[-1]) == chain.end


def _hash_of(line: str) -> str:
    return str(json.loads(line)["hash"])


def _check(line: str, number: int, before: str) -> str:
    """The hash of a line that is as it was written, and follows the one before it."""
    try:
        fields = json.loads(line)
        given = str(fields.pop("hash"))
        right = _seal(fields) == line and fields["before"] == before
    except (ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right:
        raise AuditError(f"The audit log was changed: expected every line as it was written. Received: another line {number}")
    return given
