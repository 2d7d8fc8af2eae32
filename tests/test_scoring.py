"""Tables of any number of pictures: complete, once each, whatever happens on the way."""

import csv
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from tqdm import tqdm

import fersys
from fersys import load, scoring
from fersys.analysis import whole_face
from fersys.errors import ConfigError, DataError
from fersys.images import read_image
from fersys.journal import Tally, opened
from fersys.labels import EMOTIONS
from fersys.pictures import NO_ROW, Picture
from fersys.scoring import Job, Summary, _answers, _in_order, _missing, as_text, score
from tests.made_pictures import fill, pictures, write_parquet
from tests.tiny_package import make_package

ROOT = Path(__file__).parent.parent
Pixels = npt.NDArray[np.uint8]


class Sure:
    """Says happy of every face, and remembers how many it was shown at once."""

    certainty = 0.0

    def __init__(self, name: str = "sure") -> None:
        self.name, self.title, self.shown = name, name, list[int]()

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        self.shown.append(len(crops))
        return np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index("happy")], (len(crops), 1))


class Stopping(Sure):
    """Is stopped by Ctrl+C at its third call. With one worker, what came before is written by then."""

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        if len(self.shown) == 2:
            raise KeyboardInterrupt
        return super().predict(crops)


@pytest.fixture
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_picture_gets_the_scores_that_the_recogniser_gives(tmp_path: Path) -> None:
    model = load(make_package(tmp_path, "tiny"))
    paths = fill(tmp_path / "in", pictures(5))
    score(Job([tmp_path / "in"], tmp_path / "out.csv", [model], crops=True))
    rows = table(tmp_path / "out.csv")
    assert [row["path"] for row in rows] == [str(path) for path in paths]
    given = np.array([[float(row[name]) for name in EMOTIONS] for row in rows])
    assert given == pytest.approx(model.predict([read_image(path) for path in paths]), abs=1e-6)
    assert left(tmp_path) == {"tiny", "in", "out.csv"}


def test_faces_are_looked_for_in_photos_and_a_photo_without_one_has_a_row(tmp_path: Path, astronaut: Pixels) -> None:
    fill(tmp_path / "in", pictures(1))
    PIL.Image.fromarray(astronaut).save(tmp_path / "in" / "photo.png")
    summary = score(Job([tmp_path / "in"], tmp_path / "out.csv", [Sure("a"), Sure("b")]))
    assert [(row["face"], row["model"], row["label"]) for row in table(tmp_path / "out.csv")] == [
        ("0", "a", ""), ("0", "b", ""), ("1", "a", "happy"), ("1", "b", "happy"),
    ]  # fmt: skip
    assert (summary.tally.pictures, summary.tally.faces, summary.tally.faceless) == (2, 1, 1)


def test_bad_pictures_are_listed_and_the_others_go_on(tmp_path: Path) -> None:
    paths = fill(tmp_path / "in", [b"no picture", *pictures(2), b""])
    summary = score(Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()], crops=True))
    assert {row["path"] for row in table(tmp_path / "out.csv")} == {str(path) for path in paths[1:3]}
    listed = table(tmp_path / "out.csv.errors.csv")
    assert [row["path"] for row in listed] == [str(paths[0]), str(paths[3])]
    assert all(row["error"] for row in listed)
    assert "2 could not be read" in as_text(summary, tmp_path / "out.csv")


def test_a_bad_row_of_a_parquet_file_is_called_by_its_name(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [*pictures(1), b"no picture"])
    score(Job([path], tmp_path / "out.csv", [Sure()], crops=True))
    (error,) = table(tmp_path / "out.csv.errors.csv")
    assert (error["path"], error["row"]) == (str(path), "1")
    assert error["error"].endswith(f"Received: row 1 of {path}")


