"""Draws faces as SVG. What a face does is given as action units, the numbered muscle movements of the Facial Action
Coding System, each from 0 (nothing) to 1 (as far as it goes):

    1 inner brow up       6 cheek up        12 lip corner up       20 lips stretched
    2 outer brow up       7 lids tight      15 lip corner down     24 lips pressed
    4 brow down           9 nose wrinkled   17 chin up             25 lips apart
    5 upper lid up       10 upper lip up                           26 jaw dropped

Nobody's photo stands behind them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.looks import MIDDLE, Look, before, behind, head

Units = Mapping[int, float]

_EYE_X, _EYE_Y, _EYE_HALF = 37.0, 130.0, 17.0
_MOUTH_Y, _MOUTH_HALF = 200.0, 29.0
_JAW = 12.0  # how far a chin goes down


def draw(units: Units, look: Look, name: str, gaze: float = 0.0) -> str:
    """Return a face as SVG without text of its own.

    Args:
        units: number of an action unit -> its strength, 0–1; what is left out is 0.
        look: whose face it is.
        name: unique among all drawings of a page, for references inside.
        gaze: where the eyes go, −1 (left) to 1 (right).
    """
    face = _Face({unit: units.get(unit, 0.0) for unit in range(1, 27)}, look)
    eyes = "".join(face.eye(side, f"{name}-{'left' if side < 0 else 'right'}", gaze) for side in (-1, 1))
    brows = "".join(face.brow(side) for side in (-1, 1))
    inside = behind(look) + head(look, _JAW * face.units[26]) + face.cheeks() + face.lines() + face.nose() + eyes + face.mouth() + before(look) + brows
    return f'<svg viewBox="0 0 240 290" xmlns="http://www.w3.org/2000/svg" aria-hidden="true" focusable="false">{inside}</svg>'


@dataclass(frozen=True)
class _Face:
    units: Units
    look: Look

    def brow(self, side: int) -> str:
        """A brow, thick at its inner end. Up with 1 and 2, down and in with 4; 1 and 4 together make it oblique."""
        up_in, up_out, down, wrinkle = (self.units[unit] for unit in (1, 2, 4, 9))
        lowered = down * (1 - up_in)
        inner = (16 - 4 * down, 106 - 16 * up_in + 13 * lowered + 6 * wrinkle)
        middle = (35, 99 - 6 * up_in - 10 * up_out * (1 - 0.45 * down) + 9 * lowered + 5 * wrinkle)
        outer = (57, 105 - 10 * up_out + 2 * lowered + 8 * up_in * down * (1 - up_out))
        bend = tuple(2 * m - (a + b) / 2 for m, a, b in zip(middle, inner, outer, strict=True))
        (ax, ay), (bx, by), (cx, cy) = ((MIDDLE + side * x, y) for x, y in (inner, bend, outer))
        path = f"M{ax:.1f},{ay - 3.4:.1f}Q{bx:.1f},{by - 3.4:.1f} {cx:.1f},{cy:.1f}Q{bx:.1f},{by + 3:.1f} {ax:.1f},{ay + 3.4:.1f}Z"
        return f'<path d="{path}" fill="{self.look.hair.brows}" stroke="{self.look.hair.brows}" stroke-width="2.5" stroke-linejoin="round"/>'

    def lids(self) -> tuple[float, float]:
        """How far the upper and the lower lid stand from the eye's middle."""
        wide, cheek, tight, wrinkle = (self.units[unit] for unit in (5, 6, 7, 9))
        droop = self.units[1] * self.units[4] * (1 - wide) + 0.6 * self.units[4] * (1 - self.units[1]) * (1 - wide)
        return 10 + 6 * wide - 3.5 * cheek - 2 * tight - 3 * wrinkle - 2.5 * droop, 8 + wide - 5 * cheek - 4 * tight - 3 * wrinkle

    def eye(self, side: int, name: str, gaze: float) -> str:
        """An eye; what the lids leave free of the iris is seen."""
        x, (up, low) = MIDDLE + side * _EYE_X, self.lids()
        left, right = x - _EYE_HALF, x + _EYE_HALF
        above = f"M{left:.1f},{_EYE_Y}Q{x:.1f},{_EYE_Y - 2 * up:.1f} {right:.1f},{_EYE_Y}"
        below = f"Q{x:.1f},{_EYE_Y + 2 * low:.1f} {left:.1f},{_EYE_Y}"
        at = x + 3 * gaze
        iris = (
            f'<circle cx="{at:.1f}" cy="{_EYE_Y - 0.5}" r="9.5" fill="{self.look.eyes}"/><circle cx="{at:.1f}" cy="{_EYE_Y - 0.5}" r="4.5" fill="#0b0b0f"/>'
            f'<circle cx="{at + 3:.1f}" cy="{_EYE_Y - 4}" r="2" fill="#fff"/>'
        )
        return (
            f'<clipPath id="{name}"><path d="{above}{below}Z"/></clipPath><path d="{above}{below}Z" fill="#fff"/><g clip-path="url(#{name})">{iris}</g>'
            f'<path d="{above}" fill="none" stroke="#1f1410" stroke-width="3.2" stroke-linecap="round"/>'
            f'<path d="M{right:.1f},{_EYE_Y}{below}" fill="none" stroke="{self.look.skin.line}" stroke-width="1.6"/>'
        )

    def cheeks(self) -> str:
        """A little red, higher and stronger with 6."""
        up = self.units[6]
        spots = "".join(f'<ellipse cx="{MIDDLE + side * 45}" cy="{168 - 6 * up:.1f}" rx="17" ry="11"/>' for side in (-1, 1))
        return f'<g fill="{self.look.skin.lips}" opacity="{0.16 + 0.22 * up:.2f}">{spots}</g>'

    def nose(self) -> str:
        """A nose that shortens with 9, with wings that widen."""
        up = self.units[9]
        y, wide = 168 - 5 * up, 12 + 3 * up
        wings = f"M{MIDDLE - wide:.1f},{y - 7:.1f}Q{MIDDLE - wide - 3:.1f},{y + 2:.1f} {MIDDLE - 6},{y:.1f}Q{MIDDLE},{y + 6:.1f} {MIDDLE + 6},{y:.1f}"
        return self._stroke(f"{wings}Q{MIDDLE + wide + 3:.1f},{y + 2:.1f} {MIDDLE + wide:.1f},{y - 7:.1f}", 0.85, 2.6)

    def lines(self) -> str:
        """The wrinkles that go with the movements."""
        one, two, four, six, nine, ten, twelve, chin = (self.units[unit] for unit in (1, 2, 4, 6, 9, 10, 12, 17))
        forehead = "M92,80Q120,74 148,80M98,90Q120,85 142,90"
        frown = "M115,102Q117,110 115,117M125,102Q123,110 125,117"
        bridge = "M112,122Q120,117 128,122M111,131Q120,126 129,131M112,140Q120,136 128,140M103,146Q106,152 103,158M137,146Q134,152 137,158"
        bulges = "M66,148Q84,156 99,148M174,148Q156,156 141,148"
        feet = "M58,128l-9,-5M58,133l-10,1M182,128l9,-5M182,133l10,1"
        folds = f"M102,168Q{88 - 6 * twelve:.1f},182 {86 - 8 * twelve:.1f},200M138,168Q{152 + 6 * twelve:.1f},182 {154 + 8 * twelve:.1f},200"
        dent = "M107,226Q120,218 133,226M114,232h1M120,230h1M126,232h1"
        drawn = (
            (forehead, one * two * (1 - 0.6 * four)),
            (frown, four * (1 - 0.6 * one)),
            (bridge, nine),
            (bulges, six),
            (feet, six * 0.8),
            (folds, max(twelve, ten, nine) * 0.8),
            (dent, chin),
        )
        return "".join(self._stroke(path, 0.75 * strength, 2.4) for path, strength in drawn if strength > 0)

    def _stroke(self, path: str, strength: float, width: float) -> str:
        return f'<path d="{path}" fill="none" stroke="{self.look.skin.line}" stroke-width="{width}" stroke-linecap="round" opacity="{strength:.2f}"/>'

    def _opening(self) -> tuple[float, float, float, float]:
        """Half the mouth's width, the height of its corners, of the upper lip's lower border and of the lower lip's upper one, in the middle."""
        lip, smile, frown, chin, stretch, press, part, jaw = (self.units[unit] for unit in (10, 12, 15, 17, 20, 24, 25, 26))
        half = _MOUTH_HALF + 9 * smile + 12 * stretch - 9 * jaw * (1 - stretch) * (1 - smile) - 3 * press
        corners = _MOUTH_Y - 12 * smile + 11 * frown + 4 * stretch + 2 * press + 8 * jaw
        upper = _MOUTH_Y + 3 * smile - 2 * part - 8 * lip - 4 * chin - 6 * frown - 7 * jaw
        return half, corners, upper, upper + 10 * part * (1 + 0.5 * smile + 0.4 * stretch) + 32 * jaw * (1 - 0.5 * stretch) + 4 * lip * part

    def mouth(self) -> str:
        """Lips, and between them teeth and tongue if they are apart."""
        half, corners, upper, lower = self._opening()
        press, color = self.units[24], self.look.skin.lips
        top, bottom = upper - 6 * (1 - 0.75 * press) * (1 - 0.3 * self.units[12]), lower + 8 * (1 - 0.7 * press)
        left, right = MIDDLE - half, MIDDLE + half
        rise = f"M{left:.1f},{corners:.1f}Q{MIDDLE - half * 0.5:.1f},{top - 1:.1f} {MIDDLE - 6},{top - 1.5:.1f}"
        fall = f"Q{MIDDLE},{top + 2:.1f} {MIDDLE + 6},{top - 1.5:.1f}Q{MIDDLE + half * 0.5:.1f},{top - 1:.1f} {right:.1f},{corners:.1f}"
        outline = f"{rise}{fall}{_arc(right, corners, bottom, left)}Z"
        lips = f'<path d="{outline}" fill="{color}" stroke="{color}" stroke-width="1.5" stroke-linejoin="round"/>'
        return lips + self._between(half, corners, upper, lower)

    def _between(self, half: float, corners: float, upper: float, lower: float) -> str:
        left, right = MIDDLE - half + 2, MIDDLE + half - 2
        edge = f"M{left:.1f},{corners:.1f}{_arc(left, corners, upper, right)}"
        if lower - upper < 3:
            return f'<path d="{edge}" fill="none" stroke="{self.look.skin.line}" stroke-width="2.6" stroke-linecap="round"/>'
        teeth = upper + min(0.55 * (lower - upper), 9 + 3 * self.units[10] - 2 * self.units[26])
        tongue = f'<path d="{_tongue(half, lower)}" fill="#c4525c"/>' if self.units[26] > 0.3 else ""
        hole = f'<path d="{edge}{_arc(right, corners, lower, left)}Z" fill="#431119"/>'
        return f'{hole}{tongue}<path d="{edge}{_arc(right, corners, teeth, left)}Z" fill="#fff"/>'


def _arc(start: float, ends: float, middle: float, stop: float) -> str:
    """A curve from (start, ends) to (stop, ends) that is at `middle` halfway."""
    pull, reach = (middle - 0.25 * ends) / 0.75, 0.22 * (stop - start)
    return f"C{start + reach:.1f},{pull:.1f} {stop - reach:.1f},{pull:.1f} {stop:.1f},{ends:.1f}"


def _tongue(half: float, lower: float) -> str:
    left, right, edge = MIDDLE - 0.5 * half, MIDDLE + 0.5 * half, lower - 1
    return f"M{left:.1f},{edge:.1f}Q{MIDDLE},{edge - 13:.1f} {right:.1f},{edge:.1f}Q{MIDDLE},{edge + 2:.1f} {left:.1f},{edge:.1f}Z"
