"""The promises INV-01 to INV-14: what each says, what guards it, which checks look after it, which tests break it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of the ledger. `docs/promises.md` and `fundledger verify --promises` print this table."""

    id: str
    """`INV-01` … `INV-14`."""
    sentence: str
    """What is promised, in one Chinese sentence for the reviewer."""
    guards: tuple[str, ...]
    """What in the database refuses to break it: a function, or `NAME ON TABLE` for a trigger, constraint or policy."""
    checks: tuple[str, ...]
    """Modules below `ledger.control.checks` that look for it being broken, as `journal.chain`."""
    tests: tuple[str, ...]
    """Tests that break it on purpose, at its guards or behind them."""


PROMISES: Final[tuple[Promise, ...]] = (
    Promise(
        "INV-01",
        "每张凭证在会计账与备查账内各自借贷平衡，无论由谁写入。",
        ("books.post", "books.check_entries", "books.check_accounts", "lines ON books.entry"),
        ("journal.accounts", "journal.chain"),
        (
            "test_a_draft_that_breaks_a_rule_is_refused_whole",
            "test_what_the_program_would_never_stage_is_refused",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-02",
        "已记账的凭证不得改动、不得消失；更正只用红字凭证，日期为作出更正之日。",
        (
            "one_door ON books.entry",
            "frozen ON books.entry",
            "frozen ON books.block",
            "books.guard",
            "books.check_red",
            "frozen ON books.correction",
        ),
        ("guards", "house.shipped", "journal.chain", "journal.corrections", "journal.numbering"),
        (
            "test_a_red_copy_reverses_once_and_nothing_else",
            "test_the_service_changes_no_journal_table",
            "test_owner_and_superuser_are_refused_while_triggers_are_on",
            "test_a_superusers_copy_is_refused",
            "test_a_change_is_named",
            "test_an_administrators_change_is_named",
        ),
    ),
    Promise(
        "INV-03",
        "凭证号按账套、会计期间和凭证字连续编号，不缺号、不重号，编号与凭证日期只向前走。",
        ("books.take_numbers", "frozen ON books.counter", "one_door ON books.counter"),
        ("journal.numbering",),
        (
            "test_a_rolled_back_post_leaves_no_number_behind",
            "test_voucher_dates_do_not_run_backwards",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-04",
        "已结账的会计期间不再记账，凭证日期不得暗中改到别的期间。",
        (
            "books.post",
            "books.open_period",
            "books.begin_close",
            "books.confirm_close",
            "books.reopen_period",
            "frozen ON books.period",
        ),
        ("journal.closings", "journal.numbering"),
        (
            "test_unknown_and_closed_periods_take_nothing",
            "test_a_post_does_not_slip_in_before_the_close_under_way",
            "test_only_a_month_that_is_over_closes_and_in_order",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-05",
        "一项业务只记账一次：重复提交得到第一次的结果，同一业务键而内容不同的予以拒绝。",
        (
            "books.known",
            "books.replays",
            "books.write_sources",
            "source_pkey ON books.source",
            "frozen ON books.source",
        ),
        ("journal.chain", "journal.sources"),
        (
            "test_the_same_key_with_other_content_is_refused",
            "test_fifty_at_once_with_one_key_make_one_entry",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-06",
        "存储的余额等于分录合计并可据以重算；按“凭证日截至、知悉截至”取得的报表，任何时候再取都相同。",
        (
            "books.rebuild_balances",
            "one_door ON books.balance",
            "frozen ON books.balance",
            "frozen ON books.posting",
        ),
        ("journal.balances", "journal.links", "journal.search"),
        (
            "test_balances_are_rebuilt_from_the_lines",
            "test_a_wrong_balance_is_told_from_changed_lines_by_the_digests",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-07",
        "资产等于负债加净资产（年内加待转科目），收支差额等于净资产变动，报表、余额表与明细账一致。",
        ("books.check_entries", "books.check_accounts"),
        ("journal.balances", "journal.closings", "journal.forms"),
        (
            "test_every_event_balances_in_each_section_with_the_dimensions_its_accounts_ask",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-08",
        "基金去向平衡：每家机构、每个账套、每项统筹或个账、每个清算年度，任何一天，应付的都在已付、已扣或仍欠之中。",
        (
            "books.check_entries",
            "fund.conservation",
            "fund.conservation_broken",
            "fund.take_deduction",
            "fund.wrong_due",
            "one_door ON books.balance",
        ),
        ("fund.conservation", "fund.deductions", "fund.ties"),
        (
            "test_an_attack_is_named",
            "test_raw_sql_makes_no_sheet_that_leaves_a_deduction_out",
            "test_verify_finds_a_deduction_that_was_changed",
            "test_a_memorandum_entry_across_keys_breaks_it_on_its_day",
            "test_a_record_taken_away_shows_on_the_page",
        ),
    ),
    Promise(
        "INV-09",
        "明细与控制科目相符：接入文件与其结算记录、未拨付清单与日拨付、各方分担与一张账单、备查账与业务明细逐项相等；银行存款与对账单经余额调节表调节相符。",
        (
            "prove ON fund.intake_load",
            "counts ON fund.intake_load",
            "check_blocked ON payments.blocked",
            "check_bill_layer ON fund.bill_layer",
            "check_statement ON payments.bank_statement",
            "check_matches ON payments.statement_match",
            "check_reconciliation ON payments.reconciliation",
        ),
        ("fund.layers", "fund.loads", "fund.ties", "payments.statements"),
        (
            "test_the_database_holds_the_sheet",
            "test_what_was_changed_behind_the_guards_is_named",
            "test_a_load_changed_behind_the_guards_is_named",
            "test_a_list_changed_behind_the_guards_is_named",
            "test_verify_finds_a_split_that_was_changed_or_lost",
        ),
    ),
    Promise(
        "INV-10",
        "一张拨付单至多付款一次：已审批的付款文件不再改变，结果未明的拨付单不得重开。",
        (
            "check_order ON payments.pay_order",
            "second_proof ON payments.pay_order",
            "stale_file ON payments.bank_file",
            "frozen ON payments.pay_order",
            "check_parts ON payments.order_payable",
            "check_file ON payments.bank_file",
            "frozen ON payments.bank_file",
            "frozen ON payments.bank_word",
            "check_word ON payments.bank_word",
            "written_step ON payments.order_event",
            "logged ON payments.pay_order",
            "refuse_frozen ON payments.batch",
            "refuse_frozen ON payments.bank_file",
            "refuse_maybe_paid ON payments.pay_order",
        ),
        ("fund.outregion", "payments.bank_words", "payments.files", "payments.orders", "payments.owed"),
        (
            "test_the_database_refuses_every_step_that_is_not_in_the_table",
            "test_two_papers_claimed_for_one_order_pay_it_once",
            "test_the_database_holds_what_the_bank_said",
            "test_a_release_against_the_bank_s_word_is_named",
            "test_h12_the_file_of_a_sent_order_stays",
            "test_verify_names_an_order_beyond_what_was_owed",
            "test_a_home_older_than_its_anchors_pays_nothing",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-11",
        "制单与复核、经办与审批不得为同一人，出纳不得记账，由数据库保证。",
        (
            "payments.approve",
            "books.check_signers",
            "books.check_manual",
            "books.require_poster",
            "access.require_second",
            "refuse_incompatible ON access.user_role",
            "check_payee ON fund.payee_account",
            "fund.decide_institutions",
            "fund.decide_policies",
            "check_terms ON fund.terms",
            "no_overlap ON fund.enrolment",
            "payments.check_limits",
            "fund.record_callback",
            "late_limit ON fund.region_policy",
            "first_payment ON payments.pay_order",
            "access.require_signature",
            "check_signature ON access.signature",
            "frozen ON access.signature",
            "check_person_key ON access.person_key",
            "for_good ON access.signing_demand",
        ),
        (
            "fund.calendar",
            "fund.control_reports",
            "fund.cutover",
            "fund.outregion",
            "fund.papers",
            "fund.terms",
            "journal.closings",
            "journal.corrections",
            "journal.signers",
            "journal.sub_accounts",
            "payments.limits",
            "journal.vouchers",
            "payments.files",
            "payments.freezes",
            "payments.orders",
            "payments.statements",
            "payments.suspense",
            "signatures",
        ),
        (
            "test_who_may_not_approve",
            "test_a_signature_that_does_not_hold_is_refused",
            "test_an_approval_invented_past_the_guards_is_found",
            "test_one_person_under_two_names_approves_nothing",
            "test_h5_a_cashier_who_is_also_system_keeps_no_books",
            "test_past_the_program_nobody_changes_an_account",
            "test_past_the_program_nobody_changes_terms_alone",
            "test_what_two_persons_did_not_say_is_found",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-12",
        "凭证及其所依据的记录、应付、拨付单、审批、回单被改动的，即使出自数据库管理员，核验也能指出是哪一张凭证。",
        (
            "books.digest_contents",
            "frozen ON books.block",
            "fund.check_opening",
            "frozen ON fund.record",
            "frozen ON fund.payable",
            "frozen ON payments.approval",
            "frozen ON payments.evidence",
            "check_anchored ON fund.anchored",
            "access.leave_trace",
            "linked ON access.trace",
            "frozen ON access.trace",
        ),
        (
            "fund.control_reports",
            "fund.cutover",
            "fund.declarations",
            "fund.handbacks",
            "fund.outregion",
            "fund.papers",
            "fund.recognition",
            "fund.settlements",
            "house.traces",
            "journal.anchors",
            "journal.chain",
            "journal.closings",
            "journal.dimensions",
            "journal.entered",
            "journal.links",
            "journal.sub_accounts",
            "journal.vouchers",
            "payments.files",
            "payments.orders",
        ),
        (
            "test_a_change_is_named",
            "test_an_administrators_change_is_named",
            "test_verify_names_an_opened_row_that_was_changed",
            "test_a_changed_paper_is_named",
            "test_a_cut_tail_is_found_by_its_anchor_only",
            "test_a_rewritten_chain_is_found_by_its_anchor_only",
            "test_a_mandated_account_taken_away_is_named",
        ),
    ),
    Promise(
        "INV-13",
        "每张付款凭证都写明所依据的回单，每份回单至多使用一次。",
        (
            "check_evidence ON payments.evidence",
            "evidence_used ON payments.evidence",
            "check_order ON payments.pay_order",
            "payments.take_papers",
        ),
        (
            "fund.declarations",
            "fund.handbacks",
            "journal.corrections",
            "payments.bank_words",
            "payments.evidence",
            "payments.suspense",
        ),
        (
            "test_paid_needs_its_evidence_from_every_waiting_state",
            "test_posted_evidence_keeps_its_outcome_and_its_order",
            "test_two_papers_of_one_movement_post_once",
            "test_a_change_is_named",
        ),
    ),
    Promise(
        "INV-14",
        "用户只能看到和经办其岗位所及的统筹区与基金，数据库同样核对。",
        (
            "access.has_role",
            "access.require_role",
            "sealed ON fund.quarantine",
            "scope ON fund.record",
            "scope ON books.entry",
            "scope ON payments.pay_order",
        ),
        ("fund.loads", "guards", "house.shipped"),
        (
            "test_a_user_reads_only_their_books",
            "test_who_has_no_role_there_posts_nothing",
            "test_another_region_is_not_there",
            "test_a_change_is_named",
            "test_an_administrators_change_is_named",
        ),
    ),
)


def table() -> str:
    """The promises as a Markdown table, as it stands in docs/promises.md: one row each, guards and tests as code."""
    head = [
        "| 编号 | 承诺 | 数据库防线 | 核验 (`ledger.control.checks`) | 故意破坏的测试 |",
        "|---|---|---|---|---|",
    ]
    rows = [
        f"| {one.id} | {one.sentence} | {_code(one.guards)} | {_code(one.checks)} | {_code(one.tests)} |"
        for one in PROMISES
    ]
    return "\n".join(head + rows)


def _code(names: tuple[str, ...]) -> str:
    return "<br>".join(f"`{name}`" for name in names)
