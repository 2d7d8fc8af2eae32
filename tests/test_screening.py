"""The routes of the Video tab: a video up, news down, two files fetched once, and nothing left."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Router

from app import screening
from app.crowd import Crowd
from app.films import Film, Progress, Task, UnfitError
from app.guard import CROWD
from app.models import Arms, Model
from app.rules import Budgets
from app.screening import PATH, Desk
from app.shelf import Shelf
from fersys.errors import VideoError
from tests.fixed import Fixed
from tests.made_videos import squares, write
from tests.test_films import wandering

Pixels = npt.NDArray[np.uint8]
Message = MutableMapping[str, Any]
ARMS = Arms((Model(Fixed("first", "surprise")),), (Model(Fixed("second", "sad")),))


class Visit:
    """One request, sent by hand; `leave` ends it from outside."""

    def __init__(self, desk: Desk, method: str = "POST", path: str = PATH, body: bytes = b"", **headers: str) -> None:
        given = {"content-type": "application/octet-stream", "x-fersys-page": "a-page-of-mine", "x-address": "10.0.0.1"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self._scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "client": (given.pop("x-address"), 1),
            "asgi": {"spec_version": "2.3"},
        }
        self._scope["headers"] = [(name.encode(), value.encode()) for name, value in given.items()]
        self._app, self._parts = Router(desk.routes()), [body[: len(body) // 2], body[len(body) // 2 :]]
        self._left = asyncio.Event()
        self.uploads: list[int] = []  # how many lay on the disk at each message
        self.status, self.headers, self.body, self.heard = 0, dict[str, str](), b"", asyncio.Event()

    async def _receive(self) -> Message:
        if self._parts:
            return {"type": "http.request", "body": self._parts.pop(0), "more_body": bool(self._parts)}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.body += message.get("body", b"")
        self.uploads.append(len(list(Path(tempfile.gettempdir()).rglob("upload"))))
        if self.body:
            self.heard.set()

    def leave(self) -> None:
        self._left.set()

    async def go(self) -> "Visit":
        await self._app(self._scope, self._receive, self._send)
        return self

    @property
    def news(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines()]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all temporary folders of the desk are made."""
    place = tmp_path / "made"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


@pytest.fixture
def video(tmp_path: Path, astronaut: Pixels) -> bytes:
    return write(tmp_path / "in.mp4", wandering(astronaut, 10)).read_bytes()


def test_a_video_goes_up_and_two_files_come_down_once(video: bytes, folders: Path) -> None:
    async def visit() -> tuple[Visit, list[Visit], Visit]:
        desk = Desk(ARMS)
        first = await Visit(desk, body=video).go()
        names = [first.news[-1][key]["name"] for key in ("video", "table")]
        files = [await Visit(desk, "GET", f"{PATH}/{name}").go() for name in names]
        return first, files, await Visit(desk, "GET", f"{PATH}/{names[0]}").go()

    first, (film, table), again = asyncio.run(visit())
    assert first.status == 200
    assert first.news[-1]["state"] == "done"
    assert "first: surprise 100% of the time." in first.news[-1]["html"]
    assert table.body.startswith(b"frame,time,face")
    assert film.headers["cache-control"] == table.headers["cache-control"] == "no-store"
    assert film.headers["content-length"] == str(len(film.body))
    assert again.status == 404
    assert list(folders.iterdir()) == []


def test_the_upload_is_gone_when_the_answer_comes_and_the_rest_after_its_time(video: bytes, folders: Path) -> None:
    async def visit() -> list[str]:
        visit = await Visit(Desk(ARMS, Shelf(seconds=0.05)), body=video).go()
        assert visit.news[-1]["state"] == "done"
        assert visit.uploads[-2:] == [0, 0]  # with the last line, and at the end
        left = [path.name for path in folders.rglob("*") if path.is_file()]
        while any(folders.iterdir()):
            await asyncio.sleep(0.01)
        return left

    assert sorted(asyncio.run(visit()))[-1] == "faces.csv"


