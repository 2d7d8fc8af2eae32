"""The page: what it says with and without each model, and that its pictures are drawn."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from tests.made_arms import RESAMPLES, make_arm, predictions
from tests.test_compare_figures import ROBUSTNESS
from train.arms import AS_PUBLISHED, FER, STOCK, find_arms
from train.compare_figures import draw_comparison
from train.compare_page import FIGURES, page, verdict, write_page
from train.comparison import compare

EVERY = ("fersys-cnn", "fersys-cnn-paper", "fersys-deepface", "deepface-head", AS_PUBLISHED, STOCK, FER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All seven models; those of DeepFace know Training by heart."""
    base = tmp_path_factory.mktemp("page")
    for number, name in enumerate(EVERY[:4]):
        make_arm(base / "models", name, predictions(number, skill=2 - number / 3), temperature=1.2, history=4)
    for number, name in enumerate(EVERY[4:]):
        make_arm(base / "reports" / "records", name, predictions(10 + number, skill=0.6, memory=5), serving_megabytes=6.0)
    return base


@pytest.fixture(scope="module")
def content(folder: Path) -> dict[str, Any]:
    return compare(folder / "models", folder / "reports", RESAMPLES) | {"robustness": ROBUSTNESS}


def without(content: dict[str, Any], *names: str) -> dict[str, Any]:
    """What would be there without some models."""
    left = copy.deepcopy(content)
    left["models"] = [model for model in left["models"] if model["model"] not in names]
    told = left["contamination"]
    told["rows"] = [row for row in told["rows"] if row["model"] not in names]
    told["as_published"] = None if AS_PUBLISHED in names else AS_PUBLISHED
    if "fersys-cnn" in names:  # the only one whose robustness is measured here
        left["robustness"] = None
    left["pairs"] = {split: [pair for pair in pairs if not {pair["first"], pair["second"]} & set(names)] for split, pairs in left["pairs"].items()}
    return left


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.*)", text, re.MULTILINE)


def test_contamination_is_told_first(content: dict[str, Any]) -> None:
    text = page(content)
    assert text.startswith("# DeepFace beside the CNN\n\n7 models on the same images")
    assert headings(text)[:3] == ["The short answer", "The contamination", "What the paper claimed, and what holds"]
    assert headings(text)[-1] == "Run it again"


def test_nothing_is_missing_if_all_are_there(content: dict[str, Any]) -> None:
    text = page(content)
    assert "What is missing" not in headings(text)
    assert "None" not in text
    assert "nan" not in text


@pytest.mark.parametrize("name", EVERY)
def test_page_reads_without_any_one_model(content: dict[str, Any], name: str) -> None:
    text = page(without(content, name))
    assert text.startswith("# DeepFace beside the CNN\n\n6 models")
    assert f"| {name} |" not in text.replace("**", "")
    assert not re.search(r"\bNone\b|\bnan\b|\(\)|``| {2,}\|", text.partition("## Run it again")[0])
    named_as_missing = name in EVERY[2:]
    assert ("What is missing" in headings(text)) == named_as_missing


def test_page_reads_with_one_model_alone(content: dict[str, Any]) -> None:
    text = page(without(content, *EVERY[1:]) | {"pairs": {}, "robustness": None, "speed": None})
    assert text.startswith("# DeepFace beside the CNN\n\n1 model on")
    assert "Who is better" not in headings(text)
    assert "What the paper claimed, and what holds" not in headings(text)
    assert "Not measured yet" in text


def test_page_reads_while_test_is_closed(tmp_path: Path) -> None:
    make_arm(tmp_path / "models", "fersys-cnn", predictions(0, splits=("train", "validation")))
    make_arm(tmp_path / "models", "fersys-cnn-paper", predictions(1, splits=("train", "validation")))
    text = page(compare(tmp_path / "models", tmp_path / "reports", RESAMPLES))
    assert "Each expression (validation)" in headings(text)
    assert "paper_28821" not in text
    assert "None" not in text


def test_short_answer_gives_the_figures_of_the_published_training(content: dict[str, Any]) -> None:
    published = next(model for model in content["models"] if model["model"] == AS_PUBLISHED)
    answer = page(content).partition("## The short answer")[2].partition("##")[0]
    assert f"names {100 * published['splits']['train']['accuracy']:.1f} % of its own training images" in answer
    assert f"{100 * published['paper_28821']['accuracy']['mean']:.1f} % of images like those" in answer


def test_memory_is_named_only_if_the_figures_show_it(content: dict[str, Any]) -> None:
    """These made models were not measured on test_strict, so nothing can be said of unseen images."""
    assert "is what it remembers" not in page(content)
    seen = copy.deepcopy(content)
    published = next(model for model in seen["models"] if model["model"] == AS_PUBLISHED)
    for kind in ("splits", "extremes"):
        published[kind]["test_strict"] = published[kind]["test"]
    published["paper_28821"]["accuracy"]["mean"] = 0.86
    assert "is what it remembers" in page(seen)
    published["paper_28821"]["accuracy"]["mean"] = 0.70
    assert "is what it remembers" not in page(seen)


def test_better_model_is_named_as_the_test_says(content: dict[str, Any]) -> None:
    pair = next(one for one in content["pairs"]["test"] if (one["first"], one["second"]) == ("fersys-cnn", "fersys-deepface"))
    sentence = f"`fersys-cnn` is {abs(100 * pair['accuracy']['value']):.1f} points ahead of `fersys-deepface`"
    assert pair["accuracy"]["value"] > 0
    assert sentence in page(content)
    turned = copy.deepcopy(content)
    for one in turned["pairs"]["test"]:
        if one["first"] == "fersys-cnn" and one["second"] == "fersys-deepface":
            one["accuracy"]["value"] *= -1
            one["p_holm"] = 0.3
    assert sentence.replace("ahead of", "behind") + ": a difference that may be chance" in page(turned)


@pytest.mark.parametrize(
    ("claim", "measured", "word"),
    [(0.59, 0.60, "holds"), (0.59, 0.575, "holds"), (0.59, 0.62, "we measure more"), (0.82, 0.55, "**does not hold**"), (0.82, None, "not measured")],
)
def test_verdicts_are_computed(claim: float, measured: float | None, word: str) -> None:
    assert verdict(claim, measured) == word


def test_claims_of_deepface_are_measured_on_both_kinds_of_images(content: dict[str, Any]) -> None:
    claims = page(content).partition("## What the paper claimed")[2].partition("##")[0]
    for name in (AS_PUBLISHED, STOCK):
        assert claims.count(f"`{name}`") == 2
    assert claims.count("`fersys-cnn-paper`") == 5


def test_every_picture_is_drawn_and_every_drawn_one_is_shown(content: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    drawn = draw_comparison(content, find_arms(folder / "models", folder / "reports" / "records"), tmp_path / FIGURES)
    text = write_page(content, tmp_path).read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]+\]\((.*?)\)", text)
    assert sorted(shown) == sorted(f"{FIGURES}/{path.name}" for path in drawn if path.suffix == ".png")


def test_folded_parts_are_closed(content: dict[str, Any]) -> None:
    text = page(content)
    assert text.count("<details>") == text.count("</details>") > 5
