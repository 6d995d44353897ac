"""What a database administrator can do, one change after the other, and the name `verify` gives each: docs/operations.md lists them.

Each is made as superuser in a transaction of the one home, looked at there as the auditor by the checks it concerns, and
rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyotp
import pytest
from sqlalchemy import Engine

from ledger.access.proposals import confirm, propose_key, propose_link
from ledger.access.sessions import begin_second_factor, choose_password, log_in, log_out, set_second_factor
from ledger.control.breach import Breach
from ledger.control.checks.house.decided import check_decided
from ledger.control.checks.house.runs import check_runs
from ledger.control.checks.house.shipped import check_house
from ledger.control.checks.house.traces import check_trace_chains, check_traced, check_traces
from ledger.control.snapshot import Snapshot
from ledger.db.engine import service_engine
from ledger.db.traced import TRACED
from ledger.db.unit_of_work import unit_of_work
from tests.control.conftest import ACCOUNT, _clone, _drop
from tests.scenes.people import DAY, decided

OFF = "SET LOCAL session_replication_role = replica; "
"""Past every guard, as an administrator can: what follows leaves no trace."""
H1 = "H42010000001"
UPGRADED = "; RESET ROLE; UPDATE meta.schema_identity SET applied_at = clock_timestamp()"


def upgrade(statement: str) -> str:
    """As `db migrate` writes: as the schema's owner, and the moment of the upgrade moved after it."""
    return f"SET LOCAL ROLE fundledger_owner; {statement}{UPGRADED}"


def put_on(actor: str, table: str, right: str, statement: str, login: str = "fundledger_service") -> str:
    """With the login of the program put on, its guards off and a right lent for the moment: the trace looks genuine."""
    return (
        f"SET LOCAL session_replication_role = replica; ALTER TABLE {table} ENABLE ALWAYS TRIGGER trace_insert;"
        f" ALTER TABLE {table} ENABLE ALWAYS TRIGGER trace_update; ALTER TABLE access.trace ENABLE ALWAYS TRIGGER link;"
        f" ALTER TABLE access.trace DISABLE TRIGGER linked; GRANT {right} ON {table} TO {login};"
        f" SET LOCAL SESSION AUTHORIZATION {login}; SELECT set_config('app.actor', '{actor}', true), set_config('app.region', '420100', true);"
        f" {statement}; SET LOCAL SESSION AUTHORIZATION DEFAULT"
    )


