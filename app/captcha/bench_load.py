"""The whole app in a process of its own, asked over HTTP: how fast `/siteverify` is, and what slow clients do to others.

The load comes from this process. What it costs itself is measured beside the server's times and stated with them.
"""

import asyncio
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.captcha.challenges import Binding
from app.captcha.refusals import CaptchaError
from app.captcha.service import Service, make_service
from app.captcha.sites import make_site

HOST = "bench.example"
_START = 120.0  # seconds that the app may take to start
_CONNECTIONS = 16  # kept open, as a site's backend does
_BODY_PAUSE = 0.4  # seconds between the bytes of a slow client

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class App:
    """A running app: its port, and what a site's backend knows."""

    port: int
    service: Service
    sitekey: str
    secret: str

    def token(self) -> str:
        """Return a good token, as a pass would."""
        return self.service.mint(self.service.issue(Binding(self.sitekey, HOST), "face"))


@dataclass(frozen=True)
class Load:
    """What a steady load met. Times in seconds.

    Attributes:
        latencies: from when each request was due until its answer; waiting for the generator is in it.
        lags: of each, how late the generator was itself.
        share: of one core, what the generator took.
        good: how many answers were a success.
    """

    latencies: Sequence[float]
    lags: Sequence[float]
    share: float
    good: int


@contextmanager
def running_app(folder: Path) -> Iterator[App]:
    """Start `python -m app` on a free port, with its CAPTCHA service in `folder`.

    Raises:
        CaptchaError: if it does not answer.
    """
    environment = {**os.environ, "FERSYS_CAPTCHA_DB": str(folder / "captcha.db"), "GRADIO_ANALYTICS_ENABLED": "False"}
    service, port = make_service(environment), _free_port()
    site, secret = make_site("bench", [HOST], [], service.clock())
    service.store.put_site(site)
    process = subprocess.Popen([sys.executable, "-m", "app", "--port", str(port)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        asyncio.run(_await_answer(port, process))
        yield App(port, service, site.key, secret)
    finally:
        process.terminate()
        process.wait()
        service.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def _await_answer(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, asyncio.IncompleteReadError):
            status, _ = await _ask(await asyncio.open_connection("127.0.0.1", port), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            if status == 200:
                return
        await asyncio.sleep(0.2)
    raise CaptchaError(f"The app did not start: expected an answer within {_START:g} seconds. Received: none")


def steady(app: App, rate: float, seconds: float) -> Load:
    """Ask `/siteverify` about one good token after another, `rate` a second, whether or not the ones before are answered."""
    tokens = [app.token() for _ in range(int(rate * seconds))]
    return asyncio.run(_steady(app, tokens, rate))


async def _steady(app: App, tokens: Sequence[str], rate: float) -> Load:
    free: asyncio.Queue[Streams] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", app.port))
    cpu, begun = time.process_time(), time.perf_counter()
    times = await asyncio.gather(*(_verify_at(free, _siteverify(app.secret, token), begun + number / rate) for number, token in enumerate(tokens)))
    share = (time.process_time() - cpu) / (time.perf_counter() - begun)
    return Load([latency for latency, _, _ in times], [lag for _, lag, _ in times], share, sum(good for _, _, good in times))


async def _verify_at(free: "asyncio.Queue[Streams]", request: bytes, due: float) -> tuple[float, float, bool]:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    lag = time.perf_counter() - due
    streams = await free.get()
    _, body = await _ask(streams, request)
    latency = time.perf_counter() - due
    free.put_nowait(streams)
    return latency, lag, bool(json.loads(body)["success"])


def _siteverify(secret: str, token: str) -> bytes:
    body = json.dumps({"secret": secret, "response": token}).encode()
    return b"POST /siteverify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def _ask(streams: Streams, request: bytes) -> tuple[int, bytes]:
    reader, writer = streams
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


def beside_slow_clients(app: App, slow: int, rounds: int, count: int) -> tuple[list[float], list[float]]:
    """Return another's latencies in seconds, without and with slow clients at work, in turns so that both meet the same machine."""
    return asyncio.run(_in_turns(app, slow, rounds, count))


async def _in_turns(app: App, slow: int, rounds: int, count: int) -> tuple[list[float], list[float]]:
    idle: list[float] = []
    busy: list[float] = []
    for _ in range(rounds):
        idle += await _latencies(app, count)
        crowd = [asyncio.create_task(_dribble(app, number)) for number in range(slow)]
        await asyncio.sleep(2 * _BODY_PAUSE)  # until all are at it
        busy += await _latencies(app, count)
        for client in crowd:
            client.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
    return idle, busy


async def _latencies(app: App, count: int) -> list[float]:
    streams = await asyncio.open_connection("127.0.0.1", app.port)
    request, times = _siteverify(app.secret, "no.good.token"), []
    for _ in range(count):
        begun = time.perf_counter()
        await _ask(streams, request)
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(0.01)
    streams[1].close()
    return times


async def _dribble(app: App, number: int) -> None:
    """A client that sends its head or its body byte by byte; when it is cut off it comes again."""
    paths = ("/siteverify", "/captcha/v1/work", "/captcha/v1/challenges/x/frames", "/gradio_api/queue/join")
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n" % paths[number % len(paths)].encode()
    whole = number % 5 > 0  # one in five is slow with the head already
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", app.port)
            writer.write(head if whole else b"")
            for byte in b"{" + bytes(5000) if whole else head:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(_BODY_PAUSE)
        await asyncio.sleep(_BODY_PAUSE)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
