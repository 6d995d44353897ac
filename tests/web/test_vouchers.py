"""Vouchers at a page over HTTP: typed once, kept when refused, checked by another, void after a change; strange text and many lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.fund.daily.run import run_daily
from ledger.simulation.people import FISCAL_ACCOUNT
from ledger.web.parts import parts_of
from tests.web.conftest import EVE, Browser, bills

BOOK = "420100-310"
NEW, SAVE, APPROVE = (
    f"/desk/drafts/new?book={BOOK}",
    f"/desk/drafts/save?book={BOOK}",
    "/desk/act/book/voucher+approve",
)
LINES = {
    "l0.memo": "补贴", "l0.account": "1003", "l0.party": FISCAL_ACCOUNT.number, "l0.debit": "1,234.50",
    "l1.memo": "补贴", "l1.account": "41010101", "l1.credit": "1234.50", "evidence": "文1", "business": "2026-10-12",
}  # fmt: skip


def typed(browser: Browser, **other: str) -> dict[str, str]:
    return browser.form(NEW, SAVE) | LINES | {name.replace("__", "."): value for name, value in other.items()}


def drafted(browser: Browser, **other: str) -> str:
    answer = browser.post(SAVE, typed(browser, **other))
    assert answer.status_code == 303, re.findall('role="alert">([^<]*)', answer.text)
    return answer.headers["location"]


def count(desk: Any, of: str = "books.voucher") -> int:
    [(found,)] = desk.month.asked(f"SELECT count(*) FROM {of}")
    return int(found)


@pytest.mark.posts("/desk/drafts/save", "book voucher approve")
def test_a_voucher_from_the_form_to_the_books(desk: Any, sat: Callable[[str], Browser]) -> None:
    li, qian = sat("li"), sat("qian")
    before = count(desk)
    form = typed(li)
    first, again = li.post(SAVE, form), li.post(SAVE, form)  # a double click
    other_tab = li.post(SAVE, typed(li))  # the same content under another form's key
    assert first.headers["location"] == again.headers["location"] == other_tab.headers["location"]
    assert count(desk) == before + 1
    path = first.headers["location"]
    assert "待复核" in li.get(f"/desk/drafts?book={BOOK}").text
    assert f'action="{APPROVE}"' not in li.get(path).text  # nobody checks his own
    form = qian.form(path, APPROVE) | {"v.date": "2026-10-13"}
    assert [qian.post(APPROVE, form).status_code for _ in range(2)] == [200, 200]
    page = qian.get(path).text
    number = re.search(r"已记账凭证 (记-202610-\d+)", page)
    assert number
    posted = qian.get(f"/desk/vouchers/{number[1]}?book={BOOK}").text
    assert "1,234.50" in posted
    assert path.split("?")[0] in posted  # back to the draft with its papers
    assert qian.get(f"/desk/vouchers/{number[1]}?book={BOOK}&format=pdf").content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"l1.credit": "1234.49"}, "entry.unbalanced"),
        ({"l1.account": "99"}, "voucher.line"),
        ({"l1.account": "49990000"}, "account."),
        ({"l1.debit": "1"}, "voucher.line"),
        ({"l0.party": "x:pool"}, "voucher.line"),
        ({"l1.credit": "1,23"}, "voucher.line"),
        ({"l1.memo": "另一摘要"}, "voucher.text"),
        ({"l0.memo": "a\x07b", "l1.memo": "a\x07b"}, "voucher.text"),
        ({"l0.memo": "甲" * 201, "l1.memo": ""}, "voucher.text"),
        ({"business": "2026-10-14"}, "voucher.future"),
        ({"business": "0001-01-01"}, "voucher.before_opening"),
        ({"business": "2025-12-31"}, "voucher.before_opening"),
        ({"business": "昨天"}, ""),
        ({"evidence": ""}, "voucher.text"),
        ({"attachments": "三"}, "usage."),
        ({"reverses": "记-202610-99"}, "voucher.unknown"),
        ({"receipts": "bker:NONE"}, ""),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    desk: Any, sat: Callable[[str], Browser], wrong: dict[str, str], code: str
) -> None:
    li, before = sat("li"), count(desk)
    answer = li.post(SAVE, typed(li) | wrong)
    assert 400 <= answer.status_code < 500, answer.status_code
    assert re.search(rf"代码 {re.escape(code)}", answer.text), re.findall("代码 ([^<]*)", answer.text)
    kept = LINES | wrong
    for name, value in kept.items():
        assert f'name="{name}"' in answer.text
        assert f'value="{"".join(c if c.isprintable() else " " for c in value)}"' in answer.text, name
    assert count(desk) == before


STRANGE = (
    "<script>alert(1)</script>",
    "\u202e甲",
    "a\x00b",
    "a\x1bb",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C'!A0",
)


@pytest.mark.parametrize(
    "field", ["l0.memo", "l0.account", "l0.party", "l0.subfund", "l0.year", "l0.term", "l0.category", "l0.debit",
              "evidence", "attachments", "reverses", "receipts", "business"]
)  # fmt: skip
def test_strange_text_in_every_field_is_refused_or_inert(
    desk: Any, sat: Callable[[str], Browser], field: str
) -> None:
    li = sat("li")
    for strange in STRANGE:
        given = typed(li) | {field: strange} | ({"l1.memo": strange} if field == "l0.memo" else {})
        answer = li.post(SAVE, given)
        assert answer.status_code < 500, (field, strange)
        shown = answer.text if answer.status_code != 303 else li.get(answer.headers["location"]).text
        shown += li.get(f"/desk/drafts?book={BOOK}").text
        for live in ("<script>alert", "<img", "\u202e", "\x00", "\x1b"):
            assert live not in shown, (field, strange)


@pytest.mark.posts("book voucher withdraw", "/desk/drafts/#/attach")
def test_a_stale_approval_is_void(desk: Any, sat: Callable[[str], Browser]) -> None:
    li, qian = sat("li"), sat("qian")
    path = drafted(li)
    seen = qian.form(path, APPROVE) | {"v.date": "2026-10-13"}
    wholelist = qian.form(f"/desk/drafts/waiting?book={BOOK}", APPROVE)
    attach = path.replace("?", "/attach?")
    hidden = li.form(path, attach.replace("&", "&amp;"))
    paper = bytes(range(256)) + b"\r\n--x\r\n\r\n"
    sent = li.send(attach, hidden, ("回单 1.pdf", paper))
    assert sent.status_code == 303, sent.text[-500:]
    page = qian.get(path).text
    assert "回单 1.pdf" in page
    [link] = re.findall(r'href="(/desk/drafts/[^"]*/attached/1[^"]*)"', page)
    got = qian.get(link)
    assert (got.content, got.headers["content-type"]) == (paper, "application/octet-stream")
    for stale, code in ((seen, "voucher.changed"), (wholelist, "voucher.batch_changed")):
        answer = qian.post(APPROVE, stale)
        assert answer.status_code == 409
        assert code in answer.text
        assert "改正后再办" not in answer.text
    posted = count(desk, "books.entry")
    # what was withdrawn meanwhile is not posted either
    fresh = qian.form(path, APPROVE) | {"v.date": "2026-10-13"}
    withdraw = "/desk/act/book/voucher+withdraw"
    assert li.post(withdraw, li.form(path, withdraw) | {"v.reason": "金额有误"}).status_code == 200
    assert qian.post(APPROVE, fresh).status_code == 409
    assert count(desk, "books.entry") == posted
    assert "金额有误" in qian.get(path).text
    copied = li.get(f"/desk/drafts/new?book={BOOK}&like={path.split('/')[-1].split('?')[0]}").text
    assert 'value="1234.50"' in copied


def test_many_are_checked_and_posted_under_one_digest(desk: Any, sat: Callable[[str], Browser]) -> None:
    li, qian = sat("li"), sat("qian")
    for n in range(3):
        drafted(li, evidence=f"文{n}")
    assert "须由另一人复核" in li.get(f"/desk/drafts/waiting?book={BOOK}").text
    before = count(desk, "books.entry")
    for page in (f"/desk/drafts/waiting?book={BOOK}", f"/desk/drafts?book={BOOK}"):
        assert qian.get(page).text.count("<td>李会计</td>") == 3, "the person, not the login"
    form = qian.form(f"/desk/drafts/waiting?book={BOOK}", APPROVE)
    drafted(li, evidence="后来的")
    assert qian.post(APPROVE, form).status_code == 409
    assert count(desk, "books.entry") == before
    form = qian.form(f"/desk/drafts/waiting?book={BOOK}", APPROVE)
    assert [qian.post(APPROVE, form).status_code for _ in range(2)] == [200, 200]
    assert count(desk, "books.entry") == before + 4


@pytest.mark.posts("/desk/drafts/template")
def test_a_template_at_a_page(desk: Any, sat: Callable[[str], Browser]) -> None:
    li, before = sat("li"), count(desk)
    listed = li.get(f"/desk/drafts/templates?book={BOOK}").text
    assert '<option value="A1"' in listed
    page = f"/desk/drafts/templates?book={BOOK}&template=A1"
    action = f"/desk/drafts/template?book={BOOK}"
    form = li.form(page, action) | {
        "evidence": "文9",
        "business": "2026-10-13",
        "a.amount": "-5",
        "summary": "<b>试</b>",
    }
    refused = li.post(action, form)
    assert 400 <= refused.status_code < 500
    assert "&lt;b&gt;试&lt;/b&gt;" in refused.text
    assert count(desk) == before
    del form["a.amount"]
    made = li.post(action, form | {"a.open": "100.00"})
    assert made.status_code == 303, re.findall('role="alert">([^<]*)', made.text)
    assert count(desk) == before + 1
    assert "100.00" in li.get(made.headers["location"]).text


def test_ten_thousand_lines_break_nothing(desk: Any, sat: Callable[[str], Browser]) -> None:
    from ledger.books.manual import ManualContent, draft_voucher
    from ledger.books.reading import parse_book
    from ledger.db.unit_of_work import unit_of_work

    li, qian = sat("li"), sat("qian")
    many = typed(li) | {f"l{n}.account": "41010101" for n in range(2, 10_000)}
    answer = li.post(SAVE, many)
    assert answer.status_code < 500
    assert "至多填500行" in answer.text
    assert answer.text.count('name="l9999.account"') == 1  # and still as typed
    own = Dimensions(FISCAL_ACCOUNT.number)
    legs = (debit(1003, 999_900, own), *(credit(41010101, 100) for _ in range(9_999)))
    with unit_of_work(desk.month.engine, "li", 420100) as tx:
        made = draft_voucher(tx, parse_book(BOOK), ManualContent(EVE, "长凭证", "文", legs), EVE)
    path = f"/desk/drafts/{made.voucher_id}?book={BOOK}"
    page = qian.get(path)
    assert page.text.count("<tr>") < 250
    assert len(page.content) < 300_000
    assert "共 10000 行" in page.text
    assert "第 9801–10000 行" in qian.get(f"{path}&after=9800").text
    assert qian.post(APPROVE, qian.form(path, APPROVE) | {"v.date": "2026-10-13"}).status_code == 200
    number = re.search(r"已记账凭证 (记-202610-\d+)", qian.get(path).text)
    assert number
    posted = qian.get(f"/desk/vouchers/{number[1]}?book={BOOK}")
    assert len(posted.content) < 300_000
    assert "下一页" in posted.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=B", b"--B"),
        ("multipart/form-data; boundary=B", b"--B\r\n\r\n\r\nx\r\n--B--"),
        ("multipart/form-data; boundary=B", b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--B--'),
        ("multipart/form-data; boundary=B", b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 9 + b"--B--"),
    ],
)  # fmt: skip
def test_a_broken_form_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"boundary|part|name|decode"):
        parts_of(kind, body, 5)


def test_what_was_typed_wrongly_is_called_by_what_it_is(sat: Callable[[str], Browser]) -> None:
    li = sat("li")
    answer = li.post(SAVE, typed(li, attachments="-1"))
    [told] = re.findall(r'role="alert">([^<]*)', answer.text)
    assert answer.status_code == 422
    assert told.strip() == "附件张数的值“-1”不合规，应为不小于0的整数"


def test_a_voucher_that_is_never_reversed_in_red_shows_its_own_way(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    li = sat("li")
    with bills(desk):
        run_daily(desk.month.engine, "zhao", 420100, date(2026, 10, 13))
    [(number,)] = desk.month.asked(
        "SELECT series || '-' || period || '-' || vno FROM books.entry WHERE event = 'REC' AND fund = 310 LIMIT 1"
    )
    page = li.get(f"/desk/vouchers/{number}?book={BOOK}").text
    assert "结算记录由平台送来的冲销记录更正" in page
    assert 'action="/desk/act/correct/red"' not in page
    assert "蓝字订正" not in page
    by_hand = li.get(f"/desk/vouchers/记-202610-1?book={BOOK}").text
    assert 'action="/desk/act/correct/red"' in by_hand
    assert "蓝字订正" in by_hand


def test_an_account_that_is_not_there_is_said_before_the_balance(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    li = sat("li")
    answer = li.post(SAVE, typed(li, l1__account="49999999", l1__credit="1.00"))
    assert "第2行的科目49999999不存在" in answer.text
    assert "借贷差" not in answer.text.partition('role="alert"')[2].partition("</")[0]
