"""Who a drawn face is: skin, hair, eyes, clothes. Nothing here says anything about its expression.

All shapes are SVG on a canvas of 240 × 290, in front of the viewer, with the face's middle at x = 120.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

MIDDLE = 120.0
HALF_WIDTH = 70.0  # of the face, before `Look.width`
CHIN = 246.0


@dataclass(frozen=True)
class Skin:
    """Colours of a skin: itself, lines and shadows on it, lips."""

    fill: str
    line: str
    lips: str


@dataclass(frozen=True)
class Hair:
    """Colours of hair and of the brows that go with it."""

    fill: str
    brows: str


SKINS: tuple[Skin, ...] = (
    Skin("#fbdcc4", "#a5664a", "#cf6a66"),
    Skin("#f0c39b", "#8e5634", "#bd5d55"),
    Skin("#d8a273", "#6f4122", "#a84d48"),
    Skin("#b27b4c", "#4d2a12", "#8e4440"),
    Skin("#8f5d38", "#361b0a", "#7a3a38"),
    Skin("#74482b", "#231006", "#a0605a"),
)
_DARK_HAIR = (Hair("#2b2019", "#1a120d"), Hair("#4a2f1d", "#2a190e"))
_LIGHT_HAIR = (Hair("#8a5429", "#573216"), Hair("#dbb565", "#86682a"), Hair("#b34f26", "#74310f"), Hair("#c3c7cf", "#3f434b"))
_WHITE_HAIR = Hair("#dfe2e7", "#dfe2e7")
_LIGHT_SKINS = 3  # of SKINS; only on these are light brows seen well
_EYES = ("#5b3a1e", "#3f5f7d", "#4f7048", "#3a2a20")
_SHIRTS = ("#4f46e5", "#0f766e", "#b45309", "#9d174d", "#334155")
_GROUNDS = ("#e6e9fd", "#dff3ee", "#fdeed9", "#fbe4ee")


@dataclass(frozen=True)
class Look:
    """One person.

    Attributes:
        skin: its colours.
        hair: its colours; also the scarf's, if that is worn.
        style: a key of `STYLES`.
        eyes: colour of the iris.
        shirt: colour.
        ground: colour behind the head.
        width: of the face, 1 is the usual one.
        glasses: whether any are worn.
    """

    skin: Skin
    hair: Hair
    style: str
    eyes: str
    shirt: str
    ground: str
    width: float = 1.0
    glasses: bool = False

    @property
    def half(self) -> float:
        """Half of the face's width."""
        return HALF_WIDTH * self.width


def random_look(chance: Random) -> Look:
    """Return somebody."""
    tone = chance.randrange(len(SKINS))
    hair = chance.choice(_DARK_HAIR + (_LIGHT_HAIR if tone < _LIGHT_SKINS else (_WHITE_HAIR,)))
    return Look(
        skin=SKINS[tone],
        hair=hair,
        style=chance.choice(tuple(STYLES)),
        eyes=chance.choice(_EYES[:1] + _EYES[-1:] if tone >= _LIGHT_SKINS else _EYES),
        shirt=chance.choice(_SHIRTS),
        ground=chance.choice(_GROUNDS),
        width=chance.uniform(0.95, 1.06),
        glasses=chance.random() < 0.15,
    )


def behind(look: Look) -> str:
    """Return what lies behind the face: ground, hair, neck, shirt, ears."""
    half, skin = look.half, look.skin
    ears = "".join(f'<ellipse cx="{MIDDLE + side * (half + 2):.1f}" cy="142" rx="10" ry="15" fill="{skin.fill}"/>' for side in (-1, 1))
    neck = f'<path d="M98,220V262Q120,282 142,262V220Z" fill="{skin.fill}"/>'
    neck += f'<path d="M98,232Q120,268 142,232V240Q120,274 98,240Z" fill="{skin.line}" opacity=".35"/>'
    shirt = f'<path d="M30,290C34,262 70,258 97,254Q120,276 143,254C170,258 206,262 210,290Z" fill="{look.shirt}"/>'
    ground = f'<rect width="240" height="290" rx="24" fill="{look.ground}"/>'
    return ground + STYLES[look.style][0](look) + neck + shirt + ("" if look.style == "scarf" else ears)


def before(look: Look) -> str:
    """Return what lies over the face: hair or a scarf, glasses."""
    return STYLES[look.style][1](look) + (_glasses() if look.glasses else "")


def head(look: Look, drop: float) -> str:
    """Return the shape of the face; `drop` is how far the jaw hangs, in units of the canvas."""
    half, chin = look.half, CHIN + drop
    left, right, low = MIDDLE - half, MIDDLE + half, chin - 48
    crown = f"C{left:.1f},66 {MIDDLE - half * 0.62:.1f},44 {MIDDLE},44C{MIDDLE + half * 0.62:.1f},44 {right:.1f},66 {right:.1f},126"
    right_jaw = f"C{right:.1f},{low:.1f} {MIDDLE + half * 0.58:.1f},{chin:.1f} {MIDDLE},{chin:.1f}"
    left_jaw = f"C{MIDDLE - half * 0.58:.1f},{chin:.1f} {left:.1f},{low:.1f} {left:.1f},126"
    return f'<path d="M{left:.1f},126{crown}{right_jaw}{left_jaw}Z" fill="{look.skin.fill}"/>'


