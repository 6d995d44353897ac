"""What was set aside, at pages: records and bank files with their reasons in words, opened with a reason that is logged; banks' files received."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest
from playwright.sync_api import Page
from psycopg.types.json import Jsonb

from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.incoming.receive import receive
from ledger.simulation.people import DEMO_REGION
from tests.scenes.town import OWN, Town
from tests.web.conftest import TODAY, Browser, bill_line, bills
from tests.web.test_acts import do, done, led, said
from tests.web.test_browser import pages
from tests.web.test_keyboard import picture

__all__ = ["pages"]
Sat = Callable[[str], Browser]
IDENTITY = "420106199001011234"
OPENED = "SELECT user_name, object, outcome FROM access.operator_log WHERE action = 'data.open' ORDER BY id"


def set_aside(desk: Any, folder: Path) -> int:
    """A file of which one record is good, one has amounts that do not add up, one has no region; the load's number."""
    wrong, lost = bill_line("Q1"), bill_line("Q2")
    wrong["setlinfo"] |= {"medfee_sumamt": "9.99", "certno": IDENTITY}
    lost["setlinfo"]["poolarea_no"] = "x"
    path = folder / "结算.jsonl"
    path.write_text(
        "".join(json.dumps(one) + "\n" for one in (bill_line("Q0"), wrong, lost)), encoding="utf-8"
    )
    loaded = load_file(desk.month.engine, "jieru", path, IntakeRules())
    assert (loaded.accepted, loaded.quarantined) == (1, 2)
    return loaded.load_id


@pytest.mark.posts("data open")
def test_a_record_set_aside_is_listed_with_its_reason_and_opened_with_one(
    desk: Any, sat: Sat, tmp_path: Path
) -> None:
    load = set_aside(desk, tmp_path)
    zhao, li, sun = sat("zhao"), sat("li"), sat("sun")
    assert "隔离的结算记录待更正" in zhao.get("/desk/today").text
    led(zhao, "/desk/exceptions", "/desk/quarantine")
    led(zhao, "/desk/monitor", "/desk/quarantine")
    rows = desk.month.asked(
        f"SELECT line, message, code FROM fund.quarantine WHERE load_id = {load} ORDER BY line"
    )
    assert [line for line, _, _ in rows] == [2, 3]
    listed = zhao.get("/desk/quarantine").text
    for _, message, code in rows:
        assert message in listed
        assert code in listed
    assert IDENTITY not in listed
    # every filter is one; a file holds what the list does
    only = zhao.get(f"/desk/quarantine?code={rows[0][2]}&load={load}").text
    assert f"第{load}次第2行" in only
    assert f"第{load}次第3行" not in only
    assert f"第{load}次第2行" not in zhao.get("/desk/quarantine?state=passed").text
    with ZipFile(BytesIO(zhao.get("/desk/quarantine?format=xlsx").content)) as book:
        assert rows[0][1] in "".join(
            book.read(part).decode() for part in book.namelist() if part.endswith(".xml")
        )
    assert zhao.get("/desk/quarantine?format=pdf").content.startswith(b"%PDF")
    one = led(zhao, "/desk/quarantine", f"/desk/quarantine/{load}/2")
    assert rows[0][1] in zhao.get(one).text
    assert "/desk/act/data/open" not in sun.get(one).text
    form = zhao.form(one, "/desk/act/data/open", "v.reason")
    assert "data.reason" in zhao.post("/desk/act/data/open", form | {"v.reason": "看"}).text
    masked = zhao.post("/desk/act/data/open", form | {"v.reason": "核对个案"})
    assert "Q1" in masked.text
    assert IDENTITY not in masked.text
    whole = zhao.form(one, "/desk/act/data/open", "v.reason", clear=True)
    shown = zhao.post("/desk/act/data/open", whole | {"v.reason": "核对个案"})
    assert IDENTITY in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert [(user, what) for user, what, outcome in desk.month.asked(OPENED) if outcome == "done"] == [
        ("zhao", f"{load}:2 遮蔽 核对个案"), ("zhao", f"{load}:2 明文 核对个案"),
    ]  # fmt: skip
    theirs = form | {"csrf": sun.form("/desk/me", "/desk/logout")["csrf"], "v.reason": "想看一看"}
    assert "access.role_missing" in sun.post("/desk/act/data/open", theirs).text
    assert li.get(f"/desk/quarantine/{load}/9").status_code == 404
    assert li.get("/desk/quarantine/x/9").status_code == 404
    # corrected and taken, it waits no longer: not on the list, not among the alarms; its content may go when its term is over
    assert "结算.jsonl 2条" in zhao.get("/desk/today").text
    due = f"SELECT key FROM fund.past_term({DEMO_REGION}, 'quarantine', '9999-01-01')"
    assert desk.month.asked(due) == []
    desk.month.take(bill_line("Q1"))
    assert "结算.jsonl 1条" in zhao.get("/desk/today").text
    assert [key for (key,) in desk.month.asked(due)] == [f"{load} 2"]
    assert f"第{load}次第2行" not in zhao.get("/desk/quarantine").text
    assert "subject=Q1" in zhao.get("/desk/quarantine?state=taken").text


