"""The CAPTCHA tab: the emoji challenge (`challenge.py`), and practice: make the face that an emoji shows, or guess what a drawn face shows.

The games of practice verify nobody. `assets/captcha.js` runs the games, `assets/feed.js` the camera on the socket of
`app/live.py`; what stands on the page is here, every state's words, hidden until the script shows them.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr
from starlette.routing import BaseRoute

from app import challenge, live, practice
from app.bars import EMOJI, glyph
from app.page import Page
from app.tabs.webcam import COLORS
from app.words import keys, say
from fersys import EMOTIONS

TITLE = "tab.captcha"

_WAITS = ("asking", "connecting", "waiting")  # states with nothing to press but Cancel
_CAMERA_PROBLEMS = ("refused", "absent", "busy", "unplugged", "insecure")
_SERVER_PROBLEMS = ("lost", "full", "failed")
_SPOKEN = "captcha.say_"


def routes(page: Page) -> list[BaseRoute]:
    """Return the route that drawn faces come by; the camera's frames take the Webcam tab's."""
    return practice.practice_routes()


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    gr.HTML(page.words.html("challenge", lambda language: challenge.view(page.captcha, language)), apply_default_css=False)
    gr.HTML(page.words.html("captcha", lambda language: view(page.privacy, language)), apply_default_css=False)


def view(privacy: str, language: str) -> str:
    """Return all of the tab.

    Args:
        privacy: key of the text on where pictures go, such as "page.privacy_local".
        language: of the texts.
    """
    facts = {"words": _spoken(language), "looks": _looks(language), "rules": practice.RULES.facts()}
    data = " ".join(f"data-{name}='{escape(json.dumps(content, ensure_ascii=False), quote=True)}'" for name, content in facts.items())
    pieces = (_intro(privacy, language), _covers(language), _board(language), _making(language), _guessing(language), _end(language))
    return (
        f'<section id="fersys-play" class="fersys-play" data-state="intro" aria-label="{say(language, "captcha.heading")}" data-path="{live.PATH}" '
        f'data-faces="{practice.PATH}" {data}>{"".join(pieces)}<p class="fersys-hidden" role="status" data-part="said"></p></section>'
    )


def _spoken(language: str) -> dict[str, str]:
    """The words that the script fills in."""
    return {key.removeprefix(_SPOKEN): say(language, key) for key in keys() if key.startswith(_SPOKEN)}


def _looks(language: str) -> Mapping[str, Sequence[str]]:
    """Of each expression its word, emoji and colour."""
    return {emotion: (say(language, f"emotion.{emotion}"), EMOJI[emotion], COLORS[emotion]) for emotion in EMOTIONS}


def _intro(privacy: str, language: str) -> str:
    """Both games side by side, and what people are told before any camera opens."""
    promise = f'<p class="fersys-play-promise">{glyph("🎓")} {say(language, "captcha.promise")}</p>'
    head = f"<header><h2>{say(language, 'captcha.heading')}</h2>{promise}</header>"
    return f'<div class="fersys-play-intro" data-for="intro">{head}{_camera_card(privacy, language)}{_drawn_card(language)}</div>'


def _camera_card(privacy: str, language: str) -> str:
    told = ("webcam.told_what", f"webcam.told_{privacy.rpartition('_')[2]}", "captcha.told_end", "captcha.told_law")
    lines = "".join(f"<li>{glyph(sign)} <span>{say(language, key)}</span></li>" for sign, key in zip("🙂🔒📷⚖", told, strict=True))
    hard = f'<label class="fersys-play-check"><input type="checkbox" data-part="hard"> <span>{say(language, "captcha.hard")}</span></label>'
    return _game("make", language, f"{_taste_of_making()}", f"<ul>{lines}</ul>{hard}")


def _drawn_card(language: str) -> str:
    told = ("drawn_what", "drawn_keys", "drawn_class")
    lines = "".join(
        f'<li class="fersys-play-{key[6:]}">{glyph(sign)} <span>{say(language, f"captcha.{key}")}</span></li>' for sign, key in zip("🖍⌨🏫", told, strict=True)
    )
    return _game("guess", language, _taste_of_guessing(), f"<ul>{lines}</ul>")


def _game(kind: str, language: str, taste: str, inside: str) -> str:
    words = f"<h3>{say(language, f'captcha.{kind}_title')}</h3><p>{say(language, f'captcha.{kind}_lead')}</p>"
    button = _button(kind, say(language, f"captcha.{kind}_start"), "fersys-play-main")
    best = f'<p class="fersys-play-best" data-best="{kind}" hidden></p>'
    return f'<article class="fersys-card fersys-play-{kind}-card">{taste}{words}{inside}<div class="fersys-play-go">{button}{best}</div></article>'


def _taste_of_making() -> str:
    """A drawn foretaste: an emoji in a ring that is filling."""
    return f'<div class="fersys-play-taste" aria-hidden="true">{_ring(72)}{glyph(EMOJI["happy"])}</div>'


def _taste_of_guessing() -> str:
    faces = "".join(practice.sample(expression, number) for number, expression in enumerate(("surprise", "happy", "angry")))
    return f'<div class="fersys-play-taste fersys-play-trio" aria-hidden="true">{faces}</div>'


def _ring(share: int, attributes: str = "") -> str:
    circles = f'<circle cx="50" cy="50" r="45"/><circle cx="50" cy="50" r="45" pathLength="100" {attributes} style="stroke-dashoffset:{100 - share}"/>'
    return f'<svg class="fersys-play-ring" viewBox="0 0 100 100" aria-hidden="true">{circles}</svg>'


def _button(does: str, word: str, kind: str = "", more: str = "") -> str:
    return f'<button type="button" data-do="{does}" class="{kind}"{more}>{escape(word)}</button>'


def _covers(language: str) -> str:
    """A card for each state in which there is no game."""
    cancel = _button("stop", say(language, "captcha.cancel"), "", " data-focus")
    again, drawn = _button("make", say(language, "captcha.again"), "fersys-play-main", " data-focus"), _button("guess", say(language, "captcha.guess_instead"))
    deal_again = _button("guess", say(language, "captcha.again"), "fersys-play-main", " data-focus")
    waits = "".join(_cover(state, language, _SPINNER, cancel) for state in (*_WAITS, "dealing"))
    problems = "".join(_cover(state, language, _sign("⚠️"), again + drawn) for state in (*_CAMERA_PROBLEMS, *_SERVER_PROBLEMS))
    rests = "".join(_cover(state, language, _sign("📷"), again + drawn) for state in ("left", "idle"))
    return waits + problems + rests + _cover("nofaces", language, _sign("⚠️"), deal_again + _button("home", say(language, "captcha.home")))


_SPINNER = '<span class="fersys-play-spin" aria-hidden="true"></span>'


def _sign(character: str) -> str:
    return f'<span class="fersys-emoji fersys-play-sign" aria-hidden="true">{character}</span>'


def _cover(state: str, language: str, sign: str, buttons: str) -> str:
    role = "alert" if state in (*_CAMERA_PROBLEMS, *_SERVER_PROBLEMS, "nofaces") else "status"
    place = '<p data-part="place"></p>' if state == "waiting" else ""
    title, words = (say(language, _key(f"{state}{end}")) for end in ("_title", ""))
    return (
        f'<div class="fersys-card fersys-play-cover" data-for="{state}" hidden><div role="{role}">{sign}<h2>{title}</h2>{place}<p>{words}</p></div>'
        f'<div class="fersys-play-buttons">{buttons}</div></div>'
    )


def _key(name: str) -> str:
    """The tab's own text, or else the Webcam tab's: the camera's troubles are the same in both."""
    return f"captcha.{name}" if f"captcha.{name}" in keys() else f"webcam.{name}"


