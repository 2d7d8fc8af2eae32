"""One uploaded video, from the file to what is shown of it."""

import csv
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from app import films
from app.films import Film, Progress, Stopped, Task, UnfitError, annotate, check
from fersys.errors import VideoError
from fersys.results import Prediction
from fersys.video import opened
from tests.fixed import Fixed
from tests.made_videos import ffmpeg, has_ffmpeg, squares, write

Pixels = npt.NDArray[np.uint8]
BOTH = (Fixed("first", "happy"), Fixed("second", "sad"))


def word(said: Prediction) -> str:
    return said.label


def wandering(astronaut: Pixels, count: int, side: int = 320) -> Iterator[Pixels]:
    """The one face that may be shown, wandering to the right."""
    small = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
    return (np.roll(small, 3 * number, axis=1) for number in range(count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def done(source: Path, folder: Path, progress: Progress | None = None) -> Film:
    return annotate(Task(source, folder, BOTH, word), progress or Progress())


def test_a_face_gets_boxes_a_table_of_both_models_and_a_portrait(tmp_path: Path, folder: Path, astronaut: Pixels) -> None:
    progress = Progress()
    film = done(write(tmp_path / "in.mp4", wandering(astronaut, 12)), folder, progress)
    assert (film.frames, progress.done, progress.of) == (12, 12, 12)
    assert film.seconds == pytest.approx(11 / 25, abs=0.01)
    with film.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["label"]) for row in rows[:2]] == [("first", "happy"), ("second", "sad")]
    assert len(rows) == 22  # eleven frames, since a face counts from its second appearance, and two models
    (face,) = film.faces
    assert (len(face.times), face.rows[0].shape, face.crop.shape) == (11, (2, 7), (108, 108, 3))
    with opened(film.video) as reader:
        frames = list(reader.frames())
        assert len(frames) == 12
        assert int((np.abs(frames[6][1].astype(int) - (0xE6, 0x9F, 0)).max(axis=2) < 40).sum()) > 300  # the box and its label


def test_without_ffmpeg_it_is_webm_and_says_that_the_sound_is_gone(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "find_encoder", lambda: None)
    film = done(write(tmp_path / "in.mp4", squares(4)), folder)
    assert (film.video.suffix, film.notes, film.faces) == (".webm", ("silent",), ())


@pytest.mark.skipif(not has_ffmpeg(), reason="ffmpeg is not installed")
def test_with_ffmpeg_it_is_mp4_with_its_sound(tmp_path: Path, folder: Path) -> None:
    silent = write(tmp_path / "silent.mp4", squares(25))
    ffmpeg("-i", silent, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "copy", "-c:a", "aac", tmp_path / "in.mp4")
    film = done(tmp_path / "in.mp4", folder)
    assert (film.video.suffix, film.notes) == (".mp4", ())


def test_large_frames_are_made_smaller_and_boxes_stay_those_of_the_original(tmp_path: Path, folder: Path, astronaut: Pixels) -> None:
    film = done(write(tmp_path / "in.mp4", wandering(astronaut, 4, side=1600)), folder)
    with opened(film.video) as reader:
        assert max(reader.shape.width, reader.shape.height) in (films._SIDE, films._SIDE_WEBM)
    with film.table.open(newline="") as file:
        widths = [int(row["width"]) for row in csv.DictReader(file)]
    assert min(widths) > 250


def test_of_a_quick_video_not_every_frame_is_looked_at(tmp_path: Path, folder: Path) -> None:
    film = done(write(tmp_path / "in.mp4", squares(24), rate=120.0), folder)
    assert film.frames == 6
    assert film.seconds == pytest.approx(20 / 120, abs=0.01)


def test_what_is_too_long_is_cut_and_says_so(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "LONGEST", 1.0)
    progress = Progress()
    film = done(write(tmp_path / "in.mp4", squares(60)), folder, progress)
    assert film.seconds <= 1.0
    assert progress.of == 25
    assert film.notes[0] == "cut"


def test_what_is_cut_off_says_so(tmp_path: Path, folder: Path) -> None:
    source = write(tmp_path / "in.avi", (np.random.default_rng(number).integers(0, 255, (96, 160, 3), dtype=np.uint8) for number in range(100)))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 4])
    film = done(source, folder)
    assert film.frames < 90
    assert film.notes[0] == "damaged"


@pytest.mark.parametrize(("content", "key"), [(b"no video at all", "no_video"), (b"#EXTM3U\nfile:///etc/passwd\n", "no_video")])
def test_what_is_no_video_is_not_opened(tmp_path: Path, content: bytes, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.mp4").write_bytes(content)
    monkeypatch.setattr("cv2.VideoCapture", lambda *_: pytest.fail("was opened"))
    with pytest.raises(UnfitError) as caught:
        check(tmp_path / "in.mp4")
    assert caught.value.key == key


def test_frames_beyond_4k_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "_MAX_PIXELS", 100 * 100)
    with pytest.raises(UnfitError) as caught:
        check(write(tmp_path / "in.mp4", squares(2)))
    assert caught.value.key == "too_many_pixels"


def test_a_broken_file_with_a_video_s_head_is_an_error_of_ours(tmp_path: Path, folder: Path) -> None:
    whole = write(tmp_path / "whole.mp4", squares(5)).read_bytes()
    (tmp_path / "in.mp4").write_bytes(whole[:200])
    with pytest.raises(VideoError):
        done(tmp_path / "in.mp4", folder)


def test_a_stop_ends_the_work_at_the_next_frame_and_leaves_no_video(tmp_path: Path, folder: Path) -> None:
    progress = Progress()
    progress.stop()
    with pytest.raises(Stopped):
        done(write(tmp_path / "in.mp4", squares(5)), folder, progress)
    assert not (folder / "annotated.mp4").exists()


def test_a_stop_from_another_thread_is_heard(tmp_path: Path, folder: Path) -> None:
    class Slow(Progress):
        def step(self, done: int) -> None:
            super().step(done)
            if done == 2:
                threading.Thread(target=self.stop).run()

    progress = Slow()
    with pytest.raises(Stopped):
        done(write(tmp_path / "in.mp4", squares(50)), folder, progress)
    assert progress.done == 2


def test_the_work_ends_when_the_program_is_about_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Thread(target=str)
    monkeypatch.setattr(threading, "main_thread", lambda: ended)
    with pytest.raises(Stopped):
        Progress().step(1)
