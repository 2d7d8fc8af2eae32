"""Each section of a card speaks of the facts of its package, and of nothing if there are none."""

import re
from pathlib import Path
from typing import Any

import pytest

from fersys.config import ModelConfig, read_config
from fersys.labels import EMOTIONS
from fersys.package import seal
from model_card.calibration import Calibration, Certainty
from model_card.card import render
from model_card.facts import Facts, read_facts
from model_card.failures import Classes, Damage
from model_card.results import Beside, Results
from model_card.section import Section
from model_card.summary import Summary
from model_card.training import Data, Training
from tests.card_package import METRICS, OPENED, RUN, change, compared, make_measured
from train.__main__ import _parser
from train.config import FitConfig, to_dict

NOWHERE = Path("no-comparison.json")
CERTAINTY: dict[str, Any] = {
    "threshold": 0.54,
    "level": 0.75,
    "splits": {
        "train": {"coverage": 0.9, "accuracy": 0.95, "aurc": 0.0512, "answered": dict.fromkeys(EMOTIONS, 0.8)},
        "validation": {"coverage": 0.71234, "accuracy": 0.76543, "aurc": 0.1489, "answered": dict.fromkeys(EMOTIONS, 0.7) | {"sad": 0.456, "fear": None}},
    },
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_measured(tmp_path)


@pytest.fixture
def comparison(package: Path, tmp_path: Path) -> Path:
    change(tmp_path, "compare.json", compared(package))
    return tmp_path / "compare.json"


def text(kind: type[Section], folder: Path, report: Path = NOWHERE) -> str:
    """The section as a reader sees it; "" if there is none."""
    section = kind.of(read_facts(folder, report))
    return "" if section is None else section.render().replace("\u00a0", " ")


def test_summary_gives_the_one_figure_with_its_interval(package: Path) -> None:
    assert "| **0.654** [0.634, 0.674] | 0.634 | 2.78 M | 91 M |" in text(Summary, package)
    change(package, "metrics.json", OPENED)
    assert "| **0.700** [0.680, 0.720] | 0.680 | 0.690 [0.670, 0.710] | 2.78 M |" in text(Summary, package)


def test_every_split_has_its_row_with_intervals_and_what_it_is(package: Path) -> None:
    change(package, "metrics.json", OPENED)
    section = text(Results, package)
    for name, split in OPENED["splits"].items():
        accuracy = split["accuracy"]
        assert f"| {name} | {split['n']:,} | {accuracy:.3f} [{accuracy - 0.02:.3f}, {accuracy + 0.02:.3f}] | {accuracy - 0.01:.3f} |" in section
        assert f"- **{name}**: " in section


def test_results_say_whether_and_when_the_test_was_opened(package: Path) -> None:
    assert "have not been opened" in text(Results, package)
    change(package, "metrics.json", OPENED)
    assert "opened once for this file, on 2001-02-03" in text(Results, package)


def test_human_raters_are_those_of_the_comparison(package: Path, comparison: Path) -> None:
    assert "human raters are given as 65 % ± 5 points" in text(Results, package, comparison)
    assert "human raters" not in text(Results, package)


def test_other_models_are_compared_the_right_way_round(package: Path, comparison: Path) -> None:
    section = text(Beside, package, comparison)
    assert "| other | somebody's | 0.603 | -0.051 [-0.061, -0.041] | 0.042 |" in section
    assert "third" not in section
    assert "80 % of the images are official Training images, this very file scores 0.778 (mean of 20 draws; 0.765 to 0.790), and 0.654 on validation" in section


@pytest.mark.parametrize("kind", [Beside, Damage])
def test_a_comparison_of_another_file_of_that_name_is_none(package: Path, comparison: Path, kind: type[Section]) -> None:
    assert text(kind, package, comparison)
    assert not text(kind, package)
    (package / "model.onnx").write_bytes(b"trained again")
    seal(package, read_config(package))
    assert not text(kind, package, comparison)


def test_a_whole_card_needs_no_comparison(package: Path, comparison: Path) -> None:
    def headings(report: Path) -> set[str]:
        return set(re.findall(r"^##+ (.+)$", render(read_facts(package, report)), re.MULTILINE))

    assert headings(comparison) - headings(NOWHERE) == {"Beside other models", "Damaged pictures"}
    assert {"Results", "Where it fails", "Calibration", "Training data", "Law", "Rights", "How to cite"} <= headings(NOWHERE)


def test_every_expression_has_its_row(package: Path) -> None:
    section = text(Classes, package)
    for name, row in METRICS["splits"]["validation"]["per_class"].items():
        interval = " [0.444, 0.555]" if name == "happy" else ""
        assert f"| {name} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f}{interval} | {row['support']} |" in section


def test_weakest_expressions_and_worst_confusions_are_named(package: Path) -> None:
    section = text(Classes, package)
    assert "Disgust and fear are its weakest" in section
    assert "takes disgust for fear (45 %), " in section


def test_alternative_texts_belong_to_their_pictures(package: Path) -> None:
    assert "![Confusion matrix on validation](figures/confusion_validation.png)" in text(Classes, package)
    (package / "figures" / "per_class_validation.png").touch()
    assert "![Precision, recall and F1 of each expression on validation](figures/per_class_validation.png)" in text(Classes, package)


def test_damaged_pictures_have_a_row_a_damage_and_the_worst_is_named(package: Path, comparison: Path) -> None:
    section = text(Damage, package, comparison)
    assert "| blur (px) | 0.5: **0.61** | 3: **0.50** |" in section
    assert "It bears noise worst: 0.300 at the mildest, 0.212 at the strongest." in section
    assert "100 images of validation, damaged on purpose; undamaged 0.500, ± 0.098" in section


def test_calibration_stands_before_and_after(package: Path) -> None:
    section = text(Calibration, package)
    assert "one temperature, 1.234," in section
    assert "| validation | 1.111 | 0.614 | 0.888 | 0.604 | 0.777 | 0.594 |" in section
    assert "On validation the temperature made ECE better: 0.777 before, 0.594 after." in section


def test_a_temperature_that_does_harm_is_said_to(package: Path) -> None:
    validation = METRICS["splits"]["validation"] | {"uncalibrated": {"nll": 0.1, "brier": 0.1, "ece": 0.0123}}
    change(package, "metrics.json", METRICS | {"splits": {"validation": validation}})
    assert "made ECE worse: 0.012 before" in text(Calibration, package)


def test_calibration_of_a_package_measured_without_what_was_before(package: Path) -> None:
    validation = {name: value for name, value in METRICS["splits"]["validation"].items() if name != "uncalibrated"}
    change(package, "metrics.json", METRICS | {"splits": {"validation": validation}})
    assert "| validation | – | 0.614 | – | 0.604 | – | 0.594 |" in text(Calibration, package)


def not_sure(folder: Path, **changes: Any) -> str:
    """The section on certainty, with some of its facts changed."""
    change(folder, "metrics.json", METRICS | {"certainty": CERTAINTY | changes})
    return text(Certainty, folder)


def test_card_says_when_the_model_is_not_sure_and_what_that_is_worth(package: Path) -> None:
    section = not_sure(package)
    assert "below **0.54**" in section
    assert "at least 0.75" in section
    assert "| validation | 0.712 | 0.765 | 0.149 |" in section
    assert "(validation): angry 70 %, disgust 70 %, happy 70 %, sad 46 %," in section


def test_risk_coverage_curve_is_shown_where_it_is_there(package: Path) -> None:
    assert "![" not in not_sure(package)
    (package / "figures" / "risk_coverage.png").touch()
    assert "](figures/risk_coverage.png)" in not_sure(package)


def test_card_of_a_model_that_is_never_sure_says_so(package: Path) -> None:
    splits = {"validation": {"coverage": 0.0, "accuracy": None, "aurc": 0.8, "answered": dict.fromkeys(EMOTIONS, 0.0)}}
    section = not_sure(package, threshold=1.0, splits=splits)
    assert "Every answer counts as not sure" in section
    assert "| validation | 0.000 | – | 0.800 |" in section


def test_card_of_before_certainty_has_no_such_section(package: Path) -> None:
    assert not text(Certainty, package)


def test_twins_are_the_images_that_the_clean_splits_lack(package: Path) -> None:
    change(package, "metrics.json", OPENED)
    expected = "3,589 test images 288 (8.0 %) have an exact twin in Training, 413 (11.5 %) a near twin"
    assert expected in text(Data, package)


def test_twins_that_a_run_did_not_count_are_those_of_the_comparison(package: Path, comparison: Path) -> None:
    assert "288 (8.0 %)" in text(Data, package, comparison)
    assert "exact twin in Training," not in text(Data, package)


def test_card_counts_what_was_removed_only_if_it_was(package: Path) -> None:
    section = text(Data, package)
    for expected in ("1,234 images with an exact or near twin", "56 images in groups", "789 repeated images", "26,000 were left"):
        assert expected in section
    change(package, "run.json", RUN | {"config": to_dict(FitConfig(clean=False))})
    assert "Training lost" not in text(Data, package)
    change(package, "run.json", RUN | {"removed": {}})
    assert "Training lost" not in text(Data, package)


def test_a_run_on_a_random_re_split_claims_no_official_one(package: Path, comparison: Path) -> None:
    change(package, "run.json", RUN | {"config": to_dict(FitConfig(splits="paper"))})
    results, data = text(Results, package, comparison), text(Data, package, comparison)
    assert "These are not the official splits" in results
    assert "PublicTest" not in results + data
    assert "exact twin in Training" not in data
    change(package, "run.json", RUN)
    assert "not the official" not in text(Results, package, comparison)


def test_a_smoke_run_says_how_few_images_it_was_given(package: Path) -> None:
    assert "alone." not in text(Data, package).partition("were left")[2]
    change(package, "run.json", RUN | {"config": to_dict(FitConfig(limit=1512))})
    assert "26,000 were left, of which this run was given 1,512 alone." in text(Data, package)
    (package / "history.csv").write_text("epoch,val_accuracy,seconds\n1,0.4,4.2\n")
    assert "1 epoch in 4 seconds" in text(Training, package)


def test_training_tells_revision_time_and_best_epoch(package: Path) -> None:
    section = text(Training, package)
    for expected in ("git revision `abcdef`", "committed only later", "3 epochs in 3 minutes", "was 0.623,", "τ = 0.35", "keras 3.15.1"):
        assert expected in section
    assert "--open-test" not in section
    change(package, "metrics.json", OPENED)
    assert "python -m train evaluate runs/tiny --open-test\n" in text(Training, package)


def test_training_of_a_run_without_history_or_adjustment(package: Path) -> None:
    (package / "history.csv").unlink()
    change(package, "run.json", {name: value for name, value in RUN.items() if name != "tau"})
    section = text(Training, package)
    assert "epochs in" not in section
    assert "adjustment" not in section


def arguments(section: str) -> Any:
    """The card's training command, as the program that it calls reads it."""
    command = re.findall(r"^python -m train ((?:.*\\\n)*.*)$", section, re.MULTILINE)[0]
    return _parser("").parse_args(command.replace("\\\n", " ").split())


def test_the_command_of_the_card_trains_with_the_same_settings(package: Path) -> None:
    config = FitConfig(epochs=7, clean=False, learning_rate=0.03, schedule="cosine")
    change(package, "run.json", RUN | {"config": to_dict(config)})
    read = arguments(text(Training, package))
    assert {name: getattr(read, name) for name in to_dict(config)} == to_dict(config)
    assert read.name == "tiny"


def test_sections_that_a_kind_of_model_needs(package: Path) -> None:
    assert "**In DeepFace itself**" not in card_of(package, "cnn", {})
    network = card_of(package, "deepface", {})
    assert "cp tiny/model.onnx home/.deepface/weights/" in network
    assert "not those that its author publishes" in network
    assert "MIT licence" in network
    head = card_of(package, "deepface-head", {"recogniser": "Dlib", "file": "weights.dat", "sha256": "a" * 64, "crop": "chip"})
    for expected in ("embeddings.npy", "Boost Software License", "`weights.dat` are dedicated to the public domain under CC0", "king2009dlib", "a" * 64):
        assert expected in head
    other = card_of(package, "deepface-head", {"recogniser": "VGG-Face", "file": "vgg.onnx", "sha256": "a" * 64, "crop": "as it is"})
    assert "their own licence holds" in other
    assert "Dlib" not in other


def card_of(package: Path, recognizer: str, base: dict[str, str]) -> str:
    seal(package, ModelConfig("tiny", "net", recognizer=recognizer, base=base, title="A title"))
    card = render(facts := read_facts(package))
    assert isinstance(facts, Facts)
    assert "\n# tiny: A title\n" in card
    return card


@pytest.mark.parametrize(
    "expected",
    ["one face", "multimodal", "Art. 5(1)(f)", "Art. 50(3)", "not measured, and could not be", "unresolved", "Apache-2.0", "goodfellow2013", "@misc{fersys"],
)
def test_card_speaks_of_what_mitchell_et_al_ask_for(package: Path, expected: str) -> None:
    assert expected in render(read_facts(package))
