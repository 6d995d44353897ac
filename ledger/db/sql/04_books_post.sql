-- The one posting door (datamodel.md 3). All functions here are owned by fundledger_poster (90_grants.sql).

-- Session staging tables, made by the door's owner so that a caller cannot hand in a view or a trigger of its own.
CREATE FUNCTION books.stage() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS e_in (
        pos integer PRIMARY KEY, event text NOT NULL, rule text NOT NULL, source_key text NOT NULL,
        business_date date NOT NULL CHECK (isfinite(business_date)), reverses_seq bigint NOT NULL, summary text NOT NULL, evidence text NOT NULL,
        evidence_digest bytea NOT NULL, attachments integer NOT NULL, prepared_by text NOT NULL,
        reviewed_by text NOT NULL) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS l_in (
        pos integer NOT NULL, n smallint NOT NULL, section smallint NOT NULL, side smallint NOT NULL,
        amount_fen bigint NOT NULL, account integer NOT NULL, k integer NOT NULL) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS d_in (
        k integer PRIMARY KEY, counterparty text NOT NULL, subfund text NOT NULL, service_year smallint NOT NULL,
        term integer NOT NULL, category text NOT NULL, dim integer) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS e_new (
        pos integer NOT NULL, series text NOT NULL, content bytea NOT NULL, known boolean NOT NULL DEFAULT false) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS e_fresh (
        pos integer NOT NULL, off integer NOT NULL, seq bigint NOT NULL, series text NOT NULL, vno integer NOT NULL,
        content bytea NOT NULL, digest bytea NOT NULL) ON COMMIT DELETE ROWS;
    GRANT INSERT ON pg_temp.e_in, pg_temp.l_in, pg_temp.d_in TO fundledger_service;
    PERFORM books.check_stage();
    IF EXISTS (SELECT 1 FROM pg_temp.e_in) OR EXISTS (SELECT 1 FROM pg_temp.l_in) OR EXISTS (SELECT 1 FROM pg_temp.d_in) THEN
        TRUNCATE pg_temp.e_in, pg_temp.l_in, pg_temp.d_in, pg_temp.e_new, pg_temp.e_fresh;   -- a second batch in one transaction
    END IF;
END $$;

CREATE FUNCTION books.check_stage() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM pg_class
         WHERE relnamespace = pg_my_temp_schema() AND relname IN ('e_in', 'l_in', 'd_in', 'e_new', 'e_fresh')
           AND relkind = 'r' AND relowner = 'fundledger_poster'::regrole) <> 5 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.foreign_stage',
            DETAIL = '暂存表缺失或不属于记账角色';
    END IF;
END $$;

