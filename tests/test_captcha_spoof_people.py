"""The people whom the spoof bench attacks with: limits are fixed on others than the one attacked, so nobody may have a part of another."""

from pathlib import Path

import pytest

from app.captcha.spoof_bench import asked_of, open_rules
from app.captcha.spoof_people import CLIPS, Sources, read_people
from fersys.errors import ConfigError
from tests.made_people import filmed_people


def test_what_people_are_lent_comes_from_nobody_else_s_donors_and_from_nobody_filmed(media: Path, fer2013_source: str) -> None:
    people, asked = filmed_people(media, fer2013_source), open_rules().table.asked
    assert asked_of(people, asked) == tuple(asked)
    donors = [set(person.lent.values()) for person in people]
    assert all(donors)
    assert donors[0].isdisjoint(donors[1])
    assert not any(Path(donor).suffix in CLIPS for donor in donors[0] | donors[1])


def test_without_two_filmed_people_it_says_what_it_needs(tmp_path: Path) -> None:
    rules = open_rules()
    with pytest.raises(ConfigError, match="two or more people"):
        read_people(Sources(tmp_path), rules.recognizers, rules.table)
