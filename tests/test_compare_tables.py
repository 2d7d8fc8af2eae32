"""The tables of the page: their cells against the figures they are made of."""

from typing import Any

import pytest

from fersys.labels import EMOTIONS
from tests.made_arms import RESAMPLES, make_arm, predictions
from tests.test_compare_figures import ROBUSTNESS
from train.arms import AS_PUBLISHED
from train.compare_tables import (
    calibration_table,
    claimed_classes_table,
    classes_table,
    contamination_table,
    models_table,
    number,
    p_value,
    pairs_table,
    results_table,
    risk_table,
    robustness_table,
    simulated_table,
    spread,
    strengths_table,
    table,
    with_interval,
)
from train.comparison import compare


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tables")
    make_arm(folder / "models", "fersys-cnn", predictions(0, skill=2), temperature=1.3, certainty=0.4)
    make_arm(folder / "models", "second", predictions(1, splits=("train", "validation")))
    make_arm(folder / "reports" / "records", AS_PUBLISHED, predictions(2, skill=0.6, memory=3), serving_megabytes=6.0, macs=0)
    return compare(folder / "models", folder / "reports", RESAMPLES)


def cells(text: str) -> dict[str, list[str]]:
    """Rows by their first cell; the head is the first."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert len({len(row) for row in rows}) == 1
    return {row[0].strip("*"): row[1:] for row in rows if not row[0].startswith("---")}


def one(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(model) for model in content["models"] if model["model"] == name)


def test_table_is_markdown() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_numbers_intervals_and_ranges() -> None:
    assert (number(0.12345), number(None), number(2.5, 1)) == ("0.123", "–", "2.5")
    assert (with_interval(0.5, [0.4, 0.6]), with_interval(0.5, None)) == ("0.500 [0.400, 0.600]", "0.500")
    assert (spread({"mean": 0.5, "low": 0.4, "high": 0.6}), spread(None)) == ("0.500 (0.400–0.600)", "–")
    assert (p_value(0.0123), p_value(0.00009), p_value(1.0)) == ("0.0123", "< 0.0001", "1.0000")


def test_contamination_puts_claims_above_models(content: dict[str, Any]) -> None:
    rows = cells(contamination_table(content))
    assert list(rows)[1:] == ["DeepFace, the paper says", "DeepFace, its author says", "fersys-cnn", AS_PUBLISHED, "second"]
    assert rows["DeepFace, the paper says"][1] == "0.82"
    expected = content["contamination"]["expected"]
    assert rows["DeepFace, its author says"][:3] == ["0.9205", f"{expected:.3f}, expected", "0.5743"]
    published = one(content, AS_PUBLISHED)
    figures = {split: published["splits"][split]["accuracy"] for split in ("train", "validation", "test", "test_clean")}
    assert rows[AS_PUBLISHED] == [
        number(figures["train"]),
        spread(published["paper_28821"]["accuracy"]),
        *(number(figures[split]) for split in ("validation", "test", "test_clean")),
        "–",
        "–",
    ]


def test_gap_is_training_minus_strict_in_points(content: dict[str, Any]) -> None:
    row = {"model": "m", "train": 0.9, "paper_28821": None, "validation": 0.5, "test": 0.5, "test_clean": 0.5, "test_strict": 0.512}
    told = content["contamination"] | {"rows": [row], "expected": None}
    rows = cells(contamination_table({"contamination": told}))
    assert rows["m"][-1] == "+38.8"
    assert rows["DeepFace, its author says"][1] == "–"


def test_claimed_classes_stand_beside_seen_and_unseen(content: dict[str, Any]) -> None:
    rows = cells(claimed_classes_table(content))
    published = one(content, AS_PUBLISHED)
    assert list(rows)[1:] == ["angry", "disgust", "fear", "surprise"]
    fear = published["paper_28821"]["per_class"]["fear"], published["splits"]["test"]["per_class"]["fear"]
    assert rows["fear"] == ["0.89", number(fear[0]["recall"]["mean"]), number(fear[0]["f1"]["mean"]), number(fear[1]["recall"]), number(fear[1]["f1"])]
    assert claimed_classes_table(content | {"contamination": content["contamination"] | {"as_published": None}}) == ""


def test_results_name_best_and_worst_and_leave_out_who_was_not_measured(content: dict[str, Any]) -> None:
    rows = cells(results_table(content, "test"))
    assert list(rows)[1:] == ["fersys-cnn", AS_PUBLISHED]
    found, ends = one(content, "fersys-cnn")["splits"]["test"], one(content, "fersys-cnn")["extremes"]["test"]
    assert rows["fersys-cnn"][:3] == [with_interval(found[name], found["ci95"][name]) for name in ("accuracy", "macro_f1", "weighted_f1")]
    assert rows["fersys-cnn"][3:] == [f"{ends[end]['emotion']} {ends[end]['f1']:.3f}" for end in ("best", "worst")]
    assert results_table(content, "test_strict") == ""


def test_simulated_results_are_means_and_ranges(content: dict[str, Any]) -> None:
    rows = cells(simulated_table(content))
    found = one(content, AS_PUBLISHED)["paper_28821"]
    assert list(rows)[1:] == ["fersys-cnn", AS_PUBLISHED]
    assert rows[AS_PUBLISHED][0] == spread(found["accuracy"])
    f1 = {name: found["per_class"][name]["f1"]["mean"] for name in EMOTIONS}
    assert [cell.split()[0] for cell in rows[AS_PUBLISHED][3:]] == [max(f1, key=f1.__getitem__), min(f1, key=f1.__getitem__)]
    assert simulated_table({"models": [one(content, "second")]}) == ""


def test_pairs_mark_what_is_more_than_chance() -> None:
    difference = {"value": 0.05, "ci95": [0.01, 0.09]}
    pair = {
        "first": "a",
        "second": "b",
        "only_first": 30,
        "only_second": 10,
        "p": 0.002,
        "accuracy": difference,
        "macro_f1": {"value": -0.02, "ci95": [-0.05, 0.01]},
    }
    sure, unsure = (cells(pairs_table([pair | {"p_holm": p}]))["a"] for p in (0.03, 0.06))
    assert sure == ["b", "30", "10", "0.0020", "**0.0300**", "+5.0 [+1.0, +9.0]", "-2.0 [-5.0, +1.0]"]
    assert unsure[4] == "0.0600"


def test_classes_show_the_statistic_asked_for(content: dict[str, Any]) -> None:
    for kind in ("precision", "recall", "f1"):
        rows = cells(classes_table(content, "validation", kind))
        per_class = one(content, "second")["splits"]["validation"]["per_class"]
        assert rows["second"] == [number(per_class[name][kind]) for name in EMOTIONS]


def test_calibration_says_who_fitted_the_temperature(content: dict[str, Any]) -> None:
    rows = cells(calibration_table(content, "validation"))
    assert rows["fersys-cnn"][0] == "1.300"
    assert rows["second"][0].endswith("(fitted here)")
    values = one(content, "second")["calibration"]["splits"]["validation"]
    assert rows["second"][1] == f"{values['before']['ece']:.3f} → {values['after']['ece']:.3f}"


def test_risk_shows_a_threshold_only_where_there_is_one(content: dict[str, Any]) -> None:
    rows = cells(risk_table(content, "validation"))
    found = one(content, "fersys-cnn")
    kept = found["certainty"]["splits"]["validation"]
    assert rows["fersys-cnn"][-3:] == ["0.40", number(kept["coverage"]), number(kept["accuracy"])]
    assert rows["second"][-3:] == ["–", "–", "–"]
    assert rows["second"][4] == number(1 - one(content, "second")["splits"]["validation"]["accuracy"])


def test_robustness_means_are_over_strengths() -> None:
    rows = cells(robustness_table(ROBUSTNESS))
    assert rows["fersys-cnn"] == ["70", "0.700", "0.550", "0.645", "0.598", "85 %"]
    strengths = cells(strengths_table(ROBUSTNESS, "JPEG"))
    assert strengths == {"JPEG: quality": ["none", "50", "30"], "fersys-cnn": ["0.700", "0.650", "0.640"]}


def test_costs_are_dashes_where_unknown_and_times_are_left_out_where_none_was_taken(content: dict[str, Any]) -> None:
    rows = cells(models_table(content))
    assert rows["fersys-cnn"][1:3] == ["1.23 M", "89 M"]
    assert rows[AS_PUBLISHED][2] == "–"
    assert rows["model"][-1] == "file"
    timed = content | {"speed": {"batch": 16, "models": {"second": {"one": 2.04, "batch": 1.26, "machine": "m"}}}}
    rows = cells(models_table(timed))
    assert rows["model"][-2:] == ["ms, one face", "ms a face, 16 at once"]
    assert (rows["second"][-2:], rows["fersys-cnn"][-2:]) == (["2.0", "1.3"], ["–", "–"])
