"""A guest book that lets no bot write: `python examples/relying_site/serve.py`, then http://localhost:7900.

The page shows a CAPTCHA, and this backend asks the CAPTCHA's service whether the token that comes with an entry is good.
Without a good one nothing is written. Which service that is, ours or Turnstile, is a matter of a URL and two keys in the
environment: VERIFY_URL, SITE_KEY and SECRET_KEY; README.md has the lines.
"""

import http.client
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

ACTION = "guest-book"
PATIENCE, TRIES = 5.0, 2  # seconds for the service's answer, and how often it is asked for
TOO_FAST = 429  # the HTTP status for those who ask too often
MOST_ENTRIES, LONGEST = 100, 500
_PAGE = Path(__file__).with_name("page.html")
_SITE_S_FAULTS = {"missing-input-secret", "invalid-input-secret", "bad-request"}
_SPENT = "timeout-or-duplicate"
_CODE = re.compile("[a-z][a-z-]{0,40}")  # what is written to the log: neither a token nor a secret looks like this
_DUMMIES = ("fs-dummy-", "1x0000", "2x0000", "3x0000")  # ours and Turnstile's keys for trying out: their answers name neither host nor action


@dataclass(frozen=True)
class Provider:
    """How a CAPTCHA is put into a page: the class of its element, the field with its token, and where its script lies beside the service."""

    element: str
    field: str
    script: str


# By the end of the service's URL. One more provider is one more line, if it speaks the same protocol.
PROVIDERS = {
    "/turnstile/v0/siteverify": Provider("cf-turnstile", "cf-turnstile-response", "/turnstile/v0/api.js"),
    "/siteverify": Provider("fersys-captcha", "fersys-captcha-response", "/captcha/widget.js"),
}


@dataclass(frozen=True)
class Settings:
    """What the environment says.

    Attributes:
        verify_url: the service's `siteverify`.
        site_key: public, stands in the page.
        secret_key: stays here.
        widget_url: the script for the page; "" for the one beside `verify_url`.
        hosts: under which this site is reached; a token that was won elsewhere is not taken.
        port: where to serve.
    """

    verify_url: str = "http://localhost:7860/siteverify"
    site_key: str = "fs-dummy-pass"
    secret_key: str = field(default="fs-dummy-pass.secret", repr=False)
    widget_url: str = ""
    hosts: tuple[str, ...] = ("localhost",)
    port: int = 7900

    @property
    def is_dummy(self) -> bool:
        """Whether everybody passes, or nobody, whatever they do."""
        return self.secret_key.startswith(_DUMMIES)

    @property
    def provider(self) -> Provider:
        """Whose CAPTCHA it is."""
        return next(provider for end, provider in PROVIDERS.items() if urlsplit(self.verify_url).path.endswith(end))

    @property
    def script(self) -> str:
        """URL of the CAPTCHA's script."""
        return self.widget_url or urllib.parse.urljoin(self.verify_url, self.provider.script)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read VERIFY_URL, SITE_KEY, SECRET_KEY, and if needed WIDGET_URL, HOSTS (separated by commas) and PORT."""
    settings = Settings(
        environment.get("VERIFY_URL", Settings.verify_url),
        environment.get("SITE_KEY", Settings.site_key),
        environment.get("SECRET_KEY", "fs-dummy-pass.secret"),
        environment.get("WIDGET_URL", ""),
        tuple(environment.get("HOSTS", "localhost").split(",")),
        _port(environment.get("PORT", str(Settings.port))),
    )
    if not urlsplit(settings.verify_url).path.endswith(tuple(PROVIDERS)):
        raise SystemExit(f"VERIFY_URL: expected one that ends in {' or '.join(PROVIDERS)}. Received: {settings.verify_url}")
    if ("SITE_KEY" in environment) != ("SECRET_KEY" in environment) or settings.site_key.startswith(_DUMMIES) != settings.is_dummy:
        raise SystemExit("SITE_KEY and SECRET_KEY: expected both of one site, or neither. Received: one without the other")
    return settings


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65_536):
        raise SystemExit(f"PORT: expected a whole number from 1 to 65535. Received: {text[:40]!r}")
    return int(text)


class UnreachableError(Exception):
    """The CAPTCHA's service gave no answer, or had no time for one."""


@dataclass(frozen=True)
class Refusal:
    """Why nothing is written: a message for the visitor, and the HTTP status."""

    said: str
    status: int = 403


_NOTHING = Refusal("", 200)
MISSING = Refusal("Please solve the CAPTCHA first.")
SPENT = Refusal("That CAPTCHA does not count: it was used before, or is too old. Please solve it again.")
INVALID = Refusal("That CAPTCHA is not valid for this site. Please solve it again.")
OUR_FAULT = Refusal("Nobody can write here just now. It is this site's fault, not yours: please tell its owner.", 500)
UNREACHABLE = Refusal("The CAPTCHA's service has no answer just now, and without it nobody can write. Please wait and try again.", 503)


