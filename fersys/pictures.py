"""Streams of pictures from files, folders, parquet files and data sets of a hub: a million take no more memory than ten."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.atomic import unfinished_name
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

    None is there twice, and no file whose folder is there too: a picture has one row, however often it was named.

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
        elif _HUB_ID.fullmatch(source) and not _is_source(path.name):
            found += pull(source)
        else:
            raise DataError(f"Nothing there: expected a picture, a folder, a parquet file or the id of a data set (owner/name). Received: {source!r}")
    return _without_doubles(found)


def _without_doubles(paths: Iterable[Path]) -> list[Path]:
    """Leave out what was named before, however it is written, and what lies in a folder that was named too."""
    firsts: dict[Path, Path] = {}
    for path in paths:
        firsts.setdefault(_place(path), path)
    folders = {place for place in firsts if place.is_dir()}
    return [path for place, path in firsts.items() if not _is_met(place, folders)]


def _place(path: Path) -> Path:
    """Where a path leads, the same however it is written. A link to a file is a picture of its own name."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _is_met(place: Path, folders: Set[Path]) -> bool:
    """Whether a walk through one of the folders, which leaves out hidden files and files of other kinds, comes by a place."""
    ways = [place.relative_to(folder).parts for folder in place.parents if folder in folders]
    return (place in folders or _is_source(place.name)) and any(not any(part.startswith(".") for part in way) for way in ways)


def _is_source(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES | {_PARQUET}  # noqa: PTH122 (a Path for each costs ten times as much)


def stream(files: Iterable[Path], out: Path) -> Iterator[Picture]:
    """Yield every picture of files and folders, one after another, in no particular order.

    A parquet file in a folder that cannot be read is one picture with a problem.

    Args:
        files: as from `find_files`.
        out: a file that is no source, though it or what a killed run left of it may lie in one of the folders.

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
    own = {place.name: place for place in (out.resolve(), unfinished_name(out.resolve()))}
    for path in paths:
        for found in map(Path, _scan(str(path))) if path.is_dir() else [path]:
            if found.name not in own or found.resolve() != own[found.name]:
                yield found, found is path


def _scan(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _scan(entry.path)
                elif _is_source(entry.name) and _can_be_read(entry):
                    yield entry.path
    except OSError as error:
        raise DataError(f"A folder that cannot be read: expected one whose files can be listed. Received: {folder} ({error.strerror})") from error


def _can_be_read(entry: "os.DirEntry[str]") -> bool:
    """Not what may never end, such as a pipe, nor a folder. A link that leads nowhere is a bad picture, not none."""
    return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110 (see above)


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
                content, problem = _content(value, path)
                yield Picture(_text(path), row, content, name_of(label) if name_of else None, problem)
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
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return holds_bytes(kind.field("bytes").type) or pa.types.is_null(kind.field("bytes").type)
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

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
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind  # as pandas writes categories
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


def _content(value: Any, path: Path) -> tuple[Path | bytes, str]:
    """Where the picture of a row lies, or its encoded bytes; and what is wrong if there is none."""
    inside: dict[str, Any] = {"bytes": value} if isinstance(value, bytes) else value or {}
    if inside.get("bytes"):
        return bytes(inside["bytes"]), ""
    name = inside.get("path")
    if not name or not isinstance(name, str):
        return b"", "There is no picture in this row."
    found = _beside(path, name)
    return (found, "") if found else (b"", f"Expected the name of a picture that lies in the folder of the parquet file. Received: {name}")


def _beside(path: Path, name: str) -> Path | None:
    """A file that a parquet file names, if it lies in its folder: whoever made the one must not make us read any other."""
    folder = path.parent.resolve()
    if not (folder / name).is_relative_to(folder):  # before anything is asked of a file system: it may be another machine's
        return None
    try:
        place = (folder / name).resolve()
        return path.parent / name if place.is_relative_to(folder) and place.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a ring of links, or no name at all
        return None
