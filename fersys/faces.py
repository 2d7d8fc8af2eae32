"""Finds the faces in an image and cuts each as a square crop, framed as FER2013 frames faces."""

from fersys.alignment import Square, angle_of, box_of, cut
from fersys.detectors import DEFAULT, open_detector
from fersys.detectors.base import Detection, Framing
from fersys.images import check_image
from fersys.results import Face, Image

# A crop is turned if the eye line leans by more degrees than this: the networks are trained on faces that
# lean further, and a crop that is not turned keeps its pixels.
_LEVEL = 3.0


def detect(image: Image, detector: str = DEFAULT, align: bool = True) -> list[Face]:
    """Find all faces, the largest first.

    Args:
        image: RGB uint8 (H, W, 3) of any size.
        detector: name in `fersys.detectors.DETECTORS`; `reports/detectors.md` compares them.
        align: turn crops so that the eyes are level, if the detector finds eyes.

    Returns:
        faces with square boxes inside the image; empty if there is none.

    Raises:
        ImageError: if the image is not RGB uint8.
        ConfigError: if there is no detector of that name.
        ModelError: if a file of the detector is missing or changed.
    """
    check_image(image)
    finder = open_detector(detector)
    faces = [to_face(image, found, finder.framing, align) for found in finder.find(image)]
    return sorted(faces, key=lambda face: len(face.crop), reverse=True)


def to_face(image: Image, found: Detection, framing: Framing, align: bool = True) -> Face:
    """Cut a detection out of its image.

    Args:
        image: RGB uint8 (H, W, 3).
        found: what a detector found in it.
        framing: that detector's.
        align: turn the crop so that the eyes are level.
    """
    angle = angle_of(found.landmarks)
    square = frame(found, framing, angle)
    turned = align and abs(angle) > _LEVEL
    crop = cut(image, square if turned else Square(square.x, square.y, square.side))
    return Face(box_of(square, image), found.score, found.landmarks, crop, angle)


def frame(found: Detection, framing: Framing, angle: float) -> Square:
    """Return the square that FER2013 would cut, turned by an angle in degrees."""
    x, y, width, height = found.box
    side = max(width, height)
    return Square(x + width / 2, y + height / 2, framing.scale * side, angle).moved(0, framing.down * side)
