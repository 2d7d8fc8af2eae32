"""What every command of FER-Sys does about errors."""

import sys
from collections.abc import Callable

from fersys.errors import FerSysError

INTERRUPTED = 130  # as shells say it: 128 + SIGINT


def run_command(action: Callable[[], int], debug: bool, stopped: str = "stopped") -> int:
    """Run a command and return its exit code; an error of ours becomes one line and 1.

    Args:
        action: the command; returns its exit code.
        debug: show the traceback of an error.
        stopped: the line to say after Ctrl+C; none if empty.

    Raises:
        FerSysError: with `debug`.
    """
    try:
        return action()
    except FerSysError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(stopped, end="\n" if stopped else "", file=sys.stderr)
        return INTERRUPTED
