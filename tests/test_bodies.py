"""What is read of a request, and when reading ends."""

import asyncio
import tracemalloc

import pytest
from starlette.types import Message

from app.bodies import Meter, check_length, declared_length, has_body, read_body, replay, swallow
from app.refusals import Refusal
from app.rules import Rule
from tests.asking import pieces, scope_of

GONE: Message = {"type": "http.disconnect"}


def test_a_body_in_pieces_is_joined() -> None:
    assert asyncio.run(read_body(pieces([b"a", b"", b"bc"]), Rule())) == b"abc"


def test_a_visitor_who_leaves_is_not_a_body() -> None:
    assert asyncio.run(read_body(pieces([b"a"], GONE), Rule())) is None


def test_a_body_may_be_as_large_as_its_rule_and_no_larger() -> None:
    assert asyncio.run(read_body(pieces([b"1234"]), Rule(4))) == b"1234"
    with pytest.raises(Refusal) as refusal:
        asyncio.run(read_body(pieces([b"1234", b"5"]), Rule(4)))
    assert refusal.value.status == 413


def test_a_body_is_given_up_after_its_grace() -> None:
    with pytest.raises(Refusal) as refusal:
        asyncio.run(read_body(pieces([]), Rule(), grace=0.01))
    assert refusal.value.status == 408


def test_a_trickle_is_given_up_although_every_piece_is_in_time() -> None:
    async def trickle() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Refusal) as refusal:
        asyncio.run(read_body(trickle, Rule(), grace=0.1))
    assert refusal.value.status == 408


def test_a_meter_hands_on_what_comes_and_then_lets_the_app_wait() -> None:
    async def story() -> list[Message]:
        meter = Meter(pieces([b"a", b"b"], None), Rule(), grace=0.01)
        return [await meter(), await meter()]

    assert [message["body"] for message in asyncio.run(story())] == [b"a", b"b"]


def test_what_was_read_is_handed_out_once_and_then_the_server_speaks() -> None:
    async def story() -> list[Message]:
        receive = replay(b"whole", pieces([], GONE))
        return [await receive(), await receive()]

    first, second = asyncio.run(story())
    assert (first["body"], first["more_body"], second) == (b"whole", False, GONE)


@pytest.mark.parametrize(
    ("headers", "length", "body"),
    [({}, None, False), ({"content-length": "0"}, 0, False), ({"content-length": "7"}, 7, True), ({"transfer-encoding": "chunked"}, None, True)],
)
def test_headers_say_whether_a_body_comes(headers: dict[str, str], length: int | None, body: bool) -> None:
    scope = scope_of("/", headers=headers)
    assert (declared_length(scope), has_body(scope)) == (length, body)


def test_a_length_may_be_missing_where_bodies_are_small() -> None:
    unsaid = scope_of("/", headers={"transfer-encoding": "chunked"})
    assert check_length(unsaid, Rule()) == 0
    with pytest.raises(Refusal):
        check_length(unsaid, Rule(streamed=True))


def test_swallowing_ends_with_what_never_ends() -> None:
    async def endless() -> Message:
        return {"type": "http.request", "body": bytes(1_000_000), "more_body": True}

    tracemalloc.start()
    asyncio.run(swallow(endless))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8_000_000  # of 32 that were read: nothing is kept
