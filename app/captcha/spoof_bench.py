"""`python -m app.captcha spoof-bench`: attacks of every kind on the real service, on a clock of its own.

Limits of the cues are fixed on other people than the ones attacked with: for each person on all the others (`calibrate`).
No frame and no person's picture is kept; what comes out is counts.
"""

import functools
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from app.captcha import solving
from app.captcha.challenges import Binding
from app.captcha.clock import Clock, SetClock
from app.captcha.cues import Limits
from app.captcha.expressions import read_expressions
from app.captcha.face_judge import FaceJudge, Rules, rules_of
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
from app.models import load_arms
from fersys.errors import ModelError
from fersys.results import Image

RATE = 10.0  # frames a second
HOST = "bench.example"
_MANY = "1000000 per 1 second"
_FILMS = 4  # recordings of each person
_TRIES = 6  # challenges to get a recording of a pass
_CALIBRATE = 6  # challenges of each sort that limits are chosen on
CUES = frozenset({"sudden", "flat", "planar", "stuck", "leap", "cut", "frozen", "seen", "order", "late", "turn"})
Tell = Callable[[str], None]
_T = TypeVar("_T")


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
    frames: list[tuple[float, bytes, str, str]] = []
    codes.last = ""
    while view["state"] == "open":
        content = encode(actor.show(view, stage.clock() - start))
        prompt = view["prompt"]
        frames.append((stage.clock() - start, content, prompt["expression"], prompt["turn"]))
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

    return Film([(at, encode(changed(read_frame(content))), expression, turn) for at, content, expression, turn in film.frames])


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


def attack(rules: Rules, props: Props, name: str, seeds: Sequence[int]) -> Counts:
    """Make attacks of a kind, a number of the generator each; those of films that were passed here find the memory full of them."""
    codes_seen: list[str] = []
    for seed in seeds:
        with staged(_fresh(rules, rules.off)) as (stage, codes):
            _fill(stage.rules.seen, props.shown)
            end = play(stage, codes, KINDS[name].make(props, np.random.default_rng(seed)))
        codes_seen += [] if end.passed else [end.code or "expired"]
    return Counts(len(seeds) - len(codes_seen), len(seeds), {code: codes_seen.count(code) for code in sorted(set(codes_seen))})


def _fill(seen: SeenFrames, films: Sequence[Film]) -> None:
    from app.captcha.cues import hash_of
    from app.captcha.sights import small_gray
    from fersys.faces import detect

    for film in films:
        faces = [(detect(image), image) for image in (read_frame(content) for _, content, _, _ in film.frames)]
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


@functools.cache
def open_rules() -> Rules:
    """Return the rules of the app's judge.

    Raises:
        ModelError: if a model that must agree is missing.
    """
    rules = rules_of(load_arms(), read_expressions())
    if rules is None:
        raise ModelError("Judge: expected the models that app/captcha/thresholds.json names. Received: others, or none")
    return rules


@dataclass(frozen=True)
class Terms:
    """What rules are made of in another process, where the models are opened anew.

    Attributes:
        asked: expressions that are asked.
        off: cues that are switched off.
        limits: of the cues.
    """

    asked: tuple[str, ...]
    off: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)

    def rules(self) -> Rules:
        """Return the rules of the app's judge under these terms."""
        rules = open_rules()
        return replace(rules, table=replace(rules.table, asked=self.asked), off=self.off, limits=self.limits)


def _under(terms: Terms, work: Callable[..., _T], *arguments: Any) -> _T:
    return work(terms.rules(), *arguments)


@dataclass(frozen=True, eq=False)
class _Crew:
    """Attacks with everybody at once: a process each, under terms that were fixed on the others."""

    pool: ProcessPoolExecutor
    terms: Sequence[Terms]

    def do(self, work: Callable[..., _T], arguments: Sequence[Sequence[Any]], off: Sequence[str] = ()) -> list[_T]:
        """Do the same for everybody, with these cues off besides; who has no arguments is left out."""
        terms = [replace(one, off=one.off | {*off}) for one in self.terms]
        waiting = [self.pool.submit(_under, one, work, *told) for one, told in zip(terms, arguments, strict=True) if told]
        return [one.result() for one in waiting]


def bench(terms: Terms, people: Sequence[Person], counts: dict[str, int], tell: Tell) -> dict[str, Any]:
    """Attack with everybody's face, under limits fixed on all the others.

    Args:
        terms: of the judge; what is asked is narrowed to what everybody here can show.
        people: two or more; each has a process.
        counts: how many attacks a group of kinds, "off": how many with one cue off; with all of them off, and under the app's own limits, it is
            a third of the group's.
        tell: is told how far it is.

    Returns:
        JSON data: {"limits": a person's name: …, "kinds": a kind's name: {"all": …, "app": …, "without": {cue: …}}}.
    """
    terms = replace(terms, asked=asked_of(people, terms.asked))
    with ProcessPoolExecutor(len(people), get_context("spawn")) as pool:
        others = [[one for one in people if one is not person] for person in people]
        limits = _Crew(pool, [terms] * len(people)).do(calibrate, [(rest, np.random.default_rng(1)) for rest in others])
        tell(f"limits: {limits}")
        crew = _Crew(pool, [replace(terms, limits=chosen) for chosen in limits])
        props = crew.do(make_props, [(person, 2) for person in people])
        tell(f"passes on film: {[len(one.shown) for one in props]}")
        kinds = {}
        for name in KINDS:
            kinds[name] = _bench_kind(crew, props, name, counts)
            tell(f"{name}: {kinds[name]}")
    return {"asked": list(terms.asked), "limits": {person.name: chosen for person, chosen in zip(people, limits, strict=True)}, "kinds": kinds}


def _bench_kind(crew: _Crew, props: Sequence[Props], name: str, counts: dict[str, int]) -> dict[str, Any]:
    kind, needed = KINDS[name], [_needed(one, KINDS[name]) for one in props]
    many, some, few = counts[kind.group], max(counts["off"], counts[kind.group] // 3), counts["off"]

    def run(by: _Crew, off: tuple[str, ...], count: int) -> Counts:
        shares = [(one, name, range(100 + number, 100 + count, len(needed))) if one else () for number, one in enumerate(needed)]
        return total(by.do(attack, shares, (*off, *kind.granted)))

    as_shipped = _Crew(crew.pool, [replace(one, limits=Limits()) for one in crew.terms])
    found = {"all": run(crew, (), many), "app": run(as_shipped, (), some)}
    without = {cue: run(crew, (cue,), few) for cue in kind.cues}
    return found | {"without": without | ({"all of them": run(crew, kind.cues, some)} if kind.cues else {})}


def _needed(props: Props, kind: Kind) -> Props | None:
    """Films that were shown here fill the memory only where they are what is replayed; without any there is nothing to replay."""
    if kind.cues[:1] == ("seen",):
        return props if props.shown else None
    return replace(props, shown=[])