def test_labels_of_a_parquet_file_give_an_accuracy(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", pictures(4), ["happy", "happy", "sad", "happy"])
    summary = score(Job([path], tmp_path / "out.csv", [Sure()], crops=True))
    assert "accuracy of sure: 0.7500 of 4 pictures with a label" in as_text(summary, tmp_path / "out.csv")
    assert [row["truth"] for row in table(tmp_path / "out.csv")] == ["happy", "happy", "sad", "happy"]


def test_a_picture_without_a_face_counts_as_wrong_and_is_left_out_beside_it(tmp_path: Path, astronaut: Pixels) -> None:
    PIL.Image.fromarray(astronaut).save(tmp_path / "face.png")
    path = write_parquet(tmp_path / "a.parquet", [(tmp_path / "face.png").read_bytes(), *pictures(1)], ["happy", "happy"])
    summary = score(Job([path], tmp_path / "out.csv", [Sure()]))
    assert "0.5000 of 2 pictures with a label; 1.0000 of the 1 with a face" in as_text(summary, tmp_path / "out.csv")


def test_recognisers_are_shown_many_crops_at_once(tmp_path: Path) -> None:
    fill(tmp_path / "in", pictures(300))
    model = Sure()
    score(Job([tmp_path / "in"], tmp_path / "out.csv", [model], crops=True))
    assert sum(model.shown) == 300
    assert max(model.shown) >= 64


def test_large_crops_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(4):
        PIL.Image.new("RGB", (3000, 2500), (number, 0, 0)).save(tmp_path / f"{number}.png")
    model = Sure()
    score(Job([tmp_path], tmp_path / "out.csv", [model], crops=True))
    assert sum(model.shown) == 4
    assert max(model.shown) <= 2  # 22 MB each


@pytest.mark.usefixtures("_one_worker")
def test_after_an_interruption_it_goes_on_where_it_was(tmp_path: Path) -> None:
    fill(tmp_path / "in", pictures(600))
    with pytest.raises(KeyboardInterrupt):
        score(Job([tmp_path / "in"], tmp_path / "out.csv", [Stopping()], crops=True))
    assert left(tmp_path) == {"in", "out.csv.unfinished"}
    model = Sure()
    summary = score(Job([tmp_path / "in"], tmp_path / "out.csv", [model], crops=True))
    assert summary.looked == sum(model.shown) < 600
    assert len({row["path"] for row in table(tmp_path / "out.csv")}) == len(table(tmp_path / "out.csv")) == 600
    assert left(tmp_path) == {"in", "out.csv"}


def start(folder: Path, package: Path) -> "subprocess.Popen[bytes]":
    words = ["score", str(folder / "in"), "--crops", "--out", str(folder / "out.csv"), "--model", str(package)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "fersys", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def test_a_killed_process_loses_no_row_and_doubles_none(tmp_path: Path) -> None:
    package = make_package(tmp_path, "tiny")
    fill(tmp_path / "in", pictures(50) * 60)
    log = tmp_path / "out.csv.unfinished-wal"
    process, deadline = start(tmp_path, package), time.monotonic() + 120
    while process.poll() is None and not (log.exists() and log.stat().st_size > 100_000):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    assert process.wait() != 0, "it was done before it could be killed"
    assert not (tmp_path / "out.csv").exists()
    job = Job([tmp_path / "in"], tmp_path / "whole.csv", [load(package)], crops=True)
    assert start(tmp_path, package).wait() == 0
    score(job)
    assert (tmp_path / "out.csv").read_text() == (tmp_path / "whole.csv").read_text()
    assert len(table(tmp_path / "out.csv")) == 3000


@pytest.mark.usefixtures("_one_worker")
def test_a_model_that_was_changed_does_not_go_on_with_the_rows_of_the_old(tmp_path: Path) -> None:
    fill(tmp_path / "in", pictures(600))
    with pytest.raises(KeyboardInterrupt):
        score(Job([tmp_path / "in"], tmp_path / "out.csv", [Stopping()], crops=True, settings={"packages": ["abc"]}))
    job = Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()], crops=True, settings={"packages": ["def"]})
    with pytest.raises(ConfigError, match="the same packages, or --force"):
        score(job)
    assert score(job, force=True).looked == 600


@pytest.mark.usefixtures("_one_worker")
@pytest.mark.parametrize(("place", "value", "named"), [("__version__", "0.0.0", "version"), ("DEFAULT", "haar", "detector")])
def test_another_version_or_detector_does_not_go_on_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, value: str, named: str) -> None:
    fill(tmp_path / "in", pictures(64))
    monkeypatch.setattr(scoring, "detect", lambda image: [whole_face(image)])
    with pytest.raises(KeyboardInterrupt):
        score(Job([tmp_path / "in"], tmp_path / "out.csv", [Stopping()]))
    monkeypatch.setattr(fersys if named == "version" else scoring, place, value)
    with pytest.raises(ConfigError, match=f"expected the same {named}, or --force.*Received: {value}"):
        score(Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()]))


