"""Files that one person may fetch, once, within a minute."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from app.shelf import Parcel, Shelf


def parcels(*names: str) -> list[Parcel]:
    folder = TemporaryDirectory()
    for name in names:
        (Path(folder.name) / name).write_text("content")
    return [Parcel(Path(folder.name) / name, "text/plain", folder) for name in names]


def test_a_parcel_is_handed_out_once() -> None:
    async def fetch_twice() -> tuple[Parcel | None, Parcel | None]:
        shelf, (parcel,) = Shelf(), parcels("a")
        name = shelf.put(parcel)
        return shelf.take(name), shelf.take(name)

    first, second = asyncio.run(fetch_twice())
    assert (first is not None, second) == (True, None)


def test_names_cannot_be_guessed_and_differ() -> None:
    async def names() -> set[str]:
        shelf = Shelf()
        return {shelf.put(parcel) for parcel in parcels(*map(str, range(50)))}

    found = asyncio.run(names())
    assert len(found) == 50
    assert min(map(len, found)) >= 32


def test_nothing_is_handed_out_for_another_name() -> None:
    async def fetch() -> Parcel | None:
        shelf, (parcel,) = Shelf(), parcels("a")
        shelf.put(parcel)
        return shelf.take("")

    assert asyncio.run(fetch()) is None


def test_what_nobody_fetches_is_deleted() -> None:
    async def wait() -> tuple[Path, Parcel | None]:
        shelf, (parcel,) = Shelf(seconds=0.01), parcels("a")
        name = shelf.put(parcel)
        while parcel.path.exists():
            await asyncio.sleep(0.01)
        return Path(parcel.folder.name), shelf.take(name)

    folder, left = asyncio.run(wait())
    assert (folder.exists(), left) == (False, None)


def test_the_folder_goes_with_its_last_file() -> None:
    first, second = parcels("a", "b")
    folder = Path(first.folder.name)
    first.discard()
    assert [path.name for path in folder.iterdir()] == ["b"]
    second.discard()
    assert not folder.exists()
