"""The Compare tab: what the comparison of all models on FER2013 found, to choose from and look into.

The page's script (`assets/compare.js`) draws the charts from what `exhibits.py` sends it. What every visitor should
take away stands in the page from the start, with the figures of `reports/compare.json`.
"""

import json
from html import escape

import gradio as gr
from starlette.routing import BaseRoute

from app.bars import EMOJI, glyph
from app.exhibits import Exhibits
from app.page import Page
from app.report import Content, read_report, short_answer
from app.words import say
from fersys.labels import EMOTIONS

TITLE = "tab.compare"

# The charts in their order; the first two are as wide as the page, and each is a slide of the projector view.
CHARTS = ("overview", "contamination", "confusion", "expressions", "pair", "calibration", "risk", "robustness", "learning", "models")
_WIDE = {"overview", "contamination", "confusion", "models"}
_CHOICES = ("a", "b", "split")


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    report = read_report()
    gr.HTML(page.words.html("compare.page", lambda language: whole(report, language)), apply_default_css=False)


def routes(_: Page) -> list[BaseRoute]:
    """Return the routes that the charts get their figures from."""
    return Exhibits().routes()


def whole(report: Content | None, language: str) -> str:
    """Return the tab; a message if this copy of FER-Sys comes without `reports/`, or the report is damaged (empty)."""
    if not report:
        key = "compare.missing" if report is None else "compare.damaged"
        return f'<div class="fersys-message"><h2>{escape(say(language, key))}</h2><p>{say(language, f"{key}_hint")}</p></div>'
    cards = "".join(_card(name, language) for name in CHARTS)
    inside = "".join((_answer(report, language), _bar(language), _status(language), f'<div class="fersys-charts" hidden>{cards}</div>'))
    note = f'<p class="fersys-note">{say(language, "compare.source")}</p>'
    return f'<div id="fersys-compare" data-emotions="{_emotions(language)}">{inside}{note}</div>'


def _status(language: str) -> str:
    return f'<p class="fersys-bound" data-status role="status">{say(language, "compare.loading")}</p>'


def _emotions(language: str) -> str:
    """Emoji and name of each expression, for the script."""
    return escape(json.dumps({emotion: [EMOJI[emotion], say(language, f"emotion.{emotion}")] for emotion in EMOTIONS}))


def _answer(report: Content, language: str) -> str:
    """The short answer: DeepFace's network on images it knows, and on others."""
    figures = short_answer(report)
    if figures is None:
        return ""
    boxes = "".join(
        f"<li><b>{percent(value, language)}</b><span>{escape(say(language, f'compare.figure_{key}'))}</span></li>" for key, value in figures.items()
    )
    title, why = (escape(say(language, f"compare.{key}")) for key in ("finding", "why"))
    return f'<section class="fersys-welcome fersys-finding"><h2>{title}</h2><ul>{boxes}</ul><p>{why}</p></section>'


def percent(value: float, language: str) -> str:
    """Return a share 0–1 with one decimal, as the charts write it."""
    text = f"{100 * value:.1f}"
    return f"{text.replace('.', ',')}\N{NO-BREAK SPACE}%" if language == "de" else f"{text}%"


def _bar(language: str) -> str:
    menus = "".join(f'<label>{escape(say(language, f"compare.choose_{key}"))}<select data-choice="{key}"></select></label>' for key in _CHOICES)
    turn = "".join(
        f'<button type="button" class="fersys-button" data-turn="{way}" aria-label="{escape(say(language, f"compare.{key}"))}">{sign}</button>'
        for way, key, sign in ((-1, "previous", "←"), (1, "next", "→"))
    )
    words = "".join(f'<span class="fersys-when-{key}">{escape(say(language, f"compare.{key}"))}</span>' for key in ("small", "big"))
    big = f'<button type="button" class="fersys-button" data-big>{glyph("📽️")} {words}</button>'
    return f'<div class="fersys-compare-bar">{menus}<div class="fersys-turns">{turn}{big}</div></div>'


def _card(name: str, language: str) -> str:
    wide = " fersys-wide" if name in _WIDE else ""
    title, lead = (say(language, f"compare.{name}{part}") for part in ("", "_lead"))
    inside = f'<h2>{escape(title)}</h2><p class="fersys-lead">{escape(lead)}</p><div data-draw></div>'
    return f'<section class="fersys-card{wide}" data-chart="{name}">{inside}</section>'
