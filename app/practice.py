"""The practice modes of the CAPTCHA tab: what is asked, how it is counted, and a hand of drawn faces to guess.

Nothing here verifies anybody: no token comes out of it. The camera's game runs in the browser (`assets/captcha.js`) on
what `live.py` answers; the rules are here, once for both games.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from app.drawn import Units, draw
from app.looks import random_look
from app.words import LANGUAGES, say
from fersys import EMOTIONS

PATH = "/fersys/practice/faces"


@dataclass(frozen=True)
class Asked:
    """An expression that the camera's game may ask for.

    Attributes:
        needed: share, 0–1, that the models give it on average from which a face counts.
        hard: whether it is asked only of those who want it hard: few people can pose it, or the models seldom see it.
    """

    needed: float
    hard: bool = False


# For practice; what the challenge itself will ask for is decided by measurement.
ASKED: dict[str, Asked] = {
    "happy": Asked(0.6),
    "surprise": Asked(0.5),
    "sad": Asked(0.45),
    "angry": Asked(0.45),
    "neutral": Asked(0.55),
    "disgust": Asked(0.35, hard=True),
    "fear": Asked(0.35, hard=True),
}


@dataclass(frozen=True)
class Rules:
    """How both games are counted.

    Attributes:
        faces: of a game.
        hold: seconds that a face must be held.
        points: for each face.
        bonus: at most, for being quick; nothing is left of it after `quick` seconds.
        quick: seconds.
        streak: more for each face in a row before this one, up to `longest` of them.
        longest: see `streak`.
        patience: seconds that a face may take; then nobody seems to be there, and the camera is released.
    """

    faces: int = 8
    hold: float = 1.2
    points: int = 100
    bonus: int = 50
    quick: float = 10.0
    streak: int = 10
    longest: int = 5
    patience: float = 90.0

    def facts(self) -> dict[str, Any]:
        """Return what the script needs, with the expressions that are asked."""
        return asdict(self) | {"asked": {emotion: asdict(asked) for emotion, asked in ASKED.items()}}


RULES = Rules()

# expression -> ways to show it, as action units
SHOWN: dict[str, tuple[Units, ...]] = {
    "angry": ({4: 1.0, 5: 0.5, 7: 0.8, 24: 1.0}, {4: 1.0, 7: 0.9, 17: 0.6, 24: 0.8}),
    "disgust": ({9: 1.0, 10: 0.8, 15: 0.5, 17: 0.6}, {9: 1.0, 10: 1.0, 25: 0.6}),
    "fear": ({1: 1.0, 2: 0.7, 4: 0.8, 5: 1.0, 20: 1.0, 25: 0.9}, {1: 1.0, 2: 0.8, 4: 0.7, 5: 1.0, 20: 0.9, 25: 1.0, 26: 0.25}),
    "happy": ({6: 1.0, 12: 1.0, 25: 1.0}, {6: 0.8, 12: 0.9}),
    "sad": ({1: 1.0, 4: 0.8, 15: 1.0, 17: 0.6}, {1: 1.0, 4: 0.8, 15: 0.9}),
    "surprise": ({1: 1.0, 2: 1.0, 5: 1.0, 25: 0.4, 26: 1.0}, {1: 1.0, 2: 1.0, 5: 0.9, 25: 0.6, 26: 0.6}),
    "neutral": ({},),
}
_WEAKEST = 0.7  # of what is drawn, beside full strength


@dataclass(frozen=True)
class Sign:
    """Something that can be seen in a face, and put in words.

    Attributes:
        key: of its text in `texts/captcha.toml`, after `sign_`.
        with_: action units that are all there.
        without: action units that are not.
    """

    key: str
    with_: frozenset[int]
    without: frozenset[int] = frozenset()

    def fits(self, units: Units) -> bool:
        """Whether a face shows it."""
        there = {unit for unit, strength in units.items() if strength > 0}
        return self.with_ <= there and not self.without & there


def _sign(key: str, *units: int, without: Sequence[int] = ()) -> Sign:
    return Sign(key, frozenset(units), frozenset(without))


SIGNS: tuple[Sign, ...] = (
    _sign("brows_arched", 1, 2, without=[4]),
    _sign("brows_flat", 1, 2, 4),
    _sign("brows_oblique", 1, 4, without=[2]),
    _sign("brows_down", 4, without=[1]),
    _sign("eyes_wide", 5, without=[7]),
    _sign("lids_tight", 7),
    _sign("cheeks_up", 6),
    _sign("nose_wrinkled", 9),
    _sign("lip_up", 10),
    _sign("corners_up", 12, without=[25]),
    _sign("corners_up_open", 12, 25),
    _sign("corners_down", 15),
    _sign("chin_up", 17),
    _sign("mouth_stretched", 20),
    _sign("lips_pressed", 24),
    _sign("jaw_dropped", 26, without=[20]),
    _sign("relaxed", without=range(1, 27)),
)


def describe(units: Units, language: str) -> str:
    """Return what can be seen in a face, as a list of its features; it names no expression."""
    return "; ".join(say(language, f"captcha.sign_{sign.key}") for sign in SIGNS if sign.fits(units))


def deal(count: int, chance: Random) -> list[str]:
    """Return expressions in random order: each as often as any other, one more or less, and never the same twice in a row."""
    dealt: list[str] = []
    while len(dealt) < count:
        turn = chance.sample(EMOTIONS, len(EMOTIONS))
        dealt += turn if turn[0] != (dealt or [""])[-1] else turn[::-1]
    return dealt[:count]


def pose(expression: str, chance: Random) -> dict[int, float]:
    """Return one of the ways to show an expression, more or less strongly; strength per action unit, 0–1."""
    strength = chance.uniform(_WEAKEST, 1.0)
    return {unit: round(full * strength * chance.uniform(0.92, 1.0), 3) for unit, full in chance.choice(SHOWN[expression]).items()}


def hand(language: str, chance: Random, count: int = RULES.faces) -> dict[str, Any]:
    """Return faces to guess.

    Args:
        language: of the descriptions.
        chance: what is random comes from here.
        count: of faces.

    Returns:
        `cards`, each with `expression`, `svg` and `seen` (its features in words, without the answer); and `signs`, by
        expression the features that are typical of it.
    """
    cards = [_card(number, expression, language, chance) for number, expression in enumerate(deal(count, chance))]
    return {"cards": cards, "signs": {expression: describe(ways[0], language) for expression, ways in SHOWN.items()}}


def _card(number: int, expression: str, language: str, chance: Random) -> dict[str, str]:
    units = pose(expression, chance)
    svg = draw(units, random_look(chance), f"fersys-drawn-{number}", chance.uniform(-0.6, 0.6))
    return {"expression": expression, "svg": svg, "seen": describe(units, language)}


def sample(expression: str, seed: int) -> str:
    """Return a drawn face that is always the same one, as SVG."""
    chance = Random(seed)
    return draw(SHOWN[expression][0], random_look(chance), f"fersys-sample-{seed}")


async def send_hand(request: Request) -> JSONResponse:
    """Answer with another hand each time, in the language that is asked for."""
    asked = request.query_params.get("language", "")
    language = asked if asked in LANGUAGES else LANGUAGES[0]
    return JSONResponse(hand(language, Random()), headers={"Cache-Control": "no-store"})


def practice_routes() -> list[BaseRoute]:
    """Return the route that drawn faces come by."""
    return [Route(PATH, send_hand)]
