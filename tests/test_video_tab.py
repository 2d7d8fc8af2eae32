"""The Video tab as it stands in the page before any script runs."""

import re

import pytest

from app.films import LONGEST, MAX_BYTES
from app.models import Arms, Model
from app.tabs.video import whole
from app.words import LANGUAGES
from tests.fixed import Fixed

FIRST, SECOND, THIRD = (Model(Fixed(name, "happy", title=f"<{name}>")) for name in ("first", "second", "third"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_limits_are_said_before_anything_is_sent(language: str) -> None:
    html = whole(Arms((FIRST,), (SECOND,)), language)
    assert f"{MAX_BYTES // 1_000_000} MB" in html
    assert f"{LONGEST / 60:.0f} " in html
    assert f'data-most="{MAX_BYTES}"' in html


def test_every_state_is_there_and_the_start_is_shown() -> None:
    html = whole(Arms((FIRST,)), "en")
    assert 'data-state="start"' in html
    assert set(re.findall(r'data-when="(.*?)"', html)) == {"start", "working", "failed", "done"}


def test_a_side_has_a_menu_if_there_is_something_to_choose() -> None:
    assert re.findall(r'data-ask="(.*?)"', whole(Arms((FIRST,), (SECOND, THIRD)), "en")) == ["deepface"]
    assert "data-ask" not in whole(Arms((FIRST,), (SECOND,)), "en")


def test_titles_are_escaped() -> None:
    html = whole(Arms((FIRST, SECOND)), "en")
    assert "&lt;first&gt;" in html
    assert "<first>" not in html
