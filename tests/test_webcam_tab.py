"""The Webcam tab's HTML: what people are told before a camera opens, every state's words, both models' bars."""

import html
import json
import re
from pathlib import Path

import pytest

from app.models import Arms, Model
from app.page import Page
from app.tabs import webcam
from app.tabs.webcam import COLORS, routes, view
from app.words import LANGUAGES, keys, say
from fersys import EMOTIONS
from fersys.drawing import PALETTE
from tests.test_watcher import Says

ARMS = Arms((Model(Says("first")), Model(Says("<second>"))), (Model(Says("right")),))
STATES = ("intro", "asking", "connecting", "waiting", "live", "left", "refused", "absent", "busy", "unplugged", "insecure", "lost", "full", "failed")


def part(page: str, state: str) -> str:
    """What is shown in a state, up to the next one."""
    return page.split(f'data-for="{state}"')[1].split("data-for=")[0]


def test_people_are_told_before_any_camera_opens() -> None:
    shown = part(view(ARMS, "page.privacy_local", "en"), "intro")
    for words in ("Expression recognition will run", "not what anybody feels", "never stored", "goes off when"):
        assert words in shown
    assert 'data-do="start"' in shown


@pytest.mark.parametrize(("privacy", "words"), [("local", "stay on this computer"), ("share", "public tunnel"), ("server", "nowhere else")])
def test_where_frames_go_is_true_for_the_address(privacy: str, words: str) -> None:
    assert words in part(view(ARMS, f"page.privacy_{privacy}", "en"), "intro")


def test_faces_have_the_colours_that_pictures_and_films_draw_them_in() -> None:
    (told,) = re.findall(r"data-colors='([^']+)'", view(ARMS, "page.privacy_local", "en"))
    assert json.loads(html.unescape(told)) == list(PALETTE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_card_and_only_the_intro_is_shown(language: str) -> None:
    page = view(ARMS, "page.privacy_local", language)
    assert set(re.findall(r'data-for="(\w+)"', page)) == set(STATES)
    assert set(re.findall(r'data-for="(\w+)"(?! hidden)', page)) == {"intro"}


@pytest.mark.parametrize("state", ["refused", "absent", "busy", "unplugged", "insecure", "lost", "full", "failed"])
def test_a_problem_is_read_out_and_can_be_tried_again(state: str) -> None:
    shown = part(view(ARMS, "page.privacy_local", "en"), state)
    assert 'role="alert"' in shown
    assert say("en", f"webcam.{state}") in html.unescape(shown)
    assert 'data-do="start"' in shown


def test_each_side_has_bars_for_all_seven() -> None:
    page = view(ARMS, "page.privacy_local", "en")
    for side in ("cnn", "deepface"):
        assert len(re.findall(f'<td data-side="{side}"', page)) == len(EMOTIONS)
    assert re.findall(r'<tr data-emotion="(\w+)"', page) == list(EMOTIONS)


def test_several_models_of_a_side_are_a_menu_and_names_are_escaped() -> None:
    page = view(ARMS, "page.privacy_local", "en")
    assert re.findall(r'<option value="([^"]+)"', page) == ["first", "&lt;second&gt;"]
    assert 'data-side="deepface" data-model="right"' in page


def test_without_deepface_the_page_says_so_and_has_one_column() -> None:
    page = view(Arms(ARMS.cnn), "page.privacy_local", "en")
    assert say("en", "webcam.no_deepface") in page
    assert 'td data-side="deepface"' not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_script_finds_its_words(language: str) -> None:
    page = view(ARMS, "page.privacy_local", language)
    words = json.loads(html.unescape(re.search(r"data-words='([^']*)'", page)[1]))  # type: ignore[index]
    script = Path(webcam.__file__).parents[1] / "assets" / "webcam.js"
    asked = set(re.findall(r"this\.words\.(\w+)", script.read_text(encoding="utf-8")))
    assert asked <= set(words)
    looks = json.loads(html.unescape(re.search(r"data-looks='([^']*)'", page)[1]))  # type: ignore[index]
    assert list(looks) == list(EMOTIONS)


def test_no_text_of_the_tab_is_without_use() -> None:
    shown = "".join(view(arms, f"page.privacy_{privacy}", "en") for arms in (ARMS, Arms(ARMS.cnn)) for privacy in ("local", "share", "server"))
    shown = html.unescape(html.unescape(shown))
    unused = [key for key in keys() if key.startswith("webcam.") and say("en", key).split("{")[0] not in shown]
    assert unused == []


def test_colours_differ_and_every_expression_has_one() -> None:
    assert list(COLORS) == list(EMOTIONS)
    assert len(set(COLORS.values())) == len(EMOTIONS)


def test_the_tab_brings_its_socket() -> None:
    (route,) = routes(Page(ARMS))
    assert route.path == "/webcam/live"  # type: ignore[attr-defined]


def test_buttons_are_buttons_and_icons_are_passed_over_by_screen_readers() -> None:
    page = view(ARMS, "page.privacy_local", "en")
    assert page.count("<button") == page.count('<button type="button"')
    assert page.count("<svg") == len(re.findall(r'<svg[^>]*aria-hidden="true"', page))
