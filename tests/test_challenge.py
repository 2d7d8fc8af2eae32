import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from fersys.labels import EMOTIONS
from fersys.package import SHIPPED
from train.challenge import blind_success, choose, run

HAPPY, SAD = EMOTIONS.index("happy"), EMOTIONS.index("sad")


def test_the_threshold_lets_no_more_than_its_share_of_other_faces_pass() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([HAPPY, SAD], [300, 1000])
    values = np.concatenate([generator.uniform(0.4, 1, 300), generator.uniform(0, 0.5, 1000)]).astype(np.float32)
    chosen = choose("happy", values, labels, labels)
    assert chosen.asked
    assert chosen.false_accept <= 0.01
    assert chosen.recall == pytest.approx(float((values[:300] >= chosen.threshold).mean()))


def test_what_is_too_often_missed_or_too_rare_is_not_asked() -> None:
    labels = np.repeat([HAPPY, SAD], [300, 1000])
    same = np.random.default_rng(0).uniform(0, 1, 1300).astype(np.float32)
    assert "missed" in choose("happy", same, labels, labels).reason
    few = np.repeat([HAPPY, SAD], [20, 1000])
    clear = np.repeat([0.9, 0.1], [20, 1000]).astype(np.float32)
    assert "too few" in choose("happy", clear, few, few).reason


def test_faces_that_people_do_not_agree_on_do_not_count() -> None:
    labels = np.repeat([HAPPY, SAD], [300, 1000])
    raters = labels.copy()
    raters[:50], raters[300:400] = SAD, HAPPY
    chosen = choose("happy", np.repeat([0.9, 0.1], [300, 1000]).astype(np.float32), labels, raters)
    assert (chosen.faces, chosen.others) == (250, 900)


@pytest.mark.parametrize("shapes", [2, 3, 4])
def test_blind_success_is_what_counting_all_orders_gives(shapes: int) -> None:
    orders = [order for order in itertools.product(range(shapes), repeat=4) if all(one != two for one, two in itertools.pairwise(order))]
    turns = list(itertools.product(range(4), ("left", "right")))
    assert blind_success(shapes)["orders"] == len(orders) * len(turns)
    assert blind_success(shapes, turns=0)["orders"] == len(orders)


def test_three_tries_are_less_than_three_times_one() -> None:
    blind = blind_success(4)
    assert 2.9 * blind["once"] < blind["in_tries"] < 3 * blind["once"]


def test_the_shipped_table_is_what_the_shipped_predictions_give(tmp_path: Path) -> None:
    folders = [SHIPPED / "fersys-cnn", SHIPPED / "fersys-deepface"]
    if not all((folder / "predictions.parquet").is_file() for folder in folders):
        pytest.skip("the shipped packages have no predictions here")
    run(folders, tmp_path / "thresholds.json", tmp_path)
    assert json.loads((tmp_path / "thresholds.json").read_text()) == json.loads(Path("app/captcha/thresholds.json").read_text())
    assert (tmp_path / "challenge.md").read_text(encoding="utf-8") == Path("reports/challenge.md").read_text(encoding="utf-8")
