"""Workers, seats, and the log that says no more than it may."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread

import pytest

from app.captcha.logs import make_log
from app.captcha.rates import networks_of
from app.captcha.refusals import RefusedError, WorkerError
from app.captcha.scripted import ScriptedSession
from app.captcha.sessions import Seat, Sessions
from app.captcha.workers import Workers
from fersys.errors import ModelError


def seat(address: str = "1.2.3.4", deadline: float = 100.0) -> Seat:
    return Seat(ScriptedSession(1), address, deadline)


def raise_now(error: BaseException) -> None:
    raise error


def test_work_is_done_and_its_answer_comes_back() -> None:
    assert Workers().run(lambda: 7) == 7


def test_an_error_of_ours_comes_back_as_it_is() -> None:
    with pytest.raises(ModelError, match="missing"):
        Workers().run(lambda: raise_now(ModelError("missing")))


@pytest.mark.parametrize("error", [ValueError("pixels"), MemoryError("pixels"), SystemExit("pixels"), AssertionError("pixels")])
def test_any_other_error_comes_back_without_its_words(error: BaseException) -> None:
    with pytest.raises(WorkerError) as caught:
        Workers().run(lambda: raise_now(error))
    assert "pixels" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_full_queue_refuses_until_there_is_room() -> None:
    workers, go, begun = Workers(count=1, waiting=0), Event(), Event()

    def wait() -> None:
        begun.set()
        go.wait(10)

    thread = Thread(target=workers.run, args=(wait,))
    thread.start()
    assert begun.wait(10)
    with pytest.raises(RefusedError) as caught:
        workers.run(lambda: 7)
    assert (caught.value.code, caught.value.status) == ("busy", 503)
    go.set()
    thread.join()
    assert workers.run(lambda: 7) == 7


@pytest.mark.parametrize(
    ("names", "refused", "let_in"),
    [
        (["1.2.3.4"] * 2, "1.2.3.4", "1.2.3.5"),
        (["2001:db8:1:1::1", "2001:db8:1:1::2"], "2001:db8:1:1::3", "2001:db8:1:2::1"),
        ([f"2001:db8:1:{n}::1" for n in (1, 1, 2, 2)], "2001:db8:1:3::1", "2001:db8:2:3::1"),
    ],
)
def test_a_network_has_a_share_of_the_room_and_no_more(names: list[str], refused: str, let_in: str) -> None:
    workers, go = Workers(count=1, waiting=5), Event()
    with ThreadPoolExecutor(8) as pool:
        begun = Barrier(2)
        pool.submit(workers.run, lambda: (begun.wait(10), go.wait(10)))
        begun.wait(10)  # the one worker is kept by us
        held = [pool.submit(workers.run, lambda: 7, networks_of(name)) for name in names]
        wait_until(lambda: workers._free == 5 - len(names))
        with pytest.raises(RefusedError, match="skip this one"):
            workers.run(lambda: 7, networks_of(refused))
        other = pool.submit(workers.run, lambda: 8, networks_of(let_in))
        go.set()
        assert [future.result(10) for future in held] == [7] * len(names)
        assert other.result(10) == 8
    assert workers.run(lambda: 9, networks_of(refused)) == 9
    wait_until(lambda: not workers._held and workers._free == 6)


def wait_until(is_so: Callable[[], bool]) -> None:
    """For what another thread does in a moment."""
    while not is_so():
        Event().wait(0.001)


def test_work_that_takes_too_long_is_given_up_and_keeps_its_place() -> None:
    workers, go = Workers(count=1, waiting=0, patience=0.01), Event()
    with pytest.raises(WorkerError, match="too long"):
        workers.run(lambda: go.wait(10))
    with pytest.raises(RefusedError):
        workers.run(lambda: 7)
    go.set()


def test_one_frame_of_a_challenge_at_a_time() -> None:
    sessions = Sessions()
    sessions.open("c1", seat(), 0.0)
    with sessions.taken("c1"):
        with pytest.raises(RefusedError) as caught, sessions.taken("c1"):
            pass
        assert (caught.value.code, caught.value.status) == ("busy", 429)
    with sessions.taken("c1") as again:
        assert again is not None


def test_seats_are_few() -> None:
    sessions = Sessions(most=2)
    for name in ("c1", "c2"):
        sessions.open(name, seat(), 0.0)
    with pytest.raises(RefusedError, match="Too many people"):
        sessions.open("c3", seat(), 0.0)
    sessions.close("c1")
    sessions.close("c1")
    sessions.open("c3", seat(), 0.0)


def test_seats_say_whose_they_are_and_are_known_when_overdue() -> None:
    sessions = Sessions()
    for number, address in enumerate(("1.2.3.4", "1.2.3.5", "1.2.3.4")):
        sessions.open(f"c{number}", seat(address, deadline=100.0 + number), 50.0)
    assert sessions.addresses() == ["1.2.3.4", "1.2.3.5", "1.2.3.4"]
    assert sessions.addresses(besides="c0") == ["1.2.3.5", "1.2.3.4"]
    assert sessions.overdue(101.0) == ["c0", "c1"]


@pytest.mark.parametrize(("most", "expected"), [(3, []), (2, ["silent"])])
def test_who_sends_nothing_keeps_a_seat_from_nobody(most: int, expected: list[str]) -> None:
    sessions = Sessions(most)
    for name in ("silent", "busy"):
        sessions.open(name, seat(), 0.0)
    assert sessions.overdue(14.0) == []
    sessions.hear("busy", 14.0)
    with sessions.taken("silent") as taken:
        assert taken is not None
    assert sessions.overdue(15.0) == expected
    sessions.close("silent")
    assert sessions.overdue(29.0) == []


def test_the_log_keeps_named_fields_alone() -> None:
    stream = io.StringIO()
    make_log(stream).info("begun", challenge="c1", token="eyJ", secret="s", frame=b"\x00", address="1.2.3.4", step=2)
    fields = json.loads(stream.getvalue())
    assert set(fields) == {"event", "level", "timestamp", "challenge", "step"}


def test_the_log_keeps_no_bytes_and_no_long_text_under_a_good_name() -> None:
    stream = io.StringIO()
    make_log(stream).error("failed", reason="x" * 1000, code=b"pixels", site=["a"])
    fields = json.loads(stream.getvalue())
    assert (len(fields["reason"]), fields["code"], fields["site"]) == (200, "bytes", "list")
