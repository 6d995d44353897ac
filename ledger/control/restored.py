"""Verifying what a backup brought back, against the ends of its chains as its manifest keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger.books.anchors import anchors_in, anchors_path, append_anchors
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.db.connections import Engine


def verify_restored(engine: Engine, home: Path, facts: Mapping[str, object], *, beside: bool) -> list[Breach]:
    """Every breach in the restored database; a home without anchors gets the manifest's as its first.

    Anchors the home has are left as they are: newer ones name what the backup does not hold. `beside`: the database is not
    the home's own but stands beside it, and nothing is written to the home. Raises Unavailable `anchor.not_written`.
    """
    if anchors_path(home).exists():
        return verify(engine, home)
    if not beside:
        append_anchors(home, anchors_in(facts))
        return verify(engine, home)
    with TemporaryDirectory() as aside:
        append_anchors(Path(aside), anchors_in(facts))
        return verify(engine, Path(aside))
