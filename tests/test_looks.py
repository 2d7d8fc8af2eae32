"""Who drawn faces are: that everybody can turn up, and that brows are seen on every skin."""

from random import Random
from xml.etree import ElementTree

import pytest

from app.looks import SKINS, STYLES, Hair, Look, before, behind, head, random_look

LOOK = Look(SKINS[0], Hair("#111111", "#222222"), "short", "#333333", "#444444", "#555555")


def luminance(color: str) -> float:
    """Of a color as "#rrggbb", 0–1, as WCAG defines it."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_valid_svg_behind_and_before_the_face(style: str) -> None:
    look = Look(LOOK.skin, LOOK.hair, style, LOOK.eyes, LOOK.shirt, LOOK.ground, 1.06, glasses=True)
    for piece in (behind(look), head(look, 5.0), before(look)):
        ElementTree.fromstring(f"<svg>{piece}</svg>")


def test_all_skins_and_styles_turn_up() -> None:
    looks = [random_look(Random(seed)) for seed in range(300)]
    assert {look.skin for look in looks} == set(SKINS)
    assert {look.style for look in looks} == set(STYLES)
    assert {look.glasses for look in looks} == {True, False}


def test_brows_and_lines_stand_out_from_the_skin() -> None:
    for look in (random_look(Random(seed)) for seed in range(300)):
        assert contrast(look.hair.brows, look.skin.fill) > 1.5
        assert contrast(look.skin.line, look.skin.fill) > 2


def test_a_dropped_jaw_makes_the_face_longer() -> None:
    assert head(LOOK, 0.0) != head(LOOK, 12.0)
    assert "258.0" in head(LOOK, 12.0)


def test_glasses_are_worn_by_those_who_have_them() -> None:
    worn = Look(LOOK.skin, LOOK.hair, "short", LOOK.eyes, LOOK.shirt, LOOK.ground, glasses=True)
    assert len(before(worn)) > len(before(LOOK))
