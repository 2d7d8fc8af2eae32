"""Who may use the page: what the command line and the environment say."""

from importlib.util import find_spec

import pytest

from app.access import Access, read_account, read_policy
from fersys.errors import ConfigError


def test_a_password_may_hold_colons() -> None:
    assert read_account("ada:1:2") == ("ada", "1:2")


def test_what_is_no_login_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as error:
        read_account("secret")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("account", [("", "x"), ("x", "")])
def test_half_a_login_is_none(account: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="neither of them empty"):
        Access(account)


def test_tools_cannot_stand_behind_a_login() -> None:
    with pytest.raises(ConfigError, match="--auth or --mcp"):
        Access(("ada", "x"), mcp=True)


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the package mcp is installed")
def test_tools_without_their_package_are_an_error_that_says_how_to_install_it() -> None:
    with pytest.raises(ConfigError, match=r"pip install \"gradio\[mcp\]"):
        Access(mcp=True)


def test_nobody_is_trusted_and_nobody_may_frame_unless_the_owner_says_so() -> None:
    assert (read_policy({}).trusted, read_policy({}).framed_by) == ((), ())
    said = read_policy({"FERSYS_TRUSTED_PROXIES": "10.0.0.0/8, ::1", "FERSYS_FRAMED_BY": "https://a.example https://*.b.example"})
    assert [str(network) for network in said.trusted] == ["10.0.0.0/8", "::1/128"]
    assert said.framed_by == ("https://a.example", "https://*.b.example")


@pytest.mark.parametrize("text", ["a.example", "https://a.example;script-src *", "'none'", "https://a,https://b"])
def test_what_is_no_origin_does_not_get_into_the_policy(text: str) -> None:
    with pytest.raises(ConfigError, match="FERSYS_FRAMED_BY"):
        read_policy({"FERSYS_FRAMED_BY": text})