def test_a_run_that_is_still_at_it_is_not_disturbed_by_force(tmp_path: Path) -> None:
    fill(tmp_path / "in", pictures(300))

    class Intruding(Sure):
        def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
            with pytest.raises(DataError, match="no other run at it"):
                score(Job([tmp_path / "in"], tmp_path / "out.csv", [Sure("other")], crops=True), force=True)
            return super().predict(crops)

    score(Job([tmp_path / "in"], tmp_path / "out.csv", [Intruding("first")], crops=True))
    rows = table(tmp_path / "out.csv")
    assert (len(rows), {row["model"] for row in rows}) == (300, {"first"})
    assert left(tmp_path) == {"in", "out.csv"}


def test_results_that_are_there_are_kept_unless_forced(tmp_path: Path) -> None:
    fill(tmp_path / "in", pictures(1))
    job = Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()], crops=True)
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(ConfigError, match="--force"):
        score(job)
    assert (tmp_path / "out.csv").read_text() == "precious"
    score(job, force=True)
    assert len(table(tmp_path / "out.csv")) == 1


def test_a_list_of_bad_pictures_from_before_is_taken_away(tmp_path: Path) -> None:
    fill(tmp_path / "in", [b"bad"])
    job = Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()], crops=True)
    score(job)
    fill(tmp_path / "in", pictures(1))
    score(job, force=True)
    assert left(tmp_path) == {"in", "out.csv"}


def test_nothing_at_all_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    summary = score(Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()]))
    assert table(tmp_path / "out.csv") == []
    assert as_text(summary, tmp_path / "out.csv").startswith("0 pictures, 0 faces")


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a folder that is there"):
        score(Job([tmp_path], tmp_path / "missing" / "out.csv", [Sure()]))


def test_a_broken_source_leaves_no_result(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="not a parquet file"):
        score(Job([tmp_path / "a.parquet"], tmp_path / "out.csv", [Sure()]))
    assert not (tmp_path / "out.csv").exists()


def test_of_a_million_pictures_few_are_taken_before_their_rows_are_written(tmp_path: Path) -> None:
    (path,) = fill(tmp_path, pictures(1))
    taken = itertools.count()
    endless = (Picture(str(path), next(taken), path) for _ in range(1_000_000))
    answers = _answers(Job([], tmp_path / "out.csv", [Sure()], crops=True), endless)
    for number in range(1, 4):
        _, _, size = next(answers)
        assert 0 < size <= 256
        assert next(taken) < number * 256 + 1500  # with four workers


@pytest.mark.parametrize("hidden", [False, True])
def test_pictures_that_are_there_already_do_not_count_as_speed(tmp_path: Path, hidden: bool) -> None:
    files = fill(tmp_path / "in", pictures(5))
    job = Job([tmp_path / "in"], tmp_path / "out.csv", [Sure()], crops=True)
    with opened(job.journal, {}) as journal, tqdm(total=5, disable=hidden) as bar:
        journal.add([], [(str(path), NO_ROW, "bad") for path in files[:3]])
        assert [picture.content for picture in _missing(job, journal, bar)] == files[3:]
        assert bar.initial == 3
    assert score(replace(job, out=tmp_path / "new.csv"), show=not hidden).looked == 5


def test_one_is_counted_as_one() -> None:
    said = as_text(Summary(Tally(1, 1, 1, 1), 1, 1.0, {"m": (1, 1, 1)}), Path("out.csv"))
    assert "1 picture, 1 face, 1 picture without a face" in said
    assert "1.0000 of 1 picture with a label" in said


def test_no_more_is_read_ahead_than_allowed() -> None:
    taken: list[int] = []

    def parts() -> Any:
        for number in range(20):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        answers = _in_order(pool, lambda number: number * number, parts(), 4)
        assert next(answers) == 0
        assert taken == [0, 1, 2, 3]
        assert list(answers) == [number * number for number in range(1, 20)]
