"""`python -m app.captcha spoof-bench`: attacks of every kind on the real service, on a clock of its own.

Limits of the cues are fixed on other people than the ones attacked with: for each person on all the others (`calibrate`).
No frame and no person's picture is kept; what comes out is counts.
"""

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.captcha import solving
from app.captcha.challenges import Binding
from app.captcha.clock import Clock, SetClock
from app.captcha.cues import Limits
from app.captcha.face_judge import FaceJudge, Rules
from app.captcha.frames import read_frame
from app.captcha.logs import make_log
from app.captcha.refusals import RefusedError
from app.captcha.seen import SeenFrames
from app.captcha.service import Service, wire
from app.captcha.settings import Settings
from app.captcha.sites import Site, make_site
from app.captcha.solving import Claim, Frame
from app.captcha.spoof_actors import Actor, Film, Prints, Puppet
from app.captcha.spoof_kinds import KINDS, Kind, Props
from app.captcha.spoof_people import Person
from fersys.results import Image

RATE = 10.0  # frames a second
HOST = "bench.example"
_MANY = "1000000 per 1 second"
_FILMS = 4  # recordings of each person
_TRIES = 6  # challenges to get a recording of a pass
_CALIBRATE = 3  # challenges of each sort that limits are chosen on
CUES = frozenset({"sudden", "flat", "planar", "stuck", "leap", "cut", "frozen", "seen", "order", "late", "turn"})
Tell = Callable[[str], None]


@dataclass
class Stage:
    """The service with a judge of its own, and the clock both live by."""

    service: Service
    clock: SetClock
    site: Site
    rules: Rules


@dataclass(frozen=True)
class Played:
    """How a challenge ended: passed or not, by which cue, and its film if it was wanted."""

    passed: bool
    code: str
    film: Film


class _Codes:
    """Stands in for the service's log: keeps the code of the last refusal."""

    def __init__(self) -> None:
        self.last = ""

    def write(self, line: str) -> int:
        """Take a line of the log."""
        if '"code": "' in line:
            self.last = line.split('"code": "')[1].split('"')[0]
        return len(line)

    def flush(self) -> None:
        """Nothing waits."""


@contextmanager
def staged(rules: Rules) -> Iterator[tuple[Stage, _Codes]]:
    """Open the service in a folder that goes away again."""
    with tempfile.TemporaryDirectory(prefix="fersys-spoof-") as folder:
        clock, codes = SetClock(), _Codes()
        service, site = serve(Path(folder), rules, clock)
        service.log = make_log(codes)  # type: ignore[arg-type]  # it is written to, nothing else
        try:
            yield Stage(service, clock, site, rules), codes
        finally:
            service.close()


def serve(folder: Path, rules: Rules, clock: Clock) -> tuple[Service, Site]:
    """Open the service without bounds on how much is asked, and a site of it."""
    settings = Settings(folder / "captcha.db", failures=10**6, begin_rate=_MANY, frame_rate=_MANY, verify_rate=_MANY, site_rate=_MANY)
    service = wire(settings, FaceJudge(rules), clock)
    site, _ = make_site("bench", [HOST], [], clock())
    service.store.put_site(site)
    return service, site


def play(stage: Stage, codes: _Codes, actor: Actor, address: str = "192.0.2.1") -> Played:
    """Let an actor answer one challenge, as a browser would."""
    begun = solving.begin(stage.service, Binding(stage.site.key, HOST), address)
    claim, view, start = Claim(begun.view["id"], begun.secret, begun.cookie), begun.view, stage.clock()
    frames: list[tuple[float, Image, str, str]] = []
    codes.last = ""
    while view["state"] == "open":
        content = encode(actor.show(view, stage.clock() - start))
        prompt = view["prompt"]
        frames.append((stage.clock() - start, read_frame(content), prompt["expression"], prompt["turn"]))
        try:
            view = solving.look(stage.service, claim, Frame(view["nonce"], view["sequence"] + 1, content))
        except RefusedError:  # its time is over
            break
        stage.clock.advance(1 / RATE)
    return Played(view["state"] == "passed", codes.last, Film(frames))


def encode(image: Image) -> bytes:
    """Return a frame as a browser sends it: a JPEG."""
    done, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(content) if done else b""


