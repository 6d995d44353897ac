"""The statement that stores records with what they owe and how they are split: one for many at once and for few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final, LiteralString, NamedTuple

from ledger.db.unit_of_work import Transaction
from ledger.fund.intake.context import Enrolled
from ledger.fund.intake.values import TAB, Gist, Load

_KEY: Final = attrgetter("setl_id", "line")
FEW: Final = 1_000
"""Up to here rows travel within the statement; above, COPY into a staging table is faster than its upkeep costs."""

_COLUMNS: Final = (
    "region, setl_id, mdtrt_id, psn_no, fixmedins_code, insutype, med_type, clr_type, setl_time, poolarea_no, clr_optins,"
    " clr_way, pay_loc, out_flag, insu_admdvs, fix_blng_admdvs, setl_type, hosp_lv, year, begndate, enddate,"
    " medins_setl_id, init_setl_id, medfee_sumamt, fulamt_ownpay_amt, overlmt_selfpay, preselfpay_amt, inscp_scp_amt,"
    " act_pay_dedc, hifp_pay, cvlserv_pay, hifes_pay, hifmi_pay, hifob_pay, maf_pay, hifdm_pay, oth_pay,"
    " fund_pay_sumamt, hosp_part_amt, psn_part_amt, acct_pay, psn_cash_pay, balc, acct_mulaid_pay, hi_agre_sumfee,"
    " details, content_digest"
)
_FEW_CAME: Final = "WITH came AS MATERIALIZED (SELECT * FROM unnest(%(rows)s::fund.taken_line[])),"
_MANY_CAME: Final = "WITH came AS NOT MATERIALIZED (SELECT * FROM r_in),"
_KEPT: Final = " kept AS (INSERT INTO fund.record (" + _COLUMNS + ", load_id, line) SELECT " + _COLUMNS
_OWED: Final = """, %(load)s, line FROM came ON CONFLICT DO NOTHING RETURNING line),
     owed AS (INSERT INTO fund.payable (region, fund, setl_id, subfund, institution, service_year, term, category, day,
                                        fund_fen, daily_fen, ratio)"""
_BY_RATIO: Final = """
    SELECT r.region, r.book, r.setl_id, r.subfund, r.fixmedins_code, r.service_year, r.term, r.category, r.day,
           r.fund_fen, fund.share(r.fund_fen, r.ratio), r.ratio
      FROM (SELECT c.*, 'pool' AS subfund, c.pooled_fen AS fund_fen, coalesce(e.ratio, 0) AS ratio
              FROM came c
              LEFT JOIN unnest(%(institutions)s::text[], %(days)s::date[], %(ratios)s::integer[]) AS e (institution, day, ratio)
                     ON e.institution = c.fixmedins_code AND e.day = c.day AND c.inpatient
             WHERE c.pooled_fen <> 0
             UNION ALL SELECT c.*, 'acct', c.account_fen, 0 FROM came c WHERE c.account_fen <> 0) r
      JOIN kept k ON k.line = r.line"""
_AS_ORIGINAL: Final = """
    SELECT r.region, o.fund, r.setl_id, o.subfund, o.institution, o.service_year, r.term, o.category, r.day,
           -o.fund_fen, -o.daily_fen, o.ratio
      FROM came r JOIN kept k ON k.line = r.line
     CROSS JOIN LATERAL (SELECT * FROM fund.payable
                          WHERE region = r.region AND fund = r.book AND setl_id = r.init_setl_id OFFSET 0) o"""
_REST: Final = """ RETURNING setl_id, daily_fen),
     layers AS (INSERT INTO fund.bill_layer SELECT (s.split).* FROM (
                       SELECT c.split::fund.bill_layer FROM came c JOIN kept k ON k.line = c.line WHERE c.split <> '' OFFSET 0) s)
SELECT r.line, k.line IS NOT NULL, coalesce(o.daily_fen, 0)
  FROM came r LEFT JOIN kept k ON k.line = r.line
  LEFT JOIN (SELECT setl_id, sum(daily_fen)::bigint AS daily_fen FROM owed GROUP BY setl_id) o ON o.setl_id = r.setl_id AND k.line IS NOT NULL
 WHERE %(each)s OR k.line IS NULL
UNION ALL SELECT 0, true, (SELECT coalesce(sum(daily_fen), 0)::bigint FROM owed)"""


_ALL: Final = 0
"""Stands for a line number in the row that speaks of all."""


class Stored(NamedTuple):
    """What the statement said: the lines that were not new, the fen of those asked about, and of all new ones together."""

    not_new: frozenset[int]
    daily_fen: Mapping[int, int]
    sum_fen: int


def insert(
    tx: Transaction,
    load: Load,
    records: Sequence[Gist],
    enrolled: Enrolled | None,
    *,
    each: bool,
) -> Stored:
    """Insert what is new; raises what the database refuses.

    By keys in one order, so that two loads of the same records wait for each other and never crosswise.

    `enrolled`, `each`: as of `store.store`.
    """
    ordered = sorted(records, key=_KEY)
    few = len(records) <= FEW
    params: dict[str, object] = {"load": load.load_id, "each": each}
    if enrolled is not None:
        params |= enrolled._asdict()
    if few:
        params["rows"] = "{" + ",".join([_element(record.row) for record in ordered]) + "}"
    else:
        tx.run("CREATE TEMP TABLE IF NOT EXISTS r_in OF fund.taken_line ON COMMIT DELETE ROWS")
        # The planner knows nothing of the rows to come and would sort all of them, twice.
        tx.run("SET LOCAL enable_mergejoin = off")
        tx.run("TRUNCATE r_in")
        tx.copy_text("r_in", ("\n".join([record.row for record in ordered]) + "\n").encode("ascii"))
    came: LiteralString = _FEW_CAME if few else _MANY_CAME
    how: LiteralString = _AS_ORIGINAL if enrolled is None else _BY_RATIO
    daily_fen: dict[int, int] = {}
    not_new = set()
    for line, new, fen in tx.rows(came + _KEPT + _OWED + how + _REST, **params):
        if new:
            daily_fen[line] = fen
        else:
            not_new.add(line)
    return Stored(frozenset(not_new), daily_fen, daily_fen.pop(_ALL))


def _element(row: str) -> str:
    """A row of COPY text as PostgreSQL reads it within an array: quotes and backslashes escaped for both readers.

    The canonical text has neither, only a split has quotes. Written here and not by the driver, whose escaping costs more than
    the insert.
    """
    text = '("' + row.replace('"', '\\"').replace(TAB, '","') + '")'
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
