import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.captcha import audit as audit_module
from app.captcha.audit import Audit
from app.captcha.refusals import AuditError, StoreError


def made(folder: Path, count: int = 5) -> tuple[Audit, Path]:
    path = folder / "audit.jsonl"
    audit = Audit(path)
    for number in range(count):
        audit.record(1000.0 + number, "passed", method="face", site=f"fs-{number}")
    return audit, path


def test_a_log_as_it_was_written_is_whole(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    lines = path.read_text().splitlines()
    chain = audit.verify()
    assert chain.count == len(lines) == 5
    assert chain.end == json.loads(lines[-1])["hash"]


def test_a_line_is_there_while_what_it_tells_of_is_done(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    with audit.recording(1005.0, "site-added"):
        assert len(path.read_text().splitlines()) == 6
    assert audit.verify().count == 6


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("error", [StoreError, KeyboardInterrupt, OSError])
def test_what_raises_leaves_no_line(tmp_path: Path, count: int, error: type[BaseException]) -> None:
    audit, path = made(tmp_path, count)
    with pytest.raises((error, AuditError)), audit.recording(1005.0, "site-added"):
        raise error("down")
    assert len(path.read_text().splitlines()) == count
    assert Audit(path).verify().count == count
    audit.record(1006.0, "passed")
    assert audit.verify().count == count + 1


@pytest.mark.parametrize("gone", ["audit.jsonl", "audit.chain.json"])
def test_a_missing_file_is_named_with_the_other_and_the_way_out(tmp_path: Path, gone: str) -> None:
    audit, path = made(tmp_path)
    (tmp_path / gone).unlink()
    for call in (audit.verify, audit.check, lambda: audit.record(1.0, "passed"), lambda: audit.purge(9999.0)):
        with pytest.raises(AuditError) as caught:
            call()
        missing, _, rest = str(caught.value).partition(" beside ")
        assert missing.endswith(f"missing: expected {tmp_path / gone}")
        assert str(tmp_path) in rest
        assert "Move both aside" in rest
    assert audit_module.Audit(path)._chain_path.name in str(caught.value)


@pytest.mark.parametrize(
    "edit", [lambda text: text.replace("face", "pow ", 1), lambda text: text[:1], lambda _: "", lambda text: "\n".join(text.splitlines()[:3]) + "\n"]
)
def test_a_change_is_told_with_both_paths_and_the_next_step(tmp_path: Path, edit: Callable[[str], str]) -> None:
    audit, path = made(tmp_path)
    path.write_text(edit(path.read_text()))
    with pytest.raises(AuditError) as caught:
        audit.verify()
    assert all(mark in str(caught.value) for mark in (str(path), "audit.chain.json", "Move both aside"))
    assert "expected line 5. Received: line 5" not in str(caught.value)


def test_a_check_reads_no_lines_and_makes_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Audit(tmp_path / "audit.jsonl").check()
    assert not {"audit.jsonl", "audit.chain.json"} & files(tmp_path)
    audit, _ = made(tmp_path)
    monkeypatch.delattr(audit_module, "_check")
    audit.check()


def test_a_check_does_not_wait_for_those_who_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit, path = made(tmp_path)
    monkeypatch.setattr(audit_module, "_PATIENCE", 0.0)
    with audit.recording(1005.0, "site-added"):
        Audit(path).check()


def test_a_check_notices_that_a_first_line_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match="cannot be read or written"):
        Audit(tmp_path / "file" / "audit.jsonl").check()


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.chain.json"])
def test_a_check_notices_what_keeps_lines_from_being_written(tmp_path: Path, name: str) -> None:
    audit, _ = made(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(AuditError, match="cannot be read or written"):
        audit.check()


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    assert Audit(tmp_path / "audit.jsonl").verify().count == 0


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("edit", ["change", "remove", "twice", "swap", "blank", "rehash"])
def test_every_edit_of_a_line_is_noticed(tmp_path: Path, number: int, edit: str) -> None:
    audit, path = made(tmp_path)
    lines = path.read_text().splitlines()
    other = (number + 1) % 5
    if edit == "change":
        lines[number] = lines[number].replace("face", "pow ")
    elif edit == "remove":
        del lines[number]
    elif edit == "twice":
        lines.insert(number, lines[number])
    elif edit == "swap":
        lines[number], lines[other] = lines[other], lines[number]
    elif edit == "blank":
        lines[number] += " "
    else:
        lines[number] = _resealed(lines[number])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(AuditError):
        audit.verify()


def _resealed(line: str) -> str:
    """A changed line whose own hash is right again."""
    fields = json.loads(line)
    del fields["hash"]
    return audit_module._seal({**fields, "site": "another"})


class KilledError(BaseException):
    """Nothing of the process runs any more."""


def cut_off(audit: Audit, monkeypatch: pytest.MonkeyPatch, step: str, when: str) -> None:
    """Let the process be killed before, after, or in the middle of a step of the next change."""
    whole: Any = getattr(audit, step)

    def run(content: Any) -> None:
        if when != "before":
            whole(content if when == "after" else content[: len(content) // 2])
        if when == "middle":
            os.truncate(audit._path, audit._path.stat().st_size - 1)  # no end of line either
        raise KilledError

    monkeypatch.setattr(audit, step, run)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("first", [lambda audit: audit.verify().count, lambda audit: audit.purge(9999.0)], ids=["verify", "purge"])
def test_looking_at_a_log_that_is_not_there_makes_none_and_keeps_nobody_from_beginning_one(tmp_path: Path, first: Callable[[Audit], int]) -> None:
    audit = Audit(tmp_path / "audit.jsonl")
    assert first(audit) == 0
    assert files(tmp_path) == set()
    audit.record(1000.0, "passed")
    for name in ("audit.jsonl", "audit.chain.json"):
        (tmp_path / name).rename(tmp_path / f"aside-{name}")  # as docs/captcha.md says
    assert first(audit) == 0
    audit.record(1001.0, "passed")
    assert audit.verify().count == 1


@pytest.mark.parametrize("step", ["write", "rename", "touch"])
def test_a_process_that_is_killed_with_its_first_line_leaves_an_empty_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Within the second file's first write, before that file is there, and before the log is."""

    def kill(*_: object, **__: object) -> None:
        raise KilledError

    target, name = {"write": (os, "write"), "rename": (os, "replace"), "touch": (Path, "touch")}[step]
    with monkeypatch.context() as killed:
        killed.setattr(target, name, kill)
        with pytest.raises(KilledError):
            Audit(tmp_path / "audit.jsonl").record(1000.0, "passed")
    assert "audit.jsonl" not in files(tmp_path)
    audit = Audit(tmp_path / "audit.jsonl")
    assert audit.verify().count == 0
    assert audit.purge(9999.0) == 0
    audit.record(1001.0, "passed")
    assert audit.verify().count == 1


def test_an_empty_log_without_its_second_file_can_be_written_on(tmp_path: Path) -> None:
    """As it was left by versions that made the log first."""
    (tmp_path / "audit.jsonl").touch(mode=0o600)
    audit = Audit(tmp_path / "audit.jsonl")
    assert audit.verify().count == 0
    audit.record(1000.0, "passed")
    assert audit.verify().count == 1


def test_a_log_that_is_gone_is_noticed_and_not_begun_anew(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    path.unlink()
    for call in (audit.verify, lambda: audit.record(1.0, "passed"), lambda: audit.purge(9999.0)):
        with pytest.raises(AuditError, match="missing"):
            call()
    assert not path.exists()


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize(("when", "written"), [("before", 0), ("middle", 0), ("after", 1)])
def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, when: str, written: int
) -> None:
    audit, path = made(tmp_path, count)
    cut_off(audit, monkeypatch, "_append", when)
    with pytest.raises(KilledError):
        audit.record(1005.0, "passed")
    for first in ("verify", "record"):
        again = Audit(shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-{first}")) / path.name)
        lines = count + written
        if first == "verify":
            assert again.verify().count == lines
        again.record(1006.0, "failed")
        assert again.verify().count == lines + 1


@pytest.mark.parametrize(("before", "kept"), [(1002.0, 3), (9999.0, 0)])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_is_killed_while_it_forgets_leaves_a_whole_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, before: float, kept: int
) -> None:
    audit, path = made(tmp_path)
    cut_off(audit, monkeypatch, "_rewrite", when)
    with pytest.raises(KilledError):
        audit.purge(before)
    again = Audit(path)
    assert again.verify().count == 5
    assert len(path.read_text().splitlines()) == (kept if when == "after" else 5)
    again.record(1006.0, "failed")
    assert again.verify().count == 6


@pytest.mark.parametrize("when", ["never", "before", "after"])
@pytest.mark.parametrize("rest", ["sealed", "words"])
def test_a_line_that_was_not_announced_is_noticed_though_it_follows_rightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, rest: str) -> None:
    audit, path = made(tmp_path)
    if when != "never":
        cut_off(audit, monkeypatch, "_append", when)
        with pytest.raises(KilledError):
            audit.record(1005.0, "passed")
    last = json.loads(path.read_text().splitlines()[-1])
    line = _resealed(json.dumps({**last, "n": last["n"] + 1, "before": last["hash"]})) + "\n" if rest == "sealed" else "words\n"
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(AuditError):
        Audit(path).verify()


def test_words_without_an_end_of_line_are_noticed(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    with path.open("a") as file:
        file.write("words")
    with pytest.raises(AuditError):
        audit.verify()


def test_a_log_of_the_time_before_announcements_is_still_read(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    chain = path.with_suffix(".chain.json")
    fields = json.loads(chain.read_text())
    del fields["announced"]
    chain.write_text(json.dumps(fields).ljust(256))
    audit.record(1006.0, "failed")
    assert audit.verify().count == 6


@pytest.mark.parametrize("text", ["", "[]\n", "null\n", "no JSON\n", '{"n": 1}\n', "\udc80\n"])
def test_a_file_that_is_no_log_is_noticed(tmp_path: Path, text: str) -> None:
    audit, path = made(tmp_path)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(AuditError):
        audit.verify()


def test_without_its_second_file_it_is_neither_whole_nor_written_on(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    path.with_suffix(".chain.json").unlink()
    for call in (audit.verify, lambda: audit.record(1.0, "passed")):
        with pytest.raises(AuditError, match="second file"):
            call()


def test_many_writers_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: Audit(path).record(float(number), "passed"), range(40)))
    assert Audit(path).verify().count == 40


def test_old_lines_are_forgotten_and_the_rest_is_still_whole(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    assert audit.purge(1002.0) == 2
    assert len(path.read_text().splitlines()) == 3
    audit.record(1010.0, "passed")
    assert audit.verify().count == 6
    assert audit.purge(9999.0) == 4
    audit.record(1011.0, "passed")
    assert audit.verify().count == 7


def test_a_clock_that_was_set_back_breaks_no_chain(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    audit.record(900.0, "passed")
    assert audit.purge(1002.0) == 2
    assert [json.loads(line)["at"] for line in path.read_text().splitlines()] == [1002, 1003, 1004, 900]
    assert audit.verify().count == 6


def test_a_changed_log_is_not_forgotten(tmp_path: Path) -> None:
    audit, path = made(tmp_path)
    path.write_text(path.read_text().replace("face", "pow "))
    with pytest.raises(AuditError):
        audit.purge(9999.0)
    assert path.read_text()


@pytest.mark.parametrize(("before", "kept"), [(0.0, 6), (1002.0, 4), (9999.0, 1)])
def test_who_checks_or_forgets_keeps_nobody_from_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: float, kept: int) -> None:
    audit, path = made(tmp_path)
    whole: Any = audit_module._check
    waiting = ["a line that comes while others are checked"]

    def check(*given: Any) -> Any:
        if waiting:
            waiting.pop()
            Audit(path).record(1000.5, "passed", site="meanwhile")
        return whole(*given)

    monkeypatch.setattr(audit_module, "_PATIENCE", 0.0)
    monkeypatch.setattr(audit_module, "_check", check)
    if before:
        assert audit.purge(before) == 6 - kept
    else:
        assert audit.verify().count == 5
    lines = path.read_text().splitlines()
    assert len(lines) == kept
    assert json.loads(lines[-1])["site"] == "meanwhile"
    audit.record(1010.0, "passed")
    assert audit.verify().count == 7
    assert files(tmp_path) <= {"audit.jsonl", "audit.chain.json", "audit.jsonl.lock", "audit.jsonl.purge.lock"}


def test_a_line_that_is_edited_while_the_log_is_shortened_stays_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit, path = made(tmp_path)
    whole: Any = audit_module._copy

    def copy(*given: Any) -> None:
        whole(*given)
        Audit(path).record(1010.0, "passed", method="face")
        path.write_text(path.read_text().replace('1010.0, "event": "passed"', '1010.0, "event": "failed"'))

    monkeypatch.setattr(audit_module, "_copy", copy)
    with pytest.raises(AuditError, match="was changed"):
        audit.purge(1002.0)
    assert len(path.read_text().splitlines()) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no such modes")
def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    audit, _ = made(tmp_path)
    audit.purge(1002.0)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_log_that_cannot_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError, match="cannot be read or written"):
        Audit(tmp_path / "file" / "audit.jsonl").record(1.0, "passed")
