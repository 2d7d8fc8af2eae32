"""What `fersys predict` does: pictures in; their faces and expressions out, for people or for programs."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from fersys.analysis import FaceResult, analyze, join, whole_face
from fersys.drawing import Mark, save_drawing
from fersys.errors import ConfigError, ImageError
from fersys.images import read_image
from fersys.recognizers.base import Recognizer
from fersys.results import Image, Prediction
from fersys.tables import COLUMNS, for_csv, to_rows

STDIN = "-"
OK, FAILED, FACELESS = 0, 1, 3  # exit codes

_DRAWN_AS = (".png", ".jpg", ".jpeg", ".webp")
_BAR = 20  # characters for a probability of 1


@dataclass(frozen=True)
class Answer:
    """What was found in one picture.

    Attributes:
        path: the picture as it was named; "-" for standard input.
        size: its (width, height) in pixels.
        results: the largest face first.
        error: what is wrong with it, if it could not be read; empty otherwise.
    """

    path: str
    size: tuple[int, int] = (0, 0)
    results: tuple[FaceResult, ...] = ()
    error: str = ""


@dataclass
class Drawings:
    """Where pictures with their marks go: a file for one picture, a folder for several.

    Attributes:
        target: the file or folder.
        pictures: all that are to be read, as they are named; none of them is overwritten.
    """

    target: Path
    pictures: Sequence[str]
    _used: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        several = len(self.pictures) > 1
        is_picture = self.target.suffix.lower() in _DRAWN_AS
        if not self._in_folder and not is_picture:
            raise ConfigError(f"--draw: expected a file name that ends in {', '.join(_DRAWN_AS)}, or a folder. Received: {self.target}")
        if several and not self.target.is_dir() and (is_picture or self.target.exists()):
            raise ConfigError(f"--draw: expected a folder for several pictures. Received: the file name {self.target}")
        self._check_targets()

    @property
    def _in_folder(self) -> bool:
        return len(self.pictures) > 1 or self.target.is_dir()

    def _check_targets(self) -> None:
        """No picture may be lost, or a drawing be read as one: neither now nor when it is there."""
        read = {_identity(Path(name)) for name in self.pictures if name != STDIN}
        for name in self.pictures:
            target = self._next_target(name)
            if _identity(target) in read:
                raise ConfigError(f"--draw: expected another file than the pictures that are read. Received: {target}")
        self._used.clear()

    def save(self, image: Image, answer: Answer) -> None:
        """Write the picture with a mark a face.

        Raises:
            ConfigError: if it cannot be written there.
        """
        marks = [Mark(result.face.box, number, _word(result)) for number, result in enumerate(answer.results, 1)]
        save_drawing(self._next_target(answer.path), image, marks)

    def _next_target(self, name: str) -> Path:
        """In a folder a-faces.png for a.jpg; a-faces-2.png for the next a.jpg of the same run."""
        if not self._in_folder:
            return self.target
        stem = "stdin" if name == STDIN else Path(name).stem
        path, number = self.target / f"{stem}-faces.png", 1
        while path in self._used:
            number += 1
            path = self.target / f"{stem}-faces-{number}.png"
        self._used.add(path)
        return path


def _identity(path: Path) -> tuple[int | str, ...]:
    """What all names of one file have in common, whether it is there already or not."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    with suppress(OSError):
        folder = path.parent.stat()
        return folder.st_dev, folder.st_ino, os.path.normcase(path.name)
    return (str(path),)


@dataclass(frozen=True)
class Question:
    """What to do with each picture.

    Attributes:
        recognizers: whom to ask.
        crops: whether pictures are faces already; otherwise faces are looked for.
        drawings: where pictures with their marks go; None: nowhere.
    """

    recognizers: Sequence[Recognizer]
    crops: bool = False
    drawings: Drawings | None = None

    def answer(self, path: str) -> Answer:
        """Read one picture and say what is in it; what cannot be read is an answer too."""
        try:
            image = read_image(sys.stdin.buffer.read() if path == STDIN else Path(path), name="standard input")
        except ImageError as error:
            return Answer(path, error=str(error))
        answer = Answer(path, (image.shape[1], image.shape[0]), tuple(self._look(image)))
        if self.drawings is not None:
            self.drawings.save(image, answer)
        return answer

    def _look(self, image: Image) -> list[FaceResult]:
        if not self.crops:
            return analyze(image, self.recognizers)
        return join([whole_face(image)], [(recognizer, recognizer.predict([image])) for recognizer in self.recognizers])


