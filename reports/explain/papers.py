"""The papers entries rest on besides records and orders: sheets, letters, refunds, requests, movements, vouchers by hand.

One row of `KINDS` a kind: how it reads, which orders pay it, which records it covers, which other papers it names. Read
by `reports.explain.chain` in both directions. Every query takes the region and the ids (or order numbers) asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString, NamedTuple

from ledger.core.accounts import coded
from ledger.db.unit_of_work import Transaction


class PaperKind(NamedTuple):
    """A kind of paper. `event` begins the source key of its own entry; "" where none is posted for it alone."""

    title: str
    event: str
    row: LiteralString
    """Its rows: `paper` first, amounts ending in `_fen`."""
    orders: LiteralString = ""
    """Orders that pay it."""
    by_order: LiteralString = ""
    """Its ids, from orders."""
    records: LiteralString = ""
    """Records it covers."""
    named: LiteralString = ""
    """Ids of papers it names."""


KINDS: Final[Mapping[str, PaperKind]] = {
    "sheet": PaperKind(
        "月结算单",
        "SET",
        "SELECT sheet_id AS paper, fund, institution, term, records, result_fen, due_on, digest, state, prepared_by,"
        " prepared_on, approved_by, approved_on FROM fund.sheet"
        " WHERE region = %(region)s AND sheet_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT order_no FROM fund.sheet_order WHERE region = %(region)s AND sheet_id = ANY(%(ids)s)",
        "SELECT sheet_id FROM fund.sheet_order WHERE region = %(region)s AND order_no = ANY(%(ids)s)",
        coded("SELECT DISTINCT setl_id FROM fund.payable WHERE region = %(region)s AND fund IN ({FUNDS})"
        " AND settled_by = ANY(%(ids)s) ORDER BY 1"),
        "SELECT reference FROM fund.sheet_taking WHERE region = %(region)s AND sheet_id = ANY(%(ids)s)"
        " UNION SELECT advance_id FROM fund.advance_offset WHERE region = %(region)s AND sheet_id = ANY(%(ids)s)"
        " UNION SELECT deduction_id FROM fund.deduction_taken WHERE region = %(region)s AND paper = ANY(%(ids)s)",
    ),
    "letter": PaperKind(
        "清算确认书",
        "CLR",
        "SELECT letter_id AS paper, fund, institution, year, period, grade, row1_fen, row2_fen, row4_fen, row5_fen, row6_fen,"
        " row7_fen, row8_fen, row9_fen, digest, state, prepared_by, prepared_on, approved_by, approved_on"
        " FROM fund.letter WHERE region = %(region)s AND letter_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT order_no FROM fund.letter_order WHERE region = %(region)s AND letter_id = ANY(%(ids)s)",
        "SELECT letter_id FROM fund.letter_order WHERE region = %(region)s AND order_no = ANY(%(ids)s)",
        "SELECT DISTINCT setl_id FROM fund.letter_late WHERE region = %(region)s AND letter_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT s.sheet_id FROM fund.letter l JOIN fund.sheet s ON s.region = l.region AND s.fund = l.fund"
        " AND s.institution = l.institution AND s.state = 'approved' WHERE l.region = %(region)s AND l.letter_id = ANY(%(ids)s)"
        " AND EXISTS (SELECT 1 FROM fund.sheet_line n WHERE n.region = s.region AND n.sheet_id = s.sheet_id"
        " AND n.service_year = l.year AND (l.period = 'year' OR 'Q' || (s.term %% 100 + 2) / 3 = l.period))"
        " UNION SELECT finding_id FROM fund.letter_finding WHERE region = %(region)s AND letter_id = ANY(%(ids)s)"
        " UNION SELECT deduction_id FROM fund.letter_deduction WHERE region = %(region)s AND letter_id = ANY(%(ids)s)"
        " UNION SELECT advance_id FROM fund.letter_offset WHERE region = %(region)s AND letter_id = ANY(%(ids)s)",
    ),
    "refund": PaperKind(
        "机构退回",
        "REF",
        "SELECT refund_id AS paper, fund, institution, kind AS what, ordered_by, account, receipt_no, received_on, document,"
        " amount_fen, state, prepared_by, prepared_on, approved_by, approved_on FROM fund.refund"
        " WHERE region = %(region)s AND refund_id = ANY(%(ids)s) ORDER BY 1",
        named="SELECT advance_id FROM fund.refund WHERE region = %(region)s AND refund_id = ANY(%(ids)s) AND advance_id <> ''"
        " UNION SELECT s.sheet_id FROM fund.refund f JOIN fund.refund_line n ON n.region = f.region AND n.refund_id = f.refund_id"
        " JOIN fund.sheet s ON s.region = f.region AND s.fund = f.fund AND s.institution = f.institution AND s.term = n.term"
        " AND s.state = 'approved' WHERE f.region = %(region)s AND f.refund_id = ANY(%(ids)s)",
    ),
    "request": PaperKind(
        "请款单",
        "ALLOT",
        "SELECT request_id AS paper, fund, account, fiscal_account, upto, forecast_fen, available_fen, amount_fen, granted_fen,"
        " granted_on, receipt_no, state, prepared_by, prepared_on, approved_by, approved_on"
        ", (SELECT string_agg(concat_ws(' ', n.kind, n.due_on, n.amount_fen), '，' ORDER BY n.n)"
        " FROM fund.fund_request_line n WHERE n.region = q.region AND n.request_id = q.request_id) AS due"
        " FROM fund.fund_request q WHERE region = %(region)s AND request_id = ANY(%(ids)s) ORDER BY 1",
    ),
    "cash_move": PaperKind(
        "银行账户收支",
        "CASH",
        "SELECT move_id AS paper, fund, kind AS what, account, fiscal_account, subfund, booked_on, amount_fen, receipt_no,"
        " state, prepared_by, prepared_on, approved_by, approved_on FROM fund.cash_move"
        " WHERE region = %(region)s AND move_id = ANY(%(ids)s) ORDER BY 1",
    ),
    "advance": PaperKind(
        "预付、预拨、集采",
        "",
        "SELECT advance_id AS paper, fund, institution, kind AS what, year, term, amount_fen, quota_fen, offset_fen, returned_fen,"
        " document, due_on, state, prepared_by, prepared_on, approved_by, approved_on FROM fund.advance"
        " WHERE region = %(region)s AND advance_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT order_no FROM fund.advance WHERE region = %(region)s AND advance_id = ANY(%(ids)s) AND order_no <> ''",
        "SELECT advance_id FROM fund.advance WHERE region = %(region)s AND order_no = ANY(%(ids)s)",
        named="SELECT sheet_id FROM fund.advance_offset WHERE region = %(region)s AND advance_id = ANY(%(ids)s)"
        " UNION SELECT refund_id FROM fund.refund WHERE region = %(region)s AND advance_id = ANY(%(ids)s)",
    ),
    "person": PaperKind(
        "个人付款",
        "",
        "SELECT payment_id AS paper, fund, kind AS what, subfund, service_year, term, category, amount_fen, document, due_on,"
        " state, prepared_by, prepared_on, approved_by, approved_on FROM fund.person_payment"
        " WHERE region = %(region)s AND payment_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT order_no FROM fund.person_payment WHERE region = %(region)s AND payment_id = ANY(%(ids)s) AND order_no <> ''",
        "SELECT payment_id FROM fund.person_payment WHERE region = %(region)s AND order_no = ANY(%(ids)s)",
    ),
    "finding": PaperKind(
        "审核发现",
        "",
        "SELECT finding_id AS paper, fund, institution, setl_id, term, severity, found_fen, amount_fen, taken_fen, state, rule_name,"
        " found_by, found_on, final_on, digest FROM fund.finding"
        " WHERE region = %(region)s AND finding_id = ANY(%(ids)s) ORDER BY 1",
        records="SELECT setl_id FROM fund.finding WHERE region = %(region)s AND finding_id = ANY(%(ids)s) AND setl_id <> ''",
        named="SELECT sheet_id FROM fund.sheet_taking WHERE region = %(region)s AND kind = 'finding' AND reference = ANY(%(ids)s)"
        " UNION SELECT letter_id FROM fund.letter_finding WHERE region = %(region)s AND finding_id = ANY(%(ids)s)",
    ),
    "deduction": PaperKind(
        "其他扣款",
        "",
        "SELECT deduction_id AS paper, fund, institution, term, reason, amount_fen, taken_fen, prepared_by, approved_by"
        " FROM fund.other_deduction WHERE region = %(region)s AND deduction_id = ANY(%(ids)s) ORDER BY 1",
        named="SELECT paper FROM fund.deduction_taken WHERE region = %(region)s AND deduction_id = ANY(%(ids)s)",
    ),
    "bill": PaperKind(
        "异地清算账单",
        "CLRX",
        "SELECT bill_id AS paper, fund, side, counterparty, term, records, amount_fen, made_on, digest FROM fund.outregion_bill"
        " WHERE region = %(region)s AND bill_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT order_no FROM fund.outregion_bill WHERE region = %(region)s AND bill_id = ANY(%(ids)s) AND order_no <> ''",
        "SELECT bill_id FROM fund.outregion_bill WHERE region = %(region)s AND order_no = ANY(%(ids)s)",
        "SELECT setl_id FROM fund.outregion_record WHERE region = %(region)s AND bill_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT move_id FROM fund.outregion_move WHERE region = %(region)s AND document = ANY(%(ids)s)",
    ),
    "outregion_move": PaperKind(
        "异地资金往来",
        "OUT",
        "SELECT move_id AS paper, fund, kind AS what, counterparty, amount_fen, document, account, receipt_no, booked_on,"
        " state, prepared_by, prepared_on, approved_by, approved_on FROM fund.outregion_move"
        " WHERE region = %(region)s AND move_id = ANY(%(ids)s) ORDER BY 1",
        "SELECT order_no FROM fund.outregion_move WHERE region = %(region)s AND move_id = ANY(%(ids)s) AND order_no <> ''",
        "SELECT move_id FROM fund.outregion_move WHERE region = %(region)s AND order_no = ANY(%(ids)s)",
        named="SELECT b.bill_id FROM fund.outregion_move m JOIN fund.outregion_bill b ON b.region = m.region"
        " AND b.bill_id = m.document WHERE m.region = %(region)s AND m.move_id = ANY(%(ids)s)",
    ),
    "voucher": PaperKind(
        "手工凭证底稿",
        "MAN",
        "SELECT voucher_id AS paper, fund, business_date, summary, evidence, attachments, reverses_seq, template, prepared_by, prepared_on,"
        " (SELECT concat_ws(' ', d.decision, d.decided_by, d.decided_on, d.reason) FROM books.voucher_decision d"
        " WHERE d.region = v.region AND d.fund = v.fund AND d.voucher_id = v.voucher_id) AS decision, digest"
        " FROM books.voucher v WHERE region = %(region)s AND voucher_id = ANY(%(ids)s) ORDER BY 1",
    ),
}  # fmt: skip
_BY_EVENT: Final = {kind.event: name for name, kind in KINDS.items() if kind.event}


class FoundPaper(NamedTuple):
    """A paper that is there: its kind and id."""

    kind: str
    paper: str

    @property
    def source_key(self) -> str:
        """Of its own entry; "" where none is posted for it alone."""
        event = KINDS[self.kind].event
        return f"{event}:{self.paper}" if event else ""


def kind_of_key(source_key: str) -> FoundPaper | None:
    """The paper an entry's source key names (`SET:YJ…`); None for records' and orders' entries."""
    event, _, paper = source_key.partition(":")
    return FoundPaper(_BY_EVENT[event], paper) if event in _BY_EVENT else None


