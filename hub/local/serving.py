"""Starts and stops the hub: in a thread for tests, or until Ctrl+C for a person.

with running_hub(Path("runs/hub-local")) as hub:
    HfApi(endpoint=hub.url, token=hub.token).create_repo("you/first")
"""

import logging
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fersys.errors import ConfigError
from hub.local import files, history, repositories, uploads
from hub.local.accounts import GUEST_TOKEN, READ_TOKEN, WRITE_TOKEN
from hub.local.calls import Answer, Call
from hub.local.refusals import RefusalError
from hub.local.store import Store

_LOG = logging.getLogger(__name__)
_OWN_ADDRESSES = ("127.0.0.1", "localhost", "::1")
# A page of another site must not reach the hub through a name of its own that it points to this machine.
_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_REPOSITORY = "/api/{kind}/{owner}/{name}"
# Tried from top to bottom.
_ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/api/whoami-v2", repositories.who),
    ("POST", "/api/repos/create", repositories.create),
    ("DELETE", "/api/repos/delete", repositories.delete),
    ("POST", "/api/validate-yaml", repositories.validate),
    ("GET", "/api/{kind}", repositories.listing),
    ("GET", _REPOSITORY, repositories.info),
    ("GET", f"{_REPOSITORY}/revision/{{revision}}", repositories.info),
    ("GET", f"{_REPOSITORY}/auth-check", repositories.allowed),
    ("GET", f"{_REPOSITORY}/auth-check/write", repositories.allowed_to_write),
    ("GET", f"{_REPOSITORY}/tree/{{revision}}", files.tree),
    ("GET", f"{_REPOSITORY}/tree/{{revision}}/{{path:path}}", files.tree),
    ("GET", f"{_REPOSITORY}/refs", history.references),
    ("GET", f"{_REPOSITORY}/commits/{{revision}}", history.log),
    ("PUT", f"{_REPOSITORY}/settings", repositories.configure),
    ("POST", f"{_REPOSITORY}/paths-info/{{revision}}", files.paths),
    ("POST", f"{_REPOSITORY}/preupload/{{revision}}", files.preupload),
    ("POST", f"{_REPOSITORY}/commit/{{revision}}", history.commit),
    ("POST", f"{_REPOSITORY}/tag/{{revision}}", history.tag),
    ("DELETE", f"{_REPOSITORY}/tag/{{revision}}", history.untag),
    ("POST", f"{_REPOSITORY}/branch/{{revision}}", history.branch),
    ("DELETE", f"{_REPOSITORY}/branch/{{revision}}", history.unbranch),
    ("GET", "/api/{kind}/{rest:path}", repositories.unknown),
    ("POST", "/{kind}/{owner}/{name}.git/info/lfs/objects/batch", uploads.batch),
    ("POST", "/{owner}/{name}.git/info/lfs/objects/batch", uploads.batch),
    ("GET", "/{kind}/{owner}/{name}/resolve/{revision}/{path:path}", files.resolve),
    ("GET", "/{owner}/{name}/resolve/{revision}/{path:path}", files.resolve),
    ("GET", "/{name}/resolve/{revision}/{path:path}", repositories.unknown),
)


@dataclass(frozen=True)
class Hub:
    """A hub that runs. The tokens are no secrets: it serves one laptop.

    Attributes:
        url: "http://127.0.0.1:<port>", the endpoint for clients.
        token: of the user "you", who may write to what is called "you/…".
        read_token: of the same user, for reading only.
        guest_token: of another user, "guest".
    """

    url: str
    token: str = WRITE_TOKEN
    read_token: str = READ_TOKEN
    guest_token: str = GUEST_TOKEN


class _EncodedPath:
    """Keeps %2F in addresses: "refs%2Fpr%2F1" is one name, and no three folders."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii")}
        await self._app(scope, receive, send)


def build(folder: Path) -> Starlette:
    """The hub as an ASGI application, with its repositories in `folder`."""
    routes = [Route(path, partial(_answer, answer), methods=[method]) for method, path, answer in _ROUTES]
    upload = Route("/lfs/{kind}/{owner}/{name}/{oid}", uploads.receive, methods=["PUT"])
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False), Middleware(_EncodedPath)]
    failures: dict[Any, Any] = {RefusalError: _refuse, HTTPException: _refuse_route, ClientDisconnect: _gone, OSError: _fail}
    app = Starlette(routes=[*routes, upload], middleware=middleware, exception_handlers=failures)
    app.state.store, app.state.signing_key = Store(folder), secrets.token_bytes()
    return app


async def _answer(answer: Answer, request: Request) -> Response:
    """Read the whole body first: a client that is still sending would not read an error."""
    body = await request.body()
    return await run_in_threadpool(answer, Call(request, body))


async def _refuse(_: Request, error: RefusalError) -> Response:
    return JSONResponse({"error": error.message, **error.details}, error.status, error.headers())


async def _refuse_route(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _gone(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def _fail(request: Request, error: OSError) -> Response:
    _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    return JSONResponse({"error": f"The hub's own disk failed: {error.strerror or error}"}, 500)


@contextmanager
def running_hub(folder: Path, port: int = 0) -> Iterator[Hub]:
    """Serve the repositories in `folder` on this machine from a thread; port 0 takes a free one."""
    with _listening("127.0.0.1", port) as listener:
        server = _server(folder)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="local hub")
        thread.start()
        try:
            yield Hub(_address(listener))
        finally:
            server.should_exit = True
            thread.join()


def serve_until_stopped(folder: Path, host: str, port: int) -> None:
    """Serve the repositories in `folder` until Ctrl+C, after saying how to use them.

    Raises:
        ConfigError: if `host` is not this machine alone, or the port is taken.
    """
    if host not in _OWN_ADDRESSES:
        raise ConfigError(f"Expected one of {', '.join(_OWN_ADDRESSES)}: everyone knows the tokens of this hub. Received: {host!r}")
    with _listening(host, port) as listener, suppress(KeyboardInterrupt):
        print(_welcome(_address(listener), folder), flush=True)
        _server(folder).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"Expected a free port. Received: {host} port {port} ({error})") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does so only if the protocol is named; an answer would wait 40 ms
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(folder: Path) -> uvicorn.Server:
    folder.mkdir(parents=True, exist_ok=True)
    return uvicorn.Server(
        uvicorn.Config(build(folder.resolve()), http="h11", lifespan="off", log_level="warning", proxy_headers=False, timeout_graceful_shutdown=1)
    )


def _welcome(url: str, folder: Path) -> str:
    return f"""\
A hub of your own runs at {url}, with its files in {folder}.
Its token, of the user "you", is {WRITE_TOKEN}: no secret, as only this machine can reach it. In another terminal:

    export HF_ENDPOINT={url} HF_TOKEN={WRITE_TOKEN}
    export HF_HUB_DISABLE_XET=1 NO_PROXY=127.0.0.1,localhost

Ctrl+C stops it; the files stay."""
