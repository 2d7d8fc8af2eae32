"""Seats in the order of arrival."""

import asyncio

from app.seats import Seats


def test_the_first_ones_sit_and_the_others_know_their_place() -> None:
    seats = Seats(seats=2, waiting=3)
    tickets = [seats.join() for _ in range(5)]
    assert [seats.place(ticket) for ticket in tickets] == [0, 0, 1, 2, 3]


def test_nobody_joins_a_line_that_is_full() -> None:
    seats = Seats(seats=1, waiting=1)
    first, second = seats.join(), seats.join()
    assert seats.join() is None
    seats.leave(first)
    assert seats.place(second) == 0
    assert seats.join() is not None


def test_everybody_moves_on_when_somebody_leaves() -> None:
    seats = Seats(seats=1)
    tickets = [seats.join() for _ in range(4)]
    seats.leave(tickets[1])  # gave up waiting
    assert [seats.place(ticket) for ticket in (tickets[0], tickets[2], tickets[3])] == [0, 1, 2]
    seats.leave(tickets[0])
    assert [seats.place(ticket) for ticket in tickets[2:]] == [0, 1]


def test_those_who_wait_hear_of_every_move() -> None:
    async def hear() -> list[int]:
        seats = Seats(seats=1)
        first, second, third = (seats.join() for _ in range(3))
        heard = []
        for leaving in (first, second):
            moving = asyncio.ensure_future(seats.move())
            await asyncio.sleep(0)
            seats.leave(leaving)
            await asyncio.wait_for(moving, 10)
            heard.append(seats.place(third))
        return heard

    assert asyncio.run(hear()) == [1, 0]
