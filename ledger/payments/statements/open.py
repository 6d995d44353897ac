"""What is not matched yet, on both sides, as temporary tables of the transaction: everything here works on whole sets.

`open_line` is the bank's: statement, n, effect, booked_on, receipt_no, bank_reference, order_no, summary, other_name.
`open_leg` is ours: fund, period, seq, leg, effect, day, business_day, evidence, digest, reverses, summary. Effects are fen,
positive where money came in.
"""

from __future__ import annotations

from typing import Final, LiteralString

from ledger.db.unit_of_work import Transaction

_LINES: Final[LiteralString] = """
CREATE TEMP TABLE open_line ON COMMIT DROP AS
SELECT l.statement, l.n, CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END AS effect, l.booked_on,
       l.receipt_no, l.bank_reference, l.order_no, l.summary, l.other_name
  FROM payments.statement_line l
 WHERE l.region = %(region)s AND l.account = %(account)s AND l.statement > 0
   AND NOT EXISTS (SELECT 1 FROM payments.match_line m WHERE m.region = %(region)s AND m.account = l.account
                      AND m.statement = l.statement AND m.n = l.n AND m.live)
"""
# The account, how the books call it, and the dimensions of its lines.
_OWN: Final[LiteralString] = """
CREATE TEMP TABLE open_own ON COMMIT DROP AS
SELECT a.kind::integer AS code, a.kind = '1005' AS whole, payments.account_funds(a.region, a.account) AS funds,
       ARRAY(SELECT d.dim FROM books.dim d WHERE d.region = a.region AND (a.kind = '1005' OR d.counterparty = a.account)) AS dims
  FROM payments.bank_account a WHERE a.region = %(region)s AND a.account = %(account)s
"""
# Through the posting lists, so that a journal of millions is not read for one account. A table of its own, so that the planner knows
# how many there are: of a month that was booked just now it knows nothing, and would pair all with all.
_HIT: Final[LiteralString] = """
CREATE TEMP TABLE open_hit ON COMMIT DROP AS
SELECT DISTINCT p.fund, p.period, b.voucher_date, b.first_seq + f.off AS seq
  FROM pg_temp.open_own o
 CROSS JOIN LATERAL unnest(o.dims) AS d (dim)
  JOIN books.posting p ON p.region = %(region)s AND p.fund = ANY (o.funds) AND p.account = o.code AND p.dim = d.dim
  JOIN books.block b ON b.region = %(region)s AND b.fund = p.fund AND b.block = p.block
 CROSS JOIN LATERAL unnest(p.offs) AS f (off)
"""
_LEGS: Final[LiteralString] = """
CREATE TEMP TABLE open_leg ON COMMIT DROP AS
SELECT h.fund, h.period, h.seq, l.leg::smallint AS leg, sign(l.code)::bigint * l.fen AS effect, h.voucher_date AS day,
       e.business_date AS business_day, coalesce(named.reference, e.evidence) AS evidence, e.evidence_digest AS digest, e.reverses_seq AS reverses,
       coalesce(nullif(named.summary, ''), e.summary) AS summary
  FROM pg_temp.open_hit h
  JOIN books.entry e ON e.region = %(region)s AND e.fund = h.fund AND e.period = h.period AND e.seq = h.seq
 CROSS JOIN LATERAL unnest(e.accounts, e.amounts, e.dims) WITH ORDINALITY AS l (code, fen, dim, leg)
  LEFT JOIN payments.opened_leg named ON named.region = %(region)s AND named.fund = h.fund AND named.seq = h.seq AND named.leg = l.leg
 WHERE abs(l.code) = (SELECT o.code FROM pg_temp.open_own o)
   AND ((SELECT o.whole FROM pg_temp.open_own o) OR l.dim = ANY ((SELECT o.dims FROM pg_temp.open_own o)::integer[]))
   AND NOT EXISTS (SELECT 1 FROM payments.match_leg m WHERE m.region = %(region)s AND m.fund = h.fund AND m.seq = h.seq
                      AND m.leg = l.leg AND m.live)
   -- of an opening entry only what the cut-over named as open: the rest the opening statement proves, or the first that came
   AND (e.event <> 'OPEN' OR named.leg IS NOT NULL)
"""


def gather(tx: Transaction, account: str) -> None:
    """Make them anew for an account of the transaction's region."""
    tx.run("DROP TABLE IF EXISTS pg_temp.open_line, pg_temp.open_own, pg_temp.open_hit, pg_temp.open_leg")
    tx.run("SET LOCAL work_mem = '256MB'")  # a month of a large agency is sorted and hashed in memory
    tx.run(_LINES, region=tx.region, account=account)
    tx.run(_OWN, region=tx.region, account=account)
    tx.run(_HIT, region=tx.region)
    tx.run("ANALYZE pg_temp.open_hit")
    tx.run(_LEGS, region=tx.region)
    tx.run("ANALYZE pg_temp.open_line, pg_temp.open_leg")
