"""Every night: a sealed backup into the home's backups/. Old ones stay until people take them away."""

from __future__ import annotations

from datetime import datetime

from ledger.books.anchors import heads_of
from ledger.bootstrap import App
from ledger.core.errors import InvalidInput


def back_up(app: App, _region: int, moment: datetime) -> str:
    """The file and whom it is sealed for; one of the day that is whole is not made again. Raises what `backup` raises."""
    # what makes backups is imported by who makes one: it costs more than most commands, and the list of jobs is asked for by many
    from ledger.db.safekeeping.backup import backup, manifest_path, note_made, read_manifest
    from ledger.db.safekeeping.sealing import home_recipient, read_recipient

    folder = app.settings.home / "backups"
    out = folder / f"daily-{moment:%Y-%m-%d}.dump"
    if out.exists() or manifest_path(out).exists():
        try:
            there = read_manifest(out)
        except InvalidInput:  # a killed run leaves a manifest without its archive
            if out.exists():
                raise
            manifest_path(out).unlink()
        else:
            note_made(app.settings.home, there)
            return f"{there.file}已有，{there.bytes}字节，SHA-256 {there.sha256}"
    folder.mkdir(mode=0o700, exist_ok=True)
    named = app.settings.backup_recipient
    made = backup(
        app.settings,
        out,
        heads_of,
        home_recipient(app.settings.home) if named is None else read_recipient(named),
    )
    note_made(app.settings.home, made)
    return f"{made.file}，{made.bytes}字节，SHA-256 {made.sha256}，为{made.recipient}加密"
