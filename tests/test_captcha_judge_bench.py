from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.captcha import face_judge
from app.captcha.expressions import Expressions
from app.captcha.face_judge import Rules
from app.captcha.judge_bench import judge_bench, people_at_once, spent
from app.captcha.sights import Sight
from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from fersys.results import Image
from tests.made_sights import head, sight

RULES = Rules([], Expressions(dict.fromkeys(EMOTIONS, 0.5), ("happy", "sad"), {}))
FRAMES = [np.full((120, 160, 3), number, np.uint8) for number in range(4)]


@pytest.fixture(autouse=True)
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[Image]:
    """The frames that the judge was shown; it sees a face at rest in each."""
    images: list[Image] = []

    def see(image: Image, recognizers: Any, at: float) -> Sight:
        images.append(image)
        return sight(at, "neutral", head())

    monkeypatch.setattr(face_judge, "see", see)
    return images


def test_each_frame_of_each_of_three_people_is_answered_through_the_service(looked_at: list[Image]) -> None:
    taken = people_at_once(RULES, FRAMES)
    assert len(taken) == len(looked_at) == 3 * len(FRAMES)
    assert min(taken) > 0


def test_a_frame_s_own_time_is_counted(looked_at: list[Image]) -> None:
    assert len(spent(RULES, FRAMES)) == len(looked_at) == len(FRAMES)


def test_without_clips_it_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="clips"):
        judge_bench(tmp_path)