def record(rules: Rules, person: Person, generator: np.random.Generator) -> list[Film]:
    """Return films of challenges that a puppet of this person answered, each at another place, in another light."""
    films = []
    with staged(_fresh(rules, CUES - {"order", "turn"})) as (stage, codes):
        for _ in range(_FILMS):
            films.append(_elsewhere(play(stage, codes, Puppet(person, generator)).film, generator))
    return films


def _elsewhere(film: Film, generator: np.random.Generator) -> Film:
    """The film from another day: lighter or darker, and the camera a little moved."""
    gain, (x, y) = generator.uniform(0.85, 1.15), generator.integers(-25, 25, 2)
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)

    def changed(image: Image) -> Image:
        moved = cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.convertScaleAbs(moved, alpha=float(gain)), np.uint8)

    return Film([(at, changed(image), expression, turn) for at, image, expression, turn in film.frames])


def _fresh(rules: Rules, off: frozenset[str] = frozenset()) -> Rules:
    """The same rules with an empty memory."""
    return replace(rules, seen=SeenFrames(life=math.inf), off=off)


def calibrate(rules: Rules, people: list[Person], generator: np.random.Generator) -> Limits:
    """Choose limits on puppets and photos of these people, on the side of the people; the others stay as they are.

    `flat` and `planar` are half of what 19 of 20 steps of puppets reach, `sudden` lies half way between puppets and photos.
    """
    alive = _values(rules, people, generator, CUES - {"order", "turn"})
    paper = _values(rules, people, generator, CUES)
    ahead = [[value for value in values if not value["turn"]] for values in (alive, paper)]
    most, least = min(_high(ahead[0], "sudden"), 1.0), min(_low(ahead[1], "sudden"), 1.0)
    low = {name: 0.5 * _low(alive, name) for name in ("flat", "planar")}
    return replace(Limits(), **low, sudden=max(0.5 * (most + least), most))


def _values(rules: Rules, people: list[Person], generator: np.random.Generator, off: frozenset[str]) -> list[dict[str, float]]:
    """What the cues measure while none of them denies: on puppets, or with "order" off on photos in a hand that are turned."""
    measured: list[dict[str, float]] = []
    with staged(replace(_fresh(rules, off), values=measured)) as (stage, codes):
        for person in people * _CALIBRATE:
            play(stage, codes, Prints(person, generator, "hand-held", True) if "order" in off else Puppet(person, generator))
    return measured


def _finite(values: Sequence[dict[str, float]], name: str) -> list[float]:
    return [value[name] for value in values if np.isfinite(value[name])]


def _low(values: Sequence[dict[str, float]], name: str) -> float:
    found = _finite(values, name)
    return float(np.percentile(found, 5)) if found else float(getattr(Limits(), name))


def _high(values: Sequence[dict[str, float]], name: str) -> float:
    found = _finite(values, name)
    return float(np.percentile(found, 95)) if found else float(getattr(Limits(), name))


@dataclass(frozen=True)
class Counts:
    """How many attacks were made and passed, and which cue ended the others."""

    passed: int
    tried: int
    stopped_by: dict[str, int]


def attack(rules: Rules, props: Props, kind: Kind, seeds: Sequence[int]) -> Counts:
    """Make attacks of a kind, a number of the generator each; those of films that were passed here find the memory full of them."""
    ends: list[Played] = []
    for seed in seeds:
        with staged(_fresh(rules, rules.off)) as (stage, codes):
            _fill(stage.rules.seen, props.shown)
            ends.append(play(stage, codes, kind.make(props, np.random.default_rng(seed))))
    codes_seen = [end.code or "expired" for end in ends if not end.passed]
    return Counts(sum(end.passed for end in ends), len(ends), {code: codes_seen.count(code) for code in sorted(set(codes_seen))})


def _fill(seen: SeenFrames, films: Sequence[Film]) -> None:
    from app.captcha.cues import hash_of
    from app.captcha.sights import small_gray
    from fersys.faces import detect

    for film in films:
        faces = [(detect(image), image) for _, image, _, _ in film.frames]
        seen.add([hash_of(found[0].crop, small_gray(image)) for found, image in faces if found], film)


