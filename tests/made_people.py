"""The filmed people of the trial media, read once for all tests that need them: reading their clips takes a while."""

import functools
from pathlib import Path

from app.captcha.spoof_bench import open_rules
from app.captcha.spoof_people import Person, Sources, read_people


@functools.cache
def filmed_people(media: Path, fer2013_source: str) -> list[Person]:
    """Two people, each at rest and with all that the challenge asks."""
    rules = open_rules()
    return read_people(Sources(media, Path(fer2013_source, "validation.parquet")), rules.recognizers, rules.table)
