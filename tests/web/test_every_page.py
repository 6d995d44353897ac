"""Every page that can be reached by links, in a home that has lived and holds every code the database allows: each answers, in words."""

from __future__ import annotations

import ast
import csv
import io
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import argon2
import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from ledger.access.users import ROLES
from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote, acts
from ledger.core.words import words_of
from ledger.db.migrate import migrate
from ledger.simulation.people import PASSWORD
from ledger.web.application import PAGES, make_pages
from ledger.web.pages import payouts
from ledger.web.worded import BAD
from tests.cli.filled import fill_every_code
from tests.cli.test_words import ALLOWED, EVENTS, allowed_codes, family_codes, raw
from tests.db.homes.home import as_left, kept
from tests.judges import program_of
from tests.scenes.served import served
from tests.web.conftest import Browser, form_named

TODAY = date(2026, 5, 8)
START = (
    "/desk/today", "/desk/declarations?fund=310&term=202603", "/desk/declarations?fund=390&term=202603",
    "/desk/month?fund=310&term=202603", "/desk/month?fund=390&term=202603", "/desk/clearing?year=2026&fund=310",
    "/desk/clearing?year=2025&fund=310", "/desk/clearing?year=2026&fund=390&part=Q1", "/desk/control?period=202603",
    "/desk/control-report?period=202603", "/desk/books/balance-sheet?period=202603", "/desk/books/columnar?account=9104",
    "/desk/orders?state=returned", "/desk/blocked?date=2026-03-02", "/desk/blocked/records?date=2026-03-02&fund=310&institution=H42010000001","/desk/reconcile?fund=310&term=202603",
    "/desk/reconcile?fund=390&term=202603", "/desk/matching?account=4200000000001003", "/desk/matching?account=4200000000001004",
    "/desk/monitor?day=2026-03-03&term=202603", "/desk/risk",
)  # fmt: skip
FORM = re.compile(r'<form[^>]*method="post".*?</form>', re.S)
SAME_KIND = 6
"""Pages of one kind that are looked at."""


@pytest.fixture(scope="module")
def lived_desk(cluster: Any) -> Iterator[Any]:
    with ExitStack() as stack:
        name = f"t_pages_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"
        settings, _ = stack.enter_context(as_left(cluster, name, kept()[0]))
        migrate(settings)
        with psycopg.connect(str(settings.database_url)) as connection:
            codes = allowed_codes(connection)
            hashed = argon2.PasswordHasher().hash(PASSWORD)
            connection.execute("INSERT INTO access.password (user_name, hash) VALUES ('zhou', %s)", [hashed])
            # one who holds every post, as nobody may: who looks at every form that any page shows anybody
            connection.execute("SET session_replication_role = replica")
            connection.execute(
                "INSERT INTO access.app_user (user_name, person, display_name, active) VALUES ('quan', 'p-quan', '全部岗位', true)"
            )
            connection.execute("INSERT INTO access.password (user_name, hash) VALUES ('quan', %s)", [hashed])
            for role in ROLES:
                connection.execute(
                    "INSERT INTO access.user_role (region, user_name, role) VALUES (420100, 'quan', %s)",
                    [role],
                )
            connection.execute("SET session_replication_role = origin")
            connection.commit()
            fill_every_code(
                connection, codes | {"payments.evidence.outcome_code": list(words_of("paper.reason"))}
            )
            connection.execute("SET session_replication_role = replica")
            # a made-up message is no JSON, which a real one always is
            connection.execute("UPDATE fund.outregion_inbox SET body = '{}' WHERE NOT body LIKE '{%'")
            connection.execute("SET session_replication_role = origin")
            every = {code for found in codes.values() for code in found}
            every |= {event for (event,) in connection.execute(EVENTS)}
        settings = settings.model_copy(update={"today": TODAY})
        made = stack.enter_context(served(make_service(settings, Remote, make_pages)))
        every |= family_codes()
        made.codes = {code for code in every if re.fullmatch(r"[A-Za-z][A-Za-z_.0-9]*", code)} - set(ALLOWED)
        made.url = str(settings.database_url)
        yield made


def kind_of(path: str) -> str:
    """A page's address without what varies in it."""
    plain, _, query = path.partition("?")
    names = "&".join(sorted(part.partition("=")[0] for part in query.split("&") if part))
    return re.sub(r"/[^/]*[0-9][^/]*", "/#", plain) + "?" + names


