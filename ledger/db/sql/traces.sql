-- Traces: every change of what decides about money and is no entry of the journal (users, roles, keys, payees, terms, choices,
-- channels, papers of the bank, order events, quarantine, jobs, the operator log), chained by region as the journal is and
-- anchored with it. One function and one table for all of them; which tables there are stands in ledger/db/traced.py.

-- Tables ------------------------------------------------------
CREATE TABLE access.trace (
    region      integer NOT NULL CHECK (region >= 0),   -- 0: of what belongs to no region, users and keys
    id          bigint GENERATED ALWAYS AS IDENTITY,
    seq         bigint CHECK (seq > 0),                 -- its place in the region's chain, given at COMMIT
    noun        text NOT NULL,                          -- the table
    op          text NOT NULL CHECK (op IN ('mark', 'begin', 'insert', 'update', 'delete')),
    keys        text[] NOT NULL,                        -- of the rows, sorted
    digests     bytea NOT NULL,                         -- of the rows as they stood then, 32 bytes a key; none for rows taken away
    login       text NOT NULL,                          -- the database's login, and the role it had put on
    actor       text NOT NULL,                          -- the named user; empty where there was none
    recorded_at timestamptz,
    hash        bytea CHECK (length(hash) = 32),
    PRIMARY KEY (region, id),
    CHECK (length(digests) = CASE WHEN op IN ('mark', 'delete') THEN 0 ELSE 32 * cardinality(keys) END),
    CHECK ((seq IS NULL) = (hash IS NULL) AND (seq IS NULL) = (recorded_at IS NULL))
);
CREATE UNIQUE INDEX trace_seq ON access.trace (region, seq) WHERE seq IS NOT NULL;
CREATE INDEX trace_mark ON access.trace (region, noun) WHERE op = 'mark';

CREATE TABLE access.trace_head (
    region integer PRIMARY KEY,
    seq    bigint NOT NULL CHECK (seq >= 0),
    hash   bytea NOT NULL CHECK (length(hash) = 32)
);

-- Which ends of these chains were anchored outside the database, so that a file cut short is missed.
CREATE TABLE access.trace_anchored (
    region  integer NOT NULL,
    seq     bigint NOT NULL CHECK (seq > 0),
    made_by text NOT NULL,
    PRIMARY KEY (region, seq)
);

-- Functions ---------------------------------------------------
-- A row's key within its region: the values of its key's columns, `/` between.
CREATE OR REPLACE FUNCTION access.trace_key(p_row jsonb, p_columns text[]) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(replace(replace(p_row ->> c.name, '%', '%25'), '/', '%2F'), '/' ORDER BY c.n)
      FROM unnest(p_columns) WITH ORDINALITY AS c (name, n)
$$;

-- One statement's rows, one trace a region. Arguments: the columns of the key, the columns that are left out; comma between.
-- OFFSET 0: else a row is made JSON anew for each use of it, which took most of a large statement's time.
CREATE OR REPLACE FUNCTION access.leave_trace() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    noun    text := TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME;
    columns text[] := string_to_array(TG_ARGV[0], ',');
    without text[] := string_to_array(TG_ARGV[1], ',');
    login   text := session_user || CASE current_setting('role') WHEN 'none' THEN '' ELSE '/' || current_setting('role') END;
    actor   text := coalesce(access.user_name(), '');
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO access.trace (region, noun, op, keys, digests, login, actor)
        SELECT r.region, noun, 'insert', array_agg(r.key ORDER BY r.key COLLATE "C"),
               string_agg(sha256(convert_to(r.content, 'UTF8')), '' ORDER BY r.key COLLATE "C"), login, actor
          FROM (SELECT coalesce((j ->> 'region')::integer, 0) AS region, access.trace_key(j, columns) AS key,
                       (jsonb_strip_nulls(j) - without)::text AS content
                  FROM (SELECT to_jsonb(n.*) AS j FROM rows_now n OFFSET 0) AS t) AS r
         GROUP BY r.region;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO access.trace (region, noun, op, keys, digests, login, actor)
        SELECT r.region, noun, 'delete', array_agg(r.key ORDER BY r.key COLLATE "C"), '', login, actor
          FROM (SELECT coalesce((j ->> 'region')::integer, 0) AS region, access.trace_key(j, columns) AS key
                  FROM (SELECT to_jsonb(o.*) AS j FROM rows_then o OFFSET 0) AS t) AS r
         GROUP BY r.region;
    ELSIF TG_OP = 'UPDATE' THEN     -- what changed of what is hashed; a row that goes by another key now is not there under the old one
        INSERT INTO access.trace (region, noun, op, keys, digests, login, actor)
        SELECT r.region, noun, 'update', array_agg(r.key ORDER BY r.key COLLATE "C"),
               string_agg(sha256(convert_to(r.content, 'UTF8')), '' ORDER BY r.key COLLATE "C"), login, actor
          FROM (SELECT coalesce((j ->> 'region')::integer, 0) AS region, access.trace_key(j, columns) AS key,
                       (jsonb_strip_nulls(j) - without)::text AS content
                  FROM (SELECT to_jsonb(n.*) AS j FROM rows_now n OFFSET 0) AS t
                EXCEPT
                SELECT coalesce((j ->> 'region')::integer, 0), access.trace_key(j, columns), (jsonb_strip_nulls(j) - without)::text
                  FROM (SELECT to_jsonb(o.*) AS j FROM rows_then o OFFSET 0) AS t) AS r
         GROUP BY r.region;
        INSERT INTO access.trace (region, noun, op, keys, digests, login, actor)
        SELECT r.region, noun, 'delete', array_agg(r.key ORDER BY r.key COLLATE "C"), '', login, actor
          FROM (SELECT coalesce((j ->> 'region')::integer, 0) AS region, access.trace_key(j, columns) AS key
                  FROM (SELECT to_jsonb(o.*) AS j FROM rows_then o OFFSET 0) AS t
                EXCEPT
                SELECT coalesce((j ->> 'region')::integer, 0), access.trace_key(j, columns)
                  FROM (SELECT to_jsonb(n.*) AS j FROM rows_now n OFFSET 0) AS t) AS r
         GROUP BY r.region;
    END IF;
    RETURN NULL;
