"""The rules without a database: balance for any amounts, the printed rows, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ledger.books.chart import account, chart
from ledger.cli.books.rules import app
from ledger.core.entries import Dimensions, credit, debit, section_of
from ledger.core.errors import InvalidInput, LedgerError, NotFound
from ledger.rules import Item, Sheet, apply
from ledger.rules.load import rulebook

H = "H42010000001"
KEY = Dimensions(H, "pool", 2026, 202610, "inpatient")
OLD = Dimensions(H, "pool", 2026, 202701, "outpatient")
BANK = Dimensions("6222")
FISCAL = Dimensions("6333")

EVENTS = sorted({name for (name, _), (rule, *_) in rulebook().rules.items() if rule.event.shape == "item"})
categories = st.sampled_from(["inpatient", "maternity", "chronic", "outpatient", "pharmacy"])
amounts = st.integers(-(10**13), 10**13)


def written(event, items, policy="P1", fund=310, **more):
    given_more = {
        "bank_account": "6222",
        "fiscal_account": "6333",
        "year": 2026,
        "own": (1004, "6222"),
        "other": (1002, "6444"),
    } | more
    return apply(event, policy, fund, items, **given_more)


def rows(event, items, policy="P1", **more):
    return list(written(event, items, policy, **more).legs)


@st.composite
def events(draw):
    """An event with items it accepts: any key, any signs that its total allows, a few of them zero."""
    event = draw(st.sampled_from(EVENTS))
    fund = draw(st.sampled_from([310] if event.startswith("OWN.transfer") else [310, 390]))
    kind = rulebook().rules[event, "P1"][0].event
    items = []
    for _ in range(draw(st.integers(1, 5))):
        subfund = draw(st.sampled_from(["pool", "acct"])) if fund == 310 else "pool"
        dims = Dimensions(
            H, subfund, draw(st.integers(2025, 2027)), draw(st.integers(202601, 202612)), draw(categories)
        )
        amount, daily = draw(amounts), 0
        if kind.check != "total+":
            sign = 1 if kind.check == "items+" else -1
            amount = sign * abs(amount)
            daily = sign * draw(st.integers(0, abs(amount))) if subfund == "pool" else 0
        items.append(Item(dims, amount, daily, draw(st.sampled_from(sorted(kind.sources)))))
    if kind.check == "total+":
        rest = 1 - sum(item.amount_fen for item in items)
        items.append(Item(KEY, draw(st.integers(max(rest, 1), max(rest, 1) + 10**6)), 0, max(kind.sources)))
    else:
        items.append(Item(KEY, 7 if kind.check == "items+" else -7))
    if event == "OWN.subsidy":  # its key is a leaf of 4101, named by who explains the receipt
        leaf = draw(st.sampled_from(["41010101", "41010202", "41010302"]))
        items = [item._replace(dims=Dimensions(category=leaf)) for item in items]
    return event, fund, items


@given(events(), st.sampled_from(["P1", "P2"]))
def test_every_event_balances_in_each_section_with_the_dimensions_its_accounts_ask(event, policy):
    name, fund, items = event
    legs = written(name, items, policy, fund).legs
    sums: Counter[int] = Counter()
    for leg in legs:
        assert leg.amount_fen != 0
        sums[section_of(leg.account)] += leg.side * leg.amount_fen
        asked = account(fund, leg.account)
        assert asked.leaf
        assert asked.dims == sum(1 << bit for bit, value in enumerate(leg.dims) if value)
    assert not any(sums.values())
    assert sum(leg.account in (1003, 1004) for leg in legs) == {
        "ALLOT": 2,
        "INT.out": 2,
        "INT.split": 0,
        "OWN.float_back": 2,
        "OWN.to_fiscal": 2,
    }.get(name, int(name[:3] in ("RCV", "RTN", "REF", "PAY", "INT", "FEE", "OWN")))


@given(
    st.sampled_from(["SET", "CLR"]),
    st.lists(st.tuples(*[amounts] * 12), min_size=1, max_size=3),
    st.sampled_from(["P1", "P2"]),
    st.sampled_from([2026, 2027]),
)
def test_settlement_and_clearing_balance_for_any_sheet(event, found, policy, year):
    sheets = [Sheet(KEY, 11, *money, 110103) for money in found]
    sums: Counter[int] = Counter()
    for leg in written(event, sheets, policy, year=year).legs:
        assert leg.account != 110105 or policy == "P1"
        assert leg.account != 45010101 or year == 2027
        sums[section_of(leg.account)] += leg.side * leg.amount_fen
    assert not any(sums.values())


PRINTED = [
    ("ALLOT", [Item(KEY, 2_000_000)], "P1", [debit(1004, 2_000_000, BANK), credit(1003, 2_000_000, FISCAL)]),
    (
        "REC",
        [Item(KEY, 156_789, 94_074)],
        "P1",
        [debit(9001, 156_789, KEY), credit(9101, 94_074, KEY), credit(9102, 62_715, KEY)],
    ),
    (
        "REV",
        [Item(KEY, -33_333, -20_000)],
        "P2",
        [debit(9001, -33_333, KEY), credit(9101, -20_000, KEY), credit(9102, -13_333, KEY)],
    ),
    ("ORD", [Item(KEY, 5, source=9101)], "P1", [debit(9101, 5, KEY), credit(9104, 5, KEY)]),
    ("ORD", [Item(KEY, 5, source=9103)], "P2", [debit(9103, 5, KEY), credit(9104, 5, KEY)]),
    ("ORD", [Item(KEY, 5, source=9106)], "P1", [debit(9106, 5, KEY), credit(9104, 5, KEY)]),
    ("CAN", [Item(KEY, 5, source=9101)], "P1", [debit(9104, 5, KEY), credit(9101, 5, KEY)]),
    ("REJ", [Item(KEY, 5, source=9103)], "P1", [debit(9104, 5, KEY), credit(9103, 5, KEY)]),
    (
        "RCV.daily",
        [Item(KEY, 94_074)],
        "P1",
        [debit(9104, 94_074, KEY), credit(9201, 94_074, KEY), debit(110105, 94_074, KEY), credit(1004, 94_074, BANK)],
    ),
    (
        "RCV.daily",
        [Item(KEY, 60_000), Item(KEY, -20_000)],
        "P2",
        [
            debit(9104, 60_000, KEY),
            debit(9104, -20_000, KEY),
            credit(9201, 60_000, KEY),
            credit(9201, -20_000, KEY),
            debit(50010101, 60_000, KEY),
            debit(50010101, -20_000, KEY),
            credit(1004, 40_000, BANK),
        ],
    ),
    (
        "RCV.month",
        [Item(KEY, 331_665)],
        "P2",
        [debit(9104, 331_665, KEY), credit(9202, 331_665, KEY), debit(50010101, 331_665, KEY), credit(1004, 331_665, BANK)],
    ),
    (
        "RCV.clearing",
        [Item(OLD, 43_500, source=9106)],
        "P1",
        [debit(9104, 43_500, OLD), credit(9203, 43_500, OLD), debit(50010103, 43_500, OLD), credit(1004, 43_500, BANK)],
    ),
    (
        "RCV.reissue",
        [Item(KEY, 9, source=9106)],
        "P1",
        [debit(9104, 9, KEY), credit(9203, 9, KEY), debit(200104, 9, KEY), credit(1004, 9, BANK)],
    ),
    (
        "RTN.open",
        [Item(KEY, 9)],
        "P1",
        [debit(9201, 9, KEY), credit(9101, 9, KEY), debit(1004, 9, BANK), credit(110105, 9, KEY)],
    ),
    (
        "RTN.open",
        [Item(KEY, 9)],
        "P2",
        [debit(9201, 9, KEY), credit(9101, 9, KEY), debit(1004, 9, BANK), credit(200104, 9, KEY)],
    ),
    (
        "RTN.settled",
        [Item(KEY, 9, source=9106)],
        "P1",
        [debit(9203, 9, KEY), credit(9106, 9, KEY), debit(1004, 9, BANK), credit(200104, 9, KEY)],
    ),
    (
        "RTN.netted",
        [Item(KEY, 9, source=9103)],
        "P2",
        [debit(9202, 9, KEY), credit(9103, 9, KEY), debit(1004, 9, BANK), debit(50010101, -9, KEY)],
    ),
    (
        "RTN.overpaid",
        [Item(KEY, 9, source=9101)],
        "P1",
        [debit(9201, 9, KEY), credit(9103, 9, KEY), debit(1004, 9, BANK), credit(110105, 9, KEY)],
    ),
    (
        "SET",
        [Sheet(KEY, waiting_fen=100, audit_fen=100, returned_fen=60)],
        "P2",
        [debit(9102, 100, KEY), credit(9301, 100, KEY), debit(200104, 60, KEY), debit(50010101, -60, KEY)],
    ),
    (
        "CLR",
        [Sheet(KEY, retained_fen=7, audit_fen=7, advance_fen=5, returned_fen=60, returned_advance_fen=30)],
        "P1",
        [
            debit(9105, 7, KEY),
            credit(9301, 7, KEY),
            debit(200104, 60, KEY),
            debit(50010101, -60, KEY),
            debit(50010101, 5, KEY),
            credit(110105, 5, KEY),
            debit(200104, 30, KEY),
            credit(110105, 30, KEY),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("event", "items", "policy", "expected"), PRINTED)
def test_lines_are_those_of_the_printed_row_in_its_order(event, items, policy, expected):
    assert rows(event, items, policy) == expected


@pytest.mark.parametrize("event", ["RCV.daily", "RCV.month"])
def test_recovery_of_an_earlier_year_is_income_under_p2_and_only_there(event):
    new = Dimensions(H, "pool", 2027, 202701, "inpatient")
    items = [Item(new, 120_000), Item(OLD, -60_000)]
    statutory = [
        leg for leg in rows(event, items, "P2", year=2027) if leg.account < 9000 or leg.account > 9999
    ]
    assert statutory == [
        debit(50010101, 120_000, new),
        credit(45010101, 60_000, OLD),
        credit(1004, 60_000, BANK),
    ]
    same_year = rows(event, items, "P2", year=2026)
    assert debit(50010103, -60_000, OLD) in same_year
    assert not [leg for leg in rows(event, items, "P1", year=2027) if leg.account == 45010101]


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_a_clearing_recovers_only_what_an_earlier_letter_left_owed(policy):
    """The letter of 2027 nets 10 of its own and 40 that the letter of 2026 left owed: `year` is the letter's."""
    own, red = (
        Dimensions(H, "pool", 2027, 202705, "inpatient"),
        Dimensions(H, "pool", 2027, 202706, "outpatient"),
    )
    items = [Item(own, 100, source=9106), Item(red, -10, source=9106), Item(KEY, -40, source=9106)]
    statutory = [
        leg
        for leg in rows("RCV.clearing", items, policy, year=2027)
        if leg.account < 9000 or leg.account > 9999
    ]
    assert statutory == [
        debit(50010101, 100, own), debit(50010103, -10, red), credit(45010101, 40, KEY), credit(1004, 50, BANK),
    ]  # fmt: skip


