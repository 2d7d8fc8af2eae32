"""Who is inside, and how the server waits for them."""

import asyncio
from dataclasses import replace

import pytest

from app.crowd import Crowd
from app.refusals import Refusal
from app.rules import Budgets


def test_there_is_room_for_so_many_of_an_address_and_so_many_at_all() -> None:
    crowd = Crowd(replace(Budgets(), neighbours=2, visitors=3))
    with crowd.enter("a", "/"), crowd.enter("a", "/"):
        with pytest.raises(Refusal), crowd.enter("a", "/"):
            pass
        with crowd.enter("b", "/"), pytest.raises(Refusal), crowd.enter("c", "/"):
            pass
    with crowd.enter("a", "/"):
        pass


def test_who_leaves_by_an_error_is_counted_out_too() -> None:
    crowd = Crowd(replace(Budgets(), neighbours=1))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), crowd.enter("a", "/"):
            raise ZeroDivisionError
    assert crowd.answering == 0


def test_an_open_page_and_a_socket_wait_for_no_answer() -> None:
    crowd = Crowd(Budgets())
    with crowd.enter("a", "/gradio_api/heartbeat/xyz"), crowd.enter("a", "/live", "websocket"):
        assert crowd.answering == 0
    with crowd.enter("a", "/gradio_api/queue/data"):
        assert crowd.answering == 1


def test_leaving_waits_for_answers_under_way_and_not_for_ever() -> None:
    async def story() -> list[int]:
        crowd, seen = Crowd(Budgets()), []
        with crowd.enter("a", "/"):
            await crowd.leave(0.01)
            seen.append(crowd.answering)
            waiting = asyncio.create_task(crowd.leave(60))
            await asyncio.sleep(0)
        await waiting
        return [*seen, crowd.answering]

    assert asyncio.run(story()) == [1, 0]
