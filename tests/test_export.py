"""The exported model is the trained one, in every form, and needs nothing of this project."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from fersys.package import KERAS_FILE, MODEL_FILES, SERVING_FILE, check_package, load
from tests.made_data import patterns, split
from train.adjust import probabilities_of
from train.architectures import build_network
from train.config import FitConfig
from train.export import count_macs, export, serving_model

SETTINGS = {
    "paper": FitConfig(architecture="paper", precision="float32", batch_size=16),
    "res3": FitConfig(architecture="res3", precision="float32", batch_size=16, window=44, window_start=44),
}

Floats = npt.NDArray[np.float32]


def network_of(config: FitConfig) -> keras.Model:
    """A network as after some training: no weight, and no moving statistic, at its initial value."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        network = build_network(config)
    finally:
        keras.config.set_dtype_policy(policy)
    random = np.random.default_rng(0)
    network.set_weights([w + np.abs(random.normal(0, 0.1, w.shape)).astype(w.dtype) * (w.ndim == 1) for w in network.get_weights()])
    return network


def pixels(count: int) -> Floats:
    return patterns(count, seed=5)[0][..., None].astype(np.float32)


class Exported:
    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.config, self.folder = name, SETTINGS[name], folder
        self.network = network_of(self.config)
        self.network.compile("sgd", "mse")
        self.about = export(folder, self.network, self.config, name)

    def keras_answers(self, inputs: Floats) -> Floats:
        return np.asarray(serving_model(self.network, self.config, self.name)(inputs))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    return {name: Exported(name, tmp_path_factory.mktemp(name)) for name in SETTINGS}


@pytest.fixture(params=SETTINGS)
def exported(request: pytest.FixtureRequest, packages: dict[str, Exported]) -> Exported:
    return packages[request.param]


@pytest.mark.parametrize("count", [1, 5])
def test_every_form_gives_the_probabilities_of_the_trained_network(exported: Exported, count: int) -> None:
    inputs = pixels(count)
    trained = probabilities_of(exported.network, exported.config, split(count, seed=5))
    assert len(np.unique(trained.round(4), axis=0)) == count
    runtime = onnxruntime.InferenceSession(str(exported.folder / SERVING_FILE), providers=["CPUExecutionProvider"])
    served = runtime.run(None, {runtime.get_inputs()[0].name: inputs})[0]
    np.testing.assert_allclose(served, trained, atol=1e-4)
    for path in (exported.folder / KERAS_FILE, exported.folder):
        np.testing.assert_allclose(np.asarray(keras.saving.load_model(path, compile=False)(inputs)), trained, atol=1e-4)
    np.testing.assert_allclose(exported.keras_answers(inputs), trained, atol=1e-5)


def test_package_passes_the_check_and_its_recogniser_agrees(exported: Exported) -> None:
    assert check_package(exported.folder) == exported.about
    assert set(exported.about.files) == set(MODEL_FILES)
    crops = list(np.repeat(patterns(9, seed=5)[0][..., None], 3, axis=3))
    np.testing.assert_allclose(load(exported.folder).predict(crops), exported.keras_answers(pixels(9)), atol=1e-4)


def test_config_counts_the_network_s_weights_and_work(exported: Exported) -> None:
    assert exported.about.params == exported.network.count_params()
    assert (exported.about.name, exported.about.architecture) == (exported.name, exported.config.architecture)
    convolutions = {"paper": 48**2 * 9 * 32 + 24**2 * 9 * 32 * 64 + 12**2 * 9 * 64 * 128 + 6 * 6 * 128 * 256 + 256 * 128 + 128 * 7}
    if exported.name in convolutions:
        assert exported.about.macs == convolutions[exported.name]


_LOAD = """
import sys
import keras
import numpy as np

for folder in sys.argv[1:]:
    inputs, expected = np.load(f"{folder}/inputs.npy"), np.load(f"{folder}/expected.npy")
    for path in (f"{folder}/model.keras", folder):
        model = keras.saving.load_model(path)
        np.testing.assert_allclose(model(inputs), expected, atol=1e-4)
        assert model.input_shape == (None, 48, 48, 1) and model.output_shape == (None, 7)
        assert {weight.dtype for weight in model.weights} == {"float32"}
assert not {"train", "fersys"} & set(sys.modules)
"""


