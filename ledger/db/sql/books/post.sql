-- The posting door: staging, checking, numbering, writing, chaining, balances. Only books.post() writes the journal (INV-01).

-- Tables ------------------------------------------------------
-- Where the new entries of a batch stand. Arrays are by the entry's `pos`; entries whose key is known have no place.
CREATE TYPE books.places AS (
    offs       integer[],   -- from 0, among the new entries
    ranks      integer[],   -- from 1, among the new entries of the same series
    statutory  integer,     -- how many of them are numbered 记
    memorandum integer      -- and 备
);

-- Functions ---------------------------------------------------
-- Session staging tables, made by the door's owner so that a caller cannot hand in a view or a trigger of its own,
-- and the numbers of the batch's dimensions, in the order given: the lines are staged with them.
-- A staged entry is one row, its lines are arrays: account (negative: credit side), dimension, fen.
CREATE OR REPLACE FUNCTION books.stage(p_region integer, p_fund smallint, p_counterparties text[], p_subfunds text[], p_years integer[],
                            p_terms integer[], p_categories text[]) RETURNS integer[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    PERFORM books.require_poster(p_region, p_fund);
    CREATE TEMP TABLE IF NOT EXISTS e_in (
        pos integer NOT NULL, event text NOT NULL, rule text NOT NULL, source_key text NOT NULL,
        business_date date NOT NULL CHECK (isfinite(business_date)), reverses_seq bigint NOT NULL, summary text NOT NULL, evidence text NOT NULL,
        evidence_digest bytea NOT NULL, attachments integer NOT NULL, prepared_by text NOT NULL,
        reviewed_by text NOT NULL, accounts integer[] NOT NULL, dims integer[] NOT NULL, amounts bigint[] NOT NULL) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS d_in (
        region integer NOT NULL, k integer NOT NULL, counterparty text NOT NULL, subfund text NOT NULL, service_year smallint NOT NULL,
        term integer NOT NULL, category text NOT NULL, asked smallint NOT NULL, dim integer) ON COMMIT DELETE ROWS;
    IF to_regclass('pg_temp.p_new') IS NULL THEN
        CREATE TEMP TABLE p_new (
            account integer NOT NULL, dim integer NOT NULL, debit bigint NOT NULL, credit bigint NOT NULL,
            offs integer[] NOT NULL) ON COMMIT DELETE ROWS;
        ALTER TABLE pg_temp.p_new ALTER COLUMN offs SET STORAGE EXTERNAL;
    END IF;
    CREATE TEMP TABLE IF NOT EXISTS b_new (
        region integer NOT NULL, fund smallint NOT NULL, actor text NOT NULL, staged integer NOT NULL, statutory boolean[] NOT NULL, places books.places NOT NULL,
        contents bytea NOT NULL) ON COMMIT DELETE ROWS;
    GRANT INSERT ON pg_temp.e_in TO fundledger_service, fundledger_books, fundledger_payments;
    PERFORM books.check_stage();
    IF EXISTS (SELECT 1 FROM pg_temp.e_in) OR EXISTS (SELECT 1 FROM pg_temp.d_in) THEN
        TRUNCATE pg_temp.e_in, pg_temp.d_in, pg_temp.p_new, pg_temp.b_new;   -- a second batch in one transaction
    END IF;
    RETURN books.intern(p_region, p_fund, p_counterparties, p_subfunds, p_years, p_terms, p_categories);
END $$;

CREATE OR REPLACE FUNCTION books.check_stage() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM pg_class
         WHERE relnamespace = pg_my_temp_schema() AND relname IN ('e_in', 'd_in', 'p_new', 'b_new')
           AND relkind = 'r' AND relowner = 'fundledger_poster'::regrole) <> 4 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.foreign_stage',
            DETAIL = '暂存表缺失或不属于记账角色';
    END IF;
END $$;

