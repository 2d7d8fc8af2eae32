"""Who is asking: the one rule on proxies' headers, for the CAPTCHA service and for the guard of the whole app.

`X-Forwarded-For` and `X-Forwarded-Proto` can be written by anybody; they are believed only from the addresses that the
owner names in FERSYS_TRUSTED_PROXIES, and only as far as an unbroken chain of such proxies reaches.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fersys.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Scope = Mapping[str, Any]
_PROXIES_HEADERS = (b"forwarded", b"x-forwarded-for", b"x-real-ip")
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([^:]+):[0-9]+")  # some proxies name the port too: 192.0.2.1:4711, [2001:db8::1]:443


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks such as "10.0.0.0/8, ::1", separated by commas.

    Raises:
        ConfigError: if one is neither.
    """
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(f"Networks: expected addresses such as 10.0.0.0/8, separated by commas. Received: {text!r} ({error})") from error


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address of whoever sent a request, as an ASGI scope describes it.

    Args:
        scope: of an HTTP request.
        trusted: proxies whose headers are believed.

    Returns:
        the nearest address that is not a trusted proxy's; of a chain of trusted proxies alone the farthest; what the
        server says itself if that is no IP address, "" if it says nothing.
    """
    address = str((scope.get("client") or ("",))[0])
    for previous in _forwarded(scope):
        if not is_within(address, trusted):
            break
        if _parse(previous) is None:
            break  # a proxy's nonsense: it is charged to the proxy
        address = previous
    parsed = _parse(address)
    return address if parsed is None else str(parsed)


def is_https(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Whether the client speaks https: to us, or to a trusted proxy in front of us."""
    peer = str((scope.get("client") or ("",))[0])
    if is_within(peer, trusted) and (said := _values(scope, b"x-forwarded-proto")):
        return said[-1] == "https"
    return scope.get("scheme") == "https"


def is_passed_on(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Whether a request says that it comes from elsewhere, but not from where in a way that is believed: then its address is a proxy's.

    So it is behind a proxy that is not named, and behind a named one that says "unknown", or says it in another header than `X-Forwarded-For`.
    """
    if not any(name in _PROXIES_HEADERS for name, _ in scope.get("headers", ())):
        return False
    peer = str((scope.get("client") or ("",))[0])
    return not is_within(peer, trusted) or is_within(client_address(scope, trusted), trusted)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in networks)


def _forwarded(scope: Scope) -> Iterator[str]:
    """The chain that `X-Forwarded-For` claims, the nearest first, without ports."""
    return map(_without_port, reversed(_values(scope, b"x-forwarded-for")))


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    return found[1] or found[2] if found else text


def _values(scope: Scope, name: bytes) -> list[str]:
    lines = [value.decode("latin-1") for key, value in scope.get("headers", ()) if key == name]
    return [part.strip() for line in lines for part in line.split(",")]


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, ipaddress.IPv6Address) else parsed