def find(tx: Transaction, ids: Sequence[str]) -> list[FoundPaper]:
    """The papers there are of these ids, whatever their kind."""
    return [
        FoundPaper(name, row[0]) for name, kind in KINDS.items() if ids for row in _rows(tx, kind.row, ids)
    ]


def of_orders(tx: Transaction, order_nos: Sequence[str]) -> list[FoundPaper]:
    """The papers orders pay."""
    return [
        FoundPaper(name, paper)
        for name, kind in KINDS.items()
        if kind.by_order and order_nos
        for paper in dict.fromkeys(row[0] for row in _rows(tx, kind.by_order, order_nos))
    ]


def of_records(tx: Transaction, setl_ids: Sequence[str]) -> list[FoundPaper]:
    """The papers a record stands in: its month or letter, findings on it, the bill between regions."""
    ids = _rows(
        tx,
        coded("""SELECT settled_by FROM fund.payable
            WHERE region = %(region)s AND fund IN ({FUNDS}) AND setl_id = ANY(%(ids)s) AND settled_by <> ''
           UNION SELECT finding_id FROM fund.finding WHERE region = %(region)s AND setl_id = ANY(%(ids)s)
           UNION SELECT letter_id FROM fund.letter_late WHERE region = %(region)s AND setl_id = ANY(%(ids)s)
           UNION SELECT bill_id FROM fund.outregion_record
            WHERE region = %(region)s AND fund IN ({FUNDS}) AND setl_id = ANY(%(ids)s) AND bill_id <> ''"""),
        setl_ids,
    )
    return find(tx, [row[0] for row in ids])


def orders_of(tx: Transaction, papers: Iterable[FoundPaper]) -> list[str]:
    """Orders that pay the papers."""
    return sorted({order for found in papers for order in _asked(tx, KINDS[found.kind].orders, found.paper)})


def records_of(tx: Transaction, papers: Iterable[FoundPaper]) -> list[str]:
    """Records the papers cover."""
    return sorted({setl for found in papers for setl in _asked(tx, KINDS[found.kind].records, found.paper)})


def named_by(tx: Transaction, papers: Iterable[FoundPaper]) -> list[FoundPaper]:
    """Papers the papers name."""
    ids = {named for found in papers for named in _asked(tx, KINDS[found.kind].named, found.paper)}
    return find(tx, sorted(ids))


def _asked(tx: Transaction, query: LiteralString, paper: str) -> list[str]:
    return [str(row[0]) for row in _rows(tx, query, [paper])] if query else []


def _rows(tx: Transaction, query: LiteralString, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return tx.rows(query, region=tx.region, ids=list(ids))
