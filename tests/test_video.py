"""Videos in and out: frames upright and in time, files whole or not there."""

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys import video
from fersys.errors import VideoError
from fersys.video import Shape, VideoReader, VideoWriter, opened, writing
from tests.made_videos import ffmpeg, has_ffmpeg, squares, turn, write

Pixels = npt.NDArray[np.uint8]
needs_ffmpeg = pytest.mark.skipif(not has_ffmpeg(), reason="ffmpeg is not installed")


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)


def read(path: Path) -> list[tuple[float, Pixels]]:
    with opened(path) as reader:
        return list(reader.frames())


def copy(source: Path, target: Path) -> str:
    with opened(source) as reader, writing(target, reader.shape, source) as writer:
        for time, frame in reader.frames():
            writer.write(time, frame)
    return writer.manner


def streams(path: Path) -> str:
    done = subprocess.run(["ffmpeg", "-hide_banner", "-i", str(path)], capture_output=True, text=True, check=False)
    return "\n".join(line for line in done.stderr.splitlines() if "Stream #" in line)


def begin(path: Path, kind: str) -> float:
    """Seconds to the first packet of a video's pictures (v) or sound (a), as ffprobe says."""
    words = ["ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time", "-of", "csv=p=0", "-read_intervals", "%+#1", str(path)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[0].strip(","))


def reds(frame: Pixels) -> tuple[float, float]:
    """Centre (x, y) of what is red."""
    rows, columns = np.nonzero(frame[..., 0].astype(int) > 100)
    return float(columns.mean()), float(rows.mean())


def test_frames_come_in_rgb_with_their_times(tmp_path: Path) -> None:
    frames = read(write(tmp_path / "a.mp4", squares(20), 25))
    assert [time for time, _ in frames] == pytest.approx([number / 25 for number in range(20)], abs=0.002)
    assert [reds(frame)[0] for _, frame in frames] == pytest.approx([19.5 + 4 * number for number in range(20)], abs=2)


def test_a_video_says_its_shape(tmp_path: Path) -> None:
    with opened(write(tmp_path / "a.mp4", squares(8), 12.5)) as reader:
        assert reader.shape == Shape(160, 96, 12.5, 8)


def test_a_turned_video_comes_upright(tmp_path: Path) -> None:
    _, frame = read(turn(write(tmp_path / "a.mp4", squares(3))))[0]
    assert frame.shape == (160, 96, 3)
    assert reds(frame) == pytest.approx((55.5, 19.5), abs=3)  # what lay at the left is at the top


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_what_is_no_video_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(VideoError, match="Not a video that can be read"):
        read(tmp_path / "a.mp4")


def test_a_name_with_a_colon_is_read_and_written_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        write(tmp_path / "a.mp4", squares(4)).rename("meeting-10:30.mp4")
    except OSError:
        pytest.skip("this file system takes no such name")
    copy(Path("meeting-10:30.mp4"), Path("out:1.mp4"))
    assert len(read(Path("out:1.mp4"))) == 4


@needs_ffmpeg
def test_the_sound_of_a_name_with_a_colon_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    silent = write(tmp_path / "silent.mp4", squares(5))
    ffmpeg("-i", silent, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "copy", "-c:a", "aac", tmp_path / "a:1.mp4")
    assert copy(Path("a:1.mp4"), Path("b.mp4")) == "H.264; sound copied"


def test_a_missing_video_and_a_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.mp4", tmp_path):
        with pytest.raises(VideoError, match="No such video"):
            read(path)


