"""The token that a pass is worth: a signed statement which site, host and action it is for, and from when until when.

Signing is symmetric: only this service reads tokens, sites ask `/siteverify`. That a token is spent is the store's to say.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

import jwt

from app.captcha.challenges import Binding
from app.captcha.keys import Key, Keys
from app.captcha.refusals import CaptchaError
from app.captcha.store import Ticket

MAX_LENGTH = 2048
_ALGORITHM = "HS256"
_ISSUER, _AUDIENCE, _PURPOSE = "fersys-captcha", "fersys-captcha/siteverify", "captcha-response"
_TIMES = ("iat", "nbf", "exp")
_REQUIRED = ["iss", "aud", "exp", "nbf", "iat", "jti", "purpose", "sitekey", "hostname", "action", "cdata", "method"]
# One spelling a token: padding is refused here, spare bits and other letters by PyJWT from 2.15 on.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenError(CaptchaError):
    """A token that we did not make, or not for this."""


@dataclass(frozen=True)
class Claims:
    """What a token says.

    Attributes:
        jti: its id, by which it is spent.
        passed_at: server time of the pass, in whole seconds.
        expires: server time from which it is worth nothing.
        method: "face" or "pow".
        binding: what it is good for.
    """

    jti: str
    passed_at: int
    expires: int
    method: str
    binding: Binding

    def is_current(self, now: float) -> bool:
        """Whether it can be spent now, as far as time is concerned."""
        return self.passed_at <= now < self.expires

    @property
    def ticket(self) -> Ticket:
        """What is kept of the pass: everything that the token says, so that a signature alone opens nothing."""
        body = json.dumps({"method": self.method, "passed_at": self.passed_at})
        return Ticket(self.jti, "token", self.binding, self.expires, body)


def mint(claims: Claims, key: Key) -> str:
    """Return the token; the same claims and key give the same one."""
    times = {"iat": claims.passed_at, "nbf": claims.passed_at, "exp": claims.expires}
    payload = {"iss": _ISSUER, "aud": _AUDIENCE, "purpose": _PURPOSE, "jti": claims.jti, "method": claims.method}
    return jwt.encode({**payload, **times, **asdict(claims.binding)}, key.material, _ALGORITHM, headers={"kid": key.kid})


def read(token: str, keys: Keys) -> Claims:
    """Check that a token is ours, and return what it says. Whether it is current is asked of the claims, by our clock.

    Raises:
        TokenError: if anything about it is not as `mint` makes it.
    """
    if len(token) > MAX_LENGTH or not _SHAPE.fullmatch(token):
        raise TokenError("Not a token.")
    options: Any = {"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        key = keys.verifying(str(jwt.get_unverified_header(token).get("kid", "")))
        if key is None:
            raise TokenError("No key of that name.")
        payload = jwt.decode(token, key.material, algorithms=[_ALGORITHM], audience=_AUDIENCE, issuer=_ISSUER, options=options)
    except jwt.PyJWTError as error:
        raise TokenError(f"Not a token of ours. Received: {type(error).__name__}") from error
    return _to_claims(payload)


def _to_claims(payload: dict[str, Any]) -> Claims:
    if payload["purpose"] != _PURPOSE or not all(type(payload[name]) is int for name in _TIMES) or payload["nbf"] != payload["iat"]:
        raise TokenError("A token for another purpose.")
    binding = Binding(*(str(payload[name]) for name in ("sitekey", "hostname", "action", "cdata")))
    return Claims(str(payload["jti"]), payload["iat"], payload["exp"], str(payload["method"]), binding)
