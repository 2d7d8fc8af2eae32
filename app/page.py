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
        words: collects what the browser translates.
    """

    arms: Arms
    privacy: str = "page.privacy_local"
    words: Words = field(default_factory=Words)
