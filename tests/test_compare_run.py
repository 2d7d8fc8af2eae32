"""The whole comparison on made models: what is written, what is asked again, and what stays."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import train.compare_run
import train.records
from fersys.errors import ConfigError, DataError, ModelError
from fersys.package import find_packages
from tests.fake_recognizer import FakeRecognizer, bar_of
from tests.made_arms import RESAMPLES, edit, make_arm, predictions
from tests.made_run import made_data
from train.arms import FER, STOCK
from train.compare_run import Comparing, run_comparison
from train.comparison import compare, headline_table
from train.data import Fer2013

MARKERS = "<!-- headline: made by python -m train compare -->\n<!-- headline ends -->"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comparing:
    """Two packages to compare, without data, in a home without DeepFace's weights."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(train.records, "RESAMPLES", RESAMPLES)
    monkeypatch.setattr(train.compare_run, "compare", lambda models, reports: compare(models, reports, RESAMPLES))
    make_arm(tmp_path / "models", "fersys-cnn", predictions(0, skill=2), temperature=1.2, history=3)
    make_arm(tmp_path / "models", "fersys-cnn-paper", predictions(1))
    (tmp_path / "README.md").write_text(f"# x\n{MARKERS}\n")
    return Comparing(tmp_path / "models", tmp_path / "reports", tmp_path / "README.md")


@pytest.fixture
def data(job: Comparing, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Fer2013:
    """FER2013 in small, however it is asked for, and the packages measured on it."""
    made = made_data(tmp_path_factory)
    monkeypatch.setattr(train.compare_run, "load_fer2013", lambda _: made)
    for package in find_packages(job.models):
        edit(package / "metrics.json", data_fingerprint=made.fingerprint)
    return made


def changed(job: Comparing, **facts: Any) -> Comparing:
    return Comparing(**{**vars(job), **facts})


def test_without_data_all_is_recreated_but_robustness_and_one_line_says_so(job: Comparing) -> None:
    said = run_comparison(job)
    content = json.loads((job.reports / "compare.json").read_text())
    assert headline_table(content) in said
    assert said.count("Robustness stays as it was measured: expected FER2013, --data or FERSYS_DATA. Received: none") == 1
    assert {path.name for path in job.reports.iterdir()} == {"README.md", "compare.json", "speed.json", "figures"}
    assert headline_table(content) in job.readme.read_text()
    assert set(content["speed"]["models"]) == {"fersys-cnn", "fersys-cnn-paper"}


def test_same_files_give_the_same_report_but_for_times(job: Comparing) -> None:
    run_comparison(job)
    first = {path: path.read_bytes() for path in job.reports.rglob("*") if path.is_file()}
    run_comparison(job)
    differing = {path.name for path, before in first.items() if path.read_bytes() != before}
    assert differing <= {"speed.json", "compare.json", "README.md"}
    contents = [json.loads(text) for text in (first[job.reports / "compare.json"], (job.reports / "compare.json").read_bytes())]
    assert contents[0] | {"speed": None} == contents[1] | {"speed": None}


@pytest.mark.usefixtures("data")
def test_with_data_robustness_is_measured(job: Comparing) -> None:
    run_comparison(changed(job, data="made"))
    report = json.loads((job.reports / "robustness.json").read_text())
    assert set(report["models"]) == {"fersys-cnn", "fersys-cnn-paper"}
    assert "robustness.png" in {path.name for path in (job.reports / "figures").iterdir()}


def test_run_is_recorded_and_compared(job: Comparing, tmp_path: Path) -> None:
    run = make_arm(tmp_path / "runs", "deepface-as-published", predictions(2, skill=0.5, memory=4), history=2)
    said = run_comparison(changed(job, runs=(run,)))
    assert "deepface-as-published was not asked again: its weights are not shipped" in said
    content = json.loads((job.reports / "compare.json").read_text())
    assert content["contamination"]["as_published"] == "deepface-as-published"
    assert [folder.name for folder in find_packages(job.reports / "records")] == ["deepface-as-published"]


def test_stock_deepface_is_recorded_and_asked_where_its_weights_are(job: Comparing, data: Fer2013, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(recognizer: Any, like: Any, given: Fer2013, records: Path) -> None:
        assert (recognizer.name, like, given) == (STOCK, None, data)
        make_arm(records, STOCK, predictions(5), serving_megabytes=6.0, data_fingerprint=data.fingerprint)

    monkeypatch.setattr(train.compare_run, "stock_recognizer", lambda: FakeRecognizer(STOCK, bar_of))
    monkeypatch.setattr(train.compare_run, "record_stock", record)
    run_comparison(changed(job, data="made"))
    content = json.loads((job.reports / "compare.json").read_text())
    assert [model["model"] for model in content["models"]] == ["fersys-cnn", "fersys-cnn-paper", STOCK]
    assert STOCK in content["robustness"]["models"]


@pytest.mark.usefixtures("data")
def test_models_of_other_data_than_those_at_hand_are_refused(job: Comparing) -> None:
    edit(job.models / "fersys-cnn" / "metrics.json", data_fingerprint="f" * 64)
    edit(job.models / "fersys-cnn-paper" / "metrics.json", data_fingerprint="f" * 64)
    with pytest.raises(DataError, match="measured on other data"):
        run_comparison(changed(job, data="made"))
    assert not (job.reports / "compare.json").exists()


@pytest.mark.usefixtures("data")
def test_fer_needs_data_and_an_interpreter(job: Comparing) -> None:
    with pytest.raises(ConfigError, match=r"--fer-python needs FER2013.*Received: somewhere alone"):
        changed(job, fer_python="somewhere")
    with pytest.raises(ModelError, match="interpreter with the package fer"):
        run_comparison(changed(job, data="made", fer_python=f"{sys.executable}-nobody"))
    assert FER not in {folder.name for folder in find_packages(job.reports / "records")}


def test_nothing_to_compare_is_a_clear_error(job: Comparing, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Nothing to compare: expected packages in .*none.* Received: none"):
        run_comparison(changed(job, models=tmp_path / "none"))


def test_readme_without_a_place_is_refused_before_anything_is_done(job: Comparing) -> None:
    job.readme.write_text("# no markers")
    with pytest.raises(ConfigError, match="expected the markers"):
        run_comparison(job)
    assert not job.reports.exists()