class FakeCapture:
    """A capture with odd times, as some containers have them."""

    def __init__(self, times: list[float], rate: float) -> None:
        self._times, self._rate = iter(times), rate
        self._now = next(self._times)

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_POS_MSEC: self._now, cv2.CAP_PROP_FPS: self._rate}.get(what, -1.0)

    def read(self) -> tuple[bool, Any]:
        later = next(self._times, None)
        self._now = self._now if later is None else later
        return later is not None, np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("times", "rate", "expected"),
    [
        ([500, 540, 580], 25, [0, 0.04, 0.08]),  # the first frame is at 0
        ([0, 0, 0], 25, [0, 0.04, 0.08]),  # no times
        ([0, 100, 50, 300], 10, [0, 0.1, 0.2, 0.3]),  # a step back
        ([0, math.nan], 20, [0, 0.05]),
        ([0, 2000, 4000], 0.5, [0, 2, 4]),
        ([0, 0, 0], 0.5, [0, 2, 4]),  # a slide show without times
        ([0, 0], 0, [0, 1 / 30]),  # no rate either
        ([0, 0], 1000, [0, 1 / 30]),
    ],
)
def test_times_always_grow(times: list[float], rate: float, expected: list[float]) -> None:
    reader = VideoReader(FakeCapture(times, rate), np.zeros((4, 4, 3), np.uint8))  # type: ignore[arg-type]
    assert [time for time, _ in reader.frames()] == pytest.approx(expected)
    assert reader.shape.frames == 0


class Counted:
    """Keeps the first pixel of what it is given."""

    def __init__(self) -> None:
        self.written: list[int] = []

    def write(self, frame: Pixels) -> None:
        self.written.append(int(frame[0, 0, 0]))


@pytest.mark.parametrize(
    ("times", "expected"),
    [([0, 0.1, 0.2], [0, 1, 2]), ([0, 0.1, 0.4, 0.5], [0, 1, 2, 2, 2, 3]), ([0, 0.01, 0.02, 0.1], [0, 3])],
)
def test_an_uneven_video_is_written_at_an_even_rate(times: list[float], expected: list[int]) -> None:
    sink = Counted()
    writer = VideoWriter(sink, 10.0, "")
    for number, time in enumerate(times):
        writer.write(time, np.full((2, 2, 3), number, np.uint8))
    assert sink.written == expected


def test_a_pause_is_cut_short_and_what_follows_comes_after_it() -> None:
    sink = Counted()
    writer = VideoWriter(sink, 10.0, "")
    for number, time in enumerate((0, 0.1, 100_000, 100_000.1, 100_040, 200_000, 200_000.1)):
        writer.write(time, np.full((2, 2, 3), number, np.uint8))
    assert [sink.written.count(number) for number in range(7)] == [1, 1, 600, 1, 399, 600, 1]  # a minute at most
    assert writer.cut == pytest.approx(200_000.1 - (len(sink.written) - 1) / 10)


def test_a_video_of_a_frame_an_hour_has_them_all() -> None:
    sink = Counted()
    writer = VideoWriter(sink, 1 / 3600, "")
    for number in range(4):
        writer.write(3600 * number, np.full((2, 2, 3), number, np.uint8))
    assert (sink.written, writer.cut) == ([0, 1, 2, 3], 0)


