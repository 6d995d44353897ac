"""The summaries of a camt.054 notification against its entries: a file that cannot add up is not believed."""

from __future__ import annotations

from collections.abc import Sequence

from lxml.etree import _Element as Element

from adapters.banks.formats.xml import count_of, many, need_text, one, text_at, units
from ledger.core.errors import InvalidInput


def check_notification(notification: Element, entries: Sequence[Element] | None = None) -> None:
    """Compare TxsSummry (all, credits, debits, net) with the entries, in every status and currency; `entries` are those of all
    pages, where the summary of a page is that of the whole.

    Raises InvalidInput `bankfile.totals`; also when an amount is unreadable, since nothing then proves the rest.
    """
    summary = one(notification, "TxsSummry")
    if summary is None:
        return
    paid_in: list[int] = []
    paid_out: list[int] = []
    for entry in many(notification, "Ntry") if entries is None else entries:
        where = f"第{entry.sourceline}行Ntry/Amt"
        amount = _units(need_text(entry, "Amt"), where)
        side = text_at(entry, "CdtDbtInd")
        if side not in ("CRDT", "DBIT"):
            raise _refusal(f"第{entry.sourceline}行分录借贷标志“{side[:10]}”不明")
        (paid_in if side == "CRDT" else paid_out).append(amount)
    _compare(one(summary, "TtlNtries"), [*paid_in, *paid_out], "全部分录")
    _compare(one(summary, "TtlCdtNtries"), paid_in, "贷方分录")
    _compare(one(summary, "TtlDbtNtries"), paid_out, "借方分录")
    _compare_net(summary, sum(paid_in) - sum(paid_out))


def _compare(total: Element | None, amounts: Sequence[int], what: str) -> None:
    if total is None:
        return
    number, amount = text_at(total, "NbOfNtries"), text_at(total, "Sum")
    if number and count_of(number, f"{what}笔数") != len(amounts):
        raise _refusal(f"{what}声明{number}笔，实有{len(amounts)}笔")
    if amount and _units(amount, f"{what}合计") != sum(amounts):
        raise _refusal(f"{what}声明合计{amount[:40]}，与各笔之和不符")


def _compare_net(summary: Element, net: int) -> None:
    # Since .04 in TtlNetNtry/{Amt,CdtDbtInd}; before that TtlNetNtryAmt beside CdtDbtInd.
    for amount_path, side_path in (
        ("TtlNtries/TtlNetNtry/Amt", "TtlNtries/TtlNetNtry/CdtDbtInd"),
        ("TtlNtries/TtlNetNtryAmt", "TtlNtries/CdtDbtInd"),
    ):
        amount = text_at(summary, amount_path)
        if not amount:
            continue
        side = text_at(summary, side_path)
        stated = _units(amount, "净额")
        if stated and side not in ("CRDT", "DBIT"):  # nought has no side
            raise _refusal("净额的借贷标志不明")
        if (stated if side == "CRDT" else -stated) != net:
            raise _refusal(f"声明净额{amount[:40]}，与各笔之差不符")


def _units(text: str, where: str) -> int:
    try:
        return units(text, where)
    except InvalidInput as refusal:
        raise _refusal(refusal.message) from None


def _refusal(message: str) -> InvalidInput:
    return InvalidInput("bankfile.totals", f"{message}，整份通知不予采信")
