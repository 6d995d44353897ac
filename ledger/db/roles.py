"""The database, its nine roles and who may enter: made before any migration runs, and repaired by every run.

`fundledger_admin` (or DATABASE_URL's user) administers. `fundledger_owner` owns every object and
`fundledger_poster` the posting functions; neither can log in. `fundledger_service` and `fundledger_auditor` log in, and,
where logins are split by post, `fundledger_intake` (brings records in), `fundledger_books` (keeps the books), `fundledger_payments`
(pays) and `fundledger_read` (looks).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from ledger.core.errors import Conflict, Unavailable
from ledger.db.engine import admin_url, login_url
from ledger.db.logins import CONNECTIONS, OWNER, ROLES, login_password
from ledger.db.passwords import Passwords, Working
from ledger.db.urls import connection_refusal, libpq_url
from ledger.settings import Settings

LOCK: Final = 4_702_111_120_001  # any fixed number: the name of the one lock migrations of a database take
POSTER: Final = "fundledger_poster"
_LOGINS: Final[tuple[Working, ...]] = ("service", "auditor", "intake", "books", "payments", "read")

# Of PostgreSQL's own functions those that make, read or write large objects, and those that take advisory locks, while PUBLIC has them.
_FEW: Final = r"""
    SELECT p.oid::regprocedure::text, p.proname ~ 'advisory' FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(lo_.+|loread|lowrite|pg_(try_)?advisory_(xact_)?lock(_shared)?)$'
       AND EXISTS (SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
       AND pg_has_role(p.proowner, 'USAGE')
     ORDER BY 1"""
_LOCKING: Final = "fundledger_owner, fundledger_poster, fundledger_service, fundledger_intake, fundledger_books, fundledger_payments"

_OPTIONAL: Final[tuple[Working, ...]] = ("intake", "books", "payments", "read")


def prepare(settings: Settings, dbname: str | None = None) -> None:
    """Make database and roles where missing, give the logins their passwords, and shut the public out.

    On a server that is not ours a login that exists keeps its password: another home may live by it.
    Raises Conflict `db.role_taken` when ours does not open it, Unavailable `db.connect`.
    """
    url = admin_url(settings, dbname)
    _ensure_database(url)
    with psycopg.connect(libpq_url(url), autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # until this connection closes
        for role in (OWNER, POSTER):
            _create_role(admin, role, None)
        existing = [login for login in _LOGINS if not _create_login(admin, settings, login)]
        grant_database(admin)
        _grant_memberships(admin)
        _limit(admin)
        for login in existing:
            _check_login(admin, settings, login, url)


def grant_database(admin: psycopg.Connection) -> None:
    """Who may do what with the database `admin` (in autocommit) is connected to."""
    grant_on(admin, admin.info.dbname)
    admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    _keep_to_few(admin)
    _show_entrances(admin)


def grant_on(admin: psycopg.Connection, dbname: str) -> None:
    """Who may do what with a database as a whole, said from any other of its server.

    Such grants belong to the database itself and are not copied into a clone, so clones call this too.
    """
    name = sql.Identifier(dbname)
    for statement in (
        "REVOKE ALL ON DATABASE {} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {} TO fundledger_service, fundledger_poster, fundledger_intake,"
        " fundledger_books, fundledger_payments",
        "GRANT CONNECT ON DATABASE {} TO fundledger_auditor, fundledger_read",
        "GRANT CREATE, TEMPORARY ON DATABASE {} TO fundledger_owner",
    ):
        admin.execute(sql.SQL(statement).format(name))


def _keep_to_few(admin: psycopg.Connection) -> None:
    """Large objects nobody makes; locks by number only those take whose acts hold some: who only reads stops nobody by one.

    On a server whose catalogue is another's (the administrator is no superuser) nothing changes.
    """
    found = admin.execute(_FEW).fetchall()
    for function, locks in found:
        name = sql.SQL(function)
        with admin.transaction():
            admin.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(name))
            if locks:
                admin.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(name, sql.SQL(_LOCKING)))


def _show_entrances(admin: psycopg.Connection) -> None:
    """The auditor sees who may enter the server, where the administrator may let it: `verify` says where it may not."""
    with suppress(psycopg.errors.InsufficientPrivilege):
        admin.execute("GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO fundledger_auditor")


def _limit(admin: psycopg.Connection) -> None:
    """No login uses up the server alone. Roles are the whole server's: another home's migration may do the same in this moment."""
    for login, most in CONNECTIONS.items():
        role = ROLES[login]
        row = admin.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        if row == (most,):
            continue
        limited = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(role), sql.Literal(most))
        # no right to it where another administrator made the roles: verify says what is missing
        with suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.InternalError_):
            admin.execute(limited)


def _grant_memberships(admin: psycopg.Connection) -> None:
    """The owner hands the posting functions over to the poster, and migrations become the owner: members only."""
    wanted = [(POSTER, OWNER)]
    row = admin.execute("SELECT rolsuper, current_user FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is not None and not row[0]:
        wanted.append((OWNER, row[1]))
    for role, member in wanted:
        # roles are the whole server's: a migration of another database may grant the same in the same moment
        with suppress(psycopg.errors.UniqueViolation):
            admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(member)))


def _ensure_database(url: URL) -> None:
    if _refusal(url) is None:
        return
    try:
        with psycopg.connect(libpq_url(url.set(database="postgres")), autocommit=True) as admin:
            known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [url.database]).fetchone()
            if known is None:
                name = sql.Identifier(str(url.database))
                admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation, psycopg.OperationalError):
        pass  # another migration made it in the same moment, or the server is not to be had: asked again below
    if (refusal := _refusal(url)) is not None:
        raise refusal


def _refusal(url: URL) -> Unavailable | None:
    """Why the database cannot be entered; None if it can."""
    try:
        psycopg.connect(libpq_url(url)).close()
    except psycopg.OperationalError as problem:
        return connection_refusal(problem, str(url.database))
    return None


def _create_role(admin: psycopg.Connection, role: str, password: str | None) -> bool:
    """Create a role unless it exists, and say whether it was created."""
    if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:
        return False
    kind = (
        sql.SQL("NOLOGIN") if password is None else sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(password))
    )
    try:
        admin.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), kind))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return False
    return True


def _create_login(admin: psycopg.Connection, settings: Settings, login: Working) -> bool:
    password = login_password(settings, login)
    if password is None:
        settings.home.mkdir(parents=True, exist_ok=True)
        password = Passwords(settings.home).ensure(login)
    return _create_role(admin, ROLES[login], password)


def _check_login(admin: psycopg.Connection, settings: Settings, login: Working, url: URL) -> None:
    try:
        psycopg.connect(libpq_url(login_url(settings, login, url.database))).close()
        return
    except psycopg.OperationalError as problem:
        if settings.database_url is not None:
            if login in _OPTIONAL and not settings.split_logins:
                return  # nothing of this home logs in with it
            raise Conflict(
                "db.role_taken",
                f"服务器上已有登录角色{ROLES[login]}，而本安装的口令不能登录（可能属于另一安装，不会改其口令）："
                f"请用FUNDLEDGER_{login.upper()}_PASSWORD给出其口令，或换用另一服务器",
                role=ROLES[login],
                reason=str(problem).strip()[-300:],
            ) from None
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    password = sql.Literal(login_password(settings, login))
    admin.execute(statement.format(sql.Identifier(ROLES[login]), password))
