"""The bench's own wiring, on sights made by hand; what the attacks do is in `reports/spoof.md`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.captcha import face_judge, spoof_command
from app.captcha.expressions import Expressions
from app.captcha.face_judge import Rules
from app.captcha.sights import Sight
from app.captcha.spoof_actors import Film, Library, Player, Prints, Puppet
from app.captcha.spoof_bench import CUES, Counts, attack, open_rules, passed_film, play, staged, total
from app.captcha.spoof_kinds import KINDS, Props
from app.captcha.spoof_people import Person
from app.captcha.spoof_pictures import Still
from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from fersys.results import Image
from tests.made_people import filmed_people
from tests.made_sights import head, sight

TABLE = Expressions(dict.fromkeys(EMOTIONS, 0.5), ("happy", "sad"), {})
TEN = 10  # attacks a kind, of which `make spoof-bench` makes 150
BLANK: Image = np.zeros((120, 160, 3), np.uint8)
VIEW: dict[str, Any] = {"nonce": "a", "hint": "", "prompt": {"expression": "happy", "turn": ""}}


class Scripted:
    """Rests for half a second after each prompt, or if told to relax, then shows what is asked: what the judge sees of it, not pixels."""

    def __init__(self, grows: bool) -> None:
        self.sights: list[Sight] = []
        self._grows, self._nonce, self._since = grows, "", 0.0

    def show(self, view: dict[str, Any], time: float) -> Image:
        if view["nonce"] != self._nonce or (view["hint"] == "relax" and time - self._since > 2):
            self._nonce, self._since = view["nonce"], time
        passed = time - self._since - 0.5
        share = min(max(passed / 0.5, 0.0), 1.0) if self._grows else float(passed > 0)
        angle = {"left": 20.0, "right": -20.0}.get(view["prompt"]["turn"], 0.0) * min(max((passed - 0.7) / 0.5, 0.0), 1.0)
        name = view["prompt"]["expression"] if share >= 1 else "neutral"
        self.sights.append(sight(time, name, head(share, angle), angle))
        return BLANK


def run(monkeypatch: pytest.MonkeyPatch, grows: bool, off: frozenset[str] = frozenset()) -> tuple[bool, str]:
    actor = Scripted(grows)

    def seen(image: Image, recognizers: object, at: float) -> Sight:
        return Sight(**{**vars(actor.sights[-1]), "at": at})

    monkeypatch.setattr(face_judge, "see", seen)
    with staged(Rules([], TABLE, off=off)) as (stage, codes):
        end = play(stage, codes, actor)
    return end.passed, end.code


def test_who_follows_the_prompts_passes_the_real_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, grows=True) == (True, "")


def test_who_changes_at_once_does_not_and_the_cue_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, grows=False) == (False, "sudden")


def test_with_the_cue_off_the_same_attack_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, grows=False, off=frozenset({"sudden"}))[0]


def person() -> Person:
    rest = Still(np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8), head().astype(np.float64))
    return Person("made", rest, {"happy": Still(rest.image, head(1).astype(np.float64)), "sad": rest}, {})


def plain(level: int) -> bytes:
    """A PNG, which keeps its gray level exactly."""
    return bytes(cv2.imencode(".png", np.full_like(BLANK, level))[1])


def film() -> Film:
    return Film([(number / 10, plain(number), "happy" if number < 10 else "sad", "") for number in range(20)])


@pytest.mark.parametrize("name", KINDS)
def test_the_same_number_makes_the_same_attack_and_its_cues_exist(name: str) -> None:
    kind, props = KINDS[name], Props(person(), [film()], [film()])
    one, two = (kind.make(props, np.random.default_rng(5)) for _ in range(2))
    assert all((one.show(VIEW, at) == two.show(VIEW, at)).all() for at in (0.0, 1.5, 3.0))
    assert set(kind.cues) <= CUES


def test_a_puppet_moves_and_a_static_photo_only_changes_its_noise() -> None:
    puppet, photo = Puppet(person(), np.random.default_rng(0)), Prints(person(), np.random.default_rng(0), "static")
    moved, stood = ([actor.show(VIEW, at).astype(int) for at in (0.0, 0.4)] for actor in (puppet, photo))
    assert np.abs(moved[0] - moved[1]).mean() > np.abs(stood[0] - stood[1]).mean()


def test_a_film_begins_again_at_its_end_and_a_reversed_one_runs_backwards() -> None:
    assert film().at(film().length + 0.05)[0, 0, 0] == 1
    backwards = Player(film(), np.random.default_rng(0), "reversed")
    virtual = Player(film(), np.random.default_rng(0), "virtual")
    assert virtual.show(VIEW, 0.3)[0, 0, 0] == film().at(virtual._start + 0.3)[0, 0, 0]
    assert backwards.show(VIEW, 0.3).shape == BLANK.shape


def test_a_library_cuts_to_the_part_that_answers() -> None:
    library = Library([film()], np.random.default_rng(0), screen=False)
    asked = {**VIEW, "nonce": "b", "prompt": {"expression": "sad", "turn": ""}}
    assert library.show(asked, 5.0)[0, 0, 0] == 10
    assert library.show(asked, 50.0)[0, 0, 0] == 19


def test_counts_add_up() -> None:
    assert total([Counts(1, 2, {"flat": 1}), Counts(0, 3, {"flat": 1, "late": 2})]) == Counts(1, 5, {"flat": 2, "late": 2})


def test_a_cue_that_does_not_exist_cannot_be_switched_off(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="smell"):
        spoof_command.spoof_bench(tmp_path, 1, ["smell"], tmp_path)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.group == "photo"])
def test_photos_of_filmed_people_do_not_pass_and_would_without_the_cues(name: str, media: Path, fer2013_source: str) -> None:
    rules, kind = open_rules(), KINDS[name]
    people = [Props(person, [], []) for person in filmed_people(media, fer2013_source)]
    ends = total([attack(rules, props, name, range(TEN // len(people))) for props in people])
    assert (ends.passed, ends.tried) == (0, TEN)
    without, props = replace(rules, off=frozenset(kind.cues)), people[-1]
    assert any(attack(without, props, name, [seed]).passed for seed in range(5))


def test_a_passed_session_of_filmed_people_does_not_pass_again_and_would_without_memory(media: Path, fer2013_source: str) -> None:
    rules, name = open_rules(), "passed session, replayed"
    person = filmed_people(media, fer2013_source)[0]
    easy = replace(rules, off=frozenset(KINDS[name].granted))
    props = Props(person, [], passed_film(rules, person, np.random.default_rng(0)))
    assert len(props.shown) == 1
    refused = attack(easy, props, name, range(TEN))
    assert (refused.passed, refused.stopped_by) == (0, {"seen": TEN})
    without = replace(rules, off=frozenset({*KINDS[name].cues, *KINDS[name].granted}))
    assert any(attack(without, props, name, [seed]).passed for seed in range(5))
