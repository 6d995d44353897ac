"""The map of docs/architecture.md: every room and every file, with what each says of itself. Written by `./dev format`."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: written by ./dev format -->", "<!-- end of rooms -->"
TOPS = ("ledger", "adapters", "reports", "scheduler")


def tracked(*patterns: str) -> list[Path]:
    """The files of the house that git knows or would know, below the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607 the git that checked out
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(path for line in listed.stdout.splitlines() if (ROOT / (path := Path(line))).is_file())


def house() -> list[Path]:
    """Every Python file of the product, relative to the checkout."""
    return [path for path in tracked("*.py") if path.parts[0] in TOPS]


def says(path: Path) -> str:
    """What a file says of itself: its docstring's first paragraph in one line."""
    said = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split())


def rooms() -> dict[Path, list[Path]]:
    """Folder → its files, both in the order of their names."""
    found: dict[Path, list[Path]] = {}
    for path in house():
        found.setdefault(path.parent, []).append(path)
    return dict(sorted(found.items()))


def written() -> str:
    """The map as it must stand between its two marks."""
    return "\n".join([BEGIN, "", *_lines(), END])


def _lines() -> Iterator[str]:
    for room, files in rooms().items():
        said = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))) or ""
        yield f"### `{room}`"
        yield ""
        yield " ".join(said.split())
        yield ""
        for path in files:
            if path.name != "__init__.py":
                yield f"- `{path.name}`: {says(path)}"
        yield ""


def main() -> None:
    """Write the map into docs/architecture.md."""
    text = MAP.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    MAP.write_text(before + written() + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