def passed_film(rules: Rules, person: Person, generator: np.random.Generator) -> list[Film]:
    """Return the film of a challenge that a puppet passed here, alone in a list; none if it never did."""
    for _ in range(_TRIES):
        with staged(_fresh(rules)) as (stage, codes):
            end = play(stage, codes, Puppet(person, generator))
        if end.passed:
            return [end.film]
    return []


def total(counts: Sequence[Counts]) -> Counts:
    """Add counts up."""
    names = sorted({name for count in counts for name in count.stopped_by})
    stopped = {name: sum(count.stopped_by.get(name, 0) for count in counts) for name in names}
    return Counts(sum(count.passed for count in counts), sum(count.tried for count in counts), stopped)


def make_props(rules: Rules, person: Person, seed: int) -> Props:
    """Film a person: for the attacks with films, and one pass for its replay."""
    generator = np.random.default_rng(seed)
    return Props(person, record(rules, person, generator), passed_film(rules, person, generator))


def asked_of(people: Sequence[Person], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the expressions that everybody here can show."""
    return tuple(name for name in asked if all(name in person.poses for person in people))


def bench(rules: Rules, people: Sequence[Person], counts: dict[str, int], tell: Tell) -> dict[str, Any]:
    """Attack with everybody's face, a thread each, under limits fixed on all the others.

    Args:
        rules: of the judge.
        people: two or more.
        counts: how many attacks a group of kinds, "off": how many with one cue off; with all of them off it is a third of the group's.
        tell: is told how far it is.

    Returns:
        JSON data: {"limits": a person's name: …, "kinds": a kind's name: {"all": …, "without": {cue: …}}}.
    """
    asked = asked_of(people, rules.table.asked)
    rules = replace(rules, table=replace(rules.table, asked=asked))
    with ThreadPoolExecutor(len(people)) as pool:
        chosen = list(pool.map(lambda person: calibrate(rules, [one for one in people if one is not person], np.random.default_rng(1)), people))
        tell(f"limits: {chosen}")
        props = list(pool.map(lambda person, limits: make_props(replace(rules, limits=limits), person, 2), people, chosen))
        tell(f"passes on film: {[len(one.shown) for one in props]}")
        kinds = {}
        for name, kind in KINDS.items():
            kinds[name] = _bench_kind(_Cast(rules, list(zip(props, chosen, strict=True)), pool), kind, counts)
            tell(f"{name}: {kinds[name]}")
    return {"asked": list(asked), "limits": {person.name: limits for person, limits in zip(people, chosen, strict=True)}, "kinds": kinds}


@dataclass(frozen=True, eq=False)
class _Cast:
    """Everybody that is attacked with, and the threads in which that happens."""

    rules: Rules
    people: Sequence[tuple[Props, Limits]]
    pool: ThreadPoolExecutor

    def attack(self, kind: Kind, off: tuple[str, ...], count: int) -> Counts:
        """Share so many attacks of a kind among all of them."""

        def share(number: int) -> Counts:
            props, limits = self.people[number]
            ruled = replace(self.rules, limits=limits, off=self.rules.off | {*off, *kind.granted})
            return attack(ruled, _needed(props, kind), kind, range(100 + number, 100 + count, len(self.people)))

        able = [number for number, (props, _) in enumerate(self.people) if kind.cues[:1] != ("seen",) or props.shown]
        return total(list(self.pool.map(share, able)))


def _bench_kind(cast: _Cast, kind: Kind, counts: dict[str, int]) -> dict[str, Any]:
    every = cast.attack(kind, (), counts[kind.group])
    if not kind.cues:
        return {"all": every, "without": {}}
    without = {cue: cast.attack(kind, (cue,), counts["off"]) for cue in every.stopped_by if cue in CUES}  # one that ended no attack changes none
    return {"all": every, "without": without | {"all of them": cast.attack(kind, kind.cues, max(counts["off"], counts[kind.group] // 3))}}


def _needed(props: Props, kind: Kind) -> Props:
    """Films that were shown here fill the memory only where they are what is replayed."""
    return props if kind.cues[:1] == ("seen",) else replace(props, shown=[])
