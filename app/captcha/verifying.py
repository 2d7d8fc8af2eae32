"""`/siteverify`: a site asks whether a token is good, and by asking spends it.

Fields and answers are those of reCAPTCHA, Turnstile and hCaptcha; the error codes are Turnstile's seven.
"""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from app.captcha import dummies
from app.captcha.challenges import digest
from app.captcha.meters import timed
from app.captcha.refusals import AuditError, CaptchaError, StoreError
from app.captcha.service import Service
from app.captcha.sites import Site, key_of
from app.captcha.store import Ticket
from app.captcha.tokens import Claims, TokenError, read
from app.captcha.verdicts import BAD_REQUEST, DUPLICATE, INTERNAL, INVALID_RESPONSE, INVALID_SECRET, MISSING_RESPONSE, MISSING_SECRET, unverified

_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._:-]{16,64}")  # too long to guess, such as a UUID
_WARN_EVERY = 60.0  # seconds


class _UnverifiedError(CaptchaError):
    """A verification that fails, with the codes that say why."""

    def __init__(self, *codes: str) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


def verify(service: Service, fields: Mapping[str, str]) -> dict[str, Any]:
    """Answer a verification, as JSON data; whatever fails, the answer is that it is not a success.

    Args:
        service: the service.
        fields: `secret`, `response`, and if the site likes `remoteip`, which is not used, and `idempotency_key`.
    """
    with timed(service.meters.verify_seconds):
        try:
            answer = _verified(service, fields)
        except _UnverifiedError as error:
            answer = unverified(*error.codes)
        except (StoreError, AuditError) as error:
            service.tell("unverified", error)
            answer = unverified(INTERNAL)
    if fields.get("secret") in dummies.SECRETS:
        _warn_of_dummy(service)
    else:
        service.meters.verifications.labels((answer["error-codes"] or ["success"])[0]).inc()
    return answer


def _verified(service: Service, fields: Mapping[str, str]) -> dict[str, Any]:
    secret, response, repeated = (fields.get(name, "") for name in ("secret", "response", "idempotency_key"))
    _check_given(secret, response, repeated)
    if secret in dummies.SECRETS:
        return _dummy(service, secret)
    site = _site_of(service, secret)
    try:
        claims = read(response, service.keys)
    except TokenError as error:
        raise _UnverifiedError(INVALID_RESPONSE) from error
    _check_binding(claims, site)
    _spend(service, claims, digest(repeated) if repeated else "")
    return _verdict(claims)


def _check_given(secret: str, response: str, repeated: str) -> None:
    missing = [code for code, value in ((MISSING_SECRET, secret), (MISSING_RESPONSE, response)) if not value]
    if missing:
        raise _UnverifiedError(*missing)
    if repeated and not _IDEMPOTENCY_KEY.fullmatch(repeated):
        raise _UnverifiedError(BAD_REQUEST)


def _site_of(service: Service, secret: str) -> Site:
    key = key_of(secret)
    site = service.store.get_site(key) if key else None
    if site is None or not site.knows(secret):
        raise _UnverifiedError(INVALID_SECRET)
    return site


def _check_binding(claims: Claims, site: Site) -> None:
    """Another site's token, or one for a host or action that the site no longer allows."""
    binding = claims.binding
    if binding.sitekey != site.key or not site.allows_host(binding.hostname) or (site.actions and binding.action not in site.actions):
        raise _UnverifiedError(INVALID_RESPONSE)


def _spend(service: Service, claims: Claims, mark: str) -> None:
    """Spend the token now, or find that this very request has done so before.

    What it says must be what was kept at the pass: a signature alone, by a key that leaked, opens nothing.
    """
    now, earned = service.clock(), claims.ticket
    if claims.is_current(now) and service.store.spend(earned, now, mark):
        service.audit.record(now, "token-redeemed", method=claims.method, site=claims.binding.sitekey, token=claims.jti)
        return
    kept = service.store.get_ticket(claims.jti)
    if kept is not None and kept.unused != earned:
        raise _UnverifiedError(INVALID_RESPONSE)
    if not _is_retry(service, kept, mark):
        raise _UnverifiedError(DUPLICATE)
    # Written down as well: the first time may have failed just there.
    service.audit.record(now, "token-repeated", method=claims.method, site=claims.binding.sitekey, token=claims.jti)


def _is_retry(service: Service, kept: Ticket | None, mark: str) -> bool:
    if not mark or kept is None or kept.used_at is None or kept.mark != mark:
        return False
    return service.clock() < kept.used_at + service.settings.retry_life


def _verdict(claims: Claims) -> dict[str, Any]:
    binding = claims.binding
    return {
        "success": True,
        "challenge_ts": _timestamp(claims.passed_at),
        "hostname": binding.hostname,
        "action": binding.action,
        "cdata": binding.cdata,
        "method": claims.method,
        "error-codes": [],
    }


def _dummy(service: Service, secret: str) -> dict[str, Any]:
    if code := dummies.error_of(secret):
        raise _UnverifiedError(code)
    return {**unverified(), "success": True, "challenge_ts": _timestamp(service.clock()), "hostname": dummies.HOSTNAME, "method": "dummy"}


def _warn_of_dummy(service: Service) -> None:
    """Count it apart, and tell the owner now and then: with such a secret in a site's backend anybody comes in, or nobody."""
    service.meters.verifications.labels("dummy").inc()
    now = service.clock()
    if now - service.warned_at >= _WARN_EVERY:
        service.warned_at = now
        service.log.warning("dummy-secret", reason="A site verifies with a secret for trying out, which proves nothing.")


def _timestamp(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat().replace("+00:00", "Z")
