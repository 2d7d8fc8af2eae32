"""What a hub's refusal means, in one line, and without a token in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled  # type: ignore[attr-defined]

from fersys.errors import HubError
from fersys.hub_client import first_line

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN, with a token that may write"
_HOME = "https://huggingface.co"
_PAID = "this hub wants a paid plan for it; a Space needs one unless it is static: serve the app with Docker or `python -m app --share` instead"
_MEANINGS = {
    400: "the hub did not understand it",
    401: f"the token is not valid there: {LOG_IN}",
    402: _PAID,
    403: "your token has no right to write there: expected a token of the owner, or of a member, with write access",
    404: "there is no such repository or branch, or your token may not see it",
    409: "it clashes with what is there, such as another repository, tag or push of the same name",
    412: "somebody else pushed meanwhile and nothing of yours was: look at their commit, then run the same command again",
    413: "the hub takes no files of this size",
    429: "the hub wants fewer requests: wait a few minutes, then run the same command again",
}
_SERVER = "the hub has trouble: nothing is half done there, run the same command again later"


@contextmanager
def plainly(what: str, endpoint: str) -> Iterator[None]:
    """Turn what the client raises within into one line.

    Args:
        what: what was asked, such as "push you/name".
        endpoint: address of the hub.

    Raises:
        HubError: for every refusal, broken connection and malformed answer.
    """
    try:
        yield
    except (HTTPError, OSError, ValueError, RuntimeError, KeyError) as error:
        if _is_local(error):
            raise
        raise HubError(f"Could not {what} at {endpoint}: {_explain(_innermost(error))}") from error


def _is_local(error: BaseException) -> bool:
    """A file of ours that cannot be read is no word of the hub."""
    return isinstance(error, OSError) and error.filename is not None


def _innermost(error: BaseException) -> BaseException:
    """The client wraps what befell an upload."""
    return error.__cause__ if type(error) is RuntimeError and error.__cause__ else error


def _explain(error: BaseException) -> str:
    if isinstance(error, HfHubHTTPError):
        return _of_status(error)
    if isinstance(error, OfflineModeIsEnabled):
        return "the network is switched off here. Unset HF_HUB_OFFLINE. Received: offline mode"
    if isinstance(error, HTTPError | ConnectionError):
        return f"no connection, or it broke. Run the same command again: it goes on with what is missing. Received: {first_line(error)}"
    return f"expected an answer of a hub. Received: {first_line(error)}"


def _of_status(error: HfHubHTTPError) -> str:
    status = error.response.status_code
    meaning = _MEANINGS.get(status, _SERVER if status >= 500 else "the hub refused")
    words = error.server_message or error.response.headers.get("X-Error-Message") or ""
    return f"{meaning}. Received: {status}{f' ({first_line(ValueError(words))})' if words.strip() else ''}"


def is_at_home(endpoint: str) -> bool:
    """Say whether this is the public hub, which has Xet storage."""
    return endpoint.rstrip("/") == _HOME
