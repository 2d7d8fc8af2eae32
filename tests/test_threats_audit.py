"""An edited audit log: every edit of a single line is detected, wherever it is."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from app.captcha.audit import Audit, _seal
from app.captcha.refusals import AuditError

LINES = 4


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    audit = Audit(tmp_path / "audit.jsonl")
    for number in range(LINES):
        audit.record(1000.0 + number, "token-redeemed", method="face", site="fs-1", token=f"jti-{number}")
    return (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()


def _is_noticed(folder: Path, edited: list[str]) -> bool:
    (folder / "audit.jsonl").write_text("".join(f"{line}\n" for line in edited), encoding="utf-8")
    try:
        Audit(folder / "audit.jsonl").verify()
    except AuditError:
        return True
    return False


def test_a_change_of_any_letter_is_noticed(tmp_path: Path, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        for place, letter in enumerate(line):
            changed = line[:place] + ("x" if letter != "x" else "y") + line[place + 1 :]
            assert _is_noticed(tmp_path, [*lines[:number], changed, *lines[number + 1 :]]), changed
    assert not _is_noticed(tmp_path, lines)


def test_a_letter_more_or_less_is_noticed(tmp_path: Path, lines: list[str]) -> None:
    for place in range(0, len(lines[1]) + 1, 5):
        for changed in (f"{lines[1][:place]} {lines[1][place:]}", lines[1][:place] + lines[1][place + 1 :]):
            if changed != lines[1]:
                assert _is_noticed(tmp_path, [lines[0], changed, *lines[2:]]), changed


def test_every_line_that_is_missing_doubled_or_moved_is_noticed(tmp_path: Path, lines: list[str]) -> None:
    for number in range(LINES):
        assert _is_noticed(tmp_path, lines[:number] + lines[number + 1 :])
        for place in range(LINES + 1):
            assert _is_noticed(tmp_path, [*lines[:place], lines[number], *lines[place:]])
    assert all(_is_noticed(tmp_path, list(order)) for order in permutations(lines) if list(order) != lines)
    assert _is_noticed(tmp_path, [])


def test_a_line_that_is_sealed_anew_is_noticed(tmp_path: Path, lines: list[str]) -> None:
    """With the right hash of its own, it is not the line that the next one, or the end, follows."""
    for number in range(LINES):
        for name, value in {"at": 1.0, "event": "passed", "site": "fs-2", "token": "jti-9", "n": 99, "before": "0" * 64}.items():
            fields = json.loads(lines[number])
            del fields["hash"]
            if fields[name] != value:
                assert _is_noticed(tmp_path, [*lines[:number], _seal({**fields, name: value}), *lines[number + 1 :]]), (number, name)
