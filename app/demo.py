"""Puts the page together.

To add a tab: a module in `tabs/` with `TITLE` (the key of a text in `texts/tab.toml`) and `build(page)`, and a line
in `TABS`. It may have `routes(page)`, which returns Starlette routes of its own. Its texts go into `texts/<tab>.toml`,
its style and script into `assets/<tab>.css` and `assets/<tab>.js`, where they are found.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr
from gradio.themes.utils.fonts import Font
from starlette.routing import BaseRoute

from app import switches
from app.page import Page
from app.tabs import about, captcha, compare, image, video, webcam
from app.words import say, script_words

TABS: tuple[ModuleType, ...] = (image, webcam, captcha, video, compare, about)

_ASSETS = Path(__file__).parent / "assets"
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "monospace")
# Gradio speaks the browser's first language and leaves `lang` at "en": screen readers and our scripts go by it.
_SPEAK = """document.documentElement.lang = [navigator.language.slice(0, 2).toLowerCase()].find((first) => first in window.FERSYS_WORDS) ?? "en";"""
_ICON = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'><text y='.9em' font-size='90'>🙂</text></svg>"


def build_demo(page: Page) -> gr.Blocks:
    """Build the page around its models; afterwards `page.words` holds what the browser translates."""
    demo = gr.Blocks(title="FER-Sys", **switches.BLOCKS)
    with demo:
        gr.HTML(page.words.html("header", lambda language: _header(page, language)), apply_default_css=False)
        with gr.Tabs(elem_id="fersys-tabs"):
            for tab in TABS:
                name = tab.__name__.rpartition(".")[2]
                with gr.Tab(page.words.mark(tab.TITLE), id=name, elem_id=f"fersys-tab-{name}"):
                    tab.build(page)
        gr.HTML(page.words.html("note", lambda language: about.note(page.arms.models, language)), apply_default_css=False)
    demo.queue(**switches.QUEUE)
    return demo


def routes(page: Page) -> list[BaseRoute]:
    """Return the routes of our own that the tabs bring along."""
    return [route for tab in TABS if hasattr(tab, "routes") for route in tab.routes(page)]


def _header(page: Page, language: str) -> str:
    return (
        '<header class="fersys-header"><h1><span class="fersys-emoji" aria-hidden="true">🙂</span> FER-Sys</h1>'
        f"<p>{say(language, 'page.tagline')}</p>"
        f'<p class="fersys-privacy"><span class="fersys-emoji" aria-hidden="true">🔒</span> {say(language, page.privacy)}</p></header>'
    )


def appearance() -> dict[str, Any]:
    """Return the launch arguments for theme, style and scripts: the system's fonts, nothing from elsewhere."""
    theme = gr.themes.Soft(primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=_fonts(_SANS), font_mono=_fonts(_MONO))
    words = json.dumps(script_words(), ensure_ascii=False).replace("<", "\\u003c")
    scripts = [f"window.FERSYS_WORDS = {words};", _SPEAK, *(path.read_text(encoding="utf-8") for path in sorted(_ASSETS.glob("*.js")))]
    return {
        "theme": theme,
        "css_paths": sorted(_ASSETS.glob("*.css")),
        "head": f'<link rel="icon" href="{_ICON}">' + "".join(f"<script>{script}</script>" for script in scripts),
        "footer_links": ["api", "settings"],
    }


def _fonts(names: Sequence[str]) -> list[Font]:
    """Name installed fonts; a plain string would make Gradio look for a web font."""
    return [Font(name) for name in names]
