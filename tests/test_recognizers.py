"""What every recogniser promises: tested for each line of the two tables and for each shipped package."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pyarrow.parquet as pq
import pytest
from onnx import helper, numpy_helper
from scipy.special import softmax

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig, read_config, write_config
from fersys.errors import ImageError, ModelError
from fersys.labels import EMOTIONS
from fersys.package import PREDICTIONS_FILE, SERVING_FILE, load, seal
from fersys.recognizers import BUILT_IN, RECOGNIZERS
from fersys.recognizers.base import Recognizer
from fersys.recognizers.cnn import CnnRecognizer
from tests.tiny_deepface import make_deepface_package, random_network, weights_in
from tests.tiny_package import make_package
from tests.tiny_recogniser import make_head_package

SHIPPED = sorted(path.parent for path in Path(__file__).parent.parent.glob("hub/models/*/fersys.json"))

# To test a new line of RECOGNIZERS, say here how to make a small package for it: (folder, name) -> package.
MAKERS: dict[str, Callable[[Path, str], Path]] = {"cnn": make_package, "deepface": make_deepface_package, "deepface-head": make_head_package}

# And for a line of BUILT_IN how to put small weights where they are looked for: (folder, monkeypatch).
WEIGHTS: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {"deepface": lambda folder, patch: weights_in(folder, patch, random_network(0))}
_NEEDS_MORE = {"deepface-head"}  # recognisers whose packages need what is not in requirements-app.txt

Pixels = npt.NDArray[np.uint8]


def noise(count: int, side: int = 48, seed: int = 0) -> list[Pixels]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


@pytest.fixture(params=[*MAKERS, *SHIPPED], ids=str if not SHIPPED else lambda given: given if isinstance(given, str) else given.name)
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: str | Path = request.param
    return MAKERS[made](tmp_path, f"made-{made}") if isinstance(made, str) else made


def opened(package: Path) -> Recognizer:
    try:
        return load(package)
    except ModelError as error:
        if read_config(package).recognizer in _NEEDS_MORE:
            pytest.skip(str(error))
        raise


def _id(given: tuple[str, str | Path]) -> str:
    return f"{given[0]} {given[1] if isinstance(given[1], str) else given[1].name}"


ARMS: list[tuple[str, str | Path]] = [
    *(("made", name) for name in MAKERS), *(("shipped", folder) for folder in SHIPPED), *(("built in", word) for word in WEIGHTS),
]  # fmt: skip


@pytest.fixture(params=ARMS, ids=_id)
def recognizer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    kind, arm = request.param
    if kind == "made":
        return load(MAKERS[arm](tmp_path, f"made-{arm}"))
    if kind == "shipped":
        return opened(arm)
    WEIGHTS[arm](tmp_path, monkeypatch)
    return load(arm)


def test_every_line_of_the_tables_is_tested() -> None:
    assert set(MAKERS) == set(RECOGNIZERS)
    assert set(WEIGHTS) == set(BUILT_IN)


def test_name_is_that_of_the_package(package: Path) -> None:
    assert opened(package).name == read_config(package).name == package.name


@pytest.mark.parametrize("title", ["", "Shown so"])
def test_title_is_that_of_the_package_or_its_name(package: Path, title: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(package, tmp_path / "copy"))
    write_config(copy, replace(read_config(copy), title=title))
    assert opened(copy).title == (title or read_config(package).name)


@pytest.mark.parametrize("word", WEIGHTS)
def test_built_in_model_is_named_by_its_word_and_titled_as_the_table_says(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WEIGHTS[word](tmp_path, monkeypatch)
    assert (load(word).name, load(word).title, BUILT_IN[word].missing()) == (word, BUILT_IN[word].title, "")
    assert tmp_path in BUILT_IN[word].weights().parents


@pytest.mark.parametrize("certainty", [0.0, 0.625])
def test_certainty_is_that_of_the_package(package: Path, certainty: float, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(package, tmp_path / "copy"))
    write_config(copy, replace(read_config(copy), certainty=certainty))
    assert opened(copy).certainty == certainty


@pytest.mark.parametrize("count", [0, 1, 3, 300])
def test_rows_are_float32_probabilities_that_sum_to_one(recognizer: Recognizer, count: int) -> None:
    answers = recognizer.predict(noise(count))
    assert answers.shape == (count, len(EMOTIONS))
    assert answers.dtype == np.float32
    assert (answers >= 0).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_many_at_once_equal_one_by_one(recognizer: Recognizer) -> None:
    crops = noise(300)
    together = recognizer.predict(crops)
    for number in (*range(0, 300, 29), 255, 256, 299):
        np.testing.assert_allclose(recognizer.predict([crops[number]])[0], together[number], atol=1e-5)


def test_different_pictures_get_different_answers(recognizer: Recognizer) -> None:
    answers = recognizer.predict(noise(20))
    assert len(np.unique(answers.round(6), axis=0)) == 20


@pytest.mark.parametrize("shape", [(1, 1), (30, 30), (47, 49), (96, 96), (400, 300), (1, 500)])
def test_any_size_of_crop_is_taken(recognizer: Recognizer, shape: tuple[int, int]) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    np.testing.assert_allclose(recognizer.predict([crop]).sum(axis=1), 1, atol=1e-5)


def test_sizes_may_be_mixed(recognizer: Recognizer) -> None:
    crops = [noise(1, side)[0] for side in (20, 48, 200)]
    np.testing.assert_allclose(recognizer.predict(crops), np.concatenate([recognizer.predict([crop]) for crop in crops]), atol=1e-5)


def test_black_and_white_crops_get_finite_answers(recognizer: Recognizer) -> None:
    assert np.isfinite(recognizer.predict([np.full((48, 48, 3), level, np.uint8) for level in (0, 128, 255)])).all()


def test_eight_threads_get_the_same_answers(recognizer: Recognizer) -> None:
    batches = [noise(1 + number % 5, seed=number) for number in range(40)]
    expected = [recognizer.predict(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for received, alone in zip(pool.map(recognizer.predict, batches), expected, strict=True):
            np.testing.assert_allclose(received, alone, atol=1e-6)


def test_what_is_no_rgb_crop_is_refused(recognizer: Recognizer) -> None:
    for wrong in (np.zeros((48, 48), np.uint8), np.zeros((48, 48, 3), np.float32)):
        with pytest.raises(ImageError, match="Received: "):
            recognizer.predict([*noise(1), wrong])  # type: ignore[list-item]


def test_crops_are_left_alone(recognizer: Recognizer) -> None:
    crops = noise(2, side=60)
    recognizer.predict(crops)
    np.testing.assert_array_equal(crops, noise(2, side=60))


class Counting:
    """A network that says the same of every face, and keeps how many it was shown at once."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="image")]

    def run(self, _: None, inputs: dict[str, npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        self.shown.append(len(inputs["image"]))
        return [np.full((self.shown[-1], len(EMOTIONS)), 1 / len(EMOTIONS), np.float32)]


def test_the_network_is_shown_a_bounded_number_of_faces_at_once() -> None:
    network = Counting()
    assert len(CnnRecognizer(network, ModelConfig("m", "tiny")).predict(noise(1) * 1000)) == 1000
    assert sum(network.shown) == 1000
    assert max(network.shown) <= 256  # 2,304 float32 a face go in, and many times that lies between the layers


def test_columns_are_those_of_the_network_s_own_weights(tmp_path: Path) -> None:
    package = make_package(tmp_path, "tiny", seed=3)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(package / SERVING_FILE).graph.initializer}
    grays = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    expected = softmax(grays.reshape(5, -1) @ weights["weights"] + weights["bias"], axis=1)
    answers = load(package).predict(list(np.repeat(grays[..., None], 3, axis=3)))
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    assert len(set(answers.argmax(axis=1))) > 1


def test_temperature_of_the_package_is_applied(tmp_path: Path) -> None:
    package, crops = make_package(tmp_path, "tiny"), noise(10)
    plain = load(package).predict(crops)
    write_config(package, replace(read_config(package), temperature=2.5))
    tempered = load(package).predict(crops)
    np.testing.assert_allclose(tempered, apply_temperature(plain, 2.5), atol=1e-6)
    assert (tempered.max(axis=1) < plain.max(axis=1)).all()


def test_network_with_another_number_of_outputs_is_refused(tmp_path: Path) -> None:
    shape: list[str | int | None] = ["n", 48, 48, 1]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("image", "same")]
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["same"])], "wrong", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / SERVING_FILE)
    seal(tmp_path, ModelConfig("wrong", "tiny"))
    with pytest.raises(ModelError, match=r"expected 7 outputs\. Received: 1$"):
        load(tmp_path)


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_package_answers_as_its_predictions_say(shipped: Path, fer2013_source: str) -> None:
    file = Path(fer2013_source, "validation.parquet")
    if not file.is_file():
        pytest.skip(f"no validation.parquet in {fer2013_source}")
    images = {row["row"]: row["image"]["bytes"] for row in pq.read_table(file, columns=["row", "image"]).slice(0, 200).to_pylist() if row["row"] >= 0}
    table = pq.read_table(shipped / PREDICTIONS_FILE, filters=[("row", "in", list(images)), ("split", "=", "validation")])
    published = np.stack([table.column(name).to_numpy() for name in EMOTIONS], axis=1)
    crops = [cv2.imdecode(np.frombuffer(images[row], np.uint8), cv2.IMREAD_COLOR) for row in table.column("row").to_pylist()]
    answers = opened(shipped).predict([np.asarray(crop, np.uint8) for crop in crops])
    assert len(answers) > 150
    np.testing.assert_allclose(answers, published, atol=1e-4)
    truth = [EMOTIONS.index(name) for name in table.column("label").to_pylist()]
    assert (answers.argmax(axis=1) == truth).mean() > 0.4
