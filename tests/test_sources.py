"""Every form in which FER2013 may lie, made small; and what is said of the ones that are wrong."""

import csv
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fersys.errors import DataError, LabelError
from fersys.labels import EMOTIONS
from tests.made_data import ALPHABETICAL, noise, only, png, records, table, write_parquet
from train import sources
from train.sources import COUNTS, SPLITS, Records, counts_by_split, read_records, split_of_row

USAGES = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}


def assert_equal(read: Records, made: Records) -> None:
    for name in ("images", "labels", "splits"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert read.images.dtype == np.uint8
    assert read.labels.dtype == np.int64


def refused(source: Path, *words: str) -> None:
    with pytest.raises(DataError, match=".*".join(map(re.escape, words))) as caught:
        read_records(str(source))
    assert "Received: " in str(caught.value)
    assert "\n" not in str(caught.value)


# Parquet files


@pytest.mark.parametrize("names", [EMOTIONS, ALPHABETICAL])
def test_parquet_labels_are_mapped_by_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    made = records()
    read = read_records(str(write_parquet(tmp_path, made, names)))
    assert_equal(read, made)
    np.testing.assert_array_equal(read.rows, made.rows)
    np.testing.assert_array_equal(read.votes, made.votes)


def test_reading_parquet_leaves_no_copy_of_the_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    read_records(str(write_parquet(tmp_path / "data", records())))
    assert not list(tmp_path.glob("cache/**/*.arrow"))


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00001-ab.parquet", "valid.parquet", "latest-test.parquet"),
        ("default/train/0000.parquet", "default/val/0000.parquet", "default/test/0000.parquet"),
        ("Training.parquet", "PublicTest.parquet", "PrivateTest.parquet"),
    ],
)
def test_parquet_files_and_folders_may_be_named_in_known_ways(tmp_path: Path, names: tuple[str, ...]) -> None:
    made = records()
    for split, name in zip(SPLITS, names, strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        table(only(made, split)).to_parquet(tmp_path / name)
    assert_equal(read_records(str(tmp_path)), made)


def test_a_split_in_several_files_is_put_together_in_order(tmp_path: Path) -> None:
    made = records()
    write_parquet(tmp_path, made)
    (tmp_path / "train.parquet").unlink()
    table(only(made, "train")).select(range(20)).to_parquet(tmp_path / "train-00000-of-00002.parquet")
    table(only(made, "train"), ALPHABETICAL).select(range(20, 28)).to_parquet(tmp_path / "train-00001-of-00002.parquet")
    assert_equal(read_records(str(tmp_path)), made)


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    (write_parquet(tmp_path, records()) / "test.parquet").unlink()
    refused(tmp_path, "expected parquet files named after train, validation, test")


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    (write_parquet(tmp_path, records()) / "test.parquet").write_bytes(b"PAR1 not at all")
    refused(tmp_path, "test.parquet")


def plain_parquet(folder: Path, label: list[Any], image: list[Any] | None = None) -> Path:
    """Parquet files without what `datasets` writes into them."""
    images = image or [{"bytes": png(i), "path": None} for i in noise(len(label))]
    for split in SPLITS:
        pq.write_table(pa.table({"image": images, "label": label}), folder / f"{split}.parquet")
    return folder


def test_label_numbers_without_names_are_refused(tmp_path: Path) -> None:
    refused(plain_parquet(tmp_path, [0, 1, 2]), "train.parquet", "labels without names", "ClassLabel or text")


def test_labels_as_text_are_mapped_by_name(tmp_path: Path) -> None:
    read = read_records(str(plain_parquet(tmp_path, ["Neutral", "anger", "happy"])))
    assert read.labels.tolist() == [6, 0, 3] * 3
    np.testing.assert_array_equal(read.images[:3], noise(3))
    assert set(read.rows.tolist()) == {-1}
    assert read.votes is None


def test_an_unknown_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="Received: 'contempt'"):
        read_records(str(plain_parquet(tmp_path, ["happy", "contempt"])))


def test_an_image_without_label_is_refused(tmp_path: Path) -> None:
    made = records()
    write_parquet(tmp_path, made)
    features = table(made).features
    columns = {**table(only(made, "test")).cast_column("image", datasets.Image(decode=False)).to_dict(), "label": [-1] * 14}
    datasets.Dataset.from_dict(columns, features).to_parquet(tmp_path / "test.parquet")
    refused(tmp_path, "test.parquet", "expected labels from 0 to 6", "Received: -1")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"picture": [1], "label": ["happy"]}), write_parquet(tmp_path, records()) / "test.parquet")
    refused(tmp_path, "test.parquet", "expected columns image and label", "Received: picture, label")


def test_a_column_that_is_no_image_is_refused(tmp_path: Path) -> None:
    refused(plain_parquet(tmp_path, ["happy"], ["/etc/hostname"]), "train.parquet", "expected encoded images")


