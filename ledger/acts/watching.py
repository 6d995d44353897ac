"""Before an act: is the database still the one whose chains were anchored? A restored one pays nothing (payments.freezing)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from ledger.books.anchors import USERS, Anchor, last_anchors, read_anchors
from ledger.bootstrap import App
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import NO_REGION, unit_of_work
from ledger.payments.freeze.freeze import AnchoredEnd, anchors_gone, freeze_for_anchors

_LOG: Final = logging.getLogger("ledger.acts")


def watch(app: App, region: int) -> None:
    """Compare the last anchors of the region's books with the database, and freeze its payments where they are not in it.

    In a transaction of its own, so that the sign stays although the act is refused for it. Anchors that cannot be read say
    nothing here: `verify` names them, and the act that should write the next one warns.
    """
    if region == NO_REGION:
        return
    try:
        ends = _of(region, last_anchors(app.settings.home))
    except InvalidInput as problem:
        _LOG.warning("anchors not compared: %s", problem.code)
        return
    if not ends:
        return
    with unit_of_work(app.engine, app.user, region) as tx:
        if anchors_gone(tx, ends):
            everything = _of(region, read_anchors(app.settings.home))
            freeze_for_anchors(tx, anchors_gone(tx, everything), app.clock.today())


def _of(region: int, anchors: Iterable[Anchor]) -> list[AnchoredEnd]:
    """Those of the region; of users and keys, who are no region's, under a fund of their own (`payments.anchors_gone`)."""
    return [
        AnchoredEnd(one.fund if one.region else USERS, one.block, one.hash)
        for one in anchors
        if one.region in (NO_REGION, region)
    ]
