"""Reads videos as upright RGB frames with times, and writes them: through ffmpeg if it is installed, else through OpenCV alone."""

import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import cv2
import numpy as np

from fersys.errors import VideoError
from fersys.results import Image

_H264 = ("libx264", "libopenh264")  # ffmpeg's encoders, best first
_LIKELY_RATES = (0.01, 240.0)  # frames a second; some files say 0 or 1000 for "unknown"
_USUAL_RATE = 30.0
_LONGEST_STILL = 60.0  # seconds for which one frame is repeated: times that jump by hours would fill the disk
_SOUND = re.compile(r"^ *Stream #\d+:\d+\S*: Audio: ", re.MULTILINE)  # a title may say "Audio:" too


@dataclass(frozen=True)
class Shape:
    """What a video says of itself: width and height in pixels, upright; frames a second; number of frames, 0 if unknown."""

    width: int
    height: int
    rate: float
    frames: int


class VideoReader:
    """An open video: its `shape`, and its frames, once."""

    def __init__(self, capture: cv2.VideoCapture, first: Image) -> None:
        self._capture, self._first = capture, first
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if _LIKELY_RATES[0] <= rate <= _LIKELY_RATES[1] else _USUAL_RATE
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.shape = Shape(first.shape[1], first.shape[0], rate, int(frames) if 0 < frames < 1e9 else 0)

    def frames(self) -> Iterator[tuple[float, Image]]:
        """Yield (seconds since the first frame, RGB uint8 (H, W, 3)) in order; times grow from frame to frame."""
        begin, frame, time = self._milliseconds(), self._first, 0.0
        while True:
            yield time, frame
            more, pixels = self._capture.read()
            if not more:
                return
            later = (self._milliseconds() - begin) / 1000
            # Not every container has times: then frames follow one another at the video's rate.
            time = later if later > time and math.isfinite(later) else time + 1 / self.shape.rate
            frame = _rgb(pixels)

    def _milliseconds(self) -> float:
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC))


@contextmanager
def opened(path: Path) -> Iterator[VideoReader]:
    """Open a video file. Frames come upright, as its rotation says.

    Raises:
        VideoError: if it is missing, no video, or has no frame that can be read.
    """
    if not path.is_file():
        raise VideoError(f"No such video. Received: {path}")
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)  # in a bare name, what is before a colon would be a protocol
    try:
        more, pixels = capture.read() if capture.isOpened() else (False, None)
        if not more or pixels is None:
            raise VideoError(f"Not a video that can be read: expected MP4, MOV, WebM, AVI and the like. Received: {path}")
        yield VideoReader(capture, _rgb(pixels))
    finally:
        capture.release()


def _rgb(pixels: cv2.typing.MatLike) -> Image:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class FrameSink(Protocol):
    """Takes frames."""

    def write(self, frame: Image) -> None:
        """Append an RGB uint8 (H, W, 3) frame."""
        ...


class VideoWriter:
    """An open video to write to: `write(time, frame)`. Its `manner` says in words what is written."""

    def __init__(self, sink: FrameSink, rate: float, manner: str) -> None:
        self._sink, self._rate, self._written, self._cut, self.manner = sink, rate, 0, 0, manner

    def write(self, time: float, frame: Image) -> None:
        """Append a frame that is shown at `time` seconds.

        Written at a constant rate, frames of an uneven video are shown twice or left out where
        they must be, so that the sound stays with the picture. A pause of more than a minute is
        cut short; `manner` then says so.

        Raises:
            VideoError: if it cannot be written.
        """
        wanted = round(time * self._rate) + 1 - self._cut
        if (missing := wanted - self._written - max(1, round(_LONGEST_STILL * self._rate))) > 0:
            wanted, self._cut = wanted - missing, self._cut + missing
        while self._written < wanted:
            self._sink.write(frame)
            self._written += 1

    @property
    def cut(self) -> float:
        """Seconds by which pauses were cut short."""
        return self._cut / self._rate