@pytest.mark.parametrize("event", ["SET", "CLR"])
@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_returned_money_owed_no_more_is_income_for_an_earlier_service_year(event, policy):
    sheets = [Sheet(KEY, returned_fen=60)]
    assert rows(event, sheets, policy, year=2027) == [debit(200104, 60, KEY), credit(45010101, 60, KEY)]
    assert rows(event, sheets, policy, year=2026) == [debit(200104, 60, KEY), debit(50010101, -60, KEY)]
    with pytest.raises(InvalidInput) as refused:
        rows(event, sheets, policy, year=0)
    assert refused.value.code == "rule.year_missing"
    items = [Item(KEY, 60, source=9106)]
    assert credit(45010101, 60, KEY) in rows("RTN.netted", items, policy, year=2027)


@pytest.mark.parametrize(
    ("fund", "subfund", "category", "expected"),
    [
        (310, "pool", "inpatient", 50010101),
        (310, "pool", "chronic", 50010102),
        (310, "pool", "outpatient", 50010103),
        (310, "pool", "pharmacy", 50010103),
        (310, "pool", "maternity", 50010104),
        (310, "acct", "inpatient", 50010201),
        (310, "acct", "outpatient", 50010202),
        (310, "acct", "chronic", 50010202),
        (310, "acct", "maternity", 50010202),
        (310, "acct", "pharmacy", 50010203),
        (390, "pool", "inpatient", 500101),
        (390, "pool", "maternity", 500101),
        (390, "pool", "outpatient", 500102),
        (390, "pool", "chronic", 500102),
        (390, "pool", "pharmacy", 500102),
    ],
)
def test_benefit_leaf_by_fund_subfund_and_category(fund, subfund, category, expected):
    dims = Dimensions(H, subfund, 2026, 202610, category)
    assert debit(expected, 8, dims) in written("RCV.month", [Item(dims, 8)], "P1", fund).legs


