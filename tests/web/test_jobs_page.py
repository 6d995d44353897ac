"""The page of the jobs, its acts and the API: looked at by all, asked for by who may, done by the worker alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI
from scheduler.jobs.catalogue import JOBS, job_named
from scheduler.worker import JobWatch
from tests.web.conftest import Browser

NOW, PAUSE, RESUME = (f"/desk/act/jobs/{act}" for act in ("run-now", "pause", "resume"))
EARLY = datetime(2026, 10, 13, 5, 0, tzinfo=SHANGHAI)


@pytest.mark.posts("jobs run-now", "jobs pause", "jobs resume")
def test_a_run_is_asked_for_at_the_page_and_done_by_the_worker(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    guan, zhao = sat("guan"), sat("zhao")
    page = guan.get("/desk/jobs").text
    assert all(job.title in page for job in JOBS)
    assert "从未运行" in page
    assert NOW not in zhao.get("/desk/jobs").text
    form = guan.form("/desk/jobs", NOW) | {"v.job": "overdue", "v.reason": "补一次<b>"}
    for _ in range(2):  # a double click is one
        assert guan.post(NOW, form).status_code == 200
    refused = zhao.post(NOW, form | {"csrf": zhao.form("/desk/today", "/desk/logout")["csrf"], "key": ""})
    assert refused.status_code == 403
    assert desk.month.asked("SELECT n, job, what, asked_by FROM jobs.asked") == [
        (1, "overdue", "run", "guan")
    ]
    logged = desk.month.asked(
        "SELECT user_name, outcome FROM access.operator_log WHERE action = 'jobs.run' ORDER BY id"
    )
    assert [tuple(one) for one in logged] == [("guan", "done"), ("zhao", "refused")]
    app = App(desk.settings, "xitong")
    try:
        assert [run.slot for run in JobWatch(app, job_named("overdue"))(EARLY)] == ["2026-10-13 R1"]
    finally:
        app.close()
    page = guan.get("/desk/jobs?job=overdue").text
    assert "2026-10-13 R1" in page
    assert "已完成" in page

    form = guan.form("/desk/jobs", PAUSE) | {"v.job": "day", "v.reason": "系统切换<i>"}
    assert guan.post(PAUSE, form).status_code == 200
    page = guan.get("/desk/jobs").text
    assert "暂停：系统切换&lt;i&gt;" in page
    again = guan.form("/desk/jobs", PAUSE) | {"v.job": "day", "v.reason": "再停"}
    assert guan.post(PAUSE, again).status_code == 409
    form = guan.form("/desk/jobs", RESUME) | {"v.job": "day", "v.reason": "切换完毕"}
    assert guan.post(RESUME, form).status_code == 200
    assert guan.get("/desk/jobs?job=nothing").status_code == 404


def test_what_a_job_needs_is_said_in_words(desk: Any, sat: Any) -> None:
    needs = [one.needs for one in JOBS]
    assert [one for one in needs if re.search("[a-z_]{3,}", one)] == []
    assert "统筹区所选的回单期限（日数）" in sat("guan").get("/desk/jobs").text
