"""DeepFace's anti-spoofing beside the judge: advice that is noted, and decides nothing.

Off unless the environment names a folder with its networks (`read_advisor`). It passes many photos and screens (LOG.md), so
it has no veto: each step's last frame gets a flag, a score and the threshold it was held against, which are logged and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fersys.errors import ConfigError, ModelError
from fersys.recognizers.deepface_spoofing import SpoofingDetector, open_spoofing
from fersys.results import Box, Image

VARIABLE = "FERSYS_CAPTCHA_ANTI_SPOOF"
THRESHOLD = 0.8  # below this, even "spoof" is a guess


@dataclass(frozen=True)
class Advice:
    """What the networks think of a frame.

    Attributes:
        real: it looks like a living face.
        score: how sure they are of what they say, 0–1.
        threshold: from which score on what does not look real is flagged.
    """

    real: bool
    score: float
    threshold: float = THRESHOLD

    @property
    def flagged(self) -> bool:
        """Whether it looks like a picture of a face, surely enough."""
        return not self.real and self.score >= self.threshold

    @property
    def outcome(self) -> str:
        """One word for it: "real", "unsure" or "flagged"."""
        return "real" if self.real else "flagged" if self.flagged else "unsure"


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
        return Advice(verdict.is_real, verdict.score, self._threshold)


def open_advisor(folder: Path | None = None) -> Advisor:
    """Open the library's networks.

    Args:
        folder: with both ONNX files; None: DeepFace's own folder of weights.

    Raises:
        ModelError: if the library or its files are missing; the message says which and where they belong.
    """
    return Advisor(open_spoofing(folder))


def read_advisor(environment: Mapping[str, str]) -> Advisor | None:
    """Open the networks in the folder that FERSYS_CAPTCHA_ANTI_SPOOF names; None, and nobody is asked, if it names none.

    Args:
        environment: `os.environ`, or a dict in tests.

    Raises:
        ConfigError: if they cannot be opened there; the message says what is missing.
    """
    folder = environment.get(VARIABLE)
    if not folder:
        return None
    try:
        return open_advisor(Path(folder).expanduser())
    except (ModelError, OSError) as error:
        raise ConfigError(f"{VARIABLE}: {error}") from error
