"""Models side by side, and the tables that the README shows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fersys.errors import ConfigError, PackageError
from fersys.labels import EMOTIONS
from tests.made_arms import RESAMPLES, edit, make_arm, predictions
from tests.rounding import rounded
from train.arms import AS_PUBLISHED, find_arms
from train.comparison import REFERENCES, SPLITS, calibration, check_readme, compare, extremes, headline_table, put_headline
from train.contamination import SIMULATED
from train.expression_metrics.expression_metrics import LABELS, calibration_error, check_answers
from train.measure import read_metrics
from train.trials import open_trials, try_speed

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent for path in ROOT.glob("hub/models/*/metrics.json"))
BEGIN, END = "<!-- headline: made by python -m train compare -->", "<!-- headline ends -->"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two packages, the second of which never saw test, and a record."""
    models, reports = tmp_path / "models", tmp_path / "reports"
    make_arm(models, "fersys-cnn", predictions(0, skill=2), temperature=1.3, certainty=0.4)
    make_arm(models, "second", predictions(1, splits=("train", "validation")))
    make_arm(reports / "records", AS_PUBLISHED, predictions(2, skill=0.6, memory=3), serving_megabytes=6.0)
    return models, reports


@pytest.fixture
def content(folders: tuple[Path, Path]) -> dict[str, Any]:
    return compare(*folders, RESAMPLES)


def model(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(one) for one in content["models"] if one["model"] == name)


def test_every_model_is_gathered_with_all_its_figures(content: dict[str, Any], folders: tuple[Path, Path]) -> None:
    models, reports = folders
    assert rounded(content) == rounded(json.loads((reports / "compare.json").read_text()))
    assert [one["model"] for one in content["models"]] == ["fersys-cnn", AS_PUBLISHED, "second"]
    assert [one["shipped"] for one in content["models"]] == [True, False, True]
    for one in content["models"]:
        folder = (models if one["shipped"] else reports / "records") / one["model"]
        assert one["splits"] == read_metrics(folder)["splits"]
        assert (one["params"], one["macs"]) == (1_234_567, 89_000_000)
        assert set(one["extremes"]) == set(one["calibration"]["splits"]) == set(one["risk_coverage"]) == set(one["splits"])
    assert content["references"] == REFERENCES


