"""Forms of people and settings: users, posts, keys, policy, holidays, institutions, reports; a year closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyotp
import pytest

from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.cli.words.institution import open_lines
from ledger.fund.institutions.documents import show_institution
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.read import read_failed
from ledger.fund.region.holidays import propose_calendar, read_table
from ledger.simulation.people import PASSWORD, give_logins
from ledger.web.application import make_pages
from ledger.web.proposed import terms_said
from tests.closing.conftest import Agency, agency, kept_october
from tests.closing.test_year import NEXT, to_december
from tests.scenes.passwords import lend
from tests.scenes.served import served
from tests.web.conftest import TODAY, Browser, bill_line
from tests.web.forms.conftest import Press, said

__all__ = ["agency", "kept_october"]
USERS = "/desk/users"


@pytest.mark.posts(
    "user add",
    "user confirm",
    "user grant",
    "user revoke:propose",
    "user deactivate:propose",
    "user revoke-key",
    "user key",
)
def test_a_user_comes_gets_a_post_and_a_key_is_stopped(desk: Any, press: Press) -> None:
    roles = "SELECT user_name, role FROM access.user_role ORDER BY 1, 2"
    proposals = "SELECT act, state, decided_by FROM access.proposal ORDER BY n"
    press(
        "guan", USERS, "user add", {"v.user": "xin", "v.person": "p-xin", "v.name": "新人"}, effect=proposals
    )
    press(
        "shen",
        USERS,
        "user confirm",
        effect="SELECT user_name FROM access.app_user ORDER BY 1",
        stranger="wu",
    )
    press(
        "guan", USERS, "user grant", {"v.user": "xin", "v.role": "cashier"}, effect=proposals, stranger="wu"
    )
    assert ("xin", "cashier") in press("shen", USERS, "user confirm", effect=roles, stranger="wu")
    press(
        "guan",
        USERS,
        "user revoke",
        {"v.user": "shen", "v.role": "audit_admin", "v.fund": "0"},
        effect=proposals,
        propose=True,
    )
    press("guan", USERS, "user deactivate", {"v.user": "shen"}, effect=proposals, propose=True)
    keys = "SELECT label, revoked FROM access.api_key"
    made = press.by("guan")
    asked = made.form(USERS, "/desk/act/user/key") | {
        "v.user": "jieru",
        "v.expires": "2027-01-01",
        "v.label": "接口甲",
    }
    shown = made.post("/desk/act/user/key", asked).text
    assert re.search(r"flk_|密钥", shown)
    assert "None" not in shown
    press(
        "shen",
        USERS,
        "user confirm",
        effect=keys,
        stranger="wu",
        number=press.asked("SELECT max(n) FROM access.proposal")[0][0],
    )
    assert press("guan", USERS, "user revoke-key", effect=keys, stranger="wu") == [("接口甲", True)]


@pytest.mark.posts("policy propose", "policy confirm", "policy refuse", "calendar confirm", "calendar refuse")
def test_policy_and_holidays_are_proposed_and_decided(desk: Any, press: Press) -> None:
    states = "SELECT key, value, state, decided_by FROM fund.policy_proposal ORDER BY 1, 2"
    page = "/desk/policy"
    typed = {"v.key": "float_limit", "v.value": "2000", "v.since": "2026-11-01", "v.source": "文1号"}
    press("zhao", page, "policy propose", typed, effect=states)
    press("qian", page, "policy refuse", {"v.reason": "依据不明"}, effect=states)
    press("zhao", page, "policy propose", typed | {"v.value": "3000"}, effect=states)
    assert press("qian", page, "policy confirm", effect=states)[-1] == (
        "float_limit",
        "3000",
        "confirmed",
        "qian",
    )
    years = "SELECT year, version, state, decided_by FROM fund.calendar_proposal WHERE year = 2027 ORDER BY version"
    for word, typed in (("refuse", {"v.reason": "与通知不符"}), ("confirm", {})):
        with desk.month.tx("zhao") as tx:
            propose_calendar(tx, read_table(Path("docs/formats/holidays-2027.csv")), TODAY)
        press("qian", "/desk/calendar", f"calendar {word}", typed, effect=years, year=2027)
    assert press.asked(years)[-1][2:] == ("confirmed", "qian")


@pytest.mark.posts("institution confirm", "institution refuse")
def test_a_payee_is_confirmed_or_sent_back(desk: Any, press: Press) -> None:
    states = "SELECT institution, number, state FROM fund.payee_account ORDER BY 1, 2"
    for n, word in ((8, "refuse"), (9, "confirm")):
        changed = Institution(
            "H42010000001", "第1医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
            date(2026, 10, 1), "第1医院", f"62000000000{n}", "模拟银行", "102421000009",
        )  # fmt: skip
        with desk.month.tx("zhao") as tx:
            load_institutions(tx, [changed], TODAY)
        page = "/desk/institutions/H42010000001"
        press(
            "qian",
            page,
            f"institution {word}",
            {"v.reason": "未经回访"} if word == "refuse" else {},
            effect=states,
        )
    assert ("H42010000001", "620000000009", "confirmed") in press.asked(states)


def test_a_rename_waits_at_the_page_with_old_and_new(desk: Any, press: Press) -> None:
    renamed = Institution(
        "H42010000001", "第一医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
        date(2026, 10, 1), "第1医院", "620000000001", "模拟银行", "102421000009",
    )  # fmt: skip
    with desk.month.tx("zhao") as tx:
        load_institutions(tx, [renamed], TODAY)
    for page in ("/desk/institutions?waiting=1", "/desk/institutions/H42010000001"):
        shown = press.by("qian").get(page).text
        row = '<tr class="changed"><th scope="row">机构名称</th><td>第1医院</td><td>第一医院</td></tr>'
        assert row in shown
        assert "户名</th><td>第1医院" not in shown.partition("待另一人确认")[2].partition("</section>")[0]
    names = "SELECT name FROM fund.institution WHERE institution = 'H42010000001'"
    assert press.asked(names) == [("第1医院",)]
    assert press("qian", page, "institution confirm", effect=names) == [("第一医院",)]


def test_what_waits_of_an_agreement_and_its_ratio_is_said_in_words(desk: Any, press: Press) -> None:
    """Nobody confirms a code or a number of ten-thousandths; the page tells every version there was, and who."""
    page, state = (
        "/desk/institutions/H42010000001",
        "SELECT agreement_state FROM fund.institution WHERE institution = 'H42010000001'",
    )
    zhao, qian = press.by("zhao"), press.by("qian")
    to = "/desk/act/institution/agreement"
    asked = re.search(rf'action="{to}".*?</form>', zhao.get(page).text, re.S)
    assert asked
    assert re.findall('<option value="([a-z]+)"', asked[0]) == ["ended", "suspended"], (
        "neither as it is nor as nobody may ask"
    )
    assert "good" in zhao.post(to, zhao.form(page, to) | {"v.state": "suspended"}).text
    lowered = Institution(
        "H42010000001", "第1医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 5_505, 9_500,
        date(2026, 11, 1), "第1医院", "620000000001", "模拟银行", "102421000009",
    )  # fmt: skip
    with desk.month.tx("zhao") as tx:
        load_institutions(tx, [lowered], TODAY)
    for where in (page, "/desk/institutions?waiting=1"):
        waits = qian.get(where).text.partition("待另一人确认")[2].partition("</section>")[0]
        assert '<tr class="changed"><th scope="row">协议状态</th><td>中止</td><td>有效</td></tr>' in waits
        assert (
            '<tr class="changed"><th scope="row">日拨付比例</th><td>60.00%</td><td>55.05%</td></tr>' in waits
        )
        assert '<th scope="row">类别</th><td>定点医疗机构</td><td>定点医疗机构</td>' in waits
        assert not re.search(r"<t[dh][^>]*>(?:[a-z_]+|True|False|\d{4})</t[dh]>", waits)
    press("qian", page, "institution confirm", effect=state)
    told = qian.get(page).text.partition("协议、参加方式的来历")[2].partition("</table>")[0]
    for one in (
        "一人停付，即时生效",
        "协议状态 中止",
        "协议状态 有效",
        "日拨付比例 60.00%",
        "日拨付比例 55.05%",
        f"赵制单 {TODAY}",
        f"钱复核 {TODAY}",
    ):
        assert one in told, one


@pytest.mark.posts("institution payee")
def test_a_new_account_is_proposed_at_the_institutions_page(desk: Any, press: Press) -> None:
    page = "/desk/institutions/H42010000001"
    waits = "SELECT name, number, bank_name, cnaps, state, why FROM fund.payee_account WHERE number = '620000000777'"
    parts = ["第1医院", "620000000777", "模拟银行", "102421000009"]
    typed = {"r.payee": parts, "v.reason": "来函变更"}
    assert press("zhao", page, "institution payee", typed, effect=waits) == [(*parts, "proposed", "来函变更")]
    shown = press.by("qian").get(page).text
    [(old, new)] = re.findall(r'<th scope="row">账号</th><td>([^<]*)</td><td>([^<]*)</td>', shown)
    assert (old, new) != (new, old)
    assert new == "620000000777"
    form = press.by("zhao").filled(page, "/desk/act/institution/payee")
    for wrong, code in (
        ({"r.payee": [*parts[:3], "12"]}, "payee.account"),
        ({"r.payee": [*parts[:1], "1'2", *parts[2:]]}, "payee.account"),
        ({"v.reason": "\u3000"}, "payee.reason"),
    ):
        refused = press.by("zhao").post("/desk/act/institution/payee", form | typed | wrong | {"key": code})
        assert f"代码 {code}" in refused.text, said(refused)
        form["key"] = "again"


def test_beside_a_new_account_stands_the_one_that_failed(desk: Any, press: Press) -> None:
    page = "/desk/institutions/H42010000001"
    [(number,)] = press.asked(
        "SELECT number FROM fund.payee_account WHERE institution = 'H42010000001' AND state = 'confirmed'"
    )
    desk.month.pretend(
        "UPDATE fund.payee_account SET state = 'failed', reason = '户名不符', ended_on = '2026-10-12'"
        " WHERE institution = 'H42010000001'"
    )
    assert f"{number} 模拟银行 被银行退拒，2026-10-12 起停用" in re.sub(
        r"\s+", " ", press.by("qian").get(page).text
    )
    typed = {"r.payee": ["第1医院", "620000000777", "模拟银行", "102421000009"], "v.reason": "退拒后补正"}
    zhao = press.by("zhao")
    done = zhao.post("/desk/act/institution/payee", zhao.filled(page, "/desk/act/institution/payee") | typed)
    assert 'class="good"' in done.text
    for where in (page, "/desk/institutions?waiting=1"):
        shown = press.by("qian").get(where).text
        assert f'<th scope="row">账号</th><td class="red">{number}</td><td>620000000777</td>' in shown
        assert "赵制单 2026-10-13 提出" in shown, "a person's name, not the login"
    with desk.month.tx("qian") as tx:
        waiting = show_institution(tx, date(2026, 10, 13), "H42010000001").waiting
        told = open_lines(waiting, read_failed(tx))
    assert "    现行为被银行退拒的账户，已停用（2026-10-12）" in told
    assert f"    账号：{number} → 620000000777" in told
    assert not any("（无）" in line for line in told)


@pytest.mark.posts("report control-draw", "report control-sign")
def test_the_control_report_is_drawn_up_and_signed(november: Any) -> None:
    press, page = Press(november), "/desk/control-report?period=202610"
    drawn, signed = (f"SELECT month, {by} FROM fund.{table}" for by, table in
                     (("drawn_by", "control_draft"), ("signed_by", "control_report")))  # fmt: skip
    assert press("zhou", page, "report control-draw", effect=drawn) == [(202610, "zhou")]
    assert press("zhou", page, "report control-sign", effect=signed) == [(202610, "zhou")]


def test_every_case_of_the_sample_is_on_the_page_that_is_signed(november: Any) -> None:
    """A workbook from the page holds every row; a page that says so of it holds every case that whoever signs is to look at."""
    cases = [f"S{n}" for n in range(50)]
    november.month.take(*(bill_line(one) for one in cases))
    press, page = Press(november), "/desk/control-report?period=202610"
    zhou = press.by("zhou")
    press("zhou", page, "report control-draw", effect="SELECT month, drawn_by FROM fund.control_draft")
    part = zhou.get(page).text.partition("拨付准确性抽查")[2].partition("</table>")[0]
    assert [one for one in cases if f">{one}</" not in part] == []
    told = zhou.get(f"{page}&format=csv").text
    assert [one for one in cases if one not in told] == []
    assert sum("第1版" in line for line in told.splitlines()) > 50, "the sample and what was changed"


class Rows:
    """What Press asks of a scene."""

    def __init__(self, agency: Agency) -> None:
        self.asked = agency.rows


@pytest.fixture
def january(agency: Agency, tmp_path: Path) -> Iterator[Any]:
    """The service of a region whose year can end."""
    lend(agency.settings.home, tmp_path)
    give_logins(agency.settings, NEXT)
    settings = agency.settings.model_copy(update={"home": tmp_path, "today": NEXT})
    with served(make_service(settings, Remote, make_pages)) as made:
        made.agency, made.month = agency, Rows(agency)
        yield made
    while Browser.opened:
        Browser.opened.pop().close()


@pytest.mark.posts("period year-close")
def test_a_year_is_closed_at_its_page(january: Any) -> None:
    to_december(january.agency)
    closed = "SELECT period, state FROM books.closing ORDER BY period, n"
    page = "/desk/close?book=420100-310&period=202512"
    assert Press(january)("li", page, "period year-close", effect=closed)[-1] == (202512, "closing")


@pytest.mark.posts("/desk/me/password", "/desk/me/factor")
def test_ones_own_password_and_second_factor(press: Press) -> None:
    zhao = press.by("zhao")
    new = "Gengxin-2026"
    form = zhao.form("/desk/me", "/desk/me/password") | {"old": PASSWORD, "password": new, "again": new}
    for wrong, status in (
        ({"csrf": "0" * 64}, 403),
        ({"old": "x"}, 401),
        ({"again": "y"}, 422),
        ({"password": "a", "again": "a"}, 422),
        ({"password": PASSWORD, "again": PASSWORD}, 422),
        ({"old": "x", "password": "x", "again": "x"}, 422),
    ):
        assert zhao.post("/desk/me/password", form | wrong).status_code == status, wrong
    assert "密码已改" in zhao.post("/desk/me/password", form).text
    form = zhao.form("/desk/me", "/desk/me/factor")
    form |= {"otp": pyotp.TOTP(form["secret"]).now(), "old": new}
    for wrong in ({"otp": "000000"}, {"old": PASSWORD}, {"secret": "A" * 32}):
        assert 400 <= zhao.post("/desk/me/factor", form | wrong).status_code < 500, wrong
    assert "动态口令已启用" in zhao.post("/desk/me/factor", form).text
    fresh = Browser(zhao.address)
    assert fresh.enter("zhao", new).status_code == 401


def test_a_share_of_nothing_is_said_like_any_other() -> None:
    assert terms_said({"mode": "daily", "ratio": 0, "month_ratio": None, "correction": False}).endswith(
        "日拨付比例 0.00%"
    )
