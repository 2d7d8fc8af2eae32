"""Data sets of a hub: the real client against a small server of our own, which speaks the few routes that it asks."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.made_pictures import pictures, write_parquet
from tests.served import free_port
from tests.tiny_package import make_package

ROOT = Path(__file__).parent.parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"
Files = dict[str, dict[str, bytes]]  # by revision and path


class Hub(BaseHTTPRequestHandler):
    """Has one data set, you/faces."""

    def __init__(self, *arguments: Any, files: Files) -> None:
        self._files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        revision, _, name = self.path.removeprefix("/datasets/you/faces/resolve/").partition("/")
        if self.path.startswith("/api/datasets/you/faces"):
            self._describe(self.path.partition("/revision/")[2].partition("?")[0] or "main")
        elif revision == COMMIT and (content := self._file(name)) is not None:
            self._send(200, content, {"ETag": f'"{sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT})
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _describe(self, revision: str) -> None:
        files = self._files.get(revision.replace("%2F", "/"))
        if files is None:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return
        about = {"id": "you/faces", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
        self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str) -> bytes | None:
        return next((files[name] for files in self._files.values() if name in files), None)

    def _send(self, code: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(files: Files) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, files=files))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def score(folder: Path, source: str, endpoint: str) -> "subprocess.CompletedProcess[str]":
    """Score a data set of the hub at `endpoint`, with a cache in `folder`."""
    package = folder / "tiny"
    if not package.exists():
        make_package(folder, "tiny")
    ours = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "fersys", "score", source, "--crops", "--force", "--out", str(folder / "out.csv"), "--model", str(package)]
    return subprocess.run(command, env={**os.environ, **ours}, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def parquet(tmp_path: Path) -> bytes:
    return write_parquet(tmp_path / "made.parquet", pictures(3), ["happy", "sad", "fear"]).read_bytes()


def test_all_parquet_files_of_a_data_set_are_scored(tmp_path: Path, parquet: bytes) -> None:
    with serving({"main": {"data/train.parquet": parquet, "data/test.parquet": parquet, "README.md": b"#"}}) as endpoint:
        done = score(tmp_path, "you/faces", endpoint)
    assert done.returncode == 0, done.stderr
    assert "6 pictures, 6 faces" in done.stdout
    assert COMMIT in (tmp_path / "out.csv").read_text()  # the paths say of which commit


@pytest.mark.parametrize("source", ["you/faces", "you/faces@refs/convert/parquet"])
def test_a_data_set_of_another_format_is_taken_as_the_hub_converts_it(tmp_path: Path, parquet: bytes, source: str) -> None:
    with serving({"main": {"faces.zip": b"?"}, "refs/convert/parquet": {"default/train/0000.parquet": parquet}}) as endpoint:
        done = score(tmp_path, source, endpoint)
    assert done.returncode == 0, done.stderr
    assert "3 pictures, 3 faces" in done.stdout


@pytest.mark.parametrize("source", ["you/other", "you/faces@v9", "you/faces"])
def test_what_the_hub_does_not_have_is_one_line(tmp_path: Path, source: str) -> None:
    with serving({"main": {"README.md": b"#"}}) as endpoint:
        done = score(tmp_path, source, endpoint)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"error: Expected a data set that can be fetched from {endpoint}. Received: {source!r}" in done.stderr


def test_no_network_is_one_line(tmp_path: Path) -> None:
    done = score(tmp_path, "you/faces", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "error: Expected a data set that can be fetched" in done.stderr
