"""The CAPTCHA service behind the guard and the guest book of `examples/`, each on a port of `localhost`: two origins, one site."""

import importlib.util
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from app import gate
from app.captcha.judge import Judge
from app.captcha.sites import make_site
from app.guard import Guard, Policy
from tests.made_captcha import Desk, make_desk

EXAMPLE = Path(__file__).parent.parent / "examples" / "relying_site"
ACTION = "guest-book"


def load_example() -> Any:
    """The module of the sample site, which is no package."""
    spec = importlib.util.spec_from_file_location("relying_site", EXAMPLE / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@contextmanager
def answering(app: ASGIApp) -> Iterator[int]:
    """An application on a free port of this machine; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", forwarded_allow_ips="", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


@dataclass(frozen=True)
class Town:
    """A service and a site that relies on it.

    Attributes:
        desk: the service; its clock stands still.
        service_url, site_url: of the two.
        site: the module of the sample site.
        book: its guest book.
    """

    desk: Desk
    service_url: str
    site_url: str
    site: Any
    book: Any

    @property
    def entries(self) -> list[tuple[str, str]]:
        """What was written into the guest book, the newest first."""
        return list(self.book.entries)


@contextmanager
def built(folder: Path, judge: Judge | None = None, keys: tuple[str, str] | None = None, **settings: Any) -> Iterator[Town]:
    """Start both.

    Args:
        folder: for the service's files.
        judge: of faces; None: that way is closed.
        keys: site key and secret that the site uses; its own by default.
        settings: of the service.
    """
    desk = make_desk(folder, **settings)
    desk.service.judge = judge
    site, secret = make_site("guest book", ["localhost"], [ACTION], desk.clock())
    desk.service.store.put_site(site)
    example = load_example()
    with answering(Guard(Starlette(routes=gate.routes(desk.service)), Policy())) as port:
        key, secret = keys or (site.key, secret)
        book = example.GuestBook(example.Settings(f"http://localhost:{port}/siteverify", key, secret))
        with answering(example.build_app(book)) as other:
            yield Town(desk, f"http://localhost:{port}", f"http://localhost:{other}", example, book)
    desk.service.close()
