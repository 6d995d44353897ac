"""The day's flow at 工作台: what is owed is counted once, and every station leads to what it counts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import psycopg

from ledger.fund.daily.run import run_daily
from ledger.simulation.people import DEMO_REGION
from ledger.web.pages.watch.flow import STATIONS, flow
from tests.scenes.town import Town, town
from tests.web.conftest import Browser, bills
from tests.web.test_acts import do, done

__all__ = ["town"]

DAY, AFTER = date(2026, 10, 13), date(2026, 10, 14)


def owed(scene: Any) -> tuple[int, int]:
    """(records ordered, fen owed) of the day."""
    with scene.tx() as tx:
        first, *_ = flow(tx, DAY)
    return first.orders, first.fen


def test_what_came_back_and_is_held_is_owed_once(town: Any, bill: Any) -> None:
    town.begin()
    town.month.take(bill("A1"), bill("B1", institution=town.month.other_hospital))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
    before = owed(town)
    assert before == (2, sum(one.amount_fen for one in town.orders(batch.order_nos)))
    first, _ = town.pay(batch, DAY)
    town.receipt(first, DAY, back=True, why=("AC01", "账号不符"))
    assert owed(town) == before
    run_daily(town.engine, "zhao", DEMO_REGION, DAY)
    with town.tx() as tx:
        [(held,)] = tx.rows("SELECT sum(amount_fen)::bigint FROM payments.blocked WHERE run > 1")
    assert held == first.amount_fen, "the account is at fault: held back"
    assert owed(town) == before


def test_what_came_back_on_a_former_day_is_owed_on_the_day_it_is_drafted_again(town: Any, bill: Any) -> None:
    """The first tile is what the others add up to: orders of the day, those that pay again included, and what is held back."""
    town.begin()
    town.month.take(bill("A1"))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
    [first] = town.pay(batch, DAY)
    town.receipt(first, DAY, back=True, why=("MS03", "对方银行未说明原因"))
    run_daily(town.engine, "zhao", DEMO_REGION, AFTER)
    with town.tx() as tx:
        owed_now, *stations, held = flow(tx, AFTER)
    assert sum(one.fen for one in stations) == first.amount_fen, "drafted again"
    assert (owed_now.orders, owed_now.fen) == (1, first.amount_fen)
    assert owed_now.fen == sum(one.fen for one in stations) + held.fen


def test_every_station_leads_to_what_it_counts(desk: Any, sat: Callable[[str], Browser]) -> None:
    """As many rows as it says, of the same sum: of a day with orders of every state."""
    scene = Town(desk.month, desk.settings.home)
    with bills(desk):
        [batch] = run_daily(scene.engine, "zhao", DEMO_REGION, DAY).batches
    [seen] = scene.orders(batch.order_nos)
    with psycopg.connect(str(desk.settings.database_url)) as admin:
        admin.execute("SET session_replication_role = replica")
        columns = [
            name
            for (name,) in admin.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'payments' AND table_name = 'pay_order'"
                " AND column_name NOT IN ('order_no', 'state', 'amount_fen') AND is_generated = 'NEVER' ORDER BY 1"
            )
        ]
        states = sorted({state for _, states, _ in STATIONS for state in states} - {"draft"})
        for n, state in enumerate(states):
            admin.execute(
                f"INSERT INTO payments.pay_order (order_no, state, amount_fen, {', '.join(columns)})"
                f" SELECT %s, %s, %s, {', '.join(columns)} FROM payments.pay_order WHERE order_no = %s".encode(),
                [f"FL420100-310-20261013-{90000 + n}", state, 100 * 2**n, seen.order_no],
            )
        admin.execute(
            "INSERT INTO payments.blocked (region, fund, pay_date, run, institution, reason, amount_fen)"
            " SELECT region, fund, pay_date, run, 'H42010000002', 'not_due', 777 FROM payments.daily_run"
        )
        admin.commit()
    zhao = sat("zhao")
    page = zhao.get(f"/desk/today?day={DAY}").text
    tiles = re.findall(
        r'<li class="[^"]*"><a href="([^"]+)"><span>([^<]+)</span><b class="num">([^<]*)</b><span>(\d+)', page
    )
    assert len(tiles) == len(STATIONS) + 2
    for href, name, money, count in tiles:
        path = unescape(href)
        table = list(csv.DictReader(io.StringIO(zhao.get(f"{path}&format=csv").text.lstrip("\ufeff"))))
        assert zhao.get(path).status_code == 200, name
        amount = "应拨" if "owed" in path else "金额"
        rows = [row for row in table if row["险种"] != "合计"]
        found = sum(Decimal(row[amount].replace(",", "")) for row in rows)
        counted = sum(int(row["已制单笔数"]) for row in rows) if "owed" in path else len(rows)
        assert (counted, found) == (int(count), Decimal(money.replace(",", ""))), name
        assert counted > 0, name


def shown(browser: Browser, path: str) -> list[dict[str, str]]:
    """A list as its file says it."""
    text = browser.get(f"{path}{'&' if '?' in path else '?'}format=csv").text
    return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))


def test_what_is_blocked_is_added_up_and_leads_to_its_records(
    desk: Any, sat: Callable[[str], Browser], bill: Any
) -> None:
    """Reversals that outweigh stand with their minus; what nets to nothing says so; a line's records are its amount."""
    scene = Town(desk.month, desk.settings.home)
    other = scene.month.other_hospital
    with bills(desk):
        run_daily(scene.engine, "zhao", DEMO_REGION, DAY)
    desk.month.take(
        bill("S2R", fund=-100_002, init="S2"), bill("S1R", fund=-100_001, init="S1"), bill("S0R", fund=-100_000, init="S0"),
        bill("O1", fund=50_000, institution=other), bill("O1R", fund=-50_000, init="O1", institution=other),
    )  # fmt: skip
    run_daily(scene.engine, "zhao", DEMO_REGION, DAY)
    zhao = sat("zhao")
    rows = {row["机构"]: row for row in shown(zhao, f"/desk/blocked?date={DAY}")}
    owed_back = sum(-round(fen * 0.6) for fen in (100_000, 100_001, 100_002))
    assert rows["H42010000001"]["金额"].replace(",", "") == f"{owed_back / 100:.2f}"
    assert rows["H42010000001"]["说明"] == "冲销多于应拨，尚欠的留待下次抵减"
    assert (rows[other]["金额"], rows[other]["说明"]) == ("0.00", "应拨与冲销正好相抵")
    assert rows["2家次"]["金额"] == rows["H42010000001"]["金额"]
    page = zhao.get(f"/desk/blocked?date={DAY}").text
    assert f'<td class="money red">{Decimal(rows["H42010000001"]["金额"]):,}</td>' in page
    for code in ("H42010000001", other):
        [href] = {
            unescape(one) for one in re.findall(r'href="(/desk/blocked/records[^"]*)"', page) if code in one
        }
        *lines, whole = shown(zhao, href)
        assert whole["应拨"] == rows[code]["金额"]
        assert {line["结算ID"] for line in lines} == (
            {"O1", "O1R"} if code == other else {"S0R", "S1R", "S2R"}
        )
        assert f"当日所列{Decimal(rows[code]['金额']):,}元" in zhao.get(href).text
        assert "不同" not in zhao.get(href).text


