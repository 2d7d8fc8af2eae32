"""Settings of a training (`train.config`) and their checks."""

import json
from dataclasses import FrozenInstanceError, fields

import pytest

from fersys.errors import ConfigError
from train.config import RECIPES, FitConfig, recipe, to_dict


def test_paper_recipe_is_that_of_the_paper() -> None:
    paper = RECIPES["paper"]
    assert (paper.architecture, paper.optimizer, paper.epochs, paper.select) == ("paper", "adam", 30, "best")
    assert paper.rotation > 0
    assert paper.zoom > 0
    assert paper.flip
    assert paper.patience > 0
    assert paper.label_smoothing == 0


def test_smoke_recipe_is_short() -> None:
    assert RECIPES["smoke"].epochs * RECIPES["smoke"].limit <= 2000


def test_a_recipe_can_be_changed_field_by_field() -> None:
    changed = recipe("best", epochs=3, seed=7)
    assert (changed.epochs, changed.seed, changed.architecture) == (3, 7, RECIPES["best"].architecture)
    assert RECIPES["best"].seed == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "rmsprop"}, "optimizer: expected sgd, adam. Received: 'rmsprop'"),
        ({"schedule": "step"}, "schedule: expected cosine, constant"),
        ({"select": "first"}, "select: expected last, best"),
        ({"precision": "float16"}, "precision: expected"),
        ({"class_weight": "auto"}, "class_weight: expected none, balanced"),
        ({"epochs": 0}, "epochs: expected 1 to .* Received: 0"),
        ({"batch_size": 1}, "batch_size: expected 2"),
        ({"window": 49}, "window: expected 24 to 48. Received: 49"),
        ({"window": 40, "window_start": 44}, "window_start: expected 24 to 40. Received: 44"),
        ({"dropout": 1.0}, "dropout: expected"),
        ({"learning_rate": 0.0}, "learning_rate: expected"),
        ({"ema": 1.0}, "ema: expected"),
        ({"ema": 0.9, "select": "best"}, "expected select=last. Received: best"),
        ({"colour": True}, "Unknown setting: .*Received: colour"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        recipe("paper", **changes)


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected paper, best, deepface, deepface-as-published, smoke.*Received: 'worst'"):
        recipe("worst")


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        FitConfig().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", list(RECIPES))
def test_settings_survive_json(name: str) -> None:
    assert FitConfig(**json.loads(json.dumps(to_dict(RECIPES[name])))) == RECIPES[name]


def test_every_field_has_a_default_of_a_plain_type() -> None:
    assert {type(field.default) for field in fields(FitConfig)} <= {str, int, float, bool}
