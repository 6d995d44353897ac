"""One registry of codes, held both ways against Python and SQL: nothing is refused that it does not explain, and it explains
nothing that nobody refuses."""

from __future__ import annotations

import re

import pytest

from ledger.core.errors import NotFound
from ledger.core.refusals import STATUS, WORDS, explain, registry
from tests.core.raised import Found, python_sites
from tests.core.raised_sql import sql_sites
from tests.docs.rooms import ROOT, house, tracked

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def python() -> Found:
    return python_sites({str(path): (ROOT / path).read_text(encoding="utf-8") for path in house()})


@pytest.fixture(scope="module")
def sql() -> Found:
    files = [path for path in tracked("ledger/db/sql/*.sql") if path.suffix == ".sql"]
    return sql_sites({str(path): (ROOT / path).read_text(encoding="utf-8") for path in files})


def test_every_place_that_refuses_could_be_followed(python: Found, sql: Found) -> None:
    assert (python.unclear, sql.unclear) == ([], [])
    assert len(python.kinds) > 400
    assert len(sql.kinds) > 150


def test_what_is_refused_is_explained(python: Found, sql: Found) -> None:
    missing = {site.code: site.where for site in (*python.sites, *sql.sites) if site.code not in registry()}
    assert missing == {}


def test_what_is_explained_is_refused_somewhere(python: Found, sql: Found) -> None:
    assert set(registry()) - set(python.kinds) - set(sql.kinds) == set()


def test_kinds_are_those_of_the_places(python: Found, sql: Found) -> None:
    raised = {
        code: python.kinds.get(code, frozenset()) | sql.kinds.get(code, frozenset())
        for code in (*python.kinds, *sql.kinds)
    }
    differ = {
        code: (found.kinds, sorted(raised[code]))
        for code, found in registry().items()
        if set(found.kinds) != raised.get(code)
    }
    assert differ == {}


def test_every_code_has_a_sentence_a_rule_and_known_kinds() -> None:
    for found in registry().values():
        assert CHINESE.search(found.sentence), found.code
        assert CHINESE.search(found.rule), found.code
        assert set(found.kinds) <= set(STATUS) == set(WORDS), found.code


def test_no_code_stands_twice() -> None:
    lines = [
        line.split("\t")[0]
        for path in tracked("ledger/core/refusals/*.tsv")
        for line in (ROOT / path).read_text(encoding="utf-8").splitlines()[1:]
    ]
    assert len(lines) == len(set(lines)) == len(registry())


def test_a_made_up_refusal_would_be_found() -> None:
    errors = (ROOT / "ledger/core/errors.py").read_text(encoding="utf-8")
    found = python_sites({"e.py": errors, "x.py": 'def f():\n    raise InvalidInput("no.such", "没有")\n'})
    assert "no.such" in found.kinds
    assert sql_sites(
        {"x.sql": "RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'no.such', DETAIL = 'x';"}
    ).kinds == {"no.such": frozenset({"Conflict"})}


def test_an_unknown_code_is_refused_and_near_ones_are_named() -> None:
    with pytest.raises(NotFound) as refusal:
        explain("batch.same_persn")
    assert refusal.value.code == "codes.unknown"
    assert "batch.same_person" in refusal.value.message
