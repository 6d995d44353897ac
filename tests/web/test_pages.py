"""The pages over HTTP: who may come in, forms that others made, other regions' ids, twice is once, a changed list is void."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from ledger.access.users import Person, found_region
from ledger.books.manual import ManualContent, approve_vouchers, draft_voucher
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.db.unit_of_work import unit_of_work
from ledger.simulation.people import DEMO_REGION, FISCAL_ACCOUNT
from ledger.web.application import PAGES
from tests.web.conftest import EVE, Browser, bills, draft_with_paper

RUN, APPROVE, SEND = "/desk/act/day/run", "/desk/act/day/approve", "/desk/act/day/send"
SHOWN = {
    "{report}": "balance-sheet", "{number}": "记-202610-1", "{order}": "FL420100-310-20261013-00001",
    "{institution}": "H42010000001", "{digest}": "0" * 64,
}  # fmt: skip
NOT_THERE = (
    "/{declaration}", "/{finding}", "/{sheet}", "/{letter}", "/{match}", "/{paper}", "/{item}", "/{refund}", "/{advance}", "/{run}",
    "/{move}", "/{case}", "/{line}", "/{digest}", "/{statement}",
)  # fmt: skip
"""Of these the scene has none (tests/web/test_every_page.py looks at a region that does)."""
OPEN_TO_READERS = {"/desk/users", "/desk/users/list", "/desk/log"}


def filled(path: str, draft: str = "") -> str:
    for name, value in (SHOWN | {"{draft}": draft, "{n}": "1"}).items():
        path = path.replace(name, value)
    return path + ("?row=4&period=202610" if path.endswith("/row") else "?period=202610")


def logged(desk: Any, action: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = desk.month.asked(
        f"SELECT user_name, outcome FROM access.operator_log WHERE action = '{action}' ORDER BY id"
    )
    return [tuple(row) for row in found]


def test_every_page_by_every_post(desk: Any, sat: Callable[[str], Browser]) -> None:
    with bills(desk):
        zhao = sat("zhao")
        assert zhao.post(RUN, zhao.form("/desk/today", RUN)).status_code == 200
    draft = draft_with_paper(desk)
    assert Browser(desk.address).get("/").headers["location"] == "/desk/today"
    for path in PAGES:
        response = Browser(desk.address).get(filled(path, draft))
        assert (response.status_code, response.headers["location"].split("?")[0]) == (303, "/desk/login"), (
            path
        )
    for user in ("guan", "shen", "jieru", "zhao", "qian", "sun", "li", "wu", "zhou", "xitong"):
        browser = sat(user)
        for path in PAGES:
            allowed = path not in OPEN_TO_READERS or user in ("guan", "shen", "wu", "zhou")
            response = browser.get(filled(path, draft))
            gone = path.endswith(NOT_THERE) or (
                path == "/desk/users/list" and allowed
            )  # no key is enrolled in the scene
            wanted = 404 if gone else 200 if allowed else 403
            assert response.status_code == wanted, (user, path, response.text[-600:])
            assert response.headers["content-security-policy"].startswith("default-src 'self'")
            assert not re.search(r"<script(?![^>]*src=\"/desk/)|\son\w+=|\sstyle=", response.text), path


def test_another_regions_things_are_not_there(desk: Any) -> None:
    found_region(
        desk.month.admin, 420200,
        (Person("wai", "p-wai", "外地稽核", "reviewer"), Person("waiguan", "p-wg", "外地管理员", "admin"),
         Person("waishen", "p-ws", "外地审计", "audit_admin")),
    )  # fmt: skip
    from ledger.access.proposals import confirm, propose_link
    from ledger.access.sessions import choose_password
    from ledger.db.unit_of_work import unit_of_work
    from tests.access.test_sessions import GOOD
    from tests.web.conftest import TODAY

    engine = desk.month.engine
    with unit_of_work(engine, "waiguan", 420200) as tx:
        asked, made = propose_link(tx, "wai", TODAY)
    with unit_of_work(engine, "waishen", 420200) as tx:
        _, second = confirm(tx, asked.n, asked.digest, TODAY)
    choose_password(engine, "wai", (made.code, second), GOOD, TODAY, "")
    draft = draft_with_paper(desk)
    stranger = Browser(desk.address)
    assert stranger.enter("wai", GOOD).status_code == 303
    for path in PAGES:
        for query in ("region=420100", "book=420100-310"):
            response = stranger.get(filled(path, draft).split("?")[0] + f"?{query}&period=202610&row=4")
            assert response.status_code == 404, path
            assert "财政补贴" not in response.text
    for number in ("记-202610-1", "1"):
        assert stranger.get(f"/desk/vouchers/{number}").status_code == 404
    assert stranger.get("/desk/institutions/H42010000001").status_code == 404
    form = stranger.form("/desk/me", "/desk/logout") | {"v.region": "420100", "key": "k1"}
    assert stranger.post(RUN, form).status_code == 403


@pytest.mark.posts("day run", "day approve", "day send")
def test_the_day_in_three_acts_each_once(desk: Any, sat: Callable[[str], Browser]) -> None:
    zhao, qian, sun = sat("zhao"), sat("qian"), sat("sun")
    with bills(desk):
        form = zhao.form("/desk/today", RUN)
    first, again = zhao.post(RUN, form), zhao.post(RUN, form)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "此前已经办理" in again.text
    assert logged(desk, "daily.run") == [("zhao", "done")]
    assert 'action="/desk/act/day/approve"' not in zhao.get("/desk/today").text
    form = qian.form("/desk/today", APPROVE)
    other = Browser(desk.address)  # the same form under another's session
    other.enter("zhao")
    assert other.post(APPROVE, form).status_code == 403
    assert (
        zhao.post(APPROVE, form | {"csrf": zhao.form("/desk/me", "/desk/logout")["csrf"]}).status_code == 403
    )
    assert qian.post(APPROVE, form).status_code == 200
    assert qian.post(APPROVE, form | {"key": "another-tab"}).status_code == 200
    [(approvals,)] = desk.month.asked("SELECT count(*) FROM payments.approval")
    assert approvals == 1
    form = sun.form("/desk/today", SEND)
    assert [sun.post(SEND, form).status_code for _ in range(2)] == [200, 200]
    states = [
        tuple(row) for row in desk.month.asked("SELECT state, count(*) FROM payments.pay_order GROUP BY 1")
    ]
    assert states == [("sent", 1)]


def test_an_approval_is_void_when_the_list_has_changed(desk: Any, sat: Callable[[str], Browser]) -> None:
    zhao, qian = sat("zhao"), sat("qian")
    with bills(desk):
        zhao.post(RUN, zhao.form("/desk/today", RUN))
    form = qian.form("/desk/today", APPROVE)
    changed = form | {"v.digest": "0" * 64}
    refused = qian.post(APPROVE, changed)
    assert refused.status_code == 409
    assert "list.changed" in refused.text
    assert "返回重新查看" in refused.text
    assert desk.month.asked("SELECT 1 FROM payments.approval") == []


def test_forms_of_others_do_nothing(desk: Any, sat: Callable[[str], Browser]) -> None:
    zhao = sat("zhao")
    with bills(desk):
        form = zhao.form("/desk/today", RUN)
    for origin in (None, "http://evil.example", "null"):
        assert zhao.post(RUN, form, origin=origin).status_code == 403
        assert zhao.post("/desk/logout", form, origin=origin).status_code == 403
    for csrf in ("", "0" * 64, sat("qian").form("/desk/me", "/desk/logout")["csrf"]):
        assert zhao.post(RUN, form | {"csrf": csrf}).status_code == 403
    assert logged(desk, "daily.run") == []
    assert (
        Browser(desk.address)
        .post("/desk/login", {"user": "qian", "password": "x"}, origin="http://e.example")
        .status_code
        == 403
    )


@pytest.mark.posts("/desk/login", "/desk/logout")
def test_cookies_rotate_and_a_stolen_one_is_dead_after_log_out(desk: Any) -> None:
    browser = Browser(desk.address)
    browser.http.cookies.set("fundledger", "chosen-by-another")
    entered = browser.enter("qian")
    [cookie] = entered.headers.get_list("set-cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    token = (
        browser.http.cookies.get("fundledger", domain="127.0.0.1")
        or re.findall("fundledger=([^;]+)", cookie)[0]
    )
    assert token != "chosen-by-another"
    thief = Browser(desk.address)
    thief.http.cookies.set("fundledger", token)
    assert thief.get("/desk/today").status_code == 200
    owner = Browser(desk.address)
    owner.http.cookies.set("fundledger", token)
    assert owner.post("/desk/logout", owner.form("/desk/me", "/desk/logout")).status_code == 303
    assert thief.get("/desk/today").status_code == 303
    assert logged(desk, "logout") == [("qian", "done")]


def test_behind_a_proxy_with_tls_the_cookie_is_secure(desk: Any) -> None:
    browser = Browser(desk.address)
    headers = {"origin": desk.address, "x-forwarded-proto": "https"}
    asked = {"user": "qian", "password": "Yanshi-2026"}
    plain = browser.http.post("/desk/login", data=asked, headers=headers)
    assert "Secure" not in plain.headers["set-cookie"]  # nobody trusts this peer's word


def test_guessing_is_slowed_locked_and_seen(desk: Any) -> None:
    browser = Browser(desk.address)
    told = {browser.enter("qian", "wrong-One-1").text.count("用户名、密码或动态口令不对") for _ in range(5)}
    assert told == {1}
    locked = browser.enter("qian")
    assert (locked.status_code, "锁定" in locked.text or "分钟再试" in locked.text) == (401, True)
    assert logged(desk, "login")[-1] == ("qian", "refused")


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/desk//evil.example", "/\\evil", "/api/v1/books"]
)
def test_the_door_leads_nowhere_else(desk: Any, wanted: str) -> None:
    browser = Browser(desk.address)
    entered = browser.post("/desk/login", {"user": "qian", "password": "Yanshi-2026", "to": wanted})
    assert entered.headers["location"] == "/desk/today"


def test_strange_characters_are_shown_as_text(desk: Any, sat: Callable[[str], Browser]) -> None:
    zhou, strange = sat("zhou"), "<script>alert(1)</script>\u202e\x07"
    for path in (
        "/desk/log?words=",
        "/desk/log?user=",
        "/desk/find?words=",
        "/desk/orders?institution=",
        "/desk/books/sub-ledger?account=",
    ):
        response = zhou.http.get(path.split("?")[0], params={path.split("?")[1].rstrip("="): strange})
        assert response.status_code < 500
        assert "<script>alert" not in response.text
        assert "\u202e" not in response.text
    guan = sat("guan")
    add = guan.form("/desk/users", "/desk/act/user/add") | {
        "v.user": "xin",
        "v.person": "p-xin",
        "v.name": strange,
    }
    answered = guan.post("/desk/act/user/add", add)
    assert "<script>alert" not in answered.text + guan.get("/desk/users").text


def test_lists_are_files_too(desk: Any, sat: Callable[[str], Browser]) -> None:
    zhou = sat("zhou")
    for path in (
        "/desk/log?",
        "/desk/books/trial-balance?period=202610&",
        "/desk/books/sub-ledger?account=1004&period=202610&",
    ):
        for shape, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
            response = zhou.get(f"{path}format={shape}")
            assert response.status_code == 200
            assert response.content.startswith(start) or shape == "csv", path


def test_a_journal_page_of_200_entries_is_small(desk: Any, sat: Callable[[str], Browser]) -> None:
    """On the wire under the 300 kB of a first page, and whole to who takes nothing packed."""
    book, own = Book(DEMO_REGION, 310), Dimensions(FISCAL_ACCOUNT.number)
    with unit_of_work(desk.month.engine, "li", DEMO_REGION) as tx:
        legs = (debit(1003, 100, own),) * 3 + (credit(41010101, 100),) * 3
        made = [
            draft_voucher(tx, book, ManualContent(EVE, f"补贴{n}", "缴拨凭证", legs), EVE) for n in range(200)
        ]
    with unit_of_work(desk.month.engine, "qian", DEMO_REGION) as tx:
        approve_vouchers(tx, book, {one.voucher_id: one.digest for one in made}, EVE)
    zhou, path = sat("zhou"), f"/desk/books/journal?book={book}&period=202610"
    answer = zhou.get(path)
    assert answer.text.count("<tr") > 1000
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.num_bytes_downloaded < 60_000
    plain = zhou.http.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text.count("<tr") == answer.text.count("<tr")


def test_a_long_log_is_turned_page_by_page(desk: Any, sat: Callable[[str], Browser]) -> None:
    with psycopg.connect(desk.month.database.admin_url) as admin:
        admin.execute("SELECT set_config('app.actor', 'zhao', true)")
        admin.execute(
            "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
            " SELECT 420100, 'zhao', 'test.line', n::text, 'done', '' FROM generate_series(1, 450) AS n"
        )
    zhou, seen, path = sat("zhou"), [], "/desk/log?user=zhao&words=test.line"
    while path:
        answer = zhou.get(path)
        page = answer.text
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.num_bytes_downloaded < 30_000  # 200 rows, packed
        seen += re.findall(r"<td>(\d+)</td>", page)
        following = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = "/desk/log" + following[1].replace("&amp;", "&") if following else ""
    assert seen == [str(n) for n in range(450, 0, -1)]


def test_the_log_is_searched_by_what_it_shows(desk: Any, sat: Callable[[str], Browser]) -> None:
    """By a person's name as by the user's; by the words an action is shown in, which are stored nowhere."""
    zhao, zhou, to = sat("zhao"), sat("zhou"), "/desk/act/institution/agreement"
    asked = zhao.form("/desk/institutions/H42010000001", to)
    assert 'class="good"' in zhao.post(to, asked | {"v.state": "suspended"}).text
    for search in (
        "words=协议",
        "words=协议状态&user=赵制单",
        "user=赵制单&words=中止",
        "words=H42010000001&user=zhao",
    ):
        shown = zhou.get(f"/desk/log?{search}").text.partition("<tbody>")[2]
        assert "<td>改协议状态</td><td>H42010000001 中止</td>" in shown, search
    assert "改协议状态" not in zhou.get("/desk/log?words=协议&user=钱复核").text
    assert "改协议状态" in zhou.get("/desk/log?words=协议&format=csv").text


def test_no_bank_paper_is_lost_between_two_pages(desk: Any, sat: Callable[[str], Browser]) -> None:
    """Two accounts' papers of one day and one name stand on either side of a page's edge."""
    with psycopg.connect(desk.month.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO payments.evidence SELECT 420100, a, 'bker', 'R' || lpad(n::text, 4, '0'), sha256('f'), 'debit', '2026-10-12', n, 'x', 'x',"
            " '', '', false, '', '', sha256('d'), 'suspense', '', '' FROM unnest('{A1,A2,A3}'::text[]) AS a, generate_series(1, 100) AS n"
        )
    li, seen, path = sat("li"), [], "/desk/received"
    while path:
        page = li.get(path).text
        seen += re.findall(r"<td>(A\d)</td><td>[^<]*</td><td>(R\d{4})</td>", page)
        following = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = "/desk/received" + following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == 300


@pytest.mark.parametrize(("login", "path"), [("read", "/desk/orders"), ("service", "/desk/today")])
def test_a_full_pool_is_said_on_a_page_with_when_to_come_back(
    desk: Any, sat: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch, login: Any, path: str
) -> None:
    """Pages look by `read`, and who sits there is the service's to know: either may have no connection left."""
    zhao = sat("zhao")
    engine = desk._posts.of_post(login)
    monkeypatch.setattr(engine.pool, "_timeout", 0.2)
    with ExitStack() as held:
        for _ in range(engine.pool.size() + engine.pool._max_overflow):
            held.enter_context(engine.connect())
        answer = zhao.get(path)
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1")
        assert "service.busy" in answer.text
    assert zhao.get(path).status_code == 200
