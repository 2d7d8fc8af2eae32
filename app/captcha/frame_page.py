"""The page inside the widget's frame: small HTML without Gradio, which only the site's own hosts may embed.

The CAPTCHA tab shows the same page under the site key of `own.py`: wider, and with a result to keep and to share.

Its scripts and style lie in `assets/`, its texts in `app/texts/frame.toml`; those that scripts fill in begin with `say_`.
A code of a refusal, a judge's hint or a prompt that is new gets words there, and nothing here changes.
"""

import json
from dataclasses import dataclass
from html import escape

from app.bars import EMOJI
from app.captcha import dummies, emoji, own
from app.captcha.judge import Prompt
from app.captcha.refusals import StoreError
from app.captcha.service import Service
from app.captcha.sites import Site, frame_ancestors
from app.words import keys, say

THEMES = ("auto", "light", "dark")
_SPOKEN = "frame.say_"
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
)
_CROSS = '<span class="emoji" aria-hidden="true">{}</span>'
_OWN_POLICY = "; ".join([*_POLICY, "frame-ancestors 'self'"])


@dataclass(frozen=True)
class Look:
    """What a site's page asks for.

    Attributes:
        sitekey: of the site.
        theme: one of `THEMES`.
        language: one of `words.LANGUAGES`.
        host: under which the visitor's browser knows us.
    """

    sitekey: str
    theme: str = "auto"
    language: str = "en"
    host: str = ""


@dataclass(frozen=True)
class FramePage:
    """A page and what goes with it: its HTML, its policy, and an HTTP status."""

    html: str
    policy: str
    status: int = 200


def make_frame(service: Service, look: Look) -> FramePage:
    """Make the page for a site. Without a site whose hosts are known it can be shown anywhere, and does nothing but say why."""
    if look.sitekey == own.KEY:
        return FramePage(_page(service, look), _OWN_POLICY)
    try:
        site = service.store.get_site(look.sitekey)
    except StoreError:
        return _without_site(service, look, "internal-error", 503)
    if site is None and look.sitekey not in dummies.SITE_KEYS:
        return _without_site(service, look, "invalid-sitekey" if look.sitekey else "missing-sitekey", 400)
    return FramePage(_page(service, look), _policy(site))


def _without_site(service: Service, look: Look, problem: str, status: int) -> FramePage:
    return FramePage(_page(service, look, problem), _policy(None), status)


def _policy(site: Site | None) -> str:
    return "; ".join([*_POLICY, f"frame-ancestors {frame_ancestors(site) if site else '*'}"])


def _page(service: Service, look: Look, problem: str = "") -> str:
    language = look.language
    states = _choose(service, language) + _working(language) + _told(look) + _face(language) + _done(look) + _problem(service, language)
    return (
        f'<!doctype html><html lang="{language}" data-theme="{look.theme}" data-place="{"tab" if _is_own(look) else "widget"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_say(language, "title")}</title>'
        '<link rel="stylesheet" href="assets/frame.css"><script type="module" src="assets/frame.js"></script></head><body>'
        f"<main data-state=\"waiting\" data-settings='{_settings(service, look, problem)}'>"
        f'<section data-for="waiting"><p>{_say(language, "waiting")}</p><noscript><p>{_say(language, "no_script")}</p></noscript></section>'
        f"{states}{_pictures(service)}<footer><span>{_say(language, 'promise')}</span><span>FER-Sys</span></footer>"
        '<p class="hidden" role="status" data-part="said"></p></main></body></html>'
    )


def _is_own(look: Look) -> bool:
    return look.sitekey == own.KEY


def _pictures(service: Service) -> str:
    """A drawing for everything that may be asked, for the script to take."""
    if service.judge is None:
        return ""
    asked = [Prompt(name, turn) for name in service.judge.expressions for turn in ("", *service.judge.turns)]
    return "".join(f'<template data-picture="{one.expression} {one.turn}">{emoji.draw(one)}</template>' for one in asked)


def _settings(service: Service, look: Look, problem: str) -> str:
    """What the scripts need, as JSON within single quotes."""
    spoken = {key.removeprefix(_SPOKEN): say(look.language, key) for key in keys() if key.startswith(_SPOKEN)}
    settings = {
        "sitekey": look.sitekey,
        "problem": problem,
        "hostname": own.HOST if _is_own(look) else "",
        "solve_life": service.settings.solve_life,
        "answer_life": service.judge.answer_life if service.judge else 0,
        "tries": service.settings.work_tries,
        "token_life": service.settings.token_life,
        "emoji": EMOJI,
        "words": spoken,
    }
    return escape(json.dumps(settings, ensure_ascii=False), quote=True)


def _say(language: str, key: str, **values: str) -> str:
    return escape(say(language, f"frame.{key}", **values))


def _state(name: str, title: str, content: str) -> str:
    return f'<section class="{name}" data-for="{name}" hidden><h1 tabindex="-1">{title}</h1>{content}</section>'


