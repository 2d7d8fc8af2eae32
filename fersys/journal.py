"""Rows of an unfinished table, kept so that a kill at any moment loses none and doubles none.

A SQLite file beside the result: what was worked out together is written in one transaction, and
the key (path, row, face, model) keeps rows apart and in order. It is deleted once the result is
written.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.errors import ConfigError, DataError
from fersys.tables import COLUMNS, Row, for_csv

_CERTAIN = COLUMNS.index("certain")
_ROW = COLUMNS.index("row")
_CACHE = -16_000  # KiB of memory for SQLite; the sign says that it is KiB
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_TABLES = ("settings", "answers", "errors")
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS settings (content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers ({_NAMES}, PRIMARY KEY (path, "row", face, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS errors (path, "row", error, PRIMARY KEY (path, "row")) WITHOUT ROWID;
"""
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
Error = tuple[str, int, str]  # path, row, what is wrong


@dataclass(frozen=True)
class Tally:
    """How an unfinished or finished table stands.

    Attributes:
        pictures: how many were answered, with or without a face.
        faces: how many faces were found in them.
        faceless: how many pictures have no face.
        bad: how many could not be read.
    """

    pictures: int
    faces: int
    faceless: int
    bad: int


class Journal:
    """An open journal: `with opened(path, settings) as journal`. For one thread and one process at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def holds(self, path: str, row: int) -> bool:
        """Whether a picture was answered or found to be bad."""
        query = 'SELECT 1 FROM answers WHERE path = ?1 AND "row" = ?2 UNION ALL SELECT 1 FROM errors WHERE path = ?1 AND "row" = ?2 LIMIT 1'
        return self._connection.execute(query, (path, row)).fetchone() is not None

    def add(self, rows: Sequence[Row], errors: Sequence[Error]) -> None:
        """Write rows and errors, all or none of them; a row that is there already is left as it is."""
        with self._connection:
            self._connection.executemany(f"INSERT OR IGNORE INTO answers VALUES ({', '.join('?' * len(COLUMNS))})", rows)
            self._connection.executemany("INSERT OR IGNORE INTO errors VALUES (?, ?, ?)", errors)

    def rows(self) -> Iterator[Row]:
        """Yield all rows, ordered by path, row, face and model."""
        for row in self._connection.execute(f'SELECT {_NAMES} FROM answers ORDER BY path, "row", face, model'):
            yield tuple(_restored(index, value) for index, value in enumerate(row))

    def errors(self) -> Iterator[Error]:
        """Yield what is wrong with each bad picture, ordered by path and row."""
        yield from self._connection.execute('SELECT path, "row", error FROM errors ORDER BY path, "row"')

    def tally(self) -> Tally:
        """Count what is there."""
        # Every picture has one row of each model with face 0 or 1: one model's are counted.
        query = "SELECT count(*) FILTER (WHERE face <= 1), count(*) FILTER (WHERE face > 0), count(*) FILTER (WHERE face = 0) FROM answers WHERE model = ?"
        model = self._connection.execute("SELECT model FROM answers LIMIT 1").fetchone() or ("",)
        pictures, faces, faceless = self._connection.execute(query, model).fetchone()
        bad = self._connection.execute("SELECT count(*) FROM errors").fetchone()[0]
        return Tally(pictures, faces, faceless, bad)

    def hits(self, model: str) -> tuple[int, int, int]:
        """Return of the pictures whose expression is known: how many a model named rightly, how many have a face, how many there are.

        A picture with several faces is judged by its largest.
        """
        query = "SELECT count(*) FILTER (WHERE label = truth), count(label), count(*) FROM answers WHERE model = ? AND face <= 1 AND truth IS NOT NULL"
        right, with_face, known = self._connection.execute(query, (model,)).fetchone()
        return int(right), int(with_face), int(known)


def _restored(index: int, value: Any) -> Any:
    """SQLite knows no truth values, and a key takes no NULL."""
    if index == _CERTAIN and value is not None:
        return bool(value)
    return None if index == _ROW and value < 0 else value


@contextmanager
def opened(path: Path, settings: dict[str, Any], anew: bool = False) -> Iterator[Journal]:
    """Open a journal, or begin one.

    Args:
        path: of the SQLite file.
        settings: what its rows depend on, as JSON can hold it.
        anew: forget what it holds, whatever the settings; not if another process has it open.

    Raises:
        ConfigError: if it was begun with other settings.
        DataError: if it cannot be written, is none, or another process has it open.
    """
    try:
        with closing(_connect(path, anew)) as connection:
            connection.executescript(_SCHEMA)
            _check_settings(connection, settings, path)
            yield Journal(connection)
    except sqlite3.Error as error:
        raise DataError(
            f"Cannot write unfinished results: expected a folder that can be written to, and no other run at it. Received: {path} ({error})"
        ) from error


def _connect(path: Path, anew: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0)
    try:
        # Exclusive: two runs must not share it. A write-ahead log: a commit costs no wait for the disk, and a killed process loses none.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL", f"cache_size = {_CACHE}"):
            connection.execute(f"PRAGMA {pragma}")
        if anew:
            connection.executescript(f"BEGIN; {' '.join(f'DROP TABLE IF EXISTS {table};' for table in _TABLES)} COMMIT")
        return connection
    except sqlite3.Error as error:
        connection.close()
        if not anew or error.sqlite_errorcode not in _DAMAGED:
            raise
    delete(path)  # no other run can be at it
    return _connect(path, anew=False)


def _check_settings(connection: sqlite3.Connection, settings: dict[str, Any], path: Path) -> None:
    begun = connection.execute("SELECT content FROM settings").fetchone()
    wanted = json.dumps(settings, sort_keys=True)
    if begun and begun[0] != wanted and connection.execute("SELECT 1 FROM answers UNION ALL SELECT 1 FROM errors LIMIT 1").fetchone():
        old = json.loads(begun[0])
        differing = [key for key in sorted({*old, *settings}) if old.get(key) != settings.get(key)]
        raise ConfigError(
            f"{path} was begun with other settings: expected the same {', '.join(differing)}, or --force to begin anew. "
            f"Received: {', '.join(str(settings.get(key)) for key in differing)}"
        )
    with connection:
        connection.execute("DELETE FROM settings")
        connection.execute("INSERT INTO settings VALUES (?)", (wanted,))


def delete(path: Path) -> None:
    """Delete a journal and what SQLite keeps beside it, if they are there."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def write_errors(path: Path, errors: Iterable[Error]) -> None:
    """Write what is wrong with each bad picture as a CSV table."""
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "row", "error"))
        writer.writerows(for_csv((name, "" if row < 0 else row, error)) for name, row, error in errors)
