"""The Image tab: pictures in, their faces and what each model says of them out."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr
from starlette.routing import BaseRoute

from app import answer as html
from app.bars import glyph
from app.camera import dialog
from app.endpoints import build_endpoints
from app.examples import EXAMPLES, PATH, examples_route
from app.heat import heat_route
from app.looking import Upload, fitted, forget, look_at_upload
from app.models import Arms
from app.page import Page
from app.switches import MAX_FILE_SIZE, MAX_UPLOAD
from app.words import language_of, say

TITLE = "tab.image"

# Two at once: more would only wait for the cores. Without `preprocess` an upload comes as it is,
# its path checked; with it, Gradio leaves an empty file behind for each.
_EVENT: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "image", "preprocess": False}

_WRAPPING = 1_000_000  # bytes of an upload that are not the files themselves


def respond(uploads: Sequence[Upload] | None, arms: Arms, language: str = "en") -> tuple[None, str]:
    """Answer uploads: an emptied drop zone, and what was found, as HTML."""
    if not uploads:
        return None, ""
    taken, left = uploads[: html.MOST], uploads[html.MOST :]
    forget(left)
    found = [fitted(look_at_upload(upload, arms.models, _name(upload, number))) for number, upload in enumerate(taken, 1)]
    return None, html.answers(found, arms, language, len(left))


def _name(upload: Upload, number: int) -> str:
    return str(upload.get("orig_name") or f"{number}")


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""

    def respond_here(uploads: list[Upload] | None, request: gr.Request) -> tuple[None, str]:
        return respond(uploads, page.arms, language_of(request))

    with gr.Row(elem_classes="fersys-start"):
        with gr.Column(scale=5, min_width=300):
            upload = _drop_zone()
            gr.HTML(page.words.html("image.actions", _actions), apply_default_css=False)
        with gr.Column(scale=6, min_width=300, elem_classes="fersys-beside"):
            gr.HTML(page.words.html("image.welcome", welcome), apply_default_css=False)
    answer = gr.HTML(apply_default_css=False, elem_id="fersys-image-answer")
    gr.HTML(page.words.html("image.camera", lambda language: dialog(language, page.privacy)), apply_default_css=False)
    asked = upload.upload(respond_here, upload, [upload, answer], api_visibility="private", show_progress="hidden", **_EVENT)
    # Also after a failure, such as a full queue, which Gradio shows: the drop zone must be free again.
    asked.then(None, None, upload, js="() => { window.fersysImage.done(); return null; }", api_visibility="private")
    build_endpoints(page.arms, _EVENT)


def routes(page: Page) -> list[BaseRoute]:
    """Return the routes of the examples and of the heat map."""
    return [examples_route(), heat_route(page.arms.cnn)]


def _drop_zone() -> gr.File:
    """A file input, not `gr.Image`: that one decodes by itself and answers a broken file with a bare
    "Error", and its preview asks for the upload again when it is already deleted.
    """
    return gr.File(file_types=["image"], file_count="multiple", label="Picture", show_label=False, height=248, elem_id="fersys-upload")


def _actions(language: str) -> str:
    megabytes = MAX_FILE_SIZE.removesuffix("mb")
    hint = say(language, "image.hint", megabytes=megabytes, most=html.MOST)
    # The script goes by these limits before it uploads anything.
    limits = f'data-megabytes="{megabytes}" data-most="{html.MOST}" data-together="{MAX_UPLOAD - _WRAPPING}"'
    status = f'<p class="fersys-hidden" id="fersys-looking" role="status" {limits}></p>'
    return (
        f'<div class="fersys-actions"><button type="button" class="fersys-button" data-camera>{glyph("📷")} {say(language, "image.camera")}</button>'
        f'{status}<p class="fersys-hint">{escape(hint)}<span> · {say(language, "image.paste")}</span></p></div><div id="fersys-refused"></div>'
    )


def welcome(language: str) -> str:
    """Return what stands beside the drop zone until there is an answer: what one will see, and pictures to try."""
    tries = "".join(_example(name, language) for name in EXAMPLES)
    return (
        f'<section class="fersys-welcome"><h2>{say(language, "image.seven")}</h2>{html.expressions(language)}<p>{say(language, "image.promise")}</p>'
        f'<h3>{say(language, "image.try")}</h3><div class="fersys-examples">{tries}</div></section>'
    )


def _example(name: str, language: str) -> str:
    url, words = f"{PATH.removeprefix('/')}/{name}.jpg", say(language, f"image.example_{name}")
    return f'<button type="button" data-example="{url}"><img src="{url}" alt="" loading="lazy">{words}</button>'
