"""Drawn faces: each movement can be seen, and goes where that muscle goes."""

import re
from random import Random
from xml.etree import ElementTree

import pytest

from app.drawn import _Face, draw
from app.looks import random_look
from app.practice import SHOWN

LOOK = random_look(Random(1))
UNITS = sorted({unit for ways in SHOWN.values() for way in ways for unit in way})


def face(**units: float) -> _Face:
    """A face by action units, such as `_12=1.0`."""
    given = {int(name[1:]): strength for name, strength in units.items()}
    return _Face({unit: given.get(unit, 0.0) for unit in range(1, 27)}, LOOK)


def inner_and_outer(brow: str) -> tuple[float, float]:
    """Heights of a brow's ends, downwards."""
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d", brow.partition('d="')[2].partition('"')[0])]
    return numbers[1], numbers[5]


@pytest.mark.parametrize("expression", SHOWN)
def test_every_face_is_svg_without_text_scripts_or_links_and_has_its_own_names(expression: str) -> None:
    for way in SHOWN[expression]:
        root = ElementTree.fromstring(draw(way, LOOK, "one"))
        kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert kinds <= {"svg", "g", "path", "rect", "circle", "ellipse", "clipPath"}
        assert {element.get("id") for element in root.iter() if element.get("id")} == {"one-left", "one-right"}
        assert "".join(root.itertext()).strip() == ""
        assert root.get("aria-hidden") == "true"  # the words stand beside it


@pytest.mark.parametrize("unit", UNITS)
def test_every_movement_changes_the_drawing(unit: int) -> None:
    rest = {25: 0.5} if unit == 10 else {}
    assert draw({**rest, unit: 1.0}, LOOK, "one") != draw(rest, LOOK, "one")


def test_brows_rise_sink_and_slant_as_their_muscles_pull() -> None:
    rest, up, down, sad = (inner_and_outer(one.brow(1)) for one in (face(), face(_1=1.0, _2=1.0), face(_4=1.0), face(_1=1.0, _4=1.0)))
    assert up[0] < rest[0]
    assert up[1] < rest[1]
    assert down[0] - down[1] > rest[0] - rest[1]  # the inner end is the lower one
    assert sad[0] < rest[0] < sad[1] + 10
    assert sad[1] > rest[1]


def test_both_sides_are_mirrored() -> None:
    assert inner_and_outer(face(_4=1.0).brow(-1)) == inner_and_outer(face(_4=1.0).brow(1))


def test_lids_open_with_surprise_and_close_with_a_smile() -> None:
    rest, wide, smile, tight = (one.lids() for one in (face(), face(_5=1.0), face(_6=1.0), face(_7=1.0)))
    assert all(more > usual for more, usual in zip(wide, rest, strict=True))
    for narrow in (smile, tight):
        assert all(less < usual for less, usual in zip(narrow, rest, strict=True))


def test_eyes_never_close_whatever_is_asked() -> None:
    for ways in SHOWN.values():
        for way in ways:
            assert min(_Face({unit: way.get(unit, 0.0) for unit in range(1, 27)}, LOOK).lids()) > 0


def test_the_mouth_smiles_frowns_opens_and_narrows() -> None:
    (half, corners, upper, lower), smile, frown, jaw, pressed, stretched = (
        one._opening() for one in (face(), face(_12=1.0), face(_15=1.0), face(_26=1.0), face(_24=1.0), face(_20=1.0))
    )
    assert smile[1] < smile[2]
    assert frown[1] > frown[2]
    assert upper == lower
    assert jaw[3] - jaw[2] > 25
    assert pressed[0] < half < stretched[0]
    assert corners < frown[1]


def test_teeth_show_only_between_parted_lips() -> None:
    assert "#fff" in face(_12=1.0, _25=1.0).mouth()
    assert "#fff" not in face(_12=1.0).mouth()


def test_wrinkles_come_with_their_movements_alone() -> None:
    assert face().lines() == ""
    assert face(_9=1.0).lines().count("<path") == 2  # the bridge and the folds beside the mouth
