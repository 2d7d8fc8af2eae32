"""What programs may ask, through Gradio's API: `/classify`, one model, and `/compare`, one of each side.

>>> from gradio_client import Client, handle_file
>>> client = Client("http://127.0.0.1:7860")
>>> client.predict(handle_file("photo.jpg"), api_name="/classify")
>>> client.predict(handle_file("photo.jpg"), "fersys-cnn-paper", api_name="/compare")
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.looking import Answer, Upload, look, take
from app.models import Arms, Model
from fersys import FaceResult, Prediction
from fersys.errors import ImageError


def classify(picture: Upload | None, name: str | None, arms: Arms) -> dict[str, Any]:
    """Answer as `/classify` says.

    Raises:
        gr.Error: if there is no picture that can be read, or no such model.
    """
    model = _find(name, arms.models)
    answer = _answer(picture, [model])
    faces = [{"box": list(result.face.box), **_said(result.predictions[0])} for result in answer.faces]
    return {**_size(answer), "model": model.name, "faces": faces, "seconds": _seconds(answer, model)}


def compare(picture: Upload | None, cnn: str | None, deepface: str | None, arms: Arms) -> dict[str, Any]:
    """Answer as `/compare` says.

    Raises:
        gr.Error: if there is no picture that can be read, or no such model on that side.
    """
    chosen = {"cnn": _find(cnn, arms.cnn), "deepface": _find(deepface, arms.deepface)}
    models = {side: model for side, model in chosen.items() if model is not None}
    answer = _answer(picture, list(models.values()))
    names = {side: model.name if model else None for side, model in chosen.items()}
    return {**_size(answer), "models": names, "faces": [_compared(result, names) for result in answer.faces], "seconds": _seconds(answer, *models.values())}


def _compared(result: FaceResult, names: dict[str, str | None]) -> dict[str, Any]:
    by_name = {said.model: said for said in result.predictions}
    sides = {side: _said(by_name[name]) if name else None for side, name in names.items()}
    both = [said for said in sides.values() if said]
    agree = len({said["label"] for said in both}) == 1 if len(both) > 1 else None
    return {"box": list(result.face.box), **sides, "agree": agree, "certain": all(said["certain"] for said in both)}


def _find(name: str | None, models: Sequence[Model]) -> Any:
    """The model of that name, or the first; None if there is none at all and none was asked for."""
    if not name:
        return models[0] if models else None
    if (found := next((model for model in models if model.name == name), None)) is None:
        known = ", ".join(model.name for model in models) or "nothing"
        raise gr.Error(f"Unknown model: expected {known}. Received: {str(name)[:60]!r}", print_exception=False)
    return found


def _answer(picture: Upload | None, models: Sequence[Model]) -> Answer:
    if picture is None:
        raise gr.Error("Expected a picture. Received: nothing", print_exception=False)
    try:
        return look(take(picture), models)
    except ImageError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _size(answer: Answer) -> dict[str, Any]:
    width, height = answer.size
    return {"width": width, "height": height}


def _said(said: Prediction) -> dict[str, Any]:
    return {"label": said.label, "score": said.score, "certain": said.certain, "scores": said.scores}


def _seconds(answer: Answer, *models: Model) -> dict[str, Any]:
    return {"detect": answer.detect_seconds, "models": {model.name: answer.model_seconds[model.name] for model in models}}


def build_endpoints(arms: Arms, event: dict[str, Any]) -> None:
    """Offer both inside the open `gr.Blocks`; `event` holds the limits they share with the page."""

    def classify_(picture: Upload | None, model: str | None = None) -> dict[str, Any]:
        """Find the faces in a picture and say which of seven expressions each shows.

        Args:
            picture: a photo, uploaded as a file: JPEG, PNG, WebP and the like, at most 20 MB and 24 megapixels.
            model: name of the model to ask; empty: the first.

        Returns:
            width and height of the picture; the model's name; for each face, the largest first, its box
            [x, y, width, height] in pixels, the most probable label with its score, whether the model is
            certain enough of it, and all seven scores (0–1); the seconds it took.
        """
        return classify(picture, model, arms)

    def compare_(picture: Upload | None, cnn: str | None = None, deepface: str | None = None) -> dict[str, Any]:
        """Ask FER-Sys' own CNN and DeepFace about every face of a picture, and say whether they agree.

        Args:
            picture: a photo, uploaded as a file: JPEG, PNG, WebP and the like, at most 20 MB and 24 megapixels.
            cnn: name of the CNN to ask; empty: the first.
            deepface: name of DeepFace's arm to ask; empty: the first.

        Returns:
            width and height of the picture; the names of both models; for each face, the largest first, its
            box [x, y, width, height] in pixels, what each side says of it (label, score, certain, scores;
            null if no arm of DeepFace is here), agree: whether both name the same expression, even if one is not
            certain of it, and certain: whether both are; the seconds it took.
        """
        return compare(picture, cnn, deepface, arms)

    with gr.Column(visible=False):
        picture, answer = gr.File(label="picture"), gr.JSON(label="answer")
        model, cnn, deepface = _menu("model", arms.models), _menu("cnn", arms.cnn), _menu("deepface", arms.deepface)
        gr.Button().click(classify_, [picture, model], answer, api_name="classify", **event)
        gr.Button().click(compare_, [picture, cnn, deepface], answer, api_name="compare", **event)


def _menu(label: str, models: Sequence[Model]) -> gr.Dropdown:
    names = [model.name for model in models]
    return gr.Dropdown(names, value=names[0] if names else None, label=label)
