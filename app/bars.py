"""The HTML of one face's probabilities: a column of bars a model, a row an expression, and whether two models agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product

from app.models import Arms
from app.words import say, title
from fersys import EMOTIONS, Prediction

EMOJI: dict[str, str] = {
    "angry": "😠",
    "disgust": "🤢",
    "fear": "😨",
    "happy": "😀",
    "sad": "😢",
    "surprise": "😲",
    "neutral": "😐",
}
UNSURE = "🤔"  # in place of an expression's own
_SIGNS = {"agree": "✓", "disagree": "≠"}  # for eyes that do not tell the colours apart


@dataclass(frozen=True)
class Column:
    """What one model says of one face, and where it stands.

    Attributes:
        side: "cnn" or "deepface".
        said: its answer.
        seconds: what it took for this face; None if that is not known.
        chosen: whether it is shown at the start.
    """

    side: str
    said: Prediction
    seconds: float | None = None
    chosen: bool = True

    @property
    def attributes(self) -> str:
        """How scripts find it."""
        return f'data-side="{self.side}" data-model="{escape(self.said.model)}"{"" if self.chosen else " hidden"}'


def columns(predictions: Sequence[Prediction], arms: Arms, seconds: Mapping[str, float] | None = None) -> list[Column]:
    """Give each prediction its side; of every side the first model that answered is shown at the start."""
    sides = {model.name: side for side in ("cnn", "deepface") for model in getattr(arms, side)}
    first = {sides[said.model]: said.model for said in reversed(predictions)}
    return [Column(sides[said.model], said, (seconds or {}).get(said.model), first[sides[said.model]] == said.model) for said in predictions]


def bars(said: Sequence[Column], language: str) -> str:
    """Return the probabilities as a table, one column a model under its verdict, one row an expression."""
    heads = "".join(f'<th scope="col" {column.attributes}>{_verdict(column, language)}</th>' for column in said)
    rows = "".join(_row(emotion, said, language) for emotion in EMOTIONS)
    return (
        f'<table class="fersys-bars"><caption class="fersys-hidden">{say(language, "image.bars")}</caption>'
        f'<thead><tr><td class="fersys-corner"></td>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _verdict(column: Column, language: str) -> str:
    said = column.said
    side = f'<small class="fersys-side">{say(language, f"image.side_{column.side}")}</small>'
    name = f'<small class="fersys-model">{escape(title(language, said.shown_as))}</small>{_took(column.seconds)}'
    share, word = percent(said.score, language), f'<strong data-word="{escape(label(said, language))}">{escape(label(said, language))}</strong>'
    if said.certain:
        return f'<div class="fersys-verdict">{side}{name}{emoji(said.label)}<span>{word} <b>{share}</b></span></div>'
    guess = say(language, "image.maybe", emotion=say(language, f"emotion.{said.label}"))
    return f'<div class="fersys-verdict fersys-unsure">{side}{name}{glyph(UNSURE)}<span>{word}<b>{escape(guess)} {share}</b></span></div>'


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f'<small class="fersys-ms">{milliseconds(seconds)}</small>'


def _row(emotion: str, said: Sequence[Column], language: str) -> str:
    cells = "".join(_cell(column, emotion, language) for column in said)
    return f'<tr><th scope="row">{emoji(emotion)} {escape(say(language, f"emotion.{emotion}"))}</th>{cells}</tr>'


def _cell(column: Column, emotion: str, language: str) -> str:
    score, kind = column.said.scores[emotion], ' class="fersys-top"' if emotion == column.said.label else ""
    bar = f'<i aria-hidden="true"><u style="width:{100 * score:.1f}%"></u></i>'
    return f"<td{kind} {column.attributes}><div>{bar}<span>{percent(score, language)}</span></div></td>"


def agreements(said: Sequence[Column], language: str) -> str:
    """Return a line for each pair of models of the two sides that says whether they agree; that of the pair that is shown is visible."""
    sides = [[column for column in said if column.side == side] for side in ("cnn", "deepface")]
    return "".join(_agreement(left, right, language) for left, right in product(*sides))


def _agreement(left: Column, right: Column, language: str) -> str:
    key = _agreement_key(left.said, right.said)
    sure, unsure = (left, right) if left.said.certain else (right, left)
    values = {"left": left, "right": right, "sure": sure, "unsure": unsure}
    names = {name: say(language, f"image.side_{one.side}") for name, one in values.items()}
    words = {f"{name}_emotion": say(language, f"emotion.{one.said.label}") for name, one in values.items()}
    hidden = "" if left.chosen and right.chosen else " hidden"
    return (
        f'<p class="fersys-agree fersys-pair-{key}" data-cnn="{escape(left.said.model)}" data-deepface="{escape(right.said.model)}"{hidden}>'
        f'<span aria-hidden="true">{_SIGNS.get(key, "≈")}</span> {escape(say(language, f"image.{key}", **names, **words))}</p>'
    )


def _agreement_key(left: Prediction, right: Prediction) -> str:
    same, sure = left.label == right.label, left.certain + right.certain
    return (("lean_both", "lean_one", "agree") if same else ("both_unsure", "one_unsure", "disagree"))[sure]


def label(said: Prediction, language: str) -> str:
    """Return a model's word for a face, which may be "not sure"."""
    return say(language, f"emotion.{said.label}" if said.certain else "image.not_sure")


def emoji(emotion: str) -> str:
    """Return an expression's picture, which screen readers pass over."""
    return glyph(EMOJI[emotion])


def glyph(character: str) -> str:
    """Return an emoji that screen readers pass over."""
    return f'<span class="fersys-emoji" aria-hidden="true">{character}</span>'


def percent(score: float, language: str) -> str:
    """Return a probability 0–1 as whole percent, as HTML; what is small but not nothing reads "<1%"."""
    return ("&lt;1" if 0 < score < 0.005 else f"{100 * score:.0f}") + percent_sign(language)


def percent_sign(language: str) -> str:
    """Return what follows a number of percent: German sets a space between."""
    return "\N{NO-BREAK SPACE}%" if language == "de" else "%"


def milliseconds(seconds: float) -> str:
    """Return a time in whole milliseconds, as HTML; what is less than one reads "<1 ms"."""
    return "&lt;1 ms" if seconds < 0.001 else f"{1000 * seconds:.0f} ms"
