"""The Webcam tab: faces followed live, with both models' answers. `assets/webcam.js` runs it, `app/live.py` answers its frames.

What stands on the page is here: every state's words, hidden until the script shows them; no camera opens before "Start".
"""

import json
from collections.abc import Sequence
from html import escape

import gradio as gr
from starlette.routing import BaseRoute

from app.bars import EMOJI, emoji
from app.live import LONGEST_HALF_LIFE, PATH, Live
from app.models import Arms, Model
from app.page import Page
from app.words import keys, say, title
from fersys import EMOTIONS
from fersys.drawing import PALETTE
from fersys.smoothing import HALF_LIFE

TITLE = "tab.webcam"

# Okabe and Ito's colours, told apart by everybody; what goes with them stands beside each.
COLORS: dict[str, str] = {
    "angry": "#d55e00",
    "disgust": "#009e73",
    "fear": "#cc79a7",
    "happy": "#f0b400",
    "sad": "#0072b2",
    "surprise": "#56b4e9",
    "neutral": "#94a3b8",
}
_SIDES = ("cnn", "deepface")
_BUSY = {"asking": "📷", "connecting": "⏳", "waiting": "⏳"}  # states with nothing to press but Stop
_PROBLEMS = ("refused", "absent", "busy", "unplugged", "insecure", "lost", "full", "failed")
_HINTS = {"pause": "pause", "snapshot": "snapshot_hint", "record": "record_hint", "big": "big_hint", "stop": "stop"}
# Of 24×24, drawn with a line.
ICONS: dict[str, str] = {
    "pause": "M8 5v14M16 5v14",
    "resume": "M7 5l12 7-12 7z",
    "snapshot": "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
    "record": "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
    "save": "M12 4v11M7 11l5 5 5-5M5 20h14",
    "big": "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
    "small": "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
    "stop": "M6 6h12v12H6z",
    "off": "M3 3l18 18M4 7h1M9 7h5v5M16 10l5-3v10l-2-1M14 17H3V7",
}
_SPOKEN = "webcam.say_"


def routes(page: Page) -> list[BaseRoute]:
    """Return the socket that frames come through."""
    return [Live(page.arms).route()]


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    gr.HTML(page.words.html("webcam", lambda language: view(page.arms, page.privacy, language)), apply_default_css=False)


def view(arms: Arms, privacy: str, language: str) -> str:
    """Return all of the tab.

    Args:
        arms: the models of the two columns.
        privacy: key of the text on where pictures go, such as "page.privacy_local".
        language: of the texts.
    """
    right = f'<div class="fersys-live-right" data-for="live" hidden>{_panel(arms, language)}{_timeline(arms, language)}</div>'
    inside = intro(privacy, language) + _covers(language) + _stage(language) + right
    told = {"words": _spoken(language), "looks": _looks(language), "icons": ICONS, "colors": PALETTE}
    facts = " ".join([f"data-path='{PATH}'", *(f"data-{name}='{_json(content)}'" for name, content in told.items())])
    return (
        f'<section id="fersys-live" class="fersys-live" data-state="intro" aria-label="{say(language, "webcam.view")}" {facts}>{inside}'
        '<p class="fersys-hidden" role="status" data-part="said"></p></section>'
    )


def _json(content: object) -> str:
    return escape(json.dumps(content, ensure_ascii=False), quote=True)


def _spoken(language: str) -> dict[str, str]:
    """The words that the script fills in, and those that a button changes to."""
    spoken = {key.removeprefix(_SPOKEN): say(language, key) for key in keys() if key.startswith(_SPOKEN)}
    changing = ("pause", "resume", "record", "save", "big", "small", "timeline_of", "left", "stopped")
    sides = (f"{kind}_{side}" for kind in ("side", "short") for side in _SIDES)
    return spoken | {key: say(language, f"webcam.{key}") for key in (*changing, *sides)}


