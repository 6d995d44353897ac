"""Every template in a real book, drafted by one person and posted by another, against the entries typed from the regulation."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.chart import chart
from ledger.books.manual import ManualContent, approve_voucher, draft_voucher
from ledger.books.templates.fill import Filling, fill, ground
from ledger.books.templates.read import template, templates
from ledger.books.vouchers import voucher
from ledger.cli.vouchers.templates import given_of
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work

DAY = date(2026, 10, 14)
HOSPITAL, AGENCY, BOND, LENDER = "H42010000077", "省中心", "国债2026-1", "某行"
NUMBERS = {1002: "6222000002", 1003: "6222000003", 1004: "6222000004"}
BENEFIT = Dimensions("", "pool", 2026, 202610, "inpatient")

# code, what is given (amounts; the rest), the entry: side account yuan [party], as accounting.md 3a and 28号 write it.
EMPLOYEE = """
A1   pool=60 acct=40                       | 借 1005 100; 贷 400101 60; 贷 400102 40
A1   open=100                              | 借 1005 100; 贷 4601 100
A2   100                                   | 借 1003 100; 贷 1005 100
A3   pool=70 acct=30 bank=1002             | 借 1002 100; 贷 400101 70; 贷 400102 30
A3   open=5 bank=1003                      | 借 1003 5; 贷 4601 5
A4   100                                   | 借 1003 100; 贷 1002 100
A5   100 account=41010101                  | 借 1003 100; 贷 41010101 100
A6   100                                   | 借 1004 100; 贷 1003 100
A7   100 account=50010101 bank=1004 party=H dims | 借 50010101 100 H; 贷 1004 100
A8   100 account=110102 bank=1004 party=H  | 借 110102 100 H; 贷 1004 100
A9a  100 account=110102 bank=1003 party=H  | 借 1003 100; 贷 110102 100 H
A9b  100 account=50010101 account=110102 party=H dims | 借 50010101 100 H; 贷 110102 100 H
A10  100 account=110106 party=A subfund=pool | 借 540101 100; 贷 110106 100 A
A11  100 account=50010101 bank=1004 party=H dims | 借 1004 100; 贷 50010101 100 H
A12  100 account=45010109 bank=1003        | 借 1003 100; 贷 45010109 100
A12  100 account=45010101 bank=1003 party=H dims | 借 1003 100; 贷 45010101 100 H
A13  100 account=50010102 party=H dims     | 借 1004 100; 贷 50010102 100 H
A14  pool=9 acct=1 bank=1002               | 借 1002 10; 贷 42010101 9; 贷 42010201 1
A14  open=10 bank=1003                     | 借 1003 10; 贷 4602 10
A14  open=10 bank=1004                     | 借 1004 10; 贷 4602 10
A14  pool=10 bank=1005                     | 借 1005 10; 贷 42010101 10
A15  10                                    | 借 1003 10; 贷 1004 10
A16a pool=70 acct=30                       | 借 4601 100; 贷 400101 70; 贷 400102 30
A16b pool=7 acct=3                         | 借 4602 10; 贷 42010101 7; 贷 42010201 3
A16c pool=7 acct=3                         | 借 4602 10; 贷 42010102 7; 贷 42010202 3
A17a 5                                     | 借 300102 5; 贷 300101 5
A17b 5                                     | 借 300101 5; 贷 300102 5
A18  pool=6 acct=4 bank=1002               | 借 400101 6; 借 400102 4; 贷 1002 10
A19  8 subfund=pool                        | 借 540101 8; 贷 1004 8
A20  100 bank=1004                         | 借 5101 100; 贷 1004 100
A21  30 bank=1003                          | 借 1003 30; 借 5101 -30
A22  100 bank=1003                         | 借 5101 100; 贷 1003 100
A23a pool=100 bank=1003                    | 借 530101 100; 贷 1003 100
A23b acct=100 bank=1004                    | 借 530202 100; 贷 1004 100
A24a pool=100 bank=1002                    | 借 1002 100; 贷 440201 100
A24b pool=60 acct=40 bank=1003             | 借 1003 100; 贷 440101 60; 贷 440102 40
A25a 100 account=200109 bank=1003 party=A  | 借 1003 100; 贷 200109 100 A
A25b 100 account=200109 bank=1004 party=A  | 借 200109 100 A; 贷 1004 100
A26  100 account=200109 party=A subfund=pool | 借 200109 100 A; 贷 45010109 100
A27a 100 party=L                           | 借 1003 100; 贷 2101 100 L
A27b principal=100 interest=3.5 party=L subfund=pool | 借 2101 100 L; 借 540101 3.5; 贷 1003 103.5
A27c 100 party=L account=41010301         | 借 2101 100 L; 贷 41010301 100
A27d 100 party=L subfund=acct              | 借 2101 100 L; 贷 45010209 100
A28a 100 bank=1002                         | 借 1002 100; 贷 4301 100
A28b 100                                   | 借 5201 100; 贷 1004 100
A28c 100 bank=1003                         | 借 1003 100; 贷 5201 100
A28d 100 bank=1002                         | 借 4301 100; 贷 1002 100
B1   100 party=B                           | 借 1201 100 B; 贷 1003 100
B2   pool=3                                | 借 1003 3; 贷 42010102 3
B3   principal=100 pool=2.5 party=B        | 借 1003 102.5; 贷 1201 100 B; 贷 42010102 2.5
B3   principal=100 pool=-2.5 party=B       | 借 1003 97.5; 贷 1201 100 B; 贷 42010102 -2.5
C1   20                                    | 借 1001 20; 贷 1004 20
"""
RESIDENT = """
A1   100                                   | 借 1005 100; 贷 4001 100
A2   100                                   | 借 1003 100; 贷 1005 100
A3   100 bank=1002                         | 借 1002 100; 贷 4001 100
A4   100                                   | 借 1003 100; 贷 1002 100
A5   100 account=41010101                  | 借 1003 100; 贷 41010101 100
A6   100                                   | 借 1004 100; 贷 1003 100
A7   100 account=500101 bank=1004 party=H dims | 借 500101 100 H; 贷 1004 100
A8   100 account=110103 bank=1003 party=H  | 借 110103 100 H; 贷 1003 100
A9a  100 account=110103 bank=1004 party=H  | 借 1004 100; 贷 110103 100 H
A9b  100 account=500101 account=110103 party=H dims | 借 500101 100 H; 贷 110103 100 H
A10  100 account=110109 party=A            | 借 5401 100; 贷 110109 100 A
A11  100 account=500101 bank=1004 party=H dims | 借 1004 100; 贷 500101 100 H
A12  100 account=450109 bank=1003          | 借 1003 100; 贷 450109 100
A13  100 account=500101 party=H dims       | 借 1004 100; 贷 500101 100 H
A14  10 bank=1005                          | 借 1005 10; 贷 420101 10
A15  10                                    | 借 1003 10; 贷 1004 10
A18  10 bank=1004                          | 借 4001 10; 贷 1004 10
A19  8                                     | 借 5401 8; 贷 1004 8
A20  100 bank=1003                         | 借 5101 100; 贷 1003 100
A21  30 bank=1002                          | 借 1002 30; 借 5101 -30
A22  100 bank=1004                         | 借 5101 100; 贷 1004 100
A23a 100 bank=1002                         | 借 5301 100; 贷 1002 100
A23b 100 bank=1003                         | 借 5302 100; 贷 1003 100
A24a 100 bank=1003                         | 借 1003 100; 贷 4402 100
A24b 100 bank=1004                         | 借 1004 100; 贷 4401 100
A25a 100 account=200109 bank=1002 party=A  | 借 1002 100; 贷 200109 100 A
A25b 100 account=200109 bank=1003 party=A  | 借 200109 100 A; 贷 1003 100
A26  100 account=200109 party=A            | 借 200109 100 A; 贷 450109 100
A27a 100 party=L                           | 借 1003 100; 贷 2101 100 L
A27b principal=100 interest=1 party=L      | 借 2101 100 L; 借 5401 1; 贷 1003 101
A27c 100 party=L account=41010301         | 借 2101 100 L; 贷 41010301 100
A27d 100 party=L                           | 借 2101 100 L; 贷 450109 100
B1   100 party=B                           | 借 1201 100 B; 贷 1003 100
B2   3                                     | 借 1003 3; 贷 420102 3
B3   principal=100 interest=2 party=B      | 借 1003 102; 贷 1201 100 B; 贷 420102 2
C1   20                                    | 借 1001 20; 贷 1004 20
"""
PARTIES = {"H": HOSPITAL, "A": AGENCY, "B": BOND, "L": LENDER}
BY_RULE = {"A29", "A30"}


def cases(fund: int, table: str) -> list[Any]:
    rows = [line.partition("|") for line in table.strip().splitlines()]
    return [
        pytest.param(fund, left, right.strip(), id=f"{fund}-{n}-{left.split()[0]}")
        for n, (left, _, right) in enumerate(rows)
    ]


CASES = cases(310, EMPLOYEE) + cases(390, RESIDENT)


@pytest.fixture(scope="module")
def town(ledger: Any) -> Any:
    with psycopg.connect(ledger.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for party in (HOSPITAL, AGENCY, BOND, LENDER):
            admin.execute(
                "INSERT INTO fund.party VALUES (420100, %s, %s, 'other', 'taken_over', 'migration', '')",
                [party, party],
            )
        admin.execute("INSERT INTO fund.region VALUES (420100, '某市') ON CONFLICT DO NOTHING")
        for kind, number in NUMBERS.items():
            admin.execute(
                "INSERT INTO payments.bank_account VALUES (420100, %s, %s, 'sim', '户', '某银行', '102521000001')",
                [number, str(kind)],
            )
            for fund in (310, 390):
                admin.execute(
                    "INSERT INTO payments.book_account VALUES (420100, %s, %s, %s)", [fund, str(kind), number]
                )
        # what rules move is opened to hand-written vouchers here, as two persons of a region may
        admin.execute(
            "INSERT INTO fund.region_policy (region, key, from_day, value, source, set_by) VALUES (420100, 'hand_accounts', '2026-01-01', '5001,1101,4501', 'x', 'migration')"
        )
    for fund in (310, 390):
        _money(ledger, Book(420100, fund))
    return ledger


def _money(town: Any, book: Book) -> None:
    """Every own account has money to give away."""
    rich = [debit(1005, 10_000_000)]
    rich += [debit(kind, 10_000_000, Dimensions(number)) for kind, number in NUMBERS.items()]
    said = ManualContent(DAY, "期初款项", "单据", (*rich, credit(41010101, 40_000_000)))
    with unit_of_work(town.service, "acc", 420100) as tx:
        made = draft_voucher(tx, book, said, DAY)
    with unit_of_work(town.service, "checker", 420100) as tx:
        approve_voucher(tx, book, made.voucher_id, made.digest, DAY)


def test_what_rules_move_is_not_drafted_unless_two_persons_opened_it(town: Any) -> None:
    with psycopg.connect(town.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE fund.region_policy SET value = 'none' WHERE key = 'hand_accounts'")
        try:
            for text in (
                "A7 100 account=50010101 bank=1004 party=H dims",
                "A8 1 account=110102 bank=1004 party=H",
            ):
                code, _, rest = text.partition(" ")
                with pytest.raises(LedgerError) as error, unit_of_work(town.service, "acc", 420100) as tx:
                    legs = fill(template(310, code), ground(tx, Book(420100, 310)), given(rest))
                    draft_voucher(tx, Book(420100, 310), ManualContent(DAY, text, "单据", legs), DAY)
                assert error.value.code == "voucher.rule_account"
        finally:
            admin.execute(
                "UPDATE fund.region_policy SET value = '5001,1101,4501' WHERE key = 'hand_accounts'"
            )


def given(text: str) -> Filling:
    amounts, banks, accounts, dims = [], [], [], Dimensions()
    for word in text.split():
        name, _mark, value = word.partition("=")
        if name == "bank":
            banks.append(value)
        elif name == "account":
            accounts.append(int(value))
        elif name == "party":
            dims = dims._replace(counterparty=PARTIES[value])
        elif name == "subfund":
            dims = dims._replace(subfund=value)
        elif name == "dims":
            dims = BENEFIT._replace(counterparty=dims.counterparty)
        else:
            amounts.append(word)
    return given_of(amounts, banks, accounts, dims)


def wanted(text: str) -> list[tuple[int, int, int, str]]:
    found = []
    for line in text.split("; "):
        side, account, amount, *party = line.split()
        number = NUMBERS.get(int(account), PARTIES[party[0]] if party else "")
        found.append((1 if side == "借" else -1, int(account), round(float(amount) * 100), number))
    return found


@pytest.mark.parametrize(("fund", "left", "right"), CASES)
def test_a_template_is_the_entry_of_the_text(town: Any, fund: int, left: str, right: str) -> None:
    code, _, rest = left.strip().partition(" ")
    book, form = Book(420100, fund), template(fund, code)
    with unit_of_work(town.service, "acc", 420100) as tx:
        legs = fill(form, ground(tx, book), given(rest))
        made = draft_voucher(tx, book, ManualContent(DAY, f"{form.summary}{left}", "单据", legs), DAY)
    with unit_of_work(town.service, "checker", 420100) as tx:
        posted = approve_voucher(tx, book, made.voucher_id, made.digest, DAY)
        lines = voucher(tx, book, posted.voucher).lines
    assert [(line.side, line.account, line.amount_fen, line.counterparty) for line in lines] == wanted(right)


@pytest.mark.parametrize(("fund", "table"), [(310, EMPLOYEE), (390, RESIDENT)])
def test_no_template_is_left_out_and_each_has_its_article(fund: int, table: str) -> None:
    tried = {line.split()[0] for line in table.strip().splitlines()}
    assert set(templates(fund)) == tried | BY_RULE
    leaves = [str(one.account) for one in chart(fund) if one.leaf]
    for one in templates(fund).values():
        assert (
            (one.article[:4].isdigit() and "三(" in one.article)
            or "二(" in one.article
            or "四(" in one.article
        ), one.code
        for line in one.lines:
            assert any(leaf.startswith(tuple(map(str, line.accounts))) for leaf in leaves), (one.code, line)


REFUSALS = {
    "A99 1": "template.unknown",
    "A5": "template.amount",
    "A5 -1": "template.amount",
    "A5 0": "template.amount",
    "A5 gift=1": "template.amount",
    "A1 100": "template.amount",
    "A1 pool=0": "template.amount",
    "A3 pool=1": "template.bank",
    "A3 pool=1 bank=1004": "template.bank",
    "A3 pool=1 bank=1002 bank=1003": "template.bank",
    "A5 1 account=41010101 bank=1004": "template.bank",
    "A5 1 account=41010101 bank=6222009999": "template.bank",
    "A5 1": "template.account_choice",
    "A5 1 account=41010101 account=400101": "template.account",
    "A5 1 account=41010101 party=A": "template.dimension_extra",
    "A5 1 account=41010101 subfund=pool": "template.dimension_extra",
    "A8 1 bank=1004 party=H": "template.account_choice",
    "A8 1 account=110105 bank=1004 party=H": "template.account_choice",
    "A8 1 account=110102 bank=1004": "template.dimension_missing",
    "A7 1 account=50010101 bank=1004 party=H": "template.dimension_missing",
    "A7 1 account=50010201 bank=1004 party=H dims": "template.subfund",
    "A19 1": "template.account_choice",
    "A29 1": "template.by_rule",
    "A30 1": "template.by_rule",
    "B3 principal=1 pool=-1 party=B": "template.amount",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_what_is_missing_or_too_much_is_refused_by_name(town: Any, text: str) -> None:
    code, _, rest = text.partition(" ")
    with pytest.raises(LedgerError) as error, unit_of_work(town.service, "acc", 420100) as tx:
        fill(template(310, code), ground(tx, Book(420100, 310)), given(rest))
    assert error.value.code == REFUSALS[text]


def test_a_party_nobody_knows_is_refused_by_the_draft(town: Any) -> None:
    with pytest.raises(LedgerError) as error, unit_of_work(town.service, "acc", 420100) as tx:
        book = Book(420100, 310)
        legs = fill(template(310, "A27a"), ground(tx, book), Filling({"amount": 1}, Dimensions("某某行")))
        draft_voucher(tx, book, ManualContent(DAY, "借款", "合同", legs), DAY)
    assert error.value.code == "party.unknown"
