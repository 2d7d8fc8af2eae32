"""Looks at a picture: its faces, and what every model says of each, with a stopwatch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.draw import fit
from app.models import Model
from app.switches import MAX_PIXELS
from fersys import FaceResult, detect, read_image
from fersys.analysis import join
from fersys.errors import ImageError
from fersys.results import Image

Upload = dict[str, Any]  # Gradio's description of an uploaded file; "path" is checked to lie in the upload folder


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found in a picture, and how long it took.

    Attributes:
        name: the file's name, as the visitor knows it.
        image: RGB uint8 (H, W, 3); None if it could not be read.
        faces: the largest face first.
        detect_seconds: time to find the faces.
        model_seconds: time of each model for all faces together, by model name.
        error: what is wrong with the file; empty if nothing is.
        full_size: width and height of the picture, if `image` is a copy of another size.
    """

    name: str
    image: Image | None = None
    faces: tuple[FaceResult, ...] = ()
    detect_seconds: float = 0.0
    model_seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""
    full_size: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the picture that was looked at; 0, 0 if it could not be read."""
        return self.full_size or ((0, 0) if self.image is None else (self.image.shape[1], self.image.shape[0]))


def look(image: Image, models: Sequence[Model], name: str = "") -> Answer:
    """Find all faces in an RGB uint8 image and ask every model about them."""
    start = time.perf_counter()
    faces = detect(image)
    detect_seconds = time.perf_counter() - start
    crops = [face.crop for face in faces]
    answers, seconds = [], {}
    for model in models:
        start = time.perf_counter()
        answers.append((model.recognizer, model.recognizer.predict(crops)))
        seconds[model.name] = time.perf_counter() - start
    return Answer(name, image, tuple(join(faces, answers)), detect_seconds, seconds)


def take(upload: Upload) -> Image:
    """Read an uploaded picture and delete the file: from here on it is in memory alone.

    Raises:
        ImageError: if it is no picture, damaged or too large, or gone already.
    """
    path = Path(upload["path"])
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError("The upload is gone already: choose the picture again. Received: nothing") from error
    path.unlink(missing_ok=True)
    return read_image(content, MAX_PIXELS)


def look_at_upload(upload: Upload, models: Sequence[Model], name: str) -> Answer:
    """Read an upload, delete it and look at it; what cannot be read is an answer too."""
    try:
        return look(take(upload), models, name)
    except ImageError as error:
        return Answer(name, error=str(error))


def fitted(answer: Answer) -> Answer:
    """Return an answer that holds its picture in a size for the screen: twenty photos as they are fill a gigabyte."""
    return answer if answer.image is None else replace(answer, image=fit(answer.image), full_size=answer.size)


def forget(uploads: Sequence[Upload]) -> None:
    """Delete uploads that nobody will look at."""
    for upload in uploads:
        Path(upload["path"]).unlink(missing_ok=True)