def test_an_order_says_whom_it_pays_and_persons_stand_by_their_names(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    scene = Town(desk.month, desk.settings.home)
    with bills(desk, 1):
        [batch] = run_daily(scene.engine, "zhao", DEMO_REGION, DAY).batches
    zhao, [number] = sat("zhao"), batch.order_nos
    [(name,)] = desk.month.asked("SELECT display_name FROM access.app_user WHERE user_name = 'zhao'")
    page = zhao.get(f"/desk/orders/{number}").text
    assert "<dt>收款人</dt><dd>第1医院 620000000001 模拟银行 102421000009</dd>" in page
    assert f"<td>{name}</td>" in page
    assert "<td>zhao</td>" not in page
    assert "ORD:" not in page
    followed = zhao.get("/desk/follow?subject=S0").text.partition("<main")[2]
    assert f"（{name}）" in followed
    assert "REC:" not in followed
    assert "基金 310" not in followed
    assert "医疗类别 普通住院" in followed
    assert "rule:" not in followed
    journal = sat("li").get("/desk/books/journal?book=420100-310&period=202610").text.partition("<main")[2]
    assert "机制凭证" in journal
    assert "rule:" not in journal
    assert {"李会计", "钱复核"} <= set(re.findall(r"<td[^>]*>([^<]*)</td>", journal))
    by_name, by_login = (
        set(re.findall(r"记-[0-9-]+", sat("li").get(f"/desk/find?book=420100-310&maker={maker}").text))
        for maker in ("李会计", "li")
    )
    assert by_name == by_login != set()


def test_what_a_stop_leaves_of_the_days_orders_is_said_and_counted_once(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    """Stopped before the file was made and after: what is owed once, what goes and what does not, why, and who does what next."""
    zhao, qian, sun = sat("zhao"), sat("qian"), sat("sun")
    place, today = "/desk/institutions/H42010000001", "/desk/today"
    with bills(desk):
        done(do(zhao, today, "day run"))
    done(do(zhao, place, "institution agreement", {"v.state": "suspended"}))
    approved = do(qian, today, "day approve")
    done(approved)
    [(first,)] = desk.month.asked("SELECT order_no FROM payments.pay_order")
    assert f"取消 {first}：协议中止" in approved.text
    done(do(zhao, place, "institution agreement", {"v.state": "active"}))
    done(do(qian, place, "institution confirm"))
    done(do(zhao, today, "day run"))
    done(do(qian, today, "day approve"))
    assert owed(desk.month) == (3, 180_002), "the same three records, drafted twice"
    shown = re.sub("<[^>]*>", "", sun.get(today).text)
    assert "拨付清单：2批，合计 3,600.04 元，其中已取消 1 单 1,800.02 元，不再拨付" in shown
    assert "首次付款 已取消" in shown
    done(do(zhao, place, "institution agreement", {"v.state": "ended"}))
    second = desk.month.asked("SELECT max(order_no) FROM payments.pay_order")[0][0]
    assert f"不得再拨付的拨付单{second}（协议终止或不在协议期）" in do(sun, today, "day send").text
    assert "停付的拨付单待重新制盘" in zhao.get(today).text.partition("他人待办")[0]
    assert second in zhao.get("/desk/orders?state=filed").text
    assert "协议终止或不在协议期" in zhao.get(f"/desk/orders/{second}").text
    done(do(zhao, f"/desk/orders/{second}", "payments file"))
    assert desk.month.asked("SELECT DISTINCT state FROM payments.pay_order") == [("cancelled",)]
    assert desk.month.asked("SELECT state FROM payments.bank_file") == [("void",)]
    assert "待重新制盘" not in zhao.get(today).text