END $$;

-- At COMMIT, when nothing else waits for a lock any more: a trace takes its place at the end of its region's chain.
-- Hashed: the link before, `region|seq|noun|op|login|actor|microseconds|keys as JSON`, a line feed, the digests.
CREATE OR REPLACE FUNCTION access.link_traces() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head access.trace_head;
    at   timestamptz;
BEGIN
    SELECT * INTO head FROM access.trace_head h WHERE h.region = NEW.region FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO access.trace_head VALUES (NEW.region, 0, sha256(convert_to('fundledger traces ' || NEW.region, 'UTF8')))
            ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM access.trace_head h WHERE h.region = NEW.region FOR UPDATE;
    END IF;
    at := clock_timestamp();
    head.seq := head.seq + 1;
    head.hash := sha256(head.hash || convert_to(concat_ws('|', NEW.region, head.seq, NEW.noun, NEW.op, NEW.login, NEW.actor,
        (extract(epoch FROM at) * 1000000)::bigint, to_jsonb(NEW.keys)) || E'\n', 'UTF8') || NEW.digests);
    UPDATE access.trace t SET seq = head.seq, hash = head.hash, recorded_at = at WHERE t.region = NEW.region AND t.id = NEW.id;
    UPDATE access.trace_head h SET seq = head.seq, hash = head.hash WHERE h.region = NEW.region;
    RETURN NULL;
END $$;

-- What stands in a table that leaves traces from now on becomes the beginning of its chain, once; `db migrate` calls it.
CREATE OR REPLACE FUNCTION access.begin_traces() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT n.nspname || '.' || c.relname AS noun, string_to_array(encode(t.tgargs, 'escape'), '\000') AS arguments
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE t.tgfoid = to_regproc('access.leave_trace') AND t.tgname = 'trace_insert' AND NOT EXISTS (
               SELECT 1 FROM access.trace m WHERE m.region = 0 AND m.noun = n.nspname || '.' || c.relname AND m.op = 'mark')
         ORDER BY n.nspname || '.' || c.relname COLLATE "C"
    LOOP
        INSERT INTO access.trace (region, noun, op, keys, digests, login, actor)
        VALUES (0, one.noun, 'mark', ARRAY[gen_random_uuid()::text], '', session_user, '');
        EXECUTE format($q$
            INSERT INTO access.trace (region, noun, op, keys, digests, login, actor)
            SELECT r.region, $1, 'begin', array_agg(r.key ORDER BY r.key COLLATE "C"),
                   string_agg(sha256(convert_to(r.content, 'UTF8')), '' ORDER BY r.key COLLATE "C"), session_user, ''
              FROM (SELECT b.*, row_number() OVER (PARTITION BY b.region ORDER BY b.key COLLATE "C") AS n
                      FROM (SELECT coalesce((j ->> 'region')::integer, 0) AS region, access.trace_key(j, $2) AS key,
                                   (jsonb_strip_nulls(j) - $3)::text AS content
                              FROM (SELECT to_jsonb(t.*) AS j FROM %s t OFFSET 0) AS t) AS b
                     WHERE (b.region, b.key) NOT IN (SELECT x.region, unnest(x.keys) FROM access.trace x WHERE x.noun = $1 AND x.op <> 'mark')) AS r
             GROUP BY r.region, (r.n - 1) / 500
             ORDER BY r.region, (r.n - 1) / 500 $q$, one.noun)
        USING one.noun, string_to_array(one.arguments[1], ','), string_to_array(one.arguments[2], ',');
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION access.check_trace_anchored() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.trace_head h WHERE h.region = NEW.region AND h.seq >= NEW.seq) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'anchor.no_block',
            DETAIL = format('统筹区%s的留痕链没有第%s条，不能登记其锚定', NEW.region, NEW.seq);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, id, noun, op, keys, digests, login, actor ON access.trace
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER linked BEFORE UPDATE ON access.trace FOR EACH ROW WHEN (OLD.seq IS NOT NULL) EXECUTE FUNCTION fund.refuse_change();
CREATE CONSTRAINT TRIGGER link AFTER INSERT ON access.trace DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION access.link_traces();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE ON access.trace_head FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER forward BEFORE UPDATE ON access.trace_head FOR EACH ROW
    WHEN (NEW.region <> OLD.region OR NEW.seq <> OLD.seq + 1) EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON access.trace_anchored
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON access.trace_anchored FOR EACH ROW
    WHEN (access.working_login() AND NEW.made_by IS DISTINCT FROM access.user_name())
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER check_anchored BEFORE INSERT ON access.trace_anchored FOR EACH ROW EXECUTE FUNCTION access.check_trace_anchored();