def test_a_line_two_persons_let_pass_waits_no_longer(desk: Any, sat: Sat, tmp_path: Path) -> None:
    load = set_aside(desk, tmp_path)
    zhao, books = (
        sat("zhao"),
        [fund for (fund,) in desk.month.asked("SELECT fund FROM books.book ORDER BY 1")],
    )
    for n, fund in enumerate(books, 1):
        assert "结算.jsonl 2条" in zhao.get("/desk/today").text, "every book's two persons let it pass"
        with psycopg.connect(desk.month.database.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(
                "INSERT INTO books.closing_waiver (region, fund, period, code, n, items, reason, asked_by, asked_on, granted_by, granted_on)"
                " VALUES (420100, %s, 202610, 'quarantine', 1, %s, '不再送', 'li', %s, 'wu', %s)",
                [fund, Jsonb([f"load {load} line 2", f"load {load} line 3"]), TODAY, TODAY],
            )
        assert (f"第{load}次第2行" in zhao.get("/desk/quarantine").text) == (n < len(books))
    assert "结算.jsonl" not in zhao.get("/desk/today").text
    assert "隔离的结算记录待更正" not in zhao.get("/desk/today").text
    assert "两人同意放行" in zhao.get("/desk/quarantine?state=passed").text.partition("<tbody>")[2]


def test_a_bank_file_set_aside_is_listed_with_its_reason(desk: Any, sat: Sat) -> None:
    town = Town(desk.month, desk.settings.home)
    town.bank.channel.papers["坏.xml"] = b"<no/>"
    assert receive(town.engine, "xitong", DEMO_REGION, OWN, town.bank, TODAY).quarantined == 1
    li = sat("li")
    assert "隔离的银行文件待重读" in li.get("/desk/today").text
    [(message, code)] = desk.month.asked("SELECT message, code FROM payments.inbound_file")
    for path in ("/desk/inbound", "/desk/inbound?outcome=all", f"/desk/inbound?account={OWN}"):
        listed = li.get(path).text
        assert message in listed, path
        assert code in listed, path
    assert "坏.xml" not in li.get("/desk/inbound?outcome=read").text
    assert li.get("/desk/inbound?format=pdf").content.startswith(b"%PDF")
    one = led(li, "/desk/inbound", "/desk/inbound/")
    assert one in li.get("/desk/exceptions").text.replace("&amp;", "&")
    done(do(li, one, "bank read-again"))
    again = li.get(one).text
    assert "重读日" in again
    assert "/desk/act/bank/read-again" in again, "still set aside"


@pytest.mark.posts("payments receive")
def test_the_banks_files_are_received_at_the_page(desk: Any, sat: Sat) -> None:
    zhao, qian, sun, li = sat("zhao"), sat("qian"), sat("sun"), sat("li")
    with bills(desk):
        done(do(zhao, "/desk/today", "day run"))
    done(do(qian, "/desk/today", "day approve"))
    done(do(sun, "/desk/today", "day send"))
    assert "/desk/act/payments/receive" not in sun.get("/desk/received").text, "a cashier keeps no books"
    for _ in range(2):  # it takes what came, then answers
        desk.bank.work(TODAY)
    got = do(li, "/desk/received", "payments receive", {"v.account": ""})
    done(got)
    assert f"账户{OWN}：新文件" in said(got)
    assert "受理1" in said(got)
    again = do(li, "/desk/received", "payments receive", {"v.account": OWN}, again=True)
    done(again)
    assert "受理0" in said(again)
    done(do(li, "/desk/today", "payments receive"))
    theirs = li.form("/desk/received", "/desk/act/payments/receive") | {
        "csrf": sun.form("/desk/me", "/desk/logout")["csrf"], "v.account": "",
    }  # fmt: skip
    assert "access.role_missing" in sun.post("/desk/act/payments/receive", theirs).text


@pytest.mark.judge("chromium")
def test_what_was_set_aside_as_it_looks(desk: Any, pages: Any, tmp_path: Path) -> None:
    load = set_aside(desk, tmp_path)
    zhao: Page = pages("zhao")
    zhao.goto("/desk/exceptions")
    picture(zhao, "exceptions-1366")
    zhao.click("dl.facts a[href*='/desk/quarantine']")
    zhao.wait_for_url("**/desk/quarantine?**")
    picture(zhao, "quarantine-1366")
    zhao.click(f"text=第{load}次第2行")
    zhao.wait_for_url("**/desk/quarantine/**")
    picture(zhao, "quarantine-one-1366")
