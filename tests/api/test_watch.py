"""The monitor and risk over HTTP: read by who works in the region; what is asked wrongly is refused, another region's is not there."""

from __future__ import annotations

from typing import Any

import httpx

REGION = 420100


def test_the_monitor_and_cases_are_read(world: Any, client: httpx.Client) -> None:
    reader = world.auth("reviewer")
    answer = client.get("/api/v1/monitor", params={"day": "2026-10-12"}, headers=reader)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["day"], found["counted_at"], found["term"]) == ("2026-10-12", None, None)
    assert found["institutions"] == len(world.institutions)
    assert found["total"]["payable_fen"] == str(sum(int(row["payable_fen"]) for row in found["rows"]))
    assert client.get("/api/v1/risk", headers=reader).json() == {"cases": []}
    for path, params, status, code in (
        ("/api/v1/monitor", {"day": "2099-01-01"}, 422, "monitor.future"),
        ("/api/v1/monitor", {"fund": "999"}, 422, "request.invalid"),
        ("/api/v1/monitor", {"region": "420200"}, 404, ""),
        ("/api/v1/risk", {"region": "420200"}, 404, ""),
        ("/api/v1/risk/1", {}, 404, "risk.unknown"),
        ("/api/v1/risk/0", {}, 422, "request.invalid"),
    ):
        refused = client.get(path, params=params, headers=reader)
        assert refused.status_code == status, (path, refused.text)
        assert refused.json()["code"] == code or not code, refused.text
    assert client.get("/api/v1/risk").status_code == 401


def test_the_rules_are_asked_by_the_accountant_alone(world: Any, client: httpx.Client) -> None:
    for user, day, status in (
        ("maker", "2026-10-01", 403),
        ("reviewer", "2026-10-01", 403),
        ("accountant", "2099-01-01", 422),
        ("accountant", "2026-10-01", 200),
    ):
        answer = client.post(
            "/api/v1/acts/risk/run", json={"region": REGION, "day": day}, headers=world.auth(user)
        )
        assert answer.status_code == status, (user, answer.text)
    assert answer.json()["found"] == []
