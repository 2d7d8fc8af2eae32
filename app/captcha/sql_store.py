"""Keeps challenges, tickets and sites in an SQL database: by default one SQLite file in WAL mode, readable by its owner alone."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from app.captcha import challenges, sites
from app.captcha.challenges import Binding, Challenge
from app.captcha.refusals import StoreError
from app.captcha.sites import Site
from app.captcha.store import Ticket, reading

_BUSY = 5.0  # seconds to wait for another writer
_NEXT = "See that it is an SQLite file on a disk with room; put it back from a copy, or move it aside and start again: sites must then be added anew."
_tables = sql.MetaData()
_CHALLENGES = sql.Table(
    "challenges",
    _tables,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("expires", sql.Double, nullable=False, index=True),
    sql.Column("body", sql.Text, nullable=False),
)
_TICKETS = sql.Table(
    "tickets",
    _tables,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("kind", sql.String(8), nullable=False),
    sql.Column("binding", sql.Text, nullable=False),
    sql.Column("expires", sql.Double, nullable=False, index=True),
    sql.Column("body", sql.Text, nullable=False),
    sql.Column("used_at", sql.Double),
    sql.Column("mark", sql.String(64), nullable=False),
)
_SITES = sql.Table("sites", _tables, sql.Column("key", sql.String(64), primary_key=True), sql.Column("body", sql.Text, nullable=False))


class SqlStore:
    """A store on an SQLAlchemy engine; its tables are made if they are not there.

    Raises:
        StoreError: if the database cannot be opened.
    """

    def __init__(self, engine: sql.Engine) -> None:
        self._engine, self._path = engine, engine.url.database or "in memory"
        with self._failing_closed():
            _tables.create_all(engine)
        self._file = _identity(self._path)

    def add_challenge(self, challenge: Challenge) -> None:
        """Keep a new challenge."""
        self._run(_CHALLENGES.insert().values(id=challenge.id, version=challenge.version, expires=challenge.deadline, body=challenges.to_json(challenge)))

    def get_challenge(self, name: str) -> Challenge | None:
        """Return a challenge by its id; None if there is none."""
        row = self._row(sql.select(_CHALLENGES.c.body).where(_CHALLENGES.c.id == name))
        return reading(challenges.from_json, row.body) if row else None

    def swap_challenge(self, challenge: Challenge) -> bool:
        """Put a changed challenge in place of the version before it."""
        before = (_CHALLENGES.c.id == challenge.id) & (_CHALLENGES.c.version == challenge.version - 1)
        return self._run(_CHALLENGES.update().where(before).values(version=challenge.version, body=challenges.to_json(challenge))) == 1

    def add_ticket(self, ticket: Ticket) -> None:
        """Keep a ticket, in place of one of the same id that nobody has used yet."""
        with self._failing_closed(), self._engine.begin() as connection:
            connection.execute(_TICKETS.delete().where((_TICKETS.c.id == ticket.id) & _TICKETS.c.used_at.is_(None)))
            connection.execute(_TICKETS.insert().values(_to_row(ticket)))

    def get_ticket(self, name: str) -> Ticket | None:
        """Return a ticket by its id; None if there is none."""
        row = self._row(sql.select(_TICKETS).where(_TICKETS.c.id == name))
        if row is None:
            return None
        fields = dict(row._mapping)
        return Ticket(**(fields | {"binding": reading(_to_binding, fields["binding"])}))

    def spend(self, ticket: Ticket, now: float, mark: str) -> bool:
        """Mark a ticket as used: the database lets one UPDATE find it unused."""
        same = [_TICKETS.c[name] == value for name, value in _to_row(ticket.unused).items()]
        return self._run(_TICKETS.update().where(*same, _TICKETS.c.expires > now).values(used_at=now, mark=mark)) == 1

    def put_site(self, site: Site) -> None:
        """Keep a site, in place of the one with the same key."""
        with self._failing_closed(), self._engine.begin() as connection:
            connection.execute(_SITES.delete().where(_SITES.c.key == site.key))
            connection.execute(_SITES.insert().values(key=site.key, body=sites.to_json(site)))

    def get_site(self, key: str) -> Site | None:
        """Return a site by its key; None if there is none."""
        row = self._row(sql.select(_SITES.c.body).where(_SITES.c.key == key))
        return reading(sites.from_json, row.body) if row else None

    def list_sites(self) -> list[Site]:
        """Return all sites, by name."""
        with self._failing_closed(), self._engine.connect() as connection:
            found = [reading(sites.from_json, body) for body in connection.scalars(sql.select(_SITES.c.body))]
        return sorted(found, key=lambda site: (site.name, site.key))

    def remove_site(self, key: str) -> bool:
        """Forget a site; False if there was none."""
        return self._run(_SITES.delete().where(_SITES.c.key == key)) == 1

    def purge(self, before: float) -> int:
        """Forget challenges and tickets that expired before that time; return how many."""
        return sum(self._run(table.delete().where(table.c.expires < before)) for table in (_CHALLENGES, _TICKETS))

    def check(self) -> None:
        """Raise StoreError unless the database answers, and is the one that was opened: one that is deleted goes on answering whoever has it open."""
        if _identity(self._path) != self._file:
            raise StoreError(f"The database is gone: expected the file that was opened. Received: another one, or none, at {self._path}. {_NEXT}")
        self._row(sql.select(_SITES.c.key).limit(1))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _run(self, statement: sql.Executable) -> int:
        """Execute in a transaction of its own; return how many rows it changed."""
        with self._failing_closed(), self._engine.begin() as connection:
            return connection.execute(statement).rowcount

    def _row(self, statement: sql.Executable) -> Any:
        with self._failing_closed(), self._engine.connect() as connection:
            return connection.execute(statement).first()

    @contextmanager
    def _failing_closed(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:  # their words hold rows
            raise StoreError(f"The database does not answer: {self._path}. Received: {type(error).__name__}. {_NEXT}") from error


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another of the same name."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _to_row(ticket: Ticket) -> dict[str, Any]:
    return vars(ticket) | {"binding": json.dumps(asdict(ticket.binding))}


def _to_binding(text: str) -> Binding:
    return Binding(**json.loads(text))


def open_file(path: Path) -> SqlStore:
    """Open the SQLite file at `path`; file and folder are made if need be, for their owner alone.

    Raises:
        StoreError: if that cannot be done.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"The database cannot be opened: expected a file that can be written. Received: {path} ({error.strerror})") from error
    engine = sql.create_engine(sql.URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY}, hide_parameters=True)
    sql.event.listen(engine, "connect", _prepare)
    return SqlStore(engine)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    """Readers do not wait for a writer; what is deleted is overwritten.

    NORMAL waits for no disk: a token stays spent when the process is killed; after a power cut it may come back for
    what is left of its two minutes. FULL would cost some milliseconds of disk a frame and verification.
    """
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
