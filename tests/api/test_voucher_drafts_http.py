"""Vouchers by hand over HTTP: drafted by one person, decided by another, posted only as approved."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledger.access.users import Person, found_region
from ledger.books.anchors import anchors_path, read_anchors

BOOK = "420100-310"
DRAFTS = f"/api/v1/books/{BOOK}/voucher-drafts"
DAY = "2026-10-13"


def written(fen: int = 1250, **other: object) -> dict[str, object]:
    """Money moved from the fiscal account to the paying one: two lines, each with its own account."""
    return {
        "date": DAY,
        "summary": "请款拨入支出户",
        "evidence": "缴拨凭证3号",
        "lines": [
            {"side": "借", "account": 1004, "amount_fen": str(fen), "counterparty": "4200000000001004"},
            {"side": "贷", "account": 41010101, "amount_fen": str(fen)},
        ],
    } | other


@pytest.fixture
def post(client: httpx.Client, world: Any) -> Any:
    """POST below the drafts of the book as a user; gives status and body."""

    def call(user: str, path: str = "", key: str = "", url: str = DRAFTS, **body: object) -> Any:
        headers = world.auth(user) | ({"idempotency-key": key} if key else {})
        answer = client.post(f"{url}{path}", json=body, headers=headers)
        good = answer.status_code == 200
        assert answer.headers["content-type"] == ("application/json" if good else "application/problem+json")
        return answer

    return call


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_from_draft_to_entry(world: Any, client: httpx.Client, post: Any) -> None:
    first = post("accountant", key="d1", **written())
    made = first.json()
    assert (made["state"], made["prepared_by"], made["amount_fen"], made["voucher"]) == (
        "drafted",
        "accountant",
        "1250",
        "",
    )
    again = post("accountant", key="d1", **written())
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert refusal(post("accountant", key="d1", **written(99))) == (409, "key_reused")
    assert post("accountant", **written()).json()["draft"] == made["draft"]
    assert world.count("books.voucher") == 1
    assert world.count("books.entry") == 0

    path, url = f"/{made['draft']}", f"{DRAFTS}/{made['draft']}"
    assert client.get(url, headers=world.auth("checker")).json() == made
    seen = {"date": DAY, "digest": made["digest"]}
    assert refusal(post("accountant", f"{path}/approval", **seen)) == (403, "access.role_missing")
    changed = post("checker", f"{path}/approval", date=DAY, digest="0" * 64)
    assert refusal(changed) == (409, "voucher.changed")
    found_region(
        world.database.admin_engine, 420100, (Person("two.hats", "p-accountant", "会计", "checker"),)
    )
    world.keys["two.hats"] = world.new_key("two.hats")
    assert refusal(post("two.hats", f"{path}/approval", **seen)) == (403, "voucher.same_person")
    assert world.count("books.entry") == 0

    approved = post("checker", f"{path}/approval", key="a1", **seen)
    done = approved.json()
    assert (done["state"], done["decided_by"], done["decided_on"], done["voucher"]) == (
        "approved",
        "checker",
        DAY,
        "记-202610-1",
    )
    replay = post("checker", f"{path}/approval", key="a1", **seen)
    assert (replay.content, replay.headers["idempotency-replayed"]) == (approved.content, "true")
    assert post("checker", f"{path}/approval", **seen).json() == done
    assert world.count("books.entry") == 1
    printed = client.get(f"/api/v1/books/{BOOK}/vouchers/记-202610-1", headers=world.auth("reviewer")).json()
    assert [(line["code"], line["debit_fen"], line["credit_fen"]) for line in printed["lines"]] == [
        ("1004", "1250", "0"),
        ("41010101", "0", "1250"),
    ]
    assert {signer["user"] for signer in printed["signers"].values()} == {"accountant", "checker"}
    outcomes = "SELECT string_agg(outcome, ' ' ORDER BY id) FROM access.operator_log WHERE action = 'voucher.approve'"
    assert world.value(outcomes) == "refused refused refused done done"

    red = [line | {"amount_fen": "-1250"} for line in written()["lines"]]  # type: ignore[attr-defined] # a list
    reversal = post("accountant", **written(summary="红字冲销", reverses="记-202610-1", lines=red)).json()
    assert (reversal["amount_fen"], reversal["reverses_seq"]) == ("-1250", printed["seq"])


def test_rejected_and_withdrawn_drafts_are_kept(world: Any, client: httpx.Client, post: Any) -> None:
    ids = [post("accountant", **written(fen)).json()["draft"] for fen in (100, 200, 300)]
    told = {"date": DAY, "reason": "依据不足"}
    assert refusal(post("accountant", f"/{ids[0]}/rejection", **told)) == (403, "access.role_missing")
    rejected = post("checker", f"/{ids[0]}/rejection", **told).json()
    assert (rejected["state"], rejected["decided_by"], rejected["reason"]) == (
        "rejected",
        "checker",
        "依据不足",
    )
    assert refusal(post("maker", f"/{ids[1]}/withdrawal", **told)) == (403, "voucher.not_drafter")
    assert post("accountant", f"/{ids[1]}/withdrawal", key="w", **told).json()["state"] == "withdrawn"
    late = post("checker", f"/{ids[1]}/approval", date=DAY, digest=rejected["digest"])
    assert refusal(late) == (409, "voucher.decided")
    assert refusal(post("checker", f"/{ids[2]}/rejection", date=DAY, reason="")) == (422, "request.invalid")
    assert refusal(post("checker", f"/{ids[2]}/rejection", date=DAY, reason="  ")) == (422, "voucher.reason")

    def listed(**query: object) -> dict[str, Any]:
        answer = client.get(DRAFTS, params=query, headers=world.auth("reviewer"))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    whole = listed()
    assert {one["draft"]: one["state"] for one in whole["drafts"]} == dict(
        zip(ids, ("rejected", "withdrawn", "drafted"), strict=True)
    )
    paged, after = [], None
    while True:
        page = listed(limit=1, **({"after": after} if after else {}))
        assert len(page["drafts"]) == 1
        paged += page["drafts"]
        after = page["next"]
        if after is None:
            break
    assert paged == whole["drafts"]
    assert [one["draft"] for one in listed(state="drafted")["drafts"]] == ids[2:]
    anew = post("accountant", **written(100)).json()
    assert anew["draft"] != ids[0]
    assert anew["lines"] == rejected["lines"]
    assert world.count("books.entry") == 0


@pytest.mark.fault(53)
def test_what_is_refused(world: Any, client: httpx.Client, post: Any) -> None:
    def lines(**change: object) -> list[dict[str, object]]:
        one, two = written()["lines"]  # type: ignore[misc] # a list of two
        return [one | change, two]

    for user, body, expected in (
        ("cashier", written(), (403, "access.role_missing")),
        ("checker", written(), (403, "access.role_missing")),
        ("accountant", written(lines=lines(amount_fen="1251")), (422, "entry.unbalanced")),
        ("accountant", written(lines=lines(account=8888)), (422, "account.unknown")),
        ("accountant", written(lines=lines(counterparty="")), (422, "dimension.mismatch")),
        ("accountant", written(lines=lines(amount_fen="0")), (422, "request.invalid")),
        ("accountant", written(lines=lines(amount_fen="12.50")), (422, "request.invalid")),
        ("accountant", written(lines=lines(amount_fen=1250)), (422, "request.invalid")),
        ("accountant", written(lines=lines(side="debit")), (422, "request.invalid")),
        ("accountant", written(lines=lines()[:1]), (422, "request.invalid")),
        ("accountant", written(summary="一|二"), (422, "voucher.text")),
        ("accountant", written(reverses="记-202610-9"), (404, "voucher.unknown")),
        ("accountant", written(date="2026-02-30"), (422, "date.format")),
        ("accountant", written(approved_by="checker"), (422, "request.invalid")),
        ("accountant2", written(), (404, "region.unknown")),
    ):
        assert refusal(post(user, **body)) == expected, body
    unknown = f"/MV-{'0' * 20}"
    assert refusal(post("checker", f"{unknown}/approval", date=DAY, digest="0" * 64)) == (
        404,
        "voucher.draft_unknown",
    )
    assert world.count("books.voucher") == 0
    made = post("accountant", **written()).json()
    elsewhere = client.get(f"{DRAFTS}/{made['draft']}", headers=world.auth("reviewer2"))
    assert refusal(elsewhere) == (404, "voucher.draft_unknown")
    assert refusal(client.get(DRAFTS, headers=world.auth("reviewer2"))) == (404, "region.unknown")
    assert client.get(DRAFTS).status_code == 401


def test_a_posted_voucher_is_corrected_over_http(world: Any, client: httpx.Client, post: Any) -> None:
    made = post("accountant", **written()).json()
    assert [one["code"] for one in made["warnings"]] == ["voucher.awaits_receipt"]
    assert refusal(post("accountant", **written(receipts=["bker:R1"]))) == (404, "suspense.unknown")
    memo = [{"side": "借", "account": 9101, "amount_fen": "5", "counterparty": "4200000000001004", "subfund": "pool",
             "service_year": 2026, "term": 202610, "category": "inpatient"} | {"side": side, "account": account}
            for side, account in (("借", 9101), ("贷", 9104))]  # fmt: skip
    assert refusal(post("accountant", **written(lines=memo))) == (403, "voucher.rule_account")
    seen = {"date": DAY, "digest": made["digest"]}
    number = post("checker", f"/{made['draft']}/approval", **seen).json()["voucher"]

    def correct(user: str, act: str, **values: Any) -> httpx.Response:
        body = {"book": BOOK, "voucher": number, "date": DAY, **values}
        return client.post(f"/api/v1/acts/correct/{act}", json=body, headers=world.auth(user))

    assert correct("checker", "red").json()["code"] == "access.role_missing"
    red = correct("accountant", "red").json()
    assert [line["amount_fen"] for line in red["lines"]] == ["-1250", "-1250"]
    done = post("checker", f"/{red['draft']}/approval", date=DAY, digest=red["digest"])
    assert (done.status_code, done.json()["correction"]) == (200, "red")
    again = correct("accountant", "red", reason="再冲")
    assert (again.status_code, again.json()["code"]) == (409, "correct.already")
    blue = correct("accountant", "blue", line=["借:1004:12.50:4200000000001004", "贷:440101:12.50"])
    assert (blue.status_code, blue.json()["correction"]) == (200, "blue")


def test_what_is_booked_over_http_is_anchored_and_what_hinders_it_is_told(
    world: Any, client: httpx.Client, post: Any
) -> None:
    file = anchors_path(world.settings.home)
    one, two = (post("accountant", **written(fen)).json() for fen in (100, 200))
    assert not file.exists()
    done = post("checker", f"/{one['draft']}/approval", date=DAY, digest=one["digest"])
    assert "fundledger-warnings" not in done.headers
    [anchored] = [one for one in read_anchors(world.settings.home) if one.fund]
    assert f"{anchored.region}-{anchored.fund}" == BOOK
    file.unlink()
    file.mkdir()
    booked = post("checker", f"/{two['draft']}/approval", key="w", date=DAY, digest=two["digest"])
    assert (booked.status_code, booked.headers["fundledger-warnings"]) == (200, "anchor.not_written")
    again = post("checker", f"/{two['draft']}/approval", key="w", date=DAY, digest=two["digest"])
    assert (again.content, again.headers["idempotency-replayed"]) == (booked.content, "true")
    assert world.count("books.entry") == 2
    assert world.count("access.operator_log", "action = 'voucher.approve' AND outcome = 'done'") == 2
