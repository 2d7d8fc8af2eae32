"""Tells by its first bytes whether a file is a video, before any decoder opens it.

FFmpeg, which OpenCV and we read videos with, also opens playlists and scripts that name other files and addresses:
somebody could have the server read those. So it is handed nothing but files that hold their pictures themselves.
"""

_ATOMS = (b"ftyp", b"moov", b"wide", b"mdat")  # MP4, MOV, 3GP: ISO/IEC 14496-12; QuickTime
_EBML, _DOCTYPES = b"\x1aE\xdf\xa3", (b"webm", b"matroska")
HEAD = 64  # bytes that are looked at


def is_video(head: bytes) -> bool:
    """Whether a file that begins like this is MP4, MOV, 3GP, WebM, Matroska or AVI.

    >>> is_video(b"#EXTM3U\\nfile:///etc/passwd")
    False

    Args:
        head: its first `HEAD` bytes.
    """
    if head.startswith(_EBML):
        return any(name in head[:HEAD] for name in _DOCTYPES)
    return head[4:8] in _ATOMS or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
