"""What `fersys score` does: any number of pictures in, a table out; killed and started again, it goes on."""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fersys.analysis import join, whole_face
from fersys.atomic import replacing
from fersys.detectors import DEFAULT
from fersys.errors import ConfigError, DataError, ImageError
from fersys.faces import detect
from fersys.images import read_image
from fersys.journal import Error, Journal, Tally, delete, opened, write_errors
from fersys.pictures import Picture, count, stream
from fersys.recognizers.base import Recognizer
from fersys.results import Face
from fersys.tables import Row, counted, find_writer, in_parts, to_rows

_CROPS_AT_ONCE = 128  # pictures a task if they are faces already: a batch that a runtime is quick at
_PHOTOS_AT_ONCE = 8  # photos take long and may be large
_MAX_BYTES = 32_000_000  # of crops that wait for a recogniser, a task
_AHEAD = 2  # tasks a worker that may be under way or done: bounds memory


@dataclass(frozen=True)
class Job:
    """What is asked.

    Attributes:
        files: files and folders, as from `fersys.pictures.find_files`.
        out: the table; its suffix chooses the format.
        recognizers: whom to ask.
        crops: whether pictures are faces already; otherwise faces are looked for.
        settings: what else the answers depend on, such as the hash of each model; a run with others does not go on with this one's,
            nor does one of another version of FER-Sys or with another detector.
    """

    files: Sequence[Path]
    out: Path
    recognizers: Sequence[Recognizer]
    crops: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        """Where rows lie until all are there."""
        return self.out.with_name(f"{self.out.name}.unfinished")

    @property
    def errors(self) -> Path:
        """The list of pictures that could not be read."""
        return self.out.with_name(f"{self.out.name}.errors.csv")


@dataclass(frozen=True)
class Summary:
    """How a job ended.

    Attributes:
        tally: of the whole table.
        looked: pictures that this run looked at; the others were there already.
        seconds: time this run took for them.
        hits: a model's name → (right, with a face, with a known expression), as `Journal.hits` says.
    """

    tally: Tally
    looked: int
    seconds: float
    hits: dict[str, tuple[int, int, int]]


def score(job: Job, force: bool = False, show: bool = True) -> Summary:
    """Answer about every picture and write the table.

    Args:
        job: what is asked.
        force: begin anew, and replace a table that is there.
        show: let a progress bar with the time that is left run on standard error.

    Raises:
        ConfigError: if the table is there already, its suffix is unknown, or a run with other settings was begun.
        DataError: if the pictures cannot be listed, or the results not be written.
    """
    write = find_writer(job.out)
    if job.out.exists() and not job.journal.exists() and not force:
        raise ConfigError(f"Results are there already: expected another --out, or --force to replace them. Received: {job.out}")
    if not job.out.parent.is_dir():
        raise ConfigError(f"--out: expected a file in a folder that is there. Received: {job.out}")
    with opened(job.journal, _settings(job), anew=force) as journal:
        summary = _fill(job, journal, show)
        try:
            with replacing(job.out) as unfinished:
                write(unfinished, journal.rows())
            _list_errors(job, journal)
        except OSError as error:
            raise DataError(f"Cannot write the results: expected a place that can be written to. Received: {job.out} ({error.strerror or error})") from error
    delete(job.journal)
    return summary


def _settings(job: Job) -> dict[str, Any]:
    """What the rows of a job depend on. Code may change what is answered; a version is what is known of it."""
    from fersys import __version__

    models = [asked.name for asked in job.recognizers]
    return {
        "version": __version__, "files": [str(path) for path in job.files], "crops": job.crops, "detector": "" if job.crops else DEFAULT, "models": models,
        **job.settings,
    }  # fmt: skip


def _list_errors(job: Job, journal: Journal) -> None:
    if journal.tally().bad:
        with replacing(job.errors) as unfinished:
            write_errors(unfinished, journal.errors())
    else:
        job.errors.unlink(missing_ok=True)


