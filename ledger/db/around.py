"""What stands around the house, asked of the catalogue: flags that hide what is there, objects beside ours, rights of other roles.

Of each question a healthy database has no row, or those of `house.tsv`. Rows PostgreSQL itself made have object ids below 16384 and were
written before `template0`, the last thing `initdb` makes.
"""

from __future__ import annotations

from typing import Final, LiteralString

# Settings of a role or database that only make work faster or slower.
TUNING: Final = (
    "effective_cache_size", "effective_io_concurrency", "hash_mem_multiplier", "idle_in_transaction_session_timeout", "lock_timeout",
    "log_min_duration_statement", "maintenance_work_mem", "max_parallel_workers_per_gather", "random_page_cost", "statement_timeout",
    "temp_buffers", "work_mem",
)  # fmt: skip
# What others may have beside us on a server: figures about statements, roles that watch it, the role standbys log in with.
EXTENSIONS: Final = ("pg_stat_statements", "plpgsql")
WATCHING: Final = ("pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables")
STANDBY: Final = "replicator"

AROUND: Final[tuple[tuple[str, LiteralString], ...]] = (
    # A flag that says there is nothing to look for (triggers, checks, indexes, rules, defaults, children), though there is.
    ("flag", """SELECT 'flag', f.flag || ' OF ' || n.nspname || '.' || c.relname, ''
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (VALUES
            ('relhastriggers', NOT c.relhastriggers AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid)),
            ('relchecks', c.relkind IN ('r', 'p') AND c.relchecks <> (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')),
            ('relhasindex', NOT c.relhasindex AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid)),
            ('relhasrules', NOT c.relhasrules AND EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)),
            ('relhassubclass', NOT c.relhassubclass AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)),
            ('relreplident', c.relkind IN ('r', 'p') AND c.relreplident <> 'd'),
            ('atthasdef', EXISTS (SELECT FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                                   WHERE d.adrelid = c.oid AND NOT a.atthasdef))) AS f (flag, broken)
         WHERE n.nspname = ANY (%(schemas)s) AND f.broken"""),
    # A foreign key is held by four triggers of its own, two a side.
    ("flag", """SELECT 'flag', 'triggers OF ' || k.conname || ' ON ' || n.nspname || '.' || c.relname, ''
          FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class o ON o.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = ANY (%(schemas)s) AND k.contype = 'f' AND k.conparentid = 0 AND c.relkind = 'r' AND o.relkind = 'r'
           AND NOT c.relispartition AND NOT o.relispartition
           AND (SELECT count(*) FROM pg_trigger t WHERE t.tgconstraint = k.oid) <> 4"""),
    ("flag", """SELECT 'flag', 'child ' || h.inhrelid::regclass || ' OF ' || n.nspname || '.' || p.relname, ''
          FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
          JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace m ON m.oid = c.relnamespace
         WHERE n.nspname = ANY (%(schemas)s) AND (p.relkind NOT IN ('p', 'I') OR m.nspname <> ALL (%(schemas)s))"""),
    ("sequence", """SELECT 'sequence', n.nspname || '.' || c.relname, concat_ws('|', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin,
               s.seqmax, s.seqcache, s.seqcycle)
          FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(schemas)s)"""),
    # Whatever was made in the database and is no table, function, trigger of ours (those have their own questions).
    ("object", """SELECT 'object', o.kind || ' ' || o.name, ''
          FROM (SELECT 'schema' AS kind, nspname AS name, oid, 'pg_namespace'::regclass AS class FROM pg_namespace
                 WHERE nspname <> ALL (%(schemas)s) AND nspname NOT IN ('public', 'information_schema') AND nspname !~ '^pg_'
                UNION ALL
                SELECT 'relation', n.nspname || '.' || c.relname, c.oid, 'pg_class'::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname <> ALL (%(schemas)s) AND n.nspname !~ '^pg_(toast|temp|catalog)' AND c.oid >= 16384 AND c.relkind NOT IN ('i', 'I', 't')
                UNION ALL
                SELECT 'function', n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.oid, 'pg_proc'::regclass
                  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname <> ALL (%(schemas)s) AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_temp' AND p.oid >= 16384
                UNION ALL
                SELECT 'type', n.nspname || '.' || t.typname, t.oid, 'pg_type'::regclass FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                 WHERE t.oid >= 16384 AND t.typtype IN ('b', 'd', 'e', 'p') AND n.nspname !~ '^pg_(toast|temp)'
                   AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
                UNION ALL
                SELECT 'operator', n.nspname || '.' || p.oprname || ' (' || p.oprleft::regtype || ', ' || p.oprright::regtype || ')', p.oid, 'pg_operator'::regclass
                  FROM pg_operator p JOIN pg_namespace n ON n.oid = p.oprnamespace WHERE p.oid >= 16384
                UNION ALL
                SELECT 'cast', castsource::regtype || ' AS ' || casttarget::regtype, oid, 'pg_cast'::regclass FROM pg_cast WHERE oid >= 16384
                UNION ALL SELECT 'collation', collname, oid, 'pg_collation'::regclass FROM pg_collation WHERE oid >= 16384
                UNION ALL SELECT 'conversion', conname, oid, 'pg_conversion'::regclass FROM pg_conversion WHERE oid >= 16384
                UNION ALL SELECT 'operator class', opcname, oid, 'pg_opclass'::regclass FROM pg_opclass WHERE oid >= 16384
                UNION ALL SELECT 'text search', cfgname, oid, 'pg_ts_config'::regclass FROM pg_ts_config WHERE oid >= 16384
                UNION ALL SELECT 'text search', dictname, oid, 'pg_ts_dict'::regclass FROM pg_ts_dict WHERE oid >= 16384
                UNION ALL SELECT 'statistics', stxname, oid, 'pg_statistic_ext'::regclass FROM pg_statistic_ext
                UNION ALL SELECT 'language', lanname, oid, 'pg_language'::regclass FROM pg_language WHERE oid >= 16384
                UNION ALL SELECT 'access method', amname, oid, 'pg_am'::regclass FROM pg_am WHERE oid >= 16384
                UNION ALL SELECT 'foreign data wrapper', fdwname, oid, 'pg_foreign_data_wrapper'::regclass FROM pg_foreign_data_wrapper
                UNION ALL SELECT 'foreign server', srvname, oid, 'pg_foreign_server'::regclass FROM pg_foreign_server
                UNION ALL SELECT 'publication', pubname, oid, 'pg_publication'::regclass FROM pg_publication
                UNION ALL SELECT 'subscription', subname, oid, 'pg_subscription'::regclass FROM pg_subscription
                 WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                UNION ALL SELECT 'large objects', count(*)::text, 0, 'pg_class'::regclass FROM pg_largeobject_metadata HAVING count(*) > 0
                UNION ALL SELECT 'extension', extname, oid, 'pg_extension'::regclass FROM pg_extension WHERE extname <> ALL (%(extensions)s)) AS o
         WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')"""),
    # What PostgreSQL brings along, made something else: a right given or taken rewrites a function's row too, and is asked below.
    ("catalogue", """SELECT 'catalogue', 'pg_catalog.' || o.name, 'changed'
          FROM (SELECT p.oid, p.xmin, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name FROM pg_proc p
                 WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (p.prolang <> 12 OR p.proacl IS NULL)
                UNION ALL SELECT oid, xmin, oprname || ' (' || oprleft::regtype || ', ' || oprright::regtype || ')' FROM pg_operator
                UNION ALL SELECT oid, xmin, 'cast ' || castsource::regtype || ' AS ' || casttarget::regtype FROM pg_cast) AS o
         WHERE o.oid < 16384 AND o.xmin::text::bigint > (SELECT b.xmin::text::bigint FROM pg_database b WHERE b.datname = 'template0')"""),
    ("grant", """SELECT 'grant', o.name || ' TO ' || o.grantee::regrole, string_agg(o.privilege_type, ',' ORDER BY o.privilege_type)
          FROM (SELECT 'pg_catalog.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, a.grantee, a.privilege_type
                  FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) AS a WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384
                UNION ALL
                SELECT 'pg_catalog.' || c.relname, a.grantee, a.privilege_type FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
                 WHERE c.relnamespace = 'pg_catalog'::regnamespace
                UNION ALL
                SELECT 'parameter ' || m.parname, a.grantee, a.privilege_type FROM pg_parameter_acl m CROSS JOIN LATERAL aclexplode(m.paracl) AS a
                 WHERE a.grantee <> 10) AS o
         WHERE (o.grantee >= 16384 OR o.grantee = 0 AND starts_with(o.name, 'parameter '))
           -- who may enter is for the auditor to see, where the administrator could say so (roles.py)
           AND NOT (starts_with(o.name, 'pg_catalog.pg_hba_file_rules(') AND o.grantee::regrole::text = 'fundledger_auditor')
         GROUP BY o.name, o.grantee"""),
    ("grant", """SELECT 'grant', 'OWNER OF DATABASE TO ' || pg_get_userbyid(datdba), '' FROM pg_database
         WHERE datname = current_database() AND starts_with(pg_get_userbyid(datdba), 'fundledger_') AND pg_get_userbyid(datdba) <> 'fundledger_admin'"""),
    # Whoever runs the server is oid 10; who owns the database is asked of the marks by the check itself.
    ("superuser", """SELECT 'superuser', r.rolname, concat_ws('|', r.rolsuper, r.rolbypassrls) FROM pg_roles r
        WHERE (r.rolsuper OR r.rolbypassrls) AND NOT starts_with(r.rolname, 'fundledger_') AND r.oid <> 10"""),
    ("role", """SELECT 'role', r.rolname, concat_ws('|', r.rolcreaterole, r.rolcreatedb, r.rolreplication) FROM pg_roles r
        WHERE (r.rolcreaterole OR r.rolcreatedb OR r.rolreplication) AND NOT r.rolsuper AND NOT starts_with(r.rolname, 'fundledger_') AND r.oid >= 16384
          AND NOT (r.rolname = %(standby)s AND NOT r.rolcreaterole AND NOT r.rolcreatedb)
          AND r.oid <> (SELECT datdba FROM pg_database WHERE datname = current_database())"""),
    # Whoever owns the database made the roles and may put them on; anybody else may not, nor may a role of ours put on another.
    ("member", """SELECT 'member', g.rolname || ' TO ' || m.rolname, a.admin_option::text
         FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
        WHERE (starts_with(g.rolname, 'fundledger_') OR starts_with(m.rolname, 'fundledger_')
               OR starts_with(g.rolname, 'pg_') AND m.oid >= 16384 AND g.rolname <> ALL (%(watching)s))
          AND a.member <> 10
          AND NOT (a.member = (SELECT datdba FROM pg_database WHERE datname = current_database()) AND starts_with(g.rolname, 'fundledger_') AND NOT m.rolsuper)"""),
    ("setting", """SELECT 'setting', concat_ws(' ', split_part(c.line, '=', 1), 'FOR', CASE s.setrole WHEN 0 THEN 'ALL' ELSE pg_get_userbyid(s.setrole) END),
              c.line
         FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
        WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
          AND (s.setrole = 0 OR starts_with(pg_get_userbyid(s.setrole), 'fundledger_')) AND split_part(c.line, '=', 1) <> ALL (%(tuning)s)"""),
    ("setting", """SELECT 'setting', name, setting FROM pg_settings WHERE name = 'session_replication_role' AND setting <> 'origin'
        OR name = 'row_security' AND setting <> 'on' OR name = 'log_statement' AND setting NOT IN ('none', 'ddl')
        OR name IN ('local_preload_libraries', 'session_preload_libraries') AND setting <> ''"""),
)  # fmt: skip
GIVEN: Final = {
    "tuning": list(TUNING),
    "extensions": list(EXTENSIONS),
    "watching": list(WATCHING),
    "standby": STANDBY,
}
