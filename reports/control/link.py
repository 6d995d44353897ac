"""(c) Day against month: what receipts prove was paid by the day for a month's records, and what the month's sheet deducted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, LiteralString

from ledger.core.entries import FUND_NAMES
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from reports.control.due import ControlMonth
from reports.render.grid import Cell, Column, Grid, Line

# Paid: the bank's receipt is there and the order stands as paid. Deducted: of the sheet that is approved, else of its draft.
_LINKED: Final[LiteralString] = """
    WITH paid AS (
        SELECT p.fund, p.institution, p.settled_by, sum(q.daily_fen) AS fen
          FROM fund.payable p
          JOIN payments.order_payable q ON q.region = p.region AND q.fund = p.fund AND q.setl_id = p.setl_id AND q.subfund = p.subfund
          JOIN payments.pay_order o ON o.region = q.region AND o.order_no = q.order_no AND o.state = 'paid'
         WHERE p.region = %(region)s AND p.term = %(month)s AND p.daily_fen <> 0
           AND EXISTS (SELECT 1 FROM payments.evidence v WHERE v.region = o.region AND v.matched_order = o.order_no
                          AND v.outcome = 'posted' AND v.direction = 'debit')
         GROUP BY 1, 2, 3),
    sheets AS (
        SELECT DISTINCT ON (s.fund, s.institution) s.fund, s.institution, s.sheet_id, s.state, s.prepared_by, s.approved_by,
               (SELECT coalesce(sum(n.paid_daily_fen), 0) FROM fund.sheet_line n WHERE n.region = s.region AND n.sheet_id = s.sheet_id) AS fen
          FROM fund.sheet s WHERE s.region = %(region)s AND s.term = %(month)s AND s.state <> 'void'
         ORDER BY s.fund, s.institution, s.state = 'approved' DESC, s.version DESC),
    sides AS (
        SELECT fund, institution, s.sheet_id, s.state, s.prepared_by, s.approved_by, coalesce(s.fen, 0)::bigint AS deducted,
               coalesce(sum(p.fen), 0)::bigint AS paid,
               coalesce(sum(p.fen) FILTER (WHERE s.state IS DISTINCT FROM 'approved' OR p.settled_by = s.sheet_id), 0)::bigint AS in_sheet
          FROM paid p FULL JOIN sheets s USING (fund, institution) GROUP BY 1, 2, 3, 4, 5, 6, s.fen)
    SELECT fund, institution, coalesce((SELECT name FROM fund.institution i WHERE i.region = %(region)s AND i.institution = sides.institution), ''),
           paid, in_sheet, coalesce(sheet_id, ''), coalesce(state, ''), deducted, coalesce(prepared_by, ''), coalesce(approved_by, '')
      FROM sides ORDER BY 1, 2
"""


def link_grid(tx: Transaction, month: ControlMonth, people: Mapping[str, str]) -> Grid:
    """An institution a row; a month without an approved sheet is no difference, only not deducted yet."""
    columns = (
        Column("fund", "险种", "text", 8), Column("institution", "机构", "text", 14), Column("name", "名称", "text", 20),
        Column("paid_fen", "已付日拨付（回单）", "money", 16), Column("in_sheet_fen", "其中列入月结单", "money", 16),
        Column("deducted_fen", "月结单扣减", "money", 16), Column("difference_fen", "差额", "money", 14),
        Column("open_fen", "尚未扣减", "money", 14), Column("sheet", "月结单", "text", 26), Column("state", "状态", "text", 8),
        Column("signed", "制单、审批", "text", 12),
    )  # fmt: skip
    lines, sums, wrong = [], [0, 0, 0, 0, 0], 0
    for fund, institution, name, paid, in_sheet, sheet, state, deducted, maker, checker in tx.rows(
        _LINKED, region=month.region, month=month.month
    ):
        settled = state == "approved"
        difference = in_sheet - deducted if settled else 0
        wrong += bool(difference)
        figures = [
            paid,
            in_sheet if settled else 0,
            deducted if settled else 0,
            difference,
            paid - in_sheet if settled else paid,
        ]
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        how = said("sheet.state", state) if state else "未编制"
        cells: tuple[Cell, ...] = (
            FUND_NAMES[fund],
            institution,
            name,
            *figures,
            sheet,
            how,
            f"{people.get(maker, maker)} {people.get(checker, checker)}".strip(),
        )
        lines.append(Line(cells))
    lines.append(Line(("合计", "", "", *sums, "", "", ""), total=True))
    notes = [f"期号{month.month}：已付日拨付与月结单扣减不符的机构{wrong}家"]
    return Grid(
        f"control-{month.month}-link",
        "日拨付与月结算衔接",
        columns,
        lines,
        notes=notes,
        facts={"differences": wrong},
    )
