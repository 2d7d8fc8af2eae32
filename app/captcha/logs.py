"""The log: one JSON line an event on standard error, of fields that are named here. What is not named is left out.

So neither a face nor a secret, a token or an address can get in by a careless call.
"""

import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger as Log

__all__ = ["Log", "keep_named", "make_log"]

_FIELDS = (
    *("event", "level", "timestamp", "challenge", "site", "step", "sequence", "code", "reason", "method", "outcome", "seconds", "kind", "count"),
    *("real", "score", "threshold"),
)
_LONGEST = 200


def make_log(stream: TextIO | None = None) -> Log:
    """Return a logger that writes to `stream`; standard error by default."""
    logger: Log = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), keep_named, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger


def keep_named(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep the named fields, if they are numbers or short text."""
    return {name: _short(fields[name]) for name in _FIELDS if name in fields}


def _short(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    return value[:_LONGEST] if isinstance(value, str) else type(value).__name__
