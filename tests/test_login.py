"""Which doors are locked, and what opens them."""

from dataclasses import dataclass, field

import pytest

from app.login import Login, is_open
from app.refusals import Refusal
from tests.asking import scope_of


@dataclass
class People:
    tokens: dict[str, str] = field(default_factory=lambda: {"good": "ada"})
    cookie_id: str = "id"


@pytest.mark.parametrize(
    "path", ["/", "/login", "/healthz", "/siteverify", "/metrics", "/captcha/v1/challenges", "/assets/index.js", "/gradio_api/startup-events"]
)
def test_these_need_no_login(path: str) -> None:
    assert is_open(path)


@pytest.mark.parametrize(
    "path", ["/live", "/metrics/x", "/config", "/gradio_api/queue/join", "/gradio_api/mcp/", "/gradio_api/upload", "/video/abc", "/captchas", "//"]
)
def test_everything_else_does(path: str) -> None:
    assert not is_open(path)
    with pytest.raises(Refusal) as refusal:
        Login(People()).check(scope_of(path))
    assert refusal.value.status == 401


@pytest.mark.parametrize("cookie", ["access-token-id=good", "other=1; access-token-unsecure-id=good", "access-token-id=old; access-token-unsecure-id=good"])
def test_a_token_that_gradio_gave_out_opens(cookie: str) -> None:
    Login(People()).check(scope_of("/live", headers={"cookie": cookie}, kind="websocket"))


@pytest.mark.parametrize("cookie", ["access-token-id=bad", "access-token-other=good", "=;;", "access-token-id=", "\x00"])
def test_any_other_does_not(cookie: str) -> None:
    with pytest.raises(Refusal):
        Login(People()).check(scope_of("/live", headers={"cookie": cookie}, kind="websocket"))
