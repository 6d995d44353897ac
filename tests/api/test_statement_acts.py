"""Statements in pages, their withdrawal, a line taken up as a paper, a plan: over HTTP as at the command line, by two persons' keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest

from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.core.dates import SHANGHAI
from tests.payments.statements.test_pages import pages

REGION, OWN, FISCAL = 420100, "4200000000001004", "4200000000001003"
DAY = date(2026, 10, 12)


@pytest.fixture
def do(client: httpx.Client, world: Any) -> Any:
    def post(name: str, who: str, **values: Any) -> Any:
        headers = {"authorization": f"Bearer {world.keys[who]}"}
        answer = client.post(f"/api/v1/acts/{name}", json={"region": REGION, **values}, headers=headers)
        document = answer.json()
        return document if answer.status_code == 200 else document["code"]

    return post


def printed(account: str = OWN) -> PrintedStatement:
    rows, running = [], 0
    for serial, fen in (("B1", 10_000), ("B2", -3_000), ("B3", -500), ("B4", -1)):
        running += fen
        side = Direction.CREDIT if fen > 0 else Direction.DEBIT
        rows.append(PrintedLine(serial, side, abs(fen), DAY, running))
    created = datetime(2026, 10, 13, 8, tzinfo=SHANGHAI)
    return PrintedStatement("ST1", 1, created, account, "户", DAY, DAY, 0, rows)


def test_pages_withdrawal_and_a_line_as_paper(do: Any, client: httpx.Client, world: Any) -> None:
    one, two, three = (content.decode() for content in pages(printed()))

    def load(content: str, who: str = "accountant", account: str = OWN) -> Any:
        return do("bank-statement/load", who, account=account, file={"name": "p.xml", "content": content})

    assert load(one, who="cashier") == "access.role_missing"
    assert load(one, account=FISCAL) == "bankfile.foreign_account"
    assert load(three) == {"statements": [], "missing": ["对账单ST1已有第3页，缺第1、2页"]}
    # a single waiting page goes back by two persons, and comes again
    page = {"account": OWN, "page": sha256(three.encode()).hexdigest(), "reason": "错页"}
    assert do("bank-statement/withdraw", "accountant", statement=1, **page) == "statement.which"
    gone = do("bank-statement/withdraw", "accountant", **page)["withdrawal"]
    assert (gone["page"], gone["from"], gone["state"]) == ("p.xml", 0, "requested")
    assert (
        do("bank-statement/confirm-withdrawal", "checker", account=OWN, n=1)["withdrawal"]["state"]
        == "approved"
    )
    assert do("bank-statement/withdraw", "accountant", **page) == "statement.not_waiting"
    assert load(three)["missing"] == ["对账单ST1已有第3页，缺第1、2页"]
    assert load(one)["missing"] == ["对账单ST1已有第1、3页，缺第2页"]
    [made] = load(two)["statements"]
    assert (made["statement"], made["lines"], made["closing_fen"]) == (1, 4, "6499")

    asked = do("bank-statement/withdraw", "accountant", account=OWN, statement=1, reason="测试文件")[
        "withdrawal"
    ]
    assert (asked["state"], asked["n"]) == ("requested", 2)
    assert do("bank-statement/confirm-withdrawal", "accountant", account=OWN, n=2) == "access.role_missing"
    done = do("bank-statement/confirm-withdrawal", "checker", account=OWN, n=2)["withdrawal"]
    assert (done["state"], done["approved_by"]) == ("approved", "checker")
    assert do("bank-statement/confirm-withdrawal", "checker", account=OWN, n=2)["withdrawal"] == done
    whole = write_camt053(replace(printed(), statement_id="ST1B")).decode()
    assert load(whole)["statements"][0]["statement"] == 1

    told = {"fund": 310, "account": OWN, "receipt": "statement:1:2", "document": "通知", "date": "2026-10-13"}
    assert do("payments/suspense/propose", "accountant", what="to_upper", **told) == "suspense.subfund"
    found = do("payments/suspense/propose", "accountant", what="to_upper", reference="pool", **told)
    assert found["state"] == "requested"
    booked = do("payments/suspense/confirm", "checker", resolution=found["resolution"], date="2026-10-13")
    assert booked["state"] == "approved"
    matched = do("reconciliation/match", "accountant", account=OWN)
    # the line was matched with its entry as that was booked
    assert (matched["groups"]["receipt"], matched["open_statement_lines"], matched["open_journal_lines"]) == (
        0,
        3,
        0,
    )
    # a voucher by hand rests on another line
    drafts = f"/api/v1/books/{REGION}-310/voucher-drafts"
    headers = {"authorization": f"Bearer {world.keys['accountant']}"}
    body = {"date": "2026-10-13", "summary": "上解", "evidence": "通知", "receipts": ["statement:1:3"], "lines": [
        {"side": "借", "account": 530101, "amount_fen": "500"},
        {"side": "贷", "account": 1004, "amount_fen": "500", "counterparty": OWN},
    ]}  # fmt: skip
    answer = client.post(drafts, json=body, headers=headers)
    assert (answer.status_code, answer.json().get("receipts")) == (200, ["statement:1-3:debit"]), answer.text


def test_a_plan_and_a_float_as_the_region_chose(do: Any) -> None:
    plan = {"fund": 310, "month": 202610, "date": "2026-10-13", "planned": ["daily=100.00"]}
    assert do("cash/request-plan", "maker", **plan) == "cash.basis"
    assert do("cash/request-float", "maker", fund=310, amount="1.00", date="2026-10-13") == "cash.basis"
