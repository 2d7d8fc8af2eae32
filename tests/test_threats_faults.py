"""What breaks lets nobody pass: store down, disk full, judge raising, each at any moment; the answer is `internal-error`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from app.captcha.audit import Audit
from app.captcha.refusals import AuditError, StoreError
from app.captcha.scripted import ScriptedSession
from tests.made_captcha import Desk, encode, make_desk, solution_of

CALLS = ("add_challenge", "get_challenge", "swap_challenge", "add_ticket", "get_ticket", "get_site", "spend")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def _play(desk: Desk) -> dict[str, Any]:
    """A whole session by both ways, on and on whatever is answered; the last answer of each part."""
    answers: dict[str, Any] = {"begin": desk.ask()}
    view = answers["begin"].json()
    while view.get("state") == "open":
        answers["frame"] = desk.send(view, encode(view["prompt"]["expression"]))
        if answers["frame"].status_code != 200:
            answers["state"] = desk.look(view)
            break
        view = {**view, **answers["frame"].json()}
    answers["offer"] = desk.client.post("/captcha/v1/work", json={"sitekey": desk.site.key, "hostname": "example.org"})
    if answers["offer"].status_code == 201:
        offered = answers["offer"].json()
        answers["work"] = desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered))
    return answers


def _tokens(answers: dict[str, Any]) -> list[str]:
    return [token for answer in answers.values() if (token := answer.json().get("token"))]


def test_a_session_without_a_fault_earns_two_tokens(desk: Desk) -> None:
    assert len(_tokens(_play(desk))) == 2


class _Failing:
    """A store that does its work for so many calls, and then goes down."""

    def __init__(self, store: Any, left: int) -> None:
        self._store, self._left = store, left
        self.is_down = False

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            return getattr(self._store, name)
        self._left -= 1
        self.is_down = self._left < 0
        return _refuse if self.is_down else getattr(self._store, name)


def _refuse(*_: object) -> None:
    raise StoreError("down: words that nobody needs")


def test_a_store_that_goes_down_at_any_moment_lets_nobody_pass(desk: Desk) -> None:
    """After its first call, after its second, and so on until a whole session gets through."""
    whole, seen = desk.service.store, set()
    for left in range(100):
        desk.clock.advance(200)
        failing: Any = _Failing(whole, left)
        desk.service.store = failing
        answers = _play(desk)
        seen.add(len(_tokens(answers)))
        if not failing.is_down:
            break
        last = list(answers.values())[-1]
        assert (last.status_code, last.json()["error"]) == (503, "internal-error")
        assert "words" not in "".join(answer.text for answer in answers.values()) + desk.log.getvalue()
    assert seen == {0, 1, 2}
    assert left > 10


@pytest.mark.parametrize("part", ["get_site", "spend"])
def test_while_the_store_is_down_no_token_is_good(desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    token = desk.solve()["token"]

    def fail(*_: object) -> None:
        raise StoreError("down")

    with monkeypatch.context() as broken:
        broken.setattr(desk.service.store, part, fail)
        assert desk.verify(token)["error-codes"] == ["internal-error"]
    assert desk.verify(token)["success"]


def test_a_full_database_lets_nobody_pass(desk: Desk) -> None:
    """SQLite's own error: it may have no more pages than it has."""
    token = desk.solve()["token"]
    desk.service.store.close()
    sql.event.listen(desk.service.store._engine, "connect", _fill)  # type: ignore[attr-defined]
    answers = [desk.ask(action="a" * 32, cdata="d" * 255) for _ in range(25)]
    assert (answers[-1].status_code, answers[-1].json()["error"]) == (503, "internal-error")
    assert not any(answer.json().get("token") for answer in answers)
    assert desk.verify(token)["error-codes"] in ([], ["internal-error"])  # its row is there already: it may have room


def _fill(connection: Any, _: object) -> None:
    connection.execute("PRAGMA max_page_count=1")


@contextmanager
def _no_room(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond `size` bytes: what is written breaks off, as on a full disk."""
    resource = pytest.importorskip("resource", reason="no such limit on this system")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_audit_line_that_breaks_off_is_taken_back_and_the_log_stays_whole(tmp_path: Path) -> None:
    audit, path = Audit(tmp_path / "audit.jsonl"), tmp_path / "audit.jsonl"
    for number in range(3):
        audit.record(1000.0 + number, "passed")
    before = path.read_bytes()
    with _no_room(len(before) + 20), pytest.raises(AuditError, match="OSError"):
        audit.record(1003.0, "passed")
    assert path.read_bytes() == before
    audit.record(1004.0, "passed")
    assert audit.verify().count == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
@pytest.mark.parametrize("way", ["face", "work", "verify"])
def test_a_full_disk_under_the_audit_log_lets_nobody_pass(desk: Desk, way: str) -> None:
    token = desk.solve()["token"]
    desk.service.settings.audit_file.unlink()
    desk.service.settings.audit_file.symlink_to("/dev/full")
    if way == "verify":
        for _ in range(2):
            assert desk.verify(token, idempotency_key="the-same-again-1")["error-codes"] == ["internal-error"]
        return
    answers = _play(desk)
    failed = answers["frame" if way == "face" else "work"]
    assert (failed.status_code, failed.json()["error"]) == (503, "internal-error")
    assert _tokens(answers) == []


def _raise(*_: object) -> None:
    raise MemoryError("a judge's words")


@pytest.mark.parametrize("part", ["ask", "look"])
@pytest.mark.parametrize("step", range(4))
def test_a_judge_that_raises_in_any_step_ends_the_challenge(desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str, step: int) -> None:
    view = desk.begin()
    for _ in range(step):
        view = desk.show(view)
    monkeypatch.setattr(ScriptedSession, part, _raise)
    if (part, step) == ("ask", 3):
        assert desk.show(view)["state"] == "passed"  # nothing is asked after the last step
        return
    view = desk.show(view)
    assert (view["state"], view["reason"], view["token"]) == ("failed", "internal-error", "")
    monkeypatch.undo()
    assert desk.send({**view, "nonce": "any"}, encode("happy")).json()["error"] == "not-open"
    assert "words" not in desk.log.getvalue()


@pytest.mark.parametrize("lost", ["captcha-keys.json", "captcha.db", "captcha-audit.chain.json"])
def test_a_file_that_disappears_or_becomes_nonsense_lets_nobody_pass(desk: Desk, lost: str) -> None:
    token = desk.solve()["token"]
    path = desk.service.settings.database.with_name(lost)
    desk.service.store.close()
    for change in _SPOILED:
        for file in path.parent.glob(f"{path.name}-*"):
            file.unlink()
        change(path)
        answer = desk.verify(token)
        assert answer["success"] is False
        assert answer["error-codes"] in (["internal-error"], ["timeout-or-duplicate"])
        desk.service.store.close()


_SPOILED: tuple[Callable[[Path], object], ...] = (lambda path: path.write_bytes(b"no such thing" * 500), lambda path: path.write_bytes(b"{}"))
