"""What a user waits for and what a server pays: `python -m app` from its start to its first answer."""

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.errors import ModelError
from train.runtime_worker import resident_megabytes

_ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 30  # seconds to clean up


@dataclass(frozen=True)
class FirstAnswer:
    """One start of the app.

    Attributes:
        seconds: from the start of the process to the answer of both sides for one picture through the page's API.
        megabytes: resident memory of the process after that answer; 0 where the system does not say.
        answer: what came back.
    """

    seconds: float
    megabytes: float
    answer: Any


def first_answer(picture: Path, words: Sequence[str] = ()) -> FirstAnswer:
    """Start the app on a free port, ask about a picture, and stop the app.

    Args:
        picture: file that the app can read.
        words: arguments of `python -m app`, besides the port.

    Raises:
        ModelError: if the app does not start.
    """
    from gradio_client import Client, handle_file  # type: ignore[import-untyped]  # before the clock starts

    port = _free_port()
    began = time.perf_counter()
    command = [sys.executable, "-m", "app", "--port", str(port), *words]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_until_ready(process)
            client = Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False, httpx_kwargs={"trust_env": False}, download_files=False)
            answer = client.predict(handle_file(picture), api_name="/compare")
            seconds = time.perf_counter() - began
            return FirstAnswer(seconds, resident_megabytes(process.pid), answer)
        finally:
            _stop(process)


def _wait_until_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    if not process.stdout.readline():
        raise ModelError(f"The app does not start. Received: {process.stderr.read().strip() or 'no word'}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
