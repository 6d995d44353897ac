"""Whatever the command line can do to money or master data can be done over HTTP, and is the same act."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ledger.cli.remote import SECRET, acts

REGION = 420100
LINE = {
    "code": "H42010000077", "name": "第七十七医院", "type": "hospital", "level": "3", "status": "active",
    "agreement_start": "2026-01-01", "agreement_end": "2026-12-31",
    "enrolment": {"mode": "daily", "cycle": "daily", "ratio": "0.60", "month_ratio": "0.95", "start": "2026-01-01"},
    "payee": {"name": "第七十七医院", "account": "6222000077", "bank_name": "某银行", "cnaps": "102421000001"},
}  # fmt: skip


@pytest.fixture
def do(client: httpx.Client, world: Any) -> Any:
    def post(name: str, who: str, once: str = "", **values: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {world.keys[who]}"} | ({"idempotency-key": once} if once else {})
        return client.post(f"/api/v1/acts/{name}", json={"region": REGION, **values}, headers=headers)

    return post


def log(world: Any) -> list[tuple[str, str, str]]:
    with world.tx("maker") as tx:
        return tx.rows(
            "SELECT user_name, action, outcome FROM access.operator_log WHERE region = %(r)s ORDER BY id",
            r=REGION,
        )


def test_every_command_that_acts_is_offered(client: httpx.Client, world: Any) -> None:
    answer = client.get("/api/v1/acts", headers={"authorization": f"Bearer {world.keys['maker']}"})
    names = {act["name"] for act in answer.json()["acts"]}
    assert names == set(acts())
    assert len(names) > 75
    assert {
        "month approve",
        "clear confirm",
        "advance request",
        "user grant",
        "calendar confirm",
        "bank read-again",
    } <= names


def test_a_checker_sees_whole_whom_an_approval_pays(do: Any, world: Any) -> None:
    """Masked without a word, whole for a reason that is logged, with the digest the approval signs over; no post, no key, no name."""
    paid = {
        "fund": 310, "kind": "reimbursement", "psn": "42010000000001", "amount": "80.00", "document": "核〔2026〕1号", "year": 2026,
        "term": 202610, "category": "outpatient", "subfund": "pool", "payee": ["张三", "6222020200000001", "模拟银行", "102421000009"],
        "date": "2026-10-13",
    }  # fmt: skip
    asked = do("cash/person", "maker", **paid)
    assert asked.status_code == 200, asked.text
    assert "6222020200000001" not in asked.text
    key = world.value("SELECT payment_id FROM fund.person_payment")
    see = {"key": key, "reason": "复核前核对"}
    assert do("data/open-payee", "cashier", **see, clear=True).json()["code"] == "access.role_missing"
    assert (
        do("data/open-payee", "checker", **see | {"reason": "看"}, clear=True).json()["code"] == "data.reason"
    )
    assert do("data/open-payee", "checker", "K1", **see, clear=True).json()["code"] == "key.secret"
    assert do("data/open-payee", "checker", **see).json()["name"] == "张*"
    whole = do("data/open-payee", "checker", **see, clear=True).json()
    signs = world.value(
        "SELECT digest FROM access.to_sign(420100, 'fund.person_payment', ARRAY(SELECT payment_id FROM fund.person_payment))"
    )
    assert (whole["name"], whole["number"], whole["amount_fen"], whole["digest"]) == (
        "张三",
        "6222020200000001",
        "8000",
        signs,
    )
    assert ("checker", "data.open", "done") in log(world)


def test_master_data_by_two_persons_as_at_the_command_line(do: Any, client: httpx.Client, world: Any) -> None:
    file = {"name": "institutions.jsonl", "content": json.dumps(LINE, ensure_ascii=False) + "\n"}
    loaded = do("institution/load", "maker", file=file)
    assert loaded.status_code == 200, loaded.text
    assert loaded.json()["new"] == 1
    waiting = client.get(
        f"/api/v1/institutions/{LINE['code']}", params={"region": REGION},
        headers={"authorization": f"Bearer {world.keys['checker']}"},
    ).json()  # fmt: skip
    assert [one["kind"] for one in waiting["open"]] == ["agreement", "enrolment", "payee"]
    this = {"institution": LINE["code"], "digest": waiting["digest"]}
    assert do("institution/confirm", "maker", **this).status_code == 403
    stale = do("institution/confirm", "checker", **this | {"digest": "0" * 32})
    assert (stale.status_code, stale.json()["code"]) == (409, "institution.changed")
    confirmed = do("institution/confirm", "checker", **this)
    assert (confirmed.status_code, confirmed.json()) == (
        200,
        {"confirmed": {"agreement": 1, "enrolment": 1, "payee": 1}},
    )
    file["content"] = json.dumps(LINE | {"name": "更名医院"}, ensure_ascii=False) + "\n"
    assert do("institution/load", "maker", file=file).json()["names_proposed"] == 1
    renamed = client.get(
        f"/api/v1/institutions/{LINE['code']}", params={"region": REGION},
        headers={"authorization": f"Bearer {world.keys['checker']}"},
    ).json()  # fmt: skip
    [one] = renamed["open"]
    assert (one["in_force"]["name"], one["proposed"]["name"], renamed["name"]) == (
        LINE["name"],
        "更名医院",
        LINE["name"],
    )
    assert [version["name"] for version in renamed["terms"] if version["kind"] == "agreement"] == [
        "更名医院",
        LINE["name"],
    ]
    assert ("maker", "institution.load", "done") in log(world)
    assert ("checker", "institution.confirm", "done") in log(world)
    assert ("maker", "institution.confirm", "refused") in log(world)


def test_once_under_a_key_the_same_answer_again(do: Any, world: Any) -> None:
    file = {"name": "institutions.jsonl", "content": json.dumps(LINE, ensure_ascii=False) + "\n"}
    first = do("institution/load", "maker", "k-1", file=file)
    again = do("institution/load", "maker", "k-1", file=file)
    assert (first.content, again.headers["idempotency-replayed"]) == (again.content, "true")
    assert [line for line in log(world) if line[1] == "institution.load"] == [
        ("maker", "institution.load", "done")
    ]
    other = do("institution/load", "maker", "k-1", file=file | {"name": "other.jsonl"})
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_a_refused_act_keeps_no_key_and_may_be_tried_again(do: Any) -> None:
    for _ in range(2):
        refused = do("institution/agreement", "maker", "k-2", institution="H42010000099", state="suspended")
        assert (refused.status_code, refused.json()["code"]) == (404, "institution.unknown")


@pytest.mark.fault(3)
def test_an_act_whose_answer_was_lost_is_not_done_again(
    do: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"name": "institutions.jsonl", "content": json.dumps(LINE, ensure_ascii=False) + "\n"}
    with monkeypatch.context() as cut:
        cut.setattr(
            "ledger.cli.remote.store_answer", lambda *_: (_ for _ in ()).throw(RuntimeError("killed"))
        )
        assert do("institution/load", "maker", "k-3", file=file).status_code == 500
    lost = do("institution/load", "maker", "k-3", file=file)
    assert (lost.status_code, lost.json()["code"]) == (409, "key.answer_lost")
    assert [line[2] for line in log(world) if line[1] == "institution.load"] == ["done"]


@pytest.mark.fault(59)
@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("no/such", {}, "route.no_act"),
        ("institution/agreement", {"state": "active"}, "usage.missing"),
        (
            "institution/agreement",
            {"institution": "H42010000001", "state": "active", "more": 1},
            "usage.option",
        ),
        ("institution/agreement", {"institution": 1.5, "state": "active"}, "usage.value"),
        ("institution/load", {"file": "institutions.jsonl"}, "usage.value"),
        ("institution/load", {"file": {"name": "x", "base64": "?"}}, "usage.value"),
        ("advance/request", {"region": "42"}, "region.required"),
        ("db/migrate", {}, "route.no_act"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(
    do: Any, name: str, values: dict[str, Any], code: str
) -> None:
    refused = do(name, "maker", **values)
    assert refused.json()["code"] == code
    assert refused.status_code in (404, 422)


@pytest.mark.fault(60)
def test_another_region_is_not_there(do: Any) -> None:
    assert do("institution/confirm", "checker", region=420200, digest="0" * 32).status_code in (403, 404)


def test_a_secret_is_never_kept_under_a_key(do: Any) -> None:
    assert {"user key", "user link", "data open", "data open-payee"} == SECRET
    refused = do("user/key", "maker", "k-4", user="maker", expires="2099-01-01", label="x")
    assert refused.json()["code"] == "key.secret"


@pytest.mark.parametrize("character", ["\t", "\u3164", "\ufffd", "\ue815", "\u202e", chr(0xD83D), "\u3000"])
def test_a_name_no_payment_file_can_bear_is_refused_with_its_place(do: Any, character: str) -> None:
    line = LINE | {"payee": LINE["payee"] | {"name": f"医院{character}甲"}}  # type: ignore[operator]
    refused = do("institution/load", "maker", file={"name": "i.jsonl", "content": json.dumps(line) + "\n"})
    assert (refused.status_code, refused.json()["code"]) == (422, "institution.format")
    said = f"i.jsonl第1行：收款户名第3个字符U+{ord(character):04X}不能写入付款文件"
    assert said in refused.text or said in refused.json()["detail"]


def test_a_sub_account_by_two_persons_over_http(client: httpx.Client, world: Any) -> None:
    book = "420100-310"

    def do(act: str, who: str, **values: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {world.keys[who]}"}
        return client.post(f"/api/v1/acts/{act}", json=values, headers=headers)

    added = do("account/add", "accountant", account=520101, book=book, name="跨省转移")
    assert added.status_code == 200, added.text
    digest = added.json()["digest"]
    alone = do("account/confirm", "accountant", account=520101, book=book, digest=digest)
    assert (alone.status_code, alone.json()["code"]) == (403, "access.role_missing")
    other = do("account/confirm", "checker", account=520101, book=book, digest="0" * 64)
    assert (other.status_code, other.json()["code"]) == (409, "account.changed")
    done = do("account/confirm", "checker", account=520101, book=book, digest=digest)
    assert (done.status_code, done.json()["state"], done.json()["dims"]) == (200, "confirmed", 0)
    closing = do("account/close", "accountant", account=520101, book=book)
    refused = do(
        "account/refuse",
        "checker",
        account=520101,
        book=book,
        digest=closing.json()["digest"],
        reason="还要用",
    )
    assert (refused.json()["act"], refused.json()["state"]) == ("close", "refused")
    assert world.count("books.account", "account = 520101 AND leaf") == 1
    assert world.count("books.account", "account = 5201 AND fund = 310 AND NOT leaf") == 1


OWN = """[[template]]
code = "WH01"
title = "市级统筹调剂金现金交存"
article = "武医保〔2026〕3号第五条"
summary = "交存调剂金"
lines = ["借 1001 =", "贷 41010101|41010102 amount"]
"""


def test_an_own_voucher_template_by_two_persons_over_http(client: httpx.Client, world: Any) -> None:
    book = {"book": "420100-310", "date": "2026-10-13"}

    def do(act: str, who: str, **values: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {world.keys[who]}"}
        return client.post(f"/api/v1/acts/book/voucher/{act}", json=book | values, headers=headers)

    def file(text: str) -> dict[str, Any]:
        return {"file": {"name": "WH01.toml", "content": text}, "from_day": "2026-10-13"}

    strange = do("templates/propose", "accountant", **file(OWN + 'by = "x"\n'))
    assert (strange.status_code, strange.json()["code"]) == (422, "template.field")
    made = do("templates/propose", "accountant", **file(OWN))
    assert (made.status_code, made.json()["template"]) == (200, "WH01@1"), made.text
    this = {"template": "WH01@1", "digest": made.json()["digest"]}
    alone = do("templates/confirm", "accountant", **this)
    assert (alone.status_code, alone.json()["code"]) == (403, "access.role_missing")
    other = do("templates/confirm", "checker", **this | {"digest": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "template.changed")
    draft = {"evidence": "交存单1号", "template": "WH01", "amount": ["12.50"], "account": [41010101]}
    early = do("draft", "accountant", **draft)
    assert (early.status_code, early.json()["code"]) == (404, "template.unknown")
    assert do("templates/confirm", "checker", **this).json()["state"] == "confirmed"
    again = do("templates/confirm", "checker", **this)
    assert (again.status_code, again.json()["code"]) == (409, "template.state")
    drafted = do("draft", "accountant", **draft)
    assert (drafted.status_code, drafted.json()["template"]) == (200, "WH01@1"), drafted.text
    end = do(
        "templates/retire", "accountant", code="WH01", article="武医保〔2026〕9号", from_day="2026-10-13"
    )
    assert end.status_code == 200, end.text
    gone = {"template": "WH01@2", "digest": end.json()["digest"]}
    assert do("templates/refuse", "checker", reason="还要用", **gone).json()["state"] == "refused"
    assert world.count("books.voucher", "template = 'WH01@1'") == 1


@pytest.mark.parametrize(
    "period", ["99999999999999999999", "2147483648", "202613", "-1", "9" * 5_000, 10**30]
)
def test_a_number_out_of_range_is_a_refusal_in_words(client: httpx.Client, world: Any, period: Any) -> None:
    body = {"book": "420100-310", "period": period}
    answer = client.post("/api/v1/acts/book/open", json=body, headers=world.auth("accountant"))
    assert (answer.status_code, answer.json()["code"]) in ((422, "usage.value"), (422, "period.format")), (
        answer.text
    )
    assert any("\u4e00" <= one <= "\u9fff" for one in answer.json()["detail"])
