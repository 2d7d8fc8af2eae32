"""What `fersys video` does: a video in; the same with boxes, and a table of what each face shows in each frame."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.atomic import replacing
from fersys.drawing import Mark, draw_marks
from fersys.errors import ConfigError
from fersys.following import Followed, Follower
from fersys.labels import EMOTIONS
from fersys.tables import BOX, for_csv
from fersys.video import VideoReader, VideoWriter, opened, writing

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
            if path.exists() and self.source.exists() and path.samefile(self.source):
                raise ConfigError(f"Expected another file than the video itself. Received: {path}")
            if not path.parent.is_dir():
                raise ConfigError(f"Expected a file in a folder that is there. Received: {path}")


@dataclass(frozen=True)
class Report:
    """How it went: frames read, frames the video says it has (0: it does not say), faces, and in words what was written."""

    frames: int
    promised: int
    faces: int
    manner: str


def annotate_video(film: Film, follower: Follower) -> Report:
    """Read a video, follow its faces and write it with boxes; a progress bar runs on standard error.

    Frames are held one at a time. Neither file is there half: both appear when all is done.

    Raises:
        VideoError: if the video cannot be read or written.
        ConfigError: if the table cannot be written.
    """
    with opened(film.source) as reader, _table(film.table) as rows, writing(film.target, reader.shape, film.source) as writer:
        frames, faces = _annotate(reader, writer, rows, follower)
    return Report(frames, reader.shape.frames, faces, writer.manner)


def _annotate(reader: VideoReader, writer: VideoWriter, rows: Any, follower: Follower) -> tuple[int, int]:
    from tqdm import tqdm

    number, faces = 0, set[int]()
    with tqdm(total=reader.shape.frames or None, unit=" frames", dynamic_ncols=True, mininterval=0.5) as bar:
        for number, (time, frame) in enumerate(reader.frames(), 1):
            found = follower.follow(frame, time)
            writer.write(time, draw_marks(frame, [Mark(face.box, face.track.id, face.prediction.verdict) for face in found]))
            if rows is not None:
                rows.writerows(_row(number - 1, time, face) for face in found)
            faces |= {face.track.id for face in found}
            bar.update()
    return number, len(faces)


def _row(number: int, time: float, face: Followed) -> list[Any]:
    said = face.prediction
    place = (face.track.id, *face.box, face.track.detection is not None)
    return for_csv((number, round(time, 6), *place, said.model, said.label, said.certain, *said.scores.values()))


@contextmanager
def _table(path: Path | None) -> Iterator[Any]:
    """A CSV writer to a file that is there once all is well; None if no table is wanted."""
    if path is None:
        yield None
        return
    try:
        with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            yield writer
    except OSError as error:
        raise ConfigError(f"--csv: expected a place that can be written to. Received: {path} ({error.strerror or error})") from error


def as_text(report: Report, targets: Sequence[Path]) -> str:
    """Return a report for people."""
    lines = [f"{report.frames:,} frames, {report.faces} {'face' if report.faces == 1 else 'faces'}: {', '.join(map(str, targets))} ({report.manner})"]
    if report.frames < _WHOLE * report.promised:
        lines.append(f"warning: the video is cut off or damaged: {report.frames:,} of its {report.promised:,} frames could be read")
    return "\n".join(lines)
