"""One bill, several payers: the parts are the bill to the fen, by the map of the region and the day."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.cli.layers import app
from ledger.cli.line.acting import ACTING, close_apps
from ledger.control.verify import verify
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan
from ledger.fund.intake.file import load_file
from ledger.fund.layers.bill import Layers
from ledger.fund.layers.map import PAYERS, map_type
from ledger.fund.layers.row import layer_row
from ledger.fund.layers.store import read_bill, totals
from ledger.fund.record.judge import IntakeRules
from ledger.settings import get_settings

DAY = date(2026, 10, 12)


def layered(bill: Any, setl_id: str, rows: dict[str, int], **said: int) -> dict[str, Any]:
    """A bill of many fund rows (fen), with account, mutual aid (inside the account), cash and the hospital's share."""
    acct, mulaid, cash, hosp = (said.get(name, 0) for name in ("acct", "mulaid", "cash", "hosp"))
    columns = {
        "3101": "hifp_pay",
        "3301": "hifob_pay",
        "3201": "cvlserv_pay",
        "6101": "maf_pay",
        "3701": "hifes_pay",
    }
    made: dict[str, Any] = bill(setl_id, fund=0, acct=0, cash=0)
    info = made["setlinfo"]
    for code, fen in rows.items():
        if code[:4] in columns:
            info[columns[code[:4]]] = yuan(fen)
    funds = sum(fen for code, fen in rows.items() if code[:4] in columns)
    total = funds + acct + cash + hosp
    info |= {
        "medfee_sumamt": yuan(total), "inscp_scp_amt": yuan(total), "fund_pay_sumamt": yuan(funds), "hosp_part_amt": yuan(hosp),
        "psn_part_amt": yuan(acct + cash), "acct_pay": yuan(acct), "psn_cash_pay": yuan(cash), "acct_mulaid_pay": yuan(mulaid),
    }  # fmt: skip
    made["setldetail"] = [{"fund_pay_type": code, "fund_payamt": yuan(fen)} for code, fen in rows.items()]
    return made


FULL = {"310101": 50_001, "330101": 7_000, "320101": 3_000, "610101": 2_000, "370101": 1_500, "310201": 4_000, "310202": 600,
        "999996": 777}  # fmt: skip


def put_layers(tx: Any, splits: list[Layers]) -> None:
    """Into the table past the intake."""
    tx.run(
        "INSERT INTO fund.bill_layer SELECT (row::fund.bill_layer).* FROM unnest(%(rows)s::text[]) AS row",
        rows=[layer_row(tx.region, split) for split in splits],
    )


def test_the_same_layered_bill_twice_in_one_batch_is_split_once(month: Any, bill: Any) -> None:
    wallet(month)
    first = layered(bill, "B1", {"310101": 100, "330101": 50}, acct=50, cash=20)
    other = layered(bill, "B1", {"310101": 100, "330101": 51}, acct=50, cash=20)
    done = offer(month, first, first, other)
    assert (done.accepted, done.duplicate, done.quarantined) == (1, 1, 1)
    assert month.asked("SELECT setl_id, large FROM fund.bill_layer") == [("B1", 50)]


def refusals(month: Any) -> list[tuple[str, str, str]]:
    return [
        tuple(row)
        for row in month.asked("SELECT setl_id, code, message FROM fund.quarantine ORDER BY load_id, line")
    ]


def offer(month: Any, *bills: dict[str, Any]) -> Any:
    """Through the intake of files, whatever comes of it."""
    path = month.folder / f"offered-{len(list(month.folder.iterdir()))}.jsonl"
    path.write_text("".join(json.dumps(bill) + "\n" for bill in bills), encoding="utf-8")
    return load_file(month.engine, "jieru", path, IntakeRules())


def wallet(month: Any, from_day: date = date(2026, 10, 1)) -> None:
    with month.tx("li") as tx:
        map_type(tx, "310202", "wallet", from_day, "鄂医保〔2026〕7号")


def test_every_payer_gets_its_part_at_intake_and_the_parts_are_the_bill(month: Any, bill: Any) -> None:
    wallet(month)
    month.take(layered(bill, "L1", FULL, acct=4_600, mulaid=1_000, cash=10_022, hosp=777))
    with month.tx() as tx:
        one = read_bill(tx, "L1")
    shares = {payer: fen for payer, fen in one.shares.items() if fen}
    assert shares == {
        "basic_310": 50_001, "large": 7_000, "civil": 3_000, "assistance": 2_000, "commercial": 1_500, "account": 3_000,
        "mutual_aid": 1_000, "wallet": 600, "cash": 10_022, "hospital": 777,
    }  # fmt: skip
    assert sum(shares.values()) == one.medfee_fen == 78_900
    assert next(row.source for code, _, row in one.rows if code == "310202") == "鄂医保〔2026〕7号"
    assert month.asked("SELECT setl_id, large, wallet FROM fund.bill_layer") == [("L1", 7_000, 600)]


