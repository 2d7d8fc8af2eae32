"""Shipping a run: the test split is opened once, for a file that was chosen before."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

import train.release
from fersys.config import read_config, write_config
from fersys.errors import ConfigError, PackageError
from fersys.labels import EMOTIONS
from fersys.package import KERAS_FILE, METRICS_FILE, MODEL_FILES, RECORD_FILES, RUN_FILE, SERVING_FILE, check_package, load, seal
from fersys.recognizers.deepface_library import EMOTION_FILE, EMOTION_H5_FILE
from tests.made_run import NAME, made_data, measured_run, trained_run
from train.calibrate import calibrate_package
from train.config import recipe
from train.data import Fer2013
from train.export import export
from train.measure import measure, read_metrics
from train.release import HEADLINE, headline, release, remeasure
from train.runs import read_run
from train.training import train as train_run


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Fer2013:
    return made_data(tmp_path_factory)


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measured_run(tmp_path_factory, tmp_path / "runs")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few resamples, and one stand-in for the pictures, which have tests of their own."""

    def draw(folder: Path) -> None:
        (folder / "figures").mkdir(exist_ok=True)
        (folder / "figures" / "per_class.png").write_bytes(b"picture")

    monkeypatch.setattr(train.release, "draw_all", draw)
    monkeypatch.setattr(train.release, "measure", lambda *words, **settings: measure(*words, **{"resamples": 20} | settings))


def reseal(folder: Path, change: dict[str, Any]) -> None:
    """Edit the validation figures as a cheat would who knows of the hashes."""
    metrics = json.loads((folder / METRICS_FILE).read_text())
    metrics["splits"]["validation"] |= change
    (folder / METRICS_FILE).write_text(json.dumps(metrics))
    seal(folder, read_config(folder))


@pytest.mark.usefixtures("quick")
def test_released_package_is_whole_and_reports_the_test_splits(run: Path, models: Path, data: Fer2013) -> None:
    assert "test" not in read_metrics(run)["splits"]
    package = release(run, models, data)
    assert package == models / NAME
    check_package(package)
    assert {*MODEL_FILES, *RECORD_FILES, "fersys.json", "figures"} == {path.name for path in package.iterdir()}
    assert (package / "figures" / "per_class.png").read_bytes() == b"picture"
    metrics = read_metrics(package)
    assert {"train", "validation", "test", "test_clean", "test_strict"} <= set(metrics["splits"])
    assert metrics["test_opened"]
    assert metrics["temperature"] == read_config(package).temperature == read_config(run).temperature
    assert metrics["certainty"]["threshold"] == read_config(package).certainty == read_config(run).certainty
    assert metrics["certainty"]["splits"].keys() == metrics["splits"].keys()


@pytest.mark.usefixtures("quick")
def test_deepface_s_network_is_trained_measured_and_released_with_the_files_that_deepface_loads(tmp_path: Path, models: Path, data: Fer2013) -> None:
    run = tmp_path / "runs" / "theirs"
    train_run(run, recipe("deepface", epochs=1, batch_size=14, precision="float32"), data)
    calibrate_package(run, data)
    measure(run, data, resamples=0)
    package = release(run, models, data)
    config = check_package(package)
    expected = {*MODEL_FILES, EMOTION_FILE, EMOTION_H5_FILE, *RECORD_FILES, "fersys.json", "figures"} - {SERVING_FILE}
    assert expected == {path.name for path in package.iterdir()}
    assert load(package).title == config.title == "DeepFace network, FER-Sys weights"
    assert remeasure(package, data) == []


@pytest.mark.usefixtures("quick")
def test_releasing_the_same_file_again_is_no_second_opening(run: Path, models: Path, data: Fer2013) -> None:
    release(run, models, data)
    (run / METRICS_FILE).write_text(json.dumps(read_metrics(run) | {"test_opened": "2001-02-03"}))
    seal(run, read_config(run))
    assert read_metrics(release(run, models, data))["test_opened"] == "2001-02-03"


