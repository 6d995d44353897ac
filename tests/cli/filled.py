"""A filled home for the words people read: which family of words each limited column speaks, and rows with every code."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

_COLUMNS: Final = """
access.proposal.act user_proposal.act
access.proposal.state user_proposal.state
access.alarm_notice.channel alarm.channel
access.person_key.state signing_key.state
books.account_change.act account_change.act
books.account_change.state account_change.state
books.closing.method closing.method
books.closing.state closing.state
books.closing_check.code closing.check
books.closing_waiver.code closing.check
books.correction.kind correction.kind
books.dim.subfund subfund
books.period.state period.state
books.voucher.correction correction.kind
books.voucher_decision.decision voucher.state
fund.advance.kind advance.kind
fund.advance.recovery advance.recovery
fund.advance.state advance.state
fund.calendar_proposal.state calendar.state
fund.cash_move.kind movement.kind
fund.cash_move.state movement.state
fund.cash_move.subfund subfund
fund.clearing_band.kind rates.kind
fund.clearing_budget.method rates.method
fund.cutover.state cutover.state
fund.cutover_bank.kind cutover.bank
fund.declaration.state declaration.state
fund.difference.decision difference.decision
fund.difference.outcome difference.outcome
fund.enrolment.cycle enrolment.cycle
fund.enrolment.mode enrolment.mode
fund.finding.kind finding.kind
fund.finding.severity finding.severity
fund.finding.source finding.source
fund.finding.state finding.state
fund.finding.subfund subfund
fund.finding_transition.appeal finding.appeal
fund.fund_request.basis fund_request.basis
fund.fund_request.state fund_request.state
fund.fund_request_line.kind kind
fund.institution.agreement_state institution.state
fund.institution.type institution.type
fund.layer_map.match layer.match
fund.layer_map.payer layer.payer+layer.none
fund.letter.period letter.period
fund.letter.state letter.state
fund.letter_line.subfund subfund
fund.letter_paper.kind letter.reason
fund.letter_row.part letter.part
fund.outregion_bill.side region.side
fund.outregion_bill_line.subfund subfund
fund.outregion_inbox.kind link.kind
fund.outregion_move.kind region_movement.kind
fund.outregion_move.state region_movement.state
fund.outregion_outbox.kind link.kind
fund.outregion_outbox.state link.state
fund.outregion_quota.direction region.direction
fund.outregion_record.side region.side
fund.outregion_record.state outregion.state
fund.payable.subfund subfund
fund.payee_account.state payee.state
fund.party.kind party.kind
fund.party.state party.state
fund.person_account.state person_account.state
fund.person_payment.kind person_payment.kind
fund.person_payment.state person_payment.state
fund.person_payment.subfund subfund
fund.policy_proposal.state policy.state
fund.quarantine.state quarantine.state
fund.reconciliation.state reconciliation.state
fund.removal.kind retention.kind
fund.removal.state removal.state
fund.refund.kind refund.kind
fund.refund.ordered_by refund.ordered_by
fund.refund.state refund.state
fund.refund_line.subfund subfund
fund.risk_case.rule risk.rule
fund.risk_step.step risk.step
fund.risk_step.state risk.step_state
fund.sheet.state sheet.state
fund.sheet_due.kind taking.kind
fund.sheet_line.subfund subfund
fund.sheet_taking.kind taking.kind
fund.terms.agreement_state institution.state
fund.terms.cycle enrolment.cycle
fund.terms.kind terms.kind
fund.terms.mode enrolment.mode
fund.terms.state terms.state
jobs.asked.what job.asked
jobs.job_run.state job.state
payments.bank_account.kind account.kind
payments.bank_channel.state channel.state
payments.bank_file.state file.state
payments.bank_statement.form statement.form
payments.bank_word.state bank_word
payments.batch.kind kind
payments.evidence.direction direction
payments.evidence.kind paper.kind
payments.evidence.outcome paper.outcome
payments.freezing.code freeze.sign
payments.freezing.state freeze.state
payments.handed_file.state handed.state
payments.inbound_file.outcome bank_file.outcome
payments.read_again.outcome bank_file.outcome
payments.reconciliation.state sheet_bank.state
payments.reconciliation_item.part sheet_bank.part
payments.receipt_kind.direction direction
payments.resolution.state resolution.state
payments.resolution.what resolution.what
payments.statement_file.form statement.form
payments.statement_file.state statement_file.state
payments.statement_line.direction direction
payments.statement_match.why match.why
payments.statement_withdrawal.state statement_withdrawal.state
books.import_file.kind voucher_file.kind
books.recurrence.rhythm recurrence.rhythm
books.recurrence.state recurrence.state
books.voucher_template.state template.state
"""
COLUMNS: Final = dict(line.split() for line in _COLUMNS.split("\n") if line)
"""Column → family. A new limited column is named here, its codes in ledger/core/words/words.tsv."""
NO_WORDS: Final = {
    "access.trace.op": "what a statement did, in the chain's own hashed text; verify says it in a sentence",
    "access.person_key.algorithm": "Ed25519, SM2, ES256 and EdDSA are names",
    "books.counter.series": "记 and 备 are words",
    "fund.reconcile_run.refd_setl_flag": "the platform's flag 0, 1, sent and kept, never shown",
    "fund.reconcile_total.refd_setl_flag": "likewise",
    "fund.trace_code.trdn_flag": "likewise",
    "payments.receipt_kind.split": "which kinds tell the sub-funds apart: the table of kinds itself, never shown",
}

_R: Final = "--region 420100"
_H: Final = "H42010000001"
COMMANDS: Final = (
    "--as zhou account list --book 420100-310",
    f"--as zhou advance list {_R}",
    f"--as zhou advance reconcile {_R} --fund 310 --year 2026",
    "--as zhou alarms",
    f"--as zhou alarms list {_R}",
    f"--as zhou audit list {_R}",
    f"--as zhou audit show {_R} --finding {{SELECT finding_id FROM fund.finding ORDER BY 1 LIMIT 1}}",
    f"--as zhou bank files {_R}",
    f"--as zhou bank-statement list {_R}",
    "--as zhou book list",
    "--as zhou book voucher list --book 420100-310",
    "--as zhou book voucher imported --book 420100-310",
    "--as zhou book voucher recurring list --book 420100-310",
    "--as qian book voucher waiting --book 420100-310",
    "--as zhou book voucher templates list --book 420100-310",
    "--as zhou book voucher templates show A14 --book 420100-310",
    "--as zhou book voucher show {SELECT voucher_id FROM books.voucher WHERE fund = 310 LIMIT 1} --book 420100-310",
    f"--as zhou calendar show {_R}",
    f"--as zhao cash forecast {_R} --fund 310 --date 2026-05-08 --upto 2026-05-15",
    f"--as zhou cash list {_R}",
    f"--as zhou clear list {_R} --year 2026",
    f"--as zhao clear targets {_R} --year 2026",
    "--as zhou correct show --book 420100-310 --voucher 1",
    "--as zhou cutover show --book 420100-310",
    f"--as zhou declare list {_R} --fund 310 --institution {_H} --term 202603",
    f"--as qian day show {_R} --date 2026-03-02",
    f"--as zhou institution list {_R}",
    f"--as zhou institution list --open {_R}",
    f"--as zhou institution show {_H} {_R}",
    f"--as zhou layers bill {{SELECT setl_id FROM fund.bill_layer ORDER BY 1 LIMIT 1}} {_R}",
    f"--as zhou jobs list {_R}",
    f"--as zhou monitor show {_R} --day 2026-03-03",
    f"--as zhou risk list {_R}",
    f"--as zhou risk show {{SELECT max(n) FROM fund.risk_case}} {_R}",
    f"--as zhou jobs show overdue {_R}",
    f"--as zhou key list {_R}",
    f"--as zhou layers totals {_R} --from 2026-03-01 --to 2026-04-30",
    f"--as zhou month list {_R} --term 202603",
    f"--as zhou outregion totals {_R} --fund 310",
    f"--as zhou outregion usage {_R} --fund 310 --date 2026-05-08",
    f"--as zhou party list {_R}",
    f"--as zhou payments list {_R}",
    f"--as zhou payments refusals {_R}",
    *(f"--as zhou payments list {_R} --state {state}" for state in ("paid", "returned", "rejected", "cancelled", "unknown")),
    f"--as zhou payments list {_R} --order {{SELECT order_no FROM payments.pay_order WHERE state = 'returned' ORDER BY 1 LIMIT 1}}",
    f"--as zhou payments list {_R} --order {{SELECT order_no FROM payments.order_event WHERE event = 'cancel' ORDER BY 1 LIMIT 1}}",
    f"--as zhou payments suspense list {_R}",
    f"--as zhou payments handed list {_R}",
    f"--as zhou payments freeze list {_R}",
    f"--as xitong payments ask {_R}",
    f"--as zhou policy list {_R}",
    "--as zhou period status --book 420100-310 --quick",
    f"--as zhou reconciliation list {_R} --account 4200000000001004",
    f"--as zhou reconciliation propose {_R} --account 4200000000001004",
    f"--as zhou reconcile period {_R} --institution {_H} --begin 2026-03-01 --end 2026-03-31",
    f"--as zhou refund list {_R}",
    "--as zhou report trial-balance --book 420100-310",
    "--as zhou report trial-balance --book 420100-310 --format csv",
    "--as zhou report general-ledger --book 420100-310 --account 9104",
    "--as zhou report general-ledger --book 420100-310 --account 9104 --format csv",
    "--as zhou report balance-sheet --book 420100-310 --year 2026",
    "--as zhou report income-statement --book 420100-310 --year 2026 --format csv",
    "--as zhou report sub-ledger --book 420100-310 --account 9104",
    "--as zhou report columnar --book 420100-310 --account 9104",
    "--as zhou report journal --book 420100-310",
    "--as zhou report bank-journal --book 420100-310",
    "--as zhou report auxiliary --book 420100-310 --period {SELECT max(period) FROM books.entry WHERE fund = 310} --by subfund",
    "--as zhou report dealings --book 420100-310 --period {SELECT max(period) FROM books.entry WHERE fund = 310}",
    "--as zhou report changed --book 420100-310 --of sub-ledger --account 9104 --since 2020-01-01",
    "--as zhou report control --region 420100 --month {SELECT max(period) FROM books.entry WHERE fund = 310} --seed s",
    "--as zhou report find --account 9104",
    f"--as zhou report remittance {{SELECT order_no FROM payments.pay_order WHERE state = 'paid' ORDER BY 1 LIMIT 1}} {_R}",
    "--as zhou report voucher {SELECT max(seq) FROM books.entry WHERE fund = 310} --book 420100-310",
    "--as zhou report voucher {SELECT max(seq) FROM books.entry WHERE fund = 310} --book 420100-310 --format csv",
    "--as zhou report voucher {SELECT max(seq) FROM books.entry WHERE fund = 310} --book 420100-310 --format html",
    "--as zhou rules show",
    "--as zhou rules worked-year",
    "--as zhou explain {SELECT setl_id FROM fund.payable ORDER BY 1 LIMIT 1}",
    "--as zhou explain {SELECT order_no FROM payments.pay_order WHERE state = 'returned' ORDER BY 1 LIMIT 1}",
    "--as zhou explain {SELECT sheet_id FROM fund.sheet ORDER BY 1 LIMIT 1}",
    "--as zhou explain {SELECT finding_id FROM fund.finding ORDER BY 1 LIMIT 1}",
    "--as zhou explain {SELECT move_id FROM fund.cash_move ORDER BY 1 LIMIT 1}",
    "--as zhou explain 310:100",
    *(f"--as zhou statement --institution {_H} --fund 310 --year 2026 --format {how}" for how in ("table",)),
    "--as zhou verify --promises",
    "--as xitong worker --once overdue",
    "--as guan db status",
    f"--as zhou user keys {_R}",
    f"--as zhou user list {_R}",
    f"--as guan user pending {_R}",
)  # fmt: skip
NOT_LISTED: Final = {
    "alarms table": "the kinds themselves; tests/api/test_alarms.py",
    "archive export": "names and digests of files",
    "archive verify": "names of files; tests/control/conservation/test_archive.py",
    "audit sample-check": "says whether a drawn sample is the one that was drawn",
    "bank key": "a public key",
    "bank serve": "runs until it is stopped",
    "book voucher attachments": "names and digests of files; tests/books/test_entering.py",
    "cash plan": "amounts and the words of fund.forecast; tests/fund/cash/test_plans.py",
    "codes": "the list of codes itself",
    "cutover check": "counts and differences, each with its own sentence; tests/cli/test_cutover_commands.py",
    "cutover report": "a report to sign; tests/fund/cutover",
    "cutover template": "names of files",
    "data retention list": "years and counts of kinds that have a name; removals: tests/fund/region/test_removal.py",
    "db audit-admin": "names one person; tests/access/test_administrators.py",
    "db keys list": "ids of keys and counts by table; tests/db/homes/test_rotation.py",
    "db keys retire": "where the key lies; tests/db/homes/test_rotation.py",
    "db keys rotate": "ids of keys and counts by table; tests/db/homes/test_rotation.py",
    "db link": "a link for one person; tests/access/test_sessions.py",
    "db archive": "the address of what is kept; tests/faults/test_lost_machines.py",
    "db backup": "where the dump lies",
    "db base": "the address of what is kept; tests/faults/test_lost_machines.py",
    "db check": "says which server this is, in words; tests/db/test_connections.py",
    "db migrate": "names of revisions, functions and triggers",
    "db recipient": "a public key",
    "db recover": "where the restored home lies; tests/faults/test_lost_machines.py",
    "db restore": "findings of verify",
    "db start": "the database's address",
    "db stop": "nothing",
    "db tamper-drill": "needs the embedded database",
    "demo": "tests/cli/test_demo.py",
    "evidence export": "counts signatures; tests/payments/orders/test_signed.py",
    "evidence verify": "names, moments and fingerprints; tests/payments/orders/test_signed.py",
    "export": "a file for another program",
    "generate": "files for the intake",
    "key agent": "runs until it is stopped",
    "key export": "a public key",
    "key new": "a public key and its file",
    "key sign": "a signature",
    "key sign-list": "a signature over the list of persons",
    "month remittance": "amounts of a paid order and its records; tests/fund/month",
    "outregion differences": "ids, regions, money and days",
    "outregion pull": "a page of the platform's interface",
    "reconcile ours": "a file for the institution",
    "report reconciliation": "a sheet that balances: tests/payments/statements",
    "seal compare": "blocks of the chain; tests/reports/seal",
    "seal export": "counts and digests; tests/reports/seal",
    "seal key": "a public key",
    "seal verify": "what was changed in a file; tests/reports/seal",
    "serve": "runs until it is stopped",
    "setup": "founds a region",
    "simulate": "needs an empty home",
}


def fill_every_code(connection: psycopg.Connection[Any], codes: Mapping[str, Sequence[str]]) -> list[str]:
    """A row for every code of every column (`table.column` → its codes); what no row can hold is named.

    A row is one of the table's own, or an empty one, with the code and a key of its own; guards and checks are off.
    """
    connection.execute("SET session_replication_role = replica")
    for (statement,) in connection.execute(_CHECKS_OFF).fetchall():
        connection.execute(statement)
    lost = []
    for column, wanted in codes.items():
        table, _, name = column.rpartition(".")
        for code in wanted:
            if not _there(connection, table, name, code) and not _added(
                connection, table, {name: code}, _first(table, codes)
            ):
                lost.append(f"{column} {code}")
    connection.execute(_LETTER_ROWS)
    connection.execute(_EVENTS)
    connection.execute("SET session_replication_role = origin")
    connection.commit()
    return lost


def _first(table: str, codes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The first code of every limited column of a table."""
    found = ((*column.rpartition("."), wanted) for column, wanted in codes.items())
    return {name: wanted[0] for of, _, name, wanted in found if of == table}


