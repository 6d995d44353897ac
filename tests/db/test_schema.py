"""The schema has an identity, one readable present, and revisions that bring a home to it whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.core.errors import Conflict, InFlight, LedgerError
from ledger.db import identity, present
from ledger.db import migrate as migrations
from ledger.db.cluster import DATABASE
from ledger.db.engine import service_engine
from ledger.db.fingerprint import FROZEN, fingerprint
from ledger.db.identity import carried, require_current, revisions, script_location, stored
from ledger.db.migrate import judge, migrate, plan
from ledger.db.roles import prepare
from ledger.db.statements import split, statements
from ledger.settings import Settings
from ledger.simulation.people import found_demo
from tests.db.catalogue import build_present, differences, run, whole
from tests.scenes.databases import copy_database

R0001 = "48eacf17602c0909b4c2009e800523fe2f246b46ecb727b1bfbb899f6dceda1f"
OWNER = "SET LOCAL ROLE fundledger_owner"


@pytest.fixture
def make(cluster: Any, new_database_name: str) -> Iterator[Callable[..., Settings]]:
    """Settings of an empty database with its roles, or of one that is migrated; dropped afterwards."""
    made: list[str] = []

    def named(kind: str, *, migrated: bool = False) -> Settings:
        name = f"{new_database_name}_{kind}"
        made.append(name)
        if migrated:
            return Settings(home=cluster.home, database_url=copy_database(cluster, DATABASE, name))
        settings = Settings(home=cluster.home, database_url=cluster.admin_url(name))
        prepare(settings)
        return settings

    yield named
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        for name in made:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def admin(settings: Settings) -> psycopg.Connection[Any]:
    return psycopg.connect(str(settings.database_url))


def frozen_files() -> list[Path]:
    return sorted((script_location() / "versions" / "r0001").glob("*.sql"))


def as_of_0001(settings: Settings) -> None:
    """A home as the builds before identities left it: revision 0001, its schema, nothing else."""
    with admin(settings) as connection:
        connection.execute("CREATE SCHEMA meta AUTHORIZATION fundledger_owner")
        connection.execute("GRANT USAGE ON SCHEMA meta TO fundledger_service, fundledger_auditor")
        connection.execute(OWNER)
        run(connection, [path.read_text(encoding="utf-8") for path in frozen_files()])
        run(
            connection,
            [
                "CREATE TABLE meta.alembic_version (version_num text PRIMARY KEY)",
                "INSERT INTO meta.alembic_version VALUES ('0001')",
                "GRANT SELECT ON meta.alembic_version TO fundledger_service, fundledger_auditor",
            ],
        )


# --- one schema, two ways to it ------------------------------------------------


def test_the_first_revision_is_never_edited() -> None:
    digest = sha256()
    for path in frozen_files():
        digest.update(path.name.encode() + path.read_bytes())
    assert (len(frozen_files()), digest.hexdigest()) == (25, R0001)


def test_the_revisions_and_the_readable_present_make_the_same_schema(make: Any) -> None:
    by_revision, by_present = make("revisions"), make("present")
    migrate(by_revision)
    with admin(by_revision) as one, admin(by_present) as other:
        other.execute("CREATE SCHEMA meta AUTHORIZATION fundledger_owner")
        other.execute(OWNER)
        build_present(other)
        assert differences(whole(one), whole(other)) == []


def test_a_difference_would_be_found(make: Any) -> None:
    settings = make("one", migrated=True)
    with admin(settings) as connection:
        before = whole(connection)
        for change in (
            "ALTER TABLE fund.region ADD COLUMN extra text",
            "DROP TRIGGER frozen ON payments.batch",
            "GRANT DELETE ON fund.record TO fundledger_service",
            "GRANT UPDATE (name) ON fund.region TO fundledger_service",
            "DROP POLICY scope ON fund.record",
            "ALTER FUNCTION fund.share OWNER TO fundledger_poster",
            "ALTER TABLE payments.state DISABLE TRIGGER USER; UPDATE payments.state SET display_name = 'x' WHERE state = 'draft'",
            "ALTER TABLE fund.record DISABLE TRIGGER frozen",
        ):
            with connection.transaction(force_rollback=True):
                if change.startswith("ALTER FUNCTION"):
                    connection.execute("GRANT CREATE ON SCHEMA fund TO fundledger_poster")
                connection.execute(change.encode())
                assert differences(before, whole(connection)), change


def test_every_statement_of_the_present_is_told_apart() -> None:
    kinds = [(s.kind, s.name) for s in present.present()]
    named = [key for key in kinds if key[1]]
    assert len(named) == len(set(named))
    assert sum(kind == "function" for kind, _ in kinds) > 140
    assert not [name for kind, name in kinds if kind == "trigger" and name.endswith("ON ")]


def test_statements_end_where_they_end() -> None:
    text = "-- a; b\nSELECT ';', $x$ ; $x$, \"a;b\" /* ; */;\nCREATE OR REPLACE FUNCTION a.b() RETURNS int AS $$;$$;"
    assert len(list(split(text))) == 2
    assert [(s.kind, s.name) for s in statements(text)] == [("once", ""), ("function", "a.b")]


# --- the step after every revision ---------------------------------------------


def test_the_step_puts_right_what_was_changed_beside_it(make: Any) -> None:
    settings = make("one", migrated=True)
    with admin(settings) as connection:
        right = whole(connection)
        run(
            connection,
            [
                "CREATE TRIGGER stray BEFORE INSERT ON fund.record FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()",
                "CREATE FUNCTION fund.stray() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "GRANT ALL ON ALL TABLES IN SCHEMA fund TO fundledger_service",
                "CREATE POLICY more ON fund.record TO fundledger_service USING (true)",
                "ALTER TABLE fund.record DISABLE ROW LEVEL SECURITY",
            ],
        )
        assert differences(right, whole(connection))
        connection.execute(OWNER)
        step = present.apply(connection)
        assert (step.replaced, sorted(step.removed)) == ([], ["fund.stray", "stray ON fund.record"])
        assert differences(right, whole(connection)) == []


def test_a_function_with_the_arguments_of_an_earlier_release_goes(make: Any) -> None:
    """Left beside today's, a call with fewer arguments would mean either, and `verify` names it as nobody's."""
    settings = make("one", migrated=True)
    with admin(settings) as connection:
        right = whole(connection)
        connection.execute(OWNER)
        old = "access.has_signed(p_region integer, p_act text, p_object text, p_digest text)"
        connection.execute(f"CREATE FUNCTION {old} RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        connection.execute(
            "CREATE FUNCTION access.has_signed(p text) RETURNS boolean LANGUAGE sql AS 'SELECT true'"
        )
        assert present.plan(connection, present.present()).removed == ["access.has_signed"]
        step = present.apply(connection)
        assert (step.replaced, step.removed) == ([], ["access.has_signed"])
        assert differences(right, whole(connection)) == []
        assert present.plan(connection, present.present()).removed == []


def test_a_function_of_another_text_is_replaced_and_no_other(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make("one", migrated=True)
    another_build(tmp_path, monkeypatch)
    found = plan(settings)
    assert (found.needed, found.revisions, found.replaced) == (True, (), ("access.person",))
    assert migrate(settings).replaced == ("access.person",)
    assert not migrate(settings).needed


# --- whose schema it is ----------------------------------------------------------


def another_build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program as another build would be: one function of the present says the same in other words."""
    copied = folder / "sql"
    shutil.copytree(identity.PRESENT, copied)
    access = copied / "access.sql"
    text = access.read_text(encoding="utf-8")
    old = "SELECT person FROM access.app_user WHERE user_name = p_user"
    assert old in text
    access.write_text(text.replace(old, old.replace("SELECT person", "SELECT  person")), encoding="utf-8")
    monkeypatch.setattr(identity, "PRESENT", copied)
    carried.cache_clear()
    monkeypatch.setattr(identity, "carried", carried.__wrapped__)
    monkeypatch.setattr(migrations, "carried", carried.__wrapped__)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    carried.cache_clear()