def _board(language: str) -> str:
    """Where one stands, above both games."""
    numbers = "".join(f'<div><dt>{say(language, f"captcha.{name}")}</dt><dd data-part="{name}">0</dd></div>' for name in ("points", "streak", "best"))
    step = say(language, "captcha.step", step='<b data-part="step">1</b>', faces=practice.RULES.faces)
    buttons = _button("big", say(language, "captcha.big"), "fersys-play-wide", f' aria-pressed="false" title="{say(language, "captcha.big_hint")}"')
    buttons += _button("stop", say(language, "captcha.stop"))
    progress = f'<div class="fersys-play-step"><p>{step}</p><i data-part="progress" aria-hidden="true"><u></u></i></div>'
    return f'<div class="fersys-play-board" data-for="live guess" hidden>{progress}<dl>{numbers}</dl><div class="fersys-play-buttons">{buttons}</div></div>'


def _making(language: str) -> str:
    """The camera's game: what is asked, and the mirrored video."""
    video = f'<video muted playsinline disablepictureinpicture data-part="video" aria-label="{say(language, "webcam.video")}"></video>'
    toast = '<p class="fersys-play-toast" data-part="toast" aria-hidden="true" hidden><span class="fersys-emoji"></span> <b></b></p>'
    stage = f'<div class="fersys-play-stage">{video}<div class="fersys-play-box" data-part="box" aria-hidden="true" hidden></div>{toast}</div>'
    prompt = (
        f'<div class="fersys-play-wanted">{_ring(0, "data-part=ring")}<span class="fersys-emoji" role="img" data-part="wanted"></span></div>'
        f'<div class="fersys-play-ask"><h2><small>{say(language, "captcha.make")}</small> <span data-part="word"></span></h2><p data-part="tip"></p></div>'
    )
    match = (
        f'<div class="fersys-play-match"><span>{say(language, "captcha.match")}</span>'
        '<i aria-hidden="true"><u data-part="match"></u><s data-part="needed"></s></i>'
        '<b data-part="share">0%</b></div><p class="fersys-play-hint" data-part="hint"></p>'
    )
    skip = _button("skip", say(language, "captcha.skip"), "", f' data-focus aria-keyshortcuts="s" title="{say(language, "captcha.skip_hint")}"')
    return f'<div class="fersys-play-making" data-for="live" hidden><div class="fersys-card fersys-play-prompt">{prompt}{match}{skip}</div>{stage}</div>'


