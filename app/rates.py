"""Counts how much an address or an open page has asked for, in memory."""

import ipaddress
import json
import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from app.refusals import Refusal
from app.rules import Budgets

_COUNTED = ("requests", "work", "session", "uploads", "megabytes", "logins")
_IPV6_NEIGHBOURHOOD = 64  # bits: what one customer is given, who may choose among its addresses at will


class Rates:
    """The budgets and what was drawn on them."""

    def __init__(self, budgets: Budgets) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items: dict[str, RateLimitItem] = {name: parse(getattr(budgets, name)) for name in _COUNTED}

    def spend(self, budget: str, who: str, cost: int = 1) -> None:
        """Draw on a budget.

        Raises:
            Refusal: if it is used up.
        """
        item = self._items[budget]
        if not self._limiter.hit(item, budget, who, cost=cost):
            wait = self._limiter.get_window_stats(item, budget, who).reset_time - time.time()
            raise Refusal(429, "too_often", min(max(1, math.ceil(wait)), item.get_expiry()))


def household(address: str) -> str:
    """Return what stands for an address where it is counted: itself, or its network if it is of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((int(parsed), _IPV6_NEIGHBOURHOOD), strict=False))


def session_of(body: bytes) -> str:
    """Return which open page a body says that it comes from; empty if none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(content.get("session_hash") or "")[:64] if isinstance(content, dict) else ""
