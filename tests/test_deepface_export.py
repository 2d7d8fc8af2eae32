"""What we train as DeepFace's network is what DeepFace itself loads and runs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from fersys.labels import EMOTIONS
from fersys.package import KERAS_FILE, SERVING_FILE, check_package, load, model_files
from fersys.recognizers.deepface_library import EMOTION_FILE, EMOTION_H5_FILE
from tests.made_data import patterns
from tests.test_export import network_of
from tests.tiny_deepface import as_deepface_sees
from train.config import recipe
from train.export import export

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

# As a stranger would use it: only the library, its home holding one file of ours.
_ANALYZE = """
import json, os, sys
import numpy as np
from deepface import DeepFace

answers = []
for name in sorted(os.listdir("crops")):
    answer = DeepFace.analyze(np.load(f"crops/{name}")[..., ::-1], actions=["emotion"], detector_backend="skip", silent=True)
    answers.append({label: float(percent) for label, percent in answer[0]["emotion"].items()})
loaded = {name.partition(".")[0] for name in sys.modules}
print(json.dumps({"answers": answers, "loaded": sorted(loaded & {"tensorflow", "torch", "keras", "fersys", "train"})}))
"""


def lively(network: keras.Model) -> keras.Model:
    """With a last layer that gives pictures answers as different as those of a trained network."""
    inputs = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 1)) * np.linspace(0.2, 1, 40)[:, None, None, None]
    logits = keras.ops.convert_to_numpy(network(inputs.astype(np.float32)))
    kernel, bias = network.layers[-1].get_weights()
    spread = logits.std(axis=0)
    network.layers[-1].set_weights([kernel / spread, (bias - logits.mean(axis=0)) / spread])
    return network


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16"])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deepface") / "fersys-deepface"
    folder.mkdir()
    config = recipe("deepface", precision=request.param)
    export(folder, lively(network_of(config)), config, folder.name)
    return folder


def keras_answers(package: Path, inputs: npt.NDArray[np.floating]) -> Floats:
    """What Keras says of gray images (n, 48, 48), 0–1."""
    model = keras.saving.load_model(package / KERAS_FILE, compile=False)
    return np.asarray(keras.ops.convert_to_numpy(model((255 * inputs[..., None]).astype(np.float32))))


def answers_of_keras(package: Path, crops: list[Pixels]) -> Floats:
    """What Keras says of crops, seen as the library shows them to its network."""
    answers = keras_answers(package, np.stack([as_deepface_sees(crop) for crop in crops]))
    assert np.ptp(answers, axis=0).min() > 0.01  # or any other network would do as well
    return answers


@pytest.fixture
def crops() -> list[Pixels]:
    gray = patterns(5, seed=5)[0]
    random = np.random.default_rng(0)
    return [*np.repeat(gray[..., None], 3, axis=3), *(random.integers(0, 256, (height, 120, 3), dtype=np.uint8) for height in (120, 90))]


@pytest.fixture
def home(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clean home of the library with nothing but the package's two files."""
    folder = tmp_path / "home" / ".deepface" / "weights"
    folder.mkdir(parents=True)
    for name in (EMOTION_FILE, EMOTION_H5_FILE):
        (folder / name).symlink_to(package / name)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    assert sorted(path.name for path in folder.iterdir()) == [EMOTION_H5_FILE, EMOTION_FILE]


def test_package_is_whole_and_says_what_it_is(package: Path) -> None:
    config = check_package(package)
    assert set(config.files) == set(model_files(config)) >= {EMOTION_FILE, EMOTION_H5_FILE}
    assert (config.recognizer, config.serving_file, config.title) == ("deepface", EMOTION_FILE, "DeepFace network, FER-Sys weights")
    assert not (package / SERVING_FILE).exists()
    assert not list(package.glob("unfinished-*"))


def test_the_unmodified_library_answers_as_keras_from_a_clean_home(package: Path, home: Path, crops: list[Pixels]) -> None:
    (home / "crops").mkdir()
    for number, crop in enumerate(crops):
        np.save(home / "crops" / f"{number}.npy", crop)
    variables = {**os.environ, "DEEPFACE_HOME": str(home), "DEEPFACE_BACKEND_ENGINE": "onnx", "DEEPFACE_LOG_LEVEL": "50"}
    done = subprocess.run([sys.executable, "-I", "-c", _ANALYZE], cwd=home, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["loaded"] == []
    answers = np.array([[answer[label] / 100 for label in EMOTIONS] for answer in said["answers"]])
    np.testing.assert_allclose(answers, answers_of_keras(package, crops), atol=1e-4)


def test_our_recogniser_of_it_answers_as_keras(package: Path, crops: list[Pixels]) -> None:
    np.testing.assert_allclose(load(package).predict(crops), answers_of_keras(package, crops), atol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
def test_serving_file_takes_any_number_of_faces_from_0_to_1_in_float32(package: Path, count: int) -> None:
    session = onnxruntime.InferenceSession(str(package / EMOTION_FILE), providers=["CPUExecutionProvider"])
    inputs = (patterns(count, seed=5)[0] / 255).astype(np.float32)
    (answers,) = session.run(None, {session.get_inputs()[0].name: inputs[..., None]})
    np.testing.assert_allclose(answers, keras_answers(package, inputs), atol=1e-4)


def test_the_library_s_own_definition_for_tensorflow_loads_the_h5_file(package: Path, home: Path) -> None:
    """Its `tf/Emotion.py` as it is, on Keras 3; tf_keras, on which the library runs it, is not exercised."""
    from deepface.models.demography.tf import Emotion

    theirs = Emotion.load_model()
    ours = keras.saving.load_model(package / KERAS_FILE, compile=False)
    assert [weight.shape for weight in theirs.weights] == [weight.shape for weight in ours.weights]
    inputs = (patterns(4, seed=5)[0] / 255).astype(np.float32)
    answers = keras.ops.convert_to_numpy(theirs(inputs[..., None]))
    np.testing.assert_allclose(answers, keras_answers(package, inputs), atol=1e-4)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_h5_file_names_what_keras_2_reads(package: Path) -> None:
    with h5py.File(package / EMOTION_H5_FILE) as file:
        assert _text(file.attrs["backend"]) == "tensorflow"
        assert _text(file.attrs["keras_version"]) > "2"  # weights of Keras 1 are turned round
        names = list(map(_text, file.attrs["layer_names"]))
        shapes = [file[layer][_text(weight)].shape for layer in names for weight in file[layer].attrs["weight_names"]]
    convolutions = [(5, 5, 1, 64), (3, 3, 64, 64), (3, 3, 64, 64), (3, 3, 64, 128), (3, 3, 128, 128)]
    assert shapes == [shape for kernel in (*convolutions, (128, 1024), (1024, 1024), (1024, 7)) for shape in (kernel, kernel[-1:])]
