"""Risk and the monitor at the command line, over HTTP and by the worker: the same answers, the same refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, time
from typing import Any

import pytest

from ledger.bootstrap import App
from ledger.cli.remote import Remote
from ledger.core.dates import SHANGHAI
from ledger.core.errors import LedgerError
from ledger.simulation.people import DEMO_REGION
from scheduler.jobs.risk import ask_rules
from tests.scenes.month import HOSPITAL
from tests.scenes.risk import AMOUNT, LOOKED, TODAY, TOMORROW

pytestmark = pytest.mark.usefixtures("kept_risk")


def test_the_worker_asks_the_rules_once(month: Any) -> None:
    month.pretend("DELETE FROM fund.risk_case")
    app = App(month.database.settings, "xitong", month.engine)
    moment = datetime.combine(TODAY, time(7, 30), SHANGHAI)
    said = [ask_rules(app, DEMO_REGION, moment) for _ in range(2)]
    assert said == ["新增风险事项4件", "新增风险事项0件"]
    assert {row[0] for row in month.asked("SELECT found_by FROM fund.risk_case")} == {"xitong"}
    app.close()


def test_the_command_in_a_process_of_its_own(month: Any) -> None:
    """What a person types, from the shell to the exit code: the case found anew, a step asked for, a refusal with its code."""
    month.pretend("DELETE FROM fund.risk_case WHERE rule = 'amount'")
    settings = month.database.settings
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATABASE_URL", "FUNDLEDGER"))
    }
    env = plain | {
        "FUNDLEDGER_HOME": str(settings.home),
        "DATABASE_URL": str(settings.database_url),
        "FUNDLEDGER_TODAY": str(TODAY),
    }

    def command(user: str, *words: str) -> tuple[int, dict[str, Any]]:
        told = [
            sys.executable,
            "-m",
            "ledger.cli",
            "--as",
            user,
            "risk",
            *words,
            "--region",
            str(DEMO_REGION),
            "--json",
        ]
        done = subprocess.run(told, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.strip(), done.stderr
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    status, found = command("li", "run", "--day", str(LOOKED))
    assert (status, [(one["rule"], one["figure"]) for one in found["found"]]) == (0, [("amount", "40000")])
    [(number,)] = month.asked("SELECT n FROM fund.risk_case WHERE rule = 'amount'")
    step = ("--case", str(number), "--step", "suspend", "--document", "决定1号")
    status, refused = command("zhao", "propose", *step)
    assert (status, refused["error"]) == (1, "risk.order"), refused


def test_the_same_acts_by_the_command_line_s_door(month: Any) -> None:
    """As `POST /api/v1/acts/risk/…` and a page's form do them (ledger.cli.remote): what is refused there is refused here."""
    settings = month.database.settings.model_copy(update={"today": TODAY})
    acts = Remote(settings, month.engine)
    region = {"region": DEMO_REGION, "case": AMOUNT, "date": str(TODAY)}

    def act(user: str, name: str, **values: object) -> Any:
        return json.loads(acts.run(user, name, {**region, **values}, "", b"").body)

    def code(user: str, name: str, **values: object) -> str:
        with pytest.raises(LedgerError) as refused:
            act(user, name, **values)
        return refused.value.code

    assert code("zhao", "risk propose", step="suspend", document="决定1号") == "risk.order"
    assert code("zhou", "risk propose", step="notice", document="通知1号") == "access.role_missing"
    digest = act("zhao", "risk propose", step="notice", document="通知1号")["digest"]
    assert code("zhao", "risk confirm", digest=digest) == "access.role_missing"
    assert code("qian", "risk confirm", digest="0" * 64) == "risk.changed"
    assert code("qian", "risk refuse", digest=digest, reason=" ") == "risk.reason"
    done = act("qian", "risk confirm", digest=digest)
    assert (done["state"], done["digest"], done["institution"]) == ("notice", None, HOSPITAL)
    assert code("qian", "risk confirm", digest=digest) == "risk.none"
    digest = act("zhao", "risk propose", step="interview", document="记录1号")["digest"]
    act("qian", "risk confirm", digest=digest)
    lower = {"step": "lower_ratio", "document": "决定1号", "ratio": "0.4", "from_day": str(TOMORROW)}
    assert act("zhao", "risk propose", **lower)["steps"][-1]["ratio"] == "0.4"
