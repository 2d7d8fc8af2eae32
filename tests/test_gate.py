"""The CAPTCHA service inside the app."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from app.__main__ import _captcha
from app.captcha import anti_spoof, face_judge, verdicts
from app.gate import Closed, is_sound, open_service, routes
from tests.made_captcha import HOST, Desk, make_desk
from tests.served import fetch, free_port, tiny_arms
from tests.test_app_main import ROOT, running
from tests.tiny_package import make_package


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "models", "tiny")


def test_the_app_s_own_health_is_left_to_it_and_no_path_is_there_twice(desk: Desk) -> None:
    found = [(route.path, *sorted(route.methods or ())) for route in routes(desk.service) if isinstance(route, Route)]
    assert len(found) == len(set(found))
    assert {"/siteverify", "/metrics", "/captcha/widget.js", "/captcha/frame"} <= {path for path, *_ in found}
    assert "/healthz" not in {path for path, *_ in found}


def test_health_is_that_of_the_service_and_its_fault_is_logged(desk: Desk, tmp_path: Path) -> None:
    desk.solve()
    assert is_sound(desk.service)
    (tmp_path / "captcha-audit.jsonl").unlink()
    assert not is_sound(desk.service)
    assert "The audit log is missing" in desk.log.getvalue()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_the_place_of_a_service_that_cannot_be_opened_all_is_refused_as_a_fault_of_ours(method: str) -> None:
    client = TestClient(Starlette(routes=routes(Closed())))
    assert not is_sound(Closed())
    for path in ("/captcha/v1/challenges", "/captcha/v1/work/x", "/captcha/widget.js", "/captcha/frame"):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (503, "internal-error", "5")
    answer = client.request(method, "/siteverify")
    assert (answer.status_code, answer.json()) == (503, verdicts.unverified("internal-error"))


def test_a_database_that_is_damaged_at_the_start_makes_the_app_unhealthy(package: Path, tmp_path: Path) -> None:
    database = tmp_path / "state" / "fersys" / "captcha.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database" * 500)
    port = free_port()
    with running(tmp_path, "--cnn", str(package), "--port", str(port), XDG_STATE_HOME=str(tmp_path / "state")) as (_, line):
        assert line.startswith("FER-Sys is ready on ")
        answers = {}
        for path, body in (("/healthz", None), ("/siteverify", b"{}"), ("/captcha/widget.js", None)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetch(f"http://127.0.0.1:{port}{path}", body)
            answers[path] = refused.value.code, json.loads(refused.value.read())
    assert {status for status, _ in answers.values()} == {503}
    assert answers["/healthz"][1]["captcha"] == answers["/captcha/widget.js"][1]["error"] == "internal-error"
    assert answers["/siteverify"][1] == verdicts.unverified("internal-error")


def status(environment: dict[str, str], share: bool) -> int:
    """The status of a question for the metrics, from where the tunnel ends as well."""
    service = open_service(environment, share)
    try:
        return TestClient(Starlette(routes=routes(service)), client=("127.0.0.1", 1)).get("/metrics").status_code
    finally:
        service.close()


@pytest.mark.parametrize(("share", "expected"), [(False, 200), (True, 403)])
def test_who_comes_through_the_public_link_does_not_read_the_metrics(tmp_path: Path, share: bool, expected: int) -> None:
    assert status({"FERSYS_CAPTCHA_DB": str(tmp_path / "captcha.db")}, share) == expected


def test_visitors_through_the_public_link_are_told_apart(tmp_path: Path) -> None:
    service = open_service({"FERSYS_CAPTCHA_DB": str(tmp_path / "captcha.db"), "FERSYS_TRUSTED_PROXIES": "10.0.0.0/8"}, share=True)
    assert [str(network) for network in service.settings.trusted_proxies] == ["10.0.0.0/8", "127.0.0.1/32", "::1/128"]
    service.close()


def test_the_app_serves_widget_frame_and_health_and_keeps_sites_from_run_to_run(package: Path, tmp_path: Path) -> None:
    port, temporary = free_port(), tmp_path / "temporary"
    temporary.mkdir()
    variables = {"FERSYS_CAPTCHA_DB": str(tmp_path / "state" / "captcha.db")}
    with running(temporary, "--cnn", str(package), "--port", str(port), **variables) as (process, line):
        assert line.startswith("FER-Sys is ready on "), process.communicate()
        url = f"http://127.0.0.1:{port}"
        assert "fersysCaptcha" in fetch(f"{url}/captcha/widget.js")
        assert "assets/frame.js" in fetch(f"{url}/captcha/frame?sitekey=fs-dummy-pass")
        health = json.loads(fetch(f"{url}/healthz"))
        assert (health["ready"], health["captcha"]) == (True, "ok")
        key, secret = add_site(variables)
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"{url}/captcha/v1/work", json.dumps({"sitekey": key, "hostname": "elsewhere.example"}).encode())
        assert json.loads(refused.value.read())["error"] == "invalid-hostname"
        assert json.loads(fetch(f"{url}/captcha/v1/work", json.dumps({"sitekey": key, "hostname": HOST}).encode()))["challenge"]
        verdict = json.loads(fetch(f"{url}/siteverify", json.dumps({"secret": secret, "response": "no token"}).encode()))
        assert verdict["error-codes"] == ["invalid-input-response"]
        process.send_signal(signal.SIGINT if os.name == "nt" else signal.SIGTERM)
        assert process.communicate(timeout=30)[0] == ""


def add_site(variables: dict[str, str]) -> tuple[str, str]:
    """Add a site with the app's command; its key and secret."""
    done = run("sites", "add", "a site", "--host", HOST, variables=variables)
    words = dict(line.split(maxsplit=1) for line in done.stdout.replace("site key", "key").splitlines()[:2])
    return words["key"], words["secret"]


