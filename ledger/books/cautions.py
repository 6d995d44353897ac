"""What goes on with a warning: a code and a sentence for whoever drafts a hand-written voucher and for whoever approves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.books.papers import PaperName, bank_effect
from ledger.core.accounts import ONE_SIDED
from ledger.core.entries import Leg, Side
from ledger.core.money import yuan_grouped


class Caution(NamedTuple):
    """A stable code and a Chinese sentence."""

    code: str
    message: str


def cautions(legs: Sequence[Leg], papers: Sequence[PaperName]) -> list[Caution]:
    """Blue lines on the other side of a one-side row (docs/adr/0022), and own accounts moved without the bank's paper."""
    return [*_other_side(legs), *_without_paper(legs, papers)]


def _other_side(legs: Sequence[Leg]) -> Iterator[Caution]:
    for n, leg in enumerate(legs, 1):
        for prefix, side in ONE_SIDED.items():
            if str(leg.account).startswith(prefix) and leg.side is not side and leg.amount_fen > 0:
                own, other = ("贷", "借") if side is Side.CREDIT else ("借", "贷")
                yield Caution(
                    "voucher.other_side",
                    f"第{n}行科目{leg.account}{other}方{yuan_grouped(leg.amount_fen)}元：收支表该项目只取{own}方发生额，"
                    f"退回的款项应以红字记在{own}方，否则报表列为勾稽差异",
                )


def _without_paper(legs: Sequence[Leg], papers: Sequence[PaperName]) -> Iterator[Caution]:
    named = {(paper.account, paper.direction) for paper in papers} | {
        ("", paper.direction) for paper in papers
    }
    accounts = {
        leg.account
        for leg in legs
        if bank_effect(leg) and (leg.dims.counterparty, bank_effect(leg)) not in named
    }
    if accounts:
        yield Caution(
            "voucher.awaits_receipt",
            f"科目{'、'.join(map(str, sorted(accounts)))}没有注明银行回单：回单到后在挂账处理中勾到本凭证，不再记账",
        )
