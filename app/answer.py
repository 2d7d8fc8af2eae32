"""The HTML of an answer: the annotated picture, a card a face, or a message. Everything is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.draw import Mark, annotate, color, jpeg_url, thumbnail
from app.guard import MAX_FILE_SIZE, MAX_PIXELS
from fersys import EMOTIONS, FaceResult, Prediction
from fersys.results import Image

EMOJI: dict[str, str] = {
    "angry": "😠",
    "disgust": "🤢",
    "fear": "😨",
    "happy": "😀",
    "sad": "😢",
    "surprise": "😲",
    "neutral": "😐",
}
_UNSURE = "🤔"  # in place of an expression's own
_CROP_SIDE = 160  # shown at half of it: sharp on dense screens
_PROMISE = "For each face you see here which of them our models find, how sure they are, and where they disagree."


@dataclass(frozen=True)
class Answer:
    """What was found in a picture, and how long it took.

    Attributes:
        faces: the largest face first.
        detect_seconds: time to find the faces.
        model_seconds: time of each model for all faces together, by model name.
    """

    faces: tuple[FaceResult, ...]
    detect_seconds: float
    model_seconds: dict[str, float]


def picture(image: Image, answer: Answer) -> str:
    """Return the annotated picture with the times under it; `image` is RGB uint8 (H, W, 3)."""
    marks = [Mark(result.face.box, number, _label(result)) for number, result in enumerate(answer.faces, 1)]
    return (
        f'<figure class="fersys-picture"><img src="{jpeg_url(annotate(image, marks))}" alt="{escape(_alt(answer))}">'
        f"<figcaption>{escape(_times(answer))}</figcaption></figure>"
    )


def _label(result: FaceResult) -> str:
    """The first model's word for a face, which may be "not sure"; the others' are in its card."""
    return result.predictions[0].verdict if result.predictions else ""


def _alt(answer: Answer) -> str:
    if not answer.faces:
        return "Your picture. No face was found in it."
    named = (f"face {number} {_label(result)}" for number, result in enumerate(answer.faces, 1))
    return f"Your picture with a numbered box around each face: {', '.join(named)}."


def _times(answer: Answer) -> str:
    count = len(answer.faces)
    titles = {said.model: said.shown_as for result in answer.faces for said in result.predictions}
    each = [f"{titles.get(name, name)} {1000 * seconds / count:.1f} ms a face" for name, seconds in answer.model_seconds.items() if count]
    return " · ".join([f"Looked for faces: {1000 * answer.detect_seconds:.0f} ms", *each])


def faces(answer: Answer) -> str:
    """Return a card for each face, or the message that there is none."""
    if not answer.faces:
        return no_face()
    count = "One face found" if len(answer.faces) == 1 else f"{len(answer.faces)} faces found, the largest first"
    cards = "".join(_card(number, result) for number, result in enumerate(answer.faces, 1))
    return f'<section class="fersys-faces" aria-label="Faces"><p class="fersys-count" role="status">{count}</p>{cards}</section>'


def _card(number: int, result: FaceResult) -> str:
    crop = (
        f'<div class="fersys-crop" style="border-color:{color(number)}"><img src="{jpeg_url(thumbnail(result.face.crop, _CROP_SIDE))}" alt="Face {number}">'
        f'<span style="background:{color(number)}" aria-hidden="true">{number}</span></div>'
    )
    return f'<article class="fersys-card" aria-label="Face {number}">{bars(result.predictions, crop)}</article>'


def bars(predictions: Sequence[Prediction], corner: str = "") -> str:
    """Return the probabilities as a table: a column of bars a model under its verdict, a row an expression.

    Args:
        predictions: of one face, one a model.
        corner: HTML for the corner of the table, such as the face.
    """
    heads = "".join(f'<th scope="col">{_verdict(prediction)}</th>' for prediction in predictions)
    rows = "".join(_row(emotion, predictions) for emotion in EMOTIONS)
    many = f' fersys-many" style="--models:{len(predictions)}' if len(predictions) > 2 else ""
    return (
        f'<table class="fersys-bars{many}"><caption class="fersys-hidden">Probability of each expression by model</caption>'
        f"<thead><tr><td>{corner}</td>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _verdict(prediction: Prediction) -> str:
    name, word, share = f"<small>{escape(prediction.shown_as)}</small>", escape(prediction.verdict), percent(prediction.score)
    if prediction.certain:
        return f'<div class="fersys-verdict">{name}{_emoji(prediction.label)}<span><strong>{word}</strong> <b>{share}</b></span></div>'
    guess = f"maybe {escape(prediction.label)} {share}"
    return f'<div class="fersys-verdict fersys-unsure">{name}{_glyph(_UNSURE)}<strong>{word}</strong> <b>{guess}</b></div>'


def _row(emotion: str, predictions: Sequence[Prediction]) -> str:
    cells = "".join(_cell(prediction.scores[emotion], emotion == prediction.label) for prediction in predictions)
    return f'<tr><th scope="row">{_emoji(emotion)} {escape(emotion)}</th>{cells}</tr>'


def _cell(score: float, wins: bool) -> str:
    kind = ' class="fersys-top"' if wins else ""
    return f'<td{kind}><div><i aria-hidden="true"><u style="width:{100 * score:.1f}%"></u></i><span>{percent(score)}</span></div></td>'


def _emoji(emotion: str) -> str:
    return _glyph(EMOJI[emotion])


def _glyph(emoji: str) -> str:
    return f'<span class="fersys-emoji" aria-hidden="true">{emoji}</span>'


def percent(score: float) -> str:
    """Return a probability 0–1 as whole percent, as HTML; what is small but not nothing reads "<1%"."""
    return "&lt;1%" if 0 < score < 0.005 else f"{100 * score:.0f}%"


def message(title: str, hints: Sequence[str]) -> str:
    """Return a note with a title and a list of hints, announced by screen readers."""
    items = "".join(f"<li>{escape(hint)}</li>" for hint in hints)
    return f'<section class="fersys-message" role="alert"><h2>{escape(title)}</h2><ul>{items}</ul></section>'


def no_face() -> str:
    """Return the message for a picture without a face."""
    hints = ("Take a photo in which the face looks into the camera, upright and not covered.", "Good light and a face of at least 50 pixels help.")
    return message("No face found in this picture", hints)


def unreadable(reason: str) -> str:
    """Return the message for a file that is no picture, or one too large to be taken."""
    limits = f"Photos from a phone or camera work, up to {MAX_PIXELS // 1_000_000} megapixels and {MAX_FILE_SIZE.removesuffix('mb')} MB."
    return message("This file could not be read as a picture", (reason[:1].upper() + reason[1:], limits))


def welcome() -> str:
    """Return what stands where the answer will be."""
    kinds = "".join(f"<li>{_emoji(emotion)}{escape(emotion)}</li>" for emotion in EMOTIONS)
    return f'<section class="fersys-welcome"><h2>Seven expressions</h2><ul>{kinds}</ul><p>{_PROMISE}</p></section>'