def refusal_of(settings: Settings, token: str) -> Refusal | None:
    """Ask the service whether a token is good, which spends it; None if it is. What is wrong with it goes to the log, for the site's owner."""
    if not token:
        return _refuse(MISSING, "the form came without a token")
    try:
        answer = verify(settings, token)
    except UnreachableError as error:
        return _refuse(UNREACHABLE, f"{settings.verify_url} does not answer: {error}")
    if _is_good(settings, answer):
        return None
    return _judge(answer)


def _judge(answer: Mapping[str, Any]) -> Refusal:
    codes = _codes(answer)
    if answer.get("success") is True:
        return _refuse(INVALID, f"the token is for hostname {answer.get('hostname')!a:.80}, action {answer.get('action')!a:.80}")
    if _SITE_S_FAULTS.intersection(codes):
        return _refuse(OUR_FAULT, f"{', '.join(codes)}: compare SITE_KEY and SECRET_KEY with the service's")
    return _refuse(SPENT if _SPENT in codes else INVALID, ", ".join(codes) or "the answer names no error code")


def _codes(answer: Mapping[str, Any]) -> list[str]:
    given = answer.get("error-codes")
    return [code for code in given if isinstance(code, str) and _CODE.fullmatch(code)] if isinstance(given, list) else []


def _refuse(refusal: Refusal, why: str) -> Refusal:
    print(f"CAPTCHA refused ({refusal.status}): {why}", file=sys.stderr, flush=True)
    return refusal


def verify(settings: Settings, token: str) -> dict[str, Any]:
    """Return the service's answer about a token. One that got lost is asked for once more, under the same key.

    Raises:
        UnreachableError: if no answer came. Nobody is let in then.
    """
    fields = {"secret": settings.secret_key, "response": token, "idempotency_key": str(uuid.uuid4())}
    for _ in range(TRIES):
        try:
            return _post(settings.verify_url, fields)
        except (OSError, ValueError, http.client.HTTPException) as error:  # the last one: an answer that broke off
            reason = f"{type(error).__name__}: {error}"
    raise UnreachableError(reason)


def _post(url: str, fields: Mapping[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode())
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            content = response.read()
    except urllib.error.HTTPError as error:
        if error.code >= 500 or error.code == TOO_FAST:
            raise
        content = error.read()
    answer = json.loads(content)
    if not isinstance(answer, dict):
        return {}
    if "internal-error" in _codes(answer):
        raise ValueError("it says itself that it could not look at the token")
    return answer


def _is_good(settings: Settings, answer: Mapping[str, Any]) -> bool:
    """A token counts if it was won on this very page."""
    if answer.get("success") is not True:
        return False
    return settings.is_dummy or (answer.get("hostname") in settings.hosts and answer.get("action") == ACTION)


@dataclass
class GuestBook:
    """The site: its settings and what people wrote, in memory."""

    settings: Settings
    entries: list[tuple[str, str]] = field(default_factory=list)

    async def show(self, request: Request) -> Response:
        """Answer with the page."""
        return self._page()

    async def write(self, request: Request) -> Response:
        """Write an entry down, if it comes with a good token."""
        form = await request.form()
        name, words, token = (str(form.get(key, ""))[:4096] for key in ("name", "words", self.settings.provider.field))
        if refusal := await run_in_threadpool(refusal_of, self.settings, token):
            return self._page(refusal, name[:LONGEST], words[:LONGEST])
        self.entries = [(name[:LONGEST], words[:LONGEST]), *self.entries][:MOST_ENTRIES]
        return RedirectResponse("/", 303)

    def _page(self, refusal: Refusal = _NOTHING, name: str = "", words: str = "") -> Response:
        """The page; what was refused stands in the form again, so that nobody has to write it twice."""
        settings = self.settings
        entries = "".join(f"<li><b>{escape(name)}</b> {escape(words)}</li>" for name, words in self.entries)
        values = {
            "said": escape(refusal.said),
            "name": escape(name),
            "words": escape(words),
            "entries": entries,
            "script": escape(settings.script),
            "element": settings.provider.element,
            "site_key": escape(settings.site_key),
            "action": ACTION,
        }
        html = re.sub(r"\{\{ (\w+) \}\}", lambda found: values[found[1]], _PAGE.read_text(encoding="utf-8"))
        return HTMLResponse(html, refusal.status, {"Content-Security-Policy": _policy(settings.script), "Referrer-Policy": "strict-origin-when-cross-origin"})


def _policy(script: str) -> str:
    """The least that a page with the CAPTCHA needs: its script and its frame."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(script))
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {origin}; frame-src {origin}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def build_app(book: GuestBook) -> Starlette:
    """Return the site around a guest book."""
    return Starlette(routes=[Route("/", book.show), Route("/", book.write, methods=["POST"])])


def main() -> None:
    """Serve until Ctrl+C."""
    settings = read_settings(os.environ)
    if settings.is_dummy:
        print("These keys are for trying out: they take everybody's CAPTCHA for solved, or nobody's. README.md says how to get real ones.")
    print(f"The guest book is on http://localhost:{settings.port} and asks {settings.verify_url}  (Ctrl+C stops it)", flush=True)
    uvicorn.run(build_app(GuestBook(settings)), host="127.0.0.1", port=settings.port, log_level="warning")


if __name__ == "__main__":
    main()