@pytest.mark.fault(23)
def test_another_build_s_schema_is_refused_at_every_start(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_build(tmp_path, monkeypatch)
    with pytest.raises(Conflict) as refusal:
        require_current(database.service_engine)
    assert refusal.value.code == "db.other_build"
    assert "fundledger db migrate" in refusal.value.message


def test_a_home_newer_than_the_program_is_refused_and_left_alone(database: Any) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("UPDATE meta.schema_identity SET revision = '9999', version = '9.9'")
    for act in (lambda: require_current(database.service_engine), lambda: migrate(database.settings)):
        with pytest.raises(Conflict) as refusal:
            act()
        assert (refusal.value.code, "9.9" in refusal.value.message) == ("db.newer", True)
    assert stored(database.service_engine).revision == "9999"


def test_a_home_of_the_build_before_is_taken_over(make: Any) -> None:
    settings = make("old")
    as_of_0001(settings)
    engine = service_engine(settings)
    with pytest.raises(LedgerError, match="not_migrated"):
        require_current(engine)
    assert migrate(settings).have == identity.Identity("0001", "")
    require_current(engine)
    engine.dispose()
    other = make("new")
    migrate(other)
    with admin(settings) as one, admin(other) as two:
        assert differences(whole(one), whole(two)) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE fund.record DROP COLUMN details CASCADE",
        "DROP TRIGGER frozen ON payments.batch",
        "ALTER TABLE payments.evidence DROP CONSTRAINT evidence_amount_fen_check",
        "DROP INDEX payments.evidence_movement",
        "CREATE OR REPLACE FUNCTION fund.may_bring_in() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    ],
)
def test_a_home_of_an_unknown_build_is_refused_and_left_alone(make: Any, change: str) -> None:
    settings = make("unknown")
    as_of_0001(settings)
    with admin(settings) as connection:
        connection.execute(change.encode())
    with admin(settings) as connection:
        before = whole(connection)
    with pytest.raises(Conflict) as refusal:
        migrate(settings)
    assert (refusal.value.code, "未作任何改动" in refusal.value.message) == ("db.unknown_build", True)
    with admin(settings) as connection:
        assert differences(before, whole(connection)) == []
        assert connection.execute("SELECT to_regclass('meta.schema_identity')").fetchone() == (None,)


