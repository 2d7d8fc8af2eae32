"""The worker's preprocessing, counting and talk, with a network made for it."""

import io
import json
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt
import pytest

from tests.made_data import noise
from train import fer_worker
from train.export import count_macs
from train.fer_worker import macs_of, parts, serve, to_input


def test_pixels_become_minus_one_to_one_at_the_network_s_size() -> None:
    crops = np.array([np.full((48, 48), level, np.uint8) for level in (0, 51, 255)])
    inputs = to_input(crops, 64)
    assert (inputs.shape, inputs.dtype.name) == ((3, 64, 64, 1), "float32")
    np.testing.assert_allclose(inputs[:, 5, 7, 0], [-1, -0.6, 1], atol=1e-6)


def test_crops_are_resized_linearly_before_they_are_scaled() -> None:
    crops = noise(2)
    expected = cv2.resize(crops[1], (64, 64), interpolation=cv2.INTER_LINEAR) / 127.5 - 1
    np.testing.assert_allclose(to_input(crops, 64)[1, :, :, 0], expected, atol=1e-6)


def test_batches_hold_every_crop_once() -> None:
    crops = noise(600)
    cut = parts(crops)
    assert max(map(len, cut)) == 256
    np.testing.assert_array_equal(np.concatenate(cut), crops)


def network() -> keras.Model:
    pixels = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, padding="same")(pixels)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.SeparableConv2D(5, 3, padding="same")(x)
    return keras.Model(pixels, keras.layers.Dense(7)(keras.layers.Flatten()(x)))


def test_multiply_adds_are_those_of_the_definition() -> None:
    per_layer = [macs_of(layer) for layer in network().layers]
    convolution, separable, dense = 36 * 9 * 1 * 4, 36 * (9 * 4 + 4 * 5), 36 * 5 * 7
    assert [macs for macs in per_layer if macs] == [convolution, separable, dense]
    plain = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(7)])
    assert sum(map(macs_of, plain.layers)) == count_macs(plain)


def test_each_line_is_answered_by_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def mean_first(crops: npt.NDArray[np.uint8]) -> Any:
        return np.stack([np.full(7, crop.mean(), np.float32) for crop in crops])

    monkeypatch.setattr(fer_worker, "open_network", lambda: ({"labels": ["a"]}, mean_first))
    np.save(tmp_path / "crops.npy", noise(3))
    question = json.dumps({"crops": str(tmp_path / "crops.npy"), "out": str(tmp_path / "out.npy")})
    answers = io.StringIO()
    serve(io.StringIO(question + "\n" + question + "\n"), answers)
    assert [json.loads(line) for line in answers.getvalue().splitlines()] == [{"labels": ["a"]}, {"n": 3}, {"n": 3}]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy")[:, 4], noise(3).mean(axis=(1, 2)), rtol=1e-6)
