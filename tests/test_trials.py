"""Robustness and speed on disk: lines of models that answered, of those that did not, and of other files."""

import json
from pathlib import Path
from typing import Any

import pytest

import train.trials
from tests.fake_recognizer import FakeRecognizer, bar_of
from tests.made_arms import edit, make_arm, predictions
from tests.made_run import made_data
from train.arms import FER, Arm, find_arms
from train.robustness import CORRUPTIONS
from train.trials import ROBUSTNESS, SPEED, open_trials, read_trials, try_robustness, try_speed


@pytest.fixture
def arms(tmp_path: Path) -> list[Arm]:
    make_arm(tmp_path / "models", "one", predictions(0))
    make_arm(tmp_path / "models", "three", predictions(1))
    make_arm(tmp_path / "records", FER, predictions(2), serving_megabytes=0.9)
    return find_arms(tmp_path / "models", tmp_path / "records")


def test_shipped_packages_are_opened_and_others_are_given(arms: list[Arm]) -> None:
    network = FakeRecognizer(FER, bar_of)
    trials = open_trials(arms, {FER: network})
    assert (set(trials.recognizers), trials.left_out) == ({"one", "three", FER}, {})
    assert trials.recognizers[FER] is network
    assert set(trials.arms) == set(trials.recognizers)


def test_who_cannot_be_opened_is_left_out_with_a_reason(arms: list[Arm]) -> None:
    (arms[1].folder / "model.onnx").write_bytes(b"changed")
    trials = open_trials(arms, {})
    assert set(trials.recognizers) == {"three"}
    assert trials.left_out[FER] == "its weights are not shipped"
    assert "was changed" in trials.left_out["one"]


def lines(path: Path) -> dict[str, Any]:
    models: dict[str, Any] = json.loads(path.read_text())["models"]
    return models


def test_robustness_is_written_with_the_file_that_answered(arms: list[Arm], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    try_robustness(open_trials(arms, {}), made_data(tmp_path_factory), tmp_path / "reports")
    found = lines(tmp_path / "reports" / ROBUSTNESS)
    assert set(found) == {"one", "three"}
    assert {name: line["serving_sha256"] for name, line in found.items()} == {arm.name: arm.serving_sha256 for arm in arms if arm.shipped}
    report = read_trials(tmp_path / "reports" / ROBUSTNESS, arms)
    assert report is not None
    assert set(report["corruptions"]) == set(CORRUPTIONS)
    assert list(report["models"]) == [arm.name for arm in arms if arm.shipped]


def test_line_of_a_model_that_does_not_answer_stays(arms: list[Arm], tmp_path: Path) -> None:
    try_speed(open_trials(arms, {}), tmp_path)
    before = lines(tmp_path / SPEED)
    (arms[1].folder / "model.onnx").unlink()
    try_speed(open_trials(arms, {}), tmp_path)
    after = lines(tmp_path / SPEED)
    assert set(after) == set(before) == {"one", "three"}
    assert after["one"] == before["one"]


def test_line_that_was_measured_otherwise_goes(arms: list[Arm], tmp_path: Path) -> None:
    try_speed(open_trials(arms, {}), tmp_path)
    edit(tmp_path / SPEED, batch=3)
    (arms[1].folder / "model.onnx").unlink()
    try_speed(open_trials(arms, {}), tmp_path)
    assert set(lines(tmp_path / SPEED)) == {"three"}


def test_line_of_another_file_is_not_read(arms: list[Arm], tmp_path: Path) -> None:
    try_speed(open_trials(arms, {}), tmp_path)
    edit(arms[1].folder / "metrics.json", serving_sha256="0" * 64)
    changed = find_arms(arms[1].folder.parent, tmp_path / "none")
    report = read_trials(tmp_path / SPEED, changed)
    assert report is not None
    assert set(report["models"]) == {"three"}


def test_line_of_a_model_that_is_gone_is_not_read(arms: list[Arm], tmp_path: Path) -> None:
    try_speed(open_trials(arms, {}), tmp_path)
    report = read_trials(tmp_path / SPEED, arms[:2])
    assert report is not None
    assert set(report["models"]) == {"one"}


def test_nothing_measured_is_none(arms: list[Arm], tmp_path: Path) -> None:
    assert read_trials(tmp_path / SPEED, arms) is None
    try_speed(open_trials(arms, {}), tmp_path)
    assert read_trials(tmp_path / SPEED, []) is None


def test_worker_of_fer_is_not_timed(arms: list[Arm], tmp_path: Path) -> None:
    try_speed(open_trials(arms, {FER: FakeRecognizer(FER, bar_of)}), tmp_path)
    assert set(lines(tmp_path / SPEED)) == {"one", "three"}


def test_recognisers_that_take_long_answer_fewer_images(arms: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def measure(_: Any, few: list[str], __: Any) -> dict[str, Any]:
        asked.extend(few)
        return {"models": {}}

    monkeypatch.setattr(train.trials, "SLOW", ("cnn",))
    monkeypatch.setattr(train.trials, "measure_robustness", measure)
    try_robustness(open_trials(arms, {FER: FakeRecognizer(FER, bar_of)}), None, tmp_path)  # type: ignore[arg-type]
    assert sorted(asked) == sorted(arm.name for arm in arms if arm.config.recognizer == "cnn")
