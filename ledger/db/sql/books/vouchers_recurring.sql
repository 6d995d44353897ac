-- Vouchers that come again: a template with its rhythm by two persons, and what was drafted of it, once a day due.

-- Tables ------------------------------------------------------
-- A voucher that comes again: a template with what fills it and its rhythm, proposed by one person and confirmed by another.
CREATE TABLE books.recurrence (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    recurrence_id text NOT NULL CHECK (recurrence_id ~ '^RV-[0-9a-f]{12}$'),
    template      text NOT NULL CHECK (template <> ''),
    summary       text NOT NULL CHECK (summary <> '' AND translate(summary, E'|\\\n\r\t', '') = summary),
    evidence      text NOT NULL CHECK (evidence <> '' AND translate(evidence, E'|\\\n\r\t', '') = evidence),
    filling       text NOT NULL,          -- JSON: amounts in fen by part ({} where each time's is given), banks, accounts, dimensions
    rhythm        text NOT NULL CHECK (rhythm IN ('monthly', 'quarterly', 'yearly', 'interest')),
    from_day      date NOT NULL CHECK (isfinite(from_day)),   -- the first day due; its day of the month is the rhythm's
    to_day        date CHECK (isfinite(to_day) AND to_day >= from_day),
    digest        bytea NOT NULL CHECK (length(digest) = 32),
    state         text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'refused', 'stopped')),
    proposed_by   text NOT NULL,
    proposed_on   date NOT NULL,
    decided_by    text NOT NULL DEFAULT '',
    decided_on    date,
    reason        text NOT NULL DEFAULT '',
    stopped_by    text NOT NULL DEFAULT '',
    stopped_on    date,
    PRIMARY KEY (region, fund, recurrence_id),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (decided_by <> proposed_by),
    CHECK ((state = 'proposed') = (decided_by = '') AND (decided_by = '') = (decided_on IS NULL)),
    CHECK ((state = 'stopped') = (stopped_by <> '') AND (stopped_by = '') = (stopped_on IS NULL)),
    CHECK ((state IN ('refused', 'stopped')) = (reason <> ''))
);

-- What was drafted of it: one draft a day due, another only where the one before was rejected or withdrawn.
CREATE TABLE books.recurrence_draft (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    recurrence_id text NOT NULL,
    due_on        date NOT NULL,
    attempt       smallint NOT NULL CHECK (attempt > 0),
    voucher_id    text NOT NULL,
    PRIMARY KEY (region, fund, recurrence_id, due_on, attempt),
    UNIQUE (region, fund, voucher_id),
    FOREIGN KEY (region, fund, recurrence_id) REFERENCES books.recurrence,
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher
);

-- Functions ---------------------------------------------------
-- Proposes one under the acting user's name; returns its id. The same again is the same while it waits or is in force.
CREATE OR REPLACE FUNCTION books.propose_recurrence(p_region integer, p_fund smallint, p_template text, p_summary text, p_evidence text,
                                         p_filling text, p_rhythm text, p_from date, p_to date, p_on date)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    v_actor  text := access.require_role(p_region, p_fund, '{accountant,maker}');
    v_digest bytea;
    v_id     text;
    v_n      integer := 0;
BEGIN
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    LOOP
        v_n := v_n + 1;
        v_digest := sha256(convert_to(concat_ws('|', p_region, p_fund, v_n, p_template, p_summary, p_evidence, p_filling, p_rhythm, p_from,
                                                coalesce(p_to::text, ''), v_actor), 'UTF8'));
        v_id := 'RV-' || left(encode(v_digest, 'hex'), 12);
        EXIT WHEN NOT EXISTS (SELECT 1 FROM books.recurrence r WHERE r.region = p_region AND r.fund = p_fund AND r.recurrence_id = v_id);
        IF EXISTS (SELECT 1 FROM books.recurrence r WHERE r.region = p_region AND r.fund = p_fund AND r.recurrence_id = v_id
                      AND r.state IN ('proposed', 'confirmed')) THEN
            RETURN v_id;
        END IF;
    END LOOP;
    INSERT INTO books.recurrence (region, fund, recurrence_id, template, summary, evidence, filling, rhythm, from_day, to_day, digest,
                                  proposed_by, proposed_on)
    VALUES (p_region, p_fund, v_id, p_template, p_summary, p_evidence, p_filling, p_rhythm, p_from, p_to, v_digest, v_actor, p_on);
    RETURN v_id;
