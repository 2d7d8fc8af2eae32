"""JPEGs that Pillow reads but does not write."""

import io
import struct

import PIL.Image

_HEADER = 0xC0  # SOF0: size and components
_SCAN = 0xDA  # SOS
_KEPT = (0xDB, 0xC4)  # DQT, DHT: the tables


def in_three_scans(width: int, height: int) -> bytes:
    """A colour JPEG that is not progressive but has a scan for each of its components, as `jpegtran -scans` makes them."""
    gray = [PIL.Image.new("L", (width, height), value) for value in (90, 200, 60)]
    segments, _ = _split(gray[0])
    head = struct.pack(">BHHB", 8, height, width, 3) + b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    tables = b"".join(_segment(kind, body) for kind, body in segments if kind in _KEPT)
    scans = (_segment(_SCAN, bytes([1, number, 0, 0, 63, 0])) + _split(picture)[1] for number, picture in enumerate(gray, 1))
    return b"\xff\xd8" + tables + _segment(_HEADER, head) + b"".join(scans) + b"\xff\xd9"


def _segment(kind: int, body: bytes) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", len(body) + 2) + body


def _split(picture: PIL.Image.Image) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments of its JPEG before the scan, and the data in the scan."""
    file = io.BytesIO()
    picture.save(file, "JPEG")
    content, place = file.getvalue(), 2
    segments: list[tuple[int, bytes]] = []
    while True:
        kind, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        body = content[place + 4 : place + 2 + length]
        place += 2 + length
        if kind == _SCAN:
            return segments, content[place:-2]
        segments.append((kind, body))