@needs_ffmpeg
def test_with_ffmpeg_it_is_h264_with_the_sound_copied(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.mp4", squares(25))
    ffmpeg("-i", silent, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "copy", "-c:a", "aac", tmp_path / "a.mp4")
    assert copy(tmp_path / "a.mp4", tmp_path / "b.mp4") == "H.264; sound copied"
    assert "Video: h264" in streams(tmp_path / "b.mp4")
    assert "yuv420p" in streams(tmp_path / "b.mp4")
    assert "Audio: aac" in streams(tmp_path / "b.mp4")
    frames = read(tmp_path / "b.mp4")
    assert len(frames) == 25
    assert reds(frames[20][1]) == pytest.approx((99.5, 39.5), abs=2)
    assert {path.name for path in tmp_path.iterdir()} == {"silent.mp4", "a.mp4", "b.mp4"}


@needs_ffmpeg
def test_sound_that_mp4_cannot_hold_is_converted(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.mp4", squares(25))
    ffmpeg("-i", silent, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "copy", "-c:a", "pcm_u8", tmp_path / "a.mov")
    assert copy(tmp_path / "a.mov", tmp_path / "b.mp4") == "H.264; sound converted to AAC"
    assert "Audio: aac" in streams(tmp_path / "b.mp4")


@needs_ffmpeg
def test_without_sound_there_is_none(tmp_path: Path) -> None:
    assert copy(write(tmp_path / "a.mp4", squares(5)), tmp_path / "b.mp4") == "H.264; no sound in the original"


@needs_ffmpeg
def test_a_title_that_speaks_of_audio_is_no_sound(tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.mp4", squares(5))
    title = "My Audio: a tale\n    Stream #0:1: Audio: none"
    ffmpeg("-i", silent, "-c", "copy", "-metadata", f"title={title}", tmp_path / "a.mp4")
    assert copy(tmp_path / "a.mp4", tmp_path / "b.mp4") == "H.264; no sound in the original"


@needs_ffmpeg
@pytest.mark.parametrize(("late", "sound"), [(0.0, 0.0), (0.6, 0.0), (0.0, 0.6)])
def test_sound_stays_with_the_picture_wherever_they_begin(tmp_path: Path, late: float, sound: float) -> None:
    silent = write(tmp_path / "silent.mp4", squares(25))
    offsets = ("-itsoffset", str(late), "-i", silent, "-itsoffset", str(sound), "-f", "lavfi", "-i", "sine=duration=2")
    ffmpeg(*offsets, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", tmp_path / "a.mp4")
    copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    before, after = (begin(tmp_path / name, "v") - begin(tmp_path / name, "a") for name in ("a.mp4", "b.mp4"))
    assert before == pytest.approx(late - sound, abs=0.05)
    assert after == pytest.approx(before, abs=0.05)  # a frame lasts 0.04 s


@needs_ffmpeg
def test_an_odd_size_is_made_even(tmp_path: Path) -> None:
    with writing(tmp_path / "b.mp4", Shape(51, 33, 25, 0), tmp_path / "none") as writer:
        writer.write(0, np.full((33, 51, 3), 200, np.uint8))
    ((_, frame),) = read(tmp_path / "b.mp4")
    assert frame.shape == (34, 52, 3)


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_opencv_writes_and_says_so(tmp_path: Path) -> None:
    manner = copy(write(tmp_path / "a.mp4", squares(9)), tmp_path / "b.mp4")
    assert manner == "MPEG-4 by OpenCV, which browsers may not play; without sound, as ffmpeg is not installed"
    assert len(read(tmp_path / "b.mp4")) == 9


@pytest.fixture(params=[True, False], ids=["ffmpeg", "opencv"])
def _either(request: pytest.FixtureRequest) -> None:
    if request.param and not has_ffmpeg():
        pytest.skip("ffmpeg is not installed")
    if not request.param:
        request.getfixturevalue("no_ffmpeg")


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_on_the_way_leaves_what_was_there(tmp_path: Path, kind: type[BaseException]) -> None:
    (tmp_path / "b.mp4").write_text("old")
    with pytest.raises(kind), writing(tmp_path / "b.mp4", Shape(64, 64, 25, 0), tmp_path / "a.mp4") as writer:  # noqa: PT012
        writer.write(0, np.zeros((64, 64, 3), np.uint8))
        raise kind
    assert (tmp_path / "b.mp4").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["b.mp4"]


@pytest.mark.usefixtures("_either")
def test_an_error_of_something_else_meanwhile_is_not_blamed_on_the_video(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="elsewhere"), writing(tmp_path / "b.mp4", Shape(64, 64, 25, 0), tmp_path / "a.mp4"):
        raise PermissionError("elsewhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_either")
def test_a_place_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(VideoError, match="Cannot write the video"), writing(tmp_path / "b.mp4", Shape(64, 64, 25, 0), tmp_path / "a.mp4") as writer:
        writer.write(0, np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(VideoError, match="Cannot write the video"), writing(tmp_path / "none" / "b.mp4", Shape(64, 64, 25, 0), tmp_path / "a.mp4"):
        pass


@needs_ffmpeg
def test_an_ffmpeg_that_fails_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "find_encoder", lambda: "no-such-encoder")
    frame = np.zeros((64, 64, 3), np.uint8)
    shape = Shape(64, 64, 25, 0)
    with pytest.raises(VideoError, match="ffmpeg could not write the video"), writing(tmp_path / "b.mp4", shape, tmp_path / "a") as writer:
        writer.write(8.0, frame)  # two hundred times
    assert list(tmp_path.iterdir()) == []
