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

from app import switches
from app.access import Access
from app.captcha.service import Service
from app.models import Arms, load_arms
from app.page import Page
from app.server import Address, start
from tests.tiny_package import make_package

_CHANGED = ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "FORWARDED_ALLOW_IPS", "NO_PROXY", "no_proxy")


@dataclass(frozen=True)
class Served:
    """A running page: its address and the folder of its uploads."""

    url: str
    uploads: Path

    def files(self) -> list[Path]:
        """All files in the upload folder."""
        return [path for path in self.uploads.rglob("*") if path.is_file()]

    def ask(self, endpoint: str, *data: Any) -> tuple[str, Any]:
        """Call an endpoint by hand: how it ended ("complete" or "error"), and its data."""
        return call(f"{self.url}/gradio_api/call/{endpoint}", list(data))

    def classify(self, picture: dict[str, Any], model: str | None = None) -> tuple[str, Any]:
        """The same for `/classify`."""
        return self.ask("classify", picture, model)

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Upload a file as a browser would; what to hand to `classify`."""
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


def tiny_arms(folder: Path) -> Arms:
    """A model on each side."""
    first, second = (make_package(folder, name, seed=seed) for seed, name in enumerate(["first", "second"]))
    return load_arms([first], [second])


@contextmanager
def serve(folder: Path, access: Access | None = None, *, arms: Arms | None = None, share: bool = False, patience: float = 0.0) -> Iterator[Served]:
    """Start the page.

    Args:
        folder: takes the uploads, and two tiny models if no others are given.
        access: who may come in.
        arms: the models.
        share: ask for a public link.
        patience: seconds that those who wait for an answer are given at the end.
    """
    with _placed(folder, share) as (address, served):
        running = start(Page(arms or tiny_arms(folder), url=address.url), address, access)
        try:
            yield served
        finally:
            running.close(patience)


@contextmanager
def serve_captcha(folder: Path, captcha: Service) -> Iterator[Served]:
    """Start the page with two tiny models and a CAPTCHA service."""
    with _placed(folder) as (address, served):
        running = start(Page(tiny_arms(folder), url=address.url), address, None, captcha)
        try:
            yield served
        finally:
            running.close()


@contextmanager
def _placed(folder: Path, share: bool = False) -> Iterator[tuple[Address, Served]]:
    """A free address, and switches set for a page there."""
    uploads, address = folder / "uploads", Address(port=free_port(), share=share)
    uploads.mkdir()
    with _changed_back():
        switches.silence(os.environ, uploads)
        yield address, Served(address.url, uploads)


@contextmanager
def _changed_back() -> Iterator[None]:
    """What the switches change for their process is changed back for the other tests."""
    import gradio.processing_utils
    import gradio.route_utils
    import gradio.state_holder

    changed = (
        (PIL.Image, "MAX_IMAGE_PIXELS"),
        (gradio.processing_utils, "async_ssrf_protected_get"),
        (gradio.route_utils, "GradioUploadFile"),
        (gradio.state_holder.SessionState, "_update_value_in_config"),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in _CHANGED:
            patch.setenv(name, os.environ.get(name, ""))
        for owner, attribute in changed:
            patch.setattr(owner, attribute, getattr(owner, attribute))
        yield
