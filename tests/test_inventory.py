"""What `python -m train data` says and writes."""

import json
from pathlib import Path

import pytest

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from tests.made_data import records, write_parquet
from train.data import Fer2013, load_fer2013
from train.inventory import PAPER_PRINTED, PAPER_TRULY, as_text, run, take_inventory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = records(30, 14, 21)
    made.images[60] = made.images[0]  # a test image with a twin in Training
    made.images[2] = made.images[1]  # twins with two labels
    return str(write_parquet(tmp_path_factory.mktemp("fer2013"), made))


@pytest.fixture(scope="module")
def data(folder: str) -> Fer2013:
    return load_fer2013(folder, strict=False)


def test_paper_figures_are_one_set_of_numbers_under_two_sets_of_names() -> None:
    assert set(PAPER_PRINTED) == set(PAPER_TRULY) == set(EMOTIONS)
    assert sorted(PAPER_PRINTED.values()) == sorted(PAPER_TRULY.values())
    assert sum(PAPER_PRINTED.values()) == 28_821


def test_instances_are_counted_by_expression_and_split(data: Fer2013) -> None:
    found = take_inventory(data)["instances"]
    assert list(found) == list(EMOTIONS)
    assert {key: found["angry"][key] for key in ("train", "validation", "test", "all")} == {"train": 5, "validation": 2, "test": 3, "all": 10}
    assert {split: sum(row[split] for row in found.values()) for split in ("train", "validation", "test", "all")} == {
        "train": 30,
        "validation": 14,
        "test": 21,
        "all": 65,
    }
    assert found["angry"]["paper_printed"] == 4938
    assert found["angry"]["paper_truly"] == 3993
    assert found["angry"]["paper_printed_as"] == "fear"
    assert found["happy"]["paper_printed_as"] == "happy"


def test_twins_clean_up_splits_and_fingerprint_are_told(data: Fer2013) -> None:
    found = take_inventory(data)
    assert found["images"] == 65
    assert found["fingerprint"] == data.fingerprint
    assert found["twins"]["exact_redundant"] == 2
    assert found["twins"]["test_with_exact_twin_in_train"] == 1
    assert found["twins"]["exact_groups_with_conflicting_labels"] == 1 + int(data.records.labels[0] != data.records.labels[60])
    assert found["removed"] == {"twin_in_validation_or_test": 1, "conflicting_labels": 2, "repeated": 0, "kept": 27}
    sizes = {name: row["n"] for name, row in found["splits"].items()}
    assert sizes == {"fit": 27, "train": 30, "validation": 14, "test": 21, "test_clean": 20, "test_strict": 20, "test_ferplus": 21}
    for row in found["splits"].values():
        assert sum(row[name] for name in EMOTIONS) == row["n"]


def test_text_fits_a_terminal_and_says_every_figure(data: Fer2013) -> None:
    text = as_text(take_inventory(data))
    assert max(map(len, text.splitlines())) <= 80
    assert data.fingerprint in text
    assert "4,938, printed as angry, is sad" in text
    for words in ("test_strict", "test_ferplus", "conflicting labels", "kept"):
        assert words in text
    row = next(line for line in text.splitlines() if line.startswith("angry"))
    assert row.split()[1:5] == ["5", "2", "3", "10"]


def test_json_holds_what_the_text_is_made_of(data: Fer2013, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "data.json"
    text = run(data, out)
    written = json.loads(out.read_text())
    assert written == take_inventory(data)
    assert text.startswith(as_text(written))
    assert text.endswith(f"Written to {out}")


def test_paper_split_is_told_without_a_clean_up(folder: str) -> None:
    found = take_inventory(load_fer2013(folder, "paper", strict=False))
    assert found["removed"] == {}
    text = as_text(found)
    assert "Clean-up" not in text
    assert "70 % of the pooled images" in text
    assert sum(found["splits"][name]["n"] for name in ("fit", "validation", "test")) == 65


def test_a_file_that_cannot_be_written_is_one_clear_error(data: Fer2013, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"Received: .*data.json"):
        run(data, tmp_path / "file" / "data.json")


def test_an_expression_without_images_is_told_too(data: Fer2013) -> None:
    found = take_inventory(data)
    found["instances"]["fear"] |= dict.fromkeys(("train", "validation", "test", "all"), 0)
    assert "–" in as_text(found)
