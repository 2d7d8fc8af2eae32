"""Who stands before the camera in `spoof-bench`: a puppet that follows the prompts, photos, films; one function a kind of attack.

An actor is called with what the client is told and the time, and returns a frame. To add a kind: a class with `show`, and a line
in `KINDS` of `spoof_kinds.py`. All that is drawn at random comes from the generator that the actor is given: the same
number makes the same actor.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from app.captcha.cues import eye_width
from app.captcha.frames import read_frame
from app.captcha.spoof_people import Person
from app.captcha.spoof_pictures import Hand, Still, cut_out, hold, morph, turn
from fersys.results import Image

TURN = 40.0  # degrees; the mesh sees about half of what a warped picture turns
_BRISK = (0.25, 0.6)  # seconds from rest to pose
_DELAY = (0.7, 1.4)  # seconds from a prompt to the beginning of the pose


class Actor(Protocol):
    """Shows a frame: RGB uint8 (H, W, 3)."""

    def show(self, view: dict[str, Any], time: float) -> Image:
        """`view` is what the service told the client last, `time` is in seconds and grows."""
        ...


@dataclass
class Sway:
    """Small movements that never stop: sums of three slow waves each."""

    generator: np.random.Generator
    size: float = 1.0
    waves: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        rates, phases = self.generator.uniform(0.15, 0.9, (6, 3)), self.generator.uniform(0, 2 * math.pi, (6, 3))
        self.waves = np.stack([rates, phases], axis=-1)

    def at(self, time: float) -> list[float]:
        """Return six numbers, most of them between −1 and 1."""
        values = np.sin(2 * math.pi * self.waves[..., 0] * time + self.waves[..., 1]).mean(axis=1)
        return [float(value) * self.size for value in values]


def noisy(image: Image, generator: np.random.Generator, level: float = 2.0) -> Image:
    """Return a picture with a camera's noise; `level` is its standard deviation in gray levels."""
    height, width = image.shape[:2]
    coarse = generator.normal(0, level, (height // 2 + 1, width // 2 + 1)).astype(np.float32)
    noise = cv2.cvtColor(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


@dataclass
class Cue:
    """What an actor makes of a prompt: the pose, when it begins, and how long it takes to get there."""

    nonce: str = ""
    expression: str = ""
    turn: str = ""
    begins: float = 0.0
    takes: float = 0.4
    before: tuple[str, str] = ("", "")

    def share(self, time: float) -> float:
        """How far the pose is reached, 0–1, softly at both ends."""
        return _soft((time - self.begins) / self.takes)

    def turned(self, time: float) -> float:
        """How far the head is turned, 0–1: the turn comes after the expression."""
        return _soft((time - self.begins - self.takes - 0.4) / 0.6)


def _soft(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def next_cue(cue: Cue, view: dict[str, Any], time: float, generator: np.random.Generator) -> Cue:
    """Return the cue of a new prompt, the same again if the service asks to relax first, or the one there is."""
    refused = view["hint"] == "relax" and time > cue.begins + cue.takes + 1.5
    if (view["nonce"] == cue.nonce and not refused) or not view["prompt"]:
        return cue
    prompt, begins = view["prompt"], time + generator.uniform(*_DELAY)
    return Cue(view["nonce"], prompt["expression"], prompt["turn"], begins, generator.uniform(*_BRISK), (cue.expression, cue.turn))


def degrees(side: str) -> float:
    """The puppet's turn for a side, in degrees."""
    return {"left": TURN, "right": -TURN}.get(side, 0.0)


class Puppet:
    """A still, warped by its mesh as the prompts ask: it lets go of the last pose, rests, and takes the next one."""

    def __init__(self, person: Person, generator: np.random.Generator) -> None:
        self._person, self._generator, self._cue = person, generator, Cue()
        self._sway, self._further = Sway(generator), 0.0

    def show(self, view: dict[str, Any], time: float) -> Image:
        """The puppet at a moment; if it is told to turn while it does, it turns further."""
        self._cue = next_cue(self._cue, view, time, self._generator)
        told = str(view["hint"]).startswith("turn-") and time > self._cue.begins + self._cue.takes + 1.2
        self._further = min(self._further + 2.0, 20.0) if told else self._further
        return noisy(self.pose(time).image, self._generator)

    def pose(self, time: float) -> Still:
        """The puppet without the camera's noise."""
        cue, rest = self._cue, self._person.rest
        fading = 1 - _soft((time - (cue.begins - _DELAY[0])) / 0.4)
        began = time >= cue.begins
        name, side, share = (cue.expression, cue.turn, cue.share(time)) if began else (*cue.before, fading)
        still = morph(rest, self._person.poses.get(name, rest), share) if name else rest
        angle = degrees(side) * (1 + self._further / TURN)
        return self._moved(still, angle * (cue.turned(time) if began else fading), time)

    def _moved(self, still: Still, angle: float, time: float) -> Still:
        x, y, _, _, yaw, _ = self._sway.at(time)
        shift = np.array([x, y, 0]) * 0.25 * eye_width(still.points)
        return turn(still, angle + 4 * yaw, shift)


class Prints:
    """Photos that are changed as the prompts ask, one moment to the next.

    Args:
        person: on the photos.
        generator: draws how they are held.
        kind: "static", "hand-held", "bent" or "cut-out".
        tilts: a turn is made by turning the photo; False: there is a photo of the turned head; None: it is drawn which.
    """

    def __init__(self, person: Person, generator: np.random.Generator, kind: str, tilts: bool | None = None) -> None:
        self._person, self._generator, self._kind, self._cue = person, generator, kind, Cue()
        self._sway, self._begin = Sway(generator), self._first_hand()
        self._tilts = bool(generator.random() < 0.5) if tilts is None else tilts
        self._room = np.full_like(person.rest.image, generator.integers(60, 200))
        self._prints: dict[tuple[str, str], Image] = {}

    def _first_hand(self) -> Hand:
        roll, yaw, pitch, scale = self._generator.uniform((-4, -6, -6, 0.92), (4, 6, 6, 1.15))
        bend = float(self._generator.choice([-1, 1]) * self._generator.uniform(0.5, 1.3)) if self._kind == "bent" else 0.0
        return Hand(roll=roll, yaw=yaw, pitch=pitch, scale=scale, bend=bend)

    def show(self, view: dict[str, Any], time: float) -> Image:
        """The photo of the moment before the camera."""
        self._cue = next_cue(self._cue, view, time, self._generator)
        return noisy(hold(self._photo(time), self._room, self._hand(time)), self._generator)

    def _photo(self, time: float) -> Image:
        cue = self._cue
        side = "" if self._tilts or cue.turned(time) < 0.5 else cue.turn
        name = cue.expression if time >= cue.begins else ""
        if self._kind == "cut-out":
            rest = self._person.rest
            return cut_out(rest, morph(rest, self._person.poses.get(name, rest), cue.share(time))).image
        if (name, side) not in self._prints:
            self._prints[name, side] = turn(self._person.poses.get(name, self._person.rest), degrees(side)).image
        return self._prints[name, side]

    def _hand(self, time: float) -> Hand:
        begin, angle = self._begin, degrees(self._cue.turn) * self._cue.turned(time) if self._tilts else 0.0
        if self._kind == "static":
            return replace(begin, yaw=begin.yaw + angle)
        x, y, roll, yaw, pitch, bend = self._sway.at(time)
        shaken = replace(begin, x=0.05 * x, y=0.05 * y, roll=begin.roll + 4 * roll, yaw=begin.yaw + angle + 10 * yaw, pitch=begin.pitch + 8 * pitch)
        return replace(shaken, bend=begin.bend * (1 + 0.5 * bend))


@dataclass(frozen=True, eq=False)
class Film:
    """A recording of a challenge that was answered: (seconds, JPEG, expression, turn) a frame, in order."""

    frames: list[tuple[float, bytes, str, str]]

    @property
    def length(self) -> float:
        """In seconds."""
        return self.frames[-1][0] - self.frames[0][0]

    def at(self, time: float) -> Image:
        """The frame that is shown at a time from its beginning; it begins again at its end."""
        wanted = self.frames[0][0] + time % max(self.length, 1e-6)
        index = int(np.searchsorted([frame[0] for frame in self.frames], wanted))
        return read_frame(self.frames[min(index, len(self.frames) - 1)][1])

    def part(self, expression: str, side: str) -> "Film | None":
        """The part in which a prompt was answered."""
        found = [frame for frame in self.frames if frame[2:] == (expression, side)]
        return Film(found) if len(found) > 1 else None


class Player:
    """Plays a film whatever is asked.

    Args:
        film: what is played.
        generator: draws where it begins and how the screen is held.
        way: "replayed" and "looped" are filmed from a screen, "reversed" too, backwards; "virtual" goes straight in.
        start: seconds from the film's beginning; None: it is drawn.
    """

    def __init__(self, film: Film, generator: np.random.Generator, way: str, start: float | None = None) -> None:
        self._film, self._generator, self._way = film, generator, way
        self._start, self._sway = generator.uniform(0, film.length) if start is None else start, Sway(generator, 0.5)

    def show(self, view: dict[str, Any], time: float) -> Image:
        """The film at a moment."""
        forward = self._start + time
        image = self._film.at(-forward if self._way == "reversed" else forward)
        return image if self._way == "virtual" else filmed(image, self._sway.at(time), self._generator)


class Delayed:
    """Shows one actor for some seconds, then another from its beginning."""

    def __init__(self, first: Actor, then: Actor, seconds: float) -> None:
        self._first, self._then, self._seconds = first, then, seconds

    def show(self, view: dict[str, Any], time: float) -> Image:
        """The one or the other."""
        return self._first.show(view, time) if time < self._seconds else self._then.show(view, time - self._seconds)


class Resting:
    """A still face, as it moves when it does nothing."""

    def __init__(self, person: Person, generator: np.random.Generator) -> None:
        self._puppet, self._generator = Puppet(person, generator), generator

    def show(self, view: dict[str, Any], time: float) -> Image:
        """The face at a moment."""
        return noisy(self._puppet.pose(time).image, self._generator)


def filmed(image: Image, sway: list[float], generator: np.random.Generator) -> Image:
    """Return a picture as a camera sees it on a screen that is held before it."""
    x, y, roll, yaw, pitch, _ = sway
    hand = Hand(0.02 * x, 0.02 * y, 2 * roll, 4 * yaw, 4 * pitch, 1.03)
    return noisy(hold(image, np.full_like(image, 30), hand), generator)


class Library:
    """Cuts to the part of its films that answers the prompt, from the one moment to the next.

    Args:
        films: of one person.
        generator: draws which of them.
        screen: the films are shown on a screen; else they go straight in.
    """

    def __init__(self, films: list[Film], generator: np.random.Generator, screen: bool) -> None:
        self._films, self._generator, self._screen, self._nonce = films, generator, screen, ""
        self._part, self._since, self._sway = films[0], 0.0, Sway(generator, 0.5)

    def show(self, view: dict[str, Any], time: float) -> Image:
        """The part that answers, played from its beginning and then held at its end."""
        if view["nonce"] != self._nonce and view["prompt"]:
            self._nonce, self._since = view["nonce"], time
            self._part = self._choose(view["prompt"]["expression"], view["prompt"]["turn"])
        image = self._part.at(min(time - self._since, self._part.length * 0.999))
        return filmed(image, self._sway.at(time), self._generator) if self._screen else image

    def _choose(self, expression: str, side: str) -> Film:
        parts = [part for film in self._films if (part := film.part(expression, side)) is not None]
        loose = [part for film in self._films for other in ("", "left", "right") if (part := film.part(expression, other)) is not None]
        choice = parts or loose or self._films
        return choice[int(self._generator.integers(len(choice)))]
