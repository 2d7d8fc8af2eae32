"""Puts the page together. To add a tab: a module in `tabs/` with `TITLE` and `build(models)`, and a line in `TABS`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.themes.utils.fonts import Font

from app import guard
from app.models import Model
from app.tabs import about, image

TABS: tuple[tuple[str, Callable[[Sequence[Model]], None]], ...] = ((image.TITLE, image.build), (about.TITLE, about.build))

_HERE = Path(__file__).parent
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "monospace")
_ICON = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'><text y='.9em' font-size='90'>🙂</text></svg>"


def build_demo(models: Sequence[Model], privacy: str) -> gr.Blocks:
    """Build the page for loaded models; `privacy` is the sentence on where pictures go."""
    demo = gr.Blocks(title="FER-Sys", **guard.BLOCKS)
    with demo:
        gr.HTML(_header(privacy), apply_default_css=False)
        with gr.Tabs():
            for title, build in TABS:
                with gr.Tab(title):
                    build(models)
        gr.HTML(about.note(models), apply_default_css=False)
    demo.queue(**guard.QUEUE)
    return demo


def _header(privacy: str) -> str:
    return (
        '<header class="fersys-header"><h1><span class="fersys-emoji" aria-hidden="true">🙂</span> FER-Sys</h1>'
        "<p>Which of seven expressions does a face show? Drop a photo and see what our own networks make of it.</p>"
        f'<p class="fersys-privacy"><span class="fersys-emoji" aria-hidden="true">🔒</span> {privacy}</p></header>'
    )


def appearance() -> dict[str, Any]:
    """Return the launch arguments for theme, style and script: the system's fonts, nothing from elsewhere."""
    theme = gr.themes.Soft(primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=_fonts(_SANS), font_mono=_fonts(_MONO))
    script = (_HERE / "paste.js").read_text(encoding="utf-8")
    return {
        "theme": theme,
        "css_paths": _HERE / "style.css",
        "head": f'<link rel="icon" href="{_ICON}"><script>{script}</script>',
        "footer_links": ["api", "settings"],
    }


def _fonts(names: Sequence[str]) -> list[Font]:
    """Name installed fonts; a plain string would make Gradio look for a web font."""
    return [Font(name) for name in names]