def _choose(service: Service, language: str) -> str:
    """Both ways, of equal rank: the one without a camera first."""
    if service.judge is None:
        camera = _way("tell", "face", "face_closed", language).replace("<button", '<button aria-disabled="true"')
    else:
        camera = _way("tell", "face", "face_hint", language)
    return _state("choose", _say(language, "choose"), _way("work", "work", "work_hint", language) + camera)


def _way(act: str, name: str, hint: str, language: str) -> str:
    sign = {"work": "⚙️", "face": "📷"}[name]
    words = f"<span><b>{_say(language, name)}</b><small>{_say(language, hint)}</small></span>"
    return f'<button type="button" data-do="{act}">{_CROSS.format(sign)}{words}</button>'


def _working(language: str) -> str:
    title = _say(language, "working_title")
    bar = f'<progress max="100" value="0" aria-label="{title}" data-part="work-bar"></progress><span data-part="work-percent" aria-hidden="true"></span>'
    return _state("work", title, f'<div class="bar">{bar}</div><p><small>{_say(language, "work_note")}</small></p>{_button("back", "cancel", language)}')


def _told(look: Look) -> str:
    """What people are told before any camera opens."""
    where = _say(look.language, "told_where_own" if _is_own(look) else "told_where", host=look.host)
    told = (_say(look.language, "told_what"), where, _say(look.language, "told_trace"), _say(look.language, "told_free"))
    buttons = _button("back", "back", look.language) + _button("face", "open", look.language, "main")
    return _state("tell", _say(look.language, "told_title"), f'<ul>{"".join(f"<li>{line}</li>" for line in told)}</ul><div class="row">{buttons}</div>')


def _face(language: str) -> str:
    """What is asked, in the ring of the time that is left, and the mirror in the ring that fills."""
    title = f'<span class="wanted">{_ring("left-ring")}<span role="img" data-part="picture"></span></span><span data-part="prompt-words"></span>'
    video = f'<video muted playsinline disablepictureinpicture data-part="video" aria-label="{_say(language, "video")}"></video>'
    stage = f'<div class="stage">{video}{_ring("ring")}<span class="tick" data-part="tick" aria-hidden="true">✓</span></div>'
    facts = (
        '<div class="facts"><span class="dots" data-part="dots" aria-hidden="true"></span><span data-part="steps"></span><span data-part="left"></span></div>'
    )
    buttons = f'<div class="row">{_button("back", "cancel", language)}{_button("work", "work", language)}</div>'
    return _state("face", title, f'{stage}<p class="hint" data-part="hint"></p>{facts}{buttons}')


def _ring(name: str) -> str:
    circles = f'<circle cx="50" cy="50" r="46"/><circle class="filled" cx="50" cy="50" r="46" pathLength="1" data-part="{name}"/>'
    return f'<svg class="ring" viewBox="0 0 100 100" aria-hidden="true">{circles}</svg>'


def _done(look: Look) -> str:
    language = look.language
    hint = _say(language, "done_own" if _is_own(look) else "done_hint")
    more = _result(language) if _is_own(look) else ""
    head = f"{_CROSS.format('✓')} {_say(language, 'done')}"
    return _state(
        "done", head, f'<p data-part="time"></p>{more}<p class="quiet">{hint}</p><div class="confetti" data-part="confetti" aria-hidden="true"></div>'
    )


def _result(language: str) -> str:
    """What the tab shows of a pass by face."""
    numbers = "".join(f'<div><dt>{_say(language, name)}</dt><dd data-part="{name}"></dd></div>' for name in ("streak", "longest", "fastest"))
    text = f'<label class="share"><span>{_say(language, "share")}</span><textarea readonly rows="2" data-part="share"></textarea></label>'
    copied = '<span role="status" data-part="copied"></span>'
    buttons = f'<div class="row">{_button("replay", "replay", language, "main")}{_button("copy", "copy", language)}</div>{copied}'
    return f'<div class="result" data-part="result"><dl>{numbers}</dl><p class="quiet">{_say(language, "kept")}</p>{text}</div>{buttons}'


def _problem(service: Service, language: str) -> str:
    """The script shows, of the ways, those that can help: once more, and the one that was not gone."""
    camera = _button("tell", "face", language) if service.judge else ""
    buttons = f'<div class="row" data-part="ways">{_button("again", "again", language)}{_button("work", "work", language)}{camera}</div>'
    title = f'<span data-part="problem-title">{_say(language, "say_failed")}</span>'
    return _state("problem", title, f'<p role="alert" data-part="problem"></p>{buttons}')


def _button(act: str, word: str, language: str, kind: str = "plain") -> str:
    named = ' data-part="copy"' if act == "copy" else ""
    return f'<button type="button" class="{kind}" data-do="{act}"{named}>{_say(language, word)}</button>'
