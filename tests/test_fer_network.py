"""The worker as a recogniser: a package named `fer`, made for the test, stands in for the real one."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from fersys.errors import ModelError
from fersys.labels import EMOTIONS
from tests.made_data import noise
from train.fer_network import opened_fer

# The labels in another order than ours; the network's output k is k + 1 times the same number.
_PACKAGE = """
class FER:
    @staticmethod
    def _get_labels():
        return dict(enumerate(["neutral", "surprise", "sad", "happy", "fear", "disgust", "angry"]))
"""
_KERAS = """
import numpy as np

class _Model:
    input_shape, layers = (None, 64, 64, 1), []

    def count_params(self):
        return 42

    def __call__(self, inputs, training):
        assert inputs.shape[1:] == (64, 64, 1) and not training
        print("a library talks")
        return inputs.mean(axis=(1, 2)) + 2 * np.arange(7, dtype=np.float32)

class models:
    @staticmethod
    def load_model(path, compile):
        assert path.name == "emotion_model.hdf5" and not compile
        return _Model()
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the worker's path with packages `fer` and `keras`."""
    for name, text in (("fer/__init__.py", ""), ("fer/fer.py", _PACKAGE), ("keras.py", _KERAS), ("fer-25.1.dist-info/METADATA", "Name: fer\nVersion: 25.1\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    return tmp_path


@pytest.mark.usefixtures("fake")
def test_outputs_are_ordered_by_name_and_libraries_may_print() -> None:
    crops = [np.repeat(image[..., None], 3, axis=2) for image in noise(3)]
    with opened_fer(sys.executable) as network:
        probabilities = network.predict(crops)
        again = network.predict(crops[:1])
    assert probabilities.shape == (3, 7)
    assert [EMOTIONS[place] for place in probabilities[0].argsort()] == ["neutral", "surprise", "sad", "happy", "fear", "disgust", "angry"]
    np.testing.assert_allclose(again, probabilities[:1])
    smallest = probabilities[:, EMOTIONS.index("neutral")]
    np.testing.assert_allclose(smallest, noise(3).mean(axis=(1, 2)) / 127.5 - 1, atol=2e-3)


@pytest.mark.usefixtures("fake")
def test_it_says_what_it_is() -> None:
    with opened_fer(sys.executable) as network:
        assert (network.name, network.title, network.certainty) == ("fer", "fer 25.1", 0.0)
        assert (network.about["params"], network.about["macs"]) == (42, 0)
        assert network.predict([]).shape == (0, 7)


def test_interpreter_without_fer_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fer.py").write_text("raise ImportError('no fer here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelError, match=r"interpreter with the package fer.*Received: .*no fer here"), opened_fer(sys.executable):
        pytest.fail("opened")


def test_no_interpreter_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"interpreter with the package fer\. Received: .*nobody"), opened_fer(str(tmp_path / "nobody")):
        pytest.fail("opened")


@pytest.mark.usefixtures("fake")
def test_worker_that_has_ended_is_a_clear_error() -> None:
    with opened_fer(sys.executable) as network:
        network._process.kill()
        network._process.wait()
        with pytest.raises(ModelError, match="interpreter with the package fer"):
            network.predict([np.zeros((48, 48, 3), np.uint8)])
