"""Steps skipped, reordered, replayed, with foreign secrets, out of time: no illegal path leads to a pass.

Hypothesis plays against the real service, with a store in memory, and beside a model of what a person has rightly done.
`FERSYS_THREATS=full`, which `make threats-bench` sets, makes it 10,000 runs.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from app.captcha import solving
from app.captcha.challenges import Binding, Challenge
from app.captcha.clock import SetClock
from app.captcha.judge import Prompt
from app.captcha.keys import FixedKeys, make_key
from app.captcha.meters import Meters
from app.captcha.rates import Rates
from app.captcha.refusals import RefusedError
from app.captcha.scripted import ScriptedJudge
from app.captcha.service import Service
from app.captcha.settings import Settings
from app.captcha.sites import make_site
from app.captcha.solving import Claim, Frame
from app.captcha.store import Ticket
from tests.made_captcha import HOST, encode

FULL = os.environ.get("FERSYS_THREATS") == "full"
RUNS = 10_000 if FULL else 500
MOVES = 30
EXPRESSIONS = ("happy", "sad", "surprise")
FRAMES = {name: encode(name) for name in ("", *EXPRESSIONS)} | {"refuse": encode(order="refuse"), "raise": encode(order="raise"), "broken": b"no picture"}
KEYS, METERS = FixedKeys([make_key()]), Meters()
SITE, _ = make_site("a site", [HOST], [], 0.0)
LIMITS = dict.fromkeys(("begin_rate", "frame_rate", "verify_rate", "site_rate"), "1000000 per 1 minute")
SETTINGS = Settings(Path("unused"), failures=1_000_000, **LIMITS)  # type: ignore[arg-type]


class _Memory:
    """A store in this process; what it does not have is not called here."""

    def __init__(self) -> None:
        self.challenges: dict[str, Challenge] = {}
        self.tickets: dict[str, Ticket] = {}

    def add_challenge(self, challenge: Challenge) -> None:
        self.challenges[challenge.id] = challenge

    def get_challenge(self, name: str) -> Challenge | None:
        return self.challenges.get(name)

    def swap_challenge(self, challenge: Challenge) -> bool:
        if self.challenges[challenge.id].version != challenge.version - 1:
            return False
        self.challenges[challenge.id] = challenge
        return True

    def add_ticket(self, ticket: Ticket) -> None:
        assert ticket.id not in self.tickets
        self.tickets[ticket.id] = ticket

    def get_site(self, key: str) -> Any:
        return SITE if key == SITE.key else None

    def purge(self, before: float) -> int:
        return 0

    def close(self) -> None:
        return


class _Silent:
    """No log and no audit here: they have tests of their own."""

    def record(self, *_: Any, **__: Any) -> None:
        return

    info = error = record


@dataclass
class Person:
    """A challenge as its own client sees it, and how far it has rightly come."""

    begun: solving.Begun
    deadline: float
    view: dict[str, Any] = field(default_factory=dict)
    nonces: list[str] = field(default_factory=list)
    done: int = 0
    over: bool = False
    sequence: int = 0

    @property
    def prompt(self) -> Prompt:
        return Prompt(**self.view["prompt"])


class Attack(RuleBasedStateMachine):
    """Every move that a client has, right or wrong, on several challenges at once."""

    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.store = SetClock(), _Memory()
        silent: Any = _Silent()
        store: Any = self.store
        self.service = Service(SETTINGS, self.clock, store, KEYS, Rates(SETTINGS, self.clock), silent, ScriptedJudge(1, EXPRESSIONS), meters=METERS, log=silent)
        self.all: list[Person] = []

    def teardown(self) -> None:
        self.service.close()

    @rule(target=people)
    def begin(self) -> Person:
        begun = solving.begin(self.service, Binding(SITE.key, HOST), "203.0.113.9")
        person = Person(begun, self.clock() + SETTINGS.solve_life, begun.view, [begun.view["nonce"]])
        self.all.append(person)
        return person

    @rule(person=people)
    def show_what_is_asked(self, person: Person) -> None:
        if person.over:
            return
        self._send(person, self._claim(person), Frame(person.view["nonce"], person.sequence + 1, FRAMES[person.prompt.expression]))

    @rule(person=people)
    def show_all_steps(self, person: Person) -> None:
        for _ in range(SETTINGS.steps):
            self.show_what_is_asked(person)

    @rule(person=people, shown=st.sampled_from(sorted(FRAMES)), step=st.integers(0, 4), sequence=st.integers(-2, 3))
    def show_anything(self, person: Person, shown: str, step: int, sequence: int) -> None:
        nonce = (*person.nonces, "", "another")[min(step, len(person.nonces) + 1)]
        self._send(person, self._claim(person), Frame(nonce, person.sequence + sequence, FRAMES[shown]))

    @rule(person=people, other=people, part=st.sampled_from(["name", "secret", "cookie"]), value=st.sampled_from(["", "x", "theirs", "swapped"]))
    def show_foreign_secrets(self, person: Person, other: Person, part: str, value: str) -> None:
        mine, theirs = self._claim(person), self._claim(other)
        swapped = {"name": mine.secret, "secret": mine.cookie, "cookie": mine.secret}[part]
        text = {"theirs": getattr(theirs, part), "swapped": swapped}.get(value, value)
        claim = replace(mine, **{part: text})
        if claim not in (mine, theirs):
            shown = "happy" if person.over else person.prompt.expression
            self._send(person, claim, Frame(person.view["nonce"], person.sequence + 1, FRAMES[shown]))

    @rule(person=people)
    def ask_for_the_state(self, person: Person) -> None:
        self._see(person, solving.state(self.service, self._claim(person)))

    @rule(seconds=st.sampled_from([0.5, 5.0, 29.0, 31.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _claim(self, person: Person) -> Claim:
        return Claim(person.begun.view["id"], person.begun.secret, person.begun.cookie)

    def _send(self, person: Person, claim: Claim, frame: Frame) -> None:
        """Send a frame, and count the step only if everything about it was right."""
        legal = self._is_legal(person, claim, frame)
        right = legal and frame.content == FRAMES.get(person.prompt.expression)
        try:
            seen = solving.look(self.service, claim, frame)
        except RefusedError:
            assert not right
            if legal:  # a picture that cannot be read has used its number up
                person.sequence = frame.sequence
            return
        assert legal, "a frame was taken that should not have been"
        person.sequence, person.done = frame.sequence, person.done + right
        self._see(person, seen)

    def _is_legal(self, person: Person, claim: Claim, frame: Frame) -> bool:
        if person.over or claim != self._claim(person) or self.clock() >= person.deadline:
            return False
        return frame.nonce == person.nonces[-1] and frame.sequence > person.sequence

    def _see(self, person: Person, seen: dict[str, Any]) -> None:
        person.view = {**person.view, **seen}
        person.over = seen["state"] != "open"
        if seen["nonce"] and seen["nonce"] != person.nonces[-1]:
            person.nonces.append(seen["nonce"])
        assert bool(seen["token"]) <= (person.done == SETTINGS.steps)
        assert (seen["state"] == "passed") == (person.done == SETTINGS.steps)
        assert seen["state"] != "open" or (seen["step"] == person.done == len(person.nonces) - 1)

    @invariant()
    def nothing_passes_that_was_not_solved(self) -> None:
        solved = {person.begun.view["id"] for person in self.all if person.done == SETTINGS.steps}
        assert {name for name, challenge in self.store.challenges.items() if challenge.state == "passed"} == solved
        assert len(self.store.tickets) == len(solved)


Attack.TestCase.settings = settings(
    max_examples=RUNS, stateful_step_count=MOVES, deadline=None, database=None, derandomize=not FULL, suppress_health_check=list(HealthCheck)
)
TestNoIllegalPathLeadsToAPass = Attack.TestCase


def test_the_legal_path_leads_to_a_pass() -> None:
    attack = Attack()
    person: Any = attack.begin()
    attack.show_all_steps(person)
    attack.nothing_passes_that_was_not_solved()
    attack.teardown()
    assert person.view["state"] == "passed"
    assert person.view["token"]
