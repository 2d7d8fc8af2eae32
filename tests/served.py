"""The page on a free port of this machine, with tiny models, as `python -m app` would start it."""

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from app import guard
from app.models import load_arms
from app.page import Page
from app.server import Address, start
from tests.tiny_package import make_package


@dataclass(frozen=True)
class Served:
    """A running page: its address and the folder of its uploads."""

    url: str
    uploads: Path

    def files(self) -> list[Path]:
        """All files in the upload folder."""
        return [path for path in self.uploads.rglob("*") if path.is_file()]

    def analyze(self, picture: dict[str, Any]) -> tuple[str, Any]:
        """Call the public endpoint by hand: how it ended ("complete" or "error"), and its data."""
        return call(f"{self.url}/gradio_api/call/analyze", [picture])

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a file as a browser would; what to hand to `analyze`."""
        edge = "edge-of-a-part"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        (path,) = json.loads(fetch(f"{self.url}/gradio_api/upload", body, f"multipart/form-data; boundary={edge}"))
        return file_data(path)


def file_data(path: str) -> dict[str, Any]:
    """How a client of Gradio names a file."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def fetch(url: str, body: bytes | None = None, kind: str = "application/json") -> str:
    """GET, or POST a body; the answer's text. Raises urllib.error.HTTPError for 400 and above."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind} if body is not None else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        return str(response.read().decode())


def status(url: str) -> int:
    """The HTTP status of a GET."""
    try:
        fetch(url)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def call(endpoint: str, data: list[Any]) -> tuple[str, Any]:
    """Call an endpoint of Gradio through its queue: how it ended, and its data."""
    event = json.loads(fetch(endpoint, json.dumps({"data": data}).encode()))["event_id"]
    lines = [line for line in fetch(f"{endpoint}/{event}").splitlines() if line]
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serve(folder: Path) -> Iterator[Served]:
    """Start the page with two tiny models; `folder` takes the models and the uploads."""
    import gradio.processing_utils

    uploads, port = folder / "uploads", free_port()
    uploads.mkdir()
    cnn, deepface = ([make_package(folder, name, seed=seed)] for seed, name in enumerate(["first", "second"]))
    with pytest.MonkeyPatch.context() as patch:
        # What the guard changes for its process is changed back for the other tests.
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "NO_PROXY", "no_proxy"):
            patch.setenv(name, os.environ.get(name, ""))
        for owner, attribute in ((PIL.Image, "MAX_IMAGE_PIXELS"), (gradio.processing_utils, "async_ssrf_protected_get")):
            patch.setattr(owner, attribute, getattr(owner, attribute))
        guard.silence(os.environ, uploads)
        demo = start(Page(load_arms(cnn, deepface)), Address(port=port))
        try:
            yield Served(f"http://127.0.0.1:{port}", uploads)
        finally:
            demo.close(verbose=False)
