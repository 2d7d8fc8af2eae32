"""What is timed, not how fast it is."""

import pytest

from tests.fake_recognizer import FakeRecognizer
from train.speed import BATCH, measure_speed


def test_models_take_turns_and_see_one_crop_and_a_batch() -> None:
    turns: list[str] = []
    one, other = (FakeRecognizer(name, lambda _, name=name: turns.append(name) or 0) for name in ("one", "other"))  # type: ignore[misc, func-returns-value]
    found = measure_speed({"one": one, "other": other}, rounds=2)
    assert found["batch"] == BATCH
    for line in found["models"].values():
        assert set(line) == {"one", "batch", "machine"}
        assert min(line["one"], line["batch"]) >= 0
    a_round = ["one"] * 2 * (1 + BATCH) + ["other"] * 2 * (1 + BATCH)  # each step once to warm up and once timed
    assert turns == a_round * 2
    assert {crop.shape for crop in one.shown} == {(48, 48, 3)}


def test_times_are_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.speed.milliseconds", lambda *_, **__: [32.0])
    line = measure_speed({"one": FakeRecognizer("one", lambda _: 0)}, rounds=1)["models"]["one"]
    assert (line["one"], line["batch"]) == (32.0, 32.0 / BATCH)
