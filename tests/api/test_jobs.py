"""Jobs over HTTP: read by who works in the region, asked for by who may; another region's are not there."""

from __future__ import annotations

from typing import Any

import httpx

from scheduler.jobs.catalogue import JOBS

REGION = 420100
URL = "/api/v1/jobs"


def test_jobs_are_read_and_asked_for(world: Any, client: httpx.Client) -> None:
    answer = client.get(URL, headers=world.auth("reviewer"))
    assert answer.status_code == 200
    found = {one["job"]: one for one in answer.json()["jobs"]}
    assert list(found) == [job.name for job in JOBS]
    assert (found["overdue"]["last"], found["overdue"]["paused"]) == (None, None)
    assert found["overdue"]["next"].endswith("T09:30:00+08:00")
    assert client.get(URL, params={"region": 420200}, headers=world.auth("reviewer")).status_code == 404
    assert client.get(f"{URL}/nothing/runs", headers=world.auth("reviewer")).status_code == 404

    for act, user, reason, status in (
        ("pause", "reviewer", "检修", 403),
        ("pause", "maker", "检修", 403),
        ("pause", "admin", "x", 422),
        ("pause", "admin", "检修", 200),
        ("pause", "admin", "检修", 409),
        ("run-now", "admin", "补一次", 200),
    ):
        answer = client.post(
            f"/api/v1/acts/jobs/{act}",
            json={"region": REGION, "job": "overdue", "reason": reason},
            headers=world.auth(user),
        )
        assert answer.status_code == status, (act, user, answer.text)
    assert answer.json()["slot"].endswith(" R2")
    found = {one["job"]: one for one in client.get(URL, headers=world.auth("reviewer")).json()["jobs"]}
    assert (found["overdue"]["paused"]["by"], found["overdue"]["next"]) == ("admin", None)
    runs = client.get(f"{URL}/overdue/runs", headers=world.auth("reviewer"))
    assert (runs.status_code, runs.json()) == (200, {"runs": []})  # asked for is not done
