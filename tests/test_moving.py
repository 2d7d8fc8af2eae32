"""The example of the Video tab."""

from app.moving import PATH, example_route, frames, moving_example
from fersys import detect


def test_there_is_one_face_most_of_the_time() -> None:
    counts = [len(detect(frame)) for number, frame in enumerate(frames()) if number % 12 == 0]
    assert counts.count(1) >= 6
    assert max(counts) == 1


def test_it_is_a_small_webm_file_made_once() -> None:
    content = moving_example()
    assert b"webm" in content[:64]
    assert len(content) < 2_000_000
    assert moving_example() is content


def test_its_route_is_the_page_s_own() -> None:
    assert example_route().path == PATH