def crawled(browser: Browser) -> Iterator[tuple[str, httpx.Response]]:
    """Every page that links lead to, so many of a kind, with what it answers."""
    seen: dict[str, int] = {}
    done: set[str] = set()
    waiting = list(START)
    while waiting:
        path = waiting.pop(0)
        kind = kind_of(path)
        if path in done or seen.get(kind, 0) >= SAME_KIND:
            continue
        done.add(path)
        seen[kind] = seen.get(kind, 0) + 1
        response = browser.get(path)
        yield path, response
        for href in re.findall(r'href="([^"#]+)"', response.text):
            href = unescape(href)
            href = path.partition("?")[0] + href if href.startswith("?") else href
            if href.startswith("/desk/") and not href.startswith("/desk/static") and "format=" not in href:
                waiting.append(href)


def test_every_page_that_links_lead_to_answers_in_words(lived_desk: Any) -> None:
    browser = Browser(lived_desk.address)
    assert browser.enter("zhou").status_code == 303
    wrong: list[str] = []
    there = set()
    for path, response in crawled(browser):
        there.add(kind_of(path).partition("?")[0])
        if response.status_code != 200:
            said = re.search(r"role=\"alert\">([^<]*)", response.text)
            wrong.append(f"{response.status_code} {path} {said[1] if said else ''}")
            continue
        text = re.sub(
            r"<[^>]*>", " ", re.sub(r"<(script|style|code)[^>]*>.*?</\1>", " ", response.text, flags=re.S)
        )
        wrong += [f"{path}: “{bad[0]}” is typed by nobody at a page" for bad in BAD.finditer(unescape(text))]
        lines = {
            code: line.strip() for line in unescape(text).splitlines() for code in raw(line, lived_desk.codes)
        }
        wrong += [f"{path}: {code} in “{line[:80]}”" for code, line in lines.items()]
        objects = re.findall(r"&lt;[a-zA-Z_. -]+ (?:object|method|at) [^&]*", response.text)
        wrong += [f"{path}: a program's object: {one}" for one in objects]
        keys = re.findall(r'data-key="([^"]+)"', response.text)
        wrong += [f"{path}: two links of the key {key}" for key in sorted(set(keys)) if keys.count(key) > 1]
    assert wrong == [], "\n".join(wrong)
    reached = {re.sub(r"\{[^}]*\}", "#", page) for page in PAGES}
    named = {re.sub(r"^/desk/books/[a-z-]+", "/desk/books/#", one) for one in there}
    # the home has matched nothing, its reader enters and gives in nothing: test_acts.py, test_vouchers.py, test_uploads.py open these
    elsewhere = {
        "/desk/users", "/desk/users/list", "/desk/log", "/desk/matching/#/#", "/desk/statements/#/#", "/desk/drafts/new", "/desk/drafts/templates", "/desk/drafts/#/attached/#",
        "/desk/uploads/differences", "/desk/records/new",
    }  # fmt: skip
    assert reached - named == elsewhere - named, "a page that no link leads to"


@pytest.fixture(scope="module")
def all_forms(lived_desk: Any) -> list[tuple[str, str]]:
    """(page, form) as one who holds every post sees them."""
    browser = Browser(lived_desk.address)
    assert browser.enter("quan").status_code == 303
    return [(path, form) for path, response in crawled(browser) for form in FORM.findall(response.text)]


def test_every_form_of_every_page_is_posted_by_a_test(all_forms: list[tuple[str, str]]) -> None:
    """Forms found at the pages, and in the source where no row of the home brings them up."""
    found: dict[str, str] = {}
    for path, form in all_forms:
        action = re.search(r'action="(/desk/[^"]+)"', form)
        if action and "<button" in form:
            found.setdefault(form_named(action[1], re.findall(r'name="([^"]+)"', form)), path)
    plain = {name.partition(":")[0] for name in found}
    found |= dict.fromkeys(offered_in_the_source() - plain, "ledger/web")
    assert len(found) > 80, "the pages are not looked at"
    posted = marked_as_posted()
    acted = {name.partition(":")[0] for name in posted}
    missing = {
        name: path for name, path in found.items() if name not in (acted if path == "ledger/web" else posted)
    }
    assert missing == {}, "\n".join(
        f"{name} ({path}): no test is marked as posting it" for name, path in missing.items()
    )
    assert {name for name in acted if not name.startswith("/")} <= set(acts()), "marked as posted, and no act"


