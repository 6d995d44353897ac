"""Receipts without an event of their own: each kind booked by its rule, by two persons, on its accounts, once; else refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.control.breach import Breach
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.suspense.resolution import Resolution, SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose, refuse
from tests.scenes.papers import PaperSaid, keep_paper

REGION = 420100
SPENDING, FISCAL, INCOME, TREASURY = "6222000001", "6222000009", "6222000002", "6222000005"
DAY, LATER = date(2026, 10, 13), date(2026, 10, 14)


def tx(town: Any, user: str) -> Any:
    return unit_of_work(town.service, user, REGION)


@pytest.fixture
def town(town: Any) -> Any:
    """With an income account and a treasury account; the fiscal account serves both funds' books."""
    with psycopg.connect(town.admin_url, autocommit=True) as admin:
        for account, kind in ((INCOME, "1002"), (TREASURY, "1005")):
            admin.execute(
                "INSERT INTO payments.bank_account VALUES (420100, %s, %s, 'iso20022', '户', '行', '102521000001')",
                [account, kind],
            )
            admin.execute("INSERT INTO payments.book_account VALUES (420100, 310, %s, %s)", [kind, account])
        admin.execute(
            "INSERT INTO payments.book_account VALUES (420100, 390, '1003', %s) ON CONFLICT DO NOTHING",
            [FISCAL],
        )
        admin.execute(
            "INSERT INTO payments.book_account VALUES (420100, 310, '1003', %s) ON CONFLICT DO NOTHING",
            [FISCAL],
        )
    return town


def found_in(town: Any) -> list[Breach]:
    """What `verify` finds but the accounts above, which a superuser wrote."""
    return [one for one in town.verify() if one.code != "trace.login"]


def paper(
    town: Any, number: str, direction: str, fen: int, account: str, *, kind: str = "bker", serial: str = ""
) -> None:
    code = "other_credit" if direction == "credit" else "unknown_order"
    with tx(town, "acc") as t:
        keep_paper(
            t, account, PaperSaid(number, direction, DAY, fen, serial=serial, kind=kind), "suspense", code
        )


def proposed(
    town: Any,
    number: str,
    what: str,
    account: str,
    reference: str = "",
    *,
    fund: int = 310,
    user: str = "acc",
    kind: str = "bker",
) -> Resolution:
    with tx(town, user) as t:
        return propose(t, SuspensePaper(fund, account, kind, number, what, reference, "通知单7号"), LATER)


def confirmed(town: Any, found: Resolution, user: str = "checker") -> Resolution:
    with tx(town, user) as t:
        return confirm(t, found.resolution_id, LATER)


