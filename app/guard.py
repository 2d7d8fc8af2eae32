"""Stands in front of every route, Gradio's, ours and sockets: who may come in, how often, and with how much.

It is the outermost layer of the server (`server.py` puts it there), so that nothing of Gradio sees a request that is
not let through. What each route may bring, and how much an address may ask for, stands in `rules.py`. An address is
the peer's own; `X-Forwarded-For` is believed from the proxies that the owner names (`addresses.py`), and from nobody
else. What it cannot do: time out a visitor who sends the *header* of a request slowly. A proxy in front does that.
"""

from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.addresses import Network, client_address
from app.bodies import GRACE, Meter, check_length, has_body, read_body, replay, swallow
from app.captcha import verdicts
from app.crowd import Crowd
from app.headers import adding, keeping_to_ourselves, security_headers
from app.login import Login
from app.rates import Rates, household, session_of
from app.refusals import Refusal, instead_of_a_full_queue, refuse
from app.rules import CLOSED, MEGABYTE, SAME_ORIGIN, WORK, Budgets, Rule, find_rule, route_of

ADDRESS = "fersys.address"  # where routes find in their scope whom a request is counted for
CROWD = "fersys.crowd"  # … and whether the server is being stopped, for those that take minutes


@dataclass(frozen=True)
class Policy:
    """How strict the guard is.

    Attributes:
        trusted: proxies whose `X-Forwarded-For` is believed.
        framed_by: origins of pages that may show ours in a frame.
        budgets: how much is let through.
        grace: seconds that a small body may take.
    """

    trusted: tuple[Network, ...] = ()
    framed_by: tuple[str, ...] = ()
    budgets: Budgets = field(default_factory=Budgets)
    grace: float = GRACE


class Guard:
    """An ASGI app around another.

    Attributes:
        crowd: who is inside.
    """

    def __init__(self, app: ASGIApp, policy: Policy, login: Login | None = None) -> None:
        self.crowd = Crowd(policy.budgets)
        self._app, self._policy, self._login = app, policy, login
        self._rates = Rates(policy.budgets)
        self._headers = security_headers(policy.framed_by)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request or a socket in, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        send = adding(self._headers, send)
        scope[ADDRESS] = address = household(client_address(scope, self._policy.trusted))
        scope[CROWD] = self.crowd
        try:
            with self.crowd.enter(address, route_of(scope), scope["type"]):
                await self._admit(scope, receive, send, address)
        except Refusal as refusal:
            if scope["type"] == "http" and has_body(scope) and refusal.status != 408:
                await swallow(receive)
            await _answer(refusal)(scope, receive, send) if _is_verification(scope) else await refuse(refusal, scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        self._rates.spend("requests", address)
        if self._login is not None:
            self._login.check(scope)
        path = route_of(scope)  # where the app hears the request, if it was told to lie below another path
        if path.startswith(CLOSED):
            raise Refusal(404, "closed")
        if path.startswith(SAME_ORIGIN) and scope["type"] == "http":
            if scope["method"] == "OPTIONS":  # a browser asks so whether another origin's script may
                raise Refusal(405, "closed")
            send = keeping_to_ourselves(send)
        if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        if self.crowd.stopping:
            raise Refusal(503, "stopping", 30)
        rule = find_rule(path)
        length = check_length(scope, rule)
        for budget in rule.budgets:
            if budget != "session":  # its name stands in the body
                self._rates.spend(budget, address, _cost(budget, length))
        await (self._stream if rule.streamed else self._hand_over)(scope, receive, send, rule)

    async def _hand_over(self, scope: Scope, receive: Receive, send: Send, rule: Rule) -> None:
        """Read a small body whole, so that a slow visitor keeps nothing of the app waiting."""
        body = await read_body(receive, rule, self._policy.grace)
        if body is None:
            return
        if "session" in rule.budgets and (session := session_of(body)):
            self._rates.spend("session", session)
        await self._app(scope, replay(body, receive), instead_of_a_full_queue(scope, send) if rule is WORK else send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, rule: Rule) -> None:
        """Let the app read a large body as it comes."""
        meter, begun = Meter(receive, rule, self._policy.grace), False

        async def send_unless_refused(message: Any) -> None:
            nonlocal begun
            if begun or meter.refusal is None:
                begun = True
                await send(message)

        try:
            await self._app(scope, meter, send_unless_refused)
        except ClientDisconnect:
            if meter.refusal is None:
                return
        if meter.refusal is not None and not begun:
            raise meter.refusal


def _is_verification(scope: Scope) -> bool:
    """Whether a site's backend asks about a token, be it by the wrong method: it reads one form of answer alone."""
    return scope["type"] == "http" and route_of(scope) == verdicts.PATH


def _answer(refusal: Refusal) -> Response:
    return JSONResponse(verdicts.unheard(refusal.status), refusal.status, {**refusal.headers, "Cache-Control": "no-store"})


def _cost(budget: str, length: int) -> int:
    return 1 + length // MEGABYTE if budget == "megabytes" else 1