-- Raises for the first staged entry that breaks a rule of form: lines, balance per section, signers, characters.
-- No nested loops here and in digest_contents(): the planner takes any grouping for 200 rows, and from some 1,000
-- entries on the loop over them is slower than all the rest of the posting.
CREATE FUNCTION books.check_entries(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
DECLARE bad record;
BEGIN
    SELECT e.pos, e.source_key, l.legs, l.statutory, l.memorandum, l.zero,
           CASE WHEN l.pos IS NULL OR l.legs < 2 THEN 'entry.too_few_lines'
                WHEN l.zero THEN 'entry.line_amount'
                WHEN l.statutory <> 0 OR l.memorandum <> 0 THEN 'entry.unbalanced'
                WHEN concat(e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by) ~ E'[|\\\\\n\r]'
                     THEN 'entry.character'
                ELSE 'entry.field_missing' END AS code
      INTO bad
      FROM pg_temp.e_in e
      LEFT JOIN (SELECT pos, count(*) AS legs,
                        coalesce(sum(side * amount_fen) FILTER (WHERE section = 1), 0) AS statutory,
                        coalesce(sum(side * amount_fen) FILTER (WHERE section = 2), 0) AS memorandum,
                        bool_or(amount_fen = 0 OR abs(amount_fen) > 9999999999999999
                                OR side NOT IN (1, -1) OR section NOT IN (1, 2)) AS zero
                   FROM pg_temp.l_in GROUP BY pos) l ON l.pos = e.pos
     WHERE l.pos IS NULL OR l.legs < 2 OR l.statutory <> 0 OR l.memorandum <> 0 OR l.zero
        OR concat(e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by) ~ E'[|\\\\\n\r]'
        OR e.summary = '' OR e.source_key = '' OR e.event = '' OR e.rule = ''
     ORDER BY e.pos LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = bad.code,
            DETAIL = format('分录%s（来源%s）：%s行；会计账借贷差%s分，备查账借贷差%s分',
                            bad.pos, bad.source_key, coalesce(bad.legs, 0), coalesce(bad.statutory, 0), coalesce(bad.memorandum, 0));
    END IF;
    IF (SELECT count(DISTINCT pos) FROM pg_temp.l_in) <> (SELECT count(*) FROM pg_temp.e_in) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'entry.orphan_line', DETAIL = '有分录行不属于任何凭证';
    END IF;
    -- The signers of a batch are few: prepared and reviewed by different persons, neither of them a cashier (INV-11).
    -- OFFSET 0 keeps the questions above the DISTINCT: asked of every entry they took half the time of a batch.
    -- What no rule wrote is reviewed by somebody who is a checker or reviewer now; who reviews by acting is a checker.
    SELECT s.prepared_by, s.reviewed_by INTO bad
      FROM (SELECT DISTINCT prepared_by, reviewed_by, rule FROM pg_temp.e_in OFFSET 0) s
     WHERE access.person(s.reviewed_by) IS NULL
        OR (s.prepared_by LIKE 'rule:%' AND s.prepared_by <> 'rule:' || s.rule)
        OR (s.prepared_by NOT LIKE 'rule:%'
            AND (access.person(s.prepared_by) IS NULL
                 OR NOT access.has_role(p_region, p_fund, s.reviewed_by, '{checker,reviewer}')))
        OR (s.reviewed_by = access.user_name() AND NOT access.has_role(p_region, p_fund, s.reviewed_by, '{checker}'))
        OR access.person(s.prepared_by) = access.person(s.reviewed_by)
        OR access.has_role(p_region, p_fund, s.prepared_by, '{cashier}')
        OR access.has_role(p_region, p_fund, s.reviewed_by, '{cashier}')
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'entry.signers',
            DETAIL = format('制单%s与复核%s：须为系统内不同的人，都不是出纳；手工凭证须由复核岗复核', bad.prepared_by, bad.reviewed_by);
    END IF;
END $$;

-- Raises for the first staged line whose account or dimensions the chart does not allow.
CREATE FUNCTION books.check_accounts(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    SELECT l.account, a.name, l.pos, d.k,
           CASE WHEN a.account IS NULL THEN 'account.unknown'
                WHEN NOT a.leaf THEN 'account.not_leaf'
                WHEN a.section <> l.section THEN 'account.section'
                WHEN d.k IS NULL THEN 'dimension.unknown'
                ELSE 'dimension.mismatch' END AS code
      INTO bad
      FROM (SELECT account, section, k, min(pos) AS pos FROM pg_temp.l_in GROUP BY account, section, k) l
      LEFT JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = l.account
      LEFT JOIN pg_temp.d_in d ON d.k = l.k
     WHERE a.account IS NULL OR NOT a.leaf OR a.section <> l.section OR d.k IS NULL
        OR a.dims <> (d.counterparty <> '')::int + 2 * (d.subfund <> '')::int + 4 * (d.service_year <> 0)::int
                     + 8 * (d.term <> 0)::int + 16 * (d.category <> '')::int
     ORDER BY l.pos LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = bad.code,
            DETAIL = format('分录%s的科目%s（%s）不存在、不是末级、不属本部分，或辅助核算与科目要求不符',
                            bad.pos, bad.account, coalesce(bad.name, '未知'));
    END IF;
END $$;

-- Gives every staged dimension its number; new ones are numbered and chained under the region's dimension head.
CREATE FUNCTION books.intern(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE last integer; link bytea; fresh record;
BEGIN
    UPDATE pg_temp.d_in i SET dim = d.dim FROM books.dim d
     WHERE d.region = p_region AND d.counterparty = i.counterparty AND d.subfund = i.subfund
       AND d.service_year = i.service_year AND d.term = i.term AND d.category = i.category;
    IF NOT EXISTS (SELECT 1 FROM pg_temp.d_in WHERE dim IS NULL) THEN RETURN; END IF;
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
END $$;

-- The content digest of every staged entry: business content only, so that a replay on another day is recognised.
CREATE FUNCTION books.digest_contents() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET datestyle = 'ISO, YMD' AS $$
BEGIN
    INSERT INTO pg_temp.e_new (pos, series, content)
    SELECT e.pos, l.series,
           sha256(convert_to(concat_ws('|', e.event, e.source_key, e.business_date, e.reverses_seq, e.summary, e.evidence,
                                       encode(e.evidence_digest, 'hex'), e.attachments) || E'\n' || l.text, 'UTF8'))
      FROM pg_temp.e_in e
      JOIN (SELECT l.pos, CASE WHEN min(l.section) = 1 THEN '记' ELSE '备' END AS series,
                   string_agg(concat_ws('|', l.n, l.section, l.side, l.amount_fen, l.account, d.dim), E'\n' ORDER BY l.n) AS text
              FROM pg_temp.l_in l JOIN pg_temp.d_in d ON d.k = l.k GROUP BY l.pos) l ON l.pos = e.pos;
END $$;

-- Posts the staged entries of one book under one voucher date as one block.
-- One row per staged entry: (pos, posted | replayed | conflict, seq, series, vno, period).
-- A key that is known with other content refuses the batch (FL005 source.key_reused) unless p_partial.
CREATE FUNCTION books.post(p_region integer, p_fund smallint, p_voucher_date date, p_partial boolean DEFAULT false)
RETURNS TABLE (pos integer, outcome text, seq bigint, series text, vno integer, period integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
#variable_conflict use_column
DECLARE
    v_actor   text;
    v_roles   text[];
    v_period  integer := extract(year FROM p_voucher_date)::integer * 100 + extract(month FROM p_voucher_date)::integer;
    v_state   text;
    v_tip     books.head;
    v_now     timestamptz;
    v_staged  integer;
    v_known   integer;
    v_fresh   integer;
    v_taken   jsonb := '{}';   -- series → last number before this block
    v_reused  record;
    v_series  record;
    v_dims    books.dim_head;
    v_digests bytea;
    v_legs    integer;
    v_hash    bytea;
BEGIN
    SELECT array_agg(role) INTO STRICT v_roles FROM access.role WHERE may_post;
    v_actor := access.require_role(p_region, p_fund, v_roles);
    IF access.has_role(p_region, p_fund, v_actor, '{cashier}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.cashier_posts', DETAIL = format('出纳%s不得记账', v_actor);
    END IF;
    PERFORM books.check_stage();
    SELECT count(*) INTO v_staged FROM pg_temp.e_in;
    IF v_staged NOT BETWEEN 1 AND 50000 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'block.size', DETAIL = format('一批应有1到50000张凭证，收到%s张', v_staged);
    END IF;
    PERFORM books.check_entries(p_region, p_fund);
    PERFORM books.check_manual(p_region, p_fund);
    PERFORM books.check_accounts(p_region, p_fund);
    PERFORM books.intern(p_region, p_fund);
    PERFORM books.digest_contents();

    SELECT * INTO v_tip FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'book.unknown', DETAIL = format('账套%s-%s不存在', p_region, p_fund);
    END IF;
    -- INV-05: known keys are replays (same content) or conflicts (other content). Looked up one by one, as in answers().
    UPDATE pg_temp.e_new n SET known = true FROM pg_temp.e_in e
     WHERE e.pos = n.pos AND (SELECT s.seq FROM books.source s
                               WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = e.source_key) IS NOT NULL;
    GET DIAGNOSTICS v_known = ROW_COUNT;
    IF v_known > 0 AND p_partial IS NOT TRUE THEN
        SELECT e.source_key, encode(s.content_digest, 'hex') AS old, encode(n.content, 'hex') AS new INTO v_reused
          FROM pg_temp.e_new n JOIN pg_temp.e_in e ON e.pos = n.pos
          CROSS JOIN LATERAL (SELECT * FROM books.source s
                               WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = e.source_key OFFSET 0) s
         WHERE n.known AND s.content_digest <> n.content ORDER BY e.pos LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'source.key_reused',
                DETAIL = format('业务键%s已用于另一内容：原摘要%s，新摘要%s', v_reused.source_key, left(v_reused.old, 16), left(v_reused.new, 16));
        END IF;
    END IF;
    v_fresh := v_staged - v_known;
    IF v_fresh = 0 THEN
        RETURN QUERY SELECT * FROM books.answers(p_region, p_fund, v_period);
        RETURN;
    END IF;
    SELECT p.state INTO v_state FROM books.period p
     WHERE p.region = p_region AND p.fund = p_fund AND p.period = v_period FOR SHARE;
    IF v_state IS DISTINCT FROM 'open' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_open',
            DETAIL = format('会计期间%s%s，不能记账', v_period, CASE WHEN v_state IS NULL THEN '尚未开启' ELSE '已结账' END);
    END IF;

    v_now := greatest(clock_timestamp(), v_tip.recorded_at + interval '1 microsecond');
    FOR v_series IN
        SELECT n.series, count(*)::integer AS entries FROM pg_temp.e_new n WHERE NOT n.known GROUP BY n.series ORDER BY n.series
    LOOP
        v_taken := v_taken || jsonb_build_object(v_series.series, books.take_numbers(
            p_region, p_fund, v_period, v_series.series, v_series.entries, p_voucher_date));
    END LOOP;

    -- Numbers and digests of the new entries in one pass: every row of a staging table is written once.
    INSERT INTO pg_temp.e_fresh (pos, off, seq, series, vno, content, digest)
    SELECT n.pos, n.off, v_tip.seq + 1 + n.off, n.series, n.vno, n.content,
           sha256(convert_to(concat_ws('|', v_tip.seq + 1 + n.off, n.series, n.vno, p_voucher_date,
               (extract(epoch FROM v_now) * 1000000)::bigint, e.rule, e.prepared_by, e.reviewed_by, encode(n.content, 'hex')), 'UTF8'))
      FROM (SELECT pos, series, content, row_number() OVER (ORDER BY pos)::integer - 1 AS off,
                   (v_taken ->> series)::integer + row_number() OVER (PARTITION BY series ORDER BY pos)::integer AS vno
              FROM pg_temp.e_new WHERE NOT known) n
      JOIN pg_temp.e_in e ON e.pos = n.pos;

    INSERT INTO books.source (region, fund, source_key, period, seq, content_digest)
    SELECT p_region, p_fund, e.source_key, v_period, n.seq, n.content
      FROM pg_temp.e_in e JOIN pg_temp.e_fresh n ON n.pos = e.pos ORDER BY n.seq;

    INSERT INTO books.entry (region, fund, period, seq, series, vno, voucher_date, business_date, recorded_at, event, rule,
                             source_key, reverses_seq, summary, evidence, evidence_digest, attachments, prepared_by, reviewed_by)
    SELECT p_region, p_fund, v_period, n.seq, n.series, n.vno, p_voucher_date, e.business_date, v_now, e.event, e.rule,
           e.source_key, e.reverses_seq, e.summary, e.evidence, e.evidence_digest, e.attachments, e.prepared_by, e.reviewed_by
      FROM pg_temp.e_in e JOIN pg_temp.e_fresh n ON n.pos = e.pos ORDER BY n.seq;

    INSERT INTO books.leg (region, fund, period, seq, n, section, side, amount_fen, account, dim)
    SELECT p_region, p_fund, v_period, n.seq, l.n, l.section, l.side, l.amount_fen, l.account, d.dim
      FROM pg_temp.l_in l JOIN pg_temp.e_fresh n ON n.pos = l.pos JOIN pg_temp.d_in d ON d.k = l.k
     ORDER BY n.seq, l.n;
    GET DIAGNOSTICS v_legs = ROW_COUNT;

    WITH moved AS (
        INSERT INTO books.posting (region, fund, period, account, dim, block, debit, credit, offs)
        SELECT p_region, p_fund, v_period, l.account, d.dim, v_tip.block + 1,
               coalesce(sum(l.amount_fen) FILTER (WHERE l.side = 1), 0),
               coalesce(sum(l.amount_fen) FILTER (WHERE l.side = -1), 0),
               array_agg(DISTINCT n.off ORDER BY n.off)
          FROM pg_temp.l_in l JOIN pg_temp.e_fresh n ON n.pos = l.pos JOIN pg_temp.d_in d ON d.k = l.k
         GROUP BY l.account, d.dim ORDER BY l.account, d.dim
        RETURNING account, dim, debit, credit)
    INSERT INTO books.balance AS b (region, fund, period, account, dim, debit, credit)
    SELECT p_region, p_fund, v_period, m.account, m.dim, m.debit, m.credit FROM moved m ORDER BY m.account, m.dim
    ON CONFLICT (region, fund, period, account, dim)
    DO UPDATE SET debit = b.debit + excluded.debit, credit = b.credit + excluded.credit;

    SELECT string_agg(n.digest, ''::bytea ORDER BY n.seq) INTO v_digests FROM pg_temp.e_fresh n;
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

    RETURN QUERY SELECT * FROM books.answers(p_region, p_fund, v_period);
END $$;

-- Takes `p_entries` numbers of a series (INV-03); returns the last one given before.
CREATE FUNCTION books.take_numbers(p_region integer, p_fund smallint, p_period integer, p_series text, p_entries integer,
                                   p_voucher_date date) RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE taken books.counter;
BEGIN
    SELECT * INTO taken FROM books.counter c
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.series = p_series FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO books.counter VALUES (p_region, p_fund, p_period, p_series, 0, p_voucher_date) RETURNING * INTO taken;
    ELSIF p_voucher_date < taken.last_date THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.date_backwards',
            DETAIL = format('%s字凭证已编到%s，填制日期不能倒退到%s', p_series, taken.last_date, p_voucher_date);
    END IF;
    UPDATE books.counter SET last = taken.last + p_entries, last_date = p_voucher_date
     WHERE region = p_region AND fund = p_fund AND period = p_period AND series = p_series;
    RETURN taken.last;
END $$;

-- What became of each staged entry. Replays are looked up one by one by key (OFFSET 0): as a plain join the planner,
-- which knows nothing of rows written a moment ago, once took a thousand times as long.
CREATE FUNCTION books.answers(p_region integer, p_fund smallint, p_period integer)
RETURNS TABLE (pos integer, outcome text, seq bigint, series text, vno integer, period integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT n.pos, 'posted', n.seq, n.series, n.vno, p_period FROM pg_temp.e_fresh n ORDER BY n.pos;
    RETURN QUERY
    SELECT n.pos, CASE WHEN s.content_digest = n.content THEN 'replayed' ELSE 'conflict' END, e.seq, e.series, e.vno, e.period
      FROM pg_temp.e_new n JOIN pg_temp.e_in i ON i.pos = n.pos
      CROSS JOIN LATERAL (SELECT * FROM books.source s
                           WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = i.source_key OFFSET 0) s
      CROSS JOIN LATERAL (SELECT * FROM books.entry e
                           WHERE e.region = p_region AND e.fund = p_fund AND e.period = s.period AND e.seq = s.seq OFFSET 0) e
     WHERE n.known ORDER BY n.pos;
END $$;

-- Opens a period of a book: its row, and the partitions of that month if no book has had it yet.
CREATE FUNCTION books.open_period(p_region integer, p_fund smallint, p_period integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,maker,checker,system}');
    -- What was closed has its openings printed: no month before it comes into being any more.
    IF EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period > p_period AND c.state <> 'open')
       AND NOT EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.before_closed',
            DETAIL = format('其后的会计期间已结账，不能再开启%s', p_period);
    END IF;
    PERFORM books.make_partitions(p_period);
    INSERT INTO books.period VALUES (p_region, p_fund, p_period, 'open') ON CONFLICT DO NOTHING;
END $$;

-- Closes a period; posting holds its row FOR SHARE, so a close waits for the posts under way and none slips in behind.
CREATE FUNCTION books.close_period(p_region integer, p_fund smallint, p_period integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE was text;
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant}');
    SELECT state INTO was FROM books.period
     WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    IF was IS DISTINCT FROM 'open' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_open',
            DETAIL = format('会计期间%s%s', p_period, CASE WHEN was IS NULL THEN '尚未开启' ELSE '已经结账' END);
    END IF;
    IF EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period < p_period AND c.state <> 'closed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.earlier_open',
            DETAIL = format('%s之前还有未结账的会计期间，请按顺序结账', p_period);
    END IF;
    UPDATE books.period SET state = 'closed' WHERE region = p_region AND fund = p_fund AND period = p_period;
END $$;

-- A book with its chart, its head and its dimension head. Chart rows come as arrays from the data file.
CREATE FUNCTION books.open_book(p_region integer, p_fund smallint, p_name text, p_opened_on date, p_accounts integer[],
                                p_names text[], p_classes text[], p_sides smallint[], p_leaves boolean[], p_dims smallint[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,system}');
    INSERT INTO books.book VALUES (p_region, p_fund, p_name, p_opened_on);
    INSERT INTO books.account
    SELECT p_region, p_fund, a, n, CASE WHEN left(a::text, 1) = '9' THEN 2 ELSE 1 END, c, s, l, d
      FROM unnest(p_accounts, p_names, p_classes, p_sides, p_leaves, p_dims) AS chart (a, n, c, s, l, d);
    INSERT INTO books.dim_head VALUES (p_region, 0, sha256(convert_to('fundledger dimensions ' || p_region, 'UTF8')))
        ON CONFLICT DO NOTHING;
    INSERT INTO books.head VALUES (p_region, p_fund, 0, 0, to_timestamp(0),
                                   sha256(convert_to(format('fundledger book %s-%s', p_region, p_fund), 'UTF8')));
END $$;

-- Stored balances are a cache of the posting lists: this makes them anew from the legs (INV-06).
CREATE FUNCTION books.rebuild_balances(p_region integer, p_fund smallint) RETURNS void
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

-- The month's partitions with their guards; made by the owner of the tables.
CREATE FUNCTION books.make_partitions(p_period integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE parent text;
BEGIN
    IF to_regclass(format('books.leg_%s', p_period)) IS NOT NULL THEN RETURN; END IF;
    IF p_period % 100 NOT BETWEEN 1 AND 12 OR p_period NOT BETWEEN 200001 AND 209912 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'period.format', DETAIL = format('会计期间%s不合规', p_period);
    END IF;
    LOCK TABLE books.period IN SHARE ROW EXCLUSIVE MODE;   -- two books opening the same month at once
    FOREACH parent IN ARRAY ARRAY['entry', 'leg', 'posting'] LOOP
        IF to_regclass(format('books.%s_%s', parent, p_period)) IS NULL THEN
            EXECUTE format('CREATE TABLE books.%1$s_%2$s PARTITION OF books.%1$s FOR VALUES IN (%2$s)', parent, p_period);
            PERFORM books.guard(format('books.%s_%s', parent, p_period)::regclass, true);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE books.posting_%s ALTER COLUMN offs SET STORAGE EXTERNAL', p_period);
END $$;