@contextmanager
def writing(path: Path, shape: Shape, sound_of: Path) -> Iterator[VideoWriter]:
    """Write an MP4 file that is there, whole, only if no error came.

    With ffmpeg: H.264, which browsers play, and the sound of another video, copied. Without:
    MPEG-4 Part 2 (mp4v) by OpenCV, and silent.

    Args:
        path: of the file; it is replaced if it is there.
        shape: of the frames, and how many a second.
        sound_of: the video whose sound is kept.

    Raises:
        VideoError: if it cannot be written.
    """
    with ExitStack() as place, ExitStack() as encoding:
        with _own(path):
            silent = Path(place.enter_context(tempfile.TemporaryDirectory(prefix=".fersys-", dir=path.parent.resolve()))) / "silent.mp4"
            encoder = find_encoder()
            sink = encoding.enter_context(_ffmpeg(silent, shape, encoder) if encoder else _opencv(silent, shape))
        writer = VideoWriter(sink, shape.rate, "H.264" if encoder else "MPEG-4 by OpenCV, which browsers may not play")
        yield writer
        with _own(path):
            encoding.close()
            finished, said = _with_sound(silent, sound_of.resolve())
            writer.manner = "; ".join([writer.manner, said, *([f"pauses cut short by {writer.cut:.0f} s in all"] if writer.cut else [])])
            os.replace(finished, path)


@contextmanager
def _own(path: Path) -> Iterator[None]:
    """Around our own writing only: what goes wrong elsewhere meanwhile is not this file's fault."""
    try:
        yield
    except OSError as error:
        raise VideoError(f"Cannot write the video: expected a place that can be written to. Received: {path} ({error.strerror or error})") from error


def find_encoder() -> str | None:
    """Return the name of ffmpeg's H.264 encoder; None if ffmpeg is not installed or has none."""
    if shutil.which("ffmpeg") is None:
        return None
    listed = _run("-encoders").stdout
    return next((name for name in _H264 if re.search(rf"\b{name}\b", listed)), None)


def _run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-y", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _with_sound(silent: Path, source: Path) -> tuple[Path, str]:
    """The video with the sound of another, and in words what became of that."""
    if shutil.which("ffmpeg") is None:
        return silent, "without sound, as ffmpeg is not installed"
    if not _SOUND.search(_run("-i", source).stderr):
        return silent, "no sound in the original"
    sounding = silent.with_name("sounding.mp4")
    both = ("-itsoffset", _begin(source), "-i", silent, "-i", source, "-map", "0:v", "-map", "1:a")
    for codec, said in (("copy", "sound copied"), ("aac", "sound converted to AAC")):
        if _run(*both, "-c:v", "copy", "-c:a", codec, "-movflags", "+faststart", sounding).returncode == 0:
            return sounding, said
    return silent, "without sound, as ffmpeg cannot put it into an MP4 file"


def _begin(source: Path) -> str:
    """Seconds from where ffmpeg begins to read a file to its first picture; sound may come before that."""
    said = _run("-i", source, "-map", "0:v:0", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-").stderr
    found = re.search(r"\bpts_time:(-?[\d.]+)", said)
    return found[1] if found else "0"


class _Pipe:
    """Frames to a running ffmpeg."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
        self._process, self._log = process, log

    def write(self, frame: Image) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError as error:
            raise self.failure() from error

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def finish(self) -> None:
        self.close()
        if self._process.wait() != 0:
            raise self.failure()

    def failure(self) -> VideoError:
        self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        return VideoError(f"ffmpeg could not write the video. Received: {said[-1] if said else f'exit code {self._process.returncode}'}")


@contextmanager
def _ffmpeg(path: Path, shape: Shape, encoder: str) -> Iterator[FrameSink]:
    even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # what players take has an even number of rows and columns
    frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{shape.width}x{shape.height}", "-r", f"{shape.rate:.6f}", "-i", "-"]
    quality = ["-preset", "veryfast", "-crf", "20"] if encoder == "libx264" else ["-b:v", "4M"]
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *frames, "-vf", even, "-c:v", encoder, *quality, "-pix_fmt", "yuv420p", str(path)]
    with tempfile.TemporaryFile() as log:
        # A session of its own: Ctrl+C is for us, who then end it and clean up.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        pipe = _Pipe(process, log)
        try:
            yield pipe
            pipe.finish()
        finally:
            process.kill()
            process.wait()
            with suppress(BrokenPipeError):  # what is left in the pipe has no reader
                pipe.close()


class _OpenCvFile:
    def __init__(self, writer: cv2.VideoWriter) -> None:
        self._writer = writer

    def write(self, frame: Image) -> None:
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


@contextmanager
def _opencv(path: Path, shape: Shape) -> Iterator[FrameSink]:
    fourcc = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, shape.rate, (shape.width, shape.height))
    try:
        if not writer.isOpened():
            raise VideoError(f"OpenCV cannot write a video of this size. Received: {shape.width}×{shape.height} pixels")
        yield _OpenCvFile(writer)
    finally:
        writer.release()