NASTY = "=1+1<script>alert(1)</script>\"'>\u202e\x07\U0001f600"


def test_strange_text_in_every_field_of_every_form_is_refused_or_inert(
    lived_desk: Any, all_forms: list[tuple[str, str]]
) -> None:
    """Script, quotes, a turned direction, a bell, a face no bank can bear; ten thousand characters: nothing breaks, nothing runs,
    and what was refused is there to be typed again."""
    browser = Browser(lived_desk.address)
    assert browser.enter("quan").status_code == 303
    forms: dict[tuple[str, ...], tuple[str, str, str]] = {}
    for path, form in all_forms:
        action = re.search(r'action="(/desk/(?:act|drafts|uploads)/[^"]+)"', form)
        if action and "<button" in form:
            names = tuple(sorted(set(re.findall(r'name="([^"]+)"', form))))
            forms.setdefault((form_named(action[1], ()), *names), (path, unescape(action[1]), form))
    wrong, tried = [], 0
    own = browser.form("/desk/me", "/desk/logout")  # the forms were another session's
    for path, action, form in forms.values():
        held = {
            n: unescape(v)
            for n, v in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
        }
        held |= {
            n: unescape(v)
            for n, v in re.findall(r'<select name="([^"]+)"[^>]*><option value="([^"]*)"', form)
        }
        fields = [
            n
            for n, kind in re.findall(r'<input name="([^"]+)"(?: type="([a-z]+)")?', form)
            if kind in ("", "text")
        ]
        whole = held | dict.fromkeys(fields, "x") | {"csrf": own["csrf"]}
        for change in [{field: NASTY} for field in sorted(set(fields))] + [
            dict.fromkeys(fields[:3], "9" * 10_000)
        ] * bool(fields):
            tried += 1
            answer = (
                browser.send(action, whole | change, ("a.csv", b""))
                if "/uploads/" in action
                else browser.post(action, whole | change)
            )
            if answer.status_code == 303:
                wrong.append(f"{path} {action} {list(change)[:3]}: taken")
            if answer.status_code >= 500 or 'class="good"' in answer.text:
                wrong.append(f"{path} {action} {list(change)[:3]}: {answer.status_code}")
            if any(live in answer.text for live in ("<script>alert", "\u202e", "\x07")):
                wrong.append(f"{path} {action} {list(change)[:3]}: alive")
            told = re.sub(
                r"<[^>]*>", " ", "".join(re.findall(r'role="alert">.*?</(?:p|div)>', answer.text, re.S))
            )
            if (bad := BAD.search(unescape(told))) is not None:
                wrong.append(f"{path} {action} {list(change)[:3]}: “{bad[0]}” in “{told[:120]}”")
            shown = [value.replace("\u202e", " ").replace("\x07", " ") for value in change.values()]
            if "/act/" in action and any(value not in unescape(answer.text) for value in shown):
                wrong.append(f"{path} {action} {list(change)[:3]}: not kept")
    assert wrong == [], "\n".join(wrong)
    assert tried > 200, "nothing was tried"


def offered_in_the_source() -> set[str]:
    """The acts that a page may offer: of an Offer, of `decide`, or written out in a template."""
    named: set[str] = set()
    for path in Path("ledger/web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Offer", "decide", "_Ask"):
                named |= {str(one.value) for one in node.args[1:2] if isinstance(one, ast.Constant)}
    for path in Path("ledger/web/templates").glob("*.html"):
        named |= {
            form_named(found, ()) for found in re.findall(r'action="(/desk/act/[a-z+/-]+)"', path.read_text())
        }
    assert named <= set(acts()), "a form of no act"
    return named


def marked_as_posted() -> set[str]:
    """What tests say of themselves, and each of them proves (tests/web/conftest.py)."""
    said: set[str] = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.posts":
                said |= {ast.literal_eval(one) for one in node.args}
    return said