def test_rule_names_carry_policy_only_where_policies_differ():
    names = {rule.name for versions in rulebook().rules.values() for rule in versions}
    assert {"ORD@1", "REC@1", "RCV.daily.P1@1", "RCV.daily.P2@1", "RTN.open.P2@1", "RTN.settled@1"} <= names
    assert (written("RTN.open", [Item(KEY, 1)]).rule, written("RTN.open", [Item(KEY, 1)]).event) == (
        "RTN.open.P1@1",
        "RTN",
    )


ACCT = Dimensions(H, "acct", 2026, 202610, "inpatient")
REFUSED = [
    ("ORD", [], {}, "rule.items"),
    ("ORD", [Item(KEY, 5)], {}, "rule.source"),
    ("ORD", [Item(KEY, 5, source=9104)], {}, "rule.source"),
    ("RCV.daily", [Item(KEY, 5, source=9103)], {}, "rule.source"),
    ("RCV.month", [Item(KEY, 5, source=9101)], {}, "rule.source"),
    ("RCV.reissue", [Item(KEY, 5)], {}, "rule.source"),
    ("ORD", [Item(KEY, 5, source=9101), Item(OLD, -5, source=9101)], {}, "rule.sign"),
    ("RCV.daily", [Item(KEY, -5)], {}, "rule.sign"),
    ("REC", [Item(KEY, -5, -3)], {}, "rule.sign"),
    ("REV", [Item(KEY, 5, 3)], {}, "rule.sign"),
    ("REC", [Item(KEY, 5, 6)], {}, "rule.daily_share"),
    ("REC", [Item(KEY, 5, -1)], {}, "rule.daily_share"),
    ("REV", [Item(KEY, -5, -6)], {}, "rule.daily_share"),
    ("REC", [Item(ACCT, 5, 1)], {}, "rule.daily_share"),
    ("REC", [Item(KEY, 0, 0)], {}, "rule.nothing"),
    ("REC", [Item(KEY._replace(term=0), 5)], {}, "rule.dimension_missing"),
    ("RCV.daily", [Item(KEY, 5)], {"bank_account": ""}, "rule.bank_missing"),
    ("ALLOT", [Item(KEY, 5)], {"fiscal_account": ""}, "rule.bank_missing"),
    ("RCV.daily", [Item(KEY, 5)], {"policy": "P2", "year": 0}, "rule.year_missing"),
    ("RCV.month", [Item(KEY._replace(category="dental"), 5)], {}, "rule.place_unknown"),
    ("RCV.month", [Item(ACCT, 5)], {"fund": 390}, "rule.place_unknown"),
    ("ORD", [Sheet(KEY, 5)], {}, "rule.items"),
    ("SET", [Item(KEY, 5)], {}, "rule.items"),
    ("SET", [Sheet(KEY, offset_fen=5)], {}, "rule.source"),
    ("CLR", [Sheet(KEY, offset_fen=5)], {}, "rule.source"),
    ("CLR", [Sheet(KEY, 5, source=110105)], {}, "rule.source"),
    ("PAY-ADV", [Item(KEY, 5)], {}, "rule.source"),
    ("RCV", [Item(KEY, 5)], {}, "rule.unknown"),
    ("ORD", [Item(KEY, 5, source=9101)], {"policy": "P3"}, "rule.unknown"),
    ("ORD", [Item(KEY, 5, source=9101)], {"on": date(2017, 12, 31)}, "rule.unknown"),
    ("ORD", [Item(KEY, 5, source=9101)], {"fund": 320}, "fund.unknown"),
]


