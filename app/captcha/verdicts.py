"""What `/siteverify` says when a token is not good: one form, also if the request did not get as far as the service."""

from typing import Any

MISSING_SECRET, INVALID_SECRET = "missing-input-secret", "invalid-input-secret"
MISSING_RESPONSE, INVALID_RESPONSE = "missing-input-response", "invalid-input-response"
BAD_REQUEST, DUPLICATE, INTERNAL = "bad-request", "timeout-or-duplicate", "internal-error"
ERROR_CODES = (MISSING_SECRET, INVALID_SECRET, MISSING_RESPONSE, INVALID_RESPONSE, BAD_REQUEST, DUPLICATE, INTERNAL)
PATH = "/siteverify"


def unverified(*codes: str) -> dict[str, Any]:
    """Return the answer that a token is not good, as JSON data."""
    return {"success": False, "challenge_ts": "", "hostname": "", "action": "", "cdata": "", "method": "", "error-codes": list(codes)}


def unheard(status: int) -> dict[str, Any]:
    """Return the answer to a request that was refused with an HTTP status before anybody looked at the token; some are worth another try."""
    return unverified(INTERNAL if status in (429, 503) else BAD_REQUEST)