def _looks(language: str) -> dict[str, list[str]]:
    """Of each expression its word, emoji and colour."""
    return {emotion: [say(language, f"emotion.{emotion}"), EMOJI[emotion], COLORS[emotion]] for emotion in EMOTIONS}


def intro(privacy: str, language: str) -> str:
    """Return what people are told before any camera opens, and the button that opens it."""
    told = ("told_what", f"told_{privacy.rpartition('_')[2]}", "told_end")
    signs = ("🙂", "🔒", "📷")
    lines = "".join(
        f'<li><span class="fersys-emoji" aria-hidden="true">{sign}</span> {say(language, f"webcam.{key}")}</li>' for sign, key in zip(signs, told, strict=True)
    )
    return (
        f'<div class="fersys-live-cover fersys-live-intro" data-for="intro">{_picture()}<div><h2>{say(language, "webcam.heading")}</h2>'
        f'<ul>{lines}</ul><button type="button" class="fersys-live-main" data-do="start">{say(language, "webcam.start")}</button></div></div>'
    )


def _picture() -> str:
    """A drawn foretaste: a face in its box, with bars."""
    shares = ((82, "happy"), (46, "surprise"), (18, "neutral"))
    bars = "".join(f'<i style="--share:{share}%;--color:{COLORS[emotion]}"></i>' for share, emotion in shares)
    return f'<div class="fersys-live-taste" aria-hidden="true"><div><b>1</b>{emoji("happy")}</div><p>{bars}</p></div>'


def _covers(language: str) -> str:
    """A card for each state in which there is no video."""
    waits = "".join(_cover(state, language, _sign(sign), _button("stop", language)) for state, sign in _BUSY.items())
    again = f'<button type="button" class="fersys-live-main" data-do="start">{say(language, "webcam.again")}</button>'
    problems = "".join(_cover(problem, language, _sign("⚠️"), again, alert=True) for problem in _PROBLEMS)
    start = f'<button type="button" class="fersys-live-main" data-do="start">{say(language, "webcam.start")}</button>'
    return waits + problems + _cover("left", language, f'<span class="fersys-live-sign">{_icon("off")}</span>', start)


def _sign(character: str) -> str:
    return f'<span class="fersys-emoji fersys-live-sign" aria-hidden="true">{character}</span>'


def _cover(state: str, language: str, sign: str, button: str, alert: bool = False) -> str:
    role, place = ("alert" if alert else "status"), '<p data-part="place"></p>' if state == "waiting" else ""
    words = f'<h2>{say(language, f"webcam.{state}_title")}</h2>{place}<p data-part="{state}-words">{say(language, f"webcam.{state}")}</p>'
    return f'<div class="fersys-live-cover" data-for="{state}" hidden><div role="{role}">{sign}{words}</div>{button}</div>'


def _stage(language: str) -> str:
    """The video with what lies over it, and the buttons under it."""
    over = (
        f'<div class="fersys-live-faces" role="group" aria-label="{say(language, "webcam.faces")}" data-part="faces"></div>'
        f'<p class="fersys-live-none" data-part="none" hidden>{say(language, "webcam.no_face")}</p>'
        f'<p class="fersys-live-paused" data-part="paused" hidden>{say(language, "webcam.paused")}</p>'
        '<p class="fersys-live-meter" data-part="meter"></p><p class="fersys-live-recording" data-part="recording" hidden></p>'
    )
    video = f'<video muted playsinline disablepictureinpicture data-part="video" aria-label="{say(language, "webcam.video")}"></video>'
    return (
        f'<div class="fersys-live-left" data-for="live" hidden><div class="fersys-live-stage" data-part="stage">{video}{over}</div>{_controls(language)}</div>'
    )


def _controls(language: str) -> str:
    buttons = "".join(_button(name, language) for name in _HINTS)
    hint = say(language, "webcam.smoothing_hint")
    slider = (
        f'<label class="fersys-live-slider" title="{hint}"><span>{say(language, "webcam.smoothing")}</span>'
        f'<input type="range" min="0" max="{LONGEST_HALF_LIFE / 2:g}" step="0.1" value="{HALF_LIFE}" data-do="smooth">'
        '<output data-part="half-life"></output></label>'
    )
    return f'<div class="fersys-live-controls" role="group" aria-label="{say(language, "webcam.controls")}">{buttons}</div>{slider}'


