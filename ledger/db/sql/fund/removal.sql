-- Retention: what is past its term is taken away by two administrators, and what went is told by kind, number, span and digest. Vouchers,
-- books, bank papers and records are accounting archives (会计档案管理办法): no function here takes any of them away.

-- Tables ------------------------------------------------------
CREATE TABLE fund.removal (
    region      integer NOT NULL REFERENCES fund.region,
    n           integer NOT NULL CHECK (n > 0),
    kind        text NOT NULL CHECK (kind IN ('quarantine', 'answers', 'log', 'sessions')),
    before      date NOT NULL,
    items       bigint NOT NULL CHECK (items > 0),
    first_on    date NOT NULL,
    last_on     date NOT NULL CHECK (last_on < before AND first_on <= last_on),
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'removed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, n),
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK ((state = 'refused') = (reason <> '')),
    CHECK (decided_by <> proposed_by)
);
CREATE UNIQUE INDEX one_removal ON fund.removal (region, kind) WHERE state = 'proposed';

-- Functions ---------------------------------------------------
-- The day before which a kind is past its term. Of the business day and the machine's the earlier: no date brings it nearer.
CREATE OR REPLACE FUNCTION fund.term_of(p_region integer, p_kind text, p_on date) RETURNS date LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT (least(p_on, (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date)
            - make_interval(years => coalesce((SELECT p.value::integer FROM fund.region_policy p WHERE p.region = p_region
                                                  AND p.key = 'retention_' || p_kind AND p.from_day <= p_on ORDER BY p.from_day DESC LIMIT 1),
                                              CASE p_kind WHEN 'quarantine' THEN 3 WHEN 'log' THEN 10 ELSE 1 END)))::date
$$;

-- Refused lines that two persons let pass when the month was closed (books.closing_waiver), in every book of the region.
CREATE OR REPLACE FUNCTION fund.passed_lines(p_region integer) RETURNS TABLE (item text) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.item FROM books.closing_waiver w CROSS JOIN LATERAL jsonb_array_elements_text(w.items) AS i (item)
     WHERE w.region = p_region AND w.code = 'quarantine' AND w.granted_by <> ''
     GROUP BY i.item HAVING count(DISTINCT w.fund) = (SELECT count(*) FROM books.book b WHERE b.region = p_region)
$$;

-- What of a kind is past its term and still whole: its key, its day, the digest of its row. Refused lines that wait no longer, by the day
-- of their load: their record came in later, or two persons let them pass (of a line that names no region, in every region); answers;
-- the log; sessions that have ended, of users of the region.
CREATE OR REPLACE FUNCTION fund.past_term(p_region integer, p_kind text, p_before date) RETURNS TABLE (key text, at date, digest bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' SET bytea_output = 'hex' AS $$
    SELECT q.load_id || ' ' || q.line, l.begun_at::date, sha256(convert_to(to_jsonb(q)::text, 'UTF8'))
      FROM fund.quarantine q JOIN fund.intake_load l USING (load_id)
     WHERE p_kind = 'quarantine' AND q.region IN (0, p_region) AND q.raw <> '' AND l.begun_at < p_before
       AND (q.setl_id <> '' AND EXISTS (SELECT 1 FROM fund.record r WHERE r.region = p_region AND r.setl_id = q.setl_id)
            OR 'load ' || q.load_id || ' line ' || q.line IN (SELECT p.item FROM fund.passed_lines(p_region) p)
               AND (q.region <> 0 OR NOT EXISTS (
                    SELECT 1 FROM books.book b WHERE b.region <> p_region
                       AND 'load ' || q.load_id || ' line ' || q.line NOT IN (SELECT p.item FROM fund.passed_lines(b.region) p))))
    UNION ALL
    SELECT concat_ws(' ', i.user_name, i.route, i.key), i.recorded_at::date, sha256(convert_to(to_jsonb(i)::text, 'UTF8'))
      FROM access.idempotency i WHERE p_kind = 'answers' AND i.region = p_region AND i.response <> '' AND i.recorded_at < p_before
    UNION ALL
    SELECT o.id::text, o.recorded_at::date, sha256(convert_to(to_jsonb(o)::text, 'UTF8'))
      FROM access.operator_log o WHERE p_kind = 'log' AND o.region = p_region AND o.recorded_at < p_before
    UNION ALL
    SELECT encode(s.token_hash, 'hex'), s.ended_at::date, sha256(convert_to((jsonb_strip_nulls(to_jsonb(s)) - 'seen_at')::text, 'UTF8'))
      FROM access.session s WHERE p_kind = 'sessions' AND s.ended_at < p_before
       AND EXISTS (SELECT 1 FROM access.user_role r WHERE r.region = p_region AND r.user_name = s.user_name)
$$;

CREATE OR REPLACE FUNCTION fund.past_digest(p_region integer, p_kind text, p_before date, OUT items bigint, OUT first_on date, OUT last_on date, OUT digest bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), min(t.at), max(t.at),
           sha256(convert_to(format('%s|%s|%s|%s', p_region, p_kind, p_before, count(*)), 'UTF8') || coalesce(string_agg(t.digest, '' ORDER BY t.key COLLATE "C"), ''))
      FROM fund.past_term(p_region, p_kind, p_before) t
$$;

CREATE OR REPLACE FUNCTION fund.require_region_role(p_region integer, p_role text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.user_name();
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u USING (user_name)
                    WHERE r.region = p_region AND r.user_name = acting AND r.role = p_role AND r.fund = 0 AND u.active) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = format('用户%s在统筹区%s没有这一岗位：到期资料的清除由安全管理员提出、审计管理员确认', coalesce(acting, '（未指定）'), p_region);
    END IF;
    RETURN acting;
END $$;

-- Which answers are there and when they were given, without what they say: for who verifies and may not read them.
CREATE OR REPLACE FUNCTION access.kept_answers() RETURNS TABLE (region integer, recorded_at timestamptz, empty boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.region, i.recorded_at, i.response = '' FROM access.idempotency i
$$;

-- The security administrator proposes to take away all of a kind that is past its term; gives the proposal's number.
CREATE OR REPLACE FUNCTION fund.propose_removal(p_region integer, p_kind text, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text := fund.require_region_role(p_region, 'admin');
    v_before date := fund.term_of(p_region, p_kind, p_on);
    v record;
    v_n integer;
BEGIN
    IF p_kind NOT IN ('quarantine', 'answers', 'log', 'sessions') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'retention.archive',
            DETAIL = '会计凭证、账簿、银行文件、结算记录是会计档案，不在此清除';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.removal ' || p_region, 0));
    IF EXISTS (SELECT 1 FROM fund.removal r WHERE r.region = p_region AND r.kind = p_kind AND r.state = 'proposed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'retention.pending', DETAIL = '同类资料的清除已提出，待确认';
    END IF;
    SELECT * INTO v FROM fund.past_digest(p_region, p_kind, v_before);
    IF v.items = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'retention.nothing',
            DETAIL = format('没有%s以前、已逾保存期的这类资料，保存期内的不得清除', v_before);
    END IF;
    SELECT coalesce(max(r.n), 0) + 1 INTO v_n FROM fund.removal r WHERE r.region = p_region;
    INSERT INTO fund.removal (region, n, kind, before, items, first_on, last_on, digest, proposed_by, proposed_on)
    VALUES (p_region, v_n, p_kind, v_before, v.items, v.first_on, v.last_on, v.digest, acting, p_on);
    RETURN v_n;
END $$;

-- The audit administrator, another person, confirms exactly what was proposed, or refuses it with a reason; what is confirmed goes at once.
-- Of refused lines and answers the content goes, the row stays: counts of loads tie, and a key that was used is used for ever.
CREATE OR REPLACE FUNCTION fund.decide_removal(p_region integer, p_n integer, p_digest bytea, p_reason text, p_on date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'Asia/Shanghai' AS $$
DECLARE
    acting text := fund.require_region_role(p_region, 'audit_admin');
    v      fund.removal;
    v_now  record;
    v_gone bigint;
BEGIN
    SELECT * INTO v FROM fund.removal r WHERE r.region = p_region AND r.n = p_n FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'retention.unknown', DETAIL = format('没有第%s号清除', p_n);
    ELSIF v.state <> 'proposed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('第%s号清除已由%s办理', p_n, v.decided_by);
    ELSIF access.person(acting) IS NOT DISTINCT FROM access.person(v.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v.proposed_by);
    END IF;
    IF p_reason <> '' THEN
        UPDATE fund.removal SET state = 'refused', decided_by = acting, decided_on = p_on, reason = p_reason WHERE region = p_region AND n = p_n;
        RETURN 0;
    END IF;
    SELECT * INTO v_now FROM fund.past_digest(p_region, v.kind, v.before);
    IF v.digest <> p_digest OR v.digest <> v_now.digest OR v.before > fund.term_of(p_region, v.kind, p_on) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'retention.changed', DETAIL = format('第%s号清除所列与现有的不同，请重新提出', p_n);
    END IF;
    PERFORM access.require_signature(p_region, 'retention.confirm', p_n::text, encode(v.digest, 'hex'), p_on);
    UPDATE fund.removal SET state = 'removed', decided_by = acting, decided_on = p_on WHERE region = p_region AND n = p_n;
    CASE v.kind
        WHEN 'quarantine' THEN
            UPDATE fund.quarantine q SET raw = '' FROM fund.past_term(p_region, v.kind, v.before) t
             WHERE q.load_id || ' ' || q.line = t.key AND q.region IN (0, p_region) AND q.raw <> '';
        WHEN 'answers' THEN
            UPDATE access.idempotency i SET response = '' WHERE i.region = p_region AND i.response <> '' AND i.recorded_at < v.before;
        WHEN 'log' THEN
            DELETE FROM access.operator_log o WHERE o.region = p_region AND o.recorded_at < v.before;
        WHEN 'sessions' THEN
            DELETE FROM access.session s WHERE s.ended_at < v.before
               AND EXISTS (SELECT 1 FROM access.user_role r WHERE r.region = p_region AND r.user_name = s.user_name);
    END CASE;
    GET DIAGNOSTICS v_gone = ROW_COUNT;
    IF v_gone <> v.items THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'retention.changed', DETAIL = format('第%s号清除所列与现有的不同，请重新提出', p_n);
    END IF;
    RETURN v_gone;
END $$;

-- Rows that are never taken away nor emptied, but by a removal confirmed in this very transaction.
CREATE OR REPLACE FUNCTION fund.refuse_unless_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.removal r WHERE r.kind = TG_ARGV[0] AND r.state = 'removed' AND r.xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('%s.%s的这些内容一经写入不得修改或删除', TG_TABLE_SCHEMA, TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.removal FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, n, kind, before, items, first_on, last_on, digest, proposed_by, proposed_on ON fund.removal
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER decided BEFORE UPDATE ON fund.removal FOR EACH ROW WHEN (OLD.state <> 'proposed') EXECUTE FUNCTION fund.refuse_change();
-- but a line sealed anew, as it was (fund.reseal_line)
CREATE OR REPLACE TRIGGER emptied BEFORE UPDATE OF raw ON fund.quarantine FOR EACH ROW
    WHEN (NEW.raw <> OLD.raw AND substring(NEW.raw FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL4'::bytea) EXECUTE FUNCTION fund.refuse_unless_removed('quarantine');
CREATE OR REPLACE TRIGGER emptied BEFORE UPDATE ON access.idempotency FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_unless_removed('answers');
CREATE OR REPLACE TRIGGER removed BEFORE DELETE ON access.operator_log FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_unless_removed('log');
CREATE OR REPLACE TRIGGER removed BEFORE DELETE ON access.session FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_unless_removed('sessions');

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.removal TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.kept_answers() TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.term_of(integer,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.passed_lines(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.past_digest(integer,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.propose_removal(integer,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.decide_removal(integer,integer,bytea,text,date) TO fundledger_service;
