"""The emoji challenge's section on the CAPTCHA tab."""

import pytest

from app import challenge
from app.captcha import own
from app.captcha.emoji import draw
from app.captcha.judge import Prompt
from app.words import LANGUAGES, say


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_names_the_page_of_its_frame_and_what_it_does_not_promise(language: str) -> None:
    html = challenge.view(True, language)
    assert f'data-page="/captcha/frame?sitekey={own.KEY}"' in html
    assert say(language, "challenge.limits") in html
    assert '<p role="status" data-part="closed" hidden>' in html


def test_without_the_service_it_opens_no_frame_and_says_so() -> None:
    html = challenge.view(False, "en")
    assert 'data-page=""' in html
    assert f'data-part="closed">{say("en", "challenge.closed")}' in html


def test_what_is_drawn_looks_to_the_side_that_is_asked() -> None:
    ahead, left, right = (draw(Prompt("happy", turn)) for turn in ("", "left", "right"))
    assert "arrow" not in ahead
    assert "translate(37 50)" in left
    assert "translate(63 50)" in right
