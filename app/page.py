"""What a tab is given when it is built."""

from dataclasses import dataclass, field

from app.models import Arms
from app.words import Words


@dataclass(frozen=True)
class Page:
    """Everything that tabs share.

    Attributes:
        arms: the models of the two columns.
        privacy: key of the text on where pictures go.
        url: the page's address as seen from this machine; a visitor's browser knows how others reach it.
        mcp: whether the public endpoints are offered as MCP tools.
        captcha: whether the CAPTCHA service answers beside the page; `server.start` knows.
        words: collects what the browser translates.
    """

    arms: Arms
    privacy: str = "page.privacy_local"
    url: str = "http://127.0.0.1:7860"
    mcp: bool = False
    captcha: bool = False
    words: Words = field(default_factory=Words)