@pytest.mark.usefixtures("quick")
def test_other_weights_of_the_same_name_are_refused_before_the_test_is_opened(run: Path, models: Path, data: Fer2013) -> None:
    package = release(run, models, data)
    before = read_metrics(package)
    small = keras.Model(inputs := keras.Input((48, 48, 1)), keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(inputs)))
    from tests.made_run import SETTINGS

    export(run, small, SETTINGS, NAME)
    measure(run, data, resamples=0)
    with pytest.raises(PackageError, match=r"released with other weights.*Received: "):
        release(run, models, data)
    assert "test" not in read_metrics(run)["splits"]
    assert read_metrics(package) == before
    check_package(package)


def test_run_that_was_not_measured_is_refused(models: Path, data: Fer2013, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = trained_run(tmp_path_factory, tmp_path / "runs")
    with pytest.raises(PackageError, match=r"metrics\.json"):
        release(run, models, data)
    assert not models.exists()


def test_run_whose_temperature_was_changed_since_it_was_measured_is_refused(run: Path, models: Path, data: Fer2013) -> None:
    write_config(run, replace(read_config(run), temperature=3.0))
    with pytest.raises(PackageError, match=r"changed since it was measured.*Received: "):
        release(run, models, data)
    assert "test" not in read_metrics(run)["splits"]


def test_run_whose_certainty_was_changed_since_it_was_measured_is_refused(run: Path, models: Path, data: Fer2013) -> None:
    write_config(run, replace(read_config(run), certainty=0.123))
    with pytest.raises(PackageError, match=r"expected metrics at certainty 0\.123.*Received: "):
        release(run, models, data)
    metrics = read_metrics(run)
    del metrics["certainty"]
    (run / METRICS_FILE).write_text(json.dumps(metrics))
    seal(run, read_config(run))
    with pytest.raises(PackageError, match=r"Received: None"):
        release(run, models, data)
    assert "test" not in read_metrics(run)["splits"]


@pytest.mark.parametrize("name", [KERAS_FILE, "history.csv"])
def test_incomplete_run_is_refused_before_the_test_is_opened(run: Path, models: Path, data: Fer2013, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(PackageError, match=name):
        release(run, models, data)
    seal(run, read_config(run))
    with pytest.raises(PackageError, match=name):
        release(run, models, data)
    assert "test" not in read_metrics(run)["splits"]


def test_what_is_no_run_is_refused(tmp_path: Path, models: Path, data: Fer2013) -> None:
    with pytest.raises(PackageError, match="Not a model package"):
        release(tmp_path, models, data)


@pytest.mark.usefixtures("quick")
def test_measuring_again_finds_the_published_figures_and_changes_nothing(run: Path, data: Fer2013) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert remeasure(run, data) == []
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


@pytest.mark.usefixtures("quick")
def test_measuring_a_released_package_again_covers_its_test_splits(run: Path, models: Path, data: Fer2013) -> None:
    package = release(run, models, data)
    assert remeasure(package, data) == []
    without = replace(data, splits={name: mask for name, mask in data.splits.items() if name != "test_strict"})
    assert remeasure(package, without) == ["test_strict: cannot be measured on this copy of the data"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", HEADLINE)
def test_figure_that_was_polished_is_found(run: Path, data: Fer2013, name: str) -> None:
    true = read_metrics(run)["splits"]["validation"][name]
    reseal(run, {name: true + 0.01})
    (difference,) = remeasure(run, data)
    assert difference.startswith(f"validation {name}: published {true + 0.01:.3f}, measured {true:.3f}")


@pytest.mark.usefixtures("quick")
def test_counts_intervals_and_single_expressions_that_were_polished_are_found_too(run: Path, data: Fer2013) -> None:
    figures = read_metrics(run)["splits"]["validation"]
    figures["per_class"]["disgust"]["f1"] += 0.2
    figures["ci95"]["accuracy"][0] += 0.1
    figures["confusion_matrix"][2][3] += 1
    reseal(run, figures | {"n": 99_999})
    found = [line.split(":")[0] for line in remeasure(run, data)]
    assert sorted(found) == [f"validation {name}" for name in ("ci95 accuracy 0", "confusion_matrix 2 3", "n", "per_class disgust f1")]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("name", "value"), [("splits", "paper"), ("clean", False), ("limit", 64)])
def test_run_that_may_have_seen_the_test_or_not_all_of_training_is_not_released(run: Path, models: Path, data: Fer2013, name: str, value: Any) -> None:
    facts = read_run(run)
    facts["config"][name] = value
    (run / RUN_FILE).write_text(json.dumps(facts))
    seal(run, read_config(run))
    with pytest.raises(PackageError, match=rf"cannot be released.*Received: .*'{name}': {value!r}"):
        release(run, models, data)
    assert "test" not in read_metrics(run)["splits"]


def test_other_data_than_the_run_was_trained_on_are_refused(run: Path, models: Path, data: Fer2013) -> None:
    other = replace(data, fingerprint="0" * 64)
    for act in (lambda: release(run, models, other), lambda: remeasure(run, other)):
        with pytest.raises(ConfigError, match="was trained on other data"):
            act()


@pytest.mark.usefixtures("quick")
def test_coverage_that_was_polished_is_found(run: Path, data: Fer2013) -> None:
    metrics = read_metrics(run)
    true = metrics["certainty"]["splits"]["validation"]["coverage"]
    metrics["certainty"]["splits"]["validation"]["coverage"] = true + 0.01
    (run / METRICS_FILE).write_text(json.dumps(metrics))
    seal(run, read_config(run))
    (difference,) = remeasure(run, data)
    assert difference == f"certainty validation coverage: published {true + 0.01}, measured {true}"


@pytest.mark.usefixtures("quick")
def test_package_of_before_certainty_is_measured_again_without_it(run: Path, data: Fer2013) -> None:
    metrics = read_metrics(run)
    del metrics["certainty"]
    (run / METRICS_FILE).write_text(json.dumps(metrics))
    seal(run, read_config(run))
    assert remeasure(run, data) == []


def test_edited_metrics_are_found_by_their_hash(run: Path, data: Fer2013) -> None:
    metrics = read_metrics(run) | {"model": "better"}
    (run / METRICS_FILE).write_text(json.dumps(metrics))
    with pytest.raises(PackageError, match=r"metrics\.json was changed"):
        remeasure(run, data)


def test_headline_has_a_line_a_split(run: Path) -> None:
    metrics = read_metrics(run)
    first, names, *lines = headline(metrics).splitlines()
    assert first.startswith(f"{NAME}  (temperature {metrics['temperature']:.3f})")
    assert names.split()[0] == "n"
    for line, (split, figures) in zip(lines, metrics["splits"].items(), strict=True):
        assert line.split() == [split, str(figures["n"]), *(f"{figures[name]:.3f}" for name in HEADLINE)]


def test_measured_run_speaks_of_every_expression(run: Path) -> None:
    assert set(read_metrics(run)["splits"]["validation"]["per_class"]) == set(EMOTIONS)
    assert read_run(run)["config"]["adjust"] is True


def test_headline_says_how_much_is_answered(run: Path) -> None:
    metrics = read_metrics(run) | {"certainty": {"threshold": 0.51, "splits": {"validation": {"coverage": 0.777, "accuracy": 0.767}}}}
    assert headline(metrics).splitlines()[0].endswith("sure from 0.51: 0.777 of validation answered, 0.767 of these right")
    metrics["certainty"]["splits"]["validation"] = {"coverage": 0.0, "accuracy": None}
    assert headline(metrics).splitlines()[0].endswith("sure from 0.51: 0.000 of validation answered")
