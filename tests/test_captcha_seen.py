import time

import numpy as np

from app.captcha.cues import Bits
from app.captcha.seen import SeenFrames


def bits(seed: int) -> Bits:
    return np.random.default_rng(seed).random(512) < 0.5


def flipped(frame: Bits, count: int) -> Bits:
    other = frame.copy()
    other[:count] = ~other[:count]
    return other


def test_a_frame_of_another_challenge_is_known_again_even_a_little_changed() -> None:
    seen = SeenFrames()
    seen.add([bits(1), bits(2)], "first")
    assert seen.holds(bits(2), "second")
    assert seen.holds(flipped(bits(2), 10), "second")
    assert not seen.holds(flipped(bits(2), 11), "second")
    assert not seen.holds(bits(3), "second")


def test_a_challenge_does_not_know_its_own_frames() -> None:
    seen, owner = SeenFrames(), object()
    seen.add([bits(1)], owner)
    assert not seen.holds(bits(1), owner)


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    seen = SeenFrames(most=3)
    for number in range(3):
        seen.add([bits(2 * number), bits(2 * number + 1)], number)
    assert len(seen) <= 3
    assert not seen.holds(bits(0), "other")
    assert seen.holds(bits(5), "other")


def test_frames_are_forgotten_after_their_time() -> None:
    now = [0.0]
    seen = SeenFrames(life=10.0, clock=lambda: now[0])
    seen.add([bits(1)], "first")
    now[0] = 5.0
    seen.add([bits(2)], "second")
    now[0] = 10.0
    assert not seen.holds(bits(1), "third")
    assert seen.holds(bits(2), "third")


def test_frames_are_forgotten_also_if_nobody_comes_any_more() -> None:
    seen, patience = SeenFrames(life=0.5), time.monotonic() + 30
    seen.add([bits(1)], "first")
    assert len(seen) == 1
    while len(seen) and time.monotonic() < patience:
        time.sleep(0.01)
    assert len(seen) == 0


def test_no_frames_add_nothing() -> None:
    seen = SeenFrames()
    seen.add([], "first")
    assert len(seen) == 0
