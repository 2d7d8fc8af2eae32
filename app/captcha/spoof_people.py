"""The people whom `spoof-bench` films: out of each clip a face at rest and one for each expression, on the same background."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from app.captcha.expressions import Expressions
from app.captcha.sights import Sight, see
from app.captcha.spoof_pictures import Still, lend
from app.captcha.steps import AHEAD
from fersys.errors import ConfigError
from fersys.images import read_image
from fersys.labels import EMOTIONS
from fersys.pictures import stream
from fersys.recognizers.base import Recognizer
from fersys.results import Image
from fersys.video import opened

_EVERY = 4  # frames of a clip that are looked at
_DONORS = 24  # faces that are tried in another's place
_LARGE = 384  # pixels to which a small face is enlarged, so that it is found
CLIPS, PHOTOS = (".mp4", ".webm", ".mov"), (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who was filmed.

    Attributes:
        name: of the clip.
        rest: the face at rest.
        poses: the face of each expression, on the same background and body.
        lent: expressions that this person was not filmed with, and whose face was put in place.
    """

    name: str
    rest: Still
    poses: dict[str, Still]
    lent: dict[str, str]


@dataclass(frozen=True, eq=False)
class _Found:
    source: str
    still: Still
    sight: Sight


@dataclass(frozen=True)
class Sources:
    """Where people come from.

    Attributes:
        folder: of clips and photos.
        faces: parquet file of small labelled faces, such as FER2013's, that lend expressions; None: photos alone do.
    """

    folder: Path
    faces: Path | None = None

    def files(self, suffixes: Sequence[str]) -> list[Path]:
        """Return the folder's files of a kind, by name."""
        files = sorted(path for path in self.folder.iterdir() if path.is_file()) if self.folder.is_dir() else []
        return [path for path in files if path.suffix.lower() in suffixes]


def read_people(sources: Sources, recognizers: Sequence[Recognizer], table: Expressions) -> list[Person]:
    """Read the clips of a folder. What somebody was not filmed with is lent: no two people get a face of the same donor, and none lends to another.

    Raises:
        ConfigError: if there are fewer than two people with two expressions each.
        DataError: if the file of small faces cannot be read.
    """
    clips = {path.name: list(_look(path.name, _frames(path), recognizers)) for path in sources.files(CLIPS)}
    filmed = {name: found for name, found in clips.items() if found}
    photos = [one for path in sources.files(PHOTOS) for one in _look(path.name, iter([read_image(path)]), recognizers)]
    donors = [*photos, *(_small_faces(sources.faces, recognizers, table) if sources.faces else [])]
    people = [_person(name, [*found, *donors[number :: len(filmed)]], (recognizers, table)) for number, (name, found) in enumerate(filmed.items())]
    able = [person for person in people if len(person.poses) >= 2]
    if len(able) < 2:
        raise ConfigError(f"Spoof bench: expected clips of two or more people with two or more expressions in {sources.folder}. Received: {len(able)} such")
    return able


def _small_faces(file: Path, recognizers: Sequence[Recognizer], table: Expressions) -> list[_Found]:
    """The faces of a file that show what may be asked most, enlarged; half of each expression's stand at even places."""
    pictures = [picture for picture in stream([file], file.with_suffix("")) if picture.truth in table.asked and picture.content]
    crops = [read_image(picture.content) for picture in pictures]
    agreement = np.min([recognizer.predict(crops) for recognizer in recognizers], axis=0)
    best: list[_Found] = []
    for name in table.asked:
        shown = agreement[:, EMOTIONS.index(name)] * np.array([picture.truth == name for picture in pictures])
        for index in np.argsort(-shown)[: 2 * _DONORS]:
            best += _look(f"{file.name}, row {pictures[index].row}", iter([_enlarged(crops[index])]), recognizers)
    return best


