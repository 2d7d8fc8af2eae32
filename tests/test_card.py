"""The model card says what the package's files say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from fersys.config import ModelConfig
from fersys.errors import PackageError
from fersys.labels import EMOTIONS
from fersys.package import seal
from model_card.__main__ import main
from model_card.card import render, write_card
from model_card.facts import read_facts
from train.config import FitConfig, to_dict

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent for path in ROOT.glob("hub/models/*/metrics.json"))


def figures(accuracy: float) -> dict[str, Any]:
    scalars = ("balanced_accuracy", "macro_f1", "weighted_f1", "nll", "brier", "ece")
    per_class = {name: dict.fromkeys(("precision", "recall", "f1"), 0.5 + i / 100) | {"support": 100 + i} for i, name in enumerate(EMOTIONS)}
    values = {name: accuracy - (i + 1) / 100 for i, name in enumerate(scalars)}
    return {"n": 3589, "accuracy": accuracy, **values, "per_class": per_class, "ci95": {"accuracy": [accuracy - 0.02, accuracy + 0.02]}}


METRICS: dict[str, Any] = {
    "format": 1,
    "model": "tiny",
    "data_fingerprint": "f" * 64,
    "test_opened": None,
    "splits": {"train": figures(0.91234), "validation": figures(0.65432)},
}
RUN: dict[str, Any] = {
    "config": to_dict(FitConfig()),
    "removed": {"twin_in_validation_or_test": 1234, "conflicting_labels": 56, "repeated": 789, "kept": 26_000},
    "versions": {"python": "3.11.7", "keras": "3.15.1"},
    "git_revision": "abcdef",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "figures").mkdir(parents=True)
    for name in ("confusion_validation.png", "learning_curves.png", "learning_curves.svg"):
        (folder / "figures" / name).touch()
    change(folder, "metrics.json", METRICS)
    change(folder, "run.json", RUN)
    seal(folder, ModelConfig("tiny", "res3", temperature=1.234, params=2_780_000, macs=91_000_000))
    return folder


def change(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(content))


def front_matter(card: str) -> dict[str, Any]:
    matter = yaml.safe_load(card.split("---")[1])  # refuses tags, such as those of numpy's scalars
    assert isinstance(matter, dict)
    return matter


def published(matter: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Values of the model-index by split and metric."""
    (model,) = matter["model-index"]
    return {(result["dataset"]["split"], metric["type"]): metric["value"] for result in model["results"] for metric in result["metrics"]}


def check_front_matter(folder: Path, card: str) -> None:
    metrics, values = json.loads((folder / "metrics.json").read_text()), published(front_matter(card))
    expected = {(split, name): f[name] for split, f in metrics["splits"].items() if split != "train" for name in ("accuracy", "macro_f1")}
    assert values == {key: pytest.approx(value, abs=5e-5) for key, value in expected.items()}
    assert {type(value) for value in values.values()} == {float}
    assert "numpy" not in card.split("---")[1]


def linked(card: str) -> list[str]:
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", card)


CERTAINTY: dict[str, Any] = {
    "threshold": 0.54,
    "level": 0.75,
    "splits": {
        "train": {"coverage": 0.9, "accuracy": 0.95, "aurc": 0.0512, "answered": dict.fromkeys(EMOTIONS, 0.8)},
        "validation": {"coverage": 0.71234, "accuracy": 0.76543, "aurc": 0.1489, "answered": dict.fromkeys(EMOTIONS, 0.7) | {"sad": 0.456, "fear": None}},
    },
}


def not_sure(folder: Path, **changes: Any) -> str:
    """The section on certainty, with some of its facts changed."""
    change(folder, "metrics.json", METRICS | {"certainty": CERTAINTY | changes})
    return render(read_facts(folder)).partition("## When it is not sure")[2].partition("\n## ")[0]


def test_card_says_when_the_model_is_not_sure_and_what_that_is_worth(package: Path) -> None:
    section = not_sure(package)
    assert "below **0.54**" in section
    assert "at least 0.75" in section
    assert "| validation | 0.712 | 0.765 | 0.149 |" in section
    assert "(validation): angry 70 %, disgust 70 %, happy 70 %, sad 46 %," in section


def test_card_shows_the_risk_coverage_curve_in_its_section_alone(package: Path) -> None:
    (package / "figures" / "risk_coverage.png").touch()
    assert linked(not_sure(package)) == ["figures/risk_coverage.png"]
    assert linked(render(read_facts(package))).count("figures/risk_coverage.png") == 1


def test_card_of_a_model_that_is_never_sure_says_so(package: Path) -> None:
    splits = {"validation": {"coverage": 0.0, "accuracy": None, "aurc": 0.8, "answered": dict.fromkeys(EMOTIONS, 0.0)}}
    section = not_sure(package, threshold=1.0, splits=splits)
    assert "Every answer counts as not sure" in section
    assert "| validation | 0.000 | – | 0.800 |" in section


def test_card_of_before_certainty_has_no_such_section(package: Path) -> None:
    card = render(read_facts(package))
    assert "not sure" not in card
    assert "\n\n\n" not in card.partition("# tiny")[2]


