"""Text where not every sign can be written."""

import io

import pytest

from fersys.terminal import write_plainly

SAID = "face.jpg: ██·· 30×40 é😀"


def written(text: str, encoding: str) -> str:
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding=encoding, newline="\n")
    write_plainly(stream)
    stream.write(text)
    stream.flush()
    return file.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", SAID), ("cp1252", "face.jpg: ##·· 30×40 é\\U0001f600"), ("ascii", "face.jpg: ##.. 30x40 \\xe9\\U0001f600")],
)
def test_signs_that_an_encoding_lacks_are_replaced_and_no_others(encoding: str, expected: str) -> None:
    assert written(SAID, encoding) == expected


def test_a_file_name_that_is_no_text_can_be_written() -> None:
    assert written("a\udce9.png", "utf-8") == "a\\udce9.png"


def test_a_stream_without_an_encoding_stays_as_it_is() -> None:
    stream = io.StringIO()
    write_plainly(stream)
    stream.write(SAID)
    assert stream.getvalue() == SAID
