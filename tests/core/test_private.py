"""What leaves the database for a file is its owner's alone, from its first moment on."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.core.private import opened, private, write_private


@pytest.fixture(autouse=True)
def open_house() -> Iterator[None]:
    """A machine on which every new file is everybody's."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_and_old_files_are_private_before_a_byte_is_in_them(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_bytes(b"before")
    assert mode(old) == 0o666
    for path in (new, old):
        with opened(path) as file:
            assert (mode(path), path.stat().st_size) == (0o600, 0)
            file.write(b"1")
    old.chmod(0o644)
    assert mode(private(old)) == 0o600
    assert old.read_bytes() == b"1"
    with pytest.raises(FileExistsError):
        opened(new, "xb")


def test_written_whole_or_not_at_all_and_nothing_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(b"before")
    write_private(path, "甲")
    assert (mode(path), path.read_text(encoding="utf-8")) == (0o600, "甲")
    with pytest.raises(TypeError):
        write_private(path, 7)  # type: ignore[arg-type]
    assert path.read_text(encoding="utf-8") == "甲"
    assert [one.name for one in tmp_path.iterdir()] == ["report.csv"]
    # a link is replaced, what it leads to is not touched
    link = tmp_path / "link"
    link.symlink_to(path)
    write_private(link, "乙")
    assert (link.is_symlink(), path.read_text(encoding="utf-8")) == (False, "甲")


def test_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_private(pipe, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert mode(pipe) == 0o644
