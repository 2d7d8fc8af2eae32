"""A package of DeepFace's network: the library itself answers, with the package's weights and temperature."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper
from scipy.special import softmax

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig, read_config, write_config
from fersys.errors import ModelError, PackageError
from fersys.package import load, seal
from fersys.recognizers.deepface_library import EMOTION_FILE, open_library
from tests.tiny_deepface import PIXELS, as_deepface_sees, linear, make_deepface_package, random_network, weights_in

Pixels = npt.NDArray[np.uint8]


def noise(count: int, side: int = 48) -> list[Pixels]:
    return list(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def test_answers_are_those_of_the_network_s_own_weights(tmp_path: Path) -> None:
    package = make_deepface_package(tmp_path, "tiny", seed=3)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(package / EMOTION_FILE).graph.initializer}
    crops = [*noise(3), *noise(2, side=130)]
    inputs = np.stack([as_deepface_sees(crop).ravel() for crop in crops])
    answers = load(package).predict(crops)
    np.testing.assert_allclose(answers, softmax(inputs @ weights["weights"], axis=1), atol=1e-4)
    assert len(set(answers.argmax(axis=1))) > 1


def test_temperature_of_the_package_comes_after_the_library(tmp_path: Path) -> None:
    package, crops = make_deepface_package(tmp_path, "tiny"), noise(6)
    plain = load(package).predict(crops)
    write_config(package, replace(read_config(package), temperature=2.5))
    tempered = load(package).predict(crops)
    np.testing.assert_allclose(tempered, apply_temperature(plain, 2.5), atol=1e-6)
    assert (tempered.max(axis=1) < plain.max(axis=1)).all()


def test_the_unmodified_library_answers_the_same_when_the_file_lies_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, (crop,) = make_deepface_package(tmp_path, "tiny"), noise(1, side=90)
    weights_in(tmp_path / "home", monkeypatch, (package / EMOTION_FILE).read_bytes())
    library = open_library()
    from deepface.modules import modeling

    monkeypatch.setattr(modeling, "cached_models", {task: {} for task in modeling.AVAILABLE_MODELS}, raising=False)
    percent = library.analyze(crop[..., ::-1], actions=["emotion"], detector_backend="skip")[0]["emotion"]
    recognizer = load(package)
    np.testing.assert_allclose(recognizer.predict([crop])[0], np.array(list(percent.values())) / 100, atol=1e-5)


def test_nothing_is_written_and_no_home_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_deepface_package(tmp_path, "tiny")
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    before = sorted(package.iterdir())
    load(package).predict(noise(1))
    assert not (tmp_path / "home").exists()
    assert sorted(package.iterdir()) == before


def test_title_is_the_package_s_and_not_plain_deepface(tmp_path: Path) -> None:
    package = make_deepface_package(tmp_path, "tiny")
    assert load(package).title == "Somebody's weights"
    write_config(package, replace(read_config(package), title=""))
    assert load(package).title == "tiny"


@pytest.mark.parametrize(
    ("columns", "batch", "received"),
    [(5, "n", r"\['n', 5\]"), (7, 1, r"\[1, 48, 48, 1\]")],
    ids=["another number of outputs", "one face at a time"],
)
def test_a_network_that_does_not_fit_is_refused(tmp_path: Path, columns: int, batch: int | str, received: str) -> None:
    network = linear(np.zeros((PIXELS, columns)), np.zeros(columns), batch=batch)
    with pytest.raises(ModelError, match=rf"48×48×1 in, 7 out\. Received: .*{received}"):
        load(make_deepface_package(tmp_path, "wrong", network=network))


def test_a_network_for_larger_pictures_is_refused(tmp_path: Path) -> None:
    other = onnx.load_from_string(random_network(0))
    for place in (1, 2):
        other.graph.input[0].type.tensor_type.shape.dim[place].dim_value = 64
    with pytest.raises(ModelError, match=r"ONNX Runtime can load|Received: .*64"):
        load(make_deepface_package(tmp_path, "wrong", network=other.SerializeToString()))


def test_a_file_that_is_no_network_or_was_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=EMOTION_FILE):
        load(make_deepface_package(tmp_path, "broken", network=b"this is no network"))
    package = make_deepface_package(tmp_path, "changed")
    (package / EMOTION_FILE).write_bytes(random_network(1))
    with pytest.raises(PackageError, match="was changed"):
        load(package)


def test_a_cnn_s_file_is_not_taken_for_it(tmp_path: Path) -> None:
    package = make_deepface_package(tmp_path, "tiny")
    seal(package, ModelConfig("tiny", "deepface", recognizer="deepface"))  # its serving file is model.onnx
    with pytest.raises(PackageError, match=r"expected model\.onnx"):
        load(package)
