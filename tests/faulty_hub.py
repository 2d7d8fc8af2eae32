"""A bad line to a hub: a proxy that hands on every request, and lets chosen ones go wrong.

with faulty(hub.url, Fault("unanswered", at=3)) as line:
    HfApi(endpoint=line.url, token=hub.token).upload_folder(...)
assert "POST /api/models/you/x/commit/main" in line.requests
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Kind = Literal["unsent", "half sent", "sent flipped", "unanswered", "half answered", "hung up", "truncated", "flipped", "status", "slow"]
_PATIENCE = 60.0  # seconds that the proxy waits for the hub


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and at which request.

    Attributes:
        kind: the connection is cut "unsent" (the hub never hears of the request), "half sent" (it gets half of the
            body), "unanswered" (it has done it, but the client does not learn so), "half answered" (half of the body
            comes, Content-Length promises all), or "hung up" (after the whole answer). "truncated" answers are half as
            long and say so. "flipped" answers differ in one bit, as do "sent flipped" requests when the hub gets them.
            A "status" is answered instead of asking the hub. "slow" lets the client wait `seconds`, or until the proxy
            is closed.
        at: the first request that it hits, counted from 1; only those count that have `on` in them.
        times: how many requests in a row it hits; None for all that follow.
        on: part of "METHOD /path?query".
    """

    kind: Kind
    at: int = 1
    times: int | None = 1
    on: str = ""
    status: int = 500
    code: str = ""
    message: str = "Something went wrong"
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 30.0

    def hits(self, count: int) -> bool:
        """Whether it is the turn of the `count`th request."""
        return count >= self.at and (self.times is None or count < self.at + self.times)


@dataclass
class Line:
    """The proxy: its address, all requests that came, as "METHOD /path?query", and one `cuts` for each line it has cut."""

    url: str
    requests: list[str] = field(default_factory=list)
    cuts: threading.Semaphore = field(default_factory=partial(threading.Semaphore, 0))

    def count(self, part: str = "") -> int:
        """How many requests have `part` in them."""
        return sum(part in request for request in self.requests)


@dataclass
class _Proxy:
    hub: str
    faults: tuple[Fault, ...]
    line: Line
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, request: str) -> Fault | None:
        """Note a request; what goes wrong with it."""
        with self.lock:
            self.line.requests.append(request)
            return next((fault for fault in self.faults if fault.on in request and fault.hits(self.line.count(fault.on))), None)


def _flip(content: bytes) -> bytes:
    """Change a bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 1 for byte in content[middle : middle + 1]) + content[middle + 1 :]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two parts: the second would wait 40 ms

    def __init__(self, *arguments: Any, proxy: _Proxy) -> None:
        self._proxy = proxy
        super().__init__(*arguments)

    def _handle(self) -> None:
        body = self._read_body()
        fault = self._proxy.fault_of(f"{self.command} {self.path}")
        if fault is None:
            self._answer(*self._ask(body))
        else:
            _FAULTS[fault.kind](self, fault, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _connect(self, length: int) -> HTTPConnection:
        """A connection to the hub, with the request's head sent; the hub sees the proxy's own address as Host."""
        connection = HTTPConnection(urlsplit(self._proxy.hub).netloc, timeout=_PATIENCE)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"connection", "content-length", "transfer-encoding"}:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection

    def _ask(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = self._connect(len(body))
        connection.send(body)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def _answer(self, response: HTTPResponse, content: bytes, length: int | None = None) -> None:
        """Send an answer; `length` is what it says to be long, if that is not so."""
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in {"connection", "content-length", "transfer-encoding"}]
        said = len(content) if length is None else length
        if self.command == "HEAD":
            said = int(response.headers.get("Content-Length", 0))
        self._send(response.status, [*headers, ("Content-Length", str(said))], content)

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self._proxy.line.cuts.release()

    def unsent(self, _: Fault, __: bytes) -> None:
        self._cut()

    def half_sent(self, _: Fault, body: bytes) -> None:
        connection = self._connect(len(body))
        connection.send(body[: len(body) // 2])
        connection.close()
        self._cut()

    def unanswered(self, _: Fault, body: bytes) -> None:
        self._ask(body)
        self._cut()

    def half_answered(self, _: Fault, body: bytes) -> None:
        response, content = self._ask(body)
        self._answer(response, content[: len(content) // 2], len(content))
        self._cut()

    def hung_up(self, _: Fault, body: bytes) -> None:
        self._answer(*self._ask(body))
        self._cut()

    def truncated(self, _: Fault, body: bytes) -> None:
        response, content = self._ask(body)
        self._answer(response, content[: len(content) // 2])

    def flipped(self, _: Fault, body: bytes) -> None:
        response, content = self._ask(body)
        self._answer(response, _flip(content))

    def sent_flipped(self, _: Fault, body: bytes) -> None:
        self._answer(*self._ask(_flip(body)))

    def status(self, fault: Fault, _: bytes) -> None:
        content = b'{"error": "%s"}' % fault.message.encode()
        coded = [("X-Error-Code", fault.code)] if fault.code else []
        head = [("X-Error-Message", fault.message), *coded, *fault.headers, ("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        self._send(fault.status, head, content)

    def slow(self, fault: Fault, body: bytes) -> None:
        if self._proxy.closing.wait(fault.seconds):
            self._cut()
        else:
            self._answer(*self._ask(body))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_FAULTS: dict[Kind, Callable[[_Handler, Fault, bytes], None]] = {
    "unsent": _Handler.unsent,
    "half sent": _Handler.half_sent,
    "sent flipped": _Handler.sent_flipped,
    "unanswered": _Handler.unanswered,
    "half answered": _Handler.half_answered,
    "hung up": _Handler.hung_up,
    "truncated": _Handler.truncated,
    "flipped": _Handler.flipped,
    "status": _Handler.status,
    "slow": _Handler.slow,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has gone away is no news."""


@contextmanager
def faulty(hub: str, *faults: Fault) -> Iterator[Line]:
    """Put a proxy in front of the hub at this address; of several faults the first that hits a request counts."""
    proxy = _Proxy(hub, faults, Line(""))
    with _Server(("127.0.0.1", 0), partial(_Handler, proxy=proxy)) as server:
        proxy.line.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy.line
        finally:
            proxy.closing.set()
            server.shutdown()
            thread.join()
