"""`/healthz` says whether questions are taken, and nothing that is nobody's business."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.health import PATH, health_route
from app.models import load_arms
from fersys import __version__
from tests.tiny_package import make_package


def test_health_names_the_models_and_no_folder(tmp_path: Path) -> None:
    arms = load_arms([make_package(tmp_path, "ours")], [make_package(tmp_path, "theirs", seed=1)])
    stopping: list[bool] = []
    visitor = TestClient(Starlette(routes=[health_route(arms, lambda: bool(stopping))]))
    reply = visitor.get(PATH)
    assert (reply.status_code, reply.json()) == (200, {"ready": True, "version": __version__, "models": {"cnn": ["ours"], "deepface": ["theirs"]}})
    assert str(tmp_path) not in reply.text
    stopping.append(True)
    assert (visitor.get(PATH).status_code, visitor.get(PATH).json()["ready"]) == (503, False)


@pytest.mark.parametrize(("sound", "expected"), [(True, (200, True, "ok")), (False, (503, False, "internal-error"))])
def test_where_there_is_a_captcha_service_health_is_its_too(tmp_path: Path, sound: bool, expected: tuple[int, bool, str]) -> None:
    arms = load_arms([make_package(tmp_path, "ours")], [])
    reply = TestClient(Starlette(routes=[health_route(arms, lambda: False, lambda: sound)])).get(PATH)
    assert (reply.status_code, reply.json()["ready"], reply.json()["captcha"]) == expected
