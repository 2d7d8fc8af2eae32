"""What every store promises, and what each does of its own."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import fakeredis
import pytest
import redis
import sqlalchemy as sql

from app.captcha import redis_store, sql_store
from app.captcha.challenges import Binding, Challenge, digest, make_id
from app.captcha.clock import SetClock
from app.captcha.judge import Prompt
from app.captcha.refusals import StoreError
from app.captcha.service import wire
from app.captcha.settings import Settings
from app.captcha.sites import make_site, rotate
from app.captcha.store import Store, Ticket
from tests import made_redis

BINDING = Binding("fs-1", "example.org", "login", "x")
TOKEN = Ticket("t1", "token", BINDING, 2000.0)


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "redis":
        with made_redis.redis_store(tmp_path) as opened:
            yield opened
        return
    file = sql_store.open_file(tmp_path / "captcha.db")
    yield file
    file.close()


def challenge() -> Challenge:
    prompts = (Prompt("happy"), Prompt("sad", "left"))
    return Challenge(make_id(), BINDING, prompts, digest("a"), digest("b"), 1060.0, jti=make_id(), nonce=make_id())


def test_a_challenge_comes_back_as_it_was(store: Store) -> None:
    kept = challenge()
    store.add_challenge(kept)
    assert store.get_challenge(kept.id) == kept
    assert store.get_challenge("another") is None


def test_a_change_is_saved_over_the_version_it_was_made_from_alone(store: Store) -> None:
    kept = challenge()
    store.add_challenge(kept)
    first, second = replace(kept, version=1, sequence=5), replace(kept, version=1, sequence=9)
    assert store.swap_challenge(first)
    assert not store.swap_challenge(second)
    assert store.get_challenge(kept.id) == first


def test_what_was_never_kept_cannot_be_changed(store: Store) -> None:
    assert not store.swap_challenge(replace(challenge(), version=1))


def test_a_ticket_remembers_its_use(store: Store) -> None:
    ticket = Ticket("t1", "work", BINDING, 2000.0, '{"x": 1}')
    store.add_ticket(ticket)
    assert store.get_ticket("t1") == ticket
    assert store.spend(ticket, 1500.5, "mark")
    assert store.get_ticket("t1") == replace(ticket, used_at=1500.5, mark="mark")


def test_a_ticket_is_spent_once_and_keeps_its_first_mark(store: Store) -> None:
    store.add_ticket(TOKEN)
    assert [store.spend(TOKEN, 1500.0 + call, f"mark {call}") for call in range(3)] == [True, False, False]
    spent = store.get_ticket("t1")
    assert spent is not None
    assert spent.mark == "mark 0"


def test_an_unknown_ticket_cannot_be_spent(store: Store) -> None:
    assert not store.spend(TOKEN, 1.0, "")
    assert store.get_ticket(TOKEN.id) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(TOKEN, kind="work"),
        replace(TOKEN, expires=2001.0),
        replace(TOKEN, body='{"method": "face"}'),
        *(replace(TOKEN, binding=replace(BINDING, **{name: "other"})) for name in ("sitekey", "hostname", "action", "cdata")),
    ],
)
def test_a_ticket_that_is_not_exactly_as_it_was_kept_is_not_spent(store: Store, other: Ticket) -> None:
    store.add_ticket(TOKEN)
    assert not store.spend(other, 1500.0, "mark")
    assert store.get_ticket(TOKEN.id) == TOKEN
    assert store.spend(TOKEN, 1500.0, "mark")


@pytest.mark.parametrize(("now", "good"), [(1999.9, True), (2000.0, False), (2000.1, False)])
def test_a_ticket_that_is_over_is_not_spent(store: Store, now: float, good: bool) -> None:
    store.add_ticket(TOKEN)
    assert store.spend(TOKEN, now, "mark") is good


def test_a_ticket_that_was_kept_halfway_is_replaced_and_a_used_one_stays_used(store: Store) -> None:
    later = replace(TOKEN, expires=2001.0)
    store.add_ticket(TOKEN)
    store.add_ticket(later)
    assert store.get_ticket(TOKEN.id) == later
    assert store.spend(later, 1500.0, "mark")
    with suppress(StoreError):
        store.add_ticket(later)
    assert not store.spend(later, 1500.0, "mark")


@pytest.mark.parametrize("kept", [b"no JSON", b"[]", b"{}", b"null", b'{"id": 1}', b"\xff"])
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_what_is_not_as_it_was_written_is_an_error_of_the_store(tmp_path: Path, kind: str, kept: bytes) -> None:
    client = fakeredis.FakeRedis(decode_responses=True)
    store: Store = redis_store.RedisStore(client) if kind == "redis" else sql_store.open_file(tmp_path / "captcha.db")
    site, begun = make_site("a site", ["a.org"], [], 1.0)[0], challenge()
    store.put_site(site)
    store.add_ticket(TOKEN)
    store.add_challenge(begun)
    if kind == "redis":
        for name in (f"challenge:{begun.id}", f"ticket:{TOKEN.id}"):
            client.set(f"fersys-captcha:{name}", kept)
        client.hset("fersys-captcha:sites:all", site.key, kept)
    else:
        with sqlite3.connect(tmp_path / "captcha.db") as connection:
            for place in ("challenges SET body", "tickets SET binding", "sites SET body"):
                connection.execute(f"UPDATE {place} = CAST(? AS TEXT)", (kept,))
    for call in (lambda: store.get_challenge(begun.id), lambda: store.get_ticket(TOKEN.id), lambda: store.get_site(site.key), store.list_sites):
        with pytest.raises(StoreError):
            call()
    store.close()


@pytest.mark.parametrize("kept", ["no JSON", "[]", '{"marked": 1}'])
def test_a_mark_that_redis_spoilt_is_an_error_of_the_store(kept: str) -> None:
    client = fakeredis.FakeRedis(decode_responses=True)
    store = redis_store.RedisStore(client)
    store.add_ticket(TOKEN)
    client.set(f"fersys-captcha:spent:{TOKEN.id}", kept)
    with pytest.raises(StoreError):
        store.get_ticket(TOKEN.id)
    assert not store.spend(TOKEN, 1500.0, "")


@pytest.mark.parametrize("scheme", ["unix", "redis+unix"])
def test_a_socket_s_url_is_spelt_in_one_way_for_everything(tmp_path: Path, scheme: str) -> None:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine")
    path = tmp_path / "redis.sock"
    server = subprocess.Popen([program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
    try:
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 200, supported_errors=(redis.exceptions.ConnectionError,))
        redis.Redis(unix_socket_path=str(path), retry=retry).ping()
        service = wire(Settings(tmp_path / "captcha.db", redis=f"{scheme}://{path}"), clock=SetClock())
        service.store.check()
        service.rates.count("begin", "1.2.3.4")
        service.close()
    finally:
        server.terminate()
        server.wait()


def test_of_many_at_once_one_spends(store: Store) -> None:
    threads = 16
    barrier = Barrier(threads)

    def spend(ticket: Ticket) -> bool:
        barrier.wait()
        return store.spend(ticket, 1.0, "")

    with ThreadPoolExecutor(threads) as pool:
        for ticket in (replace(TOKEN, id=f"t{number}") for number in range(10)):
            store.add_ticket(ticket)
            assert sum(pool.map(spend, [ticket] * threads)) == 1


def test_of_many_changes_at_once_one_is_saved(store: Store) -> None:
    threads, kept = 8, challenge()
    store.add_challenge(kept)
    barrier = Barrier(threads)

    def swap(number: int) -> bool:
        barrier.wait()
        return store.swap_challenge(replace(kept, version=1, sequence=number))

    with ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(swap, range(threads))) == 1


def test_sites_are_kept_listed_changed_and_removed(store: Store) -> None:
    beta, _ = make_site("beta", ["b.org"], [], 1.0)
    alpha, _ = make_site("alpha", ["a.org"], ["login"], 1.0)
    for site in (beta, alpha):
        store.put_site(site)
    assert store.list_sites() == [alpha, beta]
    turned, _ = rotate(beta, 2.0)
    store.put_site(turned)
    assert store.get_site(beta.key) == turned
    assert [store.remove_site(beta.key), store.remove_site(beta.key)] == [True, False]
    assert store.get_site(beta.key) is None
    assert store.list_sites() == [alpha]


def test_it_says_that_it_answers(store: Store) -> None:
    store.check()


def test_what_is_over_is_forgotten_and_the_rest_is_not(tmp_path: Path) -> None:
    store = sql_store.open_file(tmp_path / "captcha.db")
    old, new = challenge(), replace(challenge(), deadline=5000.0)
    for kept in (old, new):
        store.add_challenge(kept)
    store.add_ticket(Ticket("old", "token", BINDING, 1000.0))
    store.add_ticket(Ticket("new", "token", BINDING, 5000.0))
    assert store.purge(4000.0) == 2
    assert store.get_challenge(old.id) is None
    assert store.get_challenge(new.id) == new
    assert store.get_ticket("old") is None
    assert store.get_ticket("new") is not None
    store.close()


def test_the_file_is_in_wal_mode_and_survives_a_restart(tmp_path: Path) -> None:
    first = sql_store.open_file(tmp_path / "captcha.db")
    first.add_ticket(TOKEN)
    assert first.spend(TOKEN, 1.0, "")
    first.close()
    second = sql_store.open_file(tmp_path / "captcha.db")
    assert not second.spend(TOKEN, 2.0, "")
    with sql.create_engine(f"sqlite:///{tmp_path / 'captcha.db'}").connect() as connection:
        assert connection.execute(sql.text("PRAGMA journal_mode")).scalar_one() == "wal"
    second.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such modes")
def test_file_and_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "captcha.db"
    store = sql_store.open_file(path)
    store.add_ticket(Ticket("t1", "token", BINDING, 2000.0))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (path.parent, *path.parent.iterdir())}
    assert modes.pop("state") == 0o700
    assert set(modes.values()) == {0o600}
    store.close()


def test_a_database_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        sql_store.open_file(tmp_path / "file" / "captcha.db")
    (tmp_path / "captcha.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="does not answer"):
        sql_store.open_file(tmp_path / "captcha.db")


def test_a_broken_database_raises_and_its_words_hold_no_row(tmp_path: Path) -> None:
    store = sql_store.open_file(tmp_path / "captcha.db")
    with sql.create_engine(f"sqlite:///{tmp_path / 'captcha.db'}").begin() as connection:
        connection.execute(sql.text("DROP TABLE tickets"))
    with pytest.raises(StoreError) as caught:
        store.add_ticket(Ticket("name-of-ticket", "token", BINDING, 2000.0))
    assert "name-of-ticket" not in str(caught.value) + str(caught.value.__cause__)
    store.close()


def test_a_redis_that_is_not_there_raises() -> None:
    store = redis_store.open_url("redis://127.0.0.1:1/0")
    for call in (lambda: store.spend(TOKEN, 1.0, ""), lambda: store.get_challenge("c1"), lambda: store.swap_challenge(challenge()), store.check):
        with pytest.raises(StoreError, match="Redis does not answer"):
            call()


def test_a_url_that_is_none_of_redis_is_refused_without_being_shown() -> None:
    with pytest.raises(StoreError) as caught:
        redis_store.open_url("https://user:password@example.org")
    assert "password" not in str(caught.value)
