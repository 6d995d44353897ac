"""Every citation leads somewhere: sections of docs/domain, decisions, documents, links; one made up is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.rules.load import load, rulebook
from tests.docs.articles import wrong_citations
from tests.docs.citations import DOMAIN, astray, library, marks
from tests.docs.rooms import ROOT, tracked

HERE = Path("ledger/fund/month/sheet.py")
DOCUMENTS = {
    DOMAIN / "rules.md": marks(
        "# Rules\n\n**[choice]**\n\n## 2 Month\n\n### 2.1 Sums\n\n- **2.1 no. 5** rows\n\n### 2.2 Rest\n\n### 2.3 Last\n\n"
        "### SET The month\n\n| REC, REV | x |\n| X1 | x |\n| X2 | x |\n| X3 | x |\n| 9101 | x |\n\n"
        "## 7A One\n\n## 7B Two\n\n## B2 Faults\n\n- **B2 14** late\n- **B2 15** later\n- B3 no mark\n"
    ),
    Path("docs/architecture.md"): frozenset(),
    Path("docs/adr/0014-whose.md"): frozenset(),
    Path("docs/adr/0015-hand.md"): frozenset(),
}


def test_every_citation_leads_somewhere() -> None:
    documents, lost = library(), []
    for path in tracked("*.py", "*.sql", "*.md"):
        if path == Path("tests/docs/test_citations.py"):
            continue
        text = (ROOT / path).read_text(encoding="utf-8")
        lost += [f"{path}:{one.line}: {one.cited}: {one.missing}" for one in astray(text, path, documents)]
    assert lost == []


def test_the_domain_is_cited() -> None:
    """No document lies in docs/domain that no code, SQL or decision rests on."""
    sources = [
        path for path in tracked("*.py", "*.sql", "*.md") if path.parent not in (DOMAIN, Path("tests/docs"))
    ]
    texts = [(ROOT / path).read_text(encoding="utf-8") for path in sources]
    idle = [
        path.name
        for path in tracked("*.md")
        if path.parent == DOMAIN and not any(path.name in text for text in texts)
    ]
    assert idle == []


@pytest.mark.parametrize(
    "text",
    [
        "(rules.md 2)",
        "rules.md 2 SET, and",
        "(rules.md 2, REV): red",
        "rules.md 2.1 no. 5 and 2.3",
        "rules.md 2.1–2.3.",
        "rules.md X1-X3, 2",
        "rules.md 7A-7B",
        "(rules.md B2 14, 15)",
        "rules.md B2 14–15",
        "`rules.md` 2.2 names",
        "docs/domain/rules.md 7A, INV-08, is",
        "rules.md [choice] lines",
        "rules.md 2, 101号",
        "rules.md (2304/2207)",
        "ADR 14, ADR 15's, ADRs 14 and 15, docs/adr/0015, docs/adr/0014-whose.md",
        "architecture.md 99",
        "https://example.org/none.md 4",
    ],
)
def test_what_leads_somewhere(text: str) -> None:
    assert [one.missing for one in astray(text, HERE, DOCUMENTS)] == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("first\n-- (rules.md 9.9)", "9.9"),
        ("rules.md 2.1, 2.9", "2.9"),
        ("rules.md 2.2–2.4", "2.4"),
        ("rules.md 2.1 no. 6", "2.1 no. 6"),
        ("rules.md 2 CLR", "CLR"),
        ("rules.md X1-X4", "X4"),
        ("rules.md 7A-7C", "7C"),
        ("rules.md 9101", "9101"),
        ("rules.md 14", "14"),
        ("rules.md B2 14, 16", "16"),
        ("rules.md B3", "B3"),
        ("`rules.md` 8", "8"),
        ("(nowhere.md 2)", "nowhere.md"),
        ("see docs/nowhere.md", "docs/nowhere.md"),
        ("ADR 16", "docs/adr/0016"),
        ("ADRs 14 and 99", "docs/adr/0099"),
        ("docs/adr/0016", "docs/adr/0016"),
    ],
)
def test_a_made_up_citation_is_found(text: str, missing: str) -> None:
    found = list(astray(text, HERE, DOCUMENTS))
    assert [(one.line, one.missing) for one in found] == [(text.count("\n") + 1, missing)]


def test_a_broken_link_is_found() -> None:
    documents = library()
    text = (
        "# One\n[there](architecture.md) [here](#one) [not](#two) [gone](adr/none) [web](https://example.org/x)\n"
        "[heading](operations.md#no-such-heading) [decisions](adr)"
    )
    found = [(one.line, one.missing) for one in astray(text, Path("docs/some.md"), documents)]
    assert found == [(2, "#two"), (2, "adr/none"), (3, "#no-such-heading")]


def test_every_rule_cites_a_paragraph_that_books_what_it_books() -> None:
    assert list(wrong_citations(rulebook())) == []


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("4602二（二）,分清", "4602三（二）,分清", "no such paragraph: 财会〔2017〕28号4602三（二）"),
        ("4602二（二）,分清", "4602二（一）,分清", "does not book DEBIT 4602"),
        ("4602二（二）,分清", "4602二（四）,分清", "is not about 4602"),
        ("2001三（五）,付出退汇待付", "2001三（三）,付出退汇待付", "is not about 200104"),
        ("2001三（三）,付给医院", "2001三（二）（三）,付给医院", "is not about 200103"),
        ("4501三（一）,抵扣", "4501三（四）,抵扣", "does not book"),
        ("5001三（一）,零星报销", "5001三（二）,零星报销", "does not book DEBIT"),
        ("1003四（二）、1004三（一）", "1003、1004", "of no known shape"),
        ("湖北即时结算规程第二十五条", "湖北即时结算规程第二十条", "does not book CREDIT 9203"),
        ("清算确认书第4行", "清算确认书第5行", "does not book CREDIT 9302"),
    ],
)
def test_a_wrong_paragraph_is_found(tmp_path: Path, right: str, wrong: str, found: str) -> None:
    for name in ("events.csv", "places.csv", "rules.csv", "closing.csv"):
        text = (ROOT / "ledger/rules/data" / name).read_text(encoding="utf-8")
        assert name != "rules.csv" or right in text
        (tmp_path / name).write_text(text.replace(right, wrong), encoding="utf-8")
    assert any(found in one for one in wrong_citations(load(tmp_path)))
