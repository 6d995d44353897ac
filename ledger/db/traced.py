"""Which tables leave a trace of every change: the one list. `sql/traces.sql` has their triggers, a test holds both together.

What is entered here is chained from the next `db migrate` on, whatever stands in the table then (`access.begin_traces`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, LiteralString, NamedTuple


class Traced(NamedTuple):
    """What a table's rows are known by within their region, and what of them is not hashed."""

    keys: tuple[str, ...]
    region: bool = True
    """Whether the table has one; what has none is chained under region 0."""
    left_out: tuple[str, ...] = ()
    """Columns that are proven elsewhere (bytes that have their own digest in the row), or that mean nothing (tries, last seen)."""
    proofs: LiteralString = ""
    """A function of the database that gives keys and `digest` of every row, where the auditor's login does not read the rows."""


TRACED: Final[Mapping[str, Traced]] = {
    "access.alarm_notice": Traced(("alarm", "channel"), left_out=("tries", "next_at", "problem")),
    "access.alarm_seen": Traced(("alarm",)),
    "access.api_key": Traced(("key_hash",), region=False),
    "access.app_user": Traced(("user_name",), region=False),
    "access.before_demand": Traced(("act", "object", "digest", "user_name", "day")),
    "access.home": Traced(("one",), region=False),
    "access.identity": Traced(("identity_hash",), region=False),
    "access.operator_log": Traced(("id",)),
    "access.password": Traced(
        ("user_name",),
        region=False,
        left_out=("otp_step", "failures", "locked_until", "asked", "asked_at"),
        proofs="access.password_proofs()",
    ),
    "access.person_key": Traced(("fingerprint",)),
    "access.proposal": Traced(("n",)),
    "access.session": Traced(("token_hash",), region=False, left_out=("seen_at",)),
    "access.signing_demand": Traced(("region",)),
    "access.user_role": Traced(("user_name", "role", "fund")),
    "books.account_change": Traced(
        (
            "fund",
            "account",
            "n",
        )
    ),
    "books.attachment": Traced(
        (
            "fund",
            "voucher_id",
            "n",
        )
    ),
    "books.book": Traced(("fund",)),
    "books.closing": Traced(("fund", "period", "n")),
    "books.closing_check": Traced(("fund", "period", "n", "code")),
    "books.closing_waiver": Traced(("fund", "period", "code", "n")),
    "books.period": Traced(("fund", "period")),
    "books.recurrence": Traced(
        (
            "fund",
            "recurrence_id",
        )
    ),
    "books.recurrence_draft": Traced(
        (
            "fund",
            "recurrence_id",
            "due_on",
            "attempt",
        )
    ),
    "books.voucher": Traced(("fund", "voucher_id")),
    "books.voucher_decision": Traced(("fund", "voucher_id")),
    "books.voucher_template": Traced(("fund", "template_id")),
    "fund.advance": Traced(("advance_id",)),
    "fund.assessment": Traced(("fund", "year", "institution")),
    "fund.audit_policy": Traced(("key", "from_day")),
    "fund.calendar_proposal": Traced(
        (
            "year",
            "version",
        )
    ),
    "fund.cash_move": Traced(("move_id",)),
    "fund.clearing_band": Traced(("fund", "from_year", "kind", "from_ratio")),
    "fund.clearing_budget": Traced(("fund", "year", "class")),
    "fund.clearing_grade": Traced(("fund", "from_year", "grade")),
    "fund.clearing_plan": Traced(("fund", "year")),
    "fund.clearing_standard": Traced(("fund", "year", "institution")),
    "fund.control_draft": Traced(("month",), left_out=("content",)),
    "fund.control_report": Traced(("month",)),
    "fund.declaration": Traced(("declaration_id",)),
    "fund.declaration_event": Traced(("declaration_id", "n")),
    "fund.deduction_taken": Traced(("deduction_id", "paper")),
    "fund.difference": Traced(("run_id", "n")),
    "fund.enrolment": Traced(("institution", "from_day")),
    "fund.finding": Traced(("finding_id",)),
    "fund.finding_event": Traced(("finding_id", "n")),
    "fund.finding_evidence": Traced(("finding_id", "sha256"), left_out=("content",)),
    "fund.finding_taken": Traced(("finding_id", "sheet_id")),
    "fund.fund_request": Traced(("request_id",)),
    "fund.fund_request_line": Traced(("request_id", "n")),
    "fund.handback": Traced(("fund", "month")),
    "fund.held": Traced(("fund", "setl_id", "finding_id")),
    "fund.institution": Traced(("institution",)),
    "fund.intake_load": Traced(
        ("load_id",),
        left_out=(
            "lines_done",
            "bytes_done",
            "accepted",
            "duplicate",
            "quarantined",
            "accepted_fen",
            "payable_fen",
        ),
    ),
    "fund.late_case": Traced(("fund", "setl_id", "year")),
    "fund.layer_map": Traced(
        (
            "match",
            "code",
            "from_day",
        )
    ),
    "fund.letter": Traced(("letter_id",)),
    "fund.letter_line": Traced(("letter_id", "n")),
    "fund.letter_order": Traced(("order_no",)),
    "fund.letter_paper": Traced(("letter_id", "kind"), left_out=("content",)),
    "fund.letter_row": Traced(("letter_id", "row_no", "part")),
    "fund.other_deduction": Traced(("deduction_id",)),
    "fund.outregion_bill": Traced(("bill_id",)),
    "fund.outregion_counterparty": Traced(("counterparty",)),
    "fund.outregion_inbox": Traced(("link_id",)),
    "fund.outregion_move": Traced(("move_id",)),
    "fund.outregion_outbox": Traced(("link_id",), left_out=("attempts", "last_error")),
    "fund.outregion_quota": Traced(("fund", "counterparty", "direction", "from_day")),
    "fund.outregion_record": Traced(("fund", "setl_id"), left_out=("order_no",)),
    "fund.party": Traced(("party",)),
    "fund.payee_account": Traced(("institution", "version")),
    "fund.payee_callback": Traced(("institution", "version")),
    "fund.person_account": Traced(("account_id",)),
    "fund.person_payment": Traced(("payment_id",)),
    "fund.policy_proposal": Traced(("key", "from_day", "version")),
    "fund.quarantine": Traced(("file_sha256", "load_id", "line")),
    "fund.reconcile_run": Traced(("run_id",), left_out=("content",)),
    "fund.reconcile_total": Traced(("total_id",)),
    "fund.reconciliation": Traced(("fund", "institution", "term", "clr_type")),
    "fund.refund": Traced(("refund_id",)),
    "fund.refund_line": Traced(
        (
            "refund_id",
            "n",
        )
    ),
    "fund.region": Traced(("region",)),
    "fund.region_policy": Traced(("key", "from_day")),
    "fund.removal": Traced(("n",)),
    "fund.risk_case": Traced(("n",)),
    "fund.risk_step": Traced(("case_n", "n")),
    "fund.sample": Traced(("sample_id",)),
    "fund.sample_record": Traced(("sample_id", "n")),
    "fund.sealing_key": Traced(("n",)),
    "fund.settled_term": Traced(("fund", "institution", "term")),
    "fund.settlement_list": Traced(("setl_id",)),
    "fund.sheet": Traced(("sheet_id",)),
    "fund.sheet_due": Traced(("sheet_id", "n")),
    "fund.sheet_order": Traced(("sheet_id", "order_no")),
    "fund.special_case": Traced(("fund", "setl_id")),
    "fund.terms": Traced(("institution", "kind", "version")),
    "jobs.asked": Traced(("n",)),
    "jobs.checked": Traced(("slot", "epoch")),
    "jobs.job_run": Traced(("job", "slot")),
    "payments.approval": Traced(("batch_id",)),
    "payments.bank_account": Traced(("account",)),
    "payments.bank_channel": Traced(("account", "version")),
    "payments.bank_file": Traced(("file_id",), left_out=("content",)),
    "payments.bank_statement": Traced(("account", "n")),
    "payments.bank_word": Traced(
        (
            "order_no",
            "n",
        )
    ),
    "payments.batch": Traced(("batch_id",)),
    "payments.blocked": Traced(
        (
            "fund",
            "pay_date",
            "run",
            "institution",
        )
    ),
    "payments.book_account": Traced(("fund", "kind")),
    "payments.daily_run": Traced(("fund", "pay_date", "run")),
    "payments.evidence": Traced(("account", "kind", "receipt_no", "direction")),
    "payments.freezing": Traced(("n",)),
    "payments.handed_file": Traced(("account", "sha256", "n"), left_out=("content",)),
    "payments.inbound_file": Traced(("account", "sha256"), left_out=("content",)),
    "payments.inbound_name": Traced(
        (
            "account",
            "name",
            "sha256",
        )
    ),
    "payments.inbound_problem": Traced(("account", "sha256", "n")),
    "payments.inbound_seen": Traced(("account", "name"), left_out=("asked",)),
    "payments.order_event": Traced(("order_no", "n")),
    "payments.read_again": Traced(("account", "sha256", "n")),
    "payments.reconciliation": Traced(("account", "period", "version")),
    "payments.resolution": Traced(("resolution_id",)),
    "payments.statement_file": Traced(("account", "sha256", "n"), left_out=("content",)),
    "payments.statement_line": Traced(
        (
            "account",
            "statement",
            "n",
        )
    ),
    "payments.statement_match": Traced(
        (
            "account",
            "n",
        )
    ),
    "payments.statement_withdrawal": Traced(("account", "n")),
}


def triggers() -> str:
    """The triggers of `sql/traces.sql`, as they must stand there."""
    return "\n".join(
        f"CREATE OR REPLACE TRIGGER {name} AFTER {act} ON {table} REFERENCING {rows}\n"
        f"    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace({arguments});"
        for table, one in TRACED.items()
        for arguments in [", ".join(f"'{','.join(names)}'" for names in (one.keys, one.left_out))]
        for name, act, rows in (
            ("trace_insert", "INSERT", "NEW TABLE AS rows_now"),
            ("trace_update", "UPDATE", "OLD TABLE AS rows_then NEW TABLE AS rows_now"),
            ("trace_delete", "DELETE", "OLD TABLE AS rows_then"),
        )
    )
