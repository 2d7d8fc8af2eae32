"""Puts the guard in front of Gradio's app, and lets nobody in any more when the server stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.access import Access
from app.addresses import parse_networks
from app.guard import Guard
from app.login import Login

if TYPE_CHECKING:
    from starlette.applications import Starlette

# Where the end of Gradio's tunnel runs. It adds whom it sees to `X-Forwarded-For`, as proxies written in Go do.
TUNNEL = "127.0.0.1/32, ::1/128"


class Post:
    """Where the guard stands: put there when the server has built everything else, in the server's own thread."""

    def __init__(self, access: Access, trusts_tunnel: bool) -> None:
        policy = access.policy
        self._access = access
        self._policy = replace(policy, trusted=(*policy.trusted, *parse_networks(TUNNEL))) if trusts_tunnel else policy
        self.guard: Guard | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def lifespan(self, app: "Starlette") -> AbstractAsyncContextManager[None]:
        """Go around the whole app, beyond the layers that Gradio adds, before the first request."""
        return self._stand_before(app)

    @asynccontextmanager
    async def _stand_before(self, app: Any) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        self.guard = Guard(app.middleware_stack, self._policy, Login(app) if self._access.account else None)
        app.middleware_stack = self.guard
        yield

    def is_stopping(self) -> bool:
        """Whether nobody new is let in."""
        return self.guard is not None and self.guard.crowd.stopping

    def see_off(self, seconds: float) -> None:
        """Let nobody new in, and wait for the answers under way."""
        if self.guard is not None and self._loop is not None:
            asyncio.run_coroutine_threadsafe(self.guard.crowd.leave(seconds), self._loop).result(seconds + 1)
