"""How the guard says no."""

import json
from functools import partial

import pytest

from app.refusals import Refusal, refuse
from app.words import keys
from tests.asking import Reply, ask, scope_of


def said(refusal: Refusal, path: str, method: str = "POST") -> Reply:
    return ask(partial(refuse, refusal), scope_of(path, method=method))


def test_programs_get_json_and_pages_get_words() -> None:
    refusal = Refusal(429, "too_often", 7)
    assert "wait 7 seconds" in json.loads(said(refusal, "/gradio_api/queue/join").body)["detail"]
    for reply in (said(refusal, "/gradio_api/upload"), said(refusal, "/", method="GET")):
        assert reply.headers["content-type"].startswith("text/plain")
        assert reply.body.startswith(b"That was a lot in a short time.")
        assert reply.headers["retry-after"] == "7"


@pytest.mark.parametrize("key", [key.removeprefix("guard.") for key in keys() if key.startswith("guard.")])
def test_every_sentence_can_be_said_in_every_language(key: str) -> None:
    for language in ("en", "de"):
        assert "{" not in Refusal(400, key, 3, most="1 MB").sentence(scope_of("/", headers={"accept-language": language}))
