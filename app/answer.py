"""The HTML of an answer: pictures with a button around each face, a card a face, messages, downloads. Everything is escaped.

All of it comes at once, for every picture, face and model; `assets/image.js` shows what is chosen, so that choosing asks nobody.
"""

import base64
import io
import re
import secrets
from collections.abc import Sequence
from html import escape

from app.bars import agreements, bars, columns, emoji, glyph, label, milliseconds
from app.draw import LARGEST_SIDE, color, fit, jpeg_url, network_view, thumbnail
from app.looking import Answer
from app.models import Arms
from app.switches import MAX_FILE_SIZE, MAX_PIXELS
from app.words import say, title
from fersys import EMOTIONS, FaceResult
from fersys.predicting import FORMATS
from fersys.predicting import Answer as Row
from fersys.results import Box, Image

MOST = 20  # pictures at once
_CROP_SIDE = 160  # shown at half of it: sharp on dense screens
_STRIP_SIDE = 96
_SMALLER_SIDE = 800  # longer side of each of several pictures: twenty of them are still a quick page
_NARROW = 0.1  # share of the picture's width: a narrower box has room for a number alone
_SIDES = ("cnn", "deepface")


def answers(found: Sequence[Answer], arms: Arms, language: str, left_out: int = 0) -> str:
    """Return all that is said of the pictures of one upload.

    Args:
        found: an answer a picture, at least one.
        arms: the models of both columns; every answer has what each of them said.
        language: of the texts.
        left_out: how many further pictures were not looked at.
    """
    several = len(found) > 1
    shots = "".join(_shot(number, answer, arms, language, several) for number, answer in enumerate(found, 1))
    bound = f'<p class="fersys-bound" role="status">{say(language, "image.left_out", most=MOST, count=left_out)}</p>' if left_out else ""
    strip = _strip(found, language) if several else ""
    # Gradio mends the page where a new answer differs from the last: by the token the script sees that it is a new one.
    opening = f'<section class="fersys-answer" data-answer="{secrets.token_hex(8)}" aria-label="{say(language, "image.answer")}">'
    return f"{opening}{bound}{strip}{shots}{_downloads(found, arms, language)}</section>"


def _strip(found: Sequence[Answer], language: str) -> str:
    buttons = "".join(_strip_button(number, answer, language) for number, answer in enumerate(found, 1))
    return f'<div class="fersys-strip" role="group" aria-label="{say(language, "image.pictures")}">{buttons}</div>'


def _strip_button(number: int, answer: Answer, language: str) -> str:
    words = escape(f"{number}. {answer.name}: {_count(answer, language)}")
    inside = "⚠" if answer.image is None else f'<img src="{jpeg_url(_square(answer.image))}" alt="">'
    pressed = "true" if number == 1 else "false"
    return f'<button type="button" data-pick-shot="{number}" aria-pressed="{pressed}" aria-label="{words}" title="{words}">{inside}</button>'


def _square(image: Image) -> Image:
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return thumbnail(image[top : top + side, left : left + side], _STRIP_SIDE)


def _count(answer: Answer, language: str) -> str:
    if answer.error:
        return say(language, "image.not_read")
    return say(language, "image.one_face") if len(answer.faces) == 1 else say(language, "image.faces", count=len(answer.faces))


def _shot(number: int, answer: Answer, arms: Arms, language: str, several: bool) -> str:
    hidden = "" if number == 1 else " hidden"
    if answer.image is None:
        return f'<div class="fersys-shot" data-shot="{number}"{hidden}>{unreadable(answer.error, language)}</div>'
    left = picture(answer, language, _SMALLER_SIDE if several else LARGEST_SIDE)
    return f'<div class="fersys-shot" data-shot="{number}"{hidden}><div class="fersys-left">{left}</div>{faces(answer, arms, language)}</div>'