def _button(name: str, language: str) -> str:
    hint, word = say(language, f"webcam.{_HINTS[name]}"), say(language, f"webcam.{name}")
    return f'<button type="button" data-do="{name}" title="{hint}">{_icon(name)}<span data-part="word">{word}</span></button>'


def _icon(name: str) -> str:
    return f'<svg class="fersys-live-icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'


def _panel(arms: Arms, language: str) -> str:
    """The chosen face's bars, a column a side."""
    sides = [(side, getattr(arms, side)) for side in _SIDES if getattr(arms, side)]
    heads = "".join(_head(side, models, language) for side, models in sides)
    verdicts = "".join(_verdict(side) for side, _ in sides)
    rows = "".join(_row(emotion, [side for side, _ in sides], language) for emotion in EMOTIONS)
    alone = "" if arms.deepface else f'<p class="fersys-live-quiet">{say(language, "webcam.no_deepface")}</p>'
    table = f'<table class="fersys-live-bars"><thead><tr><td></td>{heads}</tr><tr><td></td>{verdicts}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<div class="fersys-card fersys-live-panel"><div class="fersys-live-chips" role="group" '
        f'aria-label="{say(language, "webcam.faces")}" data-part="chips"></div>{table}<p class="fersys-live-agree" data-part="agree"></p>'
        f'<p class="fersys-live-quiet" data-part="empty">{say(language, "webcam.no_face_panel")}</p>{alone}</div>'
    )


def _head(side: str, models: Sequence[Model], language: str) -> str:
    title = say(language, f"webcam.side_{side}")
    return f'<th scope="col" data-side="{side}"><small>{title}</small>{_menu(side, models, language)}</th>'


def _verdict(side: str) -> str:
    inside = '<span class="fersys-emoji" data-part="emoji" aria-hidden="true"></span><b data-part="verdict"></b><small data-part="ms"></small>'
    return f'<td class="fersys-live-says" data-says="{side}"><div class="fersys-live-verdict">{inside}</div></td>'


def _menu(side: str, models: Sequence[Model], language: str) -> str:
    if len(models) == 1:
        return f'<span class="fersys-live-only" data-side="{side}" data-model="{escape(models[0].name)}">{escape(title(language, models[0].title))}</span>'
    named = escape(say(language, "webcam.model", side=say(language, f"webcam.side_{side}")))
    options = "".join(f'<option value="{escape(model.name)}">{escape(title(language, model.title))}</option>' for model in models)
    return f'<select data-do="model" data-side="{side}" data-model aria-label="{named}">{options}</select>'


def _row(emotion: str, sides: Sequence[str], language: str) -> str:
    cells = "".join(f'<td data-side="{side}"><div><i aria-hidden="true"><u></u></i><span></span></div></td>' for side in sides)
    return f'<tr data-emotion="{emotion}"><th scope="row">{emoji(emotion)} {say(language, f"emotion.{emotion}")}</th>{cells}</tr>'


def _timeline(arms: Arms, language: str) -> str:
    """What the chosen face showed, a band a side, and what the colours mean."""
    sides = [side for side in _SIDES if getattr(arms, side)]
    bands = "".join(
        f'<figure><figcaption>{say(language, f"webcam.side_{side}")}</figcaption><canvas data-side="{side}" role="img" aria-label=""></canvas></figure>'
        for side in sides
    )
    legend = "".join(f'<li style="--color:{COLORS[emotion]}">{say(language, f"emotion.{emotion}")}</li>' for emotion in EMOTIONS)
    title = f'<h3>{say(language, "webcam.timeline")} <span data-part="whose"></span></h3>'
    return f'<div class="fersys-card fersys-live-timeline">{title}{bands}<ul class="fersys-live-legend">{legend}</ul></div>'
