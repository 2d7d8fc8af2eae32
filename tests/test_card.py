"""The model card says what the package's files say, and is what is shipped."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from fersys.config import read_config
from fersys.errors import ModelError, PackageError
from fersys.package import seal
from model_card import __main__ as command
from model_card.__main__ import main
from model_card.card import SECTIONS, check_card, render, write_card
from model_card.example import record
from model_card.facts import read_facts
from model_card.section import TEMPLATE
from tests.card_package import METRICS, OPENED, RUN, change, compared, make_measured

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent for path in ROOT.glob("hub/models/*/metrics.json"))
WRITTEN = ("README.md", "LICENSE.md", "figures/astronaut.jpg")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_measured(tmp_path)


def front_matter(card: str) -> dict[str, Any]:
    matter = yaml.safe_load(card.split("---\n")[1])  # refuses tags, such as those of numpy's scalars
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
    assert "numpy" not in card.split("---\n")[1]


def linked(card: str) -> list[str]:
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", card)


def test_front_matter_says_what_a_hub_needs(package: Path) -> None:
    record(package)
    matter = front_matter(render(read_facts(package)))
    assert (matter["library_name"], matter["pipeline_tag"]) == ("keras", "image-classification")
    assert (matter["license"], matter["license_name"], matter["license_link"]) == ("other", "unresolved-data-rights", "LICENSE.md")
    assert matter["datasets"] == ["AutumnQiu/fer2013"]
    assert matter["metrics"] == ["accuracy", "f1"]
    assert matter["model-index"][0]["name"] == "tiny"


def test_widget_shows_recorded_answers_the_likeliest_first(package: Path) -> None:
    assert "widget" not in front_matter(render(read_facts(package)))
    record(package)
    (widget,) = front_matter(render(read_facts(package)))["widget"]
    assert widget["src"] == "figures/astronaut.jpg"
    scores = [answer["score"] for answer in widget["output"]]
    assert scores == sorted(scores, reverse=True)
    assert {type(score) for score in scores} == {float}
    assert sum(scores) == pytest.approx(1, abs=4e-3)


@pytest.mark.parametrize("metrics", [METRICS, OPENED], ids=["validation", "test"])
def test_model_index_holds_the_measured_figures_but_not_those_of_training(package: Path, metrics: dict[str, Any]) -> None:
    change(package, "metrics.json", metrics)
    check_front_matter(package, render(read_facts(package)))


def test_every_section_has_its_block_and_every_block_its_section() -> None:
    blocks = re.findall(r"{% block (\w+) %}", TEMPLATE.read_text(encoding="utf-8"))
    assert [section.block for section in SECTIONS] == blocks


def test_no_figure_is_typed_into_the_prose() -> None:
    prose = re.sub(r"```.*?```|{%.*?%}|{{.*?}}", "", TEMPLATE.read_text(encoding="utf-8"), flags=re.DOTALL)
    allowed = r"95 % b|Apache-2\.0|Software License 1\.0|CC0 1\.0"  # a level, and names of licences
    assert re.findall(r"\d[.,]\d+|\d+ ?%", re.sub(allowed, "", prose)) == []


@pytest.mark.parametrize("metrics", [METRICS, OPENED], ids=["validation", "test"])
def test_sections_stand_apart_and_nothing_is_left_of_the_template(package: Path, metrics: dict[str, Any], tmp_path: Path) -> None:
    change(package, "metrics.json", metrics)
    change(tmp_path, "compare.json", compared(package))
    record(package)
    card = re.sub(r"```.*?```", "code", render(read_facts(package, tmp_path / "compare.json")).partition("# tiny")[2], flags=re.DOTALL)
    assert not re.search(r"{%|{{|%}|\n\n\n|None|Undefined|[^\n]\n#|[^|\n]\n\|", card)
    tables = re.findall(r"(?:^\|.*\|\n)+", card, re.MULTILINE)
    assert len(tables) >= 8
    assert all(len({line.count("|") for line in table.splitlines()}) == 1 for table in tables)


def test_every_picture_of_the_card_is_there(package: Path) -> None:
    record(package)
    write_card(package)
    names = linked((package / "README.md").read_text(encoding="utf-8"))
    assert names == ["figures/astronaut.jpg", "figures/confusion_validation.png", "figures/learning_curves.png"]
    assert all((package / name).is_file() for name in names)


def test_card_does_not_depend_on_where_the_package_lies(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(package.parent)
    assert render(read_facts(Path("tiny"))) == render(read_facts(package))
    assert str(package.parent) not in render(read_facts(package))


def test_license_file_is_the_section_on_rights(package: Path) -> None:
    card = write_card(package).read_text(encoding="utf-8")
    rights = (package / "LICENSE.md").read_text(encoding="utf-8").partition("## Rights")[2]
    assert "unresolved" in rights
    assert rights.strip() in card


@pytest.mark.parametrize("name", ["metrics.json", "run.json", "fersys.json"])
@pytest.mark.parametrize("content", [None, "{", "7"])
def test_missing_or_damaged_file_is_one_clear_error(package: Path, name: str, content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    (package / name).unlink() if content is None else (package / name).write_text(content)
    with pytest.raises(PackageError, match=rf"(?s){name}.*Received: \S"):
        write_card(package)
    assert main([str(package)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not any((package / written).exists() for written in WRITTEN)
    with pytest.raises(PackageError):
        main(["--debug", str(package)])


@pytest.mark.parametrize("split", [{}, {"accuracy": 0.5}, {"accuracy": "high"}])
def test_figures_that_are_missing_or_no_numbers_are_refused(package: Path, split: dict[str, Any]) -> None:
    change(package, "metrics.json", METRICS | {"splits": {"validation": split}})
    with pytest.raises(PackageError, match=r"tiny: expected .*Received: \S"):
        write_card(package)


def test_damaged_history_is_refused(package: Path) -> None:
    (package / "history.csv").write_text("epoch,val_accuracy\n1,high\n")
    with pytest.raises(PackageError, match=r"history\.csv is damaged"):
        read_facts(package)


def test_command_writes_the_cards_of_the_folders_named(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(package)]) == 0
    assert capsys.readouterr().out == f"wrote {package / 'README.md'}\n"
    assert (package / "README.md").read_text(encoding="utf-8") == render(read_facts(package))
    assert all((package / name).is_file() for name in WRITTEN)
    assert main(["--check", str(package)]) == 0


def test_command_run_again_changes_nothing(package: Path) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in package.rglob("*") if path.is_file()}

    main([str(package)])
    first = contents()
    main([str(package)])
    assert contents() == first


def test_without_the_model_s_library_the_card_goes_without_an_example(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(folder: Path) -> None:
        raise ModelError(f"{folder}: no dlib")

    monkeypatch.setattr(command, "record", missing)
    assert main([str(package)]) == 0
    assert "goes without an example" in capsys.readouterr().err
    assert "## An example" not in (package / "README.md").read_text(encoding="utf-8")
    assert main(["--check", str(package)]) == 0


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_command_without_folders_takes_all_shipped_packages(package: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    main([str(package)])
    (target := package.parent / "hub" / "models").mkdir(parents=True)
    package.rename(target / "tiny")
    monkeypatch.chdir(package.parent)
    assert main(words) == 0
    (target / "tiny" / "LICENSE.md").write_text("mine")
    assert main(words) == len(words)


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_command_says_that_there_are_no_packages(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    assert "No packages: expected" in capsys.readouterr().err


def test_check_names_the_line_that_differs_and_writes_nothing(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(package)])
    card = (package / "README.md").read_text(encoding="utf-8").replace("0.654", "0.754")
    (package / "README.md").write_text(card, encoding="utf-8")
    capsys.readouterr()
    assert main(["--check", str(package)]) == 1
    error = capsys.readouterr().err
    assert "README.md is not what the package's files make: expected in line " in error
    assert error.index("0.654") < error.index("received") < error.index("0.754")
    assert (package / "README.md").read_text(encoding="utf-8") == card


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("content", [None, b"", b"other"])
def test_check_names_the_file_that_is_missing_or_another(package: Path, name: str, content: bytes | None) -> None:
    main([str(package)])
    (package / name).unlink() if content is None else (package / name).write_bytes(content)
    with pytest.raises(PackageError, match=re.escape(str(package / name))):
        check_card(package)


def test_check_notices_figures_that_changed_after_the_card(package: Path) -> None:
    main([str(package)])
    change(package, "run.json", RUN | {"git_revision": "another"})
    with pytest.raises(PackageError, match="another"):
        check_card(package)


def test_a_new_serving_file_makes_the_recorded_example_stale(package: Path) -> None:
    main([str(package)])
    assert "## An example" in render(read_facts(package))
    seal(package, read_config(package))
    assert "## An example" in render(read_facts(package))
    (package / "model.onnx").write_bytes(b"another")
    seal(package, read_config(package))
    assert "## An example" not in render(read_facts(package))


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda folder: folder.name)
def test_card_of_a_shipped_package_is_that_of_its_files(shipped: Path) -> None:
    check_card(shipped)
    card = (shipped / "README.md").read_text(encoding="utf-8")
    check_front_matter(shipped, card)
    assert {"test", "test_clean"} <= {split for split, _ in published(front_matter(card))}
    assert len(linked(card)) >= 5
    assert all((shipped / name).is_file() for name in linked(card))
