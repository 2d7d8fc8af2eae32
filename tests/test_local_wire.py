"""The body of a commit, line by line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.local.refusals import RefusalError
from hub.local.wire import Point, Put, Remove, read_proposal

HEADER = {"key": "header", "value": {"summary": "Push", "description": "All of it", "parentCommit": "a" * 40}}


def body(*lines: Any) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"


def test_a_commit_is_read_in_its_order() -> None:
    proposal = read_proposal(
        body(
            HEADER,
            {"key": "deletedFolder", "value": {"path": "figures/"}},
            {"key": "file", "value": {"path": "a", "content": "AAE=", "encoding": "base64"}},
            {"key": "lfsFile", "value": {"path": "b", "algo": "sha256", "oid": "0" * 64, "size": 3}},
            {"key": "deletedFile", "value": {"path": "c"}},
        )
    )
    assert (proposal.title, proposal.message, proposal.parent) == ("Push", "All of it", "a" * 40)
    assert proposal.operations == (Remove("figures", True), Put("a", b"\0\1"), Point("b", "0" * 64, 3), Remove("c", False))


def test_a_parent_need_not_be_named() -> None:
    assert read_proposal(body({"key": "header", "value": {"summary": "Push"}})).parent is None


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"7\n",
        b"\xff\xfe",
        body({"key": "file", "value": {"path": "a", "content": "AAE=", "encoding": "base64"}}),
        body({"key": "header", "value": {}}),
        body({"key": "header", "value": {"summary": "x", "parentCommit": "main"}}),
        body({"key": "header", "value": {"summary": "x", "parentCommit": 7}}),
        body(HEADER, {"key": "file", "value": {"path": "a"}}),
        body(HEADER, {"key": "file", "value": {"path": 7, "content": ""}}),
        body(HEADER, {"key": "file", "value": {"path": "a", "content": "!", "encoding": "base64"}}),
        body(HEADER, {"key": "lfsFile", "value": {"path": "a", "algo": "md5", "oid": "0"}}),
        body(HEADER, {"key": "chmod", "value": {"path": "a"}}),
        body(HEADER, {"key": "deletedFile", "value": {"path": "../a"}}),
        body(HEADER)[:-3],
    ],
)
def test_anything_else_is_refused(broken: bytes) -> None:
    with pytest.raises(RefusalError) as error:
        read_proposal(broken)
    assert error.value.status == 400


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([body(HEADER), b'{"key": "file", "value": {"path": "a"}}\n', b'{"key": []}\n']), max_size=4).map(
        b"\n".join
    )
)
def test_no_body_does_anything_else_than_be_read_or_refused(anything: bytes) -> None:
    try:
        assert read_proposal(anything).title == "Push"
    except RefusalError as error:
        assert error.status == 400  # noqa: PT017
