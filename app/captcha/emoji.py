"""The faces that are asked for, as drawings of our own: the same on every device, whatever fonts it has."""

from app.captcha.judge import Prompt

_INK = 'fill="none" stroke="#3b2a05" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"'
_EYES = '<g fill="#3b2a05"><ellipse cx="35" cy="42" rx="5" ry="7"/><ellipse cx="65" cy="42" rx="5" ry="7"/></g>'
_WIDE = '<g fill="#fff" stroke="#3b2a05" stroke-width="3"><circle cx="34" cy="42" r="9"/><circle cx="66" cy="42" r="9"/></g>'
_PUPILS = '<g fill="#3b2a05"><circle cx="34" cy="42" r="4"/><circle cx="66" cy="42" r="4"/></g>'
_SHUT = "M28 38l12 5l-12 5M72 38l-12 5l12 5"
_TEETH = '<path d="M34 68q16-10 32 0v4q-16 8-32 0z" fill="#fff" stroke="#3b2a05" stroke-width="4"/>'


def _lines(path: str) -> str:
    return f'<path d="{path}" {_INK}/>'


def _open(x: int, y: int, height: int) -> str:
    return f'<ellipse cx="50" cy="{y}" rx="{x}" ry="{height}" fill="#7a3b12" stroke="#3b2a05" stroke-width="3"/>'


_SMILE = (
    '<path d="M25 58h50q-4 24-25 24t-25-24z" fill="#7a3b12" stroke="#3b2a05" stroke-width="3" stroke-linejoin="round"/><path d="M29 60h42v6h-42z" fill="#fff"/>'
)
_DRAWN = {
    "angry": _lines("M23 27l19 9M77 27l-19 9M34 74q16-12 32 0") + _EYES,
    "disgust": _lines(_SHUT + "M42 56q8-6 16 0M32 74q9-9 18-2t18-1"),
    "fear": _lines("M24 28q8-8 16-7M76 28q-8-8-16-7") + _WIDE + _PUPILS + _TEETH,
    "happy": _lines("M27 43q8-12 16 0M57 43q8-12 16 0") + _SMILE,
    "neutral": _EYES + _lines("M34 68h32"),
    "sad": _lines("M25 33q9-1 16-9M75 33q-9-1-16-9M35 75q15-15 30 0") + _EYES,
    "surprise": _lines("M26 23q8-7 15-2M74 23q-8-7-15-2") + _WIDE + _PUPILS + _open(11, 71, 13),
}
_ARROW = "M66 95h-32M42 88l-9 7l9 7"


def draw(prompt: Prompt) -> str:
    """Return a face as SVG without a name of its own; one that is turned looks to that side, as in a mirror, above an arrow."""
    side = {"left": -1, "right": 1}.get(prompt.turn, 0)
    place = f"translate({50 + 13 * side} 50) scale({0.84 if side else 1} 1) translate(-50 -50)"
    face = f'<circle cx="50" cy="50" r="46" fill="#ffd34d" stroke="#b77900" stroke-width="3"/><g transform="{place}">{_DRAWN[prompt.expression]}</g>'
    arrow = f'<path d="{_ARROW}" transform="translate(50 0) scale({-side} 1) translate(-50 0)" class="arrow"/>'
    whole = f'<g transform="translate(8 0) scale(.84)">{face}</g>{arrow}' if side else face
    return f'<svg viewBox="0 0 100 {106 if side else 100}" aria-hidden="true">{whole}</svg>'