def predict(paths: Sequence[str], question: Question, write: Callable[[Iterable[Answer], TextIO], None]) -> int:
    """Answer about each picture on standard output, name bad ones on standard error, return the exit code.

    Args:
        paths: files; "-" reads the bytes of one picture from standard input.
        question: what to do with each.
        write: one of `FORMATS`.

    Returns:
        0; 1 if a picture could not be read; 3 if all could and no face was in any.
    """
    failed = found = 0

    def answers() -> Iterator[Answer]:
        nonlocal failed, found
        for path in paths:
            answer = question.answer(path)
            failed, found = failed + bool(answer.error), found + len(answer.results)
            if answer.error:
                print(f"error: {answer.error}", file=sys.stderr)
            yield answer

    write(answers(), sys.stdout)
    return FAILED if failed else OK if found else FACELESS


def _write_text(answers: Iterable[Answer], out: TextIO) -> None:
    for answer in answers:
        if not answer.error:
            print("\n".join(_lines(answer)), file=out, flush=True)


def _lines(answer: Answer) -> Iterator[str]:
    count = len(answer.results)
    yield f"{answer.path}: {'no face found' if not count else 'one face' if count == 1 else f'{count} faces'}"
    for number, result in enumerate(answer.results, 1):
        x, y, width, height = result.face.box
        yield f"  face {number} at {x}, {y} ({width}×{height} pixels)"
        longest = max((len(said.shown_as) for said in result.predictions), default=0)
        yield from (f"    {said.shown_as:<{longest}}  {_sentence(said)}" for said in result.predictions)


def _sentence(said: Prediction) -> str:
    ranked = sorted(said.scores.items(), key=lambda item: -item[1])
    head = f"{said.label} {said.score:.0%}" if said.certain else f"{said.verdict}, maybe {said.label} {said.score:.0%}"
    return f"{bar(said.score)} {head}  ({', '.join(f'{name} {score:.0%}' for name, score in ranked[1:3])})"


def bar(share: float) -> str:
    """Return a share from 0 to 1 as a bar of 20 characters."""
    full = round(share * _BAR)
    return "█" * full + "·" * (_BAR - full)


def _word(result: FaceResult) -> str:
    return result.predictions[0].verdict if result.predictions else ""


def _write_json(answers: Iterable[Answer], out: TextIO) -> None:
    print(json.dumps([_as_object(answer) for answer in answers], indent=2), file=out)  # in ASCII: JSON whatever the encoding of `out`


def _as_object(answer: Answer) -> dict[str, Any]:
    if answer.error:
        return {"path": answer.path, "error": answer.error}
    faces = [{"box": list(result.face.box), "predictions": {said.model: _said(said) for said in result.predictions}} for result in answer.results]
    return {"path": answer.path, "width": answer.size[0], "height": answer.size[1], "faces": faces}


def _said(said: Prediction) -> dict[str, Any]:
    return {"label": said.label, "score": said.score, "certain": said.certain, "scores": said.scores}


@dataclass(frozen=True)
class _Lines:
    """Ends rows in "\\n"; for `csv` they end in "\\r\\n", or it would leave a "\\r" in a name unquoted, which begins a new row for readers."""

    out: TextIO

    def write(self, row: str) -> None:
        self.out.write(row.removesuffix("\r\n") + "\n")


def _write_csv(answers: Iterable[Answer], out: TextIO) -> None:
    """One row a face and model: a picture without a face has none."""
    writer = csv.writer(_Lines(out))
    writer.writerow(("path", *COLUMNS[2:-1]))
    for answer in answers:
        if answer.results:
            writer.writerows(for_csv((answer.path, *row)) for row in to_rows(answer.results, ()))


FORMATS: dict[str, Callable[[Iterable[Answer], TextIO], None]] = {"text": _write_text, "json": _write_json, "csv": _write_csv}
