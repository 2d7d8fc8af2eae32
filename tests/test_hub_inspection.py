"""A package is looked over before a byte of it leaves."""

import json
import zipfile
from pathlib import Path

import pytest

from fersys.config import read_config
from fersys.digest import sha256
from fersys.errors import PackageError
from fersys.package import seal
from hub.inspection import inspect_package
from tests.made_pushable import ACCURACY, MACRO_F1, make_pushable, write_card

SHIPPED = sorted(path.parent for path in (Path(__file__).parent.parent / "hub" / "models").glob("*/fersys.json"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_pushable(tmp_path)


def test_a_whole_and_honest_package_goes_with_all_its_files(package: Path) -> None:
    parcel = inspect_package(package)
    names = ["README.md", "config.json", "fersys.json", "figures/curves.png", "metadata.json", "metrics.json", "model.keras", "model.onnx", "model.weights.h5"]
    assert list(parcel.files) == names
    assert (parcel.name, parcel.left_out) == ("mine", ())
    assert parcel.size == sum((package / name).stat().st_size for name in names)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_packages_may_be_pushed_and_leave_nothing_out(folder: Path) -> None:
    assert inspect_package(folder).left_out == ()


def test_what_a_training_left_behind_stays_here(package: Path) -> None:
    for name in ("checkpoint.weights.h5", "best.weights.h5", "notes.pkl", ".DS_Store", "figures/.hidden.png", "logs/events.out"):
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_bytes(b"x")
    parcel = inspect_package(package)
    assert set(parcel.left_out) == {"checkpoint.weights.h5", "best.weights.h5", "notes.pkl", ".DS_Store", "figures/.hidden.png", "logs/events.out"}
    assert not set(parcel.files) & set(parcel.left_out)


def test_the_licence_that_a_card_points_at_goes_too(package: Path) -> None:
    (package / "LICENSE.md").write_text("terms")
    assert "LICENSE.md" in inspect_package(package).files


@pytest.mark.parametrize("name", ["model.onnx", "model.weights.h5", "metrics.json"])
def test_a_flipped_byte_is_refused_and_named(package: Path, name: str) -> None:
    content = bytearray((package / name).read_bytes())
    content[len(content) // 2] ^= 1
    (package / name).write_bytes(content)
    with pytest.raises(PackageError, match=name):
        inspect_package(package)


def test_wrong_labels_are_refused(package: Path) -> None:
    about = json.loads((package / "fersys.json").read_text())
    about["labels"].reverse()
    (package / "fersys.json").write_text(json.dumps(about))
    with pytest.raises(PackageError, match="Labels"):
        inspect_package(package)


def test_a_package_without_a_card_is_refused(package: Path) -> None:
    (package / "README.md").unlink()
    with pytest.raises(PackageError, match=r"No card.*python -m model_card"):
        inspect_package(package)


@pytest.mark.parametrize(("accuracy", "macro_f1"), [(ACCURACY + 0.001, MACRO_F1), (ACCURACY, MACRO_F1 - 0.0002), (float("nan"), MACRO_F1)])
def test_a_card_that_lies_is_refused(package: Path, accuracy: float, macro_f1: float) -> None:
    write_card(package, accuracy, macro_f1)
    with pytest.raises(PackageError, match=r"does not say what was measured.*on validation"):
        inspect_package(package)


def test_a_card_that_claims_a_split_nobody_measured_is_refused(package: Path) -> None:
    write_card(package, ACCURACY, MACRO_F1, split="test")
    with pytest.raises(PackageError, match="does not say what was measured"):
        inspect_package(package)


@pytest.mark.parametrize("key", ["library_name", "pipeline_tag", "license", "datasets", "metrics"])
def test_a_card_without_its_front_matter_is_refused(package: Path, key: str) -> None:
    card = package / "README.md"
    card.write_text(card.read_text().replace(f"\n{key}:", f"\nno_{key}:").replace(f"---\n{key}:", f"---\nno_{key}:"))
    with pytest.raises(PackageError, match=f"incomplete: expected {key}"):
        inspect_package(package)


@pytest.mark.parametrize("front", ["", "---\n: [\n---\n", "---\nmodel-index: 3\nmodel_name: x\n---\n", "---\n- a\n---\n"])
def test_a_card_whose_front_matter_cannot_be_read_is_refused(package: Path, front: str) -> None:
    (package / "README.md").write_text(f"{front}\n# mine\n")
    with pytest.raises(PackageError, match="card of"):
        inspect_package(package)


def test_a_card_that_shows_a_missing_picture_is_refused(package: Path) -> None:
    (package / "figures" / "curves.png").unlink()
    with pytest.raises(PackageError, match=r"shows figures/curves\.png"):
        inspect_package(package)


def test_figures_measured_on_another_file_are_refused(package: Path) -> None:
    metrics = json.loads((package / "metrics.json").read_text())
    (package / "metrics.json").write_text(json.dumps(metrics | {"serving_sha256": "0" * 64}))
    seal(package, read_config(package))
    with pytest.raises(PackageError, match="measured on another file"):
        inspect_package(package)


def test_an_unmeasured_package_is_refused(package: Path) -> None:
    (package / "metrics.json").unlink()
    seal(package, read_config(package))
    with pytest.raises(PackageError, match="measured first"):
        inspect_package(package)


def test_files_that_may_hold_code_are_refused_even_if_vouched_for(package: Path) -> None:
    about = json.loads((package / "fersys.json").read_text())
    (package / "weights.pkl").write_bytes(b"\x80\x04.")
    about["files"]["weights.pkl"] = sha256(package / "weights.pkl")
    (package / "fersys.json").write_text(json.dumps(about))
    with pytest.raises(PackageError, match=r"hold no code.*weights\.pkl"):
        inspect_package(package)


def test_an_archive_with_a_pickle_in_it_is_refused(package: Path) -> None:
    with zipfile.ZipFile(package / "model.keras", "a") as archive:
        archive.writestr("extra.pkl", b"\x80\x04.")
    seal(package, read_config(package))
    with pytest.raises(PackageError, match=r"extra\.pkl"):
        inspect_package(package)


def test_an_empty_file_is_refused(package: Path) -> None:
    (package / "figures" / "empty.png").touch()
    with pytest.raises(PackageError, match=r"empty file.*figures/empty\.png"):
        inspect_package(package)


def test_a_package_far_larger_than_ours_is_refused(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.inspection.LARGEST", 1000)
    with pytest.raises(PackageError, match="too large"):
        inspect_package(package)
