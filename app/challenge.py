"""The emoji challenge on the CAPTCHA tab: the page that other sites show in their widget, in a frame of our own.

`assets/challenge.js` opens the frame once the tab is looked at; the page inside is `captcha/frame_page.py`'s.
"""

from html import escape
from urllib.parse import urlencode

from app.captcha import own
from app.captcha.widget import FRAME
from app.words import say


def view(is_open: bool, language: str) -> str:
    """Return the section, without the frame itself; if the service is not open, it says so."""
    heading, lead, limits, title, waiting, closed = (
        escape(say(language, f"challenge.{key}")) for key in ("heading", "lead", "limits", "frame", "waiting", "closed")
    )
    hidden = ("", " hidden") if is_open else (" hidden", "")
    stand_ins = f'<p data-part="waiting"{hidden[0]}>{waiting}</p><p role="status" data-part="closed"{hidden[1]}>{closed}</p>'
    page = f"{FRAME}?{urlencode({'sitekey': own.KEY})}" if is_open else ""
    return (
        f'<section id="fersys-challenge" class="fersys-card fersys-challenge" aria-label="{heading}" data-page="{page}" '
        f'data-title="{title}"><header><h2>{heading}</h2><p>{lead}</p></header><div class="fersys-challenge-place" data-part="place">{stand_ins}</div>'
        f'<p class="fersys-challenge-limits">{limits}</p></section>'
    )
