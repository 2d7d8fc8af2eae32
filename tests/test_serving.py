"""What serving starts without, what the shipped files answer, and how the app's first answer is measured."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import fersys
from fersys.calibration import apply_temperature
from fersys.config import read_config
from fersys.errors import ModelError
from fersys.package import KERAS_FILE, find_packages
from fersys.preprocess import to_model_input
from tests.tiny_deepface import as_deepface_sees
from tests.tiny_package import make_package
from train.serving import first_answer

ROOT = Path(__file__).parent.parent
SHIPPED = find_packages(ROOT / "hub/models")
HEAVY = {"tensorflow", "keras", "datasets", "sklearn", "matplotlib", "deepface"}

_PREDICT = """
import sys
import numpy as np
import fersys

cnn = fersys.load(sys.argv[1])
frame = np.zeros((480, 640, 3), np.uint8)
assert fersys.analyze(frame, [cnn]) == []
assert cnn.predict([frame]).shape == (1, 7)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
_BUILD = """
import sys
from app.demo import build_demo
from app.models import Arms, load_models
from app.page import Page

build_demo(Page(Arms(tuple(load_models([sys.argv[1]])))))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules_after(code: str, *words: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter holds after some code."""
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("code", [_PREDICT, _BUILD], ids=["load and predict", "build the page"])
def test_serving_loads_nothing_heavy(code: str, tmp_path: Path) -> None:
    loaded = modules_after(code, str(make_package(tmp_path, "tiny")))
    assert "fersys" in loaded
    assert not loaded & HEAVY


def pictures(count: int) -> list[npt.NDArray[np.uint8]]:
    """Smooth ones and noisy ones, dark and bright."""
    random = np.random.default_rng(0)
    coarse = [PIL.Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((90, 90)) for _ in range(count // 2)]
    noisy = [random.integers(0, 40 * (1 + number % 6), (64, 64, 3), dtype=np.uint8) for number in range(count - count // 2)]
    return [*(np.asarray(picture) for picture in coarse), *noisy]


# What model.keras is given of a crop that the recogniser is asked about: gray pixels (48, 48, 1), 0–255.
INPUTS: dict[str, Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]] = {
    "cnn": to_model_input,
    "deepface": lambda crop: 255 * as_deepface_sees(crop)[..., None],
}


@pytest.mark.parametrize("package", [one for one in SHIPPED if read_config(one).recognizer in INPUTS], ids=lambda folder: folder.name)
def test_the_shipped_serving_file_answers_as_keras(package: Path) -> None:
    import keras

    crops = pictures(24)
    model = keras.saving.load_model(package / KERAS_FILE, compile=False)
    inputs = np.stack([INPUTS[read_config(package).recognizer](crop) for crop in crops]).astype(np.float32)
    expected = apply_temperature(keras.ops.convert_to_numpy(model(inputs)), read_config(package).temperature)
    answers = fersys.load(package).predict(crops)
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    assert len(set(answers.argmax(axis=1))) > 1


@pytest.mark.parametrize("package", SHIPPED, ids=lambda folder: folder.name)
def test_eight_threads_analysing_frames_get_what_one_gets(package: Path, astronaut: npt.NDArray[np.uint8]) -> None:
    try:
        recognizer = fersys.load(package)
    except ModelError as error:
        if read_config(package).recognizer != "deepface-head":  # needs what is not in requirements-app.txt
            raise
        pytest.skip(str(error))
    frames = [np.ascontiguousarray(np.roll(astronaut, 6 * number, axis=1)) for number in range(16)]

    def ask(frame: npt.NDArray[np.uint8]) -> list[tuple[object, ...]]:
        return [(one.face.box, one.face.score, *one.predictions[0].scores.values()) for one in fersys.analyze(frame, [recognizer])]

    alone = [ask(frame) for frame in frames]
    assert all(alone)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, frames)) == alone


def test_the_first_answer_comes_through_the_page_s_api(tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> None:
    picture = tmp_path / "face.png"
    PIL.Image.fromarray(astronaut).save(picture)
    first = first_answer(picture, ["--cnn", str(make_package(tmp_path, "tiny"))])
    assert "tiny" in str(first.answer)
    assert first.seconds > 0
    if sys.platform == "linux":
        assert 50 < first.megabytes < 2000


def test_an_app_that_does_not_start_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"The app does not start\. Received: error: .*fersys\.json"):
        first_answer(tmp_path / "face.png", ["--cnn", str(tmp_path / "none")])
