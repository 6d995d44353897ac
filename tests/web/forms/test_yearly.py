"""The year's plan, rates, cases and letters at their pages: given in, confirmed as shown by another, signed by both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from ledger.simulation.people import give_logins
from tests.fund.clearing.conftest import kept_three_years, live_worked_year, year
from tests.scenes.passkeys import Authenticator
from tests.web.conftest import Browser, opened_desk
from tests.web.forms.conftest import Press
from tests.web.forms.test_given import given
from tests.web.test_acts import act, done, refused, said
from tests.web.test_passkeys import enrolled_past_the_pages, signed, signing_form

__all__ = ["kept_three_years", "year"]
pytestmark = pytest.mark.unsigned
DAY, H = date(2027, 3, 22), "H42010000001"
PAGE = "/desk/clearing?fund=310&year=2026"
PLAN = {
    "document": "市医保〔2026〕12号",
    "budgets": [{"class": "3", "amount": "9000.00"}],
    "grades": [{"from_year": 2026, "grade": "A", "forfeit": "0", "source": "同上"}],
    "assessments": [{"institution": H, "grade": "A", "document": "考1号"}],
}
RATES = {
    "class": "3",
    "method": "DRG",
    "volumes": [{"institution": "H42010000002", "cases": 1, "units": "900"}],
}
LETTER = "SELECT state, confirmed_by FROM fund.letter"
PAPERS = "SELECT kind, signed_by FROM fund.letter_paper WHERE kind <> 'letter' ORDER BY 1"


@pytest.fixture
def press(year: Any) -> Iterator[Press]:
    """The worked year's desk, in March after it."""
    worked = live_worked_year(year)
    give_logins(worked.month.database.settings, DAY)
    with opened_desk(worked.month, DAY) as desk:
        desk.month, desk.worked = worked.month, worked
        yield Press(desk)


def give_paper(browser: Browser, letter: str, content: bytes, **changed: str) -> httpx.Response:
    """The page's form for the next side's paper, with a file."""
    to = f"/desk/letters/{letter}/confirm?region=420100"
    form = browser.form(f"/desk/letters/{letter}", to) | {"signed_by": "王院长"} | changed
    return browser.send(to, form, ("签章.pdf", content))


@pytest.mark.posts("/desk/uploads/rates", "clear budget", "/desk/letters/#/confirm")
def test_a_year_from_its_plan_to_both_sides_letter(press: Press) -> None:
    plan = "SELECT approved_by FROM fund.clearing_plan"
    of = {"fund": "310", "year": "2026"}
    given(press, "zhao", "budget", "p.json", json.dumps(PLAN).encode(), plan, **of)
    rates = json.dumps(RATES).encode()
    given(press, "zhao", "rates", "r.json", rates, "SELECT standard_fen FROM fund.clearing_standard", **of)
    assert act("clear budget") not in press.by("zhao").get(PAGE).text
    assert "900.0000" in press.by("qian").get(PAGE).text
    assert press(
        "qian", PAGE, "clear budget", {}, stranger="sun", effect=plan, year=2026, digest=digest_of(press)
    ) == [("qian",)]
    graded = "SELECT institution, approved_by FROM fund.assessment"
    assert press("qian", PAGE, "clear budget", {}, "v.cases", effect=graded) == [(H, "qian")]
    assert act("clear budget") not in press.by("qian").get(PAGE).text
    letter = sent_letter(press)
    one, zhao, qian = f"/desk/letters/{letter}", press.by("zhao"), press.by("qian")
    for changed in (
        {"csrf": "0" * 64},
        {"digest": "0" * 64, "key": "a"},
        {"signed_by": "\u202e", "key": "b"},
        {"side": "both", "key": "c"},
    ):
        answer = give_paper(zhao, letter, b"%PDF hospital", **changed)
        assert 400 <= answer.status_code < 500, said(answer)
        assert "csrf" in changed or 'name="signed_by"' in answer.text
        assert press.asked(PAPERS) == []
    assert 'value="王院长"' in give_paper(zhao, letter, b"", key="d").text  # no paper, and the name stands
    assert "/confirm" not in qian.get(one).text  # the institution's is the maker's to give in
    form = zhao.form(one, f"{one}/confirm?region=420100") | {"signed_by": "王院长"}
    for _ in range(2):
        assert (
            'class="good"'
            in zhao.send(f"{one}/confirm?region=420100", form, ("签章.pdf", b"%PDF hospital")).text
        )
    assert (press.asked(PAPERS), press.asked(LETTER)) == (
        [("institution", "王院长")],
        [("confirmed_by_institution", "")],
    )
    assert "/confirm" not in zhao.get(one).text
    key = Authenticator(press.desk.address)
    enrolled_past_the_pages(press.desk, key, "qian")
    asked = give_paper(qian, letter, b"%PDF both", signed_by="示例市医保中心")
    assert press.asked(LETTER) == [("confirmed_by_institution", "")]
    assert signing_form(asked)["file.name"] == "签章.pdf"
    done(signed(qian, f"{one}/confirm?region=420100", asked, key))
    assert press.asked(LETTER) == [("confirmed", "qian")]
    assert press.asked("SELECT object FROM access.signature WHERE act = 'clear.confirm'") == [(letter,)]


def digest_of(press: Press) -> str:
    [(digest,)] = press.asked(
        "SELECT encode(fund.clearing_plan_digest(420100, 310::smallint, 2026::smallint), 'hex')"
    )
    return str(digest)


def sent_letter(press: Press) -> str:
    """A letter made, approved and sent in the rooms below."""
    worked = press.desk.worked
    letter = worked.draft(DAY)
    worked.approve(letter, DAY)
    worked.send(letter, DAY)
    return str(letter.letter_id)


def test_one_side_alone_books_nothing(press: Press) -> None:
    """The agency's paper before the institution's, by its form made up; and the digest of another letter."""
    letter = sent_letter(press)
    qian = press.by("qian")
    form = qian.form("/desk/me", "/desk/logout") | {"side": "agency", "signed_by": "中心", "key": "k"}
    refused(qian.send(f"/desk/letters/{letter}/confirm", form, ("a.pdf", b"%PDF")), "letter.one_side")
    other = give_paper(press.by("zhao"), letter, b"%PDF", digest="1" * 64)
    refused(other, "letter.other_digest", "王院长")
    assert press.asked(LETTER) == [("sent", "")]