def refused(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(LedgerError) as wrong:
        call(*arguments, **named)
    assert wrong.value.message
    return wrong.value.code


def legs(town: Any, found: Resolution) -> set[tuple[int, int, int, str]]:
    """Side, account, fen as written (red negative), counterparty."""
    with psycopg.connect(town.admin_url) as admin:
        return set(
            admin.execute(
                "SELECT l.side, l.account, l.amount_fen, coalesce(d.counterparty, '') FROM books.entry e JOIN books.leg l USING (region, fund, period, seq)"
                " LEFT JOIN books.dim d ON d.region = l.region AND d.dim = l.dim WHERE e.source_key = %s",
                [f"OWN:{found.resolution_id}"],
            ).fetchall()
        )


def entries(town: Any) -> int:
    return int(town.value("SELECT count(*) FROM books.entry"))


def outcome(town: Any, number: str, kind: str = "bker") -> Any:
    return town.value(
        f"SELECT outcome FROM payments.evidence WHERE receipt_no = '{number}' AND kind = '{kind}'"
    )


D, C = 1, -1
KINDS = [
    ("premium", "credit", TREASURY, "", 310, (D, 1005, 700, ""), (C, 4601, 700, "")),
    ("premium", "credit", INCOME, "acct", 310, (D, 1002, 700, INCOME), (C, 400102, 700, "")),
    ("premium", "credit", FISCAL, "", 390, (D, 1003, 700, FISCAL), (C, 4001, 700, "")),
    ("premium_back", "debit", INCOME, "pool", 310, (D, 400101, 700, ""), (C, 1002, 700, INCOME)),
    ("premium_back_earlier", "debit", SPENDING, "acct", 310, (D, 540102, 700, ""), (C, 1004, 700, SPENDING)),
    ("transfer_in", "credit", INCOME, "", 310, (D, 1002, 700, INCOME), (C, 4301, 700, "")),
    ("transfer_in_back", "debit", INCOME, "", 310, (D, 4301, 700, ""), (C, 1002, 700, INCOME)),
    ("transfer_out", "debit", SPENDING, "", 310, (D, 5201, 700, ""), (C, 1004, 700, SPENDING)),
    ("transfer_out_back", "credit", FISCAL, "", 310, (D, 1003, 700, FISCAL), (C, 5201, 700, "")),
    ("to_upper", "debit", FISCAL, "pool", 310, (D, 530101, 700, ""), (C, 1003, 700, FISCAL)),
    ("to_upper", "debit", FISCAL, "", 390, (D, 5301, 700, ""), (C, 1003, 700, FISCAL)),
    ("to_lower", "debit", SPENDING, "acct", 310, (D, 530202, 700, ""), (C, 1004, 700, SPENDING)),
    ("from_upper", "credit", SPENDING, "pool", 310, (D, 1004, 700, SPENDING), (C, 440101, 700, "")),
    ("from_lower", "credit", FISCAL, "", 390, (D, 1003, 700, FISCAL), (C, 4402, 700, "")),
    ("illness", "debit", FISCAL, "", 390, (D, 5101, 700, ""), (C, 1003, 700, FISCAL)),
    ("illness_back", "credit", FISCAL, "", 390, (D, 1003, 700, FISCAL), (D, 5101, -700, "")),
    ("deposit_interest", "credit", FISCAL, "", 310, (D, 1003, 700, FISCAL), (C, 4602, 700, "")),
    ("deposit_interest", "credit", TREASURY, "pool", 310, (D, 1005, 700, ""), (C, 42010101, 700, "")),
    ("deposit_interest", "credit", FISCAL, "", 390, (D, 1003, 700, FISCAL), (C, 420101, 700, "")),
    ("subsidy", "credit", FISCAL, "41010101", 310, (D, 1003, 700, FISCAL), (C, 41010101, 700, "")),
    ("subsidy", "credit", FISCAL, "41010302", 390, (D, 1003, 700, FISCAL), (C, 41010302, 700, "")),
]  # fmt: skip


def test_every_kind_is_booked_by_its_rule_once(town: Any) -> None:
    before = entries(town)
    for k, (what, direction, account, reference, fund, *wanted) in enumerate(KINDS):
        paper(town, f"K{k}", direction, 700, account)
        found = proposed(town, f"K{k}", what, account, reference, fund=fund)
        assert (
            proposed(town, f"K{k}", what, account, reference, fund=fund) == found
        )  # the same again: the first answer
        assert (entries(town), outcome(town, f"K{k}")) == (before + k, "suspense")
        done = confirmed(town, found)
        assert confirmed(town, found) == done
        assert (done.state, outcome(town, f"K{k}"), entries(town)) == (
            "approved",
            "confirmed",
            before + k + 1,
        ), what
        assert legs(town, found) == set(wanted), what
        assert (
            town.value(
                "SELECT event || business_date || prepared_by || reviewed_by || evidence FROM books.entry"
                f" WHERE source_key = 'OWN:{found.resolution_id}'"
            )
            == f"OWN2026-10-13accchecker银行回单K{k} 流水BK{k}"
        )
        again = "suspense.not_open"
        assert refused(proposed, town, f"K{k}", "to_return", account, fund=fund) == again
    assert found_in(town) == []


@pytest.mark.parametrize(
    ("direction", "account", "what", "reference", "fund", "code"),
    [
        ("credit", SPENDING, "premium", "pool", 310, "suspense.account"),   # a 支出户 takes no premiums (1004三（一）)
        ("credit", SPENDING, "transfer_in", "", 310, "suspense.account"),
        ("credit", SPENDING, "deposit_interest", "", 310, "suspense.account"),
        ("credit", FISCAL, "interest", "", 310, "suspense.account"),        # of the 支出户 alone: booked to the wrong account before
        ("debit", INCOME, "illness", "", 310, "suspense.account"),
        ("debit", FISCAL, "from_upper", "pool", 310, "suspense.direction"),
        ("credit", FISCAL, "illness", "", 390, "suspense.direction"),
        ("credit", FISCAL, "transfer_in", "", 390, "suspense.fund"),
        ("debit", FISCAL, "to_upper", "", 310, "suspense.subfund"),
        ("debit", FISCAL, "to_upper", "pool", 390, "suspense.subfund"),
        ("debit", FISCAL, "illness", "pool", 310, "suspense.subfund"),
        ("debit", SPENDING, "float_back", "", 310, "suspense.float"),
        ("credit", TREASURY, "premium", "", 390, "suspense.other_book"),
        ("credit", FISCAL, "subsidy", "410101", 310, "suspense.leaf"),
        ("credit", FISCAL, "subsidy", "", 390, "suspense.leaf"),
        ("credit", TREASURY, "subsidy", "41010101", 310, "suspense.account"),
        ("credit", FISCAL, "to_fiscal", "", 310, "suspense.account"),
        ("credit", INCOME, "to_fiscal", "", 310, "suspense.direction"),
        ("debit", INCOME, "to_fiscal", "pool", 310, "suspense.subfund"),
        ("credit", FISCAL, "other_side", "SUS-00000000000000000000", 310, "suspense.side_differs"),
    ],
)  # fmt: skip
def test_what_it_cannot_be_is_refused(
    town: Any, direction: str, account: str, what: str, reference: str, fund: int, code: str
) -> None:
    paper(town, "S1", direction, 700, account)
    before = entries(town)
    assert refused(proposed, town, "S1", what, account, reference, fund=fund) == code
    assert (outcome(town, "S1"), entries(town)) == ("suspense", before)


NO_WAY = [
    (
        "credit",
        INCOME,
        "from_own",
        FISCAL,
        "suspense.account",
        "28号1002三（一）",
    ),  # nothing goes back to a 收入户
    (
        "credit",
        TREASURY,
        "from_own",
        FISCAL,
        "suspense.account",
        "28号1005二（一）（三）",
    ),  # nor to the treasury
    (
        "credit",
        SPENDING,
        "from_own",
        FISCAL,
        "suspense.account",
        "28号1003四（二）、1004三（一）",
    ),  # A6: by its request
    (
        "credit",
        SPENDING,
        "from_own",
        INCOME,
        "suspense.account",
        "28号1003四（二）、1004三（一）",
    ),  # never past 1003
    ("debit", SPENDING, "to_fiscal", "", "suspense.account", "28号1003四（一）、1004三（二）"),
    ("debit", FISCAL, "to_fiscal", "", "suspense.account", "28号1002三（二）、1005二（二）"),
    ("credit", FISCAL, "from_own", FISCAL, "suspense.source", "28号1002三（二）、1005二（二）"),
    (
        "credit",
        FISCAL,
        "from_own",
        SPENDING,
        "suspense.float",
        "尚有周转金0.00元",
    ),  # it hands back its float, and has none
]


def test_a_way_between_own_accounts_that_is_none_is_refused_with_its_article(town: Any) -> None:
    before = entries(town)
    for k, (direction, account, what, reference, code, article) in enumerate(NO_WAY):
        paper(town, f"N{k}", direction, 700, account)
        with pytest.raises(LedgerError) as wrong:
            proposed(town, f"N{k}", what, account, reference)
        assert (wrong.value.code, article in wrong.value.message) == (code, True), wrong.value.message
        assert outcome(town, f"N{k}") == "suspense"
    assert entries(town) == before


def test_two_papers_of_one_movement_are_booked_once(town: Any) -> None:
    paper(town, "S1", "debit", 700, FISCAL, serial="ONE")
    paper(town, "S2", "debit", 700, FISCAL, kind="camt.054", serial="ONE")
    paper(town, "S3", "debit", 701, FISCAL, serial="ONE")
    one = proposed(town, "S1", "to_upper", FISCAL, "pool")
    two = proposed(town, "ONE", "to_upper", FISCAL, "pool", kind="camt.054")
    three = proposed(town, "S3", "to_upper", FISCAL, "pool")
    confirmed(town, one)
    before = entries(town)
    assert outcome(town, "ONE", "camt.054") == "confirmed"
    assert refused(confirmed, town, two) == "suspense.not_open"
    assert refused(confirmed, town, three) == "suspense.movement_booked"
    assert (entries(town), found_in(town)) == (before, [])


@pytest.mark.parametrize(
    ("account", "kept"), [(INCOME, (C, 1002, 700, INCOME)), (TREASURY, (C, 1005, 700, ""))]
)
@pytest.mark.parametrize("fiscal_first", [False, True])
def test_our_own_money_is_booked_once_whichever_paper_came_first(
    town: Any, account: str, kept: Any, fiscal_first: bool
) -> None:
    """A2 and A4: one entry, both papers explained, the second booked by nobody."""
    paper(town, "OUT", "debit", 700, account)
    paper(town, "IN", "credit", 700, FISCAL)
    sides = [("OUT", "to_fiscal", account, ""), ("IN", "from_own", FISCAL, account)]
    first, second = reversed(sides) if fiscal_first else sides
    both = [proposed(town, *one) for one in (first, second)]
    before = entries(town)
    confirmed(town, both[0])
    assert legs(town, both[0]) == {(D, 1003, 700, FISCAL), kept}
    assert refused(confirmed, town, both[1]) == "suspense.own_booked"
    with tx(town, "checker") as t:
        refuse(t, both[1].resolution_id, LATER, "已凭另一方回单记账")
    assert refused(proposed, town, *second) == "suspense.own_booked"
    wrong = ("premium", "") if not fiscal_first else ("to_fiscal", "")
    assert refused(proposed, town, second[0], wrong[0], second[2]) == "suspense.own_booked"
    told = proposed(town, second[0], "other_side", second[2], both[0].resolution_id)
    confirmed(town, told)
    assert (outcome(town, "OUT"), outcome(town, "IN"), entries(town)) == (
        "confirmed",
        "confirmed",
        before + 1,
    )
    # a third paper of as much is another movement's
    paper(town, "MORE", "credit" if second[0] == "IN" else "debit", 700, second[2])
    assert (
        refused(proposed, town, "MORE", "other_side", second[2], both[0].resolution_id)
        == "suspense.side_differs"
    )
    assert found_in(town) == []


def test_verify_names_our_own_money_booked_twice_and_a_side_that_is_none(town: Any) -> None:
    paper(town, "OUT", "debit", 700, INCOME)
    paper(town, "IN", "credit", 700, FISCAL)
    out = proposed(town, "OUT", "to_fiscal", INCOME)
    confirmed(town, out)
    told = proposed(town, "IN", "other_side", FISCAL, out.resolution_id)
    confirmed(town, told)
    assert found_in(town) == []
    town.break_it(
        f"UPDATE payments.resolution SET reference = 'SUS-00000000000000000000' WHERE resolution_id = '{told.resolution_id}'"
    )
    assert [one.entry for one in found_in(town) if one.promise == "INV-13"] == [
        f"resolution {told.resolution_id}"
    ]
    town.break_it(
        f"UPDATE payments.resolution SET what = 'from_own', reference = '{INCOME}' WHERE resolution_id = '{told.resolution_id}'"
    )
    words = [one.message for one in found_in(town)]
    assert any("同一笔划转凭" in one and "记了两次" in one for one in words)
    assert any("没有凭证" in one for one in words)


def test_each_by_their_post_and_the_database_holds_it(town: Any) -> None:
    paper(town, "S1", "debit", 700, FISCAL)
    for user in ("maker", "checker", "cash", "adm"):
        assert refused(proposed, town, "S1", "to_upper", FISCAL, "pool", user=user) == "access.role_missing"
    found = proposed(town, "S1", "to_upper", FISCAL, "pool")
    assert refused(confirmed, town, found, "acc") == "access.role_missing"
    # as the service's role: explained without its entry, another kind, another kind of the list
    approve = "UPDATE payments.resolution SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-14'"
    settle = "UPDATE payments.evidence SET outcome = 'confirmed', outcome_code = 'resolved_by_hand' WHERE receipt_no = 'S1'"
    for statements, code in (
        ((approve, settle), "suspense.unexplained"),
        (("UPDATE payments.resolution SET what = 'to_lower'",), "db.permission"),
        (
            ("INSERT INTO payments.receipt_kind VALUES ('gift', 'debit', '{1003}', '{310}', 'none', 'x')",),
            "db.permission",
        ),
    ):

        def do(statements: tuple[Any, ...] = statements) -> None:
            with tx(town, "checker") as t:
                for one in statements:
                    t.run(one)

        assert refused(do) in (code, "db.failed", "db.denied")
    with tx(town, "checker") as t:
        assert refuse(t, found.resolution_id, LATER, "不是").state == "refused"
    assert outcome(town, "S1") == "suspense"


def test_verify_names_what_was_changed_behind_the_entry(town: Any) -> None:
    paper(town, "S1", "debit", 700, FISCAL)
    paper(town, "S2", "debit", 800, FISCAL)
    one, two = (proposed(town, number, "to_upper", FISCAL, "pool") for number in ("S1", "S2"))
    confirmed(town, one)
    assert found_in(town) == []
    town.break_it(
        f"UPDATE payments.resolution SET reference = 'acct' WHERE resolution_id = '{one.resolution_id}'",
        "UPDATE payments.resolution SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-14'"
        f" WHERE resolution_id = '{two.resolution_id}'",
    )
    told = [(one.promise, one.entry, one.message) for one in found_in(town)]
    assert any(promise == "INV-12" and "已被改动" in words for promise, _, words in told)
    assert any(entry == f"paper OWN:{two.resolution_id}" and "没有凭证" in words for _, entry, words in told)
