"""The Image tab: a picture in, its faces and what each model says of them out."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from app import answer as html
from app.answer import Answer
from app.guard import MAX_FILE_SIZE, MAX_PIXELS
from app.models import Model
from app.page import Page
from fersys import FaceResult, Prediction, detect, read_image
from fersys.analysis import join
from fersys.errors import ImageError
from fersys.results import Image

TITLE = "tab.image"
_HINT = f'<p class="fersys-hint">JPEG, PNG or WebP, up to {MAX_FILE_SIZE.removesuffix("mb")} MB<span> · or paste with Ctrl+V</span></p>'
Upload = dict[str, Any]  # Gradio's description of an uploaded file; "path" is checked to lie in the upload folder

# Two at once: more would only wait for the cores. Without `preprocess` an upload comes as it is,
# its path checked; with it, Gradio leaves an empty file behind for each.
_EVENT: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "image", "preprocess": False}


def look(image: Image, models: Sequence[Model]) -> Answer:
    """Find all faces in an RGB uint8 image and ask every model about them, with a stopwatch."""
    start = time.perf_counter()
    faces = detect(image)
    detect_seconds = time.perf_counter() - start
    crops = [face.crop for face in faces]
    answers, seconds = [], {}
    for model in models:
        start = time.perf_counter()
        answers.append((model.recognizer, model.recognizer.predict(crops)))
        seconds[model.name] = time.perf_counter() - start
    return Answer(tuple(join(faces, answers)), detect_seconds, seconds)


def take(upload: Upload) -> Image:
    """Read an uploaded picture and delete the file: from here on it is in memory alone.

    Raises:
        ImageError: if it is no picture, damaged or too large, or gone already.
    """
    path = Path(upload["path"])
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError("The upload is gone already: choose the picture again. Received: nothing") from error
    path.unlink(missing_ok=True)
    return read_image(content, MAX_PIXELS)


def respond(upload: Upload | None, models: Sequence[Model]) -> tuple[None, str, str]:
    """Answer an upload: an emptied drop zone, the annotated picture and the faces, as HTML."""
    if upload is None:
        return None, "", html.welcome()
    try:
        image = take(upload)
    except ImageError as error:
        return None, "", html.unreadable(str(error))
    answer = look(image, models)
    return None, html.picture(image, answer), html.faces(answer)


def describe(upload: Upload | None, models: Sequence[Model]) -> dict[str, Any]:
    """Answer an upload as JSON; `analyze` in `_build_endpoint` says in which form."""
    if upload is None:
        raise gr.Error("Expected a picture. Received: nothing", print_exception=False)
    try:
        image = take(upload)
    except ImageError as error:
        raise gr.Error(str(error), print_exception=False) from error
    answer = look(image, models)
    return {
        "width": image.shape[1],
        "height": image.shape[0],
        "faces": [_face(result) for result in answer.faces],
        "seconds": {"detect": answer.detect_seconds, "models": answer.model_seconds},
    }


def _face(result: FaceResult) -> dict[str, Any]:
    return {"box": list(result.face.box), "predictions": {said.model: _prediction(said) for said in result.predictions}}


def _prediction(said: Prediction) -> dict[str, Any]:
    return {"label": said.label, "score": said.score, "certain": said.certain, "scores": said.scores}


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    models = page.arms.pick()
    with gr.Row(elem_classes="fersys-columns"):
        with gr.Column(scale=5, min_width=320):
            upload = _drop_zone()
            gr.HTML(_HINT, apply_default_css=False)
            picture = gr.HTML(apply_default_css=False)
        with gr.Column(scale=6, min_width=320):
            faces = gr.HTML(html.welcome(), apply_default_css=False)
    upload.upload(partial(respond, models=models), upload, [upload, picture, faces], api_visibility="private", show_progress_on=faces, **_EVENT)
    _build_endpoint(models)


def _drop_zone() -> gr.File:
    """A file input, not `gr.Image`: that one decodes by itself and answers a broken file with a bare
    "Error", and its preview asks for the upload again when it is already deleted.
    """
    return gr.File(file_types=["image"], label="Picture", show_label=False, height=230, elem_id="fersys-upload")


def _build_endpoint(models: Sequence[Model]) -> None:
    """Offer the same to programs: `gradio_client.Client(address).predict(handle_file("a.jpg"), api_name="/analyze")`."""

    def analyze(picture: Upload | None) -> dict[str, Any]:
        """Find the faces in a picture and say which of seven expressions each shows.

        Args:
            picture: uploaded as a file.

        Returns:
            width and height of the picture; for each face, the largest first, its box
            [x, y, width, height] in pixels and for each model the most probable label with its
            score, whether the model is certain enough of it, and all seven scores (0–1); the
            seconds it took.
        """
        return describe(picture, models)

    with gr.Column(visible=False):
        picture, answer = gr.File(label="picture"), gr.JSON(label="answer")
        gr.Button().click(analyze, picture, answer, api_name="analyze", **_EVENT)