def test_a_plain_bill_needs_no_row_and_is_split_all_the_same(month: Any, bill: Any) -> None:
    month.take(bill("P1", fund=1_001, acct=2, cash=3), bill("P2", fund=500, acct=0, cash=9, insutype="390"))
    month.take(bill("P1R", fund=-1_001, acct=-2, cash=-3, init="P1", time="11:00:00"))
    assert month.asked("SELECT count(*) FROM fund.bill_layer") == [(0,)]
    with month.tx() as tx:
        assert read_bill(tx, "P1R").shares["account"] == -2
        [(day, shares, fen)] = totals(tx, DAY, DAY)
    assert (day, fen, shares["basic_310"], shares["basic_390"], shares["account"], shares["cash"]) == (
        DAY, 509, 0, 500, 0, 9,
    )  # fmt: skip


def test_a_replayed_file_splits_once_and_a_reversal_takes_every_share_back(month: Any, bill: Any) -> None:
    wallet(month)
    made = layered(bill, "L1", FULL, acct=4_600, mulaid=1_000, cash=10_022, hosp=777)
    month.take(made)
    assert offer(month, made).duplicate == 1
    back = layered(
        bill, "L1R", {code: -fen for code, fen in FULL.items()}, acct=-4_600, mulaid=-1_000, cash=-10_022, hosp=-777
    )  # fmt: skip
    back["setlinfo"] |= {
        "init_setl_id": "L1", "refd_setl_flag": "1", "setl_time": "2026-10-12 11:00:00", "hifp_pay": yuan(-50_001),
    }  # fmt: skip
    month.take(back)
    with month.tx() as tx:
        [(_, shares, fen)] = totals(tx, DAY, DAY)
    assert (fen, set(shares.values())) == (0, {0})
    assert month.asked("SELECT count(*) FROM fund.bill_layer") == [(2,)]


def test_a_map_holds_from_its_day_and_a_type_may_end(month: Any, bill: Any) -> None:
    with month.tx("li") as tx:
        for _ in range(2):
            map_type(tx, "3301", "commercial", date(2026, 10, 15), "市医保〔2026〕1号")
        map_type(tx, "330101", "unknown", date(2026, 10, 18), "停用")
    with pytest.raises(Conflict, match=r"layers\.mapped"), month.tx("li") as tx:
        map_type(tx, "3301", "large", date(2026, 10, 15), "另一文件")
    days = {"M1": "2026-10-12", "M2": "2026-10-16", "M3": "2026-10-20"}
    bills = [layered(bill, name, {"310101": 100, "330101": 7}) for name in days]
    for made, day in zip(bills, days.values(), strict=True):
        made["setlinfo"]["setl_time"] = f"{day} 10:00:00"
    done = offer(month, *bills)
    assert (done.accepted, done.quarantined) == (2, 1)
    with month.tx() as tx:
        assert read_bill(tx, "M1").shares["large"] == 7
        assert read_bill(tx, "M2").shares["commercial"] == 7
    [(setl_id, code, message)] = refusals(month)
    assert (setl_id, code) == ("M3", "record.unknown_code")
    assert "330101" in message


def test_a_region_may_mean_another_fund_by_a_code(month: Any, bill: Any) -> None:
    """Hebei's 390400 is the residents' basic fund (4.6): by the region's map it is this book's money, not before."""
    before = bill("H0", fund=100_000, cash=0, insutype="390", day="2026-10-11")
    after = bill("H1", fund=100_000, cash=0, insutype="390")
    for made in (before, after):
        made["setldetail"] = [{"fund_pay_type": "390400", "fund_payamt": "1000.00"}]
    with month.tx("li") as tx:
        map_type(tx, "390400", "basic_390", DAY, "冀医保〔2026〕3号")
    done = offer(month, before, after)
    assert (done.accepted, done.quarantined) == (1, 1)
    assert [row[:2] for row in refusals(month)] == [("H0", "record.identity_hifp")]
    assert month.asked("SELECT setl_id, fund, fund_fen, daily_fen FROM fund.payable") == [
        ("H1", 390, 100_000, 60_000)
    ]
    assert month.asked("SELECT setl_id, basic_390 FROM fund.bill_layer") == [("H1", 100_000)]


def test_a_code_nobody_knows_is_quarantined_by_name(month: Any, bill: Any) -> None:
    made = bill("U1", fund=100, cash=0)
    made["setldetail"].append({"fund_pay_type": "888801", "fund_payamt": "0.00"})
    assert offer(month, made).quarantined == 1
    [(_, code, message)] = refusals(month)
    assert code == "record.unknown_code"
    assert "888801" in message
    with month.tx("li") as tx:
        map_type(tx, "888801", "commercial", date(2026, 10, 1), "惠民保〔2026〕1号")
    made["setlinfo"]["setl_id"] = "U2"
    month.take(made)


