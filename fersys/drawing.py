"""Draws numbered, labelled boxes into a picture, and saves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from fersys.atomic import replacing
from fersys.errors import ConfigError
from fersys.results import Box, Image

# Okabe & Ito's colours for all kinds of colour vision (https://jfly.uni-koeln.de/color/), without
# the blue, on which black text is hard to read.
PALETTE: tuple[str, ...] = ("#E69F00", "#56B4E9", "#F0E442", "#009E73", "#CC79A7", "#D55E00")

# Pixels a side: WEBP_MAX_DIMENSION of libwebp and JPEG_MAX_DIMENSION of libjpeg.
_LONGEST = {".webp": 16_383, ".jpg": 65_500, ".jpeg": 65_500}


@dataclass(frozen=True)
class Mark:
    """What is drawn for one face: its box (x, y, width, height) in pixels, its number from 1, its label."""

    box: Box
    number: int
    label: str


def color(number: int) -> str:
    """Return the colour "#RRGGBB" of the face with this number, from 1."""
    return PALETTE[(number - 1) % len(PALETTE)]


def draw_marks(image: Image, marks: Sequence[Mark]) -> Image:
    """Draw a box with number and label for each face, on a copy.

    Lines are coloured between two black ones, labels are black on colour: readable on anything.

    Args:
        image: RGB uint8 (H, W, 3).
        marks: the first is drawn last, so that no other covers it.

    Returns:
        RGB uint8 (H, W, 3).
    """
    picture = PIL.Image.fromarray(image)
    pen = PIL.ImageDraw.Draw(picture)
    for mark in reversed(marks):
        _draw(pen, mark, picture.size)
    return np.asarray(picture)


def save_drawing(path: Path, image: Image, marks: Sequence[Mark]) -> None:
    """Write an RGB uint8 (H, W, 3) image with its marks to a picture file; its suffix chooses the format.

    Raises:
        ConfigError: if it cannot be written there, or the format holds no picture of this size.
    """
    most = _LONGEST.get(path.suffix.lower())
    if most is not None and max(image.shape) > most:
        sides = f"{image.shape[1]}×{image.shape[0]}"
        raise ConfigError(f"Cannot write so large a picture as {path.suffix}: expected sides of at most {most} pixels, or .png. Received: {path}, {sides}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as unfinished:
            PIL.Image.fromarray(draw_marks(image, marks)).save(unfinished)
    except OSError as error:
        raise ConfigError(f"Cannot write a picture there: expected a folder that can be written to. Received: {path} ({error.strerror or error})") from error


def _draw(pen: PIL.ImageDraw.ImageDraw, mark: Mark, size: tuple[int, int]) -> None:
    x, y, width, height = mark.box
    line = max(2, round(max(size) / 190))
    edge = max(1, line // 3)
    corners = (x, y, x + width - 1, y + height - 1)
    pen.rectangle(corners, outline="black", width=line + 2 * edge)
    inner = (corners[0] + edge, corners[1] + edge, corners[2] - edge, corners[3] - edge)
    if inner[0] <= inner[2] and inner[1] <= inner[3]:
        pen.rectangle(inner, outline=color(mark.number), width=line)
    _draw_tag(pen, mark, size)


def _draw_tag(pen: PIL.ImageDraw.ImageDraw, mark: Mark, size: tuple[int, int]) -> None:
    """Put the label above the box, or inside its top where there is no room above."""
    x, y, width, _ = mark.box
    text_size = _text_size(width, size)
    font = PIL.ImageFont.load_default(text_size)
    pad = max(2, round(text_size / 4))
    text = f"{mark.number} {mark.label}"
    if pen.textlength(text, font) > max(1.7 * width, 0.1 * max(size)):
        text = str(mark.number)  # a small face in a crowd: the number leads to the list
    tag_width, tag_height = round(pen.textlength(text, font)) + 2 * pad, round(text_size * 1.25) + pad
    left = min(max(0, x), max(0, size[0] - tag_width))
    top = y - tag_height if y >= tag_height else max(0, y)
    pen.rectangle((left, top, left + tag_width, top + tag_height), fill=color(mark.number), outline="black")
    pen.text((left + pad, top + tag_height / 2), text, fill="black", font=font, anchor="lm", stroke_width=0.4)


def _text_size(width: int, size: tuple[int, int]) -> float:
    """A quarter of the face's width, within what can be read and what does not shout; at least 1 pixel, since no font is smaller."""
    return max(1.0, min(max(0.25 * width, max(size) / 36), max(size) / 22))
