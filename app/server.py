"""Starts the page's web server behind the guard, says so once it really answers, and stops it without cutting anybody off.

This is the one way to start it: for the command, the tests and a Space.
"""

import ipaddress
import os
import socket
import time
import urllib.request
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from app.access import Access
from app.page import Page
from app.post import Post
from fersys.errors import ConfigError

if TYPE_CHECKING:
    import gradio as gr

    from app.captcha.service import Service
    from app.gate import Closed

_EVERYWHERE = ("0.0.0.0", "::")
STOP_SECONDS = 5.0  # for answers under way; closing the server takes no longer, which makes ten


@dataclass(frozen=True)
class Address:
    """Where the page is served: a host name or address of this machine, a port 1–65535, a public link or not."""

    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"Port: expected 1 to 65535. Received: {self.port}")

    @property
    def url(self) -> str:
        """The page's address as seen from this machine."""
        return f"http://{'127.0.0.1' if self.host in _EVERYWHERE else self.host}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach the page."""
        return not self.share and _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def privacy(address: Address) -> str:
    """Return the key of the sentence on where pictures go, true for this address."""
    if address.is_private:
        return "page.privacy_local"
    return "page.privacy_share" if address.share else "page.privacy_server"


def check_free(address: Address) -> None:
    """Check that nobody listens there, before anything slow is done.

    Raises:
        ConfigError: if the port is taken, or the host is none of this machine's.
    """
    try:
        socket.create_server((address.host, address.port)).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise ConfigError(f"Cannot serve on port {address.port} of {address.host} ({reason}). Choose another with --port or --host.") from error


@dataclass(frozen=True)
class Running:
    """A page that is being served.

    Attributes:
        url: the public link if there is one, else the address on this machine.
    """

    url: str
    _demo: "gr.Blocks"
    _post: Post

    def close(self, seconds: float = 0.0) -> None:
        """Stop, after so many seconds at most for answers under way."""
        self._post.see_off(seconds)
        self._demo.close(verbose=False)


def start(page: Page, address: Address, access: Access | None = None, captcha: "Service | Closed | None" = None) -> Running:
    """Start the page in a background thread and return once it answers. The CAPTCHA service stays open when the page is closed.

    Raises:
        ConfigError: if the address is taken, or a public link was asked for and there is none.
    """
    from app import switches
    from app.demo import appearance, build_demo, routes
    from app.gate import Closed, is_sound
    from app.gate import routes as captcha_routes
    from app.health import health_route
    from app.tools import check_tools, forget_pictures

    access = access or Access()
    post = Post(access, address.share)
    switches.harden()
    page = replace(page, captcha=captcha is not None and not isinstance(captcha, Closed))
    demo = build_demo(page)
    further = captcha_routes(captcha) if captcha else []
    health = health_route(page.arms, post.is_stopping, partial(is_sound, captcha) if captcha else None)
    ours = {"routes": [health, *routes(page), *further], "lifespan": post.lifespan}
    settings = {**switches.LAUNCH, **appearance(), "mcp_server": access.mcp, "auth": access.account, "i18n": page.words.table(), "app_kwargs": ours}
    try:
        demo.launch(prevent_thread_lock=True, server_name=address.host, server_port=address.port, share=address.share, **settings)
    except OSError as error:
        raise ConfigError(f"Cannot serve on port {address.port} of {address.host}. Choose another with --port or --host.") from error
    if address.share and demo.share_url is None:
        demo.close(verbose=False)
        raise ConfigError("No public link to be had: expected an internet connection to Gradio's share server. Start without --share to use it here.")
    if access.mcp:
        check_tools(demo)
        forget_pictures(demo.mcp_server_obj)
    demo.share = False  # else the page would load its scripts from Gradio's storage; its own come through the tunnel as well
    _first_visit(address)
    return Running(demo.share_url or address.url, demo, post)


def _first_visit(address: Address) -> None:
    """Ask for the page once, past any proxy: it is ready when this comes back."""
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address.url, timeout=60).close()


def wait(running: Running) -> None:
    """Serve until Ctrl+C, then see everybody off; a second Ctrl+C does not wait."""
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        running.close(STOP_SECONDS)
