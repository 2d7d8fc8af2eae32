import json
from pathlib import Path

import numpy as np
import pytest

from app.captcha.expressions import FILE, Expressions, agree, read_expressions
from app.models import SHIPPED_FOLDER
from fersys.config import read_config
from fersys.errors import ConfigError
from fersys.labels import EMOTIONS

HALVES = dict.fromkeys(EMOTIONS, 0.5)


def scores(**named: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([named.get(name, 0.0) for name in EMOTIONS], np.float32)


def test_both_models_must_say_so() -> None:
    table = Expressions(HALVES, ("happy", "sad"), {})
    assert table.is_shown("happy", agree([scores(happy=0.9), scores(happy=0.5)]))
    assert not table.is_shown("happy", agree([scores(happy=0.9), scores(happy=0.4)]))


def test_between_shown_and_absent_lies_a_gap() -> None:
    table = Expressions(HALVES, ("happy", "sad"), {})
    between = scores(happy=0.45)
    assert not table.is_shown("happy", between)
    assert not table.is_absent("happy", between)
    assert table.is_absent("happy", scores(happy=0.3))


def test_another_expression_counts_only_if_it_may_be_asked() -> None:
    table = Expressions(HALVES, ("happy", "sad"), {})
    assert table.other("happy", scores(sad=0.6))
    assert not table.other("happy", scores(fear=0.6))


def test_the_table_that_is_shipped_fits_the_models_that_are_shipped() -> None:
    table = read_expressions()
    configs = [read_config(SHIPPED_FOLDER / name) for name in table.models]
    assert {config.name: config.files[config.serving_file] for config in configs} == table.models
    assert "neutral" not in table.asked


@pytest.mark.parametrize("change", [{"asked": ["happy"]}, {"asked": ["happy", "smug"]}, {"thresholds": {"happy": 0.5}}, {"models": None}])
def test_a_damaged_table_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "thresholds.json"
    file.write_text(json.dumps(json.loads(FILE.read_text()) | change))
    with pytest.raises(ConfigError):
        read_expressions(file)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="python -m train challenge"):
        read_expressions(tmp_path / "none.json")
