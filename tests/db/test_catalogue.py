"""The schema keeps the rules that let regions be spread over machines, and the guards stand on every table."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.db.logins import ROLES

SCHEMAS = "('access', 'books', 'fund', 'payments')"
REFERENCE = {
    "access.app_user", "access.role", "access.incompatible", "access.api_key", "access.home", "access.refused_login",
    "access.identity", "access.link", "access.login_place", "access.password", "access.session",
    "fund.policy_key", "payments.receipt_kind", "fund.clearing_target",
    "fund.finding_transition", "fund.declaration_transition",    "fund.calendar_year", "fund.calendar_day", "payments.state", "payments.transition",
}  # fmt: skip
"""Tables every region shares: directories and dictionaries, none of which points to a region's table."""

UNGUARDED = {
    "access.app_user": "no right to write it is granted: access.decide() does, by two administrators",
    "access.api_key": "likewise: access.decide() and access.revoke_keys()",
    "fund.region": "may be inserted by a set-up and never changed: no right to is granted",
}
"""Tables that nothing guards but their grants, each with its reason."""

TABLES = f"""
    SELECT c.oid, c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN {SCHEMAS} AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""


@pytest.fixture(scope="module")
def catalogue(cluster: Any, request: pytest.FixtureRequest) -> Any:
    """The template's catalogue with one month's partitions; everything is rolled back."""
    name = f"catalogue_{id(request)}"
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE fundledger STRATEGY FILE_COPY")
    with psycopg.connect(cluster.admin_url(name)) as connection:
        connection.execute("SELECT books.make_partitions(202610)")
        yield connection
        connection.rollback()
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def names(catalogue: psycopg.Connection, query: str) -> list[Any]:
    return [row[0] if len(row) == 1 else row for row in catalogue.execute(query).fetchall()]


def test_every_table_is_a_regions_or_on_the_list_of_reference(catalogue: psycopg.Connection) -> None:
    without = names(
        catalogue,
        f"SELECT name FROM ({TABLES}) t WHERE NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid"
        " AND a.attname = 'region' AND a.attnotnull AND a.atttypid = 'integer'::regtype AND a.attnum = 1)",
    )
    assert set(without) <= REFERENCE
    assert len(names(catalogue, TABLES)) > 30


def unprotected(connection: psycopg.Connection) -> list[str]:
    """Tables that lack what every table has: a region (or a place on the list), row security with it, a guard, rights."""
    found = connection.execute(
        f"""SELECT t.name,
                   EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'region' AND a.attnotnull),
                   (SELECT relrowsecurity FROM pg_class WHERE oid = t.oid)
                       AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = 'scope'),
                   EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal),
                   has_table_privilege('fundledger_service', t.oid, 'SELECT')
                       OR has_any_column_privilege('fundledger_service', t.oid, 'SELECT')
              FROM ({TABLES}) t"""
    ).fetchall()
    return [
        name
        for name, region, secured, guarded, granted in found
        if not (region or name in REFERENCE)
        or (region and not secured)
        or not (guarded or name in UNGUARDED)
        or not granted
    ]


def test_no_table_is_without_region_row_security_guards_and_rights(catalogue: psycopg.Connection) -> None:
    assert unprotected(catalogue) == []


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE fund.loose (word text PRIMARY KEY)",
        "CREATE TABLE fund.loose (region integer NOT NULL, word text, PRIMARY KEY (region, word))",
    ],
)
def test_a_table_added_without_them_is_refused(catalogue: psycopg.Connection, table: str) -> None:
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(table)
        assert unprotected(catalogue) == ["fund.loose"]


def test_region_comes_first_in_every_unique_key(catalogue: psycopg.Connection) -> None:
    assert not names(
        catalogue,
        f"SELECT i.indexrelid::regclass FROM pg_index i JOIN ({TABLES}) t ON t.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'region'"
        " WHERE i.indisunique AND i.indkey[0] <> a.attnum",
    )
    assert not names(
        catalogue,
        f"SELECT name FROM ({TABLES}) t WHERE NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)",
    )


def test_fund_comes_second_in_every_key_of_the_journal_that_has_it(catalogue: psycopg.Connection) -> None:
    assert not names(
        catalogue,
        "SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_attribute f ON f.attrelid = c.oid AND f.attname = 'fund'"
        " WHERE c.relnamespace = 'books'::regnamespace AND i.indisunique AND i.indkey[1] <> f.attnum",
    )


def test_foreign_keys_stay_within_a_region(catalogue: psycopg.Connection) -> None:
    keys = catalogue.execute(
        """
        SELECT k.conname, t.oid::regclass::text, f.oid::regclass::text, k.confdeltype, k.confupdtype,
               (SELECT attnum FROM pg_attribute WHERE attrelid = t.oid AND attname = 'region') = k.conkey[1],
               (SELECT attnum FROM pg_attribute WHERE attrelid = f.oid AND attname = 'region') = k.confkey[1]
          FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
          JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE k.contype = 'f' AND n.nspname IN ('access', 'books', 'fund', 'payments')
        """
    ).fetchall()
    assert keys
    for name, table, target, on_delete, on_update, here, there in keys:
        assert (on_delete, on_update) == ("a", "a"), name
        if target in REFERENCE:
            continue
        assert table not in REFERENCE, name
        assert here, name
        assert there, name


def test_there_are_no_rules_or_second_level_partitions(catalogue: psycopg.Connection) -> None:
    assert not names(
        catalogue,
        f"SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE n.nspname IN {SCHEMAS} AND (c.relkind = 'm' OR c.relkind = 'p' AND c.relispartition"
        " OR c.relkind <> 'v' AND c.relhasrules)",
    )


def test_views_show_no_more_than_the_asker_may_see(catalogue: psycopg.Connection) -> None:
    """A plain view reads as its owner, past row security."""
    assert not names(
        catalogue,
        f"SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE n.nspname IN {SCHEMAS} AND c.relkind = 'v' AND NOT coalesce(c.reloptions::text LIKE '%security_invoker=true%', false)",
    )


@pytest.mark.fault(60)
def test_row_security_stands_on_every_regions_table(catalogue: psycopg.Connection) -> None:
    assert not names(
        catalogue,
        f"SELECT name FROM ({TABLES}) t JOIN pg_class c ON c.oid = t.oid"
        " WHERE EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'region')"
        " AND (NOT c.relrowsecurity OR (SELECT count(*) FROM pg_policy p WHERE p.polrelid = t.oid AND p.polpermissive) <> 3)",
    )
    loose = names(
        catalogue,
        "SELECT DISTINCT p.polrelid::regclass::text FROM pg_policy p WHERE 'fundledger_service'::regrole = ANY (p.polroles)"
        " AND p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%access.region()%'",
    )
    assert loose == []


def test_partitions_have_guards_and_nobody_is_granted_them(catalogue: psycopg.Connection) -> None:
    partitions = names(
        catalogue,
        "SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r' AND relnamespace = 'books'::regnamespace"
        " ORDER BY 1",
    )
    assert partitions == ["books.entry_202610", "books.posting_202610"]
    for table in partitions:
        triggers = names(
            catalogue, f"SELECT tgname FROM pg_trigger WHERE tgrelid = '{table}'::regclass ORDER BY 1"
        )
        assert triggers == ["frozen", "one_door"]
        for role in (
            "fundledger_service",
            "fundledger_auditor",
            "fundledger_poster",
            "fundledger_intake",
            "fundledger_books",
            "fundledger_payments",
            "fundledger_read",
            "public",
        ):
            granted = catalogue.execute(
                "SELECT bool_or(has_table_privilege(%s, %s, p)) FROM unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p",
                [role, table],
            ).fetchone()
            assert granted == (False,), (table, role)


def test_the_service_and_the_auditor_write_no_journal(catalogue: psycopg.Connection) -> None:
    for role in ROLES.values():
        assert not names(
            catalogue,
            "SELECT c.oid::regclass, p FROM pg_class c, unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])"
            f" AS p WHERE c.relnamespace = 'books'::regnamespace AND c.relkind IN ('r', 'p') AND (has_table_privilege('{role}', c.oid, p)"
            f" OR p IN ('INSERT', 'UPDATE') AND has_any_column_privilege('{role}', c.oid, p))",
        )


def test_definer_functions_fix_their_search_path_with_temp_last(catalogue: psycopg.Connection) -> None:
    functions = catalogue.execute(
        f"SELECT p.oid::regprocedure::text, p.prosecdef, p.proconfig, p.proowner::regrole::text,"
        f" has_function_privilege('public', p.oid, 'EXECUTE') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        f" WHERE n.nspname IN {SCHEMAS}"
    ).fetchall()
    assert len(functions) > 30
    for name, definer, config, owner, public in functions:
        assert not public, name
        assert owner in ("fundledger_owner", "fundledger_poster"), name
        if definer or owner == "fundledger_poster":
            assert "search_path=pg_catalog, pg_temp" in (config or []), name


def test_the_doors_of_the_journal_are_these(catalogue: psycopg.Connection) -> None:
    """A new function the service may call on the journal is a new door: name it here, and try it in tests/books."""
    doors = names(
        catalogue,
        "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'books'::regnamespace"
        " AND has_function_privilege('fundledger_service', oid, 'EXECUTE')",
    )
    assert set(doors) <= {
        *("stage", "prepare", "post", "open_period", "open_book", "rebuild_balances"),
        *(
            "begin_close",
            "record_check",
            "show_close",
            "require_confirmable",
            "confirm_close",
            "withdraw_close",
        ),
        *("waived", "ask_waiver", "grant_waiver", "ask_reopen", "reopen_period", "seal_period"),
        *(
            "draft_voucher",
            "decide_voucher",
            "attach_file",
            "import_vouchers",
            "approve_vouchers",
            "beside_papers",
        ),
        *(
            "attachments_digest",
            "shown_digest",
            "list_digest",
            "own_banks",
            "known_parties",
        ),  # read what is shown, write nothing
        *("propose_recurrence", "decide_recurrence", "note_due", "is_due"),
        *("propose_template", "decide_template"),
        *(
            "index_entries",
            "forget_search",
            "found_by_words",
            "found_by_amount",
            "found_by_paper",
        ),  # tests/reports/books/test_search.py
        *("propose_account", "decide_account"),
        "closing_text",  # what a chief confirms, as text: of the row that is handed in
        "outer_day",  # a bound of days named by hand: it reads a book's opening and its last block
        "entry_kind",  # reads nothing: the kind an event's entries are of
        # these answer and write nothing: what a hand-written voucher may do, how an entry stands to correction
        *(
            "own_way",
            "red_refusal",
            "rule_only",
            "hand_money",
            "voucher_stands",
            "key_reversed",
            "awaiting",
            "find_papers",
            "find_lines",
        ),
    }


@pytest.mark.fault(65)
def test_no_working_role_is_more_than_a_login(catalogue: psycopg.Connection) -> None:
    assert not names(
        catalogue,
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'fundledger_%' AND rolname <> 'fundledger_admin'"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
    )
    assert not names(
        catalogue,
        "SELECT m.member::regrole FROM pg_auth_members m WHERE m.member::regrole::text = ANY"
        f" ('{{fundledger_poster,{','.join(ROLES.values())}}}')",
    )