def test_a_video_without_a_face_leaves_nothing(tmp_path: Path, folders: Path) -> None:
    visit = asyncio.run(_once(body=write(tmp_path / "in.mp4", squares(5)).read_bytes()))
    assert visit.news[-1]["state"] == "done"
    assert "video" not in visit.news[-1]
    assert "No face found" in visit.news[-1]["html"]
    assert list(folders.iterdir()) == []


async def _once(**options: Any) -> Visit:
    return await Visit(Desk(ARMS, max_bytes=options.pop("max_bytes", 10**9)), **options).go()


@pytest.mark.parametrize(("language", "words"), [("en", "is no video that can be read here"), ("de", "ist kein Video, das sich hier lesen lässt")])
def test_what_is_no_video_is_said_in_words_and_without_a_path(folders: Path, language: str, words: str) -> None:
    visit = asyncio.run(_once(body=b"GIF89a", accept_language=language))
    assert visit.news == [{"state": "failed", "text": visit.news[0]["text"]}]
    assert words in visit.news[0]["text"]
    assert str(folders) not in visit.body.decode()
    assert list(folders.iterdir()) == []


def test_a_broken_video_is_said_in_words(tmp_path: Path, folders: Path) -> None:
    visit = asyncio.run(_once(body=write(tmp_path / "in.mp4", squares(5)).read_bytes()[:300]))
    assert "could not be read" in visit.news[-1]["text"]
    assert list(folders.iterdir()) == []


def test_what_is_too_large_is_refused_and_not_kept(video: bytes, folders: Path) -> None:
    visit = asyncio.run(_once(body=video, max_bytes=1000))
    assert visit.status == 413
    assert "at most 200 MB" in visit.news[0]["text"]
    assert list(folders.iterdir()) == []


@pytest.mark.parametrize(
    "headers", [{"content_type": "multipart/form-data"}, {"content_type": "text/plain"}, {"x_fersys_page": ""}, {"x_fersys_page": "a/../b c"}]
)
def test_what_another_site_s_form_could_send_is_refused(video: bytes, headers: dict[str, str]) -> None:
    assert asyncio.run(_once(body=video, **headers)).status == 415


class Slow:
    """In place of the work: goes on until it is told to stop, or let go."""

    def __init__(self) -> None:
        self.begun, self.stopped, self.free = 0, 0, False

    def __call__(self, task: Task, progress: Progress) -> Film:
        self.begun += 1
        for number in range(20_000):
            try:
                progress.step(number)
            except BaseException:
                self.stopped += 1
                raise
            if self.free:
                raise UnfitError("no_video")
            progress._stop.wait(0.002)
        raise AssertionError("nobody stopped it")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    work = Slow()
    monkeypatch.setattr(screening, "annotate", work)
    monkeypatch.setattr(screening, "_NEWS", 0.01)
    return work


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


def _begin(visit: Visit) -> "asyncio.Task[Visit]":
    return asyncio.create_task(visit.go())


def test_who_leaves_ends_the_work_and_everything_is_deleted(slow: Slow, folders: Path) -> None:
    async def visit() -> Desk:
        desk = Desk(ARMS)
        visit = Visit(desk, body=b"x" * 100)
        task = _begin(visit)
        await visit.heard.wait()
        visit.leave()
        await task
        return desk

    desk = asyncio.run(visit())
    assert (slow.begun, slow.stopped) == (1, 1)
    assert list(folders.iterdir()) == []
    assert (desk._pages, +desk._addresses, desk._line._line) == (set(), {}, [])


