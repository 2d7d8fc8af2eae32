"""Which rule counts for which route."""

import pytest
from limits import parse

from app.rules import LOGIN, OTHER, PICTURE, UPLOAD, WORK, Budgets, Rule, find_rule


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/gradio_api/upload", UPLOAD),
        ("/gradio_api/queue/join", WORK),
        ("/gradio_api/call/classify", WORK),
        ("/gradio_api/run/predict", WORK),
        ("/gradio_api/mcp/", PICTURE),
        ("/login", LOGIN),
        ("/captcha/v1/challenges", OTHER),
        ("/", OTHER),
        ("no path", OTHER),
    ],
)
def test_the_first_prefix_counts(path: str, rule: Rule) -> None:
    assert find_rule(path) is rule


def test_every_budget_of_a_rule_is_one_that_can_be_read() -> None:
    for rule in (LOGIN, OTHER, PICTURE, UPLOAD, WORK):
        for budget in rule.budgets:
            assert parse(getattr(Budgets(), budget)).amount > 0
