"""The practice games: what is asked, what is said of a face, and the hand of faces that the page gets."""

import json
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.practice import ASKED, PATH, RULES, SHOWN, SIGNS, deal, describe, hand, pose, practice_routes
from app.words import LANGUAGES, say
from fersys import EMOTIONS

CLIENT = TestClient(Starlette(routes=practice_routes()))
# Stems of the words for expressions, none of which may stand in a description.
GIVEAWAYS = {
    "en": ("ang", "disgust", "fear", "happ", "sad", "surpris", "neutral"),
    "de": ("wut", "wüt", "ekel", "angst", "freud", "trau", "überrasch", "neutral"),
}


def test_every_expression_has_ways_to_show_it_and_a_place_in_the_camera_s_game() -> None:
    assert set(SHOWN) == set(ASKED) == set(EMOTIONS)
    assert {emotion for emotion, asked in ASKED.items() if asked.hard} == {"disgust", "fear"}
    assert all(0 < asked.needed < 1 for asked in ASKED.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_description_names_features_and_never_the_expression(language: str) -> None:
    for ways in SHOWN.values():
        for way in ways:
            words = describe(way, language).lower()
            assert words
            assert not any(stem in words.replace("angespannt", "") for stem in GIVEAWAYS[language])


def test_expressions_are_told_apart_by_their_descriptions() -> None:
    said = [{describe(way, "en") for way in ways} for ways in SHOWN.values()]
    assert sum(map(len, said)) == len(set().union(*said))
    assert describe(SHOWN["angry"][0], "en") == "brows lowered and together; lids tight, a hard stare; lips pressed"
    assert describe({}, "en") == "brows, eyes and mouth relaxed"


def test_every_movement_is_described() -> None:
    told = set().union(*(sign.with_ for sign in SIGNS))
    drawn = {unit for ways in SHOWN.values() for way in ways for unit in way}
    assert drawn - told == set()


@pytest.mark.parametrize("seed", range(40))
def test_a_hand_has_every_expression_and_never_the_same_twice_in_a_row(seed: int) -> None:
    dealt = deal(30, Random(seed))
    assert len(dealt) == 30
    assert set(dealt[:7]) == set(EMOTIONS)
    assert all(one != other for one, other in pairwise(dealt))


def test_hands_differ() -> None:
    assert len({tuple(deal(RULES.faces, Random(seed))) for seed in range(20)}) > 15


@pytest.mark.parametrize("expression", EMOTIONS)
def test_a_pose_varies_in_strength_and_stays_within_its_ways(expression: str) -> None:
    poses = [pose(expression, Random(seed)) for seed in range(50)]
    fullest = [strength for way in SHOWN[expression] for strength in way.values()]
    assert all(0.1 < strength <= max(fullest) for one in poses for strength in one.values())
    assert {describe(one, "en") for one in poses} == {describe(way, "en") for way in SHOWN[expression]}
    assert len({json.dumps(one) for one in poses}) == (1 if expression == "neutral" else len(poses))


def test_a_hand_brings_drawings_words_and_what_is_typical() -> None:
    dealt = hand("de", Random(3))
    assert len(dealt["cards"]) == RULES.faces
    assert all(card["svg"].startswith("<svg") and card["seen"] for card in dealt["cards"])
    assert len({card["svg"] for card in dealt["cards"]}) == RULES.faces
    assert set(dealt["signs"]) == set(EMOTIONS)
    assert dealt["signs"]["happy"] == "Wangen gehoben, Augen dadurch schmal; Mundwinkel hochgezogen, Zähne zu sehen"


@pytest.mark.parametrize(("query", "language"), [("?language=de", "de"), ("?language=en", "en"), ("?language=<b>", "en"), ("", "en")])
def test_the_route_answers_in_the_language_that_is_asked_for(query: str, language: str) -> None:
    answer = CLIENT.get(PATH + query)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["signs"]["neutral"] == say(language, "captcha.sign_relaxed")


def test_two_visits_get_different_faces() -> None:
    assert CLIENT.get(PATH).json() != CLIENT.get(PATH).json()


def test_the_script_gets_the_rules_and_what_is_asked() -> None:
    facts: Any = SimpleNamespace(**RULES.facts())
    assert facts.hold == RULES.hold
    assert facts.asked["fear"] == {"needed": ASKED["fear"].needed, "hard": True}
    json.dumps(RULES.facts())
