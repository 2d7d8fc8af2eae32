"""Streams of pictures from files, folders, parquet files and data sets of a hub: a million take no more memory than ten."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.errors import DataError, LabelError
from fersys.labels import to_emotion
from fersys.tables import need_pyarrow

NO_ROW = -1
SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)  # fmt: skip

_PARQUET = ".parquet"
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+(@[\w./-]+)?")
_ROWS_AT_ONCE = 64
_BUFFER = 1 << 20  # bytes a column: without it a whole row group, which may be gigabytes, is held
Pull = Callable[[str], Sequence[Path]]


@dataclass(frozen=True)
class Picture:
    """One picture of a source, not read yet.

    Attributes:
        path: the file it lies in, as the table names it.
        row: its row in a parquet file, from 0; −1: the file is the picture.
        content: where it lies, or its encoded bytes; empty if there is a problem.
        truth: the expression that the source says it shows, if it says so.
        problem: why there is no picture where one was expected; empty: there is one.
    """

    path: str
    row: int
    content: Path | bytes = b""
    truth: str | None = None
    problem: str = ""


def find_files(sources: Sequence[str], pull: Pull) -> list[Path]:
    """Turn what the user named into files and folders that are there.

    Args:
        sources: picture files, parquet files, folders, or ids of data sets such as "you/fer2013".
        pull: fetches the parquet files of a data set from a hub.

    Raises:
        DataError: if there is no such file, and it cannot be the id of a data set.
    """
    found: list[Path] = []
    for source in sources:
        path = Path(source).expanduser()
        if path.exists():
            found.append(path)
        elif _HUB_ID.fullmatch(source) and path.suffix.lower() not in {*SUFFIXES, _PARQUET}:
            found += pull(source)
        else:
            raise DataError(f"Nothing there: expected a picture, a folder, a parquet file or the id of a data set (owner/name). Received: {source!r}")
    return found


def stream(files: Iterable[Path], out: Path) -> Iterator[Picture]:
    """Yield every picture of files and folders, one after another, in no particular order.

    A parquet file in a folder that cannot be read is one picture with a problem.

    Args:
        files: as from `find_files`.
        out: a file that is no source, though it may lie in one of the folders.

    Raises:
        DataError: if a folder, or a parquet file that was named itself, cannot be read.
    """
    for path, named in _walk(files, out):
        if path.suffix.lower() != _PARQUET:
            yield Picture(_text(path), NO_ROW, path)
            continue
        try:
            yield from _rows(path)
        except DataError as error:
            if named:
                raise
            yield Picture(_text(path), NO_ROW, problem=str(error))


def count(files: Iterable[Path], out: Path) -> int:
    """Return how many pictures `stream` yields, without opening one.

    Raises:
        DataError: if a folder, or a parquet file that was named itself, cannot be read.
    """
    return sum(_length(path, named) for path, named in _walk(files, out))


def _length(path: Path, named: bool) -> int:
    if path.suffix.lower() != _PARQUET:
        return 1
    try:
        return int(_open_parquet(path).metadata.num_rows)
    except DataError:
        if named:
            raise
        return 1


def _walk(paths: Iterable[Path], out: Path) -> Iterator[tuple[Path, bool]]:
    """Files, and whether they were named themselves. Links to folders are not followed: they may form a ring."""
    own = out.resolve()
    for path in paths:
        for found in map(Path, _scan(str(path))) if path.is_dir() else [path]:
            if found.name != own.name or found.resolve() != own:
                yield found, found is path


def _scan(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _scan(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in SUFFIXES | {_PARQUET}:  # noqa: PTH122 (a Path for each costs ten times as much)
                    yield entry.path
    except OSError as error:
        raise DataError(f"A folder that cannot be read: expected one whose files can be listed. Received: {folder} ({error.strerror})") from error


def _text(path: Path) -> str:
    """The path as text that any file can hold: names that are no UTF-8 are escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


# Parquet


def _open_parquet(path: Path) -> Any:
    need_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is not a parquet file that can be read. Received: {error}") from error


def _rows(path: Path) -> Iterator[Picture]:
    import pyarrow as pa

    file = _open_parquet(path)
    image = _image_column(file.schema_arrow, path)
    name_of = _namer(file.schema_arrow)
    row = 0
    try:
        for batch in _batches(file, [image, *(["label"] if name_of else [])]):
            labels = batch.column("label").to_pylist() if name_of else [None] * len(batch)
            for value, label in zip(batch.column(image).to_pylist(), labels, strict=True):
                content = _content(value, path)
                yield Picture(_text(path), row, content, name_of(label) if name_of else None, "" if content else "There is no picture in this row.")
                row += 1
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} is damaged after row {row}. Received: {error}") from error


def _batches(file: Any, columns: list[str]) -> Iterator[Any]:
    """Group by group: asked for all at once, pyarrow keeps what it has read."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=columns)


def _image_column(schema: Any, path: Path) -> str:
    """The column of encoded pictures: as the `datasets` library writes them (bytes and path), or plain bytes."""
    import pyarrow as pa

    def holds_bytes(kind: Any) -> bool:
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0))

    names = [field.name for field in schema if holds_bytes(field.type)]
    if not names:
        raise DataError(f"{path}: expected a column of encoded pictures, as the datasets library writes them. Received: {', '.join(schema.names)}")
    return "image" if "image" in names else str(names[0])


def _namer(schema: Any) -> Callable[[Any], str | None] | None:
    """From a value of the column `label` to an expression; None if there is no such column, or numbers without names."""
    import pyarrow as pa

    if "label" not in schema.names:
        return None
    kind = schema.field("label").type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _emotion
    names = dict(enumerate(_class_names(schema)))
    return (lambda value: _emotion(names.get(value))) if names else None


def _class_names(schema: Any) -> list[str]:
    """The names that the `datasets` library left in the file for the numbers in `label`."""
    try:
        said = json.loads((schema.metadata or {})[b"huggingface"])
        return [str(name) for name in said["info"]["features"]["label"]["names"]]
    except (KeyError, TypeError, ValueError):
        return []


def _emotion(name: str | None) -> str | None:
    try:
        return to_emotion(name or "")
    except LabelError:  # contempt, say: answered all the same, but not counted
        return None


def _content(value: Any, path: Path) -> Path | bytes:
    if isinstance(value, bytes):
        return value
    inside = value or {}
    return bytes(inside.get("bytes") or b"") or (path.parent / inside["path"] if inside.get("path") else b"")
