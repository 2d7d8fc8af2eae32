"""The CAPTCHA tab's HTML: what stands on it before anything is pressed, in both languages."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from app.live import PATH as LIVE
from app.models import Arms, Model
from app.page import Page
from app.practice import PATH, RULES
from app.tabs import captcha
from app.words import LANGUAGES, say
from fersys import EMOTIONS
from tests.fixed import Fixed

STATES = ("intro", "asking", "connecting", "waiting", "dealing", "live", "guess", "end", "left", "idle", "nofaces")
PROBLEMS = ("refused", "absent", "busy", "unplugged", "insecure", "lost", "full", "failed")


class Outline(HTMLParser):
    """Notes every element's attributes, and whether tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.depth += tag != "input"

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def having(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.found if name in attributes]


def data(html: str, name: str) -> Any:
    (text,) = re.findall(f"data-{name}='(.*?)'", html)
    return json.loads(unescape(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_place_and_only_the_first_is_shown(language: str) -> None:
    outline = Outline(captcha.view("page.privacy_local", language))
    assert outline.depth == 0
    shown = {state: "hidden" not in piece for piece in outline.having("data-for") for state in str(piece["data-for"]).split()}
    assert set(shown) == {*STATES, *PROBLEMS}
    assert [state for state, visible in shown.items() if visible] == ["intro"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("where", ["local", "share", "server"])
def test_people_are_told_before_the_camera_opens_and_that_it_is_practice(where: str, language: str) -> None:
    html = captcha.view(f"page.privacy_{where}", language)
    intro = html.partition('data-for="asking"')[0]
    for key in ("webcam.told_what", f"webcam.told_{where}", "captcha.told_end", "captcha.told_law", "captcha.promise"):
        assert say(language, key) in intro
    assert say(language, "captcha.told_law")
    assert "Art. 5" in say(language, "captcha.told_law")


def test_the_way_without_a_camera_stands_beside_the_camera_and_with_each_of_its_troubles() -> None:
    html = captcha.view("page.privacy_local", "en")
    pieces = {state: piece for piece in html.split("data-for=")[1:] for state in re.findall(r'^"([\w ]+)"', piece)[0].split()}
    for state in ("intro", *PROBLEMS, "left", "idle"):
        assert 'data-do="guess"' in pieces[state]
        assert 'data-do="make"' in pieces[state]


def test_the_script_is_told_where_to_ask_and_by_what_rules() -> None:
    html = captcha.view("page.privacy_local", "de")
    assert f'data-path="{LIVE}"' in html
    assert f'data-faces="{PATH}"' in html
    assert data(html, "rules") == json.loads(json.dumps(RULES.facts()))
    assert list(data(html, "looks")) == list(EMOTIONS)
    assert data(html, "words")["tip_happy"] == say("de", "captcha.say_tip_happy")
    assert {f"tip_{emotion}" for emotion in EMOTIONS} <= set(data(html, "words"))


def test_every_button_does_something_and_has_a_name() -> None:
    html = captcha.view("page.privacy_local", "en")
    does = {str(button["data-do"]) for button in Outline(html).having("data-do")}
    assert does == {"make", "guess", "stop", "home", "skip", "answer", "next", "copy", "again", "big"}
    assert all(re.sub("<.*?>", "", inside).strip() for inside in re.findall(r"<button.*?>(.*?)</button>", html))


def test_answers_are_numbered_from_one_in_the_models_order() -> None:
    answers = list(Outline(captcha.view("page.privacy_local", "en")).having("data-expression"))
    assert [(one["aria-keyshortcuts"], one["data-expression"]) for one in answers] == [(str(number), emotion) for number, emotion in enumerate(EMOTIONS, 1)]


def test_the_tab_brings_the_route_of_drawn_faces() -> None:
    page = Page(Arms((Model(Fixed("first", "happy")),)))
    assert [getattr(route, "path", "") for route in captcha.routes(page)] == [PATH]
