"""The file of predictions."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from fersys.recognizers.base import Probabilities
from fersys.results import Image
from train.predictions import Predictions, predict_images, read_predictions, write_predictions


class Recorder:
    """Answers with the mean gray level and keeps the shapes it was shown."""

    name = title = "recorder"
    certainty = 0.0

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        self.shapes += [crop.shape for crop in crops]
        assert all((crop == crop[:, :, :1]).all() for crop in crops)
        share = np.array([crop.mean() / 255 for crop in crops], dtype=np.float32)
        return np.stack([share, *[(1 - share) / 6] * 6], axis=1).astype(np.float32)


def make_predictions() -> Predictions:
    random = np.random.default_rng(0)
    return Predictions(
        index=np.array([0, 2, 5]),
        rows=np.array([7, -1, 9]),
        splits=np.array(["train", "validation", "test"]),
        labels=np.array([3, 0, 6]),
        ferplus=np.array([-1, 1, 6]),
        groups=np.array([4, 4, 8]),
        members={"train": np.array([True, False, False]), "test_clean": np.array([False, False, True])},
        probabilities=random.dirichlet(np.ones(7), 3).astype(np.float32),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = make_predictions()
    write_predictions(tmp_path / "p.parquet", written)
    read = read_predictions(tmp_path / "p.parquet")
    for field in fields(Predictions):
        left, right = getattr(written, field.name), getattr(read, field.name)
        if field.name == "members":
            assert {name: mask.tolist() for name, mask in left.items()} == {name: mask.tolist() for name, mask in right.items()}
        else:
            np.testing.assert_array_equal(left, right)
            assert right.dtype.kind == left.dtype.kind


def test_a_split_has_its_own_images_and_truth() -> None:
    made = make_predictions()
    made.members["test_ferplus"] = np.array([False, True, True])
    probabilities, truth = made.of("train")
    assert (probabilities.tolist(), truth.tolist()) == (made.probabilities[:1].tolist(), [3])
    assert made.of("test_ferplus")[1].tolist() == [1, 6]


def test_file_holds_names_and_float32(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", make_predictions())
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.column("label").to_pylist() == ["happy", "angry", "neutral"]
    assert table.column("ferplus_label").to_pylist() == [None, "disgust", "neutral"]
    assert table.column("split").to_pylist() == ["train", "validation", "test"]
    assert {str(table.schema.field(name).type) for name in EMOTIONS} == {"float"}


def test_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.parquet"):
        read_predictions(tmp_path / "none.parquet")
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(DataError, match=r"broken\.parquet"):
        read_predictions(tmp_path / "broken.parquet")


def test_gray_images_are_shown_as_rgb_in_their_order() -> None:
    levels = np.linspace(0, 255, 600).astype(np.uint8)
    recorder = Recorder()
    answers = predict_images(recorder, np.ones((600, 48, 48), np.uint8) * levels[:, None, None])
    np.testing.assert_allclose(answers[:, 0], levels / 255, atol=1e-6)
    assert set(recorder.shapes) == {(48, 48, 3)}


def test_no_images_give_no_rows() -> None:
    assert predict_images(Recorder(), np.empty((0, 48, 48), np.uint8)).shape == (0, 7)
