"""`fersys video`: a video and a table out, whole or not there."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys import annotating, load
from fersys.annotating import COLUMNS, Film, Report, annotate_video, as_text, to_rows
from fersys.drawing import color
from fersys.errors import ConfigError, VideoError
from fersys.following import FollowConfig, Followed, Follower
from fersys.labels import EMOTIONS
from fersys.results import to_prediction
from fersys.tracking import Track
from fersys.video import Shape, opened
from tests.made_videos import squares, write
from tests.tiny_package import make_package

Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def follower(tmp_path_factory: pytest.TempPathFactory) -> Follower:
    return Follower(load(make_package(tmp_path_factory.mktemp("models"), "tiny")), FollowConfig(detect_every=3))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def passing(astronaut: Pixels, count: int) -> Iterator[Pixels]:
    """The one face that may be shown, wandering to the right."""
    small = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    return (np.roll(small, 3 * number, axis=1) for number in range(count))


def painted(frame: Pixels, number: int) -> int:
    """Pixels of about the colour of a face with that number."""
    wanted = [int(color(number)[place : place + 2], 16) for place in (1, 3, 5)]
    return int((np.abs(frame.astype(int) - wanted).max(axis=2) < 40).sum())


def test_a_face_gets_a_box_in_the_video_and_a_row_a_frame(tmp_path: Path, astronaut: Pixels, follower: Follower) -> None:
    source = write(tmp_path / "in.mp4", passing(astronaut, 12))
    report = annotate_video(Film(source, tmp_path / "out.mp4", tmp_path / "frames.csv"), follower)
    assert (report.frames, report.faces) == (12, 1)
    rows = table(tmp_path / "frames.csv")
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["frame"], row["face"]) for row in rows] == [(str(number), "1") for number in range(1, 12)]
    assert [float(row["time"]) for row in rows] == pytest.approx([number / 25 for number in range(1, 12)], abs=0.002)
    assert all(sum(float(row[name]) for name in EMOTIONS) == pytest.approx(1, abs=1e-4) for row in rows)
    with opened(source) as before, opened(tmp_path / "out.mp4") as after:
        gained = [painted(new, 1) - painted(old, 1) for (_, old), (_, new) in zip(before.frames(), after.frames(), strict=True)]
    assert gained[0] < 50 < 300 < min(gained[1:])


def test_a_video_without_faces_is_written_all_the_same(tmp_path: Path, follower: Follower) -> None:
    report = annotate_video(Film(write(tmp_path / "in.mp4", squares(6)), tmp_path / "out.mp4", tmp_path / "frames.csv"), follower)
    assert (report.frames, report.faces, table(tmp_path / "frames.csv")) == (6, 0, [])
    with opened(tmp_path / "out.mp4") as reader:
        assert len(list(reader.frames())) == 6


def test_what_is_no_video_leaves_nothing_behind(tmp_path: Path, follower: Follower) -> None:
    (tmp_path / "in.mp4").write_bytes(b"no")
    with pytest.raises(VideoError, match="Not a video"):
        annotate_video(Film(tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / "frames.csv"), follower)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


class Shown(Follower):
    """Says that there is a face in every frame, which nobody looked for."""

    def follow(self, frame: Pixels, time: float, pause: float = 0.0) -> list[Followed]:
        return [Followed(Track(1, (0, 0, 9, 9), None, time), (0, 0, 9, 9), to_prediction("m", np.full(7, 1 / 7, np.float32), 0.0))]


class Stopped(Follower):
    """Is stopped by Ctrl+C at the fourth frame."""

    def follow(self, frame: Pixels, time: float, pause: float = 0.0) -> list[Followed]:
        if time > 0.1:
            raise KeyboardInterrupt
        return []


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", squares(10))
    stopped = Stopped(load(make_package(tmp_path / "models", "tiny")))
    with pytest.raises(KeyboardInterrupt):
        annotate_video(Film(source, tmp_path / "out.mp4", tmp_path / "frames.csv"), stopped)
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "models"}


def report(frames: int, until: float, promised: int, faces: int = 1) -> str:
    return as_text(Report(frames, until, Shape(64, 64, 25.0, promised), faces, "H.264"), [Path("out.mp4")])


def test_a_video_that_was_cut_off_is_named() -> None:
    assert "cut off or damaged: 40 of its 100 frames" in report(40, 1.56, 100)
    assert "cut off" not in report(95, 3.76, 98)
    assert "cut off" not in report(95, 3.76, 0)  # it does not say how many it has


def test_a_video_with_pauses_is_not_taken_for_one_that_was_cut_off() -> None:
    assert "cut off" not in report(5, 600.0, 15_005)  # as OpenCV reckons it from the length


def test_one_is_counted_as_one() -> None:
    assert report(1, 0.0, 1).startswith("1 frame, 1 face: ")
    assert report(2000, 79.96, 2000, faces=2).startswith("2,000 frames, 2 faces: ")


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_a_slide_show_has_its_face_in_every_frame(tmp_path: Path, astronaut: Pixels, follower: Follower, rate: float) -> None:
    source = write(tmp_path / "in.mp4", passing(astronaut, 4), rate)
    written = annotate_video(Film(source, tmp_path / "out.mp4", tmp_path / "frames.csv"), follower)
    assert (written.frames, written.faces, written.whole) == (4, 1, True)
    assert [(row["frame"], row["face"]) for row in table(tmp_path / "frames.csv")] == [(str(number), "1") for number in range(4)]
    with opened(tmp_path / "out.mp4") as reader:
        assert len(list(reader.frames())) == 4


def test_a_video_of_one_frame_has_its_face(tmp_path: Path, astronaut: Pixels, follower: Follower) -> None:
    assert annotate_video(Film(write(tmp_path / "in.mp4", passing(astronaut, 1)), tmp_path / "out.mp4"), follower).faces == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_under_the_table_is_not_blamed_on_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def full(_: Path) -> Iterator[Path]:
        yield Path("/dev/full")

    monkeypatch.setattr(annotating, "replacing", full)
    film = Film(write(tmp_path / "in.mp4", squares(3)), tmp_path / "out.mp4", tmp_path / "frames.csv")
    with pytest.raises(ConfigError, match=r"--csv: expected a place that can be written to\. Received: .*frames\.csv \(No space left"):
        annotate_video(film, Shown(load(make_package(tmp_path / "models", "tiny"))))
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "models"}


def test_an_error_of_something_else_meanwhile_is_not_blamed_on_the_table(tmp_path: Path) -> None:
    class Failing(Shown):
        def follow(self, frame: Pixels, time: float, pause: float = 0.0) -> list[Followed]:
            raise PermissionError("elsewhere")

    film = Film(write(tmp_path / "in.mp4", squares(3)), tmp_path / "out.mp4", tmp_path / "frames.csv")
    with pytest.raises(PermissionError, match="elsewhere"):
        annotate_video(film, Failing(load(make_package(tmp_path / "models", "tiny"))))


@pytest.mark.parametrize("table", ["out.mp4", "folder/../out.mp4", "link.mp4"])
def test_the_table_is_not_written_over_the_video(tmp_path: Path, table: str) -> None:
    (tmp_path / "folder").mkdir()
    if table.startswith("link"):
        (tmp_path / "out.mp4").write_bytes(b"old")
        os.link(tmp_path / "out.mp4", tmp_path / "link.mp4")
    with pytest.raises(ConfigError, match=r"--csv: expected another file than the annotated video\. Received: "):
        Film(tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / table)


@pytest.mark.parametrize("target", ["out.avi", "missing/out.mp4", "in.mp4"])
def test_a_place_that_cannot_be_is_refused_before_anything_is_done(tmp_path: Path, target: str) -> None:
    (tmp_path / "in.mp4").write_bytes(b"")
    with pytest.raises(ConfigError, match="Received: "):
        Film(tmp_path / "in.mp4", tmp_path / target)
    with pytest.raises(ConfigError, match="Received: "):
        Film(tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / target.replace("out.avi", "missing/a.csv"))


def test_a_real_video_has_one_face_throughout(tmp_path: Path, media: Path, follower: Follower) -> None:
    report = annotate_video(Film(media / "single_face.mp4", tmp_path / "out.mp4", tmp_path / "frames.csv"), follower)
    rows = table(tmp_path / "frames.csv")
    assert (report.frames, report.faces) == (72, 1)
    assert [row["frame"] for row in rows] == [str(number) for number in range(1, 72)]


def test_a_real_video_without_a_face_has_none(tmp_path: Path, media: Path, follower: Follower) -> None:
    assert annotate_video(Film(media / "no_face.mp4", tmp_path / "out.mp4"), follower).faces == 0


def test_a_face_that_several_models_were_asked_about_has_a_row_a_model() -> None:
    said = [to_prediction(name, [1, 0, 0, 0, 0, 0, 0]) for name in ("first", "second")]
    rows = to_rows(3, 0.5, Followed(Track(2, (0, 0, 9, 9), None, 0.5), (0, 0, 9, 9), said[0], (said[1],)))
    assert [row[: COLUMNS.index("label") + 1] for row in rows] == [[3, "0.5", 2, 0, 0, 9, 9, "false", name, "angry"] for name in ("first", "second")]