# What was done → the code and the beginning of the name that verify must give it.
CHANGES: dict[str, tuple[str, str, str]] = {
    # what decides who is paid
    "payee's account": (OFF + "UPDATE fund.payee_account SET number = '9558999999'", "trace.row_changed", f"fund.payee_account {H1}/1"),
    "payee's name": (OFF + "UPDATE fund.payee_account SET name = '别的医院'", "trace.row_changed", f"fund.payee_account {H1}/1"),
    "payee confirmed by another": (OFF + "UPDATE fund.payee_account SET confirmed_by = 'acc'", "trace.row_changed", f"fund.payee_account {H1}/1"),
    "payee added": (
        OFF + "INSERT INTO fund.payee_account SELECT (jsonb_populate_record(p, '{\"version\": 2, \"state\": \"replaced\"}')).* FROM fund.payee_account p",
        "trace.none", f"fund.payee_account {H1}/2",
    ),
    "ratio 100 % of an enrolment": (OFF + "UPDATE fund.enrolment SET ratio = 10000", "trace.row_changed", f"fund.enrolment {H1}/"),
    "ratio 100 % of the terms": (OFF + "UPDATE fund.terms SET ratio = 10000 WHERE kind = 'enrolment'", "trace.row_changed", f"fund.terms {H1}/enrolment/1"),
    "terms taken away": (OFF + "DELETE FROM fund.terms WHERE kind = 'agreement'", "trace.row_gone", f"fund.terms {H1}/agreement/1"),
    "institution's agreement": (OFF + "UPDATE fund.institution SET agreement_state = 'ended'", "trace.row_changed", f"fund.institution {H1}"),
    "choice of the region": (OFF + "INSERT INTO fund.region_policy VALUES (420100, 'receipt_days', '2026-10-01', '99', '文件', 'maker')", "trace.none", "fund.region_policy receipt_days/2026-10-01"),
    # persons
    "role given": (OFF + "INSERT INTO access.user_role VALUES (420100, 'cash', 'checker', 0)", "trace.none", "access.user_role cash/checker/0"),
    "password slipped in with every guard on": ("INSERT INTO access.password (user_name, hash) VALUES ('checker', '$argon2id$theirs')", "trace.login", "access.password checker"),
    "password slipped in": (OFF + "INSERT INTO access.password (user_name, hash) VALUES ('checker', '$argon2id$theirs')", "trace.none", "access.password checker"),
    "password replaced": (OFF + "UPDATE access.password SET hash = '$argon2id$theirs'", "trace.row_changed", "access.password maker"),
    "second factor taken off": (OFF + "UPDATE access.password SET otp_secret = ''", "trace.row_changed", "access.password maker"),
    "session slipped in": (OFF + "INSERT INTO access.session (token_hash, user_name) VALUES (sha256('t'), 'checker')", "trace.none", r"access.session \x"),
    "session that ended opened again": (OFF + "UPDATE access.session SET ended_at = NULL", "trace.row_changed", r"access.session \x"),
    "signatures demanded by nobody": (OFF + "INSERT INTO access.signing_demand VALUES (420100, '', '', '2026-01-01', '', '2026-01-01', now())", "trace.none", "access.signing_demand 420100"),
    "signatures demanded with every guard on": ("INSERT INTO access.signing_demand VALUES (420100, '', '', '2026-01-01', '', '2026-01-01', now())", "trace.login", "access.signing_demand 420100"),
    "role given with every guard on": ("INSERT INTO access.user_role VALUES (420100, 'checker', 'chief', 0)", "trace.login", "access.user_role checker/chief/0"),
    "role taken": (OFF + "DELETE FROM access.user_role WHERE role = 'checker'", "trace.row_gone", "access.user_role checker/checker/0"),
    "two users made one person": (OFF + "UPDATE access.app_user SET person = 'p2' WHERE user_name = 'checker'", "trace.row_changed", "access.app_user checker"),
    "user added past the guards": (OFF + "INSERT INTO access.app_user VALUES ('ghost', 'p9', '某')", "trace.none", "access.app_user ghost"),
    "user changed with every guard on": ("UPDATE access.app_user SET person = 'p2' WHERE user_name = 'checker'", "trace.login", "access.app_user checker"),
    "key inserted": (
        "INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on) VALUES (sha256('k'), 420100, 'maker', 'x', '2030-01-01')",
        "trace.login", r"access.api_key \x",
    ),
    "key inserted past the guards": (
        OFF + "INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on) VALUES (sha256('k'), 420100, 'maker', 'x', '2030-01-01')",
        "trace.none", r"access.api_key \x",
    ),
    "key prolonged": (OFF + "UPDATE access.api_key SET expires_on = '2040-01-01'", "trace.row_changed", r"access.api_key \x"),
    # persons and payees as an upgrade would write them: no upgrade does
    "person by the owner": (upgrade("INSERT INTO access.app_user VALUES ('wang', 'p7', '王新')"), "trace.login", "access.app_user wang"),
    "role by the owner": (upgrade("INSERT INTO access.user_role VALUES (420100, 'checker', 'chief', 0)"), "trace.login", "access.user_role checker/chief/0"),
    "two users made one person by the owner": (upgrade("UPDATE access.app_user SET person = 'p2' WHERE user_name = 'checker'"), "trace.login", "access.app_user checker"),
    "key by the owner": (
        upgrade("INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on) VALUES (sha256('k'), 420100, 'maker', 'x', '2030-01-01')"),
        "trace.login", r"access.api_key \x",
    ),
    "password by the owner": (upgrade("UPDATE access.password SET hash = '$argon2id$theirs'"), "trace.login", "access.password maker"),
    "identity by the owner": (upgrade("INSERT INTO access.identity VALUES (sha256('i'), 420100, 'maker')"), "trace.login", r"access.identity \x"),
    "channel by the owner": ("ALTER TABLE payments.bank_channel DISABLE TRIGGER USER; ALTER TABLE payments.bank_channel ENABLE TRIGGER trace_update; " + upgrade("UPDATE payments.bank_channel SET channel = channel || '{\"host\": \"ours\"}'"), "trace.login", f"payments.bank_channel {ACCOUNT}/1"),
    "quarantine resolved by the owner": (upgrade("UPDATE fund.quarantine SET state = 'resolved'"), "trace.login", r"fund.quarantine \x"),
    "receipt's words by the owner, as if sealed": (
        "ALTER TABLE payments.evidence DISABLE TRIGGER USER; ALTER TABLE payments.evidence ENABLE TRIGGER trace_update; " + upgrade("UPDATE payments.evidence SET reason = 'x'"),
        "trace.login", f"payments.evidence {ACCOUNT}/",
    ),
    "a second mark": (
        "INSERT INTO access.trace (region, noun, op, keys, digests, login, actor) VALUES (0, 'access.app_user', 'mark', '{x}', '', 'fundledger_admin', '')",
        "trace.login", "access.app_user x",
    ),
    "a table taken up again": (
        "INSERT INTO access.trace (region, noun, op, keys, digests, login, actor) SELECT 420100, 'access.user_role', 'begin', '{cash/checker/0}', sha256('x'), 'fundledger_admin', ''",
        "trace.login", "access.user_role cash/checker/0",
    ),
    # the same with the program's login put on: the traces look genuine
    "payee's number by a login put on": (
        put_on("checker", "fund.payee_account", "UPDATE", "UPDATE fund.payee_account SET number = '6222000000000000' WHERE state = 'confirmed'"),
        "decided.changed", f"fund.payee_account {H1}/1",
    ),
    "payee confirmed by nobody": (
        put_on("maker", "fund.payee_account", "INSERT, UPDATE", "INSERT INTO fund.payee_account SELECT (jsonb_populate_record(p, '{\"version\": 2, \"state\": \"replaced\"}')).* FROM fund.payee_account p"),
        "decided.decider", f"fund.payee_account {H1}/2",
    ),
    "payee proposed in another's name": (
        put_on("acc", "fund.payee_account", "INSERT, UPDATE", "INSERT INTO fund.payee_account SELECT (jsonb_populate_record(p, '{\"version\": 2, \"state\": \"withdrawn\", \"confirmed_by\": \"\"}')).* FROM fund.payee_account p"),
        "decided.proposer", f"fund.payee_account {H1}/2",
    ),
    "host key by a login put on": (
        put_on("checker", "payments.bank_channel", "UPDATE", "UPDATE payments.bank_channel SET channel = channel || '{\"host_keys\": [\"ours\"]}'"),
        "decided.changed", f"payments.bank_channel {ACCOUNT}/1",
    ),
    "terms by a login put on": (put_on("checker", "fund.terms", "UPDATE", "UPDATE fund.terms SET ratio = 10000 WHERE kind = 'enrolment'"), "decided.changed", f"fund.terms {H1}/enrolment/1"),
    "person by a login put on": (put_on("adm", "access.app_user", "INSERT", "INSERT INTO access.app_user VALUES ('wang', 'p7', '王新')"), "decided.not_granted", "access.app_user wang"),
    "role by a login put on": (put_on("adm", "access.user_role", "INSERT", "INSERT INTO access.user_role VALUES (420100, 'checker', 'chief', 0)"), "decided.not_granted", "access.user_role checker/chief/0"),
    "key by a login put on": (
        put_on("adm", "access.api_key", "INSERT", "INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on) VALUES (sha256('k'), 420100, 'maker', 'x', '2030-01-01')"),
        "decided.not_granted", r"access.api_key \x",
    ),
    "second key of a granted one's kind by a login put on": (
        put_on("adm", "access.api_key", "INSERT", "INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on) SELECT sha256('k'), issued_in, user_name, label, expires_on FROM access.api_key LIMIT 1"),
        "decided.not_granted", r"access.api_key \x",
    ),
    "key for another by a login put on": (put_on("adm", "access.api_key", "UPDATE", "UPDATE access.api_key SET user_name = 'checker'"), "decided.not_granted", r"access.api_key \x"),
    "key's person by a login put on": (put_on("adm", "access.api_key", "UPDATE", "UPDATE access.api_key SET user_name = 'checker'"), "decided.changed", r"access.api_key \x"),
    "dead key live again": (
        put_on("adm", "access.api_key", "UPDATE", "UPDATE access.api_key SET revoked = true; UPDATE access.api_key SET revoked = false"), "decided.revived", r"access.api_key \x",
    ),
    "identity by a login put on": (put_on("adm", "access.identity", "INSERT", "INSERT INTO access.identity VALUES (sha256('i'), 420100, 'maker')"), "decided.not_granted", r"access.identity \x"),
    "proposal reworded by a login put on": (put_on("aud", "access.proposal", "UPDATE", "UPDATE access.proposal SET user_name = 'checker' WHERE act = 'key'"), "decided.changed", "access.proposal 1"),
    "log line dated back": (
        put_on("checker", "access.operator_log", "INSERT", "INSERT INTO access.operator_log (region, recorded_at, user_name, action, object, outcome, detail)"
               " VALUES (420100, '2020-10-20', 'checker', 'payments.approve', 'X', 'done', '')"),
        "trace.time", "access.operator_log ",
    ),
    # runs
    "check done that nobody checked": (
        "INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-13', 'done', 'x', 1, now(), 'clean', clock_timestamp(), clock_timestamp())",
        "run.not_checked", "check 2026-10-13",
    ),
    "result of a check by another": ("INSERT INTO jobs.checked VALUES (420100, '2026-10-13', 1, 0, now())", "trace.login", "jobs.checked 2026-10-13/1"),
    "run of a day to come": (
        OFF + "INSERT INTO fund.region_policy VALUES (420100, 'act_days', '2020-10-01', '3', '文件', 'maker', 'checker');"
        " INSERT INTO jobs.job_run VALUES (420100, 'day', '2199-10-13', 'done', 'x', 1, now(), '', now(), now())",
        "run.ahead", "day 2199-10-13",
    ),
    "run dated back": (
        "INSERT INTO jobs.job_run VALUES (420100, 'backup', '2020-10-13', 'done', 'x', 1, now(), '', '2020-10-13', '2020-10-13')", "trace.time", "jobs.job_run backup/2020-10-13",
    ),
    # banks and their papers
    "host key replaced": (OFF + "UPDATE payments.bank_channel SET channel = channel || '{\"host_keys\": [\"ours\"]}'", "trace.row_changed", f"payments.bank_channel {ACCOUNT}/1"),
    "own account": (OFF + "UPDATE payments.bank_account SET cnaps = '999999999999' WHERE kind = '1004'", "trace.row_changed", f"payments.bank_account {ACCOUNT}"),
    "account of a book": (OFF + "DELETE FROM payments.book_account", "trace.row_gone", "payments.book_account 310/1004"),
    "receipt deleted": (OFF + "DELETE FROM payments.evidence", "trace.row_gone", f"payments.evidence {ACCOUNT}/"),
    "receipt's outcome": (OFF + "UPDATE payments.evidence SET outcome = 'waiting'", "trace.row_changed", f"payments.evidence {ACCOUNT}/"),
    "bank's file deleted": (OFF + "DELETE FROM payments.inbound_file", "trace.row_gone", f"payments.inbound_file {ACCOUNT}/"),
    "order event deleted": (OFF + "DELETE FROM payments.order_event WHERE order_no = 'FL20261013-0002' AND n = 3", "trace.row_gone", "payments.order_event FL20261013-0002/3"),
    "order event invented": (
        OFF + "INSERT INTO payments.order_event SELECT (jsonb_populate_record(e, '{\"n\": 9, \"to_state\": \"rejected\"}')).* FROM payments.order_event e"
        " WHERE order_no = 'FL20261013-0002' AND n = 4",
        "trace.none", "payments.order_event FL20261013-0002/9",
    ),
    "approval by another": (OFF + "UPDATE payments.approval SET approved_by = 'maker2'", "trace.row_changed", "payments.approval B1"),
    "quarantine resolved": (OFF + "UPDATE fund.quarantine SET state = 'resolved'", "trace.row_changed", r"fund.quarantine \x"),
    # logs and jobs
    "log line deleted": (OFF + "DELETE FROM access.operator_log", "trace.row_gone", "access.operator_log "),
    "log line reworded": (OFF + "UPDATE access.operator_log SET user_name = 'maker'", "trace.row_changed", "access.operator_log "),
    "nightly run faked": (OFF + "INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-13', 'done', 'x', 1, now(), 'clean')", "trace.none", "jobs.job_run check/2026-10-13"),
    "nightly run faked with every guard on": ("INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-13', 'done', 'x', 1, now(), 'clean')", "trace.login", "jobs.job_run check/2026-10-13"),
    # the traces themselves
    "trace deleted": (OFF + "DELETE FROM access.trace WHERE region = 420100 AND seq = 3", "trace.gap", "trace 4"),
    "trace rewritten": (OFF + "UPDATE access.trace SET actor = 'acc' WHERE region = 420100 AND seq = 3", "trace.changed", "trace 3"),
    "traces cut at their end": (OFF + "DELETE FROM access.trace t USING access.trace_head h WHERE t.region = h.region AND t.seq = h.seq", "trace.head", "trace"),
    "trace slipped in": (
        OFF + "INSERT INTO access.trace (region, noun, op, keys, digests, login, actor) VALUES (420100, 'fund.terms', 'delete', '{x}', '', 'fundledger_service', 'acc')",
        "trace.unlinked", "trace ",
    ),
    # rules
    "transition added": (OFF + "INSERT INTO payments.transition VALUES ('sent', 'wish', 'rejected', '')", "house.added", "row payments.transition sent/wish"),
    "transition changed": (OFF + "UPDATE payments.transition SET posts = '' WHERE event = 'pay'", "house.changed", "row payments.transition accepted/pay"),
    "state that releases": (OFF + "UPDATE payments.state SET releases = true WHERE state = 'sent'", "house.changed", "row payments.state sent"),
    "incompatible posts": (OFF + "DELETE FROM access.incompatible WHERE role = 'cashier'", "house.missing", "row access.incompatible cashier/maker"),
    "cashier keeps books": (OFF + "UPDATE access.role SET may_post = true WHERE role = 'cashier'", "house.changed", "row access.role cashier"),
    "kind of receipt": (OFF + "UPDATE payments.receipt_kind SET split = 'none' WHERE what = 'premium_back'", "house.changed", "row payments.receipt_kind premium_back"),
    # guards
    "guard dropped": ("DROP TRIGGER frozen ON payments.evidence", "house.missing", "trigger frozen ON payments.evidence"),
    "guard put to sleep": ("ALTER TABLE payments.approval DISABLE TRIGGER ALL", "house.changed", "trigger "),
    "guard for replicas only": ("ALTER TABLE fund.payable ENABLE REPLICA TRIGGER frozen", "house.changed", "trigger frozen ON fund.payable"),
    "guard made narrower": (
        "CREATE OR REPLACE TRIGGER frozen BEFORE TRUNCATE ON access.operator_log FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()",
        "house.changed", "trigger frozen ON access.operator_log",
    ),
    "guard of one month dropped": ("DROP TRIGGER frozen ON books.entry_202610", "house.missing", "trigger frozen ON books.entry_202610"),
    "guard replaced": (
        "CREATE OR REPLACE FUNCTION fund.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "house.changed", "function fund.refuse_change()",
    ),
    "guard run as its owner": ("ALTER FUNCTION access.has_role(integer, smallint, text, text[]) SECURITY INVOKER", "house.changed", "function access.has_role("),
    "guard that looks elsewhere": ("ALTER FUNCTION access.has_role(integer, smallint, text, text[]) SET search_path = public", "house.changed", "function access.has_role("),
    "function given away": ("ALTER FUNCTION access.has_role(integer, smallint, text, text[]) OWNER TO fundledger_admin", "house.changed", "function access.has_role("),
    "back door": (
        "CREATE FUNCTION payments.helper() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE payments.pay_order SET state = ''paid'''",
        "house.added", "function payments.helper()",
    ),
    "trigger added": (
        "CREATE TRIGGER zz BEFORE INSERT ON fund.payable FOR EACH ROW EXECUTE FUNCTION fund.refuse_change()",
        "house.added", "trigger zz ON fund.payable",
    ),
    "rule added": ("CREATE RULE quiet AS ON DELETE TO payments.evidence DO INSTEAD NOTHING", "house.added", "rule quiet ON payments.evidence"),
    "view replaced": (
        "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW books.leg WITH (security_invoker=true) AS SELECT * FROM (' || rtrim(pg_get_viewdef('books.leg'::regclass), ';') || ') AS l WHERE false'; END $$",
        "house.changed", "view _RETURN ON books.leg",
    ),
    "foreign keys asleep": ("ALTER TABLE payments.evidence DISABLE TRIGGER ALL", "house.added", "disabled foreign keys ON payments.evidence"),
    "event trigger": (
        "CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.e()",
        "house.added", "event_trigger e",
    ),
    "constraint dropped": ("ALTER TABLE fund.enrolment DROP CONSTRAINT enrolment_ratio_check", "house.missing", "constraint enrolment_ratio_check ON fund.enrolment"),
    "constraint not held against what is there": (
        "ALTER TABLE fund.enrolment DROP CONSTRAINT enrolment_ratio_check, ADD CONSTRAINT enrolment_ratio_check CHECK (ratio BETWEEN 0 AND 10000) NOT VALID",
        "house.changed", "constraint enrolment_ratio_check ON fund.enrolment",
    ),
    "only one is not asked for any more": ("DROP INDEX fund.one_confirmed_account", "house.missing", "index fund.one_confirmed_account"),
    "column added": ("ALTER TABLE payments.pay_order ADD COLUMN note text", "house.changed", "relation payments.pay_order"),
    # rights
    "row security off": ("ALTER TABLE fund.record DISABLE ROW LEVEL SECURITY", "house.changed", "relation fund.record"),
    "row security widened": ("ALTER POLICY scope ON fund.record USING (true)", "house.changed", "policy scope ON fund.record"),
    "row security added to": ("CREATE POLICY more ON payments.pay_order TO fundledger_service USING (true)", "house.added", "policy more ON payments.pay_order"),
    "BYPASSRLS": ("ALTER ROLE fundledger_service BYPASSRLS", "house.changed", "role fundledger_service"),
    "SUPERUSER": ("ALTER ROLE fundledger_service SUPERUSER", "house.changed", "role fundledger_service"),
    "membership": ("GRANT fundledger_poster TO fundledger_service", "house.added", "member fundledger_poster TO fundledger_service"),
    "membership of a new login": ("CREATE ROLE helper LOGIN; GRANT fundledger_owner TO helper", "house.added", "member fundledger_owner TO helper"),
    "another superuser": ("CREATE ROLE helper LOGIN SUPERUSER", "house.added", "superuser helper"),
    "right given": ("GRANT UPDATE ON fund.payee_account TO fundledger_service", "house.changed", "grant fund.payee_account TO fundledger_service"),
    "right to a column": ("GRANT UPDATE (amount_fen) ON payments.pay_order TO fundledger_service", "house.added", "grant payments.pay_order.amount_fen TO fundledger_service"),
    "right to everybody": ("GRANT SELECT ON fund.record TO PUBLIC", "house.added", "grant fund.record TO PUBLIC"),
    "right to call": ("GRANT EXECUTE ON FUNCTION fund.refuse_change() TO fundledger_service", "house.added", "grant fund.refuse_change() TO fundledger_service"),
    "right by default": ("ALTER DEFAULT PRIVILEGES FOR ROLE fundledger_owner IN SCHEMA fund GRANT ALL ON TABLES TO fundledger_service", "house.added", "grant default in fund"),
    "setting of a login": ("ALTER ROLE fundledger_service SET session_replication_role = replica", "house.added", "setting session_replication_role FOR fundledger_service"),
    "setting of the database": ("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET row_security = off', current_database()); END $$", "house.added", "setting row_security FOR ALL"),
    # structure, past every command of the schema
    "triggers hidden": ("UPDATE pg_class SET relhastriggers = false WHERE oid = 'fund.payee_account'::regclass", "house.added", "flag relhastriggers OF fund.payee_account"),
    "checks hidden": ("UPDATE pg_class SET relchecks = 0 WHERE oid = 'payments.approval'::regclass", "house.added", "flag relchecks OF payments.approval"),
    "indexes hidden": ("UPDATE pg_class SET relhasindex = false WHERE oid = 'access.key_use'::regclass", "house.added", "flag relhasindex OF access.key_use"),
    "default hidden": (
        "UPDATE pg_attribute SET atthasdef = false WHERE attrelid = 'access.operator_log'::regclass AND attname = 'recorded_at'",
        "house.added", "flag atthasdef OF access.operator_log",
    ),
    "partitions hidden": ("UPDATE pg_class SET relhassubclass = false WHERE oid = 'books.entry'::regclass", "house.added", "flag relhassubclass OF books.entry"),
    "replica identity": ("ALTER TABLE payments.pay_order REPLICA IDENTITY FULL", "house.added", "flag relreplident OF payments.pay_order"),
    "triggers of keys deleted": ("DELETE FROM pg_trigger WHERE tgisinternal AND tgrelid = 'payments.order_payable'::regclass", "house.added", "flag triggers OF "),
    "child elsewhere": ("CREATE SCHEMA hidden; CREATE TABLE hidden.kid () INHERITS (payments.blocked)", "house.added", "flag child hidden.kid OF payments.blocked"),
    "numbers by thousands": ("ALTER SEQUENCE access.operator_log_id_seq INCREMENT BY 1000", "house.changed", "sequence access.operator_log_id_seq"),
    "dear function": ("UPDATE pg_proc SET procost = 1e9 WHERE oid = 'access.has_role(integer, smallint, text, text[])'::regprocedure", "house.changed", "function access.has_role("),
    "back door in public": (
        "CREATE FUNCTION public.backdoor(q text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE q; END'", "house.added", "object function public.backdoor(q text)",
    ),
    "hidden schema": ("CREATE SCHEMA hidden", "house.added", "object schema hidden"),
    "copy of the payees": ("CREATE TABLE public.payees AS SELECT * FROM fund.payee_account", "house.added", "object relation public.payees"),
    "type": ("CREATE TYPE fund.colour AS ENUM ('a')", "house.added", "object type fund.colour"),
    "domain": ("CREATE DOMAIN public.fen AS bigint", "house.added", "object type public.fen"),
    "collation": ("CREATE COLLATION public.ours (locale = 'C')", "house.added", "object collation ours"),
    "operator": (
        "CREATE FUNCTION public.always(bytea, bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';"
        " CREATE OPERATOR access.<> (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = public.always)",
        "house.added", "object operator access.<> (bytea, bytea)",
    ),
    "cast": ("CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT", "house.added", "object cast text AS integer"),
    "statistics": ("CREATE STATISTICS fund.st ON region, state FROM fund.payee_account", "house.added", "object statistics st"),
    "publication": ("CREATE PUBLICATION everything FOR ALL TABLES", "house.added", "object publication everything"),
    "subscription": (
        "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere dbname=x' PUBLICATION p WITH (connect = false, enabled = false, slot_name = NONE)", "house.added", "object subscription s",
    ),
    "foreign server": ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER files FOREIGN DATA WRAPPER w", "house.added", "object foreign server files"),
    "large object": ("SELECT lo_from_bytea(0, 'hidden copy')", "house.added", "object large objects 1"),
    "built-in replaced": (
        "CREATE OR REPLACE FUNCTION pg_catalog.pg_sleep(double precision) RETURNS void LANGUAGE sql AS 'SELECT NULL::void'", "house.added", "catalogue pg_catalog.pg_sleep(double precision)",
    ),
    "operator turned": (
        "UPDATE pg_operator SET oprcode = 'byteaeq'::regproc WHERE oprname = '<>' AND oprleft = 'bytea'::regtype", "house.added", "catalogue pg_catalog.<> (bytea, bytea)",
    ),
    "extension": ("UPDATE pg_extension SET extname = 'dblink'", "house.added", "object extension dblink"),
    # roles and settings
    "actor by setting": ("ALTER ROLE fundledger_service SET app.actor = 'qian'", "house.added", "setting app.actor FOR fundledger_service"),
    "time zone by setting": (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'America/New_York'); END $$", "house.added", "setting TimeZone FOR ALL",
    ),
    "reads everything": ("CREATE ROLE spy LOGIN; GRANT pg_read_all_data TO spy", "house.added", "member pg_read_all_data TO spy"),
    "reads the server's files": ("CREATE ROLE spy LOGIN; GRANT pg_read_server_files, pg_signal_backend TO spy", "house.added", "member pg_read_server_files TO spy"),
    "copies the server": ("CREATE ROLE spy LOGIN REPLICATION", "house.added", "role spy"),
    "makes roles": ("CREATE ROLE spy LOGIN CREATEROLE", "house.added", "role spy"),
    "database given away": (
        "CREATE ROLE boss LOGIN SUPERUSER; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO boss', current_database()); END $$", "house.added", "superuser boss",
    ),
    "owner of the database put on": (
        "CREATE ROLE boss LOGIN SUPERUSER; GRANT fundledger_payments TO boss; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO boss', current_database()); END $$",
        "house.added", "member fundledger_payments TO boss",
    ),
    "database given to the service": (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO fundledger_service', current_database()); END $$", "house.added", "grant OWNER OF DATABASE TO fundledger_service",
    ),
    "setting to set": ("GRANT SET ON PARAMETER session_replication_role TO fundledger_service", "house.added", "grant parameter session_replication_role TO fundledger_service"),
    "file of the server to read": ("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO fundledger_service", "house.added", "grant pg_catalog.pg_read_file(text) TO fundledger_service"),
    "catalogue to write": ("GRANT UPDATE ON pg_class TO fundledger_service", "house.added", "grant pg_catalog.pg_class TO fundledger_service"),
}  # fmt: skip