def test_every_list_as_a_file(lived_desk: Any) -> None:
    browser = Browser(lived_desk.address)
    browser.enter("zhou")
    for path in START[1:]:
        page = browser.get(path)
        links = re.findall(r'href="(\?[^"]*format=csv[^"]*)"', page.text)
        if links:
            answer = browser.get(path.partition("?")[0] + unescape(links[0]))
            assert answer.status_code == 200, path
            assert answer.headers["content-type"].startswith("text/csv"), path
            assert "attachment" in answer.headers["content-disposition"]


def weight(chromium: Any, path: str, **context: Any) -> dict[str, int]:
    """Address → bytes on the wire, heads included, of everything a browser that keeps nothing loads until the page is at rest."""
    window = chromium.new_context(**context)
    view = window.new_page()
    wire = window.new_cdp_session(view)
    addresses: dict[str, str] = {}
    loaded: dict[str, int] = {}
    wire.on(
        "Network.responseReceived",
        lambda said: addresses.__setitem__(said["requestId"], said["response"]["url"]),
    )
    wire.on(
        "Network.loadingFinished",
        lambda said: loaded.__setitem__(addresses[said["requestId"]], int(said["encodedDataLength"])),
    )
    wire.send("Network.enable")
    view.goto(path)
    view.wait_for_load_state("networkidle")
    window.close()
    return loaded


@pytest.mark.parametrize(
    ("path", "table"), [("received", "evidence"), ("files", "bank_file"), ("orders", "pay_order")]
)
def test_a_list_as_a_file_is_the_whole_list(
    lived_desk: Any, monkeypatch: pytest.MonkeyPatch, path: str, table: str
) -> None:
    """A page shows so many rows; its file holds all of them."""
    with psycopg.connect(lived_desk.url) as admin:
        there = admin.execute(
            f"SELECT count(*) FROM payments.{table} WHERE region = 420100".encode()
        ).fetchall()
    monkeypatch.setattr(payouts, "ROWS", 2)
    browser = Browser(lived_desk.address)
    browser.enter("zhou")
    answer = browser.get(f"/desk/{path}?region=420100&format=csv")
    rows = [row for row in csv.reader(io.StringIO(answer.text)) if len(row) > 5]
    assert [(len(rows) - 1,)] == there, rows[:3]
    assert there[0][0] > 2, "nothing is cut off"
    assert "after=" in browser.get(f"/desk/{path}?region=420100").text


@pytest.mark.judge("chromium")
def test_pages_are_open_to_everybody_and_fit_the_screen(lived_desk: Any) -> None:
    """axe-core finds nothing serious; nothing is cut off at the two screens of the issue; a first page is small on the wire."""
    said = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program_of("chromium"), args=["--no-sandbox"])
        window = chromium.new_context(viewport={"width": 1366, "height": 768}, base_url=lived_desk.address)
        view = window.new_page()
        view.goto("/desk/login")
        said += serious(view, "/desk/login")
        view.fill("[name=user]", "zhou")
        view.fill("[name=password]", PASSWORD)
        view.keyboard.press("Enter")
        view.wait_for_url("**/desk/today")
        for path in ("/desk/login", "/desk/today"):
            loaded = weight(chromium, path, base_url=lived_desk.address, storage_state=window.storage_state())
            assert 50_000 < sum(loaded.values()) < 280_000, (path, loaded)
        for path in (
            *START,
            "/desk/follow?subject=310:100",
            "/desk/rules",
            "/desk/policy",
            "/desk/banks",
            "/desk/findings",
            "/desk/me",
        ):
            view.goto(path)
            said += serious(view, path)
            for width in (1366, 1920):
                view.set_viewport_size({"width": width, "height": 768})
                over = view.evaluate("document.documentElement.scrollWidth - innerWidth")
                said += [f"{path}: {over}px beyond {width}"] if over > 0 else []
        view.evaluate("document.querySelector('main').append(document.createElement('img'))")
        assert [one.split(" ")[1] for one in serious(view, "/desk/me")] == ["image-alt"], (
            "the judge does not judge"
        )
        chromium.close()
    assert said == [], "\n".join(said)


def serious(view: Page, path: str) -> list[str]:
    """What axe-core finds serious or critical on the page."""
    found = Axe().run(view).response["violations"]
    return [
        f"{path}: {one['id']} {one['help']} ({one['nodes'][0]['html'][:120]})"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
