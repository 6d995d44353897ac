"""`fundledger rules worked-year`: the printed table and T-accounts, from the file the posting tests read."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from typer.testing import CliRunner

from ledger.books.chart import account as account_of
from ledger.cli.books.rules import app
from ledger.core.entries import Section
from ledger.core.errors import InvalidInput
from ledger.rules.worked_year import FUND, worked_year
from reports.render.terminal import show
from reports.render.worked_year import worked_year_object, worked_year_tables
from reports.worked_year import worked_year_of
from tests.rules.test_worked_year import END, YEAR_END

INPATIENT = 50010101
HEAD = "seq,date,event,happened,institution,subfund,service_year,term,category,facts\n"


def accounts(policy):
    return [account for section in worked_year_of(policy).accounts.values() for account in section]


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_the_t_accounts_end_where_memorandum_3_ends(policy):
    found = {a.account: a.balance_fen * account_of(FUND, a.account).normal_side for a in accounts(policy)}
    assert {code: fen for code, fen in found.items() if fen} == END


@pytest.mark.parametrize(
    ("policy", "expense", "advance"), [("P1", 951_665, 40_000), ("P2", 991_665, 0)], ids=["P1", "P2"]
)
def test_the_t_accounts_on_31_december(policy, expense, advance):
    found = {a.account: a.first_year_fen * account_of(FUND, a.account).normal_side for a in accounts(policy)}
    assert {code: found[code] for code in YEAR_END} == YEAR_END
    assert found[9001] == 1_099_999
    assert (found[INPATIENT], found.get(110105, 0)) == (expense, advance)


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_every_event_and_both_sections_balance(policy):
    year = worked_year_of(policy)
    assert [told.event.seq for told in year.events] == list(range(22))
    for told in year.events:
        assert told.legs
        for section in Section:
            legs = [
                leg for leg in told.legs if (str(leg.account)[0] == "9") == (section is Section.MEMORANDUM)
            ]
            assert sum(leg.side * leg.amount_fen for leg in legs) == 0, told.event
    for section in Section:
        totals = year.totals(section)
        assert totals.debit_fen == totals.credit_fen > 0
        assert totals.debit_balances_fen == totals.credit_balances_fen > 0
    assert year.totals(Section.MEMORANDUM).debit_balances_fen == 1_099_999


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_the_page_names_events_accounts_and_balances_in_words(policy):
    out = StringIO()
    for table in worked_year_tables(worked_year_of(policy)):
        show(table, out)
    page = out.getvalue()
    for event in worked_year():
        assert event.happened in page
    for words in ("贷 9103月结应付  3,316.65", "借 10,584.99", "待遇确认", "借10,999.99"):
        assert words in page
    assert ("暂付款—日拨付" in page) == (policy == "P1")


def test_the_command_prints_json_of_the_same_figures():
    ended = CliRunner().invoke(app, ["worked-year", "--policy", "P2", "--json"])
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.output) == json.loads(json.dumps(worked_year_object(worked_year_of("P2"))))
    assert json.loads(ended.output)["totals"]["memorandum"]["debit_balances"] == "10999.99"


@pytest.mark.parametrize(
    "row",
    [
        "0,2026-10-12,ALLOT,拨入,H,pool,2026,202610,inpatient,amount=1.5",
        "0,2026-10-12,ALLOT,拨入,H,pool,2026,202610,inpatient,retained=5",
        "0,2026-10-12,SET,月结,H,pool,2026,202610,inpatient,amount=5",
        "0,2026-10-12,ALLOT,拨入,H,pool,2026,202610,inpatient,amount=5 amount=6",
        "0,2026-10-12,ALLOT,甲,H,pool,2026,202610,,amount=5\n0,2026-10-12,ALLOT,乙,H,pool,2026,202610,,amount=5",
    ],
    ids=["not fen", "not an item's", "not a sheet's", "said twice", "two stories of one event"],
)
def test_a_fact_the_event_cannot_have_is_refused(row):
    with pytest.raises(InvalidInput) as refused:
        worked_year(HEAD + row + "\n")
    assert refused.value.code == "rules.file"
    assert "worked_year.csv第0号" in refused.value.message
