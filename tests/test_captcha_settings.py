import base64
from pathlib import Path
from typing import Any

import pytest

from app.addresses import parse_networks
from app.captcha.keys import FixedKeys, KeyFile
from app.captcha.redis_store import RedisStore
from app.captcha.service import make_service
from app.captcha.settings import Settings, read_settings
from app.captcha.sql_store import SqlStore
from fersys.errors import ConfigError

LONG = base64.urlsafe_b64encode(b"x" * 32).decode()


def test_files_lie_in_the_user_s_state_folder(tmp_path: Path) -> None:
    settings = read_settings({"XDG_STATE_HOME": str(tmp_path)})
    assert settings.database == tmp_path / "fersys" / "captcha.db"
    assert {settings.key_file.parent, settings.audit_file.parent} == {settings.database.parent}
    assert read_settings({}).database == Path.home() / ".local" / "state" / "fersys" / "captcha.db"


def test_the_environment_is_read(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "FERSYS_CAPTCHA_DB": str(tmp_path / "c.db"),
            "FERSYS_CAPTCHA_REDIS": "redis://localhost",
            "FERSYS_CAPTCHA_WORK_COST": "77",
            "FERSYS_CAPTCHA_SITE_RATE": "5/second",
            "FERSYS_TRUSTED_PROXIES": "10.0.0.0/8",
            "FERSYS_METRICS_FROM": "",
        }
    )
    assert (settings.database, settings.redis, settings.work_cost) == (tmp_path / "c.db", "redis://localhost", 77)
    assert settings.site_rate == "5/second"
    assert (settings.trusted_proxies, settings.metrics_from) == (parse_networks("10.0.0.0/8"), ())


@pytest.mark.parametrize("environment", [{"FERSYS_CAPTCHA_WORK_COST": "many"}, {"FERSYS_CAPTCHA_WORK_COST": "0"}, {"FERSYS_TRUSTED_PROXIES": "all"}])
def test_what_makes_no_sense_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="Received"):
        read_settings(environment)


@pytest.mark.parametrize("text", ["many", "-1 per minute", "0 per minute", "1 per fortnight", "5/second; 9/minute", " "])
def test_a_site_s_rate_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="FERSYS_CAPTCHA_SITE_RATE: expected one rate, such as '1200 per 1 minute'"):
        read_settings({"FERSYS_CAPTCHA_SITE_RATE": text})


@pytest.mark.parametrize("wrong", [{"solve_life": 0}, {"token_life": 1e9}, {"work_life": float("nan")}, {"steps": 1}, {"failures": 0}, {"work_tries": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Settings(database=Path("unused"), **wrong)


def test_the_service_is_wired_from_the_environment(tmp_path: Path) -> None:
    service = make_service({"FERSYS_CAPTCHA_DB": str(tmp_path / "c.db")})
    assert isinstance(service.store, SqlStore)
    assert isinstance(service.keys, KeyFile)
    service.close()


def test_redis_and_keys_of_the_environment_take_the_place_of_files(tmp_path: Path) -> None:
    service = make_service({"FERSYS_CAPTCHA_DB": str(tmp_path / "c.db"), "FERSYS_CAPTCHA_REDIS": "redis://127.0.0.1:1", "FERSYS_CAPTCHA_KEYS": f"a:{LONG}"})
    assert isinstance(service.store, RedisStore)
    assert isinstance(service.keys, FixedKeys)
    assert list(tmp_path.iterdir()) == []
    service.close()


def test_settings_do_not_show_secrets() -> None:
    settings = Settings(database=Path("unused"), redis="redis://user:password@host", keys=f"a:{LONG}")
    assert "password" not in repr(settings)
    assert LONG not in repr(settings)