def test_front_matter_says_what_a_hub_needs(package: Path) -> None:
    matter = front_matter(render(read_facts(package)))
    assert (matter["library_name"], matter["pipeline_tag"]) == ("keras", "image-classification")
    assert (matter["license"], matter["license_name"]) == ("other", "unresolved-data-rights")
    assert matter["model-index"][0]["name"] == "tiny"


def test_model_index_holds_the_measured_figures_but_not_those_of_training(package: Path) -> None:
    check_front_matter(package, render(read_facts(package)))


def test_every_split_has_its_row_with_interval(package: Path) -> None:
    card = render(read_facts(package))
    for name, split in METRICS["splits"].items():
        low, high = split["ci95"]["accuracy"]
        assert f"| {name} | 3,589 | {split['accuracy']:.3f} [{low:.3f}, {high:.3f}] | {split['balanced_accuracy']:.3f} |" in card


def test_every_expression_has_its_row(package: Path) -> None:
    card = render(read_facts(package))
    for name, row in METRICS["splits"]["validation"]["per_class"].items():
        assert f"| {name} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {row['support']} |" in card


def test_without_a_test_split_the_card_says_so_and_shows_validation(package: Path) -> None:
    card = render(read_facts(package))
    assert "has not been opened" in card
    assert "| accuracy | 0.59 | 0.654 |" in card
    assert "(validation)" in card


def test_with_a_test_split_the_card_shows_it_and_its_day(package: Path) -> None:
    change(package, "metrics.json", METRICS | {"test_opened": "2001-02-03", "splits": METRICS["splits"] | {"test": figures(0.7004)}})
    card = render(read_facts(package))
    assert "opened once for this file, on 2001-02-03" in card
    assert "| accuracy | 0.59 | 0.700 |" in card
    check_front_matter(package, card)


def test_card_speaks_of_rights_limits_and_how_to_repeat_it(package: Path) -> None:
    card = render(read_facts(package))
    headings = re.findall(r"^## (.+)$", card, re.MULTILINE)
    assert {"Rights", "Limits", "How to repeat it", "Use"} <= set(headings)
    rights = card.partition("## Rights")[2]
    assert "Apache-2.0" in rights
    assert "unresolved" in rights
    for expected in ("abcdef", "f" * 64, "1.234", "2.78 M", "91 M", "learning_rate 0.001", "keras 3.15.1"):
        assert expected in card


def test_card_counts_what_was_removed_only_if_it_was(package: Path) -> None:
    assert "1,234 Training images with an exact or near twin" in render(read_facts(package))
    change(package, "run.json", RUN | {"config": to_dict(FitConfig(clean=False))})
    assert "were removed" not in render(read_facts(package))
    change(package, "run.json", RUN | {"removed": {}})
    assert "were removed" not in render(read_facts(package))


def test_every_picture_of_the_card_is_there(package: Path) -> None:
    names = linked(render(read_facts(package)))
    assert names == ["figures/confusion_validation.png", "figures/learning_curves.png"]
    assert all((package / name).is_file() for name in names)


def test_card_does_not_depend_on_where_the_package_lies(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(package.parent)
    assert render(read_facts(Path("tiny"))) == render(read_facts(package))
    assert str(package.parent) not in render(read_facts(package))


@pytest.mark.parametrize("name", ["metrics.json", "run.json", "fersys.json"])
@pytest.mark.parametrize("content", [None, "{", "7"])
def test_missing_or_damaged_file_is_one_clear_error(package: Path, name: str, content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    (package / name).unlink() if content is None else (package / name).write_text(content)
    with pytest.raises(PackageError, match=rf"(?s){name}.*Received: \S"):
        write_card(package)
    assert not (package / "README.md").exists()
    assert main([str(package)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    with pytest.raises(PackageError):
        main(["--debug", str(package)])


def test_command_writes_the_cards_of_the_folders_named(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(package)]) == 0
    assert capsys.readouterr().out == f"wrote {package / 'README.md'}\n"
    assert (package / "README.md").read_text(encoding="utf-8") == render(read_facts(package))


def test_card_of_deepface_s_network_says_whose_weights_they_are(package: Path) -> None:
    assert "DeepFace itself" not in render(read_facts(package))
    config = ModelConfig("tiny", "deepface", recognizer="deepface", serving_file="weights.onnx", title="DeepFace network, FER-Sys weights")
    seal(package, config)
    card = render(read_facts(package))
    assert "\n# tiny: DeepFace network, FER-Sys weights\n" in card
    assert "cp hub/models/tiny/weights.onnx home/.deepface/weights/" in card
    assert "not those that its author publishes" in card


def test_command_without_folders_writes_those_of_all_shipped_packages(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = package.parent / "hub" / "models"
    target.mkdir(parents=True)
    package.rename(target / "tiny")
    monkeypatch.chdir(package.parent)
    assert main([]) == 0
    assert (target / "tiny" / "README.md").is_file()


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda folder: folder.name)
def test_card_of_a_shipped_package_is_that_of_its_files(shipped: Path) -> None:
    card = (shipped / "README.md").read_text(encoding="utf-8")
    assert card == render(read_facts(shipped))
    check_front_matter(shipped, card)
    assert linked(card)
    assert all((shipped / name).is_file() for name in linked(card))
