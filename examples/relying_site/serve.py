"""A guest book that lets no bot write: `python examples/relying_site/serve.py`, then http://localhost:7900.

The page shows a CAPTCHA, and this backend asks the CAPTCHA's service whether the token that comes with an entry is good.
Without a good one nothing is written. Which service that is, ours or Turnstile, is a matter of a URL and two keys in the
environment: VERIFY_URL, SITE_KEY and SECRET_KEY; README.md has the lines.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import suppress
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
        int(environment.get("PORT", Settings.port)),
    )
    if not urlsplit(settings.verify_url).path.endswith(tuple(PROVIDERS)):
        raise SystemExit(f"VERIFY_URL: expected one that ends in {' or '.join(PROVIDERS)}. Received: {settings.verify_url}")
    if ("SITE_KEY" in environment) != ("SECRET_KEY" in environment) or settings.site_key.startswith(_DUMMIES) != settings.is_dummy:
        raise SystemExit("SITE_KEY and SECRET_KEY: expected both of one site, or neither. Received: one without the other")
    return settings


class UnreachableError(Exception):
    """The CAPTCHA's service gave no answer, or had no time for one."""


def is_human(settings: Settings, token: str) -> bool:
    """Ask the service whether a token is good, which spends it. An answer that got lost is asked for once more, under the same key.

    Raises:
        UnreachableError: if no answer came. Nobody is let in then.
    """
    fields = {"secret": settings.secret_key, "response": token, "idempotency_key": str(uuid.uuid4())}
    for _ in range(TRIES):
        with suppress(OSError, ValueError, http.client.HTTPException):  # the last one: an answer that broke off
            return _is_good(settings, _post(settings.verify_url, fields))
    raise UnreachableError(settings.verify_url)


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
    if "internal-error" in (answer.get("error-codes") or ()):
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
        return self._page("")

    async def write(self, request: Request) -> Response:
        """Write an entry down, if it comes with a good token."""
        form = await request.form()
        name, words, token = (str(form.get(key, ""))[:4096] for key in ("name", "words", self.settings.provider.field))
        if not token:
            return self._page("Please solve the CAPTCHA first.", 403)
        try:
            human = await run_in_threadpool(is_human, self.settings, token)
        except UnreachableError:
            return self._page("The CAPTCHA's service has no answer just now, and without it nobody can write. Please wait and try again.", 503)
        if not human:
            return self._page("That CAPTCHA does not count: it was used before, or is too old. Please solve it again.", 403)
        self.entries = [(name[:LONGEST], words[:LONGEST]), *self.entries][:MOST_ENTRIES]
        return RedirectResponse("/", 303)

    def _page(self, said: str, status: int = 200) -> Response:
        settings = self.settings
        entries = "".join(f"<li><b>{escape(name)}</b> {escape(words)}</li>" for name, words in self.entries)
        values = {
            "said": escape(said),
            "entries": entries,
            "script": escape(settings.script),
            "element": settings.provider.element,
            "site_key": escape(settings.site_key),
            "action": ACTION,
        }
        html = re.sub(r"\{\{ (\w+) \}\}", lambda found: values[found[1]], _PAGE.read_text(encoding="utf-8"))
        return HTMLResponse(html, status, {"Content-Security-Policy": _policy(settings.script), "Referrer-Policy": "strict-origin-when-cross-origin"})


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
