"""The HTML of the snapshot's dialog: what happens to the picture is said before the camera is asked for. `assets/image.js` works it."""

from html import escape

from app.words import say

# What the browser may answer, by the name of its error -> key of the text; the first stands in for all others.
ERRORS: dict[str, str] = {
    "AbortError": "camera_failed",
    "NotAllowedError": "camera_refused",
    "NotFoundError": "camera_absent",
    "NotReadableError": "camera_busy",
    "insecure": "camera_insecure",
}


def dialog(language: str, privacy: str) -> str:
    """Return the dialog, closed; `privacy` is the key of the sentence on where pictures go."""
    errors = "".join(f'<p data-error="{name}" hidden>{escape(say(language, f"image.{key}"))}</p>' for name, key in ERRORS.items())
    steps = (
        f'<div data-step="ask"><p>{escape(say(language, "image.camera_note"))}</p><p>{escape(say(language, privacy))}</p></div>',
        f'<div data-step="live" hidden><video playsinline muted aria-label="{say(language, "image.camera_view")}"></video></div>',
        f'<div data-step="wait" role="status" hidden><p>{say(language, "image.camera_wait")}</p></div>',
        f'<div data-step="error" role="alert" hidden>{errors}</div>',
    )
    buttons = "".join(_button(act, language) for act in ("open", "take", "close"))
    return (
        f'<dialog class="fersys-dialog" id="fersys-camera" aria-labelledby="fersys-camera-title">'
        f'<h2 id="fersys-camera-title">{say(language, "image.camera")}</h2>{"".join(steps)}<p class="fersys-choices">{buttons}</p></dialog>'
    )


def _button(act: str, language: str) -> str:
    kind = "fersys-button" if act == "close" else "fersys-button fersys-primary"
    hidden = " hidden" if act == "take" else ""
    return f'<button type="button" class="{kind}" data-act="{act}"{hidden}>{say(language, f"image.camera_{act}")}</button>'
