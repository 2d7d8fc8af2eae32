"""The routes against their own OpenAPI: schemathesis makes up requests, right and wrong ones; no answer is a fault, none is undescribed."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from starlette.applications import Starlette

from app.captcha.openapi import read_description
from app.captcha.routes import build_routes
from tests.made_captcha import make_desk

EXAMPLES = 25  # of each operation and kind
CHECKS: list[Any] = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = list(GenerationMode)
OPERATIONS = sorted((path, method) for path, item in read_description()["paths"].items() for method in item)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_is_described(tmp_path: Path, path: str, method: str, mode: GenerationMode) -> None:
    rates: dict[str, Any] = dict.fromkeys(("begin_rate", "frame_rate", "verify_rate", "site_rate"), "100000 per 1 minute")
    desk = make_desk(tmp_path, **rates)
    schema = schemathesis.openapi.from_asgi("/captcha/openapi.json", Starlette(routes=build_routes(desk.service)))
    operation = schema[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or list(operation.iter_parameters())):
        pytest.skip("nothing to get wrong here")
    tried = itertools.count()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(mode))
    def check(case: Any) -> None:
        next(tried)
        case.call_and_validate(checks=CHECKS)

    check()
    assert next(tried) > 0
