"""The models behind the page: which are found, and what is known of them."""

import json
from pathlib import Path

import pytest

from app.models import SHOWN, Measurement, find_shipped, load_models, load_shown, read_measurements
from fersys.config import CONFIG_FILE
from fersys.errors import FerSysError, ModelError, PackageError
from tests.tiny_deepface import make_deepface_package, random_network, weights_in
from tests.tiny_package import make_package

METRICS = json.dumps({"splits": {"test": {"n": 20, "accuracy": 0.5, "macro_f1": 0.4}, "validation": {"n": 10, "accuracy": 0.7, "macro_f1": 0.6}}})


def test_shipped_packages_come_best_first(tmp_path: Path) -> None:
    for name in (*reversed(SHOWN), "another"):
        (tmp_path / name).mkdir()
    assert [folder.name for folder in find_shipped(tmp_path)] == list(SHOWN)


def test_one_shipped_package_is_enough(tmp_path: Path) -> None:
    (tmp_path / SHOWN[0]).mkdir()
    assert find_shipped(tmp_path) == [tmp_path / SHOWN[0]]


def test_no_shipped_package_is_an_error_that_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"fersys-cnn.*--models.*Received: none"):
        find_shipped(tmp_path)


def test_models_are_loaded_in_the_order_given(tmp_path: Path) -> None:
    models = load_models([make_package(tmp_path, "b"), make_package(tmp_path, "a", metrics=METRICS)])
    assert [model.name for model in models] == ["b", "a"]
    assert models[0].measurements == ()
    assert models[1].measurements == (Measurement("validation", 10, 0.7, 0.6), Measurement("test", 20, 0.5, 0.4))


def test_a_changed_serving_file_is_refused(tmp_path: Path) -> None:
    package = make_package(tmp_path, "a")
    with (package / "model.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(PackageError, match="was changed"):
        load_models([package])


def test_a_serving_file_that_is_no_network_is_an_error_of_ours(tmp_path: Path) -> None:
    package = make_package(tmp_path, "a", network=b"this is no network")
    with pytest.raises(FerSysError, match=r"model\.onnx"):
        load_models([package])


def test_shown_without_being_named_are_the_shipped_packages_and_deepface_if_its_weights_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn")
    make_deepface_package(tmp_path, "fersys-deepface")
    path = weights_in(tmp_path / "home", monkeypatch)
    models, absent = load_shown(tmp_path)
    assert [model.title for model in models] == ["fersys-cnn", "Somebody's weights"]
    assert [arm.title for arm in absent] == ["DeepFace"]
    assert f"expected {path.name} in {path.parent}" in absent[0].reason
    assert not path.parent.exists()  # nothing was fetched
    weights_in(tmp_path / "home", monkeypatch, random_network(0))
    models, absent = load_shown(tmp_path)
    assert ([model.name for model in models], absent) == (["fersys-cnn", "fersys-deepface", "deepface"], [])
    assert models[-1].measurements == ()


def test_a_model_that_cannot_be_run_here_is_named_and_the_others_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn")
    make_deepface_package(tmp_path, "fersys-deepface", network=b"no network")
    weights_in(tmp_path / "home", monkeypatch, b"no network either")
    models, absent = load_shown(tmp_path)
    assert [model.name for model in models] == ["fersys-cnn"]
    assert [arm.title for arm in absent] == ["Somebody's weights", "DeepFace"]
    assert all("facial_expression_model_weights.onnx" in arm.reason for arm in absent)


def test_no_model_that_can_be_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn", network=b"no network")
    weights_in(tmp_path / "home", monkeypatch)
    with pytest.raises(ModelError, match=r"No model can be run\. Received: .*model\.onnx"):
        load_shown(tmp_path)


def test_a_damaged_shipped_package_is_an_error_and_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn")
    (make_deepface_package(tmp_path, "fersys-deepface") / CONFIG_FILE).write_text("{")
    weights_in(tmp_path / "home", monkeypatch)
    with pytest.raises(PackageError, match="damaged"):
        load_shown(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"splits": {"test": {"n": 1}}}', '{"splits": {"test": {"n": 1, "accuracy": "?", "macro_f1": 1}}}'])
def test_damaged_metrics_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(PackageError, match=r"metrics\.json is damaged.*Received: "):
        read_measurements(tmp_path)