def run(*words: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False)


def test_sites_keys_and_records_are_managed_by_the_app_s_command(tmp_path: Path) -> None:
    variables = {"FERSYS_CAPTCHA_DB": str(tmp_path / "captcha.db")}
    key, _ = add_site(variables)
    assert key in run("sites", "list", variables=variables).stdout
    assert run("audit", "verify", variables=variables).stdout.startswith("The audit log is whole: 1 lines")


def test_where_nothing_can_be_written_the_page_comes_without_the_service(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with running(tmp_path, "--cnn", str(package), "--port", str(free_port()), XDG_STATE_HOME=str(tmp_path / "file")) as (process, line):
        assert line.startswith("FER-Sys is ready on ")
        assert "captcha" not in json.loads(fetch(f"{line.split()[4]}/healthz"))
        process.send_signal(signal.SIGINT if os.name == "nt" else signal.SIGTERM)
        assert "no CAPTCHA service: " in process.communicate(timeout=30)[1]


def test_a_folder_for_anti_spoofing_without_its_networks_is_named_at_the_start(package: Path, tmp_path: Path) -> None:
    place = {"FERSYS_CAPTCHA_DB": str(tmp_path / "captcha.db"), "FERSYS_CAPTCHA_ANTI_SPOOF": str(tmp_path)}
    with running(tmp_path, "--cnn", str(package), "--port", str(free_port()), **place) as (process, line):
        assert line == ""
        said = process.communicate(timeout=30)[1].splitlines()[-1]
    assert said.startswith("error: FERSYS_CAPTCHA_ANTI_SPOOF: ")


def test_the_judge_gets_the_advisor_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setenv("FERSYS_CAPTCHA_DB", str(tmp_path / "captcha.db"))
    monkeypatch.setattr(anti_spoof, "read_advisor", lambda environment: "the advisor" if environment is os.environ else None)
    monkeypatch.setattr(face_judge, "build_judge", lambda arms, advisor: given.append(advisor))
    with _captcha(tiny_arms(tmp_path), share=False):
        assert given == ["the advisor"]


def test_where_the_owner_said_where_to_write_it_does_not_start_without(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = str(tmp_path / "file" / "captcha.db")
    with running(tmp_path, "--cnn", str(package), "--port", str(free_port()), FERSYS_CAPTCHA_DB=place) as (process, line):
        assert line == ""
        assert process.communicate(timeout=30)[1].splitlines()[-1].startswith("error: ")
