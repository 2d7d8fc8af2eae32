"""The page inside the frame: two ways of equal rank, plain words before the camera, words for every code."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.captcha import own
from app.captcha.frame_page import Look, make_frame
from app.captcha.scripted import ScriptedJudge
from app.words import LANGUAGES, say
from fersys import EMOTIONS
from tests.made_captcha import Desk, make_desk

ASSETS = Path(__file__).parent.parent / "app" / "captcha" / "assets"
# What a visitor may hear; the rest is a fault of ours, for which there are common words.
CODES = ("expired", "puzzle-ended", "wrong-solution", "refused", "internal-error", "rate-limited", "paused", "busy", "face-unavailable")
OWNERS_CODES = ("missing-sitekey", "invalid-sitekey", "invalid-hostname", "invalid-action", "missing-action", "invalid-cdata")
HINTS = (
    "look-here",
    "one-face-only",
    "come-closer",
    "relax",
    "bit-more",
    "hold",
    "turn-left",
    "turn-right",
    "look-ahead",
    "move-back",
    "other-face",
    "slow-link",
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def page(desk: Desk, language: str = "en") -> str:
    return make_frame(desk.service, Look(desk.site.key, language=language, host="captcha.example")).html


def settings(text: str) -> dict[str, Any]:
    found = re.search(r"data-settings='([^']*)'", text)
    assert found is not None
    content: dict[str, Any] = json.loads(html.unescape(found[1]))
    return content


def test_the_way_without_a_camera_comes_first_and_both_look_alike(desk: Desk) -> None:
    buttons = re.findall(r"<button[^>]*>", page(desk).partition('data-for="choose"')[2].partition("</section>")[0])
    assert buttons == ['<button type="button" data-do="work">', '<button type="button" data-do="tell">']


def test_without_a_judge_the_way_with_the_camera_is_closed_and_says_so(desk: Desk) -> None:
    desk.service.judge = None
    text = page(desk)
    assert '<button aria-disabled="true" type="button" data-do="tell">' in text
    assert say("en", "frame.face_closed") in text
    assert say("en", "frame.face_hint") not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_camera_it_says_what_runs_and_where_pictures_go(desk: Desk, language: str) -> None:
    told = page(desk, language).partition('data-for="tell"')[2].partition("</section>")[0]
    assert html.escape(say(language, "frame.told_what")) in told
    assert html.escape(say(language, "frame.told_where", host="captcha.example")) in told
    assert told.index(html.escape(say(language, "frame.told_where", host="captcha.example"))) < told.index('data-do="face"')


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_words_for_every_code_hint_turn_and_expression(desk: Desk, language: str) -> None:
    words = settings(page(desk, language))["words"]
    problems = {f"problem_{code.replace('-', '_')}" for code in (*CODES, *OWNERS_CODES)}
    shown = {f"show_{name}" for name in EMOTIONS} | {"turn_left", "turn_right"}
    assert problems | shown | {f"hint_{code.replace('-', '_')}" for code in HINTS} <= set(words)
    assert set(settings(page(desk))["emoji"]) >= set(EMOTIONS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_way_without_a_camera_has_words_of_its_own_that_name_neither_a_camera_nor_another_way(desk: Desk, language: str) -> None:
    words = settings(page(desk, language))["words"]
    own_words = {name: text for name, text in words.items() if name.startswith(("problem_work_", "problem_puzzle_", "problem_wrong_"))}
    assert {"problem_work_refused", "problem_work_expired", "problem_work_paused"} <= set(own_words)
    for name, text in own_words.items():
        assert not re.search("camera|Kamera|face|Gesicht|other|ander", text), name


def test_after_a_failure_the_way_with_the_camera_is_offered_only_if_there_is_one(desk: Desk) -> None:
    def offered() -> list[str]:
        return re.findall(r'data-do="(\w+)"', page(desk).partition('data-for="problem"')[2].partition("</section>")[0])

    assert offered() == ["again", "work", "tell"]
    desk.service.judge = None
    assert offered() == ["again", "work"]


def test_every_word_that_the_scripts_use_is_there(desk: Desk) -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in ASSETS.glob("*.js") if path.name != "widget.js")
    used = set(re.findall(r"words\.(\w+)", scripts)) | {f"problem_{code.replace('-', '_')}" for code in re.findall(r'Refusal\([^)]*?"([a-z-]+)"\)', scripts)}
    unspoken = {"problem_cancelled"}  # by the visitor's own hand
    assert used - unspoken <= set(settings(page(desk))["words"])


def test_every_part_that_the_scripts_look_for_is_there_once(desk: Desk) -> None:
    parts = set(re.findall(r'part\("([\w-]+)"\)', (ASSETS / "frame.js").read_text(encoding="utf-8")))
    text = page(desk)
    assert parts
    assert {name: text.count(f'data-part="{name}"') for name in parts} == dict.fromkeys(parts, 1)


def test_it_knows_how_much_work_there_is_at_most_and_how_long_a_token_lives(tmp_path: Path) -> None:
    found = settings(page(make_desk(tmp_path, ScriptedJudge(), work_tries=77, token_life=9)))
    assert (found["tries"], found["token_life"], found["problem"]) == (77, 9, "")


def test_no_style_or_script_stands_in_the_page(desk: Desk) -> None:
    text = page(desk)
    assert not re.search(r"<style| style=| on\w+=", text)
    assert re.findall(r"<script[^>]*>[^<]*", text) == ['<script type="module" src="assets/frame.js">']


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_are_told_that_copies_stay_until_the_end(desk: Desk, language: str) -> None:
    """What is true: `Sight.gray` and the mesh points of a step stay in the session; the frame itself does not."""
    for text in (say(language, "frame.told_where"), say(language, "frame.told_where_own")):
        assert {"en": "until the challenge ends", "de": "bis die Aufgabe endet"}[language] in text
        assert {"en": "dropped at once", "de": "sofort verworfen"}[language] in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_are_told_what_is_left_of_the_frames(desk: Desk, language: str) -> None:
    told = page(desk, language).partition('data-for="tell"')[2].partition("</section>")[0]
    assert html.escape(say(language, "frame.told_trace")) in told
    assert "512" in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_face_and_turn_that_may_be_asked_has_a_drawing_and_a_name(tmp_path: Path, language: str) -> None:
    desk = make_desk(tmp_path, ScriptedJudge(turns=("left", "right")))
    text = page(desk, language)
    assert len(set(re.findall(r"<template data-picture=[^>]*>(.*?)</template>", text))) == 3 * len(EMOTIONS)
    for name in EMOTIONS:
        assert {f'data-picture="{name} {turn}"' for turn in ("", "left", "right")} <= set(re.findall(r'data-picture="[^"]*"', text))
    assert {f"face_{name}" for name in EMOTIONS} | {"faced_left", "faced_right"} <= set(settings(text)["words"])


def test_our_own_tab_has_a_page_that_only_we_may_show_with_a_result_to_share(desk: Desk) -> None:
    made = make_frame(desk.service, Look(own.KEY, host="captcha.example"))
    assert made.policy.endswith("frame-ancestors 'self'")
    assert 'data-place="tab"' in made.html
    assert settings(made.html)["hostname"] == own.HOST
    assert 'data-part="share"' in made.html
    assert 'data-part="share"' not in page(desk)
    assert settings(page(desk))["hostname"] == ""


def test_no_secret_opens_what_our_own_tab_s_site_key_gives(desk: Desk) -> None:
    begun = desk.client.post("/captcha/v1/challenges", json={"sitekey": own.KEY, "hostname": own.HOST}).json()
    while begun["state"] == "open":
        begun = desk.show(begun)
    assert begun["token"]
    assert desk.verify(begun["token"])["error-codes"] == ["invalid-input-response"]
    assert desk.verify(begun["token"], secret=f"{own.KEY}.{'A' * 43}")["error-codes"] == ["invalid-input-secret"]
