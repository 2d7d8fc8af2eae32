"""What `fersys video` does: a video in; the same with boxes, and a table of what each face shows in each frame."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from fersys.atomic import replacing
from fersys.drawing import Mark, draw_marks
from fersys.errors import ConfigError
from fersys.following import Followed, Follower
from fersys.labels import EMOTIONS
from fersys.results import Image
from fersys.tables import BOX, counted, for_csv
from fersys.video import Shape, VideoReader, VideoWriter, opened, writing

COLUMNS: tuple[str, ...] = ("frame", "time", "face", *BOX, "found", "model", "label", "certain", *EMOTIONS)

_WHOLE = 0.9  # of the frames that a video says it has: fewer were cut off; some differ by a few from what they say


@dataclass(frozen=True)
class Film:
    """What is read and written.

    Attributes:
        source: the video.
        target: the annotated video, an MP4 file.
        table: a CSV file, a row a face and frame; None: none.
    """

    source: Path
    target: Path
    table: Path | None = None

    def __post_init__(self) -> None:
        if self.target.suffix.lower() != ".mp4":
            raise ConfigError(f"The annotated video: expected a file name that ends in .mp4. Received: {self.target}")
        for path in filter(None, (self.target, self.table)):
            if _same(path, self.source):
                raise ConfigError(f"Expected another file than the video itself. Received: {path}")
            if not path.parent.is_dir():
                raise ConfigError(f"Expected a file in a folder that is there. Received: {path}")
        if self.table is not None and _same(self.table, self.target):
            raise ConfigError(f"--csv: expected another file than the annotated video. Received: {self.table}")


def _same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other))


@dataclass(frozen=True)
class Report:
    """How it went.

    Attributes:
        frames: how many were read.
        until: time of the last one, in seconds.
        shape: what the video says of itself.
        faces: how many were shown.
        manner: in words, what was written.
    """

    frames: int
    until: float
    shape: Shape
    faces: int
    manner: str

    @property
    def whole(self) -> bool:
        """Whether about as many frames as the video promises were read, or its last moment was reached: some do not count frames, but seconds."""
        return max(self.frames, self.until * self.shape.rate + 1) >= _WHOLE * self.shape.frames


def annotate_video(film: Film, follower: Follower) -> Report:
    """Read a video, follow its faces and write it with boxes; a progress bar runs on standard error.

    Two frames are held at a time. Neither file is there half: both appear when all is done.

    Raises:
        VideoError: if the video cannot be read or written.
        ConfigError: if the table cannot be written.
    """
    with opened(film.source) as reader, _table(film.table) as table, writing(film.target, reader.shape, film.source) as writer:
        frames, until, faces = _annotate(reader, writer, table, follower)
    return Report(frames, until, reader.shape, faces, writer.manner)


def _annotate(reader: VideoReader, writer: VideoWriter, table: "_Table | None", follower: Follower) -> tuple[int, float, int]:
    from tqdm import tqdm

    number, time, faces = 0, 0.0, set[int]()
    with tqdm(total=reader.shape.frames or None, unit=" frames", dynamic_ncols=True, mininterval=0.5) as bar:
        for number, (time, frame, pause) in enumerate(with_pauses(reader.frames()), 1):
            found = follower.follow(frame, time, pause)
            writer.write(time, draw_marks(frame, [Mark(face.box, face.track.id, face.prediction.verdict) for face in found]))
            if table is not None:
                table.write(row for face in found for row in to_rows(number - 1, time, face))
            faces |= {face.track.id for face in found}
            bar.update()
    return number, time, len(faces)


def with_pauses(frames: Iterable[tuple[float, Image]]) -> Iterator[tuple[float, Image, float]]:
    """Yield each frame with the seconds until the next one, which are infinite after the last; two frames are held at a time."""
    held: tuple[float, Image] | None = None
    for following in frames:
        if held is not None:
            yield (*held, following[0] - held[0])
        held = following
    if held is not None:
        yield (*held, math.inf)


def to_rows(number: int, time: float, face: Followed) -> list[list[Any]]:
    """Return what stands in the table of a face in a frame, in the order of `COLUMNS`: a row a model.

    Args:
        number: of the frame, from 0.
        time: of the frame, in seconds.
        face: in the frame.
    """
    place = (face.track.id, *face.box, face.track.detection is not None)
    said = (face.prediction, *face.others)
    return [for_csv((number, round(time, 6), *place, one.model, one.label, one.certain, *one.scores.values())) for one in said]


class _Table:
    """A CSV file that is being written."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file, self._writer = path, file, csv.writer(file)
        self.write([COLUMNS])

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        with _own(self._path):
            self._writer.writerows(rows)
            self._file.flush()  # a full disk is noticed before the video is finished


@contextmanager
def _table(path: Path | None) -> Iterator[_Table | None]:
    """A table in a file that is there once all is well; None if none is wanted."""
    if path is None:
        yield None
        return
    with ExitStack() as place:
        with _own(path):
            file = place.enter_context(place.enter_context(replacing(path)).open("w", newline="", encoding="utf-8"))
        try:
            yield _Table(path, file)
        except BaseException:
            with suppress(OSError):  # what could not be written cannot be written now either
                file.close()
            raise
        with _own(path):
            place.close()


@contextmanager
def _own(path: Path) -> Iterator[None]:
    """Around our own writing only: what goes wrong elsewhere meanwhile is not this file's fault."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"--csv: expected a place that can be written to. Received: {path} ({error.strerror or error})") from error


def as_text(report: Report, targets: Sequence[Path]) -> str:
    """Return a report for people."""
    lines = [f"{counted(report.frames, 'frame')}, {counted(report.faces, 'face')}: {', '.join(map(str, targets))} ({report.manner})"]
    if not report.whole:
        lines.append(f"warning: the video is cut off or damaged: {report.frames:,} of its {counted(report.shape.frames, 'frame')} could be read")
    return "\n".join(lines)