def test_figures_come_from_the_predictions_and_not_from_what_metrics_say(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "fersys-cnn" / "metrics.json"
    splits = json.loads(path.read_text())["splits"]
    edit(path, splits={"test": {"accuracy": 0.99}})
    assert model(compare(*folders, RESAMPLES), "fersys-cnn")["splits"] == splits


def test_size_is_that_of_the_file_that_answered(content: dict[str, Any], folders: tuple[Path, Path]) -> None:
    served = folders[0] / "fersys-cnn" / "model.onnx"
    assert model(content, "fersys-cnn")["serving_megabytes"] == round(served.stat().st_size / 1e6, 1)
    assert model(content, AS_PUBLISHED)["serving_megabytes"] == 6.0


def test_pairs_are_compared_where_all_were_measured(content: dict[str, Any], folders: tuple[Path, Path]) -> None:
    assert {split: len(pairs) for split, pairs in content["pairs"].items()} == {"validation": 3}
    make_arm(folders[1] / "records", "second-try", predictions(1), serving_megabytes=1.0)
    (folders[0] / "second" / "fersys.json").unlink()
    assert list(compare(*folders, RESAMPLES)["pairs"]) == ["validation", "test", "test_clean", "test_ferplus"]


def test_one_model_has_no_pairs(tmp_path: Path) -> None:
    make_arm(tmp_path, "alone", predictions())
    assert compare(tmp_path, tmp_path / "reports", RESAMPLES)["pairs"] == {}


def test_contamination_and_simulated_figures_agree(content: dict[str, Any]) -> None:
    rows = {row["model"]: row for row in content["contamination"]["rows"]}
    assert rows["second"][SIMULATED] is model(content, "second")[SIMULATED] is None
    for name in ("fersys-cnn", AS_PUBLISHED):
        assert rows[name][SIMULATED] == model(content, name)[SIMULATED]["accuracy"]
        assert rows[name]["train"] == model(content, name)["splits"]["train"]["accuracy"]


def test_trials_are_those_of_these_models(content: dict[str, Any], folders: tuple[Path, Path]) -> None:
    assert (content["robustness"], content["speed"]) == (None, None)
    try_speed(open_trials(find_arms(folders[0], folders[1] / "records"), {}), folders[1])
    assert set(compare(*folders, RESAMPLES)["speed"]["models"]) == {"fersys-cnn", "second"}


def test_best_and_worst_expression_are_those_of_the_highest_and_lowest_f1() -> None:
    scores = dict(zip(EMOTIONS, (0.5, 0.1, 0.4, 0.9, 0.3, 0.7, 0.6), strict=True))
    found = extremes({name: {"f1": score} for name, score in scores.items()})
    assert found == {"best": {"emotion": "happy", "f1": 0.9}, "worst": {"emotion": "disgust", "f1": 0.1}}


def test_calibration_is_computed_without_and_with_the_temperature(folders: tuple[Path, Path]) -> None:
    arm = next(arm for arm in find_arms(folders[0], folders[1] / "records") if arm.name == "second")
    found = calibration(arm, "validation")
    truth = arm.predictions.of("validation")[1]
    for when, given in zip(("before", "after"), arm.before_and_after("validation"), strict=True):
        answers = check_answers(given, truth, range(len(truth)), len(LABELS))
        assert found[when]["ece"] == pytest.approx(calibration_error(answers))
        picked = given[np.arange(len(truth)), truth]
        assert found[when]["nll"] == pytest.approx(-np.log(picked).mean(), rel=1e-5)
        assert found[when]["brier"] == pytest.approx(np.square(given - np.eye(7)[truth]).sum(axis=1).mean(), rel=1e-5)
    assert found["after"]["nll"] < found["before"]["nll"]


def test_fitted_here_is_told_of_models_that_had_no_temperature(content: dict[str, Any]) -> None:
    told = {one["model"]: one["calibration"] for one in content["models"]}
    assert (told["fersys-cnn"]["fitted_here"], told["fersys-cnn"]["temperature"]) == (False, 1.3)
    assert told["second"]["fitted_here"]
    for name, split in (("fersys-cnn", "after"), ("second", "before")):  # what the model gives out is what its metrics say
        assert told[name]["splits"]["validation"][split]["ece"] == pytest.approx(model(content, name)["splits"]["validation"]["ece"], abs=1e-6)


def test_certainty_is_the_package_s_own(content: dict[str, Any]) -> None:
    assert model(content, "fersys-cnn")["certainty"]["threshold"] == 0.4
    assert model(content, "second")["certainty"]["splits"]["validation"]["coverage"] == 1.0


def rows(table: str) -> list[list[str]]:
    return [[cell.strip(" ") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def headline(content: dict[str, Any]) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of the two tables, without their heads."""
    ours, others = headline_table(content).split("\n\n")
    return rows(ours), rows(others)


def test_headline_has_a_row_a_model_and_shipped_ones_in_bold(content: dict[str, Any]) -> None:
    ours, _ = headline(content)
    assert [row[0] for row in ours] == ["**fersys-cnn**", AS_PUBLISHED, "**second**"]
    assert {len(row) for row in ours} == {1 + 1 + len(SPLITS) + 4}


def test_headline_shows_accuracy_by_split_and_figures_of_test(content: dict[str, Any]) -> None:
    row, figures = headline(content)[0][0], model(content, "fersys-cnn")["splits"]
    low, high = figures["test"]["ci95"]["accuracy"]
    assert row[1:4] == [
        f"{figures['train']['accuracy']:.3f}",
        f"{figures['validation']['accuracy']:.3f}",
        f"{figures['test']['accuracy']:.3f} [{low:.3f}, {high:.3f}]",
    ]
    assert row[4:7] == [f"{figures['test_clean']['accuracy']:.3f}", "–", f"{figures['test_ferplus']['accuracy']:.3f}"]
    test = figures["test"]
    assert row[7:] == [f"{test['macro_f1']:.3f}", f"{test['per_class']['disgust']['f1']:.3f}", f"{test['ece']:.3f}", "1.23 M"]


def test_model_with_a_closed_test_shows_validation(content: dict[str, Any]) -> None:
    row, figures = headline(content)[0][2], model(content, "second")["splits"]["validation"]
    assert row[3:7] == ["–"] * 4
    assert row[7] == f"{figures['macro_f1']:.3f}"


def test_what_others_report_stands_apart_with_dashes_for_what_they_do_not(content: dict[str, Any]) -> None:
    _, others = headline(content)
    table = {row[0].strip("*"): row[1:] for row in others}
    assert list(table) == [other["model"] for other in REFERENCES]
    assert table["human raters"][:3] == ["0.65", "–", "–"]
    assert table["paper's CNN"][:3] == ["0.59", "0.48", "0.04"]


def test_folder_of_another_format_is_refused(folders: tuple[Path, Path]) -> None:
    (folders[0] / "second" / "metrics.json").write_text('{"format": 7}')
    with pytest.raises(PackageError, match=r"expected metrics of format 1\. Received: 7"):
        compare(*folders, RESAMPLES)


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(f"# Ü\n\nbefore\n{BEGIN}\nold | table\n{END}\n\nafter\n", encoding="utf-8")
    return path


def test_table_replaces_what_stood_between_the_markers(readme: Path) -> None:
    for table in ("| one |", "| two |\n| × |"):
        put_headline(readme, table)
        assert readme.read_text(encoding="utf-8") == f"# Ü\n\nbefore\n{BEGIN}\n{table}\n{END}\n\nafter\n"


@pytest.mark.parametrize("text", ["", "# no markers\n", f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n"])
def test_readme_without_both_markers_in_order_is_refused_and_left_alone(readme: Path, text: str) -> None:
    readme.write_text(text)
    with pytest.raises(ConfigError, match=r"expected the markers.*Received: \S"):
        check_readme(readme)
    with pytest.raises(ConfigError, match=r"expected the markers.*Received: \S"):
        put_headline(readme, "| table |")
    assert readme.read_text() == text


def test_missing_readme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.md.*Received: \S"):
        put_headline(tmp_path / "none.md", "| table |")


@pytest.mark.skipif(not SHIPPED, reason="no measured package in hub/models")
def test_readme_and_report_show_the_figures_of_the_shipped_files() -> None:
    content = json.loads((ROOT / "reports" / "compare.json").read_text())
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]
    assert shown == headline_table(content)
    published = {metrics["model"]: metrics["splits"] for metrics in map(read_metrics, (*SHIPPED, *ROOT.glob("reports/records/*")))}
    assert rounded({one["model"]: one["splits"] for one in content["models"]}) == rounded(published)
