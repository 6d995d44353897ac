"""A package as a ZIP that has one form only: stored, in order of names, without times, so that every byte of it can be checked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from ledger.core.private import opened

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_PART: Final = 1 << 20


def names_in(folder: Path) -> list[str]:
    """Files below a folder, `/` between the parts, in the order of their UTF-8."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    return sorted(found, key=lambda name: name.encode())


def pack(folder: Path, path: Path) -> None:
    """Write all files of a folder."""
    with opened(path) as out, zipfile.ZipFile(_Forward(out.write), "w", zipfile.ZIP_STORED) as packed:  # type: ignore[call-overload] # a stream
        for name in names_in(folder):
            with (folder / name).open("rb") as file:
                _put(packed, name, iter(lambda file=file: file.read(_PART), b""))  # type: ignore[misc]


def repacked_digest(path: Path) -> str:
    """SHA-256 of what `pack` would have written of a ZIP's members: any other byte of the ZIP makes it another.

    Raises zipfile.BadZipFile.
    """
    digest = sha256()
    with (
        zipfile.ZipFile(path) as given,
        zipfile.ZipFile(_Forward(digest.update), "w", zipfile.ZIP_STORED) as packed,  # type: ignore[call-overload]
    ):
        for name in sorted(given.namelist(), key=lambda name: name.encode()):
            with given.open(name) as file:
                _put(packed, name, iter(lambda file=file: file.read(_PART), b""))  # type: ignore[misc]
    return digest.hexdigest()


def _put(packed: zipfile.ZipFile, name: str, parts: Iterator[bytes]) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.external_attr = 0o644 << 16
    info.create_system = 3
    with packed.open(info, "w", force_zip64=True) as out:
        for part in parts:
            out.write(part)


class _Forward:
    """A stream that can only be written to: the ZIP is then made in one pass, whatever it is written into."""

    def __init__(self, write: object) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        self._write(data)  # type: ignore[operator]
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""
