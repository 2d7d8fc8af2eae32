"""Models side by side, and the table that the README shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from fersys.errors import ConfigError, PackageError
from fersys.labels import EMOTIONS
from tests.tiny_package import make_package
from train.comparison import REFERENCES, SPLITS, compare, headline_table, put_headline

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent for path in ROOT.glob("hub/models/*/metrics.json"))
BEGIN, END = "<!-- headline: made by python -m train compare -->", "<!-- headline ends -->"


def figures(accuracy: float) -> dict[str, Any]:
    per_class = {name: {"f1": position / 10} for position, name in enumerate(EMOTIONS)}
    return {
        "n": 3589,
        "accuracy": accuracy,
        "macro_f1": 0.6123,
        "ece": 0.0304,
        "per_class": per_class,
        "ci95": {"accuracy": [accuracy - 0.02, accuracy + 0.02]},
    }


def made(models: Path, name: str, **splits: float) -> Path:
    metrics = {"format": 1, "model": name, "params": 1_234_567, "macs": 89, "splits": {split: figures(value) for split, value in splits.items()}}
    return make_package(models, name, metrics=json.dumps(metrics))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    made(tmp_path / "models", "second", train=0.9, validation=0.7)
    made(tmp_path / "models", "first", train=0.99, validation=0.65432, test=0.66, test_clean=0.64)
    return tmp_path / "models"


def test_every_package_is_gathered_with_all_its_figures(models: Path, tmp_path: Path) -> None:
    content = compare(models, tmp_path / "reports")
    assert content == json.loads((tmp_path / "reports" / "compare.json").read_text())
    first, second = content["models"]
    assert (first["model"], second["model"]) == ("first", "second")
    assert first["splits"] == json.loads((models / "first" / "metrics.json").read_text())["splits"]
    assert (first["params"], first["macs"]) == (1_234_567, 89)
    assert first["serving_megabytes"] == round((models / "first" / "model.onnx").stat().st_size / 1e6, 1)
    assert content["references"] == REFERENCES


def rows(table: str) -> list[list[str]]:
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_table_has_a_row_a_model_and_measured_split_but_none_for_training(models: Path, tmp_path: Path) -> None:
    table = rows(headline_table(compare(models, tmp_path)))
    ours = [(row[0], row[1].split()[0]) for row in table[: -len(REFERENCES)]]
    assert ours == [("first", "validation"), ("first", "test"), ("first", "test_clean"), ("second", "validation")]
    assert "train" not in SPLITS
    assert [row[0] for row in table[-len(REFERENCES) :]] == [other["model"] for other in REFERENCES]
    assert {len(row) for row in table} == {7}


def test_row_shows_the_figures_to_three_decimals(models: Path, tmp_path: Path) -> None:
    row = rows(headline_table(compare(models, tmp_path)))[0]
    assert row == ["first", "validation (n = 3,589)", "0.654 [0.634, 0.674]", "0.612", "0.100", "0.030", "1.23 M"]


def test_what_others_did_not_report_is_a_dash(models: Path, tmp_path: Path) -> None:
    table = {row[0]: row for row in rows(headline_table(compare(models, tmp_path)))}
    assert table["human raters"][2:] == ["0.65", "–", "–", "–", "–"]
    assert table["paper's CNN"][2:5] == ["0.59", "0.48", "0.04"]


def test_folder_of_another_format_is_refused(models: Path, tmp_path: Path) -> None:
    (models / "first" / "metrics.json").write_text('{"format": 7}')
    with pytest.raises(PackageError, match=r"expected metrics of format 1\. Received: 7"):
        compare(models, tmp_path)


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
        put_headline(readme, "| table |")
    assert readme.read_text() == text


def test_missing_readme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.md.*Received: \S"):
        put_headline(tmp_path / "none.md", "| table |")


@pytest.mark.skipif(not SHIPPED, reason="no measured package in hub/models")
def test_readme_and_report_show_the_figures_of_the_shipped_files(tmp_path: Path) -> None:
    content = compare(ROOT / "hub" / "models", tmp_path)
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]
    assert shown == headline_table(content)
    assert json.loads((ROOT / "reports" / "compare.json").read_text()) == content
