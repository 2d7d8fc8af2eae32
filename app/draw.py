"""Draws numbered, labelled boxes into a picture, and turns pictures into data URLs.

Nothing is written to disk: the page carries its pictures inline.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from fersys.results import Box, Image

# Okabe & Ito's colours for all kinds of colour vision (https://jfly.uni-koeln.de/color/), without
# the blue, on which black text is hard to read.
PALETTE: tuple[str, ...] = ("#E69F00", "#56B4E9", "#F0E442", "#009E73", "#CC79A7", "#D55E00")
# Longer side of what is shown, in pixels: enough for a wide column, few enough for a quick page.
_SMALLEST_SIDE, _LARGEST_SIDE = 640, 1120
_JPEG_QUALITY = 88


@dataclass(frozen=True)
class Mark:
    """What is drawn for one face: its box (x, y, width, height) in pixels, its number from 1, its label."""

    box: Box
    number: int
    label: str


def color(number: int) -> str:
    """Return the colour "#RRGGBB" of the face with this number, from 1."""
    return PALETTE[(number - 1) % len(PALETTE)]


def annotate(image: Image, marks: Sequence[Mark]) -> Image:
    """Draw a box with number and label for each face, on a copy brought to a size for the screen.

    Lines are coloured between two black ones, labels are black on colour: readable on anything.

    Args:
        image: RGB uint8 (H, W, 3).
        marks: boxes in pixels of that image; the first is drawn last, so that no other covers it.

    Returns:
        RGB uint8 (H', W', 3) of the same proportions.
    """
    scale = _scale(image)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    picture = PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.LANCZOS)
    pen = PIL.ImageDraw.Draw(picture)
    for mark in reversed(marks):
        _draw(pen, Mark(_scaled(mark.box, scale), mark.number, mark.label), size)
    return np.asarray(picture)


def _scale(image: Image) -> float:
    longer: int = max(image.shape[:2])
    return min(max(longer, _SMALLEST_SIDE), _LARGEST_SIDE) / longer


def _scaled(box: Box, scale: float) -> Box:
    x, y, width, height = (round(value * scale) for value in box)
    return x, y, max(1, width), max(1, height)


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
    """A quarter of the face's width, within what can be read and what does not shout."""
    return min(max(0.25 * width, max(size) / 36), max(size) / 22)


def jpeg_url(image: Image) -> str:
    """Return an RGB uint8 image as a `data:` URL of a JPEG without metadata."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def thumbnail(crop: Image, side: int) -> Image:
    """Return an RGB uint8 crop resized to (side, side, 3)."""
    return np.asarray(PIL.Image.fromarray(crop).resize((side, side), PIL.Image.Resampling.LANCZOS))