COLOUR = np.dstack([noise(1, seed)[0] for seed in range(3)])


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (png(COLOUR), "shape (48, 48, 3)"),
        (png(noise(1)[0][:47]), "shape (47, 48)"),
        (bytes(cv2.imencode(".png", noise(1)[0].astype(np.uint16))[1].tobytes()), "uint16"),
        (b"not a picture", "13 bytes"),
        (b"", "bytes of an image"),
    ],
)
def test_a_wrong_image_is_named_with_its_place(tmp_path: Path, content: bytes, received: str) -> None:
    images = [{"bytes": png(noise(1)[0]), "path": None}, {"bytes": content, "path": None}]
    refused(plain_parquet(tmp_path, ["happy", "sad"], images), "train.parquet, image 1: ")
    with pytest.raises(DataError, match=re.escape(received)):
        read_records(str(tmp_path))


def test_gray_written_as_rgb_is_gray(tmp_path: Path) -> None:
    gray = noise(1)[0]
    read = read_records(str(plain_parquet(tmp_path, ["happy"], [{"bytes": png(np.dstack([gray] * 3)), "path": None}])))
    np.testing.assert_array_equal(read.images[0], gray)


# Kaggle's CSV


def csv_rows(made: Records) -> list[list[str]]:
    rows = zip(made.labels, made.images, made.splits, strict=True)
    return [[str(label), " ".join(map(str, image.ravel())), USAGES[str(split)]] for label, image, split in rows]


def write_csv(path: Path, rows: list[list[str]], head: tuple[str, ...] = ("emotion", "pixels", "Usage")) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def test_csv_is_read_row_by_row(tmp_path: Path) -> None:
    made = records()
    path = write_csv(tmp_path / "fer2013.csv", csv_rows(made))
    for source in (path, tmp_path):
        read = read_records(str(source))
        assert_equal(read, made)
        np.testing.assert_array_equal(read.rows, np.arange(56))
        assert read.votes is None


def test_csv_in_a_folder_with_odd_letters_is_read_and_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "data [old] *"
    folder.mkdir()
    assert len(read_records(str(write_csv(folder / "fer2013.csv", csv_rows(records())))).labels) == 56
    assert not list(tmp_path.glob("cache/**/*.arrow"))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (0, "7", ("an emotion from 0 to 6", "Received: 7")),
        (0, "-1", ("an emotion from 0 to 6", "Received: -1")),
        (0, "happy", ("an emotion from 0 to 6",)),
        (1, "1 2 3", ("expected 2304 pixels", "Received: 3")),
        (1, "1 x 3", ("pixels from 0 to 255", "'x'")),
        (1, " ".join(["256"] * 2304), ("pixels from 0 to 255",)),
        (1, "", ("pixels from 0 to 255",)),
        (2, "Holiday", ("Unknown split", "'Holiday'")),
    ],
)
def test_a_wrong_csv_cell_is_refused(tmp_path: Path, column: int, value: str, words: tuple[str, ...]) -> None:
    rows = csv_rows(records())
    rows[3][column] = value
    with pytest.raises(DataError, match=".*".join(map(re.escape, words))):
        read_records(str(write_csv(tmp_path / "fer2013.csv", rows)))


def test_a_wrong_csv_row_is_named(tmp_path: Path) -> None:
    rows = csv_rows(records())
    rows[3][1] = rows[3][1][:-10]
    refused(write_csv(tmp_path / "fer2013.csv", rows), "fer2013.csv, row 3: expected 2304 pixels")


def test_a_csv_of_something_else_is_refused(tmp_path: Path) -> None:
    refused(write_csv(tmp_path / "a.csv", [["1", "2"]], ("x", "y")), "emotion, pixels, Usage", "Received: x, y")
    refused(write_csv(tmp_path / "b.csv", []), "emotion, pixels, Usage")
    (tmp_path / "c.csv").write_bytes(b"")
    refused(tmp_path / "c.csv", "c.csv")
    (tmp_path / "d.csv").write_bytes(b"emotion,pixels,Usage\n1,2\n1,2,3,4,5\n")
    refused(tmp_path / "d.csv", "d.csv")


# Kaggle's image folders


def write_picture(path: Path, image: npt.NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(image))


def by_image(whole: Records) -> dict[bytes, tuple[int, str]]:
    return {image.tobytes(): (int(label), str(split)) for image, label, split in zip(whole.images, whole.labels, whole.splits, strict=True)}


def test_folders_with_split_names_are_read(tmp_path: Path) -> None:
    made = records()
    for number, (image, label, split) in enumerate(zip(made.images, made.labels, made.splits, strict=True)):
        folder = "train" if split == "train" else "test"
        write_picture(tmp_path / folder / EMOTIONS[label] / f"{USAGES[str(split)]}_{number}.png", image)
    read = read_records(str(tmp_path))
    assert by_image(read) == by_image(made)
    assert set(read.rows.tolist()) == {-1}


