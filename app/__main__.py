"""Starts the web page: `python -m app [--host HOST] [--port PORT] [--cnn MODEL …] [--deepface MODEL …] [--share] [--debug]`."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app import guard, stubs
from app.models import load_arms, named_refs
from app.page import Page
from app.server import Address, check_free, privacy, start, wait
from fersys.command import run_command
from fersys.errors import ConfigError

_CNN = "our networks for the left column: package folders, or references to a hub (you/name@revision); also FERSYS_CNN (default: the shipped ones)"
_DEEPFACE = "the same for the right column, or deepface for that library with its own weights, which are fetched; also FERSYS_DEEPFACE"


def main(words: Sequence[str] | None = None) -> int:
    """Serve until Ctrl+C; an error of ours becomes one line and exit code 1."""
    arguments = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up like Ctrl+C
    return run_command(lambda: _serve_from_a_folder(arguments), arguments.debug, stopped="")


def _serve_from_a_folder(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="fersys-", ignore_cleanup_errors=True) as folder:
        guard.silence(os.environ, Path(folder))
        stubs.skip()
        _serve(arguments)
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    address = Address(arguments.host, arguments.port, arguments.share)
    check_free(address)
    arms = load_arms(named_refs("cnn", arguments.cnn, os.environ), named_refs("deepface", arguments.deepface, os.environ))
    for model in arms.absent:
        print(f"not shown: {model.title}. {model.reason}", file=sys.stderr)
    try:
        demo = start(Page(arms, privacy(address)), address)
    except ModuleNotFoundError as error:
        if arguments.debug:
            raise
        raise ConfigError(f"A package is missing: expected those of requirements-app.txt. Received: no {error.name}") from error
    print(f"FER-Sys is ready on {demo.share_url or address.url}  (Ctrl+C stops it)", flush=True)
    wait(demo)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Show what FER-Sys' models make of the faces in your pictures, in the browser.")
    parser.add_argument("--host", default=Address.host, help="address to serve on; 0.0.0.0 lets others in your network reach it (default: %(default)s)")
    parser.add_argument("--port", type=int, default=Address.port, help="port to serve on (default: %(default)s)")
    parser.add_argument("--cnn", nargs="+", metavar="MODEL", help=_CNN)
    parser.add_argument("--deepface", nargs="+", metavar="MODEL", help=_DEEPFACE)
    parser.add_argument("--share", action="store_true", help="also ask Gradio for a public link, which sends pictures through its servers")
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    return parser


if __name__ == "__main__":
    sys.exit(main())
