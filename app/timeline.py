"""The HTML of what each face of a video shows over time: a chart a face, in words, and as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from app.bars import emoji, glyph, percent_sign
from app.draw import color, jpeg_url
from app.films import Film, Portrait
from app.models import Model
from app.words import say, title
from fersys.labels import EMOTIONS

SHOWN = 8  # faces; the table has all
_COLUMNS = 240  # of a chart: as many as a wide screen can show
_ROWS = 40  # of a table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Course:
    """What one face shows over the video, in equal parts of its time.

    Attributes:
        scores: float (models, 7, columns), mean probabilities 0–1; NaN where the face is not in the picture.
        sure: bool (models, columns), whether most answers of a part were certain.
        seconds: length of the video.
    """

    scores: Floats
    sure: npt.NDArray[np.bool_]
    seconds: float

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Position in `EMOTIONS` of each part's most probable expression (models, columns); 7: not sure; −1: no face."""
        known = ~np.isnan(self.scores[:, 0])
        best = np.nan_to_num(self.scores).argmax(axis=1)
        return np.asarray(np.where(known, np.where(self.sure, best, len(EMOTIONS)), -1), dtype=np.int64)


def course(face: Portrait, film: Film) -> Course:
    """Bring a face's answers into at most 240 equal parts of the video's time, each of two frames or more."""
    columns = int(np.clip(film.frames // 2, 1, _COLUMNS))
    place = np.minimum((np.array(face.times) / max(film.seconds, 1e-9) * columns).astype(int), columns - 1)
    count = np.bincount(place, minlength=columns)
    with np.errstate(invalid="ignore"):
        scores = _means(np.array(face.rows, np.float64).reshape(len(place), -1), place, count)
        sure = _means(np.array(face.certain, np.float64), place, count) >= 0.5
    models = len(face.certain[0])
    return Course(scores.reshape(columns, models, len(EMOTIONS)).transpose(1, 2, 0), sure.T, film.seconds)


def _means(values: Floats, place: npt.NDArray[np.int64], count: npt.NDArray[np.int64]) -> Floats:
    """Means (columns, k) of the rows (n, k) that fall into each column; NaN in an empty one."""
    sums = [np.bincount(place, weights=column, minlength=len(count)) for column in values.T]
    return np.asarray(np.array(sums).T / np.where(count, count, np.nan)[:, None])


def answer(film: Film, models: Sequence[Model], language: str) -> str:
    """Return all that is said of a video; the scripts put the video itself and the downloads into it."""
    notes = "".join(f'<p class="fersys-bound">{escape(say(language, f"video.note_{note}"))}</p>' for note in film.notes)
    label = escape(say(language, "video.answer"))
    if not film.faces:
        return f'<section class="fersys-film" aria-label="{label}">{notes}{no_face(language)}</section>'
    return (
        f'<section class="fersys-film" aria-label="{label}"><div class="fersys-film-left">{_screen(film, models, language)}{notes}</div>'
        f'<div class="fersys-film-right">{_chips(film, language)}{"".join(_panel(film, face, models, language) for face in film.faces[:SHOWN])}</div></section>'
    )


def no_face(language: str) -> str:
    """Return what is said of a video without a face."""
    hints = "".join(f"<li>{escape(say(language, f'video.no_face_{hint}'))}</li>" for hint in ("pose", "light"))
    return f'<div class="fersys-message"><h2>{escape(say(language, "video.no_face"))}</h2><ul>{hints}</ul></div>'


def _screen(film: Film, models: Sequence[Model], language: str) -> str:
    count = say(language, "video.one_face") if len(film.faces) == 1 else say(language, "video.faces", count=len(film.faces))
    caption = say(language, "video.caption", faces=count, frames=film.frames, seconds=_decimal(film.seconds, language), model=title(language, models[0].title))
    return (
        f'<figure class="fersys-picture"><video controls playsinline data-film aria-label="{escape(say(language, "video.player"))}"></video>'
        f'<p class="fersys-bound" data-unplayable hidden>{escape(say(language, "video.unplayable"))}</p>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        f'<p class="fersys-downloads"><a class="fersys-button" data-video-link download>{escape(say(language, "video.download_video"))}</a>'
        f'<a class="fersys-button" data-table-link download="faces.csv">{escape(say(language, "video.download_table"))}</a></p>'
    )


def _decimal(value: float, language: str) -> str:
    text = f"{value:.1f}"
    return text.replace(".", ",") if language == "de" else text


def _chips(film: Film, language: str) -> str:
    if len(film.faces) == 1:
        return ""
    chips = "".join(_chip(face, first=face is film.faces[0], language=language) for face in film.faces[:SHOWN])
    left = len(film.faces) - SHOWN
    more = f'<p class="fersys-bound">{escape(say(language, "video.more_faces", count=left, shown=SHOWN))}</p>' if left > 0 else ""
    return f'<div class="fersys-chips" role="group" aria-label="{escape(say(language, "image.choose_face"))}">{chips}</div>{more}'


def _chip(face: Portrait, first: bool, language: str) -> str:
    name, pressed = escape(say(language, "image.face", number=face.number)), "true" if first else "false"
    return (
        f'<button type="button" data-pick-track="{face.number}" aria-pressed="{pressed}" aria-label="{name}" style="--color:{color(face.number)}">'
        f'<img src="{jpeg_url(face.crop)}" alt=""><span aria-hidden="true">{face.number}</span></button>'
    )


def _panel(film: Film, face: Portrait, models: Sequence[Model], language: str) -> str:
    found = course(face, film)
    hidden = "" if face is film.faces[0] else " hidden"
    words = [_summary(title(language, model.title), found.labels[index], language) for index, model in enumerate(models)]
    rows = "".join(_row(index, found, language) for index in range(len(EMOTIONS)))
    data = escape(json.dumps(_numbers(found), separators=(",", ":")))
    return (
        f'<article class="fersys-card fersys-track" data-track="{face.number}" data-course="{data}"{hidden}>{_head(face, words)}{_legend(models, language)}'
        f'<div class="fersys-lanes" role="img" aria-label="{escape(say(language, "video.chart", words=" ".join(words)))}">{rows}'
        f'<i class="fersys-now" aria-hidden="true"></i></div>{_axis(found.seconds)}{_table(found, models, language)}</article>'
    )


def _head(face: Portrait, words: Sequence[str]) -> str:
    crop = f'<div class="fersys-crop" style="--color:{color(face.number)}"><img src="{jpeg_url(face.crop)}" alt=""><span>{face.number}</span></div>'
    return f'<div class="fersys-head">{crop}<div>{"".join(f"<p>{escape(one)}</p>" for one in words)}</div></div>'


def _legend(models: Sequence[Model], language: str) -> str:
    marks = "".join(
        f'<span><i class="fersys-mark-{index}" aria-hidden="true"></i>{escape(title(language, model.title))}</span>' for index, model in enumerate(models)
    )
    return f'<p class="fersys-legend">{marks}<span class="fersys-quietly">{escape(say(language, "video.lanes"))}</span></p>'


def _summary(named: str, labels: npt.NDArray[np.int64], language: str) -> str:
    """In words, how much of the time that the face is there a model says what; what is rare is left out."""
    there = labels[labels >= 0]
    shares = np.bincount(there, minlength=len(EMOTIONS) + 1) / max(1, len(there))
    said = [
        f"{_word(index, language)} {100 * shares[index]:.0f}{percent_sign(language)}" for index in np.argsort(-shares, kind="stable") if shares[index] >= 0.05
    ]
    return say(language, "video.summary", model=named, said=", ".join(said[:4]))


def _word(index: int, language: str) -> str:
    return say(language, f"emotion.{EMOTIONS[index]}") if index < len(EMOTIONS) else say(language, "image.not_sure")


def _numbers(found: Course) -> list[list[list[int]]]:
    """Whole percents by model, expression and part, −1 where the face is not there: what scripts show beside the rows."""
    return [[[-1 if np.isnan(value) else round(100 * value) for value in row] for row in rows] for rows in found.scores]


def _row(index: int, found: Course, language: str) -> str:
    columns = found.scores.shape[2]
    area = _area(found.scores[0, index])
    lines = "".join(f'<path class="fersys-line" d="{_line(rows[index])}"/>' for rows in found.scores[1:])
    name = f"{emoji(EMOTIONS[index])} {escape(say(language, f'emotion.{EMOTIONS[index]}'))}"
    chart = f'<svg viewBox="0 0 {columns} 100" preserveAspectRatio="none" aria-hidden="true"><path class="fersys-area" d="{area}"/>{lines}</svg>'
    return f'<div class="fersys-lane"><span>{name}</span>{chart}<output data-emotion="{index}" aria-hidden="true"></output></div>'


def _runs(row: Floats) -> list[list[tuple[int, int]]]:
    """Runs of parts in which the face is there, as (part, height from the top in percent)."""
    runs: list[list[tuple[int, int]]] = [[]]
    for column, value in enumerate(row):
        if np.isnan(value):
            runs.append([])
        else:
            runs[-1].append((column, 100 - round(100 * float(value))))
    return [run for run in runs if run]


def _steps(run: Sequence[tuple[int, int]]) -> str:
    """A stair: each part at its height for its whole width."""
    return "".join(f"V{height}H{column + 1}" for column, height in run)


def _area(row: Floats) -> str:
    return "".join(f"M{run[0][0]} 100{_steps(run)}V100Z" for run in _runs(row))


def _line(row: Floats) -> str:
    return "".join(f"M{run[0][0]} {run[0][1]}{_steps(run)}" for run in _runs(row))


def _axis(seconds: float) -> str:
    marks = "".join(f"<span>{_clock(seconds * share / 4)}</span>" for share in range(5))
    return f'<div class="fersys-axis" aria-hidden="true">{marks}</div>'


def _clock(seconds: float) -> str:
    """A moment as 1:05, or with tenths if it is in the first four seconds."""
    whole = int(seconds + 0.5)
    return f"0:{seconds:04.1f}" if 0 < seconds < 4 else f"{whole // 60}:{whole % 60:02}"


def _table(found: Course, models: Sequence[Model], language: str) -> str:
    heads = "".join(
        f'<th scope="col">{escape(text)}</th>' for text in (say(language, "video.from"), say(language, "video.to"), *(title(language, m.title) for m in models))
    )
    spans = _spans(found.labels)
    rows = "".join(_span_row(span, found, language) for span in spans[:_ROWS])
    more = f"<p>{escape(say(language, 'video.more_rows', count=len(spans) - _ROWS))}</p>" if len(spans) > _ROWS else ""
    named = escape(say(language, "video.as_table"))
    return (
        f'<details><summary>{glyph("▤")} {named}</summary><div class="fersys-scroll" tabindex="0" role="region" aria-label="{named}">'
        f'<table class="fersys-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{more}</details>'
    )


def _spans(labels: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Runs (first, behind the last) of parts in which no model changes its answer and the face is there."""
    changes = np.nonzero((np.diff(labels, axis=1) != 0).any(axis=0))[0] + 1
    edges = [0, *changes.tolist(), labels.shape[1]]
    return [(first, last) for first, last in pairwise(edges) if labels[0, first] >= 0]


def _span_row(span: tuple[int, int], found: Course, language: str) -> str:
    columns = found.scores.shape[2]
    times = "".join(f"<td>{_clock(found.seconds * edge / columns)}</td>" for edge in span)
    said = "".join(f"<td>{escape(_word(int(row[span[0]]), language))}</td>" for row in found.labels)
    return f"<tr>{times}{said}</tr>"