def come_and_go(engine: Engine) -> None:
    """The preparer chose a password by a link, took a second factor, and was in."""
    with unit_of_work(engine, "adm", 420100) as tx:
        asked, link = propose_link(tx, "maker", DAY)
    with unit_of_work(engine, "aud", 420100) as tx:
        _, second = confirm(tx, asked.n, asked.digest, DAY)
    choose_password(engine, "maker", (link.code, second), "Kaizhang-2026", DAY, "")
    token = log_in(engine, "maker", "Kaizhang-2026", "", "", "")
    secret, _ = begin_second_factor("maker")
    set_second_factor(engine, "maker", token, secret, pyotp.TOTP(secret).now(), "Kaizhang-2026", "")
    log_out(engine, "maker", token, "")


@pytest.fixture(scope="module")
def house(cluster: Any, town_template: str) -> Iterator[psycopg.Connection[Any]]:
    """One home with a line of every kind that is changed; the administrator's connection."""
    name, settings = _clone(cluster, town_template)
    engine = service_engine(settings)
    decided(
        engine,
        lambda tx: propose_key(tx, "maker", "前置机", date(2027, 1, 1), DAY)[0],
        420100,
        ("adm", "aud"),
    )
    with unit_of_work(engine, "adm", 420100) as tx:
        tx.run(
            "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail) VALUES (420100, 'adm', 'user.key', 'maker', 'done', '')"
        )
    with unit_of_work(engine, "maker", 420100) as tx:
        tx.run(
            "INSERT INTO payments.bank_channel (region, account, version, channel, state, proposed_by)"
            ' VALUES (420100, %(a)s, 1, \'{"host": "bank", "host_keys": ["theirs"]}\', \'proposed\', \'maker\')',
            a=ACCOUNT,
        )
        tx.run(
            "INSERT INTO fund.quarantine (region, file_sha256, line, setl_id, field, code, message, load_id, raw) VALUES (420100, sha256('f'), 1, 's', '', 'x', 'x', 1, 'FUNDLEDGER-SEAL1 raw')"
        )
    come_and_go(engine)
    engine.dispose()
    with psycopg.connect(str(settings.database_url)) as admin:
        yield admin
    _drop(cluster, name)