def picture(answer: Answer, language: str, largest: int = LARGEST_SIDE) -> str:
    """Return the picture with a button around each face and the times under it; the largest face lies at the bottom, so that no other is covered."""
    assert answer.image is not None
    width, height = answer.size
    boxes = "".join(_box(number, result, (width, height), language) for number, result in enumerate(answer.faces, 1))
    frame = (
        f'<div class="fersys-frame" style="--width:{width};--height:{height}">'
        f'<img src="{jpeg_url(fit(answer.image, largest))}" alt="{escape(_alt(answer, language))}">{boxes}</div>'
    )
    caption = say(language, "image.times", milliseconds=milliseconds(answer.detect_seconds))
    return f'<figure class="fersys-picture">{frame}<figcaption>{caption}</figcaption></figure>'


def _box(number: int, result: FaceResult, size: tuple[int, int], language: str) -> str:
    word = label(result.predictions[0], language) if result.predictions else ""
    style = f"{_place(result.face.box, size)};--color:{color(number)}"
    narrow = " fersys-narrow" if result.face.box[2] < _NARROW * size[0] else ""
    low = " fersys-inside" if result.face.box[1] < 0.08 * size[1] else ""
    named, pressed = escape(f"{say(language, 'image.face', number=number)}: {word}"), "true" if number == 1 else "false"
    return (
        f'<button type="button" class="fersys-box{narrow}{low}" data-pick-face="{number}" aria-pressed="{pressed}" aria-label="{named}" style="{style}">'
        f"<span>{number} <em>{escape(word)}</em></span></button>"
    )


def _place(box: Box, size: tuple[int, int]) -> str:
    x, y, width, height = box
    shares = {"left": x / size[0], "top": y / size[1], "width": width / size[0], "height": height / size[1]}
    return ";".join(f"{name}:{100 * share:.2f}%" for name, share in shares.items())


def _alt(answer: Answer, language: str) -> str:
    return say(language, "image.alt" if answer.faces else "image.alt_empty", count=_count(answer, language))


def faces(answer: Answer, arms: Arms, language: str) -> str:
    """Return a card for each face, of which the first is shown, or the message that there is none."""
    if not answer.faces:
        return f'<div class="fersys-faces">{no_face(language)}</div>'
    chips = _chips(answer, language) if len(answer.faces) > 1 else ""
    each = {name: seconds / len(answer.faces) for name, seconds in answer.model_seconds.items()}
    cards = "".join(_card(number, result, arms, each, language) for number, result in enumerate(answer.faces, 1))
    return (
        f'<div class="fersys-faces"><p class="fersys-count" role="status">{_count(answer, language)}</p>{chips}'
        f"{_menus(answer.faces[0], arms, language)}{cards}</div>"
    )


def _chips(answer: Answer, language: str) -> str:
    buttons = "".join(_chip(number, result, language) for number, result in enumerate(answer.faces, 1))
    return f'<div class="fersys-chips" role="group" aria-label="{say(language, "image.choose_face")}">{buttons}</div>'


def _chip(number: int, result: FaceResult, language: str) -> str:
    named = say(language, "image.face", number=number)
    inside = f'<img src="{jpeg_url(thumbnail(result.face.crop, _STRIP_SIDE))}" alt=""><span>{number}</span>'
    pressed = "true" if number == 1 else "false"
    return f'<button type="button" data-pick-face="{number}" aria-pressed="{pressed}" aria-label="{named}" style="--color:{color(number)}">{inside}</button>'


def _menus(result: FaceResult, arms: Arms, language: str) -> str:
    """Who answers on each side: a menu where there are several, a name where there is one."""
    titles = {said.model: title(language, said.shown_as) for said in result.predictions}
    sides = {side: [(model.name, titles[model.name]) for model in getattr(arms, side) if model.name in titles] for side in _SIDES}
    return f'<div class="fersys-menus">{"".join(_menu(side, models, language) for side, models in sides.items() if models)}</div>'


def _menu(side: str, models: Sequence[tuple[str, str]], language: str) -> str:
    named = say(language, f"image.side_{side}")
    if len(models) == 1:
        return f"<div>{named}<strong>{escape(models[0][1])}</strong></div>"
    options = "".join(f'<option value="{escape(name)}">{escape(title)}</option>' for name, title in models)
    return f'<label>{named}<select data-choose="{side}">{options}</select></label>'