def _fill(job: Job, journal: Journal, show: bool) -> Summary:
    """Look at every picture that the journal does not hold yet."""
    from tqdm import tqdm

    looked, start = 0, time.perf_counter()
    with tqdm(total=count(job.files, job.out), disable=not show, unit=" pictures", smoothing=0.1, dynamic_ncols=True, mininterval=0.5) as bar:
        for rows, errors, size in _answers(job, _missing(job, journal, bar)):
            journal.add(rows, errors)
            bar.update(size)
            looked += size
    seconds = time.perf_counter() - start
    return Summary(journal.tally(), looked, seconds, {asked.name: journal.hits(asked.name) for asked in job.recognizers})


def _missing(job: Job, journal: Journal, bar: Any) -> Iterator[Picture]:
    for picture in stream(job.files, job.out):
        if journal.holds(picture.path, picture.row):
            bar.update()
            bar.initial = getattr(bar, "initial", 0) + 1  # there already: not to be counted into the speed; a bar that is not shown has none
        else:
            yield picture


def _answers(job: Job, pictures: Iterator[Picture]) -> Iterator[tuple[list[Row], list[Error], int]]:
    """Rows and errors of each part, in order. While one worker reads pictures, another may ask the recogniser."""
    workers = min(4, os.cpu_count() or 1)
    parts = in_parts(pictures, _CROPS_AT_ONCE if job.crops else _PHOTOS_AT_ONCE)
    pool = ThreadPoolExecutor(workers)
    try:
        yield from _in_order(pool, partial(_look, job), parts, _AHEAD * workers)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, work: Any, parts: Iterable[Any], ahead: int) -> Iterator[Any]:
    """`pool.map` that takes no more parts than `ahead` before their turn."""
    waiting: deque[Future[Any]] = deque()
    for part in parts:
        waiting.append(pool.submit(work, part))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _look(job: Job, pictures: Sequence[Picture]) -> tuple[list[Row], list[Error], int]:
    rows: list[Row] = []
    errors: list[Error] = []
    ready: list[tuple[Picture, list[Face]]] = []
    held = 0
    for picture in pictures:
        try:
            faces = _faces(picture, job.crops)
        except ImageError as error:
            errors.append((picture.path, picture.row, str(error)))
            continue
        ready.append((picture, faces))
        held += sum(face.crop.nbytes for face in faces)
        if held > _MAX_BYTES:
            rows += _ask(job, ready)
            ready, held = [], 0
    return rows + _ask(job, ready), errors, len(pictures)


def _faces(picture: Picture, crops: bool) -> list[Face]:
    if picture.problem:
        raise ImageError(picture.problem)
    image = read_image(picture.content, name=f"row {picture.row} of {picture.path}")
    return [whole_face(image)] if crops else detect(image)


def _ask(job: Job, ready: Sequence[tuple[Picture, list[Face]]]) -> list[Row]:
    """Rows of several pictures, whose faces every recogniser sees in one batch."""
    faces = [face for _, found in ready for face in found]
    crops = [face.crop for face in faces]
    results = iter(join(faces, [(asked, asked.predict(crops)) for asked in job.recognizers]))
    models = [asked.name for asked in job.recognizers]
    return [
        (picture.path, picture.row, *cells, picture.truth)
        for picture, found in ready
        for cells in to_rows([next(results) for _ in found], models)
    ]  # fmt: skip


def as_text(summary: Summary, out: Path) -> str:
    """Return a summary for people."""
    tally = summary.tally
    lines = [f"{counted(tally.pictures, 'picture')}, {counted(tally.faces, 'face')}, {counted(tally.faceless, 'picture')} without a face: {out}"]
    if tally.bad:
        lines.append(f"{tally.bad:,} could not be read: {out}.errors.csv")
    if summary.looked:
        lines.append(f"{summary.looked:,} looked at in {summary.seconds:.1f} s: {summary.looked / summary.seconds:.0f} pictures/s")
    return "\n".join([*lines, *(_accuracy(name, *hits) for name, hits in summary.hits.items() if hits[2])])


def _accuracy(model: str, right: int, with_face: int, known: int) -> str:
    whole = f"accuracy of {model}: {right / known:.4f} of {counted(known, 'picture')} with a label"
    return whole if with_face == known else f"{whole}; {right / max(1, with_face):.4f} of the {with_face:,} with a face"
