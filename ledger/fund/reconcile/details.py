"""Details 对明细账 (art. 16, interface 3202): an institution's file against our records, in one set operation.

Four outcomes: MATCH, CENTER_ONLY, PROVIDER_ONLY, AMOUNT_DIFF. A file covers one book's 险种 of one 清算类别 in one 期号.
A line is agreed when a comparison over everything, refunds included, left no difference unresolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from ledger.core.errors import NotFound
from ledger.core.money import yuan
from ledger.core.words import words_of
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction
from ledger.fund.reconcile.file import DetailRow, ResultRow, read_detail
from ledger.fund.reconcile.scope import ReconcileScope, check_scope, collect_ours
from ledger.fund.reconcile.totals import open_line

STMT_RSLT: Final = {"MATCH": "0", "CENTER_ONLY": "1", "PROVIDER_ONLY": "2", "AMOUNT_DIFF": "3"}
OUTCOME_NAMES: Final = words_of("difference.outcome")

_COMPARE: Final = """
    CREATE TEMP TABLE compared ON COMMIT DROP AS
    SELECT coalesce(o.setl_id, t.setl_id) AS setl_id, coalesce(o.mdtrt_id, t.mdtrt_id) AS mdtrt_id,
           coalesce(o.psn_no, t.psn_no) AS psn_no,
           coalesce(CASE WHEN o.reversal OR o.reversed THEN '1' WHEN o.setl_id IS NOT NULL THEN '0' END, t.refd_setl_flag)
               AS refd_setl_flag,
           CASE WHEN t.setl_id IS NULL THEN 'CENTER_ONLY' WHEN o.setl_id IS NULL THEN 'PROVIDER_ONLY'
                WHEN (o.medfee_fen, o.fund_fen, o.acct_fen) = (t.medfee_fen, t.fund_fen, t.acct_fen) THEN 'MATCH'
                ELSE 'AMOUNT_DIFF' END AS outcome,
           o.medfee_fen AS our_medfee, o.fund_fen AS our_fund, o.acct_fen AS our_acct,
           t.medfee_fen AS their_medfee, t.fund_fen AS their_fund, t.acct_fen AS their_acct
      FROM (SELECT * FROM ours WHERE %(all)s OR NOT (reversal OR reversed)) o
      FULL JOIN theirs t ON t.setl_id = o.setl_id"""


class Sides(NamedTuple):
    """One record's figures on both sides in fen; None where a side has no such record."""

    our_medfee_fen: int | None
    our_fund_fen: int | None
    our_acct_fen: int | None
    their_medfee_fen: int | None
    their_fund_fen: int | None
    their_acct_fen: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that did not match, and what was decided about it."""

    run_id: str
    n: int
    setl_id: str
    mdtrt_id: str
    psn_no: str
    refd_setl_flag: str
    outcome: str
    sides: Sides
    decision: str
    """"" undecided, `ours` our record stands, `out` not declared."""
    reason: str
    proposed_by: str
    confirmed_by: str

    @property
    def resolved(self) -> bool:
        """Whether two persons decided it."""
        return self.confirmed_by != ""


@dataclass(frozen=True, slots=True)
class DetailResult:
    """What a comparison found: counts by outcome, and the state the line has now."""

    run_id: str
    scope: ReconcileScope
    matched: int
    center_only: int
    provider_only: int
    amount_diff: int
    state: str


@dataclass(frozen=True, slots=True)
class DetailFile:
    """An institution's detail file as it came, with the request's own narrowing."""

    name: str
    content: bytes
    setl_optins: str = ""
    with_refunded: bool = True

    @property
    def complete(self) -> bool:
        """Whether it speaks of everything in its scope."""
        return self.with_refunded and not self.setl_optins


def compare_details(tx: Transaction, scope: ReconcileScope, file: DetailFile, on: date) -> DetailResult:
    """Compare a detail file with our records of `scope` and keep file, counts and differences.

    A complete file replaces what was open from the file before it: new data resolve differences. The same file against
    the same records is answered as the first time. Raises what `read_detail` and `check_scope` raise.
    """
    check_scope(tx, scope)
    rows = read_detail(file.content)
    open_line(tx, scope)
    lock_line(tx, scope)
    digest = collect_ours(tx, scope, setl_optins=file.setl_optins)
    file_digest = sha256(file.content).digest()
    head = f"{'|'.join(map(str, scope))}|{file.setl_optins}|{int(file.with_refunded)}|"
    run_id = sha256(head.encode() + file_digest + digest).hexdigest()[:32]
    if not tx.value(
        "SELECT 1 FROM fund.reconcile_run WHERE region = %(region)s AND run_id = %(run_id)s",
        region=tx.region,
        run_id=run_id,
    ):
        _join(tx, rows, with_refunded=file.with_refunded)
        _keep_run(tx, scope, file, run_id, (file_digest, digest), on)
    if file.complete:
        settle_line(tx, scope, run_id, digest)
    return result_of(tx, run_id)


def lock_line(tx: Transaction, scope: ReconcileScope) -> None:
    """One comparison or decision at a time on a line."""
    tx.run(
        """SELECT 1 FROM fund.reconciliation WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s
              AND term = %(term)s AND clr_type = %(clr_type)s FOR UPDATE""",
        region=tx.region,
        **scope._asdict(),
    )


def _join(tx: Transaction, rows: Iterable[DetailRow], *, with_refunded: bool) -> None:
    tx.run("DROP TABLE IF EXISTS theirs, compared")
    tx.run(
        """CREATE TEMP TABLE theirs (setl_id text, mdtrt_id text, psn_no text, medfee_fen bigint, fund_fen bigint,
               acct_fen bigint, refd_setl_flag text) ON COMMIT DROP"""
    )
    tx.copy("theirs", rows)
    tx.run("ANALYZE theirs")
    tx.run(_COMPARE, all=with_refunded)


def _keep_run(
    tx: Transaction,
    scope: ReconcileScope,
    file: DetailFile,
    run_id: str,
    digests: tuple[bytes, bytes],
    on: date,
) -> None:
    tx.run(
        """INSERT INTO fund.reconcile_run
           SELECT %(region)s, %(run_id)s, %(fund)s, %(institution)s, %(term)s, %(clr_type)s, %(optins)s, %(flag)s, %(name)s,
                  %(sha256)s, %(content)s, %(digest)s, count(*) FILTER (WHERE outcome = 'MATCH'),
                  count(*) FILTER (WHERE outcome = 'CENTER_ONLY'), count(*) FILTER (WHERE outcome = 'PROVIDER_ONLY'),
                  count(*) FILTER (WHERE outcome = 'AMOUNT_DIFF'), %(user)s, %(on)s FROM compared""",
        region=tx.region,
        run_id=run_id,
        optins=file.setl_optins,
        flag="1" if file.with_refunded else "0",
        name=file.name,
        sha256=digests[0],
        content=fields(tx).seal_bytes(file.content, place("fund.reconcile_run.content", tx.region, run_id)),
        digest=digests[1],
        user=tx.user,
        on=on,
        **scope._asdict(),
    )
    tx.run(
        """INSERT INTO fund.difference (region, fund, run_id, n, setl_id, mdtrt_id, psn_no, refd_setl_flag, outcome, our_medfee_fen,
               our_fund_fen, our_acct_fen, their_medfee_fen, their_fund_fen, their_acct_fen)
           SELECT %(region)s, %(fund)s, %(run_id)s, row_number() OVER (ORDER BY setl_id COLLATE "C"), setl_id, mdtrt_id, psn_no,
                  refd_setl_flag, outcome, our_medfee, our_fund, our_acct, their_medfee, their_fund, their_acct
             FROM compared WHERE outcome <> 'MATCH'""",
        region=tx.region,
        fund=scope.fund,
        run_id=run_id,
    )


def settle_line(tx: Transaction, scope: ReconcileScope, run_id: str, digest: bytes) -> None:
    """The line follows its latest complete comparison: agreed when nothing of it is unresolved."""
    tx.run(
        """UPDATE fund.reconciliation l
              SET run_id = %(run_id)s, digest = %(digest)s, differences = d.unresolved,
                  records = r.matched + r.center_only + r.amount_diff,
                  state = CASE WHEN d.unresolved = 0 THEN 'agreed' ELSE 'differs' END
             FROM fund.reconcile_run r,
                  (SELECT count(*) AS unresolved FROM fund.difference
                    WHERE region = %(region)s AND run_id = %(run_id)s AND confirmed_by = '') d
            WHERE r.region = %(region)s AND r.run_id = %(run_id)s
              AND l.region = %(region)s AND l.fund = %(fund)s AND l.institution = %(institution)s AND l.term = %(term)s
              AND l.clr_type = %(clr_type)s""",
        region=tx.region,
        run_id=run_id,
        digest=digest,
        **scope._asdict(),
    )


def result_of(tx: Transaction, run_id: str) -> DetailResult:
    """A comparison as kept, with the state its line has now; raises NotFound `reconcile.unknown_run`."""
    row = tx.row(
        """SELECT r.fund, r.institution, r.term, r.clr_type, r.matched, r.center_only, r.provider_only, r.amount_diff, l.state
             FROM fund.reconcile_run r JOIN fund.reconciliation l USING (region, fund, institution, term, clr_type)
            WHERE r.region = %(region)s AND r.run_id = %(run_id)s""",
        region=tx.region,
        run_id=run_id,
    )
    if row is None:
        raise NotFound("reconcile.unknown_run", f"没有对账批次{run_id}")
    return DetailResult(run_id, ReconcileScope(*row[:4]), *row[4:])


def differences(tx: Transaction, run_id: str, *, unresolved: bool = False) -> list[Difference]:
    """The differences of a comparison with both sides' figures, by setl_id; all, or those two persons have not decided."""
    return [
        _difference(row)
        for row in tx.rows(
            """SELECT run_id, n, setl_id, mdtrt_id, psn_no, refd_setl_flag, outcome, our_medfee_fen, our_fund_fen, our_acct_fen,
                      their_medfee_fen, their_fund_fen, their_acct_fen, decision, reason, proposed_by, confirmed_by
                 FROM fund.difference
                WHERE region = %(region)s AND run_id = %(run_id)s AND (NOT %(unresolved)s OR confirmed_by = '') ORDER BY n""",
            region=tx.region,
            run_id=run_id,
            unresolved=unresolved,
        )
    ]


