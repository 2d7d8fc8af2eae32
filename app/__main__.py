"""Starts the web page: `python -m app`; `--help` says with what. `python -m app sites|keys|audit|purge …` is for `app.captcha`."""

import argparse
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from app import stubs, switches
from app.access import Access, read_account, read_policy
from app.models import Arms, load_arms, named_refs
from app.page import Page
from app.server import Address, check_free, privacy, start, wait
from fersys.command import run_command
from fersys.errors import ConfigError

if TYPE_CHECKING:
    from app.captcha.service import Service
    from app.gate import Closed

_CNN = "our networks for the left column: package folders, or references to a hub (you/name@revision); also FERSYS_CNN (default: the shipped ones)"
_DEEPFACE = "the same for the right column, or deepface for that library with its own weights, which are fetched; also FERSYS_DEEPFACE"
_AUTH = "ask everybody for this name and password; FERSYS_AUTH does the same and does not show in the list of processes"
_EPILOG = "For the CAPTCHA service: python -m app sites, keys, audit, purge; each says more with --help, and docs/captcha.md says all."
_CAPTCHA = ("sites", "keys", "audit", "purge")


def main(words: Sequence[str] | None = None) -> int:
    """Serve until Ctrl+C; an error of ours becomes one line and exit code 1."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in _CAPTCHA:
        from app.captcha.__main__ import main as manage

        return manage(words, prog="python -m app")
    parser = _parser(os.environ)
    if words and not words[0].startswith("-"):
        parser.error(_no_command(words[0]))
    arguments = parser.parse_args(words)
    # What is wrong with a video is said by us, in one line.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up like Ctrl+C
    return run_command(lambda: _serve_from_a_folder(arguments), arguments.debug, stopped="")


def _serve_from_a_folder(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="fersys-", ignore_cleanup_errors=True) as folder:
        switches.silence(os.environ, Path(folder))
        stubs.skip()
        _serve(arguments)
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    address = Address(arguments.host, _port(arguments.port), arguments.share)
    access = _access(arguments)
    check_free(address)
    with _warnings_in_a_line():
        arms = load_arms(named_refs("cnn", arguments.cnn, os.environ), named_refs("deepface", arguments.deepface, os.environ))
    for model in arms.absent:
        print(f"not shown: {model.title}. {model.reason}", file=sys.stderr)
    try:
        with _captcha(arms, address.share) as captcha:
            running = start(Page(arms, privacy(address), address.url, access.mcp), address, access, captcha)
            print(f"FER-Sys is ready on {running.url}  (Ctrl+C stops it)", flush=True)
            wait(running)
    except ModuleNotFoundError as error:
        if arguments.debug:
            raise
        raise ConfigError(f"A package is missing: expected those of requirements-app.txt. Received: no {error.name}") from error


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """What models warn of, such as a hub that does not answer, without the place in the code."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        yield


def _captcha(arms: Arms, share: bool) -> "AbstractContextManager[Service | Closed | None]":
    """The CAPTCHA service; the page comes without it where nothing can be written, unless the owner said where. Where there is one, health is its too."""
    from app.captcha.anti_spoof import read_advisor
    from app.captcha.face_judge import build_judge
    from app.captcha.refusals import StoreError
    from app.gate import Closed, open_service, was_used

    try:
        return closing(open_service(os.environ, share, build_judge(arms, read_advisor(os.environ))))
    except StoreError as error:
        if any(name.startswith("FERSYS_CAPTCHA_") for name in os.environ):
            raise
        print(f"no CAPTCHA service: {error}", file=sys.stderr)
        return nullcontext(Closed() if was_used(os.environ) else None)


def _access(arguments: argparse.Namespace) -> Access:
    login = arguments.auth or os.environ.get("FERSYS_AUTH")
    return Access(read_account(login) if login else None, arguments.mcp, read_policy(os.environ))


def _port(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(f"Port: expected a number from 1 to 65535. Received: {text}") from error


def _no_command(word: str) -> str:
    meant = get_close_matches(word, _CAPTCHA, 1)
    return f"no such command: expected {', '.join(_CAPTCHA)}, or none to serve the page. Received: {word}" + "".join(f"; did you mean {it}?" for it in meant)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    host, port = environment.get("GRADIO_SERVER_NAME", Address.host), environment.get("GRADIO_SERVER_PORT", str(Address.port))
    what = "Show what FER-Sys' models make of the faces in your pictures, in the browser."
    parser = argparse.ArgumentParser(prog="python -m app", description=what, epilog=_EPILOG)
    parser.add_argument("--host", default=host, help="address to serve on; 0.0.0.0 lets others reach it; also GRADIO_SERVER_NAME (default: %(default)s)")
    parser.add_argument("--port", default=port, help="port to serve on; also GRADIO_SERVER_PORT (default: %(default)s)")
    parser.add_argument("--cnn", nargs="+", metavar="MODEL", help=_CNN)
    parser.add_argument("--deepface", nargs="+", metavar="MODEL", help=_DEEPFACE)
    parser.add_argument("--share", action="store_true", help="also ask Gradio for a public link, which sends pictures through its servers")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help=_AUTH)
    parser.add_argument("--mcp", action="store_true", help='offer the endpoints as MCP tools too; needs: pip install "gradio[mcp]"')
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    return parser


if __name__ == "__main__":
    sys.exit(main())