def test_fresh_process_loads_it_without_this_project(packages: dict[str, Exported], tmp_path: Path) -> None:
    for package in packages.values():
        np.save(package.folder / "inputs.npy", pixels(3))
        np.save(package.folder / "expected.npy", package.keras_answers(pixels(3)))
    folders = [str(package.folder) for package in packages.values()]
    done = subprocess.run([sys.executable, "-I", "-c", _LOAD, *folders], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def weight_names(path: Path) -> list[str]:
    names: list[str] = []
    with h5py.File(path) as file:
        file.visit(names.append)
    return names


def test_weights_hold_no_optimizer_state(exported: Exported, tmp_path: Path) -> None:
    assert exported.network.optimizer is not None
    zipfile.ZipFile(exported.folder / KERAS_FILE).extract("model.weights.h5", tmp_path)
    for path in (exported.folder / "model.weights.h5", tmp_path / "model.weights.h5"):
        names = weight_names(path)
        assert any("logits" in name or "dense" in name for name in names)
        assert not [name for name in names if "optimizer" in name.lower()]


def test_nothing_unfinished_is_left(exported: Exported) -> None:
    assert not list(exported.folder.glob("unfinished-*"))
    assert not (exported.folder / "assets").exists()


@pytest.mark.parametrize("name", ["small v1.0", "-größer"])
def test_exporting_again_over_a_package_gives_a_good_one_whatever_its_name(tmp_path: Path, name: str) -> None:
    small = keras.Model(inputs := keras.Input((48, 48, 1)), keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(inputs)))
    for _ in range(2):
        about = export(tmp_path, small, FitConfig(), name)
    assert load(tmp_path).name == name
    assert check_package(tmp_path) == about
    assert about.macs == 48 * 48 * 7


@pytest.mark.parametrize(("architecture", "window"), [("paper", 47), ("paper", 45), ("res3", 41)])
def test_odd_window_is_cut_where_training_cut_it(architecture: str, window: int) -> None:
    config = FitConfig(architecture=architecture, window=window, window_start=window, precision="float32")
    network = network_of(config)
    served = np.asarray(serving_model(network, config, "odd")(pixels(4)))
    np.testing.assert_allclose(served, probabilities_of(network, config, split(4, seed=5)), atol=1e-5)


@pytest.mark.parametrize("architecture", SETTINGS)
def test_network_trained_in_bfloat16_is_served_in_float32(architecture: str) -> None:
    config = FitConfig(architecture=architecture, window=44, window_start=44, precision="mixed_bfloat16")
    network = network_of(config)
    model = serving_model(network, config, "mixed")
    assert {layer.compute_dtype for layer in _layers(model)} == {"float32"}
    np.testing.assert_allclose(np.asarray(model(pixels(6))), probabilities_of(network, config, split(6, seed=5)), atol=0.05)


def _layers(model: keras.Model) -> list[Any]:
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [layer for part in (model, *inner) for layer in part.layers if isinstance(layer, keras.layers.Layer)]


def test_multiply_adds_are_those_counted_by_hand() -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)  # 4 × 4 places, 3 × 3 × 2 × 4 each
    inner = keras.Model(start := keras.Input((4, 4, 4)), layers.Conv2D(5, 1, use_bias=False)(start))  # 4 × 4 × 4 × 5
    x = layers.BatchNormalization()(inner(x))
    scale = layers.Dense(3)(layers.GlobalAveragePooling2D(keepdims=True)(x))  # 5 × 3
    outputs = layers.Dense(7)(layers.Flatten()(scale))  # 3 × 7
    assert count_macs(keras.Model(inputs, outputs)) == 16 * 18 * 4 + 16 * 20 + 15 + 21