def _enlarged(crop: Image) -> Image:
    """On a gray ground, as large as faces are before a camera."""
    large = np.asarray(cv2.resize(crop, (_LARGE, _LARGE), interpolation=cv2.INTER_CUBIC), np.uint8)
    around = _LARGE // 3
    return np.asarray(cv2.copyMakeBorder(large, around, around, around, around, cv2.BORDER_REPLICATE), np.uint8)


def _frames(path: Path) -> Iterator[Image]:
    with opened(path) as reader:
        for number, (_, frame) in enumerate(reader.frames()):
            if number % _EVERY == 0:
                yield frame


def _look(source: str, frames: Iterator[Image], recognizers: Sequence[Recognizer]) -> Iterator[_Found]:
    for frame in frames:
        sight = see(frame, recognizers, 0.0)
        if sight is not None and sight.alone and sight.near and abs(sight.yaw) <= AHEAD:
            yield _Found(source, Still(frame, _placed(sight, frame)), sight)


def _placed(sight: Sight, frame: Image) -> npt.NDArray[np.float64]:
    return np.asarray(sight.points * (frame.shape[1] / sight.gray.shape[1]), np.float64)


def _person(name: str, faces: Sequence[_Found], judged_by: tuple[Sequence[Recognizer], Expressions]) -> Person:
    """Somebody out of faces: their own, and those of their donors."""
    own = [one for one in faces if one.source == name]
    rest = max(own, key=lambda one: float(one.sight.agreement[EMOTIONS.index("neutral")])).still
    poses, lent = {}, dict[str, str]()
    for expression in judged_by[1].asked:
        for donor in _best(expression, faces, name):
            pose = lend(donor.still, rest)
            if _shows(pose, expression, judged_by):
                poses[expression] = pose
                lent |= {expression: donor.source} if donor.source != name else {}
                break
    return Person(name, rest, poses, lent)


def _best(expression: str, faces: Sequence[_Found], name: str) -> list[_Found]:
    """The faces that show an expression most, this person's own first."""
    index = EMOTIONS.index(expression)
    ranked = sorted(faces, key=lambda one: -float(one.sight.agreement[index]))
    own, others = ([one for one in ranked if (one.source == name) is mine][:_DONORS] for mine in (True, False))
    return own + others


def _shows(pose: Still, expression: str, judged_by: tuple[Sequence[Recognizer], Expressions]) -> bool:
    sight = see(pose.image, judged_by[0], 0.0)
    return sight is not None and judged_by[1].is_shown(expression, sight.agreement)


def real_onsets(path: Path, recognizers: Sequence[Recognizer], table: Expressions) -> list[tuple[str, list[tuple[float, Image]]]]:
    """Return each stretch of a clip in which an expression appears on an unbroken film: its name, and (seconds, frame) from 1 s before it to 2 s after."""
    with opened(path) as reader:
        frames = list(reader.frames())
    sights = [see(frame, recognizers, 0.0) if number % 2 == 0 else None for number, (_, frame) in enumerate(frames)]
    return [(name, stretch) for name in table.asked if (stretch := _onset(frames, sights, name, table))]


def _onset(frames: list[tuple[float, Image]], sights: Sequence[Sight | None], name: str, table: Expressions) -> list[tuple[float, Image]]:
    """The first moment from which the expression stays for a second and a half, after half a second without it."""
    for number, (time, _) in enumerate(frames):
        before = [s for (at, _), s in zip(frames, sights, strict=True) if s is not None and time - 1.0 <= at < time - 0.3]
        after = [s for (at, _), s in zip(frames, sights, strict=True) if s is not None and time + 0.2 <= at < time + 1.5]
        if len(before) < 3 or len(after) < 6 or sights[number] is None:
            continue
        if all(table.is_absent(name, s.agreement) and abs(s.yaw) <= AHEAD for s in before) and all(table.is_shown(name, s.agreement) for s in after):
            return [(at, frame) for at, frame in frames if time - 1.0 <= at < time + 2.0]
    return []
