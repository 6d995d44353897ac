"""What the house is made of: every object, right, role and reference row of a database by name, each with a digest.

`house.tsv` beside this file has the same of a database built from the revisions this program ships; the program that checks
brings it along, because an administrator of the database could change both sides there. `python -m tests.db.house` writes it.
Servers of different versions must say the same: nothing here depends on how one prints (PostgreSQL 15 to 18).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from ledger.db.around import AROUND, GIVEN
from ledger.db.identity import carried

SHIPPED: Final = Path(__file__).with_name("house.tsv")
SCHEMAS: Final = ("access", "books", "fund", "jobs", "meta", "payments")
REFERENCE: Final[Mapping[str, tuple[str, ...]]] = {
    "access.incompatible": ("role", "other"),
    "access.role": ("role",),
    "fund.clearing_target": ("from_year", "pilot"),
    "fund.declaration_transition": ("from_state", "event"),
    "fund.finding_transition": ("from_state", "event"),
    "fund.policy_key": ("key",),
    "payments.receipt_kind": ("what",),
    "payments.state": ("state",),
    "payments.transition": ("from_state", "event"),
}
"""Tables whose rows only a revision writes, with the columns of their keys."""

PERIOD: Final = re.compile(r"_(\d{6})(?=_|\b)")
"""The month in the name of a partition, which is made at run time; `house.tsv` has one of each as `_*`."""


class Fact(NamedTuple):
    """One thing there is: its kind (`function`, `grant` …), its name, and a digest of all else about it."""

    kind: str
    name: str
    digest: str


# (kinds, question): the kinds a question answers, a space between.
_QUESTIONS: Final[tuple[tuple[str, LiteralString], ...]] = (
    ("schema", "SELECT 'schema', nspname, pg_get_userbyid(nspowner) FROM pg_namespace n WHERE n.nspname = ANY (%(schemas)s)"),
    ("relation", """SELECT 'relation', n.nspname || '.' || c.relname, concat_ws('|', c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
               c.relrowsecurity, c.relforcerowsecurity, c.reloptions::text, pg_get_partkeydef(c.oid),
               pg_get_expr(c.relpartbound, c.oid), (SELECT string_agg(concat_ws(':', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                                 pg_get_expr(d.adbin, d.adrelid)), '; ' ORDER BY a.attname COLLATE "C")
       FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')"""),
    ("function", """SELECT 'function', n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
               concat_ws('|', p.prosrc, p.probin, pg_get_function_sqlbody(p.oid), l.lanname, p.prokind, p.prosecdef, p.proleakproof,
                         p.proisstrict, p.proretset, p.provolatile, p.proparallel, p.procost, p.prorows, nullif(p.prosupport::oid, 0), pg_get_function_result(p.oid),
                         pg_get_function_arguments(p.oid), p.proconfig::text, pg_get_userbyid(p.proowner))
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE n.nspname = ANY (%(schemas)s)"""),
    ("trigger", """SELECT 'trigger', t.tgname || ' ON ' || n.nspname || '.' || c.relname, pg_get_triggerdef(t.oid) || '|' || t.tgenabled::text
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY (%(schemas)s) AND NOT t.tgisinternal"""),
    ("disabled", """SELECT DISTINCT 'disabled', 'foreign keys ON ' || n.nspname || '.' || c.relname, 'off'
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY (%(schemas)s) AND t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')"""),
    ("policy", """SELECT 'policy', p.polname || ' ON ' || n.nspname || '.' || c.relname, concat_ws('|', p.polcmd, p.polpermissive,
               (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END, ',' ORDER BY pg_get_userbyid(r))
                  FROM unnest(p.polroles) AS r), pg_get_expr(p.polqual, p.polrelid), '|', pg_get_expr(p.polwithcheck, p.polrelid))
          FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(schemas)s)"""),
    ("constraint", """SELECT 'constraint', k.conname || ' ON ' || n.nspname || '.' || coalesce(c.relname, t.typname, ''), concat_ws('|', k.contype, k.convalidated,
               pg_get_constraintdef(k.oid))
          FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
          LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_type t ON t.oid = k.contypid
         WHERE n.nspname = ANY (%(schemas)s) AND k.contype IN ('c', 'f', 'p', 'u', 'x')"""),
    ("index", """SELECT 'index', n.nspname || '.' || c.relname, concat_ws('|', i.indisvalid, i.indisready, i.indislive, i.indisunique,
               i.indimmediate, pg_get_indexdef(c.oid))
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(schemas)s)"""),
    ("view rule", """SELECT CASE r.rulename WHEN '_RETURN' THEN 'view' ELSE 'rule' END, r.rulename || ' ON ' || n.nspname || '.' || c.relname,
               CASE r.rulename WHEN '_RETURN' THEN pg_get_viewdef(c.oid) ELSE pg_get_ruledef(r.oid) || r.ev_enabled::text END
          FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(schemas)s)"""),
    # Rights: one fact an object and grantee. What an owner may do to its own is not asked: it may always grant it itself.
    ("grant", """SELECT 'grant', o.name || ' TO ' || o.grantee, string_agg(o.privilege_type || CASE WHEN o.is_grantable THEN '*' ELSE '' END, ','
               ORDER BY o.privilege_type)
          FROM (SELECT x.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END AS grantee,
                       a.privilege_type, a.is_grantable
                  FROM (SELECT n.nspname AS name, n.nspowner AS owner, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl
                          FROM pg_namespace n WHERE n.nspname = ANY (%(schemas)s) OR n.nspname = 'public'
                        UNION ALL
                        SELECT n.nspname || '.' || c.relname, c.relowner,
                               coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))
                          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                        UNION ALL
                        SELECT n.nspname || '.' || c.relname || '.' || f.attname, c.relowner, f.attacl
                          FROM pg_attribute f JOIN pg_class c ON c.oid = f.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE n.nspname = ANY (%(schemas)s) AND f.attacl IS NOT NULL AND NOT f.attisdropped
                        UNION ALL
                        SELECT n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proowner,
                               coalesce(p.proacl, acldefault('f', p.proowner))
                          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY (%(schemas)s)
                        UNION ALL
                        SELECT 'default in ' || coalesce(n.nspname, '(all)') || ' for ' || pg_get_userbyid(d.defaclrole) || ' ' || d.defaclobjtype::text,
                               d.defaclrole, d.defaclacl
                          FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace) AS x
                 CROSS JOIN LATERAL aclexplode(x.acl) AS a
                 WHERE a.grantee <> x.owner) AS o
         GROUP BY o.name, o.grantee"""),
    ("grant", """SELECT 'grant', 'DATABASE TO ' || o.grantee, string_agg(o.privilege_type || CASE WHEN o.is_grantable THEN '*' ELSE '' END, ','
              ORDER BY o.privilege_type)
         FROM (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type, a.is_grantable
                 FROM pg_database b CROSS JOIN LATERAL aclexplode(coalesce(b.datacl, acldefault('d', b.datdba))) AS a
                WHERE b.datname = current_database() AND a.grantee <> b.datdba) AS o
        WHERE o.grantee = 'PUBLIC' OR starts_with(o.grantee, 'fundledger_') AND o.grantee <> 'fundledger_admin'
        GROUP BY o.grantee"""),
    # Of PostgreSQL's own functions those that nobody, or only who locks, should have (ledger.db.roles); where its catalogue is another's
    # (the database's owner is no superuser) nothing can be done about them.
    ("grant", r"""SELECT 'grant', 'pg_catalog.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ') TO '
              || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END, a.privilege_type
         FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND a.grantee <> p.proowner
          AND p.proname ~ '^(lo_.+|loread|lowrite|pg_(try_)?advisory_(xact_)?lock(_shared)?)$'
          AND (a.grantee = 0 OR starts_with(pg_get_userbyid(a.grantee), 'fundledger_'))
          AND NOT (p.proname ~ 'advisory' AND a.grantee <> 0
                   AND pg_get_userbyid(a.grantee) NOT IN ('fundledger_read', 'fundledger_auditor'))
          AND (SELECT r.rolsuper FROM pg_database b JOIN pg_roles r ON r.oid = b.datdba WHERE b.datname = current_database())"""),
    ("role", """SELECT 'role', r.rolname, concat_ws('|', r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
              r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil)
         FROM pg_roles r WHERE starts_with(r.rolname, 'fundledger_') AND r.rolname <> 'fundledger_admin'"""),
    ("event_trigger", "SELECT 'event_trigger', evtname, concat_ws('|', evtevent, evtfoid::regproc, evtenabled) FROM pg_event_trigger"),
    ("catalogue", """SELECT 'catalogue', 'pg_catalog.' || o.name, o.what
         FROM (SELECT p.oid, 'pg_proc'::regclass AS class, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, p.prosrc AS what
                 FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
               UNION ALL
               SELECT c.oid, 'pg_class'::regclass, c.relname, c.relkind::text FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace
               UNION ALL
               SELECT p.oid, 'pg_operator'::regclass, p.oprname, p.oprcode::text FROM pg_operator p WHERE p.oprnamespace = 'pg_catalog'::regnamespace) AS o
        WHERE o.oid >= 16384 AND NOT EXISTS (
              SELECT 1 FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('e', 'i'))"""),
)  # fmt: skip
_QUALIFIED: Final = re.compile(
    r"\b(?!(?:access|books|fund|jobs|meta|payments|pg_catalog)\.)[a-z_][a-z_0-9]*\.(?=[a-z_])"
)


def facts(connection: psycopg.Connection[Any], *only: str) -> list[Fact]:
    """Everything there is, or what there is of some kinds, in the order of kinds and names.

    Any login may ask; the caller's transaction gets an empty search path.
    """
    connection.execute("SET LOCAL search_path = ''")
    return sorted({one for one in _facts(connection, only) if not only or one.kind in only})


def _facts(connection: psycopg.Connection[Any], only: Collection[str]) -> Iterator[Fact]:
    given = {"schemas": list(SCHEMAS), **GIVEN}
    for kinds, question in (*_QUESTIONS, *AROUND):
        if only and not set(only).intersection(kinds.split()):
            continue
        for kind, name, text in connection.execute(question, given):
            yield _fact(kind, name, _unqualified(text) if kind == "view" else text)
    for table, keys in REFERENCE.items() if not only or "row" in only else ():
        rows = sql.SQL("SELECT concat_ws('/', {}), to_jsonb(r.*)::text FROM {} r").format(
            sql.SQL(", ").join(sql.Identifier("r", key) for key in keys), sql.Identifier(*table.split("."))
        )
        for key, text in connection.execute(rows):
            yield _fact("row", f"{table} {key}", text)


def shipped() -> dict[tuple[str, str], str]:
    """(kind, name) → digest of what this program ships, partitions as `_*`."""
    return dict(_read()[1])


def shipped_of() -> tuple[str, str]:
    """Revision and digest of the schema that `house.tsv` describes."""
    return _read()[0]


def written(found: list[Fact]) -> str:
    """The text of `house.tsv`: the schema it is of, then a fact a line; the month of a partition as `*`."""
    head = "\t".join(("schema", *carried()[:2]))
    lines = {"\t".join((one.kind, PERIOD.sub("_*", one.name), one.digest)) for one in found}
    return "\n".join([head, *sorted(lines)]) + "\n"


@lru_cache(1)
def _read() -> tuple[tuple[str, str], tuple[tuple[tuple[str, str], str], ...]]:
    head, *lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    _, revision, digest = head.split("\t")
    rows = (line.split("\t") for line in lines)
    return (revision, digest), tuple(((kind, name), made) for kind, name, made in rows)


def _fact(kind: str, name: str, text: str | None) -> Fact:
    """The digest of a partition's things is of a text in which its month is `*`."""
    text = text or ""
    for month in PERIOD.findall(name):
        text = text.replace(month, "*")
    return Fact(kind, name, sha256(" ".join(text.split()).encode()).hexdigest()[:16])


def _unqualified(text: str) -> str:
    """A view's text without the names of its tables before columns, which servers write or leave out; schemas stay."""
    return _QUALIFIED.sub("", text)