def _card(number: int, result: FaceResult, arms: Arms, seconds: dict[str, float], language: str) -> str:
    said = columns(result.predictions, arms, seconds)
    named = say(language, "image.face", number=number)
    crop = f'<img src="{jpeg_url(thumbnail(result.face.crop, _CROP_SIDE))}" alt="{named}"><span aria-hidden="true">{number}</span>'
    pairs = agreements(said, language) or f'<p class="fersys-agree">{say(language, "image.one_side")}</p>'
    return (
        f'<article class="fersys-card" data-face="{number}" aria-label="{named}" style="--color:{color(number)}"{"" if number == 1 else " hidden"}>'
        f'<div class="fersys-head"><div class="fersys-crop">{crop}</div><div aria-live="polite">{pairs}</div></div>'
        f"{bars(said, language)}{_looked(result, language)}</article>"
    )


def _looked(result: FaceResult, language: str) -> str:
    """The button for the heat map, with what the network saw, and the place for the map."""
    return (
        f'<div class="fersys-looked" data-seen="{network_view(result.face.crop)}">'
        f'<button type="button" class="fersys-button" data-heat>{glyph("🔍")} {say(language, "image.looked")}</button>'
        '<div class="fersys-heat" role="status"></div></div>'
    )


def _downloads(found: Sequence[Answer], arms: Arms, language: str) -> str:
    """Links that hold the tables themselves: nothing is written on the server, nothing is asked for."""
    if not any(answer.faces for answer in found):
        return ""
    links = "".join(_download(found, kind, media, language) for kind, media in (("csv", "text/csv;charset=utf-8"), ("json", "application/json")))
    return f'<p class="fersys-downloads">{say(language, "image.download")} {links}</p>'


def _download(found: Sequence[Answer], kind: str, media: str, language: str) -> str:
    content = base64.b64encode(table(found, kind).encode()).decode("ascii")
    named = say(language, "image.download_as", kind=kind.upper())
    return f'<a class="fersys-button" download="fersys-faces.{kind}" href="data:{media};base64,{content}" aria-label="{named}">{kind.upper()}</a>'


def table(found: Sequence[Answer], kind: str) -> str:
    """Return the answers as `fersys predict --csv` or `--json` writes them; `kind` is "csv" or "json"."""
    out = io.StringIO()
    FORMATS[kind]((Row(one.name, one.size, one.faces, one.error) for one in found), out)
    return out.getvalue()


def message(title: str, hints: Sequence[str]) -> str:
    """Return a note with a title and a list of hints, announced by screen readers."""
    items = "".join(f"<li>{escape(hint)}</li>" for hint in hints)
    return f'<section class="fersys-message" role="alert"><h2>{escape(title)}</h2><ul>{items}</ul></section>'


def no_face(language: str) -> str:
    """Return the message for a picture without a face."""
    return message(say(language, "image.no_face"), [say(language, f"image.no_face_{hint}") for hint in ("pose", "light")])


def unreadable(reason: str, language: str) -> str:
    """Return the message for a file that is no picture, or one too large to be taken; `reason` is what `read_image` says."""
    limits = say(language, "image.limits", megapixels=MAX_PIXELS // 1_000_000, megabytes=MAX_FILE_SIZE.removesuffix("mb"))
    if size := re.search(r"is too large: .*Received: (\d+×\d+)", reason):
        return message(say(language, "image.too_large"), (say(language, "image.too_large_size", size=size[1]), limits))
    return message(say(language, "image.unreadable"), (say(language, "image.unreadable_kinds"), limits))


def expressions(language: str) -> str:
    """Return the seven expressions, each with its picture."""
    kinds = "".join(f"<li>{emoji(emotion)}{escape(say(language, f'emotion.{emotion}'))}</li>" for emotion in EMOTIONS)
    return f'<ul class="fersys-kinds">{kinds}</ul>'
