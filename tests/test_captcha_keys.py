import base64
import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.captcha import keys as keys_module
from app.captcha.clock import SetClock
from app.captcha.keys import OVERLAP, FixedKeys, Key, KeyFile, make_key, parse_keys
from app.captcha.refusals import StoreError
from fersys.errors import ConfigError

LONG = base64.urlsafe_b64encode(b"x" * 32).decode()


def test_a_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    assert KeyFile(path, SetClock()).signing() == KeyFile(path, SetClock()).signing()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such modes")
def test_the_file_is_for_its_owner_alone_after_a_rotation_too(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    keys = KeyFile(path, SetClock())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys.rotate()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_new_key_signs_and_the_old_one_verifies_until_the_overlap_is_over(tmp_path: Path) -> None:
    clock = SetClock()
    keys = KeyFile(tmp_path / "keys.json", clock)
    old = keys.signing()
    new = keys.rotate()
    assert keys.signing() == new != old
    clock.advance(OVERLAP - 1)
    assert keys.verifying(old.kid) is not None
    clock.advance(2)
    assert keys.verifying(old.kid) is None
    assert keys.verifying(new.kid) == new


def test_a_running_process_sees_another_s_rotation(tmp_path: Path) -> None:
    running = KeyFile(tmp_path / "keys.json", SetClock())
    running.signing()
    new = KeyFile(tmp_path / "keys.json", SetClock()).rotate()
    assert running.signing() == new


def test_a_later_rotation_forgets_what_verifies_no_more(tmp_path: Path) -> None:
    clock = SetClock()
    keys = KeyFile(tmp_path / "keys.json", clock)
    for _ in range(3):
        clock.advance(OVERLAP + 1)
        keys.rotate()
    assert len(json.loads((tmp_path / "keys.json").read_text())) == 2


def test_a_replaced_key_ends_at_once_in_a_running_process_too(tmp_path: Path) -> None:
    running = KeyFile(tmp_path / "keys.json", SetClock())
    older = running.signing()
    leaked = running.rotate()
    new = KeyFile(tmp_path / "keys.json", SetClock()).replace()
    assert [running.verifying(key.kid) for key in (older, leaked, new)] == [None, None, new]
    assert leaked.secret not in (tmp_path / "keys.json").read_text()


def test_many_who_start_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kids = set(pool.map(lambda _: KeyFile(tmp_path / "keys.json", SetClock()).signing().kid, range(16)))
    assert len(kids) == 1


_WRONG = [
    {"secret": ""},
    {"secret": "!!!!" * 20},
    {"secret": "é" + LONG},
    {"secret": LONG[:8]},
    {"secret": None},
    {"kid": ""},
    {"kid": 7},
    {"retired_at": "x"},
    {"further": 1},
]


@pytest.mark.parametrize("wrong", _WRONG)
def test_a_file_with_a_key_that_is_none_raises(tmp_path: Path, wrong: dict[str, object]) -> None:
    good = {"kid": "a", "secret": LONG, "retired_at": None}
    (tmp_path / "keys.json").write_text(json.dumps([good, good | wrong]))
    with pytest.raises(StoreError, match="cannot be read"):
        KeyFile(tmp_path / "keys.json", SetClock()).signing()


def test_keys_that_are_rotated_while_another_reads_them_are_found_by_the_next_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KeyFile(tmp_path / "keys.json", SetClock())
    keys, whole, new = KeyFile(tmp_path / "keys.json", SetClock()), keys_module._read_keys, []

    def read(text: str) -> tuple[Key, ...]:
        with monkeypatch.context() as meanwhile, ThreadPoolExecutor(1) as another:
            meanwhile.setattr(keys_module, "_read_keys", whole)
            new.append(KeyFile(tmp_path / "keys.json", SetClock()).rotate().kid)
            assert another.submit(lambda: keys.signing().kid).result() == new[0]
        return whole(text)

    with monkeypatch.context() as slow:
        slow.setattr(keys_module, "_read_keys", read)
        assert keys.signing().kid != new[0]
    assert keys.signing().kid == new[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '[{"kid": "a"}]', "no JSON"])
def test_a_damaged_file_raises(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(StoreError, match="cannot be read"):
        KeyFile(tmp_path / "keys.json", SetClock()).signing()


def test_keys_of_the_environment_are_read_in_order() -> None:
    keys = FixedKeys(parse_keys(f"new:{LONG}, old:{LONG[:-2]}A="))
    assert keys.signing().kid == "new"
    assert keys.signing().material == b"x" * 32
    assert keys.verifying("old") is not None
    assert keys.verifying("other") is None


@pytest.mark.parametrize("text", ["a", ":" + LONG, "a:c2hvcnQ", f"a:{LONG},a:{LONG}", "a:é" + LONG, f"a:{LONG[:-3]}", ","])
def test_keys_that_cannot_be_used_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_keys(text)
    assert LONG[:8] not in str(caught.value)


def test_a_key_does_not_show_its_secret() -> None:
    key = make_key()
    assert key.secret not in repr(key)


def test_what_is_derived_differs_by_purpose_and_from_the_secret() -> None:
    key = make_key()
    assert len({key.derive("a"), key.derive("b"), key.material}) == 3
    assert key.derive("a") == key.derive("a")
