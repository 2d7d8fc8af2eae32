"""The models behind the page: which are found, and what is known of them."""

import json
from pathlib import Path

import pytest

from app.models import CNN_SHOWN, Arms, Measurement, Model, find_shipped, load_arms, load_models, named_refs, read_measurements
from fersys.config import CONFIG_FILE
from fersys.errors import ConfigError, FerSysError, PackageError
from tests.tiny_deepface import make_deepface_package, random_network, weights_in
from tests.tiny_package import make_package

METRICS = json.dumps({"splits": {"test": {"n": 20, "accuracy": 0.5, "macro_f1": 0.4}, "validation": {"n": 10, "accuracy": 0.7, "macro_f1": 0.6}}})


def test_shipped_packages_come_best_first(tmp_path: Path) -> None:
    for name in (*reversed(CNN_SHOWN), "another"):
        (tmp_path / name).mkdir()
    assert [folder.name for folder in find_shipped(CNN_SHOWN, tmp_path)] == list(CNN_SHOWN)


def test_no_shipped_package_is_an_error_that_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"fersys-cnn.*--cnn.*Received: none"):
        load_arms(folder=tmp_path)


def test_models_are_named_on_the_command_line_or_else_in_the_environment() -> None:
    environment = {"FERSYS_CNN": "you/one@v1 two", "FERSYS_DEEPFACE": ""}
    assert named_refs("cnn", None, environment) == ["you/one@v1", "two"]
    assert named_refs("cnn", ["three"], environment) == ["three"]
    assert named_refs("deepface", None, environment) == []


def test_models_that_are_named_take_the_place_of_the_shipped_ones_on_their_side(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    make_package(shipped, "fersys-cnn")
    make_deepface_package(shipped, "fersys-deepface")
    arms = load_arms(cnn=[make_package(tmp_path, "mine")], folder=shipped)
    assert [[model.name for model in side] for side in (arms.cnn, arms.deepface)] == [["mine"], ["fersys-deepface"]]


def test_one_model_of_each_side_is_picked_and_a_name_of_neither_changes_nothing(tmp_path: Path) -> None:
    cnn, deepface = (tuple(load_models([make_package(tmp_path, name) for name in names])) for names in ("ab", "cd"))
    arms = Arms(cnn, deepface)
    assert [model.name for model in arms.pick()] == ["a", "c"]
    assert [model.name for model in arms.pick("d", "b")] == ["b", "d"]
    assert [model.name for model in arms.pick("x", None, "b")] == ["b", "c"]
    assert [model.name for model in Arms(arms.cnn).pick("c")] == ["a"]


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    model = Model(load_models([make_package(tmp_path, "a")])[0].recognizer)
    with pytest.raises(ConfigError, match=r"different names\. Received: a, a"):
        Arms((model,), (model,))


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
    arms = load_arms(folder=tmp_path)
    assert [model.title for model in arms.models] == ["fersys-cnn", "Somebody's weights"]
    assert [arm.title for arm in arms.absent] == ["DeepFace"]
    assert f"expected {path.name} in {path.parent}" in arms.absent[0].reason
    assert not path.parent.exists()  # nothing was fetched
    weights_in(tmp_path / "home", monkeypatch, random_network(0))
    arms = load_arms(folder=tmp_path)
    assert ([model.name for model in arms.models], arms.absent) == (["fersys-cnn", "fersys-deepface", "deepface"], ())
    assert arms.deepface[-1].measurements == ()


def test_a_model_that_cannot_be_run_here_is_named_and_the_others_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn")
    make_deepface_package(tmp_path, "fersys-deepface", network=b"no network")
    weights_in(tmp_path / "home", monkeypatch, b"no network either")
    arms = load_arms(folder=tmp_path)
    assert [model.name for model in arms.models] == ["fersys-cnn"]
    assert sorted(arm.title for arm in arms.absent) == ["DeepFace", "Somebody's weights"]
    assert all("facial_expression_model_weights.onnx" in arm.reason for arm in arms.absent)


def test_no_model_that_can_be_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn", network=b"no network")
    weights_in(tmp_path / "home", monkeypatch)
    with pytest.raises(PackageError, match=r"No model to show: .*Received: .*model\.onnx"):
        load_arms(folder=tmp_path)


def test_a_damaged_shipped_package_is_an_error_and_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "fersys-cnn")
    (make_deepface_package(tmp_path, "fersys-deepface") / CONFIG_FILE).write_text("{")
    weights_in(tmp_path / "home", monkeypatch)
    with pytest.raises(PackageError, match="damaged"):
        load_arms(folder=tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"splits": {"test": {"n": 1}}}', '{"splits": {"test": {"n": 1, "accuracy": "?", "macro_f1": 1}}}'])
def test_damaged_metrics_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(PackageError, match=r"metrics\.json is damaged.*Received: "):
        read_measurements(tmp_path)
