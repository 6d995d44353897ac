"""Records by HTTP: what comes back for good, repeated and bad input, and that nothing of it is lost."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest

from ledger.db.safekeeping.region_keys import unseal
from ledger.fund.record.fields import ALIASES, MONEY_NAMES
from ledger.simulation.platform.day import Expected, day_lines

DAY = date(2026, 10, 12)

Change = Callable[[dict[str, Any]], None]


def put(name: str, value: object) -> Change:
    return lambda info: info.__setitem__(name, value)


def a_fen_more(info: dict[str, Any]) -> None:
    whole, _, cents = info["preselfpay_amt"].partition(".")
    info["preselfpay_amt"] = f"{whole}.{int(cents) + 1:02d}" if int(cents) < 99 else f"{int(whole) + 1}.00"


def fund_row(info: dict[str, Any]) -> None:
    info["_rows"].append({"fund_pay_type": "610100", "fund_payamt": "0.01"})


BAD: list[tuple[str, Change, str, str]] = [
    ("exponent", put("medfee_sumamt", "1e3"), "amount.format", "/setlinfo/medfee_sumamt"),
    ("full width", put("medfee_sumamt", "１２"), "amount.format", "/setlinfo/medfee_sumamt"),
    ("half a fen", put("medfee_sumamt", "0.005"), "amount.", "/setlinfo/medfee_sumamt"),
    ("negative zero", put("medfee_sumamt", "-0"), "amount.", "/setlinfo/medfee_sumamt"),
    ("too large", put("medfee_sumamt", "10000000000000000"), "amount.", "/setlinfo/medfee_sumamt"),
    ("amount is true", put("medfee_sumamt", True), "record.amount_type", "/setlinfo/medfee_sumamt"),
    ("a fen off", a_fen_more, "record.identity_4", "/setlinfo/medfee_sumamt"),
    ("insurance kind", put("insutype", "999"), "record.unknown_code", "/setlinfo/insutype"),
    ("clearing type", put("clr_type", "zz"), "record.unknown_code", "/setlinfo/clr_type"),
    ("institution", put("fixmedins_code", "H99999999999"), "institution.unknown", "/setlinfo/fixmedins_code"),
    ("a fund too many", fund_row, "record.identity_detail", "/setldetail"),
    ("no key", put("setl_id", None), "record.field_missing", "/setlinfo/setl_id"),
]


@pytest.mark.parametrize(
    ("change", "code", "pointer"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_bad_record_is_refused_with_its_reason_and_kept(
    world: Any, send: Any, change: Change, code: str, pointer: str
) -> None:
    record = world.record()
    record["setlinfo"]["_rows"] = record["setldetail"]
    change(record["setlinfo"])
    del record["setlinfo"]["_rows"]
    answer = send(record)
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"].startswith(code)
    assert problem["type"] == f"urn:fundledger:error:{problem['code']}"
    assert problem["outcome"] == "quarantined"
    if pointer:
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert world.count("fund.quarantine", f"code = '{problem['code']}'") == 1
    assert world.count("fund.record") == 0
    send(record)
    assert world.count("fund.quarantine") == 1  # a document refused again is kept once


@pytest.mark.fault(52)
@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_no_number(world: Any, send: Any, token: str) -> None:
    text = json.dumps(world.record()).replace(
        json.dumps(world.record()["setlinfo"]["medfee_sumamt"]), token, 1
    )
    answer = send(text.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "amount.format")
    assert world.count("fund.quarantine") == 1


def test_numbers_are_read_to_the_last_digit(world: Any, send: Any) -> None:
    record = world.record()
    text = json.dumps(record)
    for name in ("medfee_sumamt", "balc"):
        amount = record["setlinfo"].get(name)
        if amount is not None:
            text = text.replace(f'"{name}": "{amount}"', f'"{name}": {amount}')
    assert '"medfee_sumamt": "' not in text
    answer = send(text.encode())
    assert answer.status_code == 201
    fen = record["setlinfo"]["medfee_sumamt"].replace(".", "").lstrip("0")
    assert answer.json()["amount_fen"] == fen
    assert str(world.value("SELECT medfee_sumamt FROM fund.record")) == fen


@pytest.mark.fault(46, 52)
def test_broken_bodies(world: Any, send: Any) -> None:
    whole = json.dumps(world.record(), ensure_ascii=False).encode()
    info = whole.replace(b'"setl_id":', b'"setl_id": "X1", "setl_id":', 1)
    expected = {
        "truncated": (whole[:-20], 422, "record.json"),
        "repeated key": (info, 422, "record.duplicate_key"),
        "utf-16": (whole.decode().encode("utf-16"), 422, "record.encoding"),
        "gbk": (whole[:-1] + ',"name":"医保"}'.encode("gbk"), 422, "record.encoding"),
        "empty": (b"  ", 400, "body.empty"),
        "an array": (b"[" + whole + b"]", 422, "record.shape"),
        "deep": (b"[" * 60_000, 422, "record.json"),
        "long": (whole[:-1] + b',"x":"' + b"y" * 70_000 + b'"}', 422, "record.too_long"),
    }
    for name, (body, status, code) in expected.items():
        answer = send(body)
        assert (name, answer.status_code, answer.json()["code"]) == (name, status, code)
    assert world.count("fund.record") == 0
    assert world.count("fund.quarantine") == len(expected) - 1  # all but the empty one


@pytest.mark.fault(46)
def test_a_bom_is_passed_over_as_in_files(world: Any, send: Any) -> None:
    assert send(b"\xef\xbb\xbf" + json.dumps(world.record()).encode()).status_code == 201


@pytest.mark.fault(69)
def test_hundred_megabytes_are_not_read(world: Any, client: Any) -> None:
    headers = {"content-type": "application/json", **world.auth()}
    lines = [f"{name}: {value}" for name, value in {**headers, "content-length": "104857600"}.items()]
    with socket.create_connection((client.base_url.host, client.base_url.port), 10) as raw:
        raw.sendall("\r\n".join(["POST /api/v1/settlements HTTP/1.1", "host: x", *lines, "", "{"]).encode())
        told = b""
        while part := raw.recv(65_536):
            told += part
    assert told.startswith(b"HTTP/1.1 413")
    assert b"body.too_large" in told
    sent = 0

    def stream() -> Any:
        nonlocal sent
        for _ in range(1600):
            sent += 65_536
            yield b"x" * 65_536

    try:
        answer = client.post("/api/v1/settlements", headers=headers, content=stream())
        assert (answer.status_code, answer.json()["code"]) == (413, "body.too_large")
    except (httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):
        assert sent > 8 * 1024 * 1024  # the server answered and hung up while we were still sending
    assert sent < 100 * 1024 * 1024
    assert world.count("fund.quarantine") == 0


def test_accepted_then_repeated_then_other_content(world: Any, send: Any) -> None:
    record = world.record()
    first = send(record)
    assert first.status_code == 201
    assert first.json()["outcome"] == "accepted"
    assert isinstance(first.json()["payable_fen"], str)
    again = send(record)
    assert (again.status_code, again.json()) == (
        200,
        {"setl_id": record["setlinfo"]["setl_id"], "outcome": "duplicate"},
    )
    other = copy.deepcopy(record)
    other["setlinfo"]["mdtrt_id"] = "ANOTHER"
    refused = send(other)
    assert (refused.status_code, refused.json()["code"]) == (409, "record.other_content")
    assert world.count("fund.record") == 1
    assert world.value("SELECT accepted::text || duplicate || quarantined FROM fund.intake_load") == "111"
    assert world.count("books.entry") == 0  # record and payable only


def negated(record: dict[str, Any], setl_id: str) -> dict[str, Any]:
    """The reversal of a record: the same with the opposite amounts."""
    made = copy.deepcopy(record)
    info = made["setlinfo"]
    money = {*MONEY_NAMES, *(alias for names in ALIASES.values() for alias in names)} - {"balc"}
    for row in (info, *made["setldetail"]):
        for name, value in row.items():
            if (name in money or name in ("fund_payamt", "crt_payb_lmt_amt")) and isinstance(value, str):
                row[name] = (
                    value.removeprefix("-") if value.startswith("-") or float(value) == 0 else f"-{value}"
                )
    info |= {"setl_id": setl_id, "init_setl_id": record["setlinfo"]["setl_id"], "refd_setl_flag": "1"}
    return made


def test_reversals(world: Any, send: Any) -> None:
    record = world.record()
    unknown = send(negated(record, "R1"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "reversal.unknown_original")
    assert send(record).status_code == 201
    assert send(negated(record, "R1")).status_code == 201
    again = send(negated(record, "R2"))
    assert (again.status_code, again.json()["code"]) == (409, "reversal.already")
    assert world.value("SELECT coalesce(sum(fund_fen), 0)::bigint FROM fund.payable") == 0


def test_many_records_at_once(world: Any, send: Any) -> None:
    good, bad = world.originals(30), world.record(seed=2)
    bad["setlinfo"]["insutype"] = "999"
    bodies = [*good, json.dumps(bad).encode(), good[0]]
    answer = send(b'{"records": [' + b", ".join(bodies) + b"]}")
    found = answer.json()
    assert answer.status_code == 200
    assert (found["accepted"], found["duplicate"], found["quarantined"]) == (30, 1, 1)
    assert found["records"][30]["pointer"] == "/records/30/setlinfo/insutype"
    assert found["records"][30]["code"] == "record.unknown_code"
    assert found["records"][31]["outcome"] == "duplicate"
    assert found["accepted_fen"] == str(world.value("SELECT sum(medfee_sumamt) FROM fund.record"))
    assert found["payable_fen"] == str(world.value("SELECT sum(daily_fen) FROM fund.payable"))
    sealed = bytes(world.value("SELECT raw FROM fund.quarantine"))
    assert bad["setlinfo"]["psn_no"].encode() not in sealed
    assert unseal(world.settings.home, sealed) == bodies[30]


def test_a_refused_record_is_opened_with_a_reason_that_is_logged(
    client: httpx.Client, world: Any, send: Any
) -> None:
    bad = world.record(seed=2)
    bad["setlinfo"] |= {"insutype": "999", "psn_name": "王小明"}
    send(json.dumps(bad).encode())
    load, line = (
        world.value("SELECT load_id FROM fund.quarantine"),
        world.value("SELECT line FROM fund.quarantine"),
    )

    def opening(who: str, reason: str, *, clear: bool) -> httpx.Response:
        body = {"region": 420100, "load": load, "line": line, "reason": reason, "clear": clear}
        key = {"authorization": f"Bearer {world.keys[who]}"}
        return client.post("/api/v1/acts/data/open", json=body, headers=key)

    assert opening("cashier", "查验报错", clear=True).json()["code"] == "access.role_missing"
    assert opening("maker", "看", clear=True).json()["code"] == "data.reason"
    masked = opening("maker", "查验报错", clear=False).json()["text"]
    assert "王小明" not in masked
    assert bad["setlinfo"]["psn_no"] not in masked
    assert "999" in masked
    assert json.loads(opening("maker", "医院来电核对", clear=True).json()["text"]) == bad
    with world.tx("maker") as tx:
        said = tx.rows(
            "SELECT user_name, object, outcome FROM access.operator_log WHERE action = 'data.open' ORDER BY id"
        )
    assert ("maker", f"{load}:{line} 明文 医院来电核对", "done") in said


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"records": []}', 422, "records.empty"),
        (b'{"records": {}}', 422, "records.shape"),
        (b'{"records": [{}', 400, "body.json"),
        (b'{"records": [{}], "more": 1}', 400, "body.json"),
        (b'{"records": [\xff]}', 400, "body.encoding"),
        (b'{"records": [' + b"{}," * 1000 + b"{}]}", 413, "records.too_many"),
    ],
)
def test_a_list_that_cannot_be_taken_is_not_taken_at_all(
    world: Any, send: Any, body: bytes, status: int, code: str
) -> None:
    answer = send(body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.count("fund.quarantine") == 0


def test_a_generated_day_gives_what_its_generator_says(world: Any, send: Any) -> None:
    expected, bodies = Expected(), []
    for line in day_lines(300, world.institutions, DAY, 3, 90):
        expected.add(line)
        if line.content.strip() and b"\n" not in line.content:
            bodies.append(line.content)
    answers = [send(body) for body in bodies]
    counts = [sum(a.status_code == status for a in answers) for status in (201, 200)]
    assert counts == [expected.accepted, expected.duplicate]
    assert {a.status_code for a in answers} <= {200, 201, 409, 422, 403}
    assert world.value("SELECT sum(daily_fen) FROM fund.payable") == sum(
        fund.total() for fund in expected.payable.values()
    )
    assert world.value("SELECT accepted + duplicate + quarantined FROM fund.intake_load") == len(bodies)
