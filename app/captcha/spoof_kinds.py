"""The kinds of attack that `spoof-bench` tries, and the cues that are meant to stop each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.captcha.spoof_actors import Actor, Delayed, Film, Library, Player, Prints, Puppet, Resting
from app.captcha.spoof_people import Person


@dataclass(frozen=True, eq=False)
class Props:
    """What an attack on one person's face has to work with.

    Attributes:
        person: who is on the photos.
        films: of challenges that this person answered, none of which was shown here.
        shown: of challenges that were passed here.
    """

    person: Person
    films: Sequence[Film]
    shown: Sequence[Film]


Make = Callable[[Props, np.random.Generator], Actor]


@dataclass(frozen=True)
class Kind:
    """A kind of attack.

    Attributes:
        make: the actor of one attack.
        cues: that are meant to stop it; the attack counts if it passes with all of them off.
        target: the share that may pass, 0–1; None: it is published without one.
        group: "photo", "film" or "puppet".
        granted: cues that are off throughout, in the attack's favour.
    """

    make: Make
    cues: tuple[str, ...]
    target: float | None
    group: str
    granted: tuple[str, ...] = ()


_PHOTO = ("sudden", "flat", "planar", "turn", "leap", "cut", "stuck", "late")
_FILM = ("order", "turn", "late", "leap", "planar", "sudden")
_CUT = ("leap", "cut", "sudden", "late")
_SEEN = ("seen", "late", "leap", "cut", "sudden")
_AGAIN = ("order", "turn")  # as if the same were asked again, which it is once in hundreds of times


def _pick(films: Sequence[Film], generator: np.random.Generator) -> Film:
    return films[int(generator.integers(len(films)))]


def _prints(kind: str) -> Make:
    return lambda props, generator: Prints(props.person, generator, kind, True if kind == "cut-out" else None)


def _player(way: str) -> Make:
    return lambda props, generator: Player(_pick(props.films, generator), generator, way)


def _again(props: Props, generator: np.random.Generator) -> Actor:
    """Frame by frame what passed, from its beginning; half of the time after some seconds of something that was not shown before."""
    film = Player(_pick(props.shown, generator), generator, "virtual", 0.0)
    return film if generator.random() < 0.5 else Delayed(Resting(props.person, generator), film, generator.uniform(1, 4))


def _looped(props: Props, generator: np.random.Generator) -> Actor:
    """Four seconds of a film, again and again."""
    film = _pick(props.films, generator)
    begin = film.frames[0][0] + generator.uniform(0, max(film.length - 4, 0))
    return Player(Film([frame for frame in film.frames if begin <= frame[0] < begin + 4]), generator, "looped")


KINDS: dict[str, Kind] = {
    "photo, static": Kind(_prints("static"), _PHOTO, 0.0, "photo"),
    "photo, hand-held": Kind(_prints("hand-held"), _PHOTO, 0.0, "photo"),
    "photo, bent": Kind(_prints("bent"), _PHOTO, 0.0, "photo"),
    "photo, cut out": Kind(_prints("cut-out"), _PHOTO, 0.0, "photo"),
    "film, replayed": Kind(_player("replayed"), _FILM, 0.02, "film"),
    "film, looped": Kind(_looped, _FILM, 0.02, "film"),
    "film, reversed": Kind(_player("reversed"), _FILM, 0.02, "film"),
    "film, virtual camera": Kind(_player("virtual"), _FILM, 0.02, "film"),
    "passed session, replayed": Kind(_again, _SEEN, 0.0, "film", _AGAIN),
    "clip library, cut": Kind(lambda props, generator: Library(list(props.films), generator, True), _CUT, None, "puppet"),
    "mesh puppet": Kind(lambda props, generator: Puppet(props.person, generator), (), None, "puppet"),
}
