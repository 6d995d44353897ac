"""监测 and 风险 at the pages: figures with their charts down to one record; a case taken through its steps by its forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.scenes.month import HOSPITAL, OTHER_HOSPITAL
from tests.scenes.risk import AMOUNT, LOOKED, TODAY, TOMORROW, fill_risk
from tests.web.conftest import Browser
from tests.web.forms.conftest import Press
from tests.web.test_acts import do, done, led, refused

Sat = Callable[[str], Browser]
pytestmark = pytest.mark.usefixtures("kept_risky")


@pytest.fixture(scope="session")
def kept_risky(keep: Any, kept_desk: str) -> str:
    return str(keep(f"{kept_desk}_risk", kept_desk, fill_risk))


def test_the_figures_of_a_day_down_to_a_record(sat: Sat) -> None:
    zhou = sat("zhou")
    page = zhou.get(f"/desk/monitor?day={LOOKED}").text
    assert "2家，其中按日拨付2家" in page
    assert "25笔，另冲销3笔" in page
    assert "13,200.00元" in page  # 20 and 5 records of 600.00, three reversed
    assert page.count('<svg viewBox="0 0') >= 1
    assert 'role="img" aria-label="应付最多的机构' in page
    narrow = zhou.get(f"/desk/monitor?day={LOOKED}&institution={OTHER_HOSPITAL}&fund=310").text
    assert HOSPITAL not in narrow.partition("<main")[2]
    listed = led(zhou, f"/desk/monitor?day={LOOKED}&institution={OTHER_HOSPITAL}", "/desk/monitor/records?")
    record = led(zhou, listed, "/desk/follow?region=420100&amp;subject=")
    assert "时间线" in zhou.get(record).text
    for shape in ("csv", "xlsx", "pdf"):
        for path in (f"/desk/monitor?day={LOOKED}", listed, "/desk/risk"):
            answer = zhou.get(f"{path}{'&' if '?' in path else '?'}format={shape}")
            assert answer.status_code == 200, (path, shape)
            assert "attachment" in answer.headers["content-disposition"]
    csv = zhou.get(f"{listed}&format=csv").text
    assert len(re.findall(r"(?m)^.*R5[123]", csv)) == 3
    assert zhou.get("/desk/monitor?day=2026-13-01").status_code == 422
    assert zhou.get(f"/desk/monitor?day={TOMORROW}").status_code == 422


@pytest.mark.posts("risk propose", "risk confirm", "risk refuse")
def test_a_case_from_notice_to_suspension(desk: Any, sat: Sat) -> None:
    zhao, qian, zhou = sat("zhao"), sat("qian"), sat("zhou")
    assert "风险事项待处置" in zhao.get("/desk/today").text
    case = led(zhao, "/desk/risk?rule=amount", "/desk/risk/")
    page = zhou.get(case).text
    assert "400.00%" in page
    assert "300.00%" in page
    assert 'action="/desk/act/risk' not in page  # a reviewer looks
    lower = {"v.ratio": "0.4", "v.from_day": str(TOMORROW)}
    for step in ("notice", "interview", "lower_ratio", "suspend"):
        done(
            do(
                zhao,
                case,
                "risk propose",
                {"v.document": f"{step}号文"} | (lower if step == "lower_ratio" else {}),
                step=step,
            )
        )
        assert "风险处置待复核" in qian.get("/desk/today").text
        form = qian.form(case, "/desk/act/risk/confirm")
        if step == "notice":
            wrong = form | {"csrf": zhao.form("/desk/me", "/desk/logout")["csrf"]}
            refused(zhao.post("/desk/act/risk/confirm", wrong), "access.role_missing")
            done(do(qian, case, "risk refuse", {"v.reason": "缺附件"}))
            refused(qian.post("/desk/act/risk/confirm", form | {"key": "another"}), "risk.none")
            done(do(zhao, case, "risk propose", {"v.document": "notice号文补"}, step=step))
            form = qian.form(case, "/desk/act/risk/confirm")
        done(qian.post("/desk/act/risk/confirm", form))
        assert "此前已经办理" in qian.post("/desk/act/risk/confirm", form).text  # the back button
    said = zhou.get(case).text
    assert [
        said.count(word)
        for word in ("提出提醒", "提醒已退回", "提醒已复核", "下调比例已复核", "暂停拨付已复核")
    ] == [2, 1, 1, 1, 1]
    assert "缺附件" in said
    assert [
        tuple(row)
        for row in desk.month.asked(
            f"SELECT agreement_state FROM fund.institution WHERE institution = '{HOSPITAL}'"
        )
    ] == [("suspended",)]
    assert "提出提醒</button>" not in zhao.get(case).text
    done(do(zhao, case, "risk propose", {"v.document": "经查属实整改"}, step="withdraw"))


@pytest.mark.posts("risk run")
def test_the_accountant_asks_the_rules(desk: Any, sat: Sat) -> None:
    li = sat("li")
    desk.month.pretend(f"DELETE FROM fund.risk_case WHERE n > {AMOUNT}")
    done(do(li, "/desk/risk", "risk run", {"v.day": str(LOOKED)}))
    assert desk.month.asked("SELECT count(*) FROM fund.risk_case")[0][0] == 4
    refused(do(li, "/desk/risk", "risk run", {"v.day": str(TODAY)}), "risk.future", str(TODAY))
    assert li.get("/desk/risk/99").status_code == 404
    assert li.get("/desk/risk/x").status_code == 404


@pytest.mark.posts("alarms see")
def test_an_alarm_is_seen_where_it_is_shown(desk: Any) -> None:
    press = Press(desk)
    seen = "SELECT seen_by, reason FROM access.alarm_seen"
    page = press.by("jieru").get("/desk/today").text
    assert "告警" in page
    assert "/desk/act/alarms/see" not in page  # an interface sees, and says nothing
    done = press(
        "li", "/desk/today", "alarms see", {"v.reason": "演练，李会计处理"}, effect=seen, stranger="jieru"
    )
    assert done == [("li", "演练，李会计处理")]
    assert "li已阅：演练，李会计处理" in press.by("qian").get("/desk/today").text