def _there(connection: psycopg.Connection[Any], table: str, name: str, code: str) -> bool:
    return bool(
        connection.execute(f"SELECT 1 FROM {table} WHERE {name} = %s LIMIT 1".encode(), [code]).fetchone()
    )


def _added(
    connection: psycopg.Connection[Any], table: str, said: dict[str, Any], first: dict[str, Any]
) -> bool:
    key = connection.execute(
        """SELECT a.attname, a.atttypid::regtype::text FROM pg_index i JOIN pg_attribute a
             ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attname NOT IN ('region', 'fund')""",
        [table],
    ).fetchall()
    names = ", ".join(_columns(connection, table))
    for row in [*_rows(connection, table), _empty(connection, table) | first]:
        made = {**row, **said}
        for name, kind in key:
            if name not in said and kind == "text":
                made[name] = f"{row.get(name) or 'X'}-{next(_numbers)}"
            elif name not in said and name == "period":
                made[name] = (10 + next(_numbers)) * 100 + 1  # a month long before any
            elif name not in said and kind == "bytea":
                made[name] = f"\\x{next(_numbers):064x}"
            elif (
                name not in said
                and kind in ("integer", "bigint", "smallint")
                and name not in ("term", "year")
            ):
                number = next(_numbers)
                # a month is yyyymm, whichever number it is
                made[name] = (
                    (1900 + number // 12) * 100 + number % 12 + 1 if name == "period" else 1000 + number
                )
        try:
            with connection.transaction():
                connection.execute(
                    f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s)".encode(),
                    [Jsonb(made)],
                )
        except psycopg.Error:
            continue
        return True
    return False


