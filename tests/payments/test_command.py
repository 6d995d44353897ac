"""`fundledger payments`: the commands, their refusals and their JSON."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenes.line import typed

REGION = "420100"


@pytest.fixture
def command(database: Any) -> Any:
    """Run `fundledger payments …` as a user; returns (exit code, last line as JSON)."""

    def run(user: str, *words: str) -> tuple[int, Any]:
        env = database.env | {"FUNDLEDGER_TODAY": "2026-10-13"}
        done = typed("payments", *words, "--region", REGION, "--json", "--as", user, env=env)
        return done.code, done.last

    return run


def test_from_draft_to_cancelled_on_the_command_line(world: Any, command: Any) -> None:
    world.allot(1000)
    batch = world.batch(100, 200)
    code, listed = command("maker", "list")
    assert code == 0
    assert [(b["batch"], b["digest"], b["total_fen"]) for b in listed["batches"]] == [
        (batch.batch_id, batch.digest.hex(), "300")
    ]
    code, refused = command("same.person", "approve", batch.batch_id, "--digest", batch.digest.hex())
    assert (code, refused["error"]) == (1, "batch.same_person")
    code, refused = command("checker", "approve", batch.batch_id, "--digest", "12")
    assert (code, refused["error"]) == (1, "batch.digest_format")
    for _ in range(2):
        code, approved = command("checker", "approve", batch.batch_id, "--digest", batch.digest.hex())
        assert (code, approved["orders"], approved["approved_by"]) == (0, 2, "checker")
    code, cancelled = command("maker", "cancel", batch.order_nos[0], "--reason", "机构来函")
    assert (code, cancelled) == (0, {"order": batch.order_nos[0], "voided": ""})
    code, view = command("maker", "list", "--order", batch.order_nos[0])
    assert code == 0
    assert [event["event"] for event in view["events"]] == ["draft", "approve", "cancel"]
    assert [v["source_key"] for v in view["vouchers"]] == [
        f"{e}:{batch.order_nos[0]}" for e in ("ORD", "CAN")
    ]
    code, refused = command("cashier", "ask")
    assert (code, refused["error"]) == (1, "access.role_missing")
    assert command("acc", "ask") == (0, {"overdue": []})
    assert command("cashier", "send") == (0, {"files": []})
    code, refused = command("maker", "file", batch.batch_id)
    # The account of this world has a format nobody knows and no channel: said, and nothing changed.
    assert (code, refused["error"]) == (1, "bank.no_channel")
    assert world.states() == {"approved": 1, "cancelled": 1}
    second = world.batch(50)
    code, gone = command("maker", "discard", second.batch_id, "--reason", "重做")
    assert (code, gone["orders"]) == (0, 1)