def test_a_map_never_reaches_back_over_records_taken_in(month: Any, bill: Any) -> None:
    month.take(layered(bill, "B1", {"310101": 100, "310202": 5}, acct=5))
    with pytest.raises(Conflict, match=r"layers\.already_split.*2026-10-13"):
        wallet(month, DAY)
    wallet(month, date(2026, 10, 13))


def test_parts_that_do_not_add_up_are_refused_by_rule_and_by_database(month: Any, bill: Any) -> None:
    wallet(month)
    broken = bill("B1", fund=100, acct=50, cash=20)
    broken["setlinfo"] |= {"psn_cash_pay": "0.19"}
    short = layered(bill, "B2", {"310101": 100, "310202": 51}, acct=50, cash=20)
    mulaid = layered(bill, "B3", {"310101": 100}, acct=50, mulaid=51, cash=20)
    done = offer(month, broken, short, mulaid, bill("B4", fund=100, cash=20))
    assert (done.accepted, done.quarantined) == (1, 3)
    assert [row[:2] for row in refusals(month)] == [
        ("B1", "layers.not_equal"), ("B2", "layers.not_equal"), ("B3", "layers.not_equal"),
    ]  # fmt: skip
    shares = dict.fromkeys(PAYERS, 0) | {"basic_310": 100, "cash": 19}
    with pytest.raises(InvalidInput, match=r"db\.constraint"), month.tx() as tx:
        put_layers(tx, [Layers("B4", DAY, 120, shares, [])])
    with pytest.raises(InvalidInput, match=r"layers\.not_the_record"), month.tx() as tx:
        put_layers(tx, [Layers("B4", DAY, 119, shares, [])])
    moved = shares | {"basic_310": 0, "cash": 20, "account": 100}
    with pytest.raises(InvalidInput, match=r"layers\.not_the_record"), month.tx() as tx:
        put_layers(tx, [Layers("B4", DAY, 120, moved, [])])


def test_the_database_takes_no_layered_record_without_its_split(month: Any, bill: Any) -> None:
    wallet(month)
    month.take(layered(bill, "L1", FULL, acct=4_600, mulaid=1_000, cash=10_022, hosp=777))
    columns = ", ".join(
        name
        for (name,) in month.asked(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'fund' AND table_name = 'record'"
            " AND column_name NOT IN ('setl_id', 'line') ORDER BY ordinal_position"
        )
    )
    with pytest.raises(Conflict, match=r"layers\.missing"), month.tx("jieru") as tx:
        tx.run(
            f"INSERT INTO fund.record (setl_id, line, {columns}) SELECT 'L2', 9, {columns} FROM fund.record"
        )


def test_verify_finds_a_split_that_was_changed_or_lost(month: Any, bill: Any, tmp_path: Any) -> None:
    wallet(month)
    month.take(
        layered(bill, "L1", FULL, acct=4_600, mulaid=1_000, cash=10_022, hosp=777),
        layered(bill, "L2", {"310101": 100, "330101": 7}),
        layered(bill, "L3", {"310101": 100, "330101": 7}),
        bill("L4", fund=100, cash=1),
    )

    def found() -> set[tuple[str, str]]:
        return {(one.promise, one.entry) for one in verify(month.database.auditor_engine, tmp_path)}

    assert found() == set()
    month.pretend("UPDATE fund.bill_layer SET large = large + 600, wallet = 0 WHERE setl_id = 'L1'")
    month.pretend("UPDATE fund.bill_layer SET large = 0, civil = 7 WHERE setl_id = 'L2'")
    month.pretend("DELETE FROM fund.bill_layer WHERE setl_id = 'L3'")
    month.pretend(
        "INSERT INTO fund.bill_layer SELECT region, 'L9', day, medfee_sumamt, basic_310, basic_390, large, civil, assistance,"
        " commercial, other_fund, outside, account, mutual_aid, wallet, cash, hospital, map_digest"
        " FROM fund.bill_layer WHERE setl_id = 'L2'"
    )
    # without its split the whole of L3's fund money would be the basic fund's
    assert found() == {
        ("INV-09", "payable L3"),
        *(("INV-09", f"record {name}") for name in ("L1", "L2", "L3", "L9")),
    }


def test_unknown_words_and_records(month: Any) -> None:
    with pytest.raises(InvalidInput, match=r"layers\.map"), month.tx("li") as tx:
        map_type(tx, "31010", "basic_310", DAY, "x")
    with pytest.raises(NotFound, match=r"layers\.unknown_record"), month.tx() as tx:
        read_bill(tx, "NOBODY")


def test_the_command_shows_one_bill(month: Any, bill: Any, monkeypatch: Any) -> None:
    month.take(bill("C1", fund=1_000, acct=200, cash=34))
    get_settings.cache_clear()
    for name, value in month.database.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ACTING, "user", "zhou")
    done = CliRunner().invoke(app, ["bill", "C1", "--region", "420100", "--json"], catch_exceptions=False)
    close_apps()
    get_settings.cache_clear()
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["medfee_fen"] == "1234"
    assert sum(map(int, said["shares"].values())) == 1_234
    assert said["shares"]["basic_310"] == "1000"