-- Written by `python -m tests.db.house`: what ledger/db/traced.py lists.
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.alarm_notice REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('alarm,channel', 'tries,next_at,problem');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.alarm_notice REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('alarm,channel', 'tries,next_at,problem');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.alarm_notice REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('alarm,channel', 'tries,next_at,problem');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.alarm_seen REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('alarm', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.alarm_seen REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('alarm', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.alarm_seen REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('alarm', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.api_key REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key_hash', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.api_key REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key_hash', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.api_key REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key_hash', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.app_user REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.app_user REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.app_user REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.before_demand REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('act,object,digest,user_name,day', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.before_demand REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('act,object,digest,user_name,day', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.before_demand REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('act,object,digest,user_name,day', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.home REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('one', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.home REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('one', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.home REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('one', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.identity REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('identity_hash', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.identity REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('identity_hash', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.identity REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('identity_hash', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.operator_log REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.operator_log REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.operator_log REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.password REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name', 'otp_step,failures,locked_until,asked,asked_at');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.password REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name', 'otp_step,failures,locked_until,asked,asked_at');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.password REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name', 'otp_step,failures,locked_until,asked,asked_at');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.person_key REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fingerprint', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.person_key REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fingerprint', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.person_key REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fingerprint', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.proposal REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.proposal REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.proposal REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.session REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('token_hash', 'seen_at');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.session REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('token_hash', 'seen_at');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.session REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('token_hash', 'seen_at');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.signing_demand REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('region', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.signing_demand REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('region', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.signing_demand REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('region', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON access.user_role REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name,role,fund', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON access.user_role REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name,role,fund', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON access.user_role REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('user_name,role,fund', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.account_change REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,account,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.account_change REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,account,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.account_change REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,account,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.attachment REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.attachment REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.attachment REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.book REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.book REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.book REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.closing REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.closing REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.closing REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.closing_check REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,n,code', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.closing_check REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,n,code', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.closing_check REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,n,code', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.closing_waiver REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,code,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.closing_waiver REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,code,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.closing_waiver REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period,code,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.period REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.period REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.period REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,period', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.recurrence REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,recurrence_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.recurrence REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,recurrence_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.recurrence REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,recurrence_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.recurrence_draft REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,recurrence_id,due_on,attempt', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.recurrence_draft REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,recurrence_id,due_on,attempt', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.recurrence_draft REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,recurrence_id,due_on,attempt', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.voucher REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.voucher REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.voucher REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.voucher_decision REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.voucher_decision REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.voucher_decision REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,voucher_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON books.voucher_template REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,template_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON books.voucher_template REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,template_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON books.voucher_template REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,template_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.advance REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('advance_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.advance REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('advance_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.advance REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('advance_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.assessment REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,institution', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.assessment REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,institution', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.assessment REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,institution', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.audit_policy REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.audit_policy REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.audit_policy REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.calendar_proposal REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('year,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.calendar_proposal REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('year,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.calendar_proposal REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('year,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.cash_move REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('move_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.cash_move REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('move_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.cash_move REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('move_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.clearing_band REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,from_year,kind,from_ratio', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.clearing_band REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,from_year,kind,from_ratio', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.clearing_band REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,from_year,kind,from_ratio', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.clearing_budget REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,class', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.clearing_budget REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,class', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.clearing_budget REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,class', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.clearing_grade REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,from_year,grade', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.clearing_grade REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,from_year,grade', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.clearing_grade REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,from_year,grade', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.clearing_plan REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.clearing_plan REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.clearing_plan REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.clearing_standard REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,institution', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.clearing_standard REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,institution', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.clearing_standard REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,year,institution', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.control_draft REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('month', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.control_draft REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('month', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.control_draft REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('month', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.control_report REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('month', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.control_report REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('month', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.control_report REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('month', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.declaration REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('declaration_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.declaration REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('declaration_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.declaration REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('declaration_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.declaration_event REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('declaration_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.declaration_event REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('declaration_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.declaration_event REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('declaration_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.deduction_taken REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('deduction_id,paper', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.deduction_taken REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('deduction_id,paper', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.deduction_taken REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('deduction_id,paper', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.difference REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('run_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.difference REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('run_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.difference REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('run_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.enrolment REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,from_day', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.enrolment REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,from_day', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.enrolment REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,from_day', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.finding REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.finding REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.finding REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.finding_event REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.finding_event REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.finding_event REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.finding_evidence REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,sha256', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.finding_evidence REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,sha256', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.finding_evidence REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,sha256', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.finding_taken REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,sheet_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.finding_taken REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,sheet_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.finding_taken REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('finding_id,sheet_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.fund_request REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('request_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.fund_request REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('request_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.fund_request REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('request_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.fund_request_line REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('request_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.fund_request_line REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('request_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.fund_request_line REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('request_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.handback REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,month', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.handback REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,month', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.handback REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,month', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.held REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id,finding_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.held REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id,finding_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.held REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id,finding_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.institution REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.institution REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.institution REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.intake_load REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('load_id', 'lines_done,bytes_done,accepted,duplicate,quarantined,accepted_fen,payable_fen');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.intake_load REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('load_id', 'lines_done,bytes_done,accepted,duplicate,quarantined,accepted_fen,payable_fen');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.intake_load REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('load_id', 'lines_done,bytes_done,accepted,duplicate,quarantined,accepted_fen,payable_fen');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.late_case REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id,year', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.late_case REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id,year', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.late_case REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id,year', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.layer_map REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('match,code,from_day', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.layer_map REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('match,code,from_day', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.layer_map REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('match,code,from_day', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.letter REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.letter REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.letter REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.letter_line REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.letter_line REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.letter_line REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.letter_order REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.letter_order REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.letter_order REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.letter_paper REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,kind', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.letter_paper REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,kind', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.letter_paper REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,kind', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.letter_row REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,row_no,part', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.letter_row REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,row_no,part', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.letter_row REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('letter_id,row_no,part', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.other_deduction REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('deduction_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.other_deduction REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('deduction_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.other_deduction REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('deduction_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_bill REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('bill_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_bill REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('bill_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_bill REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('bill_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_counterparty REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('counterparty', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_counterparty REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('counterparty', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_counterparty REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('counterparty', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_inbox REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('link_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_inbox REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('link_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_inbox REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('link_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_move REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('move_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_move REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('move_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_move REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('move_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_outbox REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('link_id', 'attempts,last_error');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_outbox REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('link_id', 'attempts,last_error');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_outbox REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('link_id', 'attempts,last_error');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_quota REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,counterparty,direction,from_day', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_quota REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,counterparty,direction,from_day', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_quota REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,counterparty,direction,from_day', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.outregion_record REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id', 'order_no');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.outregion_record REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id', 'order_no');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.outregion_record REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id', 'order_no');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.party REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('party', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.party REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('party', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.party REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('party', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.payee_account REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.payee_account REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.payee_account REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.payee_callback REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.payee_callback REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.payee_callback REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.person_account REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.person_account REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.person_account REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.person_payment REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('payment_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.person_payment REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('payment_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.person_payment REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('payment_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.policy_proposal REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.policy_proposal REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.policy_proposal REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.quarantine REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('file_sha256,load_id,line', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.quarantine REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('file_sha256,load_id,line', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.quarantine REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('file_sha256,load_id,line', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.reconcile_run REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('run_id', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.reconcile_run REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('run_id', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.reconcile_run REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('run_id', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.reconcile_total REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('total_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.reconcile_total REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('total_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.reconcile_total REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('total_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.reconciliation REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,institution,term,clr_type', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.reconciliation REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,institution,term,clr_type', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.reconciliation REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,institution,term,clr_type', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.refund REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('refund_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.refund REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('refund_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.refund REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('refund_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.refund_line REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('refund_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.refund_line REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('refund_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.refund_line REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('refund_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.region REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('region', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.region REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('region', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.region REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('region', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.region_policy REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.region_policy REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.region_policy REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('key,from_day', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.removal REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.removal REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.removal REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.risk_case REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.risk_case REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.risk_case REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.risk_step REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('case_n,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.risk_step REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('case_n,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.risk_step REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('case_n,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.sample REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sample_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.sample REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sample_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.sample REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sample_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.sample_record REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sample_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.sample_record REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sample_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.sample_record REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sample_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.sealing_key REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.sealing_key REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.sealing_key REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.settled_term REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,institution,term', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.settled_term REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,institution,term', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.settled_term REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,institution,term', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.settlement_list REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('setl_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.settlement_list REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('setl_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.settlement_list REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('setl_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.sheet REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.sheet REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.sheet REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.sheet_due REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.sheet_due REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.sheet_due REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.sheet_order REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id,order_no', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.sheet_order REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id,order_no', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.sheet_order REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('sheet_id,order_no', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.special_case REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.special_case REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.special_case REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,setl_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON fund.terms REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,kind,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON fund.terms REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,kind,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON fund.terms REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('institution,kind,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON jobs.asked REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON jobs.asked REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON jobs.asked REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON jobs.checked REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('slot,epoch', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON jobs.checked REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('slot,epoch', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON jobs.checked REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('slot,epoch', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON jobs.job_run REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('job,slot', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON jobs.job_run REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('job,slot', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON jobs.job_run REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('job,slot', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.approval REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('batch_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.approval REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('batch_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.approval REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('batch_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.bank_account REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.bank_account REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.bank_account REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.bank_channel REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.bank_channel REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.bank_channel REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.bank_file REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('file_id', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.bank_file REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('file_id', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.bank_file REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('file_id', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.bank_statement REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.bank_statement REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.bank_statement REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.bank_word REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.bank_word REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.bank_word REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.batch REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('batch_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.batch REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('batch_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.batch REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('batch_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.blocked REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,pay_date,run,institution', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.blocked REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,pay_date,run,institution', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.blocked REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,pay_date,run,institution', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.book_account REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,kind', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.book_account REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,kind', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.book_account REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,kind', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.daily_run REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,pay_date,run', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.daily_run REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,pay_date,run', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.daily_run REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('fund,pay_date,run', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.evidence REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,kind,receipt_no,direction', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.evidence REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,kind,receipt_no,direction', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.evidence REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,kind,receipt_no,direction', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.freezing REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.freezing REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.freezing REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.handed_file REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.handed_file REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.handed_file REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.inbound_file REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.inbound_file REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.inbound_file REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.inbound_name REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,name,sha256', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.inbound_name REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,name,sha256', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.inbound_name REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,name,sha256', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.inbound_problem REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.inbound_problem REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.inbound_problem REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.inbound_seen REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,name', 'asked');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.inbound_seen REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,name', 'asked');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.inbound_seen REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,name', 'asked');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.order_event REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.order_event REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.order_event REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('order_no,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.read_again REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.read_again REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.read_again REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.reconciliation REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,period,version', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.reconciliation REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,period,version', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.reconciliation REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,period,version', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.resolution REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('resolution_id', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.resolution REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('resolution_id', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.resolution REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('resolution_id', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.statement_file REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', 'content');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.statement_file REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', 'content');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.statement_file REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,sha256,n', 'content');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.statement_line REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,statement,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.statement_line REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,statement,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.statement_line REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,statement,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.statement_match REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.statement_match REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.statement_match REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_insert AFTER INSERT ON payments.statement_withdrawal REFERENCING NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_update AFTER UPDATE ON payments.statement_withdrawal REFERENCING OLD TABLE AS rows_then NEW TABLE AS rows_now
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');
CREATE OR REPLACE TRIGGER trace_delete AFTER DELETE ON payments.statement_withdrawal REFERENCING OLD TABLE AS rows_then
    FOR EACH STATEMENT EXECUTE FUNCTION access.leave_trace('account,n', '');

-- Grants ------------------------------------------------------
GRANT SELECT ON access.trace TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.trace_head TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON access.trace_anchored TO fundledger_service;
GRANT SELECT ON access.trace_anchored TO fundledger_auditor;
