"""Anchors after an act that booked: the act is done whatever becomes of them, so what hinders them is a warning."""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from ledger.books.anchors import all_anchored, write_anchors
from ledger.bootstrap import App
from ledger.core.errors import LedgerError
from ledger.db.connections import is_lost
from ledger.db.unit_of_work import unit_of_work

_LOG: Final = logging.getLogger("ledger.acts")


class Warned(NamedTuple):
    """What the user should know of an act that is done: a stable code and a Chinese sentence."""

    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        """For machines."""
        return {"code": self.code, "message": self.message}


def anchor(app: App, region: int) -> list[Warned]:
    """Anchor the ends of the region's chains that are not anchored yet; what hindered it. Never raises for a lost database."""
    try:
        with unit_of_work(app.engine, app.user, region) as tx:
            if not all_anchored(tx):
                write_anchors(tx, app.settings.home)
    except LedgerError as problem:
        _LOG.warning("not anchored: %s", problem.code)
        return [Warned(problem.code, problem.message)]
    except Exception as problem:
        if not is_lost(problem):
            raise
        _LOG.warning("not anchored: %s", type(problem).__name__)
        return [
            Warned(
                "anchor.not_written",
                "账链锚定未能写入：数据库不可用；账务不受影响，请执行 fundledger worker --once anchors 补做",
            )
        ]
    return []
