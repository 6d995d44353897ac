"""A form that was opened before midnight, at a month's end, before a policy changed; one voucher checked at once in four tabs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.founding import choose
from ledger.simulation.people import DEMO_REGION
from ledger.web.application import make_pages
from tests.scenes.served import served
from tests.web.conftest import Browser, draft_with_paper, opened_desk

APPROVE = "/desk/act/book/voucher+approve"
LAST, FIRST = date(2026, 10, 31), date(2026, 11, 1)
BOOKED = "SELECT count(*) FROM books.entry"


def carried(browser: Browser, address: str) -> Browser:
    """The same session at the service as it runs on another day: its cookie is one of the database's."""
    made = Browser(address)
    [(name, value)] = [(one.name, one.value) for one in browser.http.cookies.jar]
    made.http.cookies.set(name, value)
    return made


def test_what_was_opened_before_midnight_is_booked_on_the_day_it_showed(kept_desk: str, month: Any) -> None:
    """Over a month's end and over a change of policy: under the old day while its month is open; sent twice it is once."""
    with opened_desk(month, LAST) as desk:
        desk.month = month
        draft = draft_with_paper(desk)
        qian = Browser(desk.address)
        assert qian.enter("qian").status_code == 303
        page = f"/desk/drafts/{draft}?book=420100-310"
        form = qian.form(page, APPROVE) | {"v.date": str(LAST)}
        [(before,)] = month.asked(BOOKED)
        choose(month.engine, "li", "qian", DEMO_REGION, "closing_method", "yearly", FIRST, "文1号")
        with served(
            make_service(desk.settings.model_copy(update={"today": FIRST}), Remote, make_pages)
        ) as after:
            later = carried(qian, after.address)
            assert later.get(page).status_code == 200
            assert "2026-11-01" in later.get("/desk/today").text
            for _ in range(2):
                assert later.post(APPROVE, form).status_code == 200
        assert month.asked(BOOKED) == [(before + 1,)]
        [(number, booked)] = month.asked(
            "SELECT period, voucher_date FROM books.entry ORDER BY recorded_at DESC LIMIT 1"
        )
        assert (number, booked) == (202610, LAST)


def test_four_tabs_at_once_post_one_voucher_once(desk: Any) -> None:
    draft = draft_with_paper(desk)
    page = f"/desk/drafts/{draft}?book=420100-310"
    [(before,)] = desk.month.asked(BOOKED)
    browsers = [Browser(desk.address) for _ in range(4)]
    for one in browsers:
        assert one.enter("qian").status_code == 303
    forms = [one.form(page, APPROVE) | {"v.date": "2026-10-13"} for one in browsers]
    assert len({form["key"] for form in forms}) == 4  # four tabs, four keys
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(lambda n: browsers[n].post(APPROVE, forms[n]), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert 200 in {answer.status_code for answer in answers}
    assert desk.month.asked(BOOKED) == [(before + 1,)]