@pytest.mark.parametrize(("event", "items", "more", "code"), REFUSED)
def test_input_a_rule_cannot_book_is_refused(event, items, more, code):
    with pytest.raises(LedgerError) as refused:
        written(event, items, **more)
    assert refused.value.code == code
    assert isinstance(refused.value, InvalidInput | NotFound)


def test_benefit_places_reach_every_benefit_leaf():
    reached = {
        code for (place, fund, *_), code in rulebook().places.items() if place == "benefit" and fund == 310
    }
    leaves = {a.account for a in chart(310) if a.leaf and str(a.account).startswith("5001")}
    assert leaves == reached


def test_show_prints_what_the_rulebook_holds():
    answer = CliRunner().invoke(app, ["show", "--event", "RCV.daily", "--policy", "P2", "--json"])
    assert answer.exit_code == 0
    (rule,) = json.loads(answer.output)["rules"]
    assert rule["rule"] == "RCV.daily.P2@1"
    assert [(line["side"], line["account"], line["amount"]) for line in rule["lines"]] == [
        ("借", "9104", "amount"),
        ("贷", "9201", "amount"),
        ("借", "<benefit>", "amount"),
        ("贷", "<recovered>", "-amount"),
        ("贷", "<bank>", "total"),
    ]
    assert rule["lines"][1]["account_title"] == "9201已付日拨付"


def test_show_as_a_table_keeps_its_columns_under_wide_characters():
    from rich.cells import cell_len

    answer = CliRunner().invoke(app, ["show"])
    assert answer.exit_code == 0
    lines = [line for line in answer.output.splitlines() if line.startswith(("│", "┃", "┏", "└"))]
    assert {cell_len(line) for line in lines} == {160}
    for name in {rule.name for versions in rulebook().rules.values() for rule in versions}:
        assert f"\n{answer.output}".count(f"\n{name} ") == 1


def test_show_refuses_an_unknown_event():
    answer = CliRunner().invoke(app, ["show", "--event", "XYZ"])
    assert isinstance(answer.exception, NotFound)
