"""Settings of a head that make no sense are refused."""

from typing import Any

import pytest

from fersys.errors import ConfigError
from train.head_config import HeadConfig

WRONG = [("hidden", 0), ("dropout", 1.0), ("epochs", 0), ("batch_size", 1), ("learning_rate", 0.0), ("weight_decay", -1.0), ("patience", -1), ("limit", -5)]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_setting_out_of_range_is_named_with_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: expected .* to .*\. Received: {value}"):
        HeadConfig(**{name: value})


def test_recogniser_is_that_of_deepface_if_none_is_named() -> None:
    assert HeadConfig().recogniser == "VGG-Face"
