"""Approving a month's settlement: the SET entry, and everything it closes, in one transaction (memorandum.md 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from ledger.access.signing.signing import signed
from ledger.core.accounts import MONTH_OWED
from ledger.core.entries import FUND_NAMES, Leg
from ledger.core.errors import Conflict
from ledger.core.money import yuan_grouped
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.advances.offset import KIND_ACCOUNTS, Offset, take_offsets
from ledger.fund.audit.taken import take
from ledger.fund.month.due import term_days
from ledger.fund.month.other_deductions import take_deductions
from ledger.fund.month.read import AUDITED, daily_advance, lock_month, read_figures
from ledger.fund.month.returned import Eaten, eaten
from ledger.fund.month.sheet import Key, SheetLine, expensed
from ledger.fund.month.store import MonthSheet, read_sheet
from ledger.fund.ordering.given_up import give_up_drafts
from ledger.fund.payables.marks import close_term_if_settled, settle_declared
from ledger.fund.signed.entry import ADVANCE_POLICY, EntryPaper, post_paper, settling_policy, write_entry
from ledger.rules import Sheet


def approve_month(
    engine: Engine, user: str, region: int, sheet_id: str, digest: bytes, day: date
) -> MonthSheet:
    """Approve a drafted sheet on `day` and book it; approving it again with the same digest gives the first answer.

    Gives up drafted daily batches that hold the declared records (`settled_drafts.given_up_by` names them), posts SET,
    closes every payable of the records, takes findings, deductions and offsets, and once no record of the 期号 is left,
    closes the 期号 to further records. Raises NotFound `month.unknown_sheet`; Forbidden
    `access.role_missing`, `month.same_person`; Conflict `month.changed` (another digest, or the ledger moved on since
    the draft), `month.in_flight`, `payable.in_draft` (drafted meanwhile), `month.void`, `month.already_approved`, and
    what reading and posting raise.
    """
    with unit_of_work(engine, user, region) as tx:
        return approve_month_in(tx, sheet_id, digest, day)


def approve_month_in(tx: Transaction, sheet_id: str, digest: bytes, day: date) -> MonthSheet:
    """`approve_month` within a transaction of its region."""
    signed(tx, "month.approve", sheet_id, digest.hex(), day)
    tx.rows(
        "SELECT 1 FROM fund.sheet WHERE region = %(region)s AND sheet_id = %(sheet)s FOR UPDATE",
        region=tx.region,
        sheet=sheet_id,
    )
    sheet = read_sheet(tx, sheet_id)
    if sheet.state == "approved":
        return _replayed(sheet, tx.user, digest)
    if sheet.state == "void":
        raise Conflict("month.void", f"月结算单{sheet_id}已作废，请审批新的一版", sheet_id=sheet_id)
    if digest != sheet.digest:
        raise Conflict(
            "month.changed", f"月结算单{sheet_id}与所审批的摘要不符，请重新核对", sheet_id=sheet_id
        )
    lock_month(tx, sheet.scope.fund)
    # Before it is signed: what was brought forward stands on other signed sheets.
    now = read_figures(tx, sheet.scope, sheet.figures.takings)
    _sign(tx, sheet, day)
    if now != sheet.figures:
        raise Conflict("month.changed", f"月结算单{sheet_id}制单后情况已变，请重新制单", sheet_id=sheet_id)
    give_up_drafts(tx, sheet.sheet_id, _drafts(tx, sheet), day)
    _settle_records(tx, sheet)
    _book(tx, sheet, day)
    _take(tx, sheet)
    _settle_declarations(tx, sheet, day)
    _close_term(tx, sheet)
    return read_sheet(tx, sheet_id)


def _replayed(sheet: MonthSheet, user: str, digest: bytes) -> MonthSheet:
    if (sheet.approved_by, sheet.digest) == (user, digest):
        return sheet
    raise Conflict(
        "month.already_approved",
        f"月结算单{sheet.sheet_id}已于{sheet.approved_on}由{sheet.approved_by}审批，与本次的审批人或摘要不同",
        sheet_id=sheet.sheet_id,
    )


def _sign(tx: Transaction, sheet: MonthSheet, day: date) -> None:
    """Role, person and digest are checked by the database (fund.check_sheet)."""
    tx.run(
        "UPDATE fund.sheet SET state = 'approved', approved_by = %(user)s, approved_on = %(day)s"
        " WHERE region = %(region)s AND sheet_id = %(sheet)s",
        region=tx.region,
        sheet=sheet.sheet_id,
        user=tx.user,
        day=day,
    )


def _drafts(tx: Transaction, sheet: MonthSheet) -> list[str]:
    """Daily batches not yet approved that hold a declared record."""
    rows = tx.rows(
        """SELECT DISTINCT o.batch_id FROM fund.declaration d
             JOIN fund.declared c ON c.region = d.region AND c.declaration_id = d.declaration_id
             JOIN fund.payable p ON p.region = c.region AND p.fund = c.fund AND p.setl_id = c.setl_id AND p.order_no <> ''
             JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no AND o.state = 'draft'
            WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.institution = %(institution)s AND d.term = %(term)s
              AND NOT d.withdrawn AND d.state = %(audited)s AND p.settled_by = '' ORDER BY 1""",
        region=tx.region,
        audited=AUDITED,
        **sheet.scope._asdict(),
    )
    return [batch_id for (batch_id,) in rows]


def _settle_records(tx: Transaction, sheet: MonthSheet) -> None:
    scope = sheet.scope
    settled = settle_declared(tx, sheet.sheet_id, scope.fund, scope.institution, scope.term, AUDITED)
    if settled != sheet.figures.records:
        raise Conflict(
            "month.changed",
            f"月结算单{sheet.sheet_id}应结{sheet.figures.records}笔，实际{settled}笔，请重新制单",
        )


def _book(tx: Transaction, sheet: MonthSheet, day: date) -> None:
    """Post SET. What it puts on 9103 must be the formula: the lines say so one way, the entry another."""
    scope, figures = sheet.scope, sheet.figures
    advance = daily_advance(tx, scope.fund, scope.institution)
    policy = settling_policy(tx, day, advance=bool(advance))
    expense: Mapping[Key, int] = {}
    left: Mapping[Key, int] = {}
    if policy == ADVANCE_POLICY:
        expense = expensed(figures.lines, advance)
        left = {key: fen - expense.get(key, 0) for key, fen in advance.items()}
    parts = _parts(sheet, expense, eaten(tx, scope.fund, scope.institution, _owed_after(sheet), left))
    summary = f"{scope.term}月结{FUND_NAMES[scope.fund]}{scope.institution}审批"
    paper = EntryPaper("SET", scope.fund, sheet.sheet_id, sheet.digest, summary, 1)
    ruled = write_entry(paper, policy, parts, day)
    if ruled is None:
        return
    _require_formula(sheet, ruled.legs)
    posted = post_paper(tx, paper, ruled, day)
    tx.run(
        "UPDATE fund.sheet SET entry = %(entry)s WHERE region = %(region)s AND sheet_id = %(sheet)s",
        region=tx.region,
        sheet=sheet.sheet_id,
        entry=posted.voucher,
    )


def _owed_after(sheet: MonthSheet) -> dict[tuple[int, Key], int]:
    """9103 as the sheet leaves it: a key it has no line for had nothing there."""
    owed: dict[tuple[int, Key], int] = defaultdict(int)
    for line in sheet.figures.lines:
        owed[MONTH_OWED, line.key] += line.result_fen
    return owed


def _parts(sheet: MonthSheet, expense: Mapping[Key, int], lost: Mapping[Key, Eaten]) -> list[Sheet]:
    """One rule row per key, more where a key bears offsets of several kinds or only an old advance."""
    totals: dict[Key, Sheet] = {}
    for line in sheet.figures.lines:
        before = totals.get(line.key, Sheet(line.key.dims(sheet.scope.institution)))
        totals[line.key] = before._replace(
            open_daily_fen=before.open_daily_fen + line.open_daily_fen,
            waiting_fen=before.waiting_fen + line.waiting_fen,
            retained_fen=before.retained_fen + line.retained_fen,
            audit_fen=before.audit_fen + line.audit_fen,
            other_fen=before.other_fen + line.other_fen,
        )
    for key, fen in expense.items():
        before = totals.get(key, Sheet(key.dims(sheet.scope.institution)))
        totals[key] = before._replace(advance_fen=fen)
    for key, part in lost.items():
        before = totals.get(key, Sheet(key.dims(sheet.scope.institution)))
        totals[key] = before._replace(returned_fen=part.expense_fen, returned_advance_fen=part.advance_fen)
    offsets: dict[tuple[Key, int], int] = defaultdict(int)
    for taking in sheet.figures.takings:
        if taking.kind in KIND_ACCOUNTS:
            offsets[sheet.figures.lines[taking.n - 1].key, KIND_ACCOUNTS[taking.kind]] += taking.amount_fen
    return [*totals.values()] + [
        Sheet(key.dims(sheet.scope.institution), offset_fen=fen, source=kind)
        for (key, kind), fen in sorted(offsets.items())
    ]


def _require_formula(sheet: MonthSheet, legs: tuple[Leg, ...]) -> None:
    booked: dict[Key, int] = defaultdict(int)
    for leg in legs:
        if leg.account == MONTH_OWED:
            booked[Key(*leg.dims[1:])] -= int(leg.side) * leg.amount_fen
    wanted: dict[Key, int] = defaultdict(int)
    for line in sheet.figures.lines:
        wanted[line.key] += line.result_fen - line.month_open_fen
        _require_balance(sheet, line)
    for key in booked.keys() | wanted.keys():
        if booked[key] != wanted[key]:
            raise Conflict(
                "month.formula",
                f"月结算单{sheet.sheet_id}按公式应付{yuan_grouped(wanted[key])}元，分录平衡数为{yuan_grouped(booked[key])}元",
                key=str(key),
            )


def _require_balance(sheet: MonthSheet, line: SheetLine) -> None:
    if line.posted_fen != line.result_fen - line.month_open_fen:
        raise Conflict("month.formula", f"月结算单{sheet.sheet_id}的{line.key}行不平", key=str(line.key))


def _take(tx: Transaction, sheet: MonthSheet) -> None:
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for taking in sheet.figures.takings:
        taken[taking.kind, taking.reference] += taking.amount_fen
    for (kind, reference), fen in taken.items():
        if kind == "finding":
            take(tx, reference, sheet.sheet_id, fen)
    take_deductions(tx, sheet.sheet_id, {ref: fen for (kind, ref), fen in taken.items() if kind == "other"})
    take_offsets(
        tx,
        sheet.sheet_id,
        [Offset(ref, kind, fen) for (kind, ref), fen in taken.items() if kind in KIND_ACCOUNTS],
    )


def _close_term(tx: Transaction, sheet: MonthSheet) -> None:
    """A 期号 takes no more records once nothing of it waits: a record declared late keeps it open for itself."""
    scope = sheet.scope
    close_term_if_settled(
        tx, sheet.sheet_id, scope.fund, scope.institution, scope.term, term_days(scope.term)
    )


def _settle_declarations(tx: Transaction, sheet: MonthSheet, day: date) -> None:
    """clr_stas 50 已结算 for what the sheet settles."""
    for (declaration,) in tx.rows(
        "SELECT declaration_id FROM fund.declaration WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND term = %(term)s AND NOT withdrawn AND state = %(audited)s"
        " ORDER BY declaration_id",
        region=tx.region,
        audited=AUDITED,
        **sheet.scope._asdict(),
    ):
        tx.run(
            "SELECT fund.move_declaration(%(region)s, %(declaration)s, 'settle', %(day)s, %(sheet)s)",
            region=tx.region,
            declaration=declaration,
            day=day,
            sheet=sheet.sheet_id,
        )