def test_the_frozen_schema_has_its_fingerprint_on_this_server(make: Any) -> None:
    settings = make("frozen")
    as_of_0001(settings)
    with admin(settings) as connection:
        assert fingerprint(connection) == FROZEN


# --- whole or not at all -----------------------------------------------------------


def later_release(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program one revision further: a table with a guard of its own, in the revision and in the present."""
    versions = folder / "alembic" / "versions"
    shutil.copytree(script_location(), folder / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    copied = folder / "sql"
    shutil.copytree(identity.PRESENT, copied)
    table = (
        "CREATE TABLE fund.later (region integer NOT NULL, word text NOT NULL, PRIMARY KEY (region, word));\n"
    )
    number = f"{int(revisions()[-1]) + 1:04d}"
    (versions / f"r{number}").mkdir()
    (versions / f"r{number}" / "later.sql").write_text(
        table + "INSERT INTO fund.later VALUES (1, 'a');\nALTER TABLE fund.later ADD CHECK (region > 0);\n"
    )
    (versions / f"r{number}" / f"{number}_later_made.py").write_text(
        "from alembic import op\nfrom ledger.db.migrate import run_folder\n"
        f"revision = {number!r}\ndown_revision = {revisions()[-1]!r}\n"
        f"def upgrade():\n    run_folder(op.get_bind(), 'r{number}')\n"
    )
    (copied / "later.sql").write_text(
        table
        + "CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.later\n"
        + "    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();\n"
        + "GRANT SELECT ON fund.later TO fundledger_service, fundledger_auditor;\n"
    )
    monkeypatch.setattr(identity, "PRESENT", copied)
    monkeypatch.setattr(identity, "script_location", lambda: folder / "alembic")
    monkeypatch.setattr(migrations, "script_location", lambda: folder / "alembic")
    carried.cache_clear()


class Dying(psycopg.Connection[Any]):
    """A connection whose server process is killed before its n-th statement."""

    left = -1

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        if Dying.left == 0:
            with psycopg.connect(self.info.dsn, password=self.info.password, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [self.info.backend_pid])
        Dying.left -= 1
        return super().execute(query, *args, **options)


@pytest.mark.fault(23)
@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_any_statement_it_is_as_before_and_then_whole(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """The default group kills before every twentieth statement, beginning with another one each day; the long group before all."""
    settings = make("killed", migrated=True)
    with admin(settings) as connection:
        before = whole(connection)
    later_release(tmp_path, monkeypatch)
    # every statement of the upgrade goes through the driver's own connection
    driver_of = migrations.driver_of

    def dying(connection: Any) -> Any:
        driver = driver_of(connection)
        driver.__class__ = Dying
        return driver

    monkeypatch.setattr(migrations, "driver_of", dying)
    survived = 0
    for number in range(2 + datetime.now(UTC).toordinal() % every, 400, every):
        Dying.left = number
        try:
            done = migrate(settings)
        except Exception:  # noqa: BLE001 however the loss of the server shows
            survived = number
            with admin(settings) as connection:
                assert differences(before, whole(connection)) == [], number
            continue
        break
    assert done.needed
    assert survived > 10
    Dying.left = -1
    assert not migrate(settings).needed
    with admin(settings) as connection:
        assert connection.execute("SELECT word FROM fund.later").fetchall() == [("a",)]
        assert connection.execute(
            "SELECT relrowsecurity FROM pg_class WHERE oid = 'fund.later'::regclass"
        ).fetchone() == (True,)


def test_a_lock_that_cannot_be_had_is_said_and_nothing_is_changed(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make("locked", migrated=True)
    later_release(tmp_path, monkeypatch)
    monkeypatch.setattr(migrations, "LOCK_WAIT", "200ms")
    with admin(settings) as busy:
        busy.execute("LOCK TABLE payments.pay_order IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(InFlight) as refusal:
            migrate(settings)
    assert refusal.value.code == "db.locked"
    with admin(settings) as connection:
        assert connection.execute("SELECT to_regclass('fund.later')").fetchone() == (None,)
    assert migrate(settings).needed


def test_what_is_told_before_can_call_it_off(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make("off", migrated=True)
    later_release(tmp_path, monkeypatch)

    def no(found: Any) -> None:
        assert found.revisions
        raise RuntimeError("no backup could be had")

    with pytest.raises(RuntimeError):
        migrate(settings, before=no)
    with admin(settings) as connection:
        assert connection.execute("SELECT to_regclass('fund.later')").fetchone() == (None,)


def test_a_judgement_touches_nothing(make: Any) -> None:
    settings = make("empty")
    from ledger.db.engine import admin_engine

    engine = admin_engine(settings)
    with engine.connect() as connection:
        assert judge(connection) is None
    engine.dispose()


def test_a_home_with_books_is_upgraded_by_nobody_but_db_migrate(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set-up and the demo begin homes; over one that holds books they point to the command that backs it up."""
    later_release(tmp_path, monkeypatch)
    with pytest.raises(LedgerError) as refusal:
        found_demo(world.settings, date(2026, 10, 1))
    assert (refusal.value.code, "db migrate" in refusal.value.message) == ("db.not_migrated", True)
    with admin(world.settings) as connection:
        assert connection.execute("SELECT to_regclass('fund.later')").fetchone() == (None,)
