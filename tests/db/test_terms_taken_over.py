"""A home of 0.2, where one person's word was enough: what it holds is kept, told apart, and no proposal is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.control.checks.fund.terms import check_terms
from ledger.control.snapshot import open_snapshot
from ledger.db.engine import auditor_engine
from ledger.db.migrate import migrate
from ledger.settings import Settings
from tests.db.test_schema import OWNER, admin, as_of_0001, make  # noqa: F401 the fixture

_HOME = """
INSERT INTO fund.region VALUES (420100, '示例市');
INSERT INTO fund.institution SELECT 420100, i, i, '1', '3', 'active', '2026-01-01', '2026-12-31'
  FROM unnest('{H42010000001,H42010000002}'::text[]) AS i;
INSERT INTO fund.enrolment VALUES (420100, 'H42010000001', '2026-01-01', '9999-12-31', 'daily', 'daily', 6000, 9500),
    (420100, 'H42010000001', '2026-10-01', '9999-12-31', 'daily', 'daily', 5500, 9500),
    (420100, 'H42010000002', '2026-01-01', '9999-12-31', 'daily', 'daily', 10000, 9500);
INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, confirmed_by) VALUES
    (420100, 'H42010000001', 1, 'x', '62001', 'b', '102521000001', 'confirmed', 'zhao', 'qian'),
    (420100, 'H42010000001', 2, 'x', '62002', 'b', '102521000001', 'proposed', 'zhao', ''),
    (420100, 'H42010000001', 3, 'x', '62003', 'b', '102521000001', 'proposed', 'zhao', '');
INSERT INTO fund.region_policy VALUES (420100, 'receipt_days', '2026-01-01', '10', '文', 'li');
INSERT INTO fund.payable (region, fund, setl_id, subfund, institution, service_year, term, category, day, fund_fen, daily_fen, ratio)
VALUES (420100, 310, 'A', 'pool', 'H42010000001', 2026, 202610, 'inpatient', '2026-10-12', 1000, 550, 5500),
       (420100, 310, 'B', 'pool', 'H42010000002', 2026, 202610, 'inpatient', '2026-10-12', 1000, 600, 6000);
INSERT INTO fund.record SELECT x.* FROM unnest('{A,B}'::text[]) AS s, jsonb_populate_record(NULL::fund.record,
    (SELECT jsonb_object_agg(column_name, CASE data_type WHEN 'text' THEN to_jsonb(''::text) WHEN 'bytea' THEN to_jsonb(sha256(''))
            WHEN 'timestamp without time zone' THEN to_jsonb('2026-10-12 09:00'::text) ELSE to_jsonb(0) END)
       FROM information_schema.columns WHERE table_schema = 'fund' AND table_name = 'record')
    || jsonb_build_object('region', 420100, 'setl_id', s, 'med_type', '21')) AS x;
"""


def found(settings: Settings) -> set[tuple[str, str]]:
    engine = auditor_engine(settings)
    with open_snapshot(engine, settings.home, []) as snapshot:
        seen = {(one.promise, one.entry) for one in check_terms(snapshot)}
    engine.dispose()
    return seen


def test_what_one_person_set_is_taken_over_as_what_it_is(make: Callable[[str], Settings]) -> None:  # noqa: F811
    settings = make("old")
    as_of_0001(settings)
    with admin(settings) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(_HOME.encode())
    migrate(settings)

    def asked(sql: str) -> list[Any]:
        with admin(settings) as connection:
            return connection.execute(sql.encode()).fetchall()

    assert asked(
        "SELECT institution, from_day::text, to_day::text, version FROM fund.enrolment ORDER BY 1, 2"
    ) == [
        ("H42010000001", "2026-01-01", "2026-09-30", 1),
        ("H42010000001", "2026-10-01", "9999-12-31", 2),
        ("H42010000002", "2026-01-01", "9999-12-31", 1),
    ]
    assert asked("SELECT DISTINCT state, confirmed_by FROM fund.terms") == [("taken_over", "system:0.2")]
    assert asked("SELECT institution, version FROM fund.terms WHERE reason <> ''") == [("H42010000002", 1)]
    assert asked("SELECT DISTINCT name FROM fund.terms") == [
        (None,)
    ]  # one person's word, and nobody confirmed it since
    assert asked("SELECT version, state FROM fund.payee_account ORDER BY 1") == [
        (1, "confirmed"),
        (2, "withdrawn"),
        (3, "proposed"),
    ]
    assert asked("SELECT confirmed_by FROM fund.region_policy") == [("system:0.2",)]
    assert found(settings) == set()
    with admin(settings) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE fund.payable SET ratio = 5000, daily_fen = 500 WHERE setl_id = 'A'")
    assert found(settings) == {("INV-11", "payable A")}