def _difference(row: tuple[Any, ...]) -> Difference:
    run_id, n, setl_id, mdtrt_id, psn_no, flag, outcome, *figures = row[:13]
    return Difference(run_id, n, setl_id, mdtrt_id, psn_no, flag, outcome, Sides(*figures), *row[13:])


def our_details(tx: Transaction, scope: ReconcileScope) -> list[DetailRow]:
    """Our own records as rows of a detail file, forward and reverse, for an institution to compare with."""
    check_scope(tx, scope)
    collect_ours(tx, scope)
    return [
        DetailRow(*row)
        for row in tx.rows(
            """SELECT setl_id, mdtrt_id, psn_no, medfee_fen, fund_fen, acct_fen,
                      CASE WHEN reversal OR reversed THEN '1' ELSE '0' END
                 FROM ours ORDER BY setl_id COLLATE "C" """
        )
    ]


def result_rows(tx: Transaction, run_id: str) -> list[ResultRow]:
    """The result file of a comparison: what did not match, for the institution (matching rows are not returned)."""
    found = result_of(tx, run_id)
    rows: list[ResultRow] = []
    for item in differences(tx, run_id):
        ours, theirs = item.sides[:3], item.sides[3:]
        shown = [fen or 0 for fen in (theirs if item.outcome == "PROVIDER_ONLY" else ours)]
        memo = OUTCOME_NAMES[item.outcome]
        if item.outcome == "AMOUNT_DIFF":
            memo += "：机构" + "/".join(yuan(fen or 0) for fen in theirs)
        rows.append(
            ResultRow(
                item.psn_no, item.mdtrt_id, item.setl_id, found.run_id[:30], STMT_RSLT[item.outcome],
                item.refd_setl_flag, memo, *shown,
            )
        )  # fmt: skip
    return rows
