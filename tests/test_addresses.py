import ipaddress
from typing import Any

import pytest

from app.addresses import client_address, is_https, is_passed_on, is_within, parse_networks
from fersys.errors import ConfigError

PROXIES = parse_networks("10.0.0.0/8, 127.0.0.1, 2001:db8::/32")


def scope(peer: str | None, *forwarded: str, scheme: str = "http", proto: str = "") -> dict[str, Any]:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded] + ([(b"x-forwarded-proto", proto.encode())] if proto else [])
    return {"type": "http", "scheme": scheme, "client": (peer, 1234) if peer is not None else None, "headers": headers}


def test_a_stranger_s_header_is_not_believed() -> None:
    assert client_address(scope("203.0.113.9", "198.51.100.1"), PROXIES) == "203.0.113.9"


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_address(scope("127.0.0.1", "198.51.100.1"), ()) == "127.0.0.1"


def test_a_trusted_proxy_names_the_client() -> None:
    assert client_address(scope("10.0.0.1", "198.51.100.1"), PROXIES) == "198.51.100.1"


def test_what_the_client_put_in_front_is_not_believed() -> None:
    assert client_address(scope("10.0.0.1", "1.2.3.4, 198.51.100.1"), PROXIES) == "198.51.100.1"


def test_a_chain_of_trusted_proxies_is_followed_over_several_header_lines() -> None:
    assert client_address(scope("10.0.0.1", "1.2.3.4, 198.51.100.1", "10.9.9.9,10.0.0.2"), PROXIES) == "198.51.100.1"


def test_of_trusted_proxies_alone_the_farthest_is_taken() -> None:
    assert client_address(scope("10.0.0.1", "10.0.0.3, 10.0.0.2"), PROXIES) == "10.0.0.3"


@pytest.mark.parametrize("nonsense", ["", "unknown", "198.51.100.1:80, ", "<script>"])
def test_nonsense_is_charged_to_the_proxy(nonsense: str) -> None:
    assert client_address(scope("10.0.0.1", nonsense), PROXIES) == "10.0.0.1"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db9::1]:443", "2001:db9::1"),
        ("[2001:db9::1]", "2001:db9::1"),
        ("2001:db9::1:443", "2001:db9::1:443"),
        ("1.2.3.4, 198.51.100.1:1, 10.0.0.2:65535", "198.51.100.1"),
        ("198.51.100.1:", "10.0.0.1"),
        ("[198.51.100.1", "10.0.0.1"),
        ("host:80", "10.0.0.1"),
    ],
)
def test_a_port_that_a_proxy_names_is_left_out(said: str, expected: str) -> None:
    assert client_address(scope("10.0.0.1", said), PROXIES) == expected


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_address() -> None:
    assert client_address(scope("::ffff:10.0.0.1", "::ffff:198.51.100.1"), PROXIES) == "198.51.100.1"


def test_ipv6_is_written_in_one_way() -> None:
    assert client_address(scope("2001:db8::1", "2001:DB9:0:0::00ff"), PROXIES) == "2001:db9::ff"


@pytest.mark.parametrize(("peer", "expected"), [(None, ""), ("testclient", "testclient")])
def test_a_peer_that_is_no_address_is_taken_as_it_is(peer: str | None, expected: str) -> None:
    assert client_address(scope(peer, "198.51.100.1"), PROXIES) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (scope("203.0.113.9", proto="https"), False),
        (scope("10.0.0.1", proto="https"), True),
        (scope("10.0.0.1", proto="https, http"), False),
        (scope("10.0.0.1", scheme="https", proto="http"), False),
        (scope("203.0.113.9", scheme="https"), True),
        (scope("10.0.0.1"), False),
    ],
)
def test_https_is_what_a_trusted_proxy_or_the_server_says(given: dict[str, Any], expected: bool) -> None:
    assert is_https(given, PROXIES) is expected


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1"])
@pytest.mark.parametrize("said", ["1.2.3.4", "unknown", "", "10.0.0.2", "unknown, 10.0.0.2"])
def test_who_is_sent_on_without_an_address_of_their_own_is_noticed(name: str, peer: str, said: str) -> None:
    trusted, headers = parse_networks("10.0.0.0/8"), [(name.lower().encode(), said.encode())]
    is_told = (name, peer, said) == ("X-Forwarded-For", "10.0.0.1", "1.2.3.4")
    assert is_passed_on({"client": (peer, 1), "headers": headers}, trusted) is not is_told
    assert not is_passed_on({"client": (peer, 1), "headers": [(b"host", b"x")]}, trusted)


def test_networks_are_read_from_text() -> None:
    assert parse_networks(" 10.0.0.0/8,, ::1 ") == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert parse_networks("") == ()


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example.org", "10.0.0.0/40"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected addresses"):
        parse_networks(text)


def test_no_address_lies_in_no_network() -> None:
    assert is_within("10.1.1.1", PROXIES)
    assert not is_within("", PROXIES)
