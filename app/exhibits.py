"""The Compare tab's routes: everything that its charts are drawn from, and what is known of one cell of a confusion matrix.

GET /fersys/compare.json                                            {"emotions", "report": reports/compare.json, "curves", "history"}
GET /fersys/compare/cell?model=…&split=test&truth=sad&said=angry    see `report.cell`
"""

import functools
import json
import threading
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.report import ROOT, Content, Said, cell, curves, folders, read_history, read_report, read_said
from fersys.labels import EMOTIONS

PATH = "/fersys/compare"
_HEADERS = {"Cache-Control": "no-cache"}


class Exhibits:
    """Read, and each cell counted, once: when somebody asks first. There are no more cells than models, splits and pairs of expressions.

    Args:
        root: of the checkout.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._root, self._lock = root, threading.Lock()
        self._said: dict[str, Said] = {}
        self._body: bytes | None = None
        self._cell = functools.cache(self._count)

    def routes(self) -> list[BaseRoute]:
        """Return the routes, for any Starlette application."""
        return [Route(f"{PATH}.json", self.send_all), Route(f"{PATH}/cell", self.send_cell)]

    async def send_all(self, _: Request) -> Response:
        """Answer with everything; 404 if there is no report."""
        body = await run_in_threadpool(self._load)
        return Response(body, media_type="application/json", headers=_HEADERS) if body else Response(status_code=404)

    async def send_cell(self, request: Request) -> Response:
        """Answer with one cell; 404 if there is none such, or no saved predictions."""
        await run_in_threadpool(self._load)
        asked = request.query_params
        model, split = self._said.get(asked.get("model", "")), asked.get("split", "")
        pair = tuple(EMOTIONS.index(word) for key in ("truth", "said") if (word := asked.get(key, "")) in EMOTIONS)
        if model is None or split not in model.members or len(pair) != 2:
            return Response(status_code=404)
        return Response(await run_in_threadpool(self._cell, asked["model"], split, pair), media_type="application/json", headers=_HEADERS)

    def _count(self, model: str, split: str, pair: tuple[int, ...]) -> bytes:
        return _packed(cell(self._said, model, split, pair))

    def _load(self) -> bytes:
        with self._lock:
            if self._body is None:
                report = read_report(self._root)
                self._body = self._pack(report) if report else b""
            return self._body

    def _pack(self, report: Content) -> bytes:
        names = [model["model"] for model in report["models"]]
        found = {folder.name: folder for folder in folders(self._root) if folder.name in names}
        self._said = {name: read_said(folder) for name, folder in found.items()}
        lines = {name: {split: curves(said, split) for split, inside in said.members.items() if inside.any()} for name, said in self._said.items()}
        history = {name: epochs for name, folder in found.items() if (epochs := read_history(folder))}
        return _packed({"emotions": EMOTIONS, "report": report, "curves": lines, "history": history})


def _packed(content: Content) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