def _rows(connection: psycopg.Connection[Any], table: str) -> list[dict[str, Any]]:
    return [row for (row,) in connection.execute(f"SELECT to_jsonb(t) FROM {table} t LIMIT 20".encode())]


def _empty(connection: psycopg.Connection[Any], table: str) -> dict[str, Any]:
    """A row of nothing much: what each type's column must hold."""
    return {name: _EMPTY.get(kind, "") for name, kind in _columns(connection, table).items()} | _USUAL


def _columns(connection: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """The columns that are written, with their types."""
    query = """SELECT attname, atttypid::regtype::text FROM pg_attribute
                WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''"""
    return dict(connection.execute(query, [table]).fetchall())


_CHECKS_OFF: Final = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname)
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE contype IN ('c', 'u') AND coninhcount = 0 AND n.nspname IN ('access', 'fund', 'payments', 'books', 'jobs')
UNION ALL
SELECT format('DROP INDEX %s', i.indexrelid::regclass)
  FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE i.indisunique AND NOT i.indisprimary AND t.relkind = 'r' AND n.nspname IN ('access', 'fund', 'payments', 'jobs')
   AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
# An order stands where its last event led.
_EVENTS: Final = """
    INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)
    SELECT o.region, o.order_no, 1, 'draft', '', o.state, 'system', '2026-03-02', '', '' FROM payments.pay_order o
     WHERE NOT EXISTS (SELECT 1 FROM payments.order_event e WHERE e.region = o.region AND e.order_no = o.order_no)
"""
_LETTER_ROWS: Final = """
INSERT INTO fund.letter_row (region, fund, letter_id, row_no, part, amount_fen)
SELECT l.region, l.fund, l.letter_id, n, p, 0
  FROM fund.letter l, unnest('{1,2,4,5,6,7,8,9}'::smallint[]) n, unnest('{pool,acct,large,supplementary,other}'::text[]) p
ON CONFLICT DO NOTHING
"""
_numbers: Final = itertools.count(1)
_EMPTY: Final[Mapping[str, Any]] = {
    "integer": 1, "bigint": 1, "smallint": 1, "boolean": False, "date": "2026-04-01", "bytea": "\\x" + "00" * 32,
    "jsonb": {}, "uuid": "00000000-0000-4000-8000-000000000001", "timestamp with time zone": "2026-04-01T00:00:00+08:00", "text[]": [],
}  # fmt: skip
_USUAL: Final = {
    "region": 420100, "fund": 310, "institution": "H42010000001", "subfund": "pool", "service_year": 2026, "term": 202603,
    "year": 2026, "account": "4200000000001004", "prepared_by": "zhao", "approved_by": "", "approved_on": None,
}  # fmt: skip