def test_official_split_is_recovered_from_row_numbers(tmp_path: Path) -> None:
    rows = (0, 28_708, 28_709, 32_297, 32_298, 35_886)
    for row, image in zip(rows, noise(6), strict=True):
        write_picture(tmp_path / "images" / ("train" if row % 2 else "validation") / "Angry" / f"{row}.png", image)
    read = read_records(str(tmp_path))
    found = dict(zip(read.rows.tolist(), read.splits.tolist(), strict=True))
    assert found == {0: "train", 28_708: "train", 28_709: "validation", 32_297: "validation", 32_298: "test", 35_886: "test"}
    assert set(read.labels.tolist()) == {0}


def test_jpeg_folders_are_read_and_hidden_files_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "happy"
    folder.mkdir(parents=True)
    smooth = np.tile(np.arange(48, dtype=np.uint8) * 4, (48, 1))
    cv2.imwrite(str(folder / "Training_1.jpg"), smooth)
    (folder / "._Training_1.jpg").write_bytes(b"left by a Mac")
    read = read_records(str(tmp_path))
    assert len(read.images) == 1
    np.testing.assert_allclose(read.images[0].astype(int), smooth, atol=12)


def test_an_unknown_class_folder_is_named(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "contempt" / "Training_1.png", noise(1)[0])
    with pytest.raises(LabelError, match="Received: 'contempt'"):
        read_records(str(tmp_path))


@pytest.mark.parametrize(("name", "words"), [("portrait.png", "Received: portrait.png"), ("35887.png", "from 0 to 35886. Received: 35887")])
def test_an_unknown_file_name_is_refused(tmp_path: Path, name: str, words: str) -> None:
    write_picture(tmp_path / "train" / "happy" / name, noise(1)[0])
    with pytest.raises(DataError, match=re.escape(words)):
        read_records(str(tmp_path))


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "happy" / "Training_5.png", noise(1)[0][:, :40])
    refused(tmp_path, "Training_5.png: expected 48×48", "shape (48, 40)")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, str(tmp_path))


# The hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server on this machine that answers a first question, in place of the hub."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 (the name is given)
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("names", [("train", "valid", "test"), ("train", "val", "test"), ("Training", "PublicTest", "PrivateTest"), SPLITS])
def test_hub_splits_and_labels_are_mapped_by_name(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    made, asked = records(), []

    def load(name: str) -> datasets.DatasetDict:
        asked.append((name, datasets.config.HF_HUB_OFFLINE))
        return datasets.DatasetDict({foreign: table(only(made, split), ALPHABETICAL) for split, foreign in reversed([*zip(SPLITS, names, strict=True)])})

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert_equal(read_records("you/fer2013"), made)
    assert asked == [("you/fer2013", False)]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    "error",
    [
        datasets.exceptions.DatasetNotFoundError("Dataset 'you/fer2013' doesn't exist.\nSecond line"),
        ConnectionError("reset"),
        TimeoutError(),
        RuntimeError("Dataset scripts are no longer supported, but found fer2013.py"),
        ValueError("Config name is missing."),
        datasets.exceptions.DatasetGenerationError("broken"),
    ],
)
def test_what_the_hub_says_becomes_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load(name: str) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(DataError, match=r"from the hub: .*--data or FERSYS_DATA.*Received: 'you/fer2013'$") as caught:
        read_records("you/fer2013")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_a_foreign_split_of_the_hub_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", lambda name: datasets.DatasetDict({"holiday": table(records())}))
    with pytest.raises(DataError, match="Received: 'holiday'"):
        read_records("you/fer2013")


def test_an_unreachable_hub_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", "http://127.0.0.1:9")
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    with pytest.raises(DataError, match=r"no connection to http://127.0.0.1:9 and no copy in the cache.*Received: 'you/fer2013'"):
        read_records("you/fer2013")
    assert not waits
    assert datasets.config.HF_HUB_OFFLINE is False


def test_without_leave_to_use_the_network_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(sources, "_answers", lambda url: pytest.fail("asked"))
    with pytest.raises(DataError, match="no copy in the cache"):
        read_records("you/fer2013")


@pytest.mark.parametrize("source", ["", " ", "nope", "../nope", "/no/such/folder", "no/such.csv", "https://example.org/x", "a b/c"])
def test_what_is_neither_a_path_nor_a_hub_id_is_refused(source: str) -> None:
    with pytest.raises(DataError, match=rf"expected a hub id.*Received: {re.escape(repr(source))}"):
        read_records(source)


# Rows and counts


def test_rows_lie_split_after_split() -> None:
    assert sum(COUNTS.values()) == 35_887
    assert [split_of_row(row) for row in (0, 28_708, 28_709, 32_298, 35_886)] == ["train", "train", "validation", "test", "test"]
    with pytest.raises(DataError, match="Received: -1"):
        split_of_row(-1)


def test_counts_are_by_split() -> None:
    assert counts_by_split(["test", "train", "test"]) == {"train": 1, "validation": 0, "test": 2}