def _glasses() -> str:
    rims = "".join(f'<rect x="{MIDDLE + side * 37 - 27:.0f}" y="108" width="54" height="44" rx="19"/>' for side in (-1, 1))
    return f'<g fill="#fff" fill-opacity=".12" stroke="#334155" stroke-width="3.5">{rims}<path d="M110,126Q120,120 130,126" fill="none"/></g>'


def _nothing(_: Look) -> str:
    return ""


def _cap(look: Look) -> str:
    """Hair on top, to the ears; its border on the forehead leaves room for raised brows."""
    half = look.half
    left, right = MIDDLE - half - 3, MIDDLE + half + 3
    outside = f"C{left - 6:.1f},60 {MIDDLE - half * 0.7:.1f},26 {MIDDLE},26C{MIDDLE + half * 0.7:.1f},26 {right + 6:.1f},60 {right:.1f},128"
    fringe = f"C{right - 3:.1f},96 {right - 16:.1f},84 {MIDDLE + half * 0.62:.1f},66Q{MIDDLE - 6},76 {MIDDLE - half * 0.55:.1f},62"
    back = f"C{left + 14:.1f},84 {left + 4:.1f},96 {left:.1f},128"
    return f'<path d="M{left:.1f},128{outside}{fringe}{back}Z" fill="{look.hair.fill}"/>'


def _long(look: Look) -> str:
    left, right = MIDDLE - look.half - 15, MIDDLE + look.half + 15
    crown = f"C{left - 10:.1f},120 {left + 6:.1f},24 {MIDDLE},24C{right - 6:.1f},24 {right + 10:.1f},120 {right:.1f},252"
    return f'<path d="M{left:.1f},252{crown}Z" fill="{look.hair.fill}"/>'


def _bun(look: Look) -> str:
    return f'<circle cx="{MIDDLE}" cy="26" r="23" fill="{look.hair.fill}"/>'


def _curls(look: Look) -> str:
    half = look.half
    spots = [(-1.02, 112, 22), (-0.98, 82, 25), (-0.7, 54, 27), (-0.25, 38, 28), (0.25, 38, 28), (0.7, 54, 27), (0.98, 82, 25), (1.02, 112, 22)]
    fill = f'<ellipse cx="{MIDDLE}" cy="84" rx="{look.half + 4:.1f}" ry="50" fill="{look.hair.fill}"/>'
    return fill + "".join(f'<circle cx="{MIDDLE + x * half:.1f}" cy="{y}" r="{radius}" fill="{look.hair.fill}"/>' for x, y, radius in spots)


def _fringe(look: Look) -> str:
    spots = [(-0.72, 70, 15), (-0.36, 58, 18), (0.0, 54, 19), (0.36, 58, 18), (0.72, 70, 15)]
    return "".join(f'<circle cx="{MIDDLE + x * look.half:.1f}" cy="{y}" r="{radius}" fill="{look.hair.fill}"/>' for x, y, radius in spots)


def _shawl(look: Look) -> str:
    left, right = MIDDLE - look.half - 16, MIDDLE + look.half + 16
    crown = f"C{left - 8:.1f},150 {left:.1f},22 {MIDDLE},22C{right:.1f},22 {right + 8:.1f},150 {right + 12:.1f},290"
    return f'<path d="M{left - 12:.1f},290{crown}Z" fill="{look.shirt}"/>'


def _scarf(look: Look) -> str:
    """The scarf's border around the face, over the forehead's upper end."""
    half = look.half
    left, right = MIDDLE - half - 6, MIDDLE + half + 6
    rim = f"M{left:.1f},140C{left - 2:.1f},62 {MIDDLE - half * 0.6:.1f},40 {MIDDLE},40C{MIDDLE + half * 0.6:.1f},40 {right + 2:.1f},62 {right:.1f},140"
    rim += f"C{right - 6:.1f},92 {MIDDLE + half * 0.6:.1f},66 {MIDDLE},66C{MIDDLE - half * 0.6:.1f},66 {left + 6:.1f},92 {left:.1f},140Z"
    return f'<path d="{rim}" fill="{look.shirt}"/><path d="{rim}" fill="#fff" opacity=".25"/>'


# style -> what it draws behind the face, and over it
STYLES: dict[str, tuple[Callable[[Look], str], Callable[[Look], str]]] = {
    "short": (_nothing, _cap),
    "long": (_long, _cap),
    "bun": (_bun, _cap),
    "curly": (_curls, _fringe),
    "bald": (_nothing, _nothing),
    "scarf": (_shawl, _scarf),
}
