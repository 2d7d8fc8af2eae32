"""The measuring of heat maps: what is shuffled, what a good map scores, what is reported."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper

from fersys import EMOTIONS, load
from fersys.config import read_config
from fersys.errors import ModelError
from fersys.heatmap import explain
from tests.test_heatmap_core import Watcher
from tests.tiny_package import make_package
from train import heatmap
from train.heatmap import METHODS, deletion, likeness, open_networks, patches, run_heatmap, shuffle, write_report

Gray = npt.NDArray[np.uint8]
PLACE = (slice(30, 44), slice(16, 32))


@pytest.fixture
def noise() -> Gray:
    return np.random.default_rng(1).integers(0, 256, (48, 48), dtype=np.uint8)


def weights_of(content: bytes) -> dict[str, npt.NDArray[Any]]:
    return {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(content).graph.initializer}


@pytest.mark.parametrize("last_only", [False, True])
def test_shuffling_moves_weights_and_changes_none(tmp_path: Path, last_only: bool) -> None:
    content = (make_package(tmp_path, "tiny") / "model.onnx").read_bytes()
    before, after = weights_of(content), weights_of(shuffle(content, last_only))
    assert not np.array_equal(before["weights"], after["weights"])
    assert np.array_equal(np.sort(before["weights"], axis=None), np.sort(after["weights"], axis=None))
    assert np.array_equal(before["bias"], after["bias"])


def test_of_several_layers_the_last_alone_can_be_shuffled() -> None:
    package = Path(__file__).parent.parent / "hub/models/fersys-cnn-paper"
    content = (package / read_config(package).serving_file).read_bytes()
    before, after = weights_of(content), weights_of(shuffle(content, last_only=True))
    (changed,) = [name for name, values in before.items() if not np.array_equal(values, after[name])]
    assert before[changed].shape[-1] == len(EMOTIONS)


def test_a_network_without_weights_is_an_error_of_ours() -> None:
    with pytest.raises(ModelError, match="Received: none"):
        shuffle(onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], [])).SerializeToString(), last_only=False)


def test_shuffled_networks_answer_otherwise_and_in_contract(tmp_path: Path, noise: Gray) -> None:
    networks = open_networks(make_package(tmp_path, "tiny"))
    crop = np.repeat(noise[..., None], 3, axis=2)
    trained, shuffled = networks.trained.predict([crop]), networks.shuffled.predict([crop])
    assert not np.allclose(trained, shuffled, atol=0.01)
    assert shuffled.sum() == pytest.approx(1, abs=1e-5)


def test_another_kind_of_package_is_an_error_of_ours() -> None:
    with pytest.raises(ModelError, match="Expected a package of our CNN"):
        open_networks(Path(__file__).parent.parent / "hub/models/fersys-deepface")


def test_the_true_map_is_deleted_sooner_than_others(noise: Gray) -> None:
    watcher = Watcher(*PLACE)
    true = explain(np.repeat(noise[..., None], 3, axis=2), watcher, "happy").drops
    anywhere = np.random.default_rng(0).normal(size=(48, 48)).astype(np.float32)
    best, chance, worst = (deletion(watcher, noise, "happy", drops) for drops in (true, anywhere, -true))
    assert best < 0.75 * chance
    assert chance < worst


def test_likeness_of_maps() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 48, 48)).astype(np.float32)
    assert likeness(first, 3 * first + 1) == pytest.approx((1, 1), abs=1e-3)
    assert likeness(first, -first)[0] == pytest.approx(1)
    assert max(likeness(first, second)) < 0.1
    assert likeness(first, np.zeros_like(first))[0] == 0


def test_every_method_covers_as_often_and_every_pixel() -> None:
    masks = [make() for make in METHODS.values()]
    assert len({len(one) for one in masks}) == 1
    assert all(one.sum(axis=0).min() > 0.5 for one in masks)


def test_a_larger_patch_covers_more() -> None:
    assert patches(8).mean() < patches(12).mean() < patches(16).mean() < 0.2


def test_the_report_holds_every_method_and_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heatmap, "METHODS", {"few": lambda: patches(24)[::20], "fewer": lambda: patches(24)[::40]})
    images = np.random.default_rng(0).integers(0, 256, (8, 48, 48), dtype=np.uint8)
    data: Any = SimpleNamespace(split=lambda name: SimpleNamespace(images=images))
    results = [run_heatmap(make_package(tmp_path, name, seed=seed), data, 2) for seed, name in enumerate(("one", "two"))]
    text = write_report(results, tmp_path / "reports")
    kept = json.loads((tmp_path / "reports/heatmap.json").read_text(encoding="utf-8"))
    assert [(one["model"], one["images"], [method["name"] for method in one["methods"]]) for one in kept["models"]] == [
        ("one", 2, ["few", "fewer"]),
        ("two", 2, ["few", "fewer"]),
    ]
    assert all(0 <= method["deletion"] <= 1 for one in kept["models"] for method in one["methods"])
    assert text == (tmp_path / "reports/heatmap.md").read_text(encoding="utf-8")
    assert text.count("| few |") == 2


def test_the_shipped_report_shows_that_maps_are_those_of_the_network() -> None:
    """What the app shows passed: it depends on the weights, and finds the evidence sooner than what knows nothing."""
    kept = json.loads((Path(__file__).parent.parent / "reports/heatmap.json").read_text(encoding="utf-8"))
    for model in kept["models"]:
        ours = model["methods"][0]
        assert ours["name"] == next(iter(METHODS))
        assert ours["rank_shuffled"] < 0.3 > ours["ssim_shuffled"]
        assert ours["deletion"] < 0.8 * min(*model["orders"].values(), ours["deletion_shuffled"])
        assert ours["deletion"] == min(method["deletion"] for method in model["methods"])
    assert {load(package).name for package in (Path(__file__).parent.parent / "hub/models").glob("fersys-cnn*")} == {one["model"] for one in kept["models"]}