def test_who_leaves_while_the_upload_comes_leaves_nothing(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def visit() -> Desk:
        desk = Desk(ARMS)
        visit = Visit(desk)
        visit._parts = [b"half"]
        monkeypatch.setattr(visit, "_receive", _half(visit))
        with pytest.raises(ClientDisconnect):
            await visit.go()
        return desk

    desk = asyncio.run(visit())
    assert desk._pages == set()
    assert list(folders.iterdir()) == []


def _half(visit: Visit) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": visit._parts.pop(), "more_body": True} if visit._parts else {"type": "http.disconnect"}

    return receive


def test_two_are_worked_on_the_third_waits_and_is_told(slow: Slow) -> None:
    async def visit() -> list[dict[str, Any]]:
        desk = Desk(ARMS)
        visits = [Visit(desk, body=b"x", x_fersys_page=f"page-number-{number}") for number in range(3)]
        tasks = []
        for one in visits:  # one after the other: whose upload is there first is first
            tasks.append(_begin(one))
            await one.heard.wait()
        assert slow.begun == 2
        visits[0].leave()
        await _until(lambda: slow.begun == 3)
        for one in visits:
            one.leave()
        await asyncio.gather(*tasks)
        return visits[2].news

    news = asyncio.run(visit())
    assert news[0] == {"state": "waiting", "place": 1}
    assert slow.stopped == 3


def test_a_page_has_one_at_a_time(slow: Slow) -> None:
    async def visit() -> tuple[Visit, Visit]:
        desk = Desk(ARMS)
        first = Visit(desk, body=b"x")
        task = _begin(first)
        await first.heard.wait()
        second = await Visit(desk, body=b"x").go()
        slow.free = True
        await task
        return second, await Visit(desk, body=b"x").go()

    second, third = asyncio.run(visit())
    assert second.status == 429
    assert "One at a time" in second.news[0]["text"]
    assert third.status == 200


def test_neither_an_address_nor_everybody_together_fills_more_than_their_places(slow: Slow) -> None:
    async def visit() -> list[int]:
        desk = Desk(ARMS)
        tasks, visits = [], []
        for number in range(screening._AT_ONCE + screening._WAITING):
            visits.append(Visit(desk, body=b"x", x_fersys_page=f"page-number-{number}", x_address=f"10.0.0.{number // screening._NEIGHBOURS}"))
            tasks.append(_begin(visits[-1]))
            await _until(lambda: len(desk._pages) == len(visits))
            if number == screening._NEIGHBOURS - 1:
                neighbour = await Visit(desk, body=b"x", x_fersys_page="another-page", x_address="10.0.0.0").go()
        stranger = await Visit(desk, body=b"x", x_fersys_page="another-page", x_address="10.9.9.9").go()
        for one in visits:
            one.leave()
        await asyncio.gather(*tasks)
        return [neighbour.status, stranger.status]

    assert asyncio.run(visit()) == [429, 429]


def test_who_comes_when_the_server_is_being_stopped_is_told_and_the_work_ends(slow: Slow, folders: Path) -> None:
    async def visit() -> Visit:
        visit, crowd = Visit(Desk(ARMS), body=b"x"), Crowd(Budgets())
        visit._scope[CROWD] = crowd
        task = _begin(visit)
        await visit.heard.wait()
        crowd.stopping = True
        return await task

    assert "The server is being stopped" in asyncio.run(visit()).news[-1]["text"]
    assert slow.stopped == 1
    assert list(folders.iterdir()) == []


def test_an_error_while_working_is_said_in_words(monkeypatch: pytest.MonkeyPatch, folders: Path) -> None:
    def fail(task: Task, progress: Progress) -> Film:
        raise VideoError(f"Received: {task.source}")

    monkeypatch.setattr(screening, "annotate", fail)
    visit = asyncio.run(_once(body=b"x"))
    assert "could not be read" in visit.news[-1]["text"]
    assert str(folders) not in visit.body.decode()


def test_words_in_boxes_can_be_drawn() -> None:
    from fersys.results import to_prediction

    surprised = to_prediction("m", [0, 0, 0, 0, 0, 1, 0])
    assert screening._word(surprised, "de") == "Ueberraschung"


def test_no_more_is_written_than_allowed(tmp_path: Path) -> None:
    async def save() -> bool:
        visit = Visit(Desk(ARMS), body=b"x" * 1000)
        return await screening._save(Request(visit._scope, visit._receive), tmp_path / "upload", 600)

    assert asyncio.run(save()) is False
    assert (tmp_path / "upload").stat().st_size <= 600
