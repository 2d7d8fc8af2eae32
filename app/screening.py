"""The Video tab's routes: a video goes up, news of the work comes down as it goes on, and at its end the names of two files.

    POST /fersys/video?cnn=…&deepface=…   the video as it is, as application/octet-stream; X-Fersys-Page: which open page asks
        {"state": "waiting", "place": 1}                      lines of JSON, one by one: how many must be done before
        {"state": "working", "done": 120, "of": 472}          frames; of: 0 if nobody knows
        {"state": "done", "html": …, "video": {"name", "kind", "file"}, "table": {…}}
        {"state": "failed", "text": …}
    GET /fersys/video/{name}              a file, once

Leaving or cancelling ends the request, and with it the work. The upload is deleted when it was read, before the last
line; the two files when they were fetched, or after a minute. Two videos are worked on at once, one a page.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from app.bars import label
from app.crowd import Crowd
from app.films import MAX_BYTES, Film, Progress, Task, UnfitError, annotate
from app.guard import ADDRESS, CROWD
from app.models import Arms, Model
from app.seats import Seats
from app.shelf import Parcel, Shelf
from app.timeline import answer
from app.words import language_of, say
from fersys.errors import FerSysError
from fersys.results import Prediction

PATH = "/fersys/video"
_AT_ONCE, _WAITING = 2, 6
_NEIGHBOURS = 4  # videos of one address, which may be a school's: nobody fills the line alone
_NEWS = 0.4  # seconds between two lines
_SIGN_OF_LIFE = 2.0  # the same while nothing happens: proxies cut off who is silent
_PIECE = 1 << 18
_PAGE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_KINDS = {".mp4": "video/mp4", ".webm": "video/webm", ".csv": "text/csv; charset=utf-8"}
_SPELLED = str.maketrans({"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})  # the font in the boxes has none of them
_PRIVATE = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


class _Closing(Exception):  # noqa: N818 - nothing went wrong
    """The server is being stopped."""


@dataclass(frozen=True, eq=False)
class Visit:
    """One video on its way: for which models, in which language, who else is here; and a folder for the upload."""

    models: Sequence[Model]
    language: str
    crowd: Crowd | None
    folder: "TemporaryDirectory[str]" = field(default_factory=lambda: TemporaryDirectory(prefix="fersys-video-", ignore_cleanup_errors=True))

    @property
    def upload(self) -> Path:
        """Where the upload lies."""
        return Path(self.folder.name) / "upload"

    def check_open(self) -> None:
        """Raise if the server is being stopped: a video takes longer than it would wait."""
        if self.crowd is not None and self.crowd.stopping:
            raise _Closing


class Desk:
    """Takes videos and hands out what came of them.

    Args:
        arms: the models that may be asked.
        shelf: where files wait.
        max_bytes: of a video.
    """

    def __init__(self, arms: Arms, shelf: Shelf | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._arms, self._shelf, self._max_bytes = arms, shelf or Shelf(), max_bytes
        self._pages: set[str] = set()
        self._addresses: Counter[str] = Counter()
        self._line = Seats(_AT_ONCE, _WAITING)

    def routes(self) -> list[BaseRoute]:
        """Return the routes, for any Starlette application."""
        return [Route(PATH, self.take, methods=["POST"]), Route(PATH + "/{name}", self.hand_out, methods=["GET"])]

    async def take(self, request: Request) -> Response:
        """Take a video: 415 and 413 if it is refused, 429 if there is no room, else 200 and the news."""
        language, page = language_of(request), request.headers.get("x-fersys-page", "")
        if request.headers.get("content-type") != "application/octet-stream" or not _PAGE.fullmatch(page):
            return _refusal(415, "failed", language)  # forms of other sites cannot ask
        address = str(request.scope.get(ADDRESS) or (request.client.host if request.client else ""))
        if reason := self._full(page, address):
            await _drain(request, self._max_bytes)
            return _refusal(429, reason, language)
        models = self._arms.pick(request.query_params.get("cnn"), request.query_params.get("deepface"))
        return await self._admit(request, Visit(models, language, request.scope.get(CROWD)), (page, address))

    def _full(self, page: str, address: str) -> str:
        """Why there is no room; empty if there is."""
        if page in self._pages:
            return "one_at_a_time"
        return "full" if len(self._pages) >= _AT_ONCE + _WAITING or self._addresses[address] >= _NEIGHBOURS else ""

    async def _admit(self, request: Request, visit: Visit, who: tuple[str, str]) -> Response:
        with ExitStack() as stack:
            stack.enter_context(self._present(visit, *who))
            if await _save(request, visit.upload, self._max_bytes):
                return _News(self._news(visit), stack.pop_all())
            return _refusal(413, "too_large", visit.language)

    @contextmanager
    def _present(self, visit: Visit, page: str, address: str) -> Iterator[None]:
        self._pages.add(page)
        self._addresses[address] += 1
        try:
            yield
        finally:
            self._pages.discard(page)
            self._addresses -= Counter({address: 1})
            visit.folder.cleanup()

    async def _news(self, visit: Visit) -> AsyncGenerator[bytes, None]:
        ticket = self._line.join()
        assert ticket is not None, "the line is as long as there are pages let in"
        try:
            while place := self._line.place(ticket):
                yield _line(state="waiting", place=place)
                visit.check_open()
                with anyio.move_on_after(_SIGN_OF_LIFE):
                    await self._line.move()
            async with aclosing(self._work(visit)) as work:
                async for line in work:
                    yield line
        except _Closing:
            yield _line(state="failed", text=say(visit.language, "guard.stopping"))
        finally:
            self._line.leave(ticket)

    async def _work(self, visit: Visit) -> AsyncGenerator[bytes, None]:
        progress, kept = Progress(), False
        results = TemporaryDirectory(prefix="fersys-video-", ignore_cleanup_errors=True)
        task = Task(visit.upload, Path(results.name), [model.recognizer for model in visit.models], partial(_word, language=visit.language))
        work = asyncio.get_running_loop().run_in_executor(None, annotate, task, progress)
        try:
            while not (await asyncio.wait({work}, timeout=_NEWS))[0]:
                yield _line(state="working", done=progress.done, of=progress.of)
                visit.check_open()
            visit.folder.cleanup()
            film = work.result()
            kept = bool(film.faces)
            yield _line(state="done", html=answer(film, visit.models, visit.language), **(self._keep(film, results) if kept else {}))
        except FerSysError as error:
            yield _line(state="failed", text=say(visit.language, f"video.{error.key if isinstance(error, UnfitError) else 'unreadable'}"))
        finally:
            progress.stop()
            with anyio.CancelScope(shield=True):
                await asyncio.wait({work})
            if work.exception() or not kept:
                results.cleanup()

    def _keep(self, film: Film, results: "TemporaryDirectory[str]") -> dict[str, dict[str, str]]:
        """Put both files on the shelf; what the page fetches them by."""
        files = {}
        for key, path in (("video", film.video), ("table", film.table)):
            name = self._shelf.put(Parcel(path, _KINDS[path.suffix], results))
            files[key] = {"name": name, "kind": _KINDS[path.suffix].partition(";")[0], "file": path.name}
        return files

    async def hand_out(self, request: Request) -> Response:
        """Send a file and delete it; 404 if there is none of this name."""
        parcel = self._shelf.take(request.path_params["name"])
        if parcel is None:
            return Response(status_code=404, headers=_PRIVATE)
        return _Sending(parcel)


class _News(StreamingResponse):
    """Lines as they come. Whatever happens, the work ends with the request, and `leave` gives up what it held."""

    def __init__(self, lines: AsyncGenerator[bytes, None], leave: ExitStack) -> None:
        super().__init__(lines, media_type="application/x-ndjson", headers=_PRIVATE | {"X-Accel-Buffering": "no"})
        self._lines, self._leave = lines, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._lines.aclose()
            self._leave.close()


class _Sending(StreamingResponse):
    """A file on its way; it is deleted when it was sent, or its reader has left."""

    def __init__(self, parcel: Parcel) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{parcel.path.name}"', "Content-Length": str(parcel.path.stat().st_size)}
        super().__init__(_pieces(parcel.path), media_type=parcel.kind, headers=_PRIVATE | headers)
        self._parcel = parcel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._parcel.discard()


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while piece := await file.read(_PIECE):
            yield piece


async def _save(request: Request, path: Path, most: int) -> bool:
    """Write a body to a file as it comes; False, and no file, if it is larger than allowed. It is read to its end even so: browsers that cannot
    finish sending show no answer.
    """
    size = 0
    async with await anyio.open_file(path, "wb") as file:
        async for part in request.stream():
            size += len(part)
            if size <= most:
                await file.write(part)
    return size <= most


async def _drain(request: Request, most: int) -> None:
    """Read what a refused request brings, within reason."""
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return


def _refusal(status: int, key: str, language: str) -> Response:
    return JSONResponse({"state": "failed", "text": say(language, f"video.{key}")}, status, _PRIVATE)


def _line(**news: Any) -> bytes:
    return json.dumps(news, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _word(said: Prediction, language: str) -> str:
    return label(said, language).translate(_SPELLED)
