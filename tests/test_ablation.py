"""One thing changed at a time: rows, report, and going on where it stopped. Trains two made networks for one epoch."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

import train.ablation
from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from tests.made_run import made_data
from train.ablation import VARIANTS, run_ablation, write_report
from train.config import RECIPES, recipe
from train.data import Fer2013

SMALL: dict[str, dict[str, Any]] = {"paper": {"batch_size": 14}, "no dropout": {"batch_size": 14, "dropout": 0.0}}

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Fer2013:
    return made_data(tmp_path_factory)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ablation")


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.ablation, "VARIANTS", SMALL)
        yield


@pytest.fixture(scope="module")
def rows(data: Fer2013, runs: Path) -> Rows:
    return run_ablation(data, runs, epochs=1)


def test_each_variant_has_a_row_and_the_first_one_adjusted_too(rows: Rows) -> None:
    first, adjusted, second = rows
    assert (first["variant"], second["variant"]) == ("paper", "no dropout")
    assert adjusted["variant"].startswith("logit adjustment (tau 0")
    assert "seconds_an_epoch" in first
    assert "seconds_an_epoch" not in adjusted
    for row in rows:
        assert all(0 <= row[name] <= 1 for name in ("accuracy", "macro_f1", "disgust_f1"))


def test_each_run_keeps_its_settings(rows: Rows, runs: Path) -> None:
    assert len(rows) == 3
    settings = {folder.name: json.loads((folder / "run.json").read_text())["config"] for folder in runs.iterdir()}
    assert set(settings) == {"paper", "no-dropout"}
    changed = {name for name, value in settings["paper"].items() if value != settings["no-dropout"][name]}
    assert changed == {"dropout"}
    assert (settings["paper"]["epochs"], settings["paper"]["patience"]) == (1, 0)


def test_second_call_trains_nothing(rows: Rows, data: Fer2013, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.ablation, "fit", lambda *_: pytest.fail("trained again"))
    assert run_ablation(data, runs, epochs=1) == rows


def test_goes_on_with_the_variant_where_it_stopped(rows: Rows, data: Fer2013, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def fit(folder: Path, *rest: Any) -> Any:
        trained.append(folder.name)
        return original(folder, *rest)

    original = train.ablation.fit  # type: ignore[attr-defined]
    monkeypatch.setattr(train.ablation, "fit", fit)
    (runs / "no-dropout" / "ablation.json").unlink()
    again = run_ablation(data, runs, epochs=1)
    assert trained == ["no-dropout"]
    assert [row["variant"] for row in again] == [row["variant"] for row in rows]
    assert again[2]["accuracy"] == pytest.approx(rows[2]["accuracy"])


def test_rows_of_other_epochs_or_other_data_are_not_taken_for_these(rows: Rows, data: Fer2013, runs: Path) -> None:
    assert rows
    with pytest.raises(ConfigError, match=r"other settings.*Received: epochs=2"):
        run_ablation(data, runs, epochs=2)
    with pytest.raises(ConfigError, match="other data"):
        run_ablation(replace(data, fingerprint="0" * 64), runs, epochs=1)


def test_row_holds_accuracy_and_f1_of_the_answers(data: Fer2013) -> None:
    validation = data.split("validation")
    probabilities = np.random.default_rng(0).dirichlet(np.ones(7), len(validation.labels))
    row = train.ablation._row("any", probabilities, validation)
    answers = probabilities.argmax(axis=1)
    assert row["accuracy"] == (answers == validation.labels).mean()
    assert row["macro_f1"] == pytest.approx(f1_score(validation.labels, answers, average="macro"))
    disgust = EMOTIONS.index("disgust")
    assert row["disgust_f1"] == pytest.approx(f1_score(validation.labels == disgust, answers == disgust))
    assert json.loads(json.dumps(row)) == row


def test_report_lists_every_row_against_the_first(tmp_path: Path) -> None:
    rows: Rows = [
        {"variant": "paper", "accuracy": 0.6, "macro_f1": 0.5, "disgust_f1": 0.25, "seconds_an_epoch": 12.5},
        {"variant": "worse", "accuracy": 0.5876, "macro_f1": 0.51, "disgust_f1": 0.0},
    ]
    table = write_report(rows, tmp_path / "reports", epochs=4)
    assert table.splitlines()[2:] == ["| paper | 0.600 | +0.0 | 0.500 | 0.250 | 12.5 |", "| worse | 0.588 | -1.2 | 0.510 | 0.000 | – |"]
    text = (tmp_path / "reports" / "ablation.md").read_text(encoding="utf-8")
    assert table in text
    assert "4 epochs" in text
    assert json.loads((tmp_path / "reports" / "ablation.json").read_text()) == {"epochs": 4, "split": "validation", "rows": rows}


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_of_the_table_is_a_change_of_the_paper_s_recipe(name: str) -> None:
    changed = recipe("paper", epochs=1, patience=0, **VARIANTS[name])
    assert (changed == replace(RECIPES["paper"], epochs=1, patience=0)) == (name == "paper")


def test_first_variant_is_the_unchanged_recipe() -> None:
    assert next(iter(VARIANTS.items())) == ("paper", {})