-- The acting user, who may post in this book and is no cashier (INV-11).
CREATE OR REPLACE FUNCTION books.require_poster(p_region integer, p_fund smallint) RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_roles text[]; v_actor text;
BEGIN
    SELECT array_agg(role) INTO STRICT v_roles FROM access.role WHERE may_post;
    v_actor := access.require_role(p_region, p_fund, v_roles);
    IF access.has_role(p_region, p_fund, v_actor, '{cashier}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.cashier_posts', DETAIL = format('出纳%s不得记账', v_actor);
    END IF;
    RETURN v_actor;
END $$;

-- Gives every dimension of the batch its number; new ones are numbered and chained under the region's dimension head.
CREATE OR REPLACE FUNCTION books.intern(p_region integer, p_fund smallint, p_counterparties text[], p_subfunds text[], p_years integer[],
                             p_terms integer[], p_categories text[]) RETURNS integer[] LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE last integer; link bytea; fresh record; numbers integer[];
BEGIN
    INSERT INTO pg_temp.d_in (region, k, counterparty, subfund, service_year, term, category, asked, dim)
    SELECT p_region, i.k, i.counterparty, i.subfund, i.service_year, i.term, i.category,
           (i.counterparty <> '')::int + 2 * (i.subfund <> '')::int + 4 * (i.service_year <> 0)::int
           + 8 * (i.term <> 0)::int + 16 * (i.category <> '')::int,
           (SELECT d.dim FROM books.dim d
             WHERE d.region = p_region AND d.counterparty = i.counterparty AND d.subfund = i.subfund
               AND d.service_year = i.service_year AND d.term = i.term AND d.category = i.category)
      FROM unnest(p_counterparties, p_subfunds, p_years::smallint[], p_terms, p_categories)
           WITH ORDINALITY AS i (counterparty, subfund, service_year, term, category, k);
    IF EXISTS (SELECT 1 FROM pg_temp.d_in WHERE dim IS NULL) THEN
        PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;   -- head before dim_head, always
        SELECT h.dim, h.hash INTO STRICT last, link FROM books.dim_head h WHERE h.region = p_region FOR UPDATE;
        FOR fresh IN
            SELECT DISTINCT i.counterparty, i.subfund, i.service_year, i.term, i.category FROM pg_temp.d_in i
             WHERE i.dim IS NULL AND NOT EXISTS (
                SELECT 1 FROM books.dim d
                 WHERE d.region = p_region AND d.counterparty = i.counterparty AND d.subfund = i.subfund
                   AND d.service_year = i.service_year AND d.term = i.term AND d.category = i.category)
             ORDER BY 1, 2, 3, 4, 5
        LOOP
            last := last + 1;
            link := sha256(link || convert_to(concat_ws('|', last, fresh.counterparty, fresh.subfund,
                                                        fresh.service_year, fresh.term, fresh.category), 'UTF8'));
            INSERT INTO books.dim VALUES (p_region, last, fresh.counterparty, fresh.subfund, fresh.service_year,
                                          fresh.term, fresh.category, link);
        END LOOP;
        UPDATE books.dim_head SET dim = last, hash = link WHERE region = p_region;
        UPDATE pg_temp.d_in i SET dim = d.dim FROM books.dim d
         WHERE i.dim IS NULL AND d.region = p_region AND d.counterparty = i.counterparty AND d.subfund = i.subfund
           AND d.service_year = i.service_year AND d.term = i.term AND d.category = i.category;
    END IF;
    SELECT array_agg(dim ORDER BY k) INTO numbers FROM pg_temp.d_in;
    RETURN numbers;
END $$;

-- Raises for the first staged entry that breaks a rule of form: place, lines, balance per section, accounts, characters.
-- Returns, by place, which entries have statutory lines. No nested loops here and below: the planner takes any grouping
-- for 200 rows, and from some 1,000 entries on the loop over them is slower than all the rest of the posting.
CREATE OR REPLACE FUNCTION books.check_entries(p_region integer, p_fund smallint, p_staged integer) RETURNS boolean[] LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET work_mem = '64MB' AS $$
DECLARE v_statutory boolean[]; v_sound integer;
BEGIN
    SELECT array_agg(l.section = 1 ORDER BY l.pos),
           count(*) FILTER (WHERE l.legs >= 2 AND l.statutory = 0 AND l.total = 0 AND NOT l.wrong)
      INTO v_statutory, v_sound
      FROM (SELECT l.pos, count(*) AS legs, min(a.section) AS section,
                   coalesce(sum(CASE WHEN l.account > 0 THEN l.amount_fen ELSE -l.amount_fen END) FILTER (WHERE a.section = 1), 0) AS statutory,
                   sum(CASE WHEN l.account > 0 THEN l.amount_fen ELSE -l.amount_fen END) AS total,
                   bool_or(coalesce(l.amount_fen = 0 OR abs(l.amount_fen) > 9999999999999999, true) OR a.account IS NULL) AS wrong
              FROM (SELECT e.pos, unnest(e.accounts) AS account, unnest(e.amounts) AS amount_fen FROM pg_temp.e_in e) l
              LEFT JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = abs(l.account)
             GROUP BY l.pos) l;
    IF v_sound IS DISTINCT FROM p_staged
       OR (SELECT count(DISTINCT pos) <> p_staged OR min(pos) <> 0 OR max(pos) <> p_staged - 1 FROM pg_temp.e_in)
       OR EXISTS (SELECT 1 FROM pg_temp.e_in e
                   WHERE cardinality(e.dims) <> cardinality(e.accounts) OR cardinality(e.amounts) <> cardinality(e.accounts)
                      OR concat(e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by) ~ E'[|\\\\\n\r]'
                      OR e.summary = '' OR e.source_key = '' OR e.event = '' OR e.rule = '') THEN
        PERFORM books.refuse_entries(p_region, p_fund);
    END IF;
    RETURN v_statutory;
END $$;

-- Names the first of the entries check_entries() found wrong.
CREATE OR REPLACE FUNCTION books.refuse_entries(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
DECLARE bad record;
BEGIN
    SELECT e.pos, e.source_key, l.legs, l.statutory, l.memorandum, l.unknown,
           CASE WHEN l.pos IS NULL OR l.legs < 2 THEN 'entry.too_few_lines'
                WHEN cardinality(e.amounts) <> l.legs OR cardinality(e.dims) <> l.legs OR cardinality(e.accounts) <> l.legs
                     THEN 'entry.uneven_lines'
                WHEN l.unknown IS NOT NULL THEN 'account.unknown'
                WHEN l.zero THEN 'entry.line_amount'
                WHEN l.statutory <> 0 OR l.memorandum <> 0 THEN 'entry.unbalanced'
                WHEN concat(e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by) ~ E'[|\\\\\n\r]'
                     THEN 'entry.character'
                ELSE 'entry.field_missing' END AS code
      INTO bad
      FROM pg_temp.e_in e
      LEFT JOIN (SELECT l.pos, count(*) AS legs,
                        coalesce(sum(sign(l.account)::bigint * l.amount_fen) FILTER (WHERE a.section = 1), 0) AS statutory,
                        coalesce(sum(sign(l.account)::bigint * l.amount_fen) FILTER (WHERE a.section = 2), 0) AS memorandum,
                        min(abs(l.account)) FILTER (WHERE a.account IS NULL) AS unknown,
                        bool_or(coalesce(l.amount_fen = 0 OR abs(l.amount_fen) > 9999999999999999, true)) AS zero
                   FROM (SELECT e.pos, unnest(e.accounts) AS account, unnest(e.amounts) AS amount_fen FROM pg_temp.e_in e) l
                   LEFT JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = abs(l.account)
                  GROUP BY l.pos) l ON l.pos = e.pos
     WHERE l.pos IS NULL OR l.legs < 2 OR cardinality(e.amounts) <> l.legs OR cardinality(e.dims) <> l.legs
        OR cardinality(e.accounts) <> l.legs OR l.unknown IS NOT NULL OR l.statutory <> 0 OR l.memorandum <> 0 OR l.zero
        OR concat(e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by) ~ E'[|\\\\\n\r]'
        OR e.summary = '' OR e.source_key = '' OR e.event = '' OR e.rule = ''
     ORDER BY e.pos LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'entry.place', DETAIL = '一批凭证的序号须从0起连续，不重不漏';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = bad.code,
        DETAIL = CASE bad.code
            WHEN 'account.unknown' THEN format('分录%s（来源%s）的科目%s不存在', bad.pos, bad.source_key, bad.unknown)
            ELSE format('分录%s（来源%s）：%s行；会计账借贷差%s元，备查账借贷差%s元',
                        bad.pos, bad.source_key, coalesce(bad.legs, 0), fund.yuan(coalesce(bad.statutory, 0)), fund.yuan(coalesce(bad.memorandum, 0))) END;
END $$;

-- The signers of a batch are few: prepared and reviewed by different persons, neither of them a cashier (INV-11).
-- OFFSET 0 keeps the questions above the DISTINCT: asked of every entry they took half the time of a batch.
-- What no rule wrote is reviewed by somebody who is a checker or reviewer now; who reviews by acting is a checker, or the chief
-- who closes a month.
CREATE OR REPLACE FUNCTION books.check_signers(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    SELECT s.prepared_by, s.reviewed_by INTO bad
      FROM (SELECT DISTINCT prepared_by, reviewed_by, rule FROM pg_temp.e_in OFFSET 0) s
     WHERE access.person(s.reviewed_by) IS NULL
        OR (s.prepared_by LIKE 'rule:%' AND s.prepared_by <> 'rule:' || s.rule)
        OR (s.prepared_by NOT LIKE 'rule:%'
            AND (access.person(s.prepared_by) IS NULL
                 OR NOT access.has_role(p_region, p_fund, s.reviewed_by, '{checker,reviewer}')))
        OR (s.reviewed_by = access.user_name()
            AND NOT access.has_role(p_region, p_fund, s.reviewed_by, CASE WHEN s.rule LIKE 'CLOSE-%' THEN '{chief}' ELSE '{checker}' END::text[]))
        OR access.person(s.prepared_by) = access.person(s.reviewed_by)
        OR access.has_role(p_region, p_fund, s.prepared_by, '{cashier}')
        OR access.has_role(p_region, p_fund, s.reviewed_by, '{cashier}')
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'entry.signers',
            DETAIL = format('制单%s与复核%s：须为系统内不同的人，都不是出纳；手工凭证须由复核岗复核', bad.prepared_by, bad.reviewed_by);
    END IF;
END $$;

-- Opening and closing entries are no turnover and in no row of a statement, so money must not hide in one: a closing entry stands
-- on 3001 and on what is closed to it (28号 3001三(一)(二); 4601 and 4602 are split, never closed), and a reversal is of the
-- kind of what it reverses.
CREATE OR REPLACE FUNCTION books.check_kinds(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE books.entry_kind(e.event) = 'closing') THEN
        SELECT e.source_key, abs(l.account) AS account INTO bad
          FROM pg_temp.e_in e CROSS JOIN LATERAL unnest(e.accounts) AS l (account)
         WHERE books.entry_kind(e.event) = 'closing' AND abs(l.account)::text !~ '^(3001|4(?!60)|5)' LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'entry.closing_account',
                DETAIL = format('结转凭证（来源%s）不能有科目%s：结转只在收入、支出与3001一般基金结余之间，4601、4602只分配不结转',
                                bad.source_key, bad.account);
        END IF;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.reverses_seq <> 0) THEN
        SELECT e.source_key, e.reverses_seq INTO bad
          FROM pg_temp.e_in e
          LEFT JOIN (SELECT x.seq, books.entry_kind(x.event) AS kind FROM books.entry x
                      WHERE x.region = p_region AND x.fund = p_fund AND x.event IN ('OPEN', 'CLOSE-M', 'CLOSE-Y')) k ON k.seq = e.reverses_seq
         WHERE e.reverses_seq <> 0 AND coalesce(k.kind, 'entry') <> books.entry_kind(e.event) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'entry.kind_of_reversal',
                DETAIL = format('凭证（来源%s）冲销链上第%s号，两者须同为普通、期初或结转凭证', bad.source_key, bad.reverses_seq);
        END IF;
    END IF;
END $$;

-- The batch's movements by account and dimension, in p_new; entries are named by their place among the new ones
-- (`p_offs`; null: nothing is known, an entry's place is its `pos`).
CREATE OR REPLACE FUNCTION books.gather(p_offs integer[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET work_mem = '64MB' AS $$
BEGIN
    INSERT INTO pg_temp.p_new (account, dim, debit, credit, offs)
    SELECT abs(l.account), l.dim, coalesce(sum(l.amount_fen) FILTER (WHERE l.account > 0), 0),
           coalesce(sum(l.amount_fen) FILTER (WHERE l.account < 0), 0), array_agg(DISTINCT l.off ORDER BY l.off)
      FROM (SELECT coalesce(p_offs[e.pos + 1], e.pos) AS off, unnest(e.accounts) AS account, unnest(e.dims) AS dim,
                   unnest(e.amounts) AS amount_fen
              FROM pg_temp.e_in e WHERE p_offs IS NULL OR p_offs[e.pos + 1] IS NOT NULL) l
     GROUP BY abs(l.account), l.dim ORDER BY abs(l.account), l.dim;
END $$;

-- Raises for the first gathered account whose kind or dimensions the chart does not allow. Closing entries, and the reversals of
-- such (books.check_closing_posts), stand on what was posted before its account was divided, too.
CREATE OR REPLACE FUNCTION books.check_accounts(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
DECLARE bad record;
BEGIN
    SELECT p.account, a.name, p.offs[1] AS pos,
           CASE WHEN NOT a.leaf THEN 'account.not_leaf'
                WHEN d.dim IS NULL THEN 'dimension.unknown'
                ELSE 'dimension.mismatch' END AS code
      INTO bad
      FROM pg_temp.p_new p
      JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = p.account
      LEFT JOIN (SELECT DISTINCT dim, asked FROM pg_temp.d_in WHERE region = p_region) d ON d.dim = p.dim
     WHERE d.dim IS NULL OR a.dims <> d.asked OR NOT a.leaf AND NOT (
               EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.event LIKE 'CLOSE-%')
               AND EXISTS (SELECT 1 FROM books.balance b WHERE b.region = p_region AND b.fund = p_fund AND b.account = p.account))
     ORDER BY p.offs[1] LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = bad.code,
            DETAIL = format('分录%s的科目%s（%s）不是末级，或辅助核算未登记、与科目要求不符', bad.pos, bad.account, bad.name);
    END IF;
END $$;

-- The content digests of the staged entries, 32 bytes each, in order of their places: business content only, so that
-- a replay on another day is recognised.
CREATE OR REPLACE FUNCTION books.digest_contents() RETURNS bytea LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
BEGIN
    RETURN (SELECT string_agg(sha256(convert_to(concat_ws('|', e.event, e.source_key, e.business_date, e.reverses_seq, e.summary, e.evidence,
                                                  encode(e.evidence_digest, 'hex'), e.attachments, array_to_string(e.accounts, ','),
                                                  array_to_string(e.dims, ','), array_to_string(e.amounts, ',')), 'UTF8')),
                      ''::bytea ORDER BY e.pos)
      FROM pg_temp.e_in e);
END $$;

-- INV-05: which staged entries have a key that is posted already, by place; null when none has.
-- A known key with other content refuses the batch unless `p_partial`. Looked up one by one, as in replays().
CREATE OR REPLACE FUNCTION books.known(p_region integer, p_fund smallint, p_contents bytea, p_partial boolean) RETURNS boolean[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_known boolean[]; v_reused record;
BEGIN
    SELECT array_agg(k.posted ORDER BY k.pos) INTO v_known
      FROM (SELECT e.pos, (SELECT s.seq FROM books.source s
                            WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = e.source_key) IS NOT NULL AS posted
              FROM pg_temp.e_in e) k;
    IF NOT (true = ANY (v_known)) THEN
        RETURN NULL;
    END IF;
    IF p_partial IS NOT TRUE THEN
        SELECT e.source_key, encode(s.content_digest, 'hex') AS old, encode(substr(p_contents, 32 * e.pos + 1, 32), 'hex') AS new
          INTO v_reused
          FROM pg_temp.e_in e
          CROSS JOIN LATERAL (SELECT * FROM books.source s
                               WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = e.source_key OFFSET 0) s
         WHERE v_known[e.pos + 1] AND s.content_digest <> substr(p_contents, 32 * e.pos + 1, 32) ORDER BY e.pos LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'source.key_reused',
                DETAIL = format('业务键%s已用于另一内容：原摘要%s，新摘要%s', v_reused.source_key, left(v_reused.old, 16), left(v_reused.new, 16));
        END IF;
    END IF;
    RETURN v_known;
END $$;

-- Places for the entries that are new: all of them, or all but the known.
CREATE OR REPLACE FUNCTION books.place(p_statutory boolean[], p_known boolean[]) RETURNS books.places LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_places books.places;
BEGIN
    SELECT array_agg(n.off ORDER BY n.pos), array_agg(n.rank ORDER BY n.pos),
           count(*) FILTER (WHERE n.fresh AND n.statutory), count(*) FILTER (WHERE n.fresh AND NOT n.statutory)
      INTO v_places
      FROM (SELECT n.pos, n.statutory, n.fresh,
                   CASE WHEN n.fresh THEN row_number() OVER (PARTITION BY n.fresh ORDER BY n.pos) - 1 END::integer AS off,
                   row_number() OVER (PARTITION BY n.fresh, n.statutory ORDER BY n.pos)::integer AS rank
              FROM (SELECT pos, statutory, p_known IS NULL OR NOT p_known[pos] AS fresh
                      FROM unnest(p_statutory) WITH ORDINALITY AS t (statutory, pos)) n) n;
    RETURN v_places;
END $$;

-- The keys of the new entries with what they were posted with (INV-05).
CREATE OR REPLACE FUNCTION books.write_sources(p_region integer, p_fund smallint, p_period integer, p_tip bigint, p_contents bytea, p_offs integer[])
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO books.source (region, fund, source_key, period, seq, content_digest)
    SELECT p_region, p_fund, e.source_key, p_period, p_tip + 1 + p_offs[e.pos + 1], substr(p_contents, 32 * e.pos + 1, 32)
      FROM pg_temp.e_in e WHERE p_offs[e.pos + 1] IS NOT NULL;
END $$;

-- Checks and gathers the staged entries, all that can be done before the book's head is locked. May be called before
-- books.post(), so that one batch is prepared while another is written; post() does it where it has not been done.
CREATE OR REPLACE FUNCTION books.prepare(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET jit = off AS $$
DECLARE v_actor text := books.require_poster(p_region, p_fund); v_staged integer; v_statutory boolean[];
BEGIN
    PERFORM books.check_stage();
    SELECT count(*) INTO v_staged FROM pg_temp.e_in;
    IF v_staged NOT BETWEEN 1 AND 50000 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'block.size', DETAIL = format('一批应有1到50000张凭证，收到%s张', v_staged);
    END IF;
    IF EXISTS (SELECT 1 FROM pg_temp.b_new) THEN
        TRUNCATE pg_temp.p_new, pg_temp.b_new;
    END IF;
    v_statutory := books.check_entries(p_region, p_fund, v_staged);
    PERFORM books.check_signers(p_region, p_fund);
    PERFORM books.check_manual(p_region, p_fund);
    PERFORM books.check_kinds(p_region, p_fund);
    PERFORM fund.check_opening(p_region, p_fund);
    PERFORM books.gather(NULL);
    PERFORM books.check_accounts(p_region, p_fund);
    INSERT INTO pg_temp.b_new VALUES (p_region, p_fund, v_actor, v_staged, v_statutory, books.place(v_statutory, NULL), books.digest_contents());
END $$;

-- Posts the staged entries of one book under one voucher date as one block.
-- One row per run of staged entries with consecutive numbers: (first, last place; posted | replayed | conflict; the first
-- one's seq, series, vno and its period). A key that is known with other content refuses the batch (FL005
-- source.key_reused) unless p_partial.
CREATE OR REPLACE FUNCTION books.post(p_region integer, p_fund smallint, p_voucher_date date, p_partial boolean DEFAULT false)
RETURNS TABLE (first_pos integer, last_pos integer, outcome text, seq bigint, series text, vno integer, period integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET jit = off AS $$
#variable_conflict use_column
DECLARE
    v_actor     text := books.require_poster(p_region, p_fund);
    v_period    integer := extract(year FROM p_voucher_date)::integer * 100 + extract(month FROM p_voucher_date)::integer;
    v_state     text;
    v_closing   boolean;
    v_tip       books.head;
    v_now       timestamptz;
    v_batch     record;
    v_staged    integer;
    v_statutory boolean[];
    v_contents  bytea;
    v_known     boolean[];
    v_places    books.places;
    v_offs      integer[];
    v_ranks     integer[];
    v_fresh     integer;
    v_before    integer[] := '{0,0}';   -- last numbers of 记 and 备 before this block
    v_dims      books.dim_head;
    v_digests   bytea;
    v_legs      integer;
    v_hash      bytea;
BEGIN
    PERFORM books.check_stage();
    -- Staged rows are only ever added: as many as were prepared are those that were prepared, by the same user.
    SELECT * INTO v_batch FROM pg_temp.b_new b WHERE b.region = p_region AND b.fund = p_fund AND b.actor = v_actor;
    IF NOT FOUND OR v_batch.staged <> (SELECT count(*) FROM pg_temp.e_in) THEN
        PERFORM books.prepare(p_region, p_fund);
        SELECT * INTO STRICT v_batch FROM pg_temp.b_new b;
    END IF;
    v_staged := v_batch.staged;
    v_statutory := v_batch.statutory;
    v_places := v_batch.places;
    v_contents := v_batch.contents;

    IF EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.rule = 'manual') THEN
        PERFORM books.hold_accounts(p_region, p_fund);   -- before the head, as an approval of orders
    END IF;
    SELECT * INTO v_tip FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'book.unknown', DETAIL = format('账套%s-%s不存在', p_region, p_fund);
    END IF;
    -- An account may have been divided since the batch was prepared; from here on none is.
    IF EXISTS (SELECT 1 FROM books.account a WHERE a.region = p_region AND a.fund = p_fund AND NOT a.leaf
                  AND a.account IN (SELECT p.account FROM pg_temp.p_new p)) THEN
        PERFORM books.check_accounts(p_region, p_fund);
    END IF;
    -- Whether a key is known is asked by trying: the source keys are written first, and only if one was there is each looked up.
    BEGIN
        PERFORM books.write_sources(p_region, p_fund, v_period, v_tip.seq, v_contents, v_places.offs);
    EXCEPTION WHEN unique_violation THEN
        v_known := books.known(p_region, p_fund, v_contents, p_partial);
        v_places := books.place(v_statutory, v_known);
        PERFORM books.write_sources(p_region, p_fund, v_period, v_tip.seq, v_contents, v_places.offs);
        TRUNCATE pg_temp.p_new;
        PERFORM books.gather(v_places.offs);
    END;
    v_offs := v_places.offs;
    v_ranks := v_places.ranks;
    v_fresh := v_places.statutory + v_places.memorandum;
    IF v_fresh = 0 THEN
        RETURN QUERY SELECT * FROM books.replays(p_region, p_fund, v_contents, v_known);
        RETURN;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.rule = 'manual') THEN
        PERFORM books.check_hand_days(p_region, p_fund, p_voucher_date, v_offs);
    END IF;
    SELECT p.state INTO v_state FROM books.period p
     WHERE p.region = p_region AND p.fund = p_fund AND p.period = v_period FOR SHARE;
    v_closing := EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.event LIKE 'CLOSE-%');
    IF v_state IS DISTINCT FROM 'open' AND NOT (v_closing AND v_state = 'closing') THEN
        PERFORM books.refuse_period(p_region, p_fund, v_period, v_state);
    END IF;
    -- An open month may still be one that has not begun: it is opened early, and nobody writes a voucher ahead in it. What rules
    -- book is dated by the business; two years ahead is nobody's business.
    IF v_period > to_char(books.outer_day(p_region, p_fund) + CASE WHEN EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.rule = 'manual')
                          THEN 0 ELSE 730 END, 'YYYYMM')::integer THEN
        PERFORM books.refuse_period(p_region, p_fund, v_period, 'future');
    END IF;
    IF v_closing THEN
        PERFORM books.check_closing_posts(p_region, p_fund, p_voucher_date, v_state);
    END IF;

    IF v_tip.seq > 0 AND EXISTS (SELECT 1 FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.state = 'confirmed'
                                    AND c.day >= p_voucher_date) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.before_day',
            DETAIL = format('填制日期%s不晚于接转日，该日及以前的账在期初余额之内', p_voucher_date);
    END IF;
    v_now := greatest(clock_timestamp(), v_tip.recorded_at + interval '1 microsecond');
    IF v_places.statutory > 0 THEN
        v_before[1] := books.take_numbers(p_region, p_fund, v_period, '记', v_places.statutory, p_voucher_date);
    END IF;
    IF v_places.memorandum > 0 THEN
        v_before[2] := books.take_numbers(p_region, p_fund, v_period, '备', v_places.memorandum, p_voucher_date);
    END IF;

    INSERT INTO books.entry (region, fund, period, seq, series, vno, voucher_date, business_date, recorded_at, event, rule,
                             source_key, reverses_seq, summary, evidence, evidence_digest, attachments, prepared_by, reviewed_by,
                             accounts, dims, amounts)
    SELECT p_region, p_fund, v_period, v_tip.seq + 1 + v_offs[e.pos + 1], CASE WHEN v_statutory[e.pos + 1] THEN '记' ELSE '备' END,
           v_ranks[e.pos + 1] + v_before[CASE WHEN v_statutory[e.pos + 1] THEN 1 ELSE 2 END], p_voucher_date,
           e.business_date, v_now, e.event, e.rule, e.source_key, e.reverses_seq, e.summary, e.evidence, e.evidence_digest,
           e.attachments, e.prepared_by, e.reviewed_by, e.accounts, e.dims, e.amounts
      FROM pg_temp.e_in e WHERE v_offs[e.pos + 1] IS NOT NULL ORDER BY e.pos;

    SELECT sum(cardinality(e.accounts)) INTO v_legs FROM pg_temp.e_in e WHERE v_offs[e.pos + 1] IS NOT NULL;

    INSERT INTO books.posting (region, fund, period, account, dim, block, debit, credit, offs)
    SELECT p_region, p_fund, v_period, p.account, p.dim, v_tip.block + 1, p.debit, p.credit, p.offs FROM pg_temp.p_new p;
    INSERT INTO books.account_block (region, fund, period, account, block, debit, credit, longest)
    SELECT p_region, p_fund, v_period, p.account, v_tip.block + 1, sum(p.debit), sum(p.credit), max(cardinality(p.offs))
      FROM pg_temp.p_new p GROUP BY p.account;
    INSERT INTO books.balance AS b (region, fund, period, account, dim, debit, credit)
    SELECT p_region, p_fund, v_period, p.account, p.dim, p.debit, p.credit FROM pg_temp.p_new p ORDER BY p.account, p.dim
    ON CONFLICT (region, fund, period, account, dim)
    DO UPDATE SET debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;

    SELECT string_agg(sha256(convert_to(concat_ws('|', v_tip.seq + 1 + v_offs[e.pos + 1], CASE WHEN v_statutory[e.pos + 1] THEN '记' ELSE '备' END,
                v_ranks[e.pos + 1] + v_before[CASE WHEN v_statutory[e.pos + 1] THEN 1 ELSE 2 END], p_voucher_date,
                (extract(epoch FROM v_now) * 1000000)::bigint, e.rule, e.prepared_by, e.reviewed_by), 'UTF8')
                || substr(v_contents, 32 * e.pos + 1, 32)), ''::bytea ORDER BY e.pos)
      INTO v_digests FROM pg_temp.e_in e WHERE v_offs[e.pos + 1] IS NOT NULL;
    SELECT * INTO STRICT v_dims FROM books.dim_head h WHERE h.region = p_region;
    v_hash := sha256(v_tip.hash || convert_to(concat_ws('|', p_region, p_fund, v_tip.block + 1, v_period, p_voucher_date,
                  v_tip.seq + 1, v_tip.seq + v_fresh, v_legs, (extract(epoch FROM v_now) * 1000000)::bigint, v_actor,
                  v_dims.dim, encode(v_dims.hash, 'hex')) || E'\n', 'UTF8') || v_digests);
    INSERT INTO books.block (region, fund, block, period, voucher_date, first_seq, last_seq, legs, recorded_at, actor,
                             dim_last, dim_hash, digests, prev, hash)
    VALUES (p_region, p_fund, v_tip.block + 1, v_period, p_voucher_date, v_tip.seq + 1, v_tip.seq + v_fresh, v_legs, v_now, v_actor,
            v_dims.dim, v_dims.hash, v_digests, v_tip.hash, v_hash);
    UPDATE books.head SET seq = v_tip.seq + v_fresh, block = v_tip.block + 1, recorded_at = v_now, hash = v_hash
     WHERE region = p_region AND fund = p_fund;
    PERFORM books.book_hand(p_region, p_fund, p_voucher_date, v_tip.seq, v_offs);

    -- Runs: while seq and vno both go on by one, their distance from the place stays the same.
    IF v_known IS NULL AND 0 IN (v_places.statutory, v_places.memorandum) THEN
        RETURN QUERY SELECT 0, v_staged - 1, 'posted', v_tip.seq + 1, CASE WHEN v_statutory[1] THEN '记' ELSE '备' END,
                            1 + CASE WHEN v_statutory[1] THEN v_before[1] ELSE v_before[2] END, v_period;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT min(n.pos)::integer, max(n.pos)::integer, 'posted', min(n.seq), CASE WHEN n.statutory THEN '记' ELSE '备' END, min(n.vno), v_period
      FROM (SELECT t.pos - 1 AS pos, v_tip.seq + 1 + t.off AS seq, t.statutory,
                   t.rank + v_before[CASE WHEN t.statutory THEN 1 ELSE 2 END] AS vno
              FROM unnest(v_offs, v_ranks, v_statutory) WITH ORDINALITY AS t (off, rank, statutory, pos) WHERE t.off IS NOT NULL) n
     GROUP BY n.statutory, n.seq - n.pos, n.vno - n.pos;
    IF v_fresh < v_staged THEN
        RETURN QUERY SELECT * FROM books.replays(p_region, p_fund, v_contents, v_known);
    END IF;
END $$;

-- Takes `p_entries` numbers of a series (INV-03); returns the last one given before.
CREATE OR REPLACE FUNCTION books.take_numbers(p_region integer, p_fund smallint, p_period integer, p_series text, p_entries integer,
                                   p_voucher_date date) RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE taken books.counter;
BEGIN
    SELECT * INTO taken FROM books.counter c
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.series = p_series FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO books.counter VALUES (p_region, p_fund, p_period, p_series, 0, p_voucher_date) RETURNING * INTO taken;
    ELSIF p_voucher_date < taken.last_date AND NOT books.papers_of_day(p_region, p_fund, p_voucher_date) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.date_backwards',
            DETAIL = format('%s字凭证已编到%s，填制日期不能倒退到%s', p_series, taken.last_date, p_voucher_date);
    END IF;
    UPDATE books.counter SET last = taken.last + p_entries, last_date = greatest(taken.last_date, p_voucher_date)
     WHERE region = p_region AND fund = p_fund AND period = p_period AND series = p_series;
    RETURN taken.last;
END $$;

-- What became of the staged entries whose keys were known, one row each: the first answer. Looked up one by one by key
-- (OFFSET 0): as a plain join the planner, which knows nothing of rows written a moment ago, once took a thousand times as long.
CREATE OR REPLACE FUNCTION books.replays(p_region integer, p_fund smallint, p_contents bytea, p_known boolean[])
RETURNS TABLE (first_pos integer, last_pos integer, outcome text, seq bigint, series text, vno integer, period integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT i.pos, i.pos, CASE WHEN s.content_digest = substr(p_contents, 32 * i.pos + 1, 32) THEN 'replayed' ELSE 'conflict' END,
           e.seq, e.series, e.vno, e.period
      FROM pg_temp.e_in i
      CROSS JOIN LATERAL (SELECT * FROM books.source s
                           WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = i.source_key OFFSET 0) s
      CROSS JOIN LATERAL (SELECT * FROM books.entry e
                           WHERE e.region = p_region AND e.fund = p_fund AND e.period = s.period AND e.seq = s.seq OFFSET 0) e
     WHERE p_known[i.pos + 1];
END $$;

-- Stored balances are a cache of the posting lists: this makes them anew from the legs (INV-06).
CREATE OR REPLACE FUNCTION books.rebuild_balances(p_region integer, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,system}');
    PERFORM 1 FROM books.head WHERE region = p_region AND fund = p_fund FOR UPDATE;
    DELETE FROM books.balance WHERE region = p_region AND fund = p_fund;
    INSERT INTO books.balance
    SELECT region, fund, period, account, dim, coalesce(sum(amount_fen) FILTER (WHERE side = 1), 0),
           coalesce(sum(amount_fen) FILTER (WHERE side = -1), 0)
      FROM books.leg WHERE region = p_region AND fund = p_fund GROUP BY region, fund, period, account, dim;
END $$;

-- Grants ------------------------------------------------------
ALTER FUNCTION books.check_accounts(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_entries(integer,smallint,integer) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_kinds(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_signers(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_stage() OWNER TO fundledger_poster;
ALTER FUNCTION books.digest_contents() OWNER TO fundledger_poster;
ALTER FUNCTION books.gather(integer[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.intern(integer,smallint,text[],text[],integer[],integer[],text[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.known(integer,smallint,bytea,boolean) OWNER TO fundledger_poster;
ALTER FUNCTION books.place(boolean[],boolean[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.post(integer,smallint,date,boolean) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.post(integer,smallint,date,boolean) TO fundledger_service;
ALTER FUNCTION books.prepare(integer,smallint) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.prepare(integer,smallint) TO fundledger_service;
ALTER FUNCTION books.rebuild_balances(integer,smallint) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.rebuild_balances(integer,smallint) TO fundledger_service;
ALTER FUNCTION books.refuse_entries(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.replays(integer,smallint,bytea,boolean[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.require_poster(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.stage(integer,smallint,text[],text[],integer[],integer[],text[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.stage(integer,smallint,text[],text[],integer[],integer[],text[]) TO fundledger_service;
ALTER FUNCTION books.take_numbers(integer,smallint,integer,text,integer,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.write_sources(integer,smallint,integer,bigint,bytea,integer[]) OWNER TO fundledger_poster;