def _guessing(language: str) -> str:
    """The game without a camera: a drawn face, seven answers, and why."""
    answers = "".join(_answer(number, emotion, language) for number, emotion in enumerate(EMOTIONS, start=1))
    question = say(language, "captcha.question")
    why = (
        '<div class="fersys-play-why" data-part="why" hidden><p class="fersys-play-verdict"><span class="fersys-emoji" data-part="verdict-sign" '
        'aria-hidden="true"></span> <b data-part="verdict"></b></p><p data-part="seen"></p><p data-part="instead"></p>'
        f"{_button('next', say(language, 'captcha.say_next'), 'fersys-play-main')}</div>"
    )
    return (
        '<div class="fersys-play-guessing" data-for="guess" hidden><div class="fersys-play-face" role="img" tabindex="-1" data-part="face"></div>'
        f'<div class="fersys-play-quiz"><h2>{question}</h2>'
        f'<div class="fersys-play-answers" role="group" aria-label="{question}">{answers}</div>{why}</div></div>'
    )


def _answer(number: int, emotion: str, language: str) -> str:
    inside = f'<kbd aria-hidden="true">{number}</kbd><span>{say(language, f"emotion.{emotion}")}</span><b data-part="mark" aria-hidden="true"></b>'
    return f'<button type="button" data-do="answer" data-expression="{emotion}" aria-keyshortcuts="{number}">{inside}</button>'


def _end(language: str) -> str:
    """What came of a game, to look at and to share."""
    numbers = "".join(f'<div><dt>{say(language, f"captcha.{name}")}</dt><dd data-part="end-{name}"></dd></div>' for name in ("points", "streak", "best"))
    record = f'<p class="fersys-play-record" data-part="record" hidden>{glyph("🏆")} {say(language, "captcha.record")}</p>'
    share = (
        f'<label class="fersys-play-share"><span>{say(language, "captcha.share")}</span><textarea readonly rows="2" data-part="share-text"></textarea></label>'
        f'<p class="fersys-play-copy">{_button("copy", say(language, "captcha.copy"))} <span role="status" data-part="copied"></span></p>'
    )
    buttons = _button("again", say(language, "captcha.play_again"), "fersys-play-main", " data-focus") + _button("home", say(language, "captcha.home"))
    return (
        '<div class="fersys-card fersys-play-end" data-for="end" hidden><div class="fersys-play-confetti" data-part="confetti" aria-hidden="true"></div>'
        '<span class="fersys-emoji fersys-play-sign" data-part="end-sign" aria-hidden="true"></span><h2 data-part="end-title"></h2><p data-part="end-line"></p>'
        f'{record}<dl>{numbers}</dl><ul class="fersys-play-marks" data-part="marks"></ul>{share}<div class="fersys-play-buttons">{buttons}</div>'
        f'<p class="fersys-play-promise">{say(language, "captcha.end_promise")}</p></div>'
    )