END $$;

-- Confirms (p_reason '') or refuses as another person, naming the digest; or stops one that is in force, as either side.
CREATE OR REPLACE FUNCTION books.decide_recurrence(p_region integer, p_fund smallint, p_id text, p_state text, p_digest bytea, p_reason text, p_on date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, CASE p_state WHEN 'stopped' THEN '{accountant,maker,checker}'::text[] ELSE '{checker}' END);
    r       books.recurrence;
BEGIN
    SELECT * INTO r FROM books.recurrence c WHERE c.region = p_region AND c.fund = p_fund AND c.recurrence_id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'recurrence.unknown', DETAIL = format('没有定期凭证%s', left(p_id, 40));
    ELSIF r.state <> (CASE p_state WHEN 'stopped' THEN 'confirmed' ELSE 'proposed' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'recurrence.state', DETAIL = format('定期凭证%s现为{recurrence.state:%s}，不能再办理', p_id, r.state);
    ELSIF r.digest IS DISTINCT FROM p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'recurrence.changed', DETAIL = format('定期凭证%s的内容与所核对的摘要不符', p_id);
    ELSIF p_state <> 'stopped' AND access.person(v_actor) IS NOT DISTINCT FROM access.person(r.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'recurrence.same_person', DETAIL = format('定期凭证%s由%s提出，须由另一人确认', p_id, r.proposed_by);
    END IF;
    IF p_state = 'stopped' THEN
        UPDATE books.recurrence SET state = 'stopped', reason = p_reason, stopped_by = v_actor, stopped_on = p_on
         WHERE region = p_region AND fund = p_fund AND recurrence_id = p_id;
    ELSE
        UPDATE books.recurrence SET state = p_state, reason = p_reason, decided_by = v_actor, decided_on = p_on
         WHERE region = p_region AND fund = p_fund AND recurrence_id = p_id;
    END IF;
END $$;

-- Whether a day is one of a rhythm that begins on p_from: the same day of a later month, or the month's last where it has none.
CREATE OR REPLACE FUNCTION books.is_due(p_rhythm text, p_from date, p_day date) RETURNS boolean LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_day >= p_from AND CASE p_rhythm
        WHEN 'interest' THEN extract(month FROM p_day)::integer % 3 = 0 AND extract(day FROM p_day) = 21
        ELSE p_day = (p_from + make_interval(months => m.months))::date
             AND m.months % CASE p_rhythm WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3 ELSE 12 END = 0 END
      FROM (SELECT ((extract(year FROM p_day) - extract(year FROM p_from)) * 12 + extract(month FROM p_day) - extract(month FROM p_from))::integer AS months) m
$$;

-- Which recurring voucher a draft without a drafter's post is of: what two persons said comes again, on a day due, with its summary,
-- its evidence and its amounts. Raises access.role_missing for any other: the worker drafts nothing of its own.
CREATE OR REPLACE FUNCTION books.recurring_of(p_region integer, p_fund smallint, p_actor text, p_business_date date, p_summary text,
                                              p_evidence text, p_amounts bigint[])
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_id text;
BEGIN
    SELECT r.recurrence_id INTO v_id
      FROM books.recurrence r
      CROSS JOIN LATERAL (SELECT array_agg(a.value::bigint) || sum(a.value::bigint)::bigint AS said
                            FROM jsonb_each_text(nullif(r.filling, '')::jsonb -> 'amounts') AS a) f
     WHERE r.region = p_region AND r.fund = p_fund AND r.state = 'confirmed' AND r.summary = p_summary
       AND p_evidence = format('%s/%s/%s', r.evidence, r.recurrence_id, to_char(p_business_date, 'YYYY-MM-DD'))
       AND books.is_due(r.rhythm, r.from_day, p_business_date)
       AND NOT EXISTS (SELECT 1 FROM unnest(p_amounts) AS n WHERE NOT coalesce(abs(n) = ANY (f.said), false));
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = format('用户%s只能为两人确认、当日到期的定期凭证制单，内容须与之相同', p_actor);
    END IF;
    RETURN v_id;
END $$;

-- Notes that a draft is what was due on a day: a day of the rhythm, once.
CREATE OR REPLACE FUNCTION books.note_due(p_region integer, p_fund smallint, p_id text, p_due date, p_voucher_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r       books.recurrence;
    v_tries smallint;
    v_standing boolean;
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,maker,system}');
    SELECT * INTO r FROM books.recurrence c WHERE c.region = p_region AND c.fund = p_fund AND c.recurrence_id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'recurrence.unknown', DETAIL = format('没有定期凭证%s', left(p_id, 40));
    ELSIF r.state <> 'confirmed' OR NOT books.is_due(r.rhythm, r.from_day, p_due) OR p_due > coalesce(r.to_day, 'infinity'::date) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'recurrence.not_due', DETAIL = format('定期凭证%s在%s不到期，或不在执行中', p_id, p_due);
    END IF;
    -- the worker's own was noted as it was drafted
    IF NOT access.has_role(p_region, p_fund, access.user_name(), '{accountant,maker}')
       AND EXISTS (SELECT 1 FROM books.recurrence_draft t WHERE t.region = p_region AND t.fund = p_fund AND t.recurrence_id = p_id
                       AND t.due_on = p_due AND t.voucher_id = p_voucher_id) THEN
        RETURN;
    END IF;
    SELECT count(*), coalesce(bool_or(d.decision IS NULL OR d.decision = 'approved'), false) INTO v_tries, v_standing
      FROM books.recurrence_draft t
      LEFT JOIN books.voucher_decision d ON d.region = t.region AND d.fund = t.fund AND d.voucher_id = t.voucher_id
     WHERE t.region = p_region AND t.fund = p_fund AND t.recurrence_id = p_id AND t.due_on = p_due;
    IF v_standing THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'recurrence.drafted', DETAIL = format('定期凭证%s在%s的一期已制单', p_id, p_due);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = p_voucher_id
                      AND v.business_date = p_due AND v.prepared_by = access.user_name()) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'voucher.draft_unknown', DETAIL = format('没有本人在业务日期%s的草稿%s', p_due, left(p_voucher_id, 40));
    END IF;
    INSERT INTO books.recurrence_draft VALUES (p_region, p_fund, p_id, p_due, v_tries + 1, p_voucher_id);
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.recurrence
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, recurrence_id, template, summary, evidence, filling, rhythm, from_day, to_day, digest,
    proposed_by, proposed_on OR DELETE OR TRUNCATE ON books.recurrence FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER decided BEFORE UPDATE ON books.recurrence
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.recurrence_draft
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.recurrence_draft
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT, UPDATE ON books.recurrence TO fundledger_poster;
GRANT SELECT ON books.recurrence TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.recurrence_draft TO fundledger_poster;
GRANT SELECT ON books.recurrence_draft TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.decide_recurrence(integer,smallint,text,text,bytea,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.decide_recurrence(integer,smallint,text,text,bytea,text,date) TO fundledger_service;
ALTER FUNCTION books.is_due(text,date,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.is_due(text,date,date) TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.note_due(integer,smallint,text,date,text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.note_due(integer,smallint,text,date,text) TO fundledger_service;
ALTER FUNCTION books.recurring_of(integer,smallint,text,date,text,text,bigint[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.propose_recurrence(integer,smallint,text,text,text,text,text,date,date,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.propose_recurrence(integer,smallint,text,text,text,text,text,date,date,date) TO fundledger_service;
