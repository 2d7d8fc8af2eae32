"""Budgets: who is charged, and when nothing is left."""

from dataclasses import replace

import pytest

from app.rates import Rates, household, session_of
from app.refusals import Refusal
from app.rules import Budgets


def test_a_budget_is_used_up_by_what_it_was_spent_on() -> None:
    rates = Rates(replace(Budgets(), megabytes="10/minute", work="1/minute"))
    rates.spend("megabytes", "a", 6)
    rates.spend("megabytes", "b", 6)
    rates.spend("work", "a")
    with pytest.raises(Refusal) as refusal:
        rates.spend("megabytes", "a", 6)
    assert refusal.value.status == 429
    assert 1 <= refusal.value.seconds <= 60


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_whatever_the_address(address: str, counted: str) -> None:
    assert household(address) == counted


@pytest.mark.parametrize(
    ("body", "session"),
    [(b'{"session_hash": "abc"}', "abc"), (b"{}", ""), (b"[1]", ""), (b"no json", ""), (b"\xff", ""), (b'{"session_hash": null}', ""), (b"[" * 100_000, "")],
)
def test_a_session_is_read_from_what_gradio_s_page_sends(body: bytes, session: str) -> None:
    assert session_of(body) == session


def test_a_session_s_name_is_not_kept_at_any_length() -> None:
    assert len(session_of(b'{"session_hash": "%s"}' % (b"x" * 1000))) == 64