def look(admin: psycopg.Connection[Any], code: str = "", named: str = "") -> list[Breach]:
    """What the checks of the house find in the administrator's own transaction, read as the auditor: all of them, or those
    that look at the kind or table that is `named`."""
    admin.execute(
        "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL session_replication_role = origin; SET LOCAL ROLE fundledger_auditor"
    )
    admin.execute(
        "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'"
    )
    snapshot = Snapshot(admin, (), Path())
    kind = named.split(" ")[0]
    if code.startswith("house"):
        return list(check_house(snapshot, kind))
    if code.startswith("run."):
        return list(check_runs(snapshot))
    if code.startswith("decided") or code == "trace.time":
        return list(check_decided(snapshot))
    if code.startswith("trace") and kind in TRACED and code != "trace.login":
        return list(check_traced(snapshot, kind))
    if code.startswith("trace"):
        return list(check_trace_chains(snapshot))
    return [*check_house(snapshot), *check_traces(snapshot), *check_decided(snapshot)]


def test_the_home_is_whole_before_anything_is_done(house: psycopg.Connection[Any]) -> None:
    with house.transaction(force_rollback=True):
        assert look(house) == []
        assert len([table for table in TRACED if house.execute(f"SELECT FROM {table}").rowcount]) > 12


@pytest.mark.fault(67)
@pytest.mark.parametrize("change", CHANGES)
def test_an_administrators_change_is_named(house: psycopg.Connection[Any], change: str) -> None:
    statements, code, named = CHANGES[change]
    with house.transaction(force_rollback=True):
        house.execute(statements)
        found = look(house, code, named)
    assert [one for one in found if one.code == code and one.entry.startswith(named)], found
    assert all(re.search(r"[\u4e00-\u9fff]", one.message) for one in found)


def test_the_list_has_more_than_the_thirty_nine() -> None:
    assert len(CHANGES) >= 39
