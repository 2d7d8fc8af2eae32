"""DeepFace's anti-spoofing beside the judge: advice that is noted, and decides nothing.

Off unless a judge is built with an `Advisor`. It passes many photos and screens (LOG.md), so it has no veto:
each step's last frame gets a flag, a score and the threshold it was held against.
"""

from dataclasses import dataclass

from fersys.recognizers.deepface_spoofing import SpoofingDetector, open_spoofing
from fersys.results import Box, Image

THRESHOLD = 0.8  # below this, even "spoof" is a guess


@dataclass(frozen=True)
class Advice:
    """What the networks think of a frame.

    Attributes:
        flagged: it looks like a picture of a face, surely enough.
        score: how sure they are of what they say, 0–1.
        threshold: from which score on it is flagged.
    """

    flagged: bool
    score: float
    threshold: float = THRESHOLD


class Advisor:
    """Gives advice; safe to share between threads."""

    def __init__(self, detector: SpoofingDetector, threshold: float = THRESHOLD) -> None:
        self._detector, self._threshold = detector, threshold

    def advise(self, image: Image, box: Box) -> Advice:
        """Look at a face.

        Args:
            image: RGB uint8 (H, W, 3).
            box: (x, y, width, height) of the face in pixels.
        """
        verdict = self._detector.look(image, box)
        return Advice(not verdict.is_real and verdict.score >= self._threshold, verdict.score, self._threshold)


def open_advisor() -> Advisor:
    """Open the library's networks.

    Raises:
        ModelError: if the library or its files are missing; the message says which and where they belong.
    """
    return Advisor(open_spoofing())
