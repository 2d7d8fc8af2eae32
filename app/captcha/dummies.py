"""Site keys and secrets for a site's own tests: they always pass, always fail, or say that the token is spent.

They touch no store, and a real secret never accepts the dummy token.
"""

from typing import Any

TOKEN = "XXXX.FERSYS-DUMMY-TOKEN.XXXX"
PASS, FAIL, SPENT = "pass", "fail", "spent"
SITE_KEYS = {"fs-dummy-pass": PASS, "fs-dummy-fail": FAIL, "fs-dummy-spent": SPENT}
SECRETS = {"fs-dummy-pass.secret": PASS, "fs-dummy-fail.secret": FAIL, "fs-dummy-spent.secret": SPENT}
HOSTNAME = "example.com"
_ERRORS = {FAIL: "invalid-input-response", SPENT: "timeout-or-duplicate"}


def view(sitekey: str) -> dict[str, Any]:
    """Return what a challenge on a dummy site key answers: it is over at once."""
    passed = SITE_KEYS[sitekey] != FAIL
    return {
        "id": "dummy",
        "state": "passed" if passed else "failed",
        "step": 0,
        "steps": 0,
        "prompt": None,
        "nonce": "",
        "sequence": 0,
        "seconds_left": 0.0,
        "progress": 1.0 if passed else 0.0,
        "hint": "",
        "reason": "" if passed else "refused",
        "token": TOKEN if passed else "",
    }


def error_of(secret: str) -> str:
    """Return the error code that a dummy secret always gives; "" for the one that always passes."""
    return _ERRORS.get(SECRETS[secret], "")
