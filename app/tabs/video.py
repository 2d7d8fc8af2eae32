"""The Video tab: a video in; the same with boxes, a timeline of each face and a table of every frame out.

The page's script sends the video to `screening.py` and shows what comes back; Gradio has no part in it, so that
nothing is left in its cache.
"""

from collections.abc import Sequence
from html import escape

import gradio as gr
from starlette.routing import BaseRoute

from app.bars import glyph
from app.films import LONGEST, MAX_BYTES
from app.models import Arms, Model
from app.moving import example_route
from app.page import Page
from app.screening import Desk
from app.words import say

TITLE = "tab.video"

_ACCEPTED = "video/*,.mp4,.m4v,.mov,.3gp,.webm,.mkv,.avi"


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    gr.HTML(page.words.html("video.page", lambda language: whole(page.arms, language)), apply_default_css=False)


def routes(page: Page) -> list[BaseRoute]:
    """Return the routes that videos go up and down by."""
    return [example_route(), *Desk(page.arms).routes()]


def whole(arms: Arms, language: str) -> str:
    """Return the tab: a start, a progress bar, a place for messages and one for the answer; the script shows one or the other."""
    return (
        f'<div id="fersys-video" data-most="{MAX_BYTES}" data-state="start">{_start(arms, language)}{_working(language)}'
        f'<div class="fersys-message" data-when="failed" role="alert"><p data-why></p>{_again(language)}</div>'
        f'<div data-when="done"><div class="fersys-film-top">{_again(language)}</div><div data-answer tabindex="-1"></div></div></div>'
    )


def _start(arms: Arms, language: str) -> str:
    limits = say(language, "video.limits", megabytes=MAX_BYTES // 1_000_000, minutes=round(LONGEST / 60))
    return (
        f'<div class="fersys-film-start" data-when="start"><div><label class="fersys-drop"><input type="file" accept="{_ACCEPTED}" class="fersys-hidden">'
        f"{glyph('🎞️')}<b>{say(language, 'video.choose')}</b><span>{say(language, 'video.drop')}</span></label>"
        f'<p class="fersys-hint">{escape(limits)}</p>{_menus(arms, language)}</div>{_welcome(language)}</div>'
    )


def _welcome(language: str) -> str:
    button = f'<button type="button" class="fersys-button" data-try>{say(language, "video.example")}</button>'
    return (
        f'<section class="fersys-welcome"><h2>{say(language, "video.title")}</h2><p>{say(language, "video.lead")}</p><p>{say(language, "video.steps")}</p>'
        f"<p>{glyph('🔒')} {say(language, 'video.kept')}</p><p>{button} <small>{say(language, 'video.example_note')}</small></p></section>"
    )


def _menus(arms: Arms, language: str) -> str:
    """A menu for each side of which there are several models."""
    menus = "".join(_menu(side, getattr(arms, side), language) for side in ("cnn", "deepface") if len(getattr(arms, side)) > 1)
    return f'<div class="fersys-menus">{menus}</div>' if menus else ""


def _menu(side: str, models: Sequence[Model], language: str) -> str:
    options = "".join(f'<option value="{escape(model.name)}">{escape(model.title)}</option>' for model in models)
    name = say(language, "video.side", side=say(language, f"image.side_{side}"))
    return f'<label>{escape(name)}<select data-ask="{side}">{options}</select></label>'


def _working(language: str) -> str:
    return (
        '<div class="fersys-card fersys-film-work" data-when="working"><p class="fersys-film-name" data-name></p><p data-news role="status"></p>'
        f'<progress max="1" aria-label="{say(language, "video.progress")}"></progress><p class="fersys-hint" data-left></p>'
        f'<button type="button" class="fersys-button" data-cancel>{say(language, "video.cancel")}</button></div>'
    )


def _again(language: str) -> str:
    return f'<button type="button" class="fersys-button" data-again>{say(language, "video.again")}</button>'
