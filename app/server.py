"""Starts the page's web server, and says so once it really answers."""

import ipaddress
import os
import socket
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.page import Page
from fersys.errors import ConfigError

if TYPE_CHECKING:
    import gradio as gr

_EVERYWHERE = ("0.0.0.0", "::")


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


def start(page: Page, address: Address) -> "gr.Blocks":
    """Start the page in a background thread and return once it answers.

    Raises:
        ConfigError: if the address is taken, or a public link was asked for and there is none.
    """
    from app import guard
    from app.demo import appearance, build_demo, routes

    guard.harden()
    demo = build_demo(page)
    where: dict[str, Any] = {"server_name": address.host, "server_port": address.port, "share": address.share}
    ours: dict[str, Any] = {"app_kwargs": {"routes": routes(page)}, "i18n": page.words.table()}
    try:
        demo.launch(prevent_thread_lock=True, **where, **ours, **appearance(), **guard.LAUNCH)
    except OSError as error:
        raise ConfigError(f"Cannot serve on port {address.port} of {address.host}. Choose another with --port or --host.") from error
    if address.share and demo.share_url is None:
        demo.close(verbose=False)
        raise ConfigError("No public link to be had: expected an internet connection to Gradio's share server. Start without --share to use it here.")
    _first_visit(address)
    return demo


def _first_visit(address: Address) -> None:
    """Ask for the page once, past any proxy: it is ready when this comes back."""
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address.url, timeout=60).close()


def wait(demo: "gr.Blocks") -> None:
    """Serve until Ctrl+C."""
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        demo.close(verbose=False)
