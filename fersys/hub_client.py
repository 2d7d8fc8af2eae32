"""The hub's own client as we use it: where it asks, how long it waits, what it says, and what its errors mean.

Nothing is imported from `huggingface_hub` before the first call.
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

PATIENCE = 10.0  # seconds to wait for a first answer
_SECRET = re.compile(r"hf_\w+|(?<=Bearer )[^\s'\"]+")
_LOGIN = "`hf auth login`, or HF_TOKEN"


@dataclass(frozen=True)
class Access:
    """How a hub is asked.

    Attributes:
        token: a token, or False for none; None: that of this machine (`hf auth login`, or HF_TOKEN).
        cache: folder of the client's cache; None: that of this machine (HF_HOME, HF_HUB_CACHE).
        offline: ask nothing, look into the cache alone.
        anew: fetch all files, also those that are there.
    """

    token: str | bool | None = None
    cache: Path | None = None
    offline: bool = False
    anew: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the cache."""
        from huggingface_hub import constants

        return Path(self.cache or constants.HF_HUB_CACHE).expanduser()


THIS_MACHINE = Access()


def endpoint() -> str:
    """Return the address of the hub: HF_ENDPOINT, or that of the public one."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def hub_api(access: Access = THIS_MACHINE) -> "HfApi":
    """Return the client. The one place where it is made."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint(), token=access.token, library_name="fersys")


def failures() -> tuple[type[Exception], ...]:
    """Return what the client raises if a hub does not answer, refuses, or answers what no hub would."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of whichever HTTP library the hub's uses

    return HTTPError, OSError, ValueError, KeyError, TypeError


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the client from warning of what we say ourselves. For commands: what it changes is of the whole process."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def bars_on_terminals_only() -> Iterator[None]:
    """Keep the client's progress bars out of logs and files."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    with nullcontext() if sys.stderr.isatty() or constants.HF_HUB_DISABLE_PROGRESS_BARS is not None else disable_progress_bars():
        yield


def is_away(error: BaseException) -> bool:
    """Say whether an error means that the hub could not answer, or something else answered for it; not that it refused."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, ConnectionError | HTTPError | ValueError | KeyError | TypeError)


def explain(error: BaseException) -> str:
    """Say in one line, without any token, what an error of the client means and what helps.

    Args:
        error: of one of the kinds in `failures`.

    Returns:
        words that go on from "Received: ".
    """
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

    cause = _cause(error)
    if isinstance(cause, HfHubHTTPError):
        return _explain_missing(cause) or _explain_status(cause.response.status_code, _sent(cause))
    if isinstance(cause, OfflineModeIsEnabled):
        return "no answer: offline mode (HF_HUB_OFFLINE)"
    if isinstance(cause, ConnectionError | HTTPError):
        return f"no answer ({type(cause).__name__})"
    return "an answer that no hub gives" if isinstance(cause, JSONDecodeError | KeyError | TypeError) else first_line(cause)


def _cause(error: BaseException) -> BaseException:
    """The error that the client wrapped, if it did."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wrapped = isinstance(error, LocalEntryNotFoundError | ValueError) and not isinstance(error, HfHubHTTPError)
    return error.__cause__ if wrapped and error.__cause__ is not None else error


def _sent(error: "HfHubHTTPError") -> bool:
    return "authorization" in error.response.request.headers


def _explain_missing(error: "HfHubHTTPError") -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"a repository that is opened on request only: ask on its page, then log in ({_LOGIN})"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "no such repository, or a private one: " + ("the token that was sent may not see it" if _sent(error) else f"no token was sent ({_LOGIN})")
    if isinstance(error, errors.RevisionNotFoundError):
        return "no such branch, tag or commit"
    return "no such file" if isinstance(error, errors.RemoteEntryNotFoundError) else ""


def _explain_status(status: int, sent: bool) -> str:
    if status == 401:
        return "a refusal (401): " + ("the token that was sent is not valid there" if sent else f"no token was sent ({_LOGIN})")
    if status == 403:
        return "a refusal (403): " + ("the token that was sent gives no right to that" if sent else f"no token was sent ({_LOGIN})")
    if status == 404:
        return "no answer that a hub gives (404)"
    if status == 429:
        return "a refusal (429): too many requests, try again in some minutes"
    return f"an error of the hub's own ({status}): try again later" if status >= 500 else f"a refusal ({status})"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind if it has none; what looks like a token is left out."""
    lines = str(error).strip().splitlines()
    return _SECRET.sub("...", lines[0]) if lines else type(error).__name__
