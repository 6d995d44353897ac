"""Monthly 清分 between regions: the 3260 pull, the 3261 confirmation, the 3262 roll-back (platform-fields.md 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction

ROWS_MAX: Final = 100
"""Rows a call of 3260 and of 3261, 3262."""


class PullRow(NamedTuple):
    """A row of 3260. `certno` is empty: the ledger keeps no identity numbers."""

    seqno: int
    mdtrtarea: str
    """The other region: the insured one as seen from the place of care, and the other way round."""
    medins_no: str
    certno: str
    mdtrt_id: str
    mdtrt_setl_time: str
    setl_sn: str
    fulamt_advpay_flag: str
    """0 医院报销, 1 零星报销 (setl_type 1 中心报销)."""
    medfee_sumamt: str
    optins_pay_sumamt: str
    state: str
    """open, confirmed, billed."""


def pull(
    tx: Transaction, fund: int, trt_year: int, trt_month: int, startrow: int = 0, side: str = "care"
) -> list[PullRow]:
    """3260: at most 100 rows of a month with `seqno` above `startrow`; the last row's seqno starts the next call.

    Raises InvalidInput `outregion.month`.
    """
    if not (2000 <= trt_year <= 9999 and 1 <= trt_month <= 12) or startrow < 0:
        raise InvalidInput("outregion.month", f"清分年月{trt_year}-{trt_month}或起始行{startrow}不合规")
    return [
        PullRow(
            seqno,
            str(party),
            medins,
            "",
            mdtrt,
            time,
            setl,
            "1" if kind == "1" else "0",
            yuan(fee),
            yuan(fen),
            state,
        )
        for seqno, party, medins, mdtrt, time, setl, kind, fee, fen, state in tx.rows(
            """SELECT x.seqno, x.counterparty, x.institution, r.mdtrt_id, to_char(r.setl_time, 'YYYY-MM-DD HH24:MI:SS'), x.setl_id,
                      r.setl_type, r.medfee_sumamt, x.amount_fen, x.state
                 FROM fund.outregion_record x JOIN fund.record r ON r.region = x.region AND r.setl_id = x.setl_id
                WHERE x.region = %(region)s AND x.fund = %(fund)s AND x.side = %(side)s AND x.term = %(term)s
                  AND x.seqno > %(start)s ORDER BY x.seqno LIMIT %(most)s""",
            region=tx.region,
            fund=fund,
            side=side,
            term=trt_year * 100 + trt_month,
            start=startrow,
            most=ROWS_MAX,
        )
    ]


def confirm(tx: Transaction, fund: int, setl_ids: Sequence[str], day: date) -> int:
    """3261: confirm at most 100 records, all or none. Raises InvalidInput `outregion.batch`; NotFound
    `outregion.unknown_record`; Conflict `outregion.confirmed_already`; Forbidden `access.role_missing` (maker).
    """
    return _move_state(tx, fund, setl_ids, "open", "confirmed", day)


def roll_back(tx: Transaction, fund: int, setl_ids: Sequence[str]) -> int:
    """3262: take a confirmation back, all or none; what stands in a bill stays. Raises as `confirm`, Conflict
    `outregion.not_confirmed`.
    """
    return _move_state(tx, fund, setl_ids, "confirmed", "open", None)


def _move_state(
    tx: Transaction, fund: int, setl_ids: Sequence[str], before: str, after: str, day: date | None
) -> int:
    require_maker(tx, fund)
    wanted = list(dict.fromkeys(setl_ids))
    if not 1 <= len(wanted) <= ROWS_MAX or len(wanted) != len(setl_ids):
        raise InvalidInput("outregion.batch", f"一次应为1到{ROWS_MAX}笔且不重复，收到{len(setl_ids)}笔")
    states: dict[str, str] = dict(
        tx.rows(
            """SELECT setl_id, state FROM fund.outregion_record WHERE region = %(region)s AND fund = %(fund)s
                AND setl_id = ANY(%(ids)s) ORDER BY setl_id FOR UPDATE""",
            region=tx.region,
            fund=fund,
            ids=wanted,
        )
    )
    for setl_id in wanted:
        if setl_id not in states:
            raise NotFound("outregion.unknown_record", f"没有异地结算{setl_id[:40]}", setl_id=setl_id[:40])
        if states[setl_id] != before:
            code = "outregion.confirmed_already" if after == "confirmed" else "outregion.not_confirmed"
            raise Conflict(
                code,
                f"结算{setl_id}的清分{said('outregion.state', states[setl_id])}，本批未作任何改动",
                setl_id=setl_id,
            )
    return tx.run(
        """UPDATE fund.outregion_record SET state = %(after)s, confirmed_on = %(day)s
            WHERE region = %(region)s AND fund = %(fund)s AND setl_id = ANY(%(ids)s)""",
        region=tx.region,
        fund=fund,
        ids=wanted,
        after=after,
        day=day,
    )


def require_maker(tx: Transaction, fund: int) -> None:
    """Raises Forbidden `access.role_missing` unless the user is maker or system of the book."""
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=fund,
    )
