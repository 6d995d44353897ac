-- Risk (arts. 27, 28): what the rules found at institutions, and notice, interview, lower ratio, suspension by two persons each.

-- Tables ------------------------------------------------------
-- What a rule of risk (procedure.md 6) found at an institution: once a rule, institution and day or month. Never changed. What the
-- rule read is what the books knew at two entries (seq_310, seq_390), so that it can be asked again.
CREATE TABLE fund.risk_case (
    region      integer NOT NULL REFERENCES fund.region,
    n           integer NOT NULL CHECK (n > 0),
    rule        text NOT NULL CHECK (rule IN ('amount', 'count', 'readmission', 'budget', 'reversal', 'payee')),
    institution text NOT NULL,
    period      text NOT NULL CHECK (period ~ '^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$'),
    day         date NOT NULL,             -- the last day the rule looked at
    figure      bigint NOT NULL,           -- ten-thousandths, or fen (rule payee)
    threshold   bigint NOT NULL CHECK (threshold > 0),
    terms       jsonb NOT NULL,            -- the region's choices as the rule had them
    evidence    jsonb NOT NULL CHECK (jsonb_typeof(evidence) = 'array'),
    seq_310     bigint NOT NULL CHECK (seq_310 >= 0),
    seq_390     bigint NOT NULL CHECK (seq_390 >= 0),
    found_by    text NOT NULL,
    found_on    date NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, n),
    UNIQUE (region, rule, institution, period),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK (figure >= threshold)
);

-- The steps of a case, each proposed by one person and confirmed by another under what was shown.
CREATE TABLE fund.risk_step (
    region        integer NOT NULL,
    case_n        integer NOT NULL,
    n             integer NOT NULL CHECK (n > 0),
    step          text NOT NULL CHECK (step IN ('notice', 'interview', 'lower_ratio', 'suspend', 'withdraw')),
    document      text NOT NULL CHECK (document = btrim(document) AND document <> '' AND length(document) <= 200
                                       AND translate(document, E'|\\\n\r\t', '') = document),
    ratio         integer CHECK (ratio BETWEEN 0 AND 9999),     -- lower_ratio: the daily ratio from then on, ten-thousandths
    from_day      date,
    terms_version integer,                                      -- of fund.terms: the enrolment proposed with it
    case_digest   bytea NOT NULL CHECK (length(case_digest) = 32),
    state         text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by   text NOT NULL,
    proposed_on   date NOT NULL,
    decided_by    text NOT NULL DEFAULT '',
    decided_on    date,
    reason        text NOT NULL DEFAULT '',
    PRIMARY KEY (region, case_n, n),
    FOREIGN KEY (region, case_n) REFERENCES fund.risk_case,
    CONSTRAINT risk_two_persons CHECK (decided_by <> proposed_by AND (state = 'proposed') = (decided_by = '')
                                       AND (decided_by = '') = (decided_on IS NULL)),
    CONSTRAINT risk_refused CHECK ((state = 'refused') = (reason <> '')),
    CONSTRAINT risk_ratio CHECK ((step = 'lower_ratio') = (ratio IS NOT NULL) AND num_nonnulls(ratio, from_day, terms_version) IN (0, 3))
);

CREATE UNIQUE INDEX one_open_step ON fund.risk_step (region, case_n) WHERE state = 'proposed';

INSERT INTO fund.policy_key VALUES
    ('risk_history',     '风险规则：与前多少日比较（未选时30）', '[7-9]|[1-8][0-9]|90'),
    ('risk_least',       '风险规则：少于多少笔不比较（未选时20）', '[1-9][0-9]{0,3}'),
    ('risk_amount',      '风险规则：日拨付额达到前期日均的百分之多少（未选时300）；off不用', '1[0-9]{2}|[2-9][0-9]{2}|[1-9][0-9]{3}|off'),
    ('risk_count',       '风险规则：日结算笔数达到前期日均的百分之多少（未选时300）；off不用', '1[0-9]{2}|[2-9][0-9]{2}|[1-9][0-9]{3}|off'),
    ('risk_readmission', '风险规则：当月再住院占出院的百分之多少（未选时10）；off不用', '[1-9]|[1-9][0-9]|100|off'),
    ('risk_again_days',  '风险规则：出院后几日内再住同一机构算再住院（未选时10）', '[1-9]|[12][0-9]|30'),
    ('risk_budget',      '风险规则：全年应付达到预算进度的百分之多少（未选时110）；off不用', '1[0-9]{2}|[2-9][0-9]{2}|off'),
    ('risk_reversal',    '风险规则：当月冲销占结算的百分之多少（未选时5）；off不用', '[1-9]|[1-9][0-9]|100|off'),
    ('risk_payee_days',  '风险规则：收款账户变更后几日内即拨付（未选时7）；off不用', '[1-9]|[1-8][0-9]|90|off'),
    ('job_at_risk',      '定时任务“风险规则”的时刻；off不办（未选时07:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off');

-- Functions ---------------------------------------------------
-- What a case says, hashed: each of its steps names it.
CREATE OR REPLACE FUNCTION fund.risk_digest(c fund.risk_case) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT sha256(convert_to(concat_ws('|', c.region, c.n, c.rule, c.institution, c.period, c.day, c.figure, c.threshold, c.terms, c.evidence,
                                       c.seq_310, c.seq_390, c.found_by, c.found_on), 'UTF8'))
$$;

-- The last entry of a book as the region's rules may read it; 0 where there is no such book.
CREATE OR REPLACE FUNCTION fund.risk_known(p_region integer, p_fund smallint) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT h.seq FROM books.head h WHERE h.region = p_region AND h.fund = p_fund), 0)
$$;

-- Found by who runs the rules, in their own name, numbered one after the other, knowing no more than the books do.
CREATE OR REPLACE FUNCTION fund.check_risk_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.found_by := access.require_role(NEW.region, 0::smallint, '{system,accountant}');
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.risk ' || NEW.region, 0));
    NEW.n := 1 + coalesce((SELECT max(c.n) FROM fund.risk_case c WHERE c.region = NEW.region), 0);
    IF NEW.seq_310 > fund.risk_known(NEW.region, 310::smallint) OR NEW.seq_390 > fund.risk_known(NEW.region, 390::smallint)
       OR NEW.day > NEW.found_on OR NEW.period NOT IN (to_char(NEW.day, 'YYYY-MM'), to_char(NEW.day, 'YYYY-MM-DD')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'risk.case',
            DETAIL = format('机构%s的风险事项（%s）所据的日期或凭证还没有', NEW.institution, NEW.period);
    END IF;
    NEW.recorded_at := clock_timestamp();
    NEW.digest := fund.risk_digest(NEW);
    RETURN NEW;
END $$;

-- What must have been confirmed before a step: no interview without notice, no lower ratio without interview, no suspension
-- without lower ratio, unless the institution has no daily ratio to lower; a case is withdrawn at any time.
CREATE OR REPLACE FUNCTION fund.risk_before(p_region integer, p_institution text, p_step text, p_on date) RETURNS text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_step WHEN 'interview' THEN 'notice' WHEN 'lower_ratio' THEN 'interview'
                       WHEN 'suspend' THEN CASE WHEN EXISTS (
                            SELECT 1 FROM fund.enrolment e WHERE e.region = p_region AND e.institution = p_institution
                               AND p_on BETWEEN e.from_day AND e.to_day AND e.mode = 'daily' AND e.ratio > 0) THEN 'lower_ratio' ELSE 'interview' END
                       ELSE '' END
$$;

-- Raises where a step is out of its order: the case is over, another step waits, or the one before was not confirmed.
CREATE OR REPLACE FUNCTION fund.require_risk_order(c fund.risk_case, p_step text, p_on date) RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_before text := fund.risk_before(c.region, c.institution, p_step, p_on);
BEGIN
    IF EXISTS (SELECT 1 FROM fund.risk_step s WHERE s.region = c.region AND s.case_n = c.n AND s.state = 'confirmed'
                  AND (s.step IN ('withdraw', p_step) OR s.step = 'suspend' AND p_step <> 'withdraw')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'risk.over', DETAIL = format('风险事项%s已经办过这一步，或已办结', c.n);
    ELSIF v_before <> '' AND NOT EXISTS (SELECT 1 FROM fund.risk_step s WHERE s.region = c.region AND s.case_n = c.n
              AND s.step = v_before AND s.state = 'confirmed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'risk.order',
            DETAIL = format('风险事项%s须依次办理：提醒、约谈、下调比例、暂停拨付；上一步尚未经两人办理', c.n);
    END IF;
END $$;

-- One person proposes a step; returns its number in the case. With lower_ratio comes the enrolment it makes (p_version), which the
-- same person proposed and nobody decided yet.
CREATE OR REPLACE FUNCTION fund.propose_risk(p_region integer, p_case integer, p_step text, p_document text, p_version integer, p_on date)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{maker,accountant}');
    c      fund.risk_case;
    t      fund.terms;
    v_n    integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.risk ' || p_region, 0));
    SELECT * INTO c FROM fund.risk_case WHERE region = p_region AND n = p_case;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'risk.unknown', DETAIL = format('没有风险事项%s', p_case);
    ELSIF EXISTS (SELECT 1 FROM fund.risk_step s WHERE s.region = p_region AND s.case_n = p_case AND s.state = 'proposed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'risk.waits', DETAIL = format('风险事项%s已有一步待另一人复核', p_case);
    END IF;
    PERFORM fund.require_risk_order(c, p_step, p_on);
    IF p_step = 'lower_ratio' THEN
        SELECT * INTO t FROM fund.terms WHERE region = p_region AND institution = c.institution AND kind = 'enrolment' AND version = p_version;
        IF NOT FOUND OR t.state <> 'proposed' OR t.proposed_by <> v_user OR t.mode <> 'daily' OR t.ratio >= coalesce(
               (SELECT e.ratio FROM fund.enrolment e WHERE e.region = p_region AND e.institution = c.institution
                   AND t.from_day BETWEEN e.from_day AND e.to_day AND e.mode = 'daily'), 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'risk.ratio',
                DETAIL = format('下调比例须低于机构%s当日的日拨付比例，并与其参加方式的变更一并提出', c.institution);
        END IF;
    END IF;
    SELECT 1 + coalesce(max(s.n), 0) INTO v_n FROM fund.risk_step s WHERE s.region = p_region AND s.case_n = p_case;
    INSERT INTO fund.risk_step (region, case_n, n, step, document, ratio, from_day, terms_version, case_digest, proposed_by, proposed_on)
    VALUES (p_region, p_case, v_n, p_step, btrim(p_document), t.ratio, t.from_day, t.version, c.digest, v_user, p_on);
    RETURN v_n;
END $$;

-- The lower ratio's own enrolment, and nothing else of the institution, is decided with the step.
CREATE OR REPLACE FUNCTION fund.decide_risk_terms(s fund.risk_step, p_institution text, p_reason text, p_on date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_state text := (SELECT t.state FROM fund.terms t WHERE t.region = s.region AND t.institution = p_institution
                            AND t.kind = 'enrolment' AND t.version = s.terms_version);
BEGIN
    IF v_state = 'proposed' THEN
        IF EXISTS (SELECT 1 FROM fund.open_proposals(s.region, p_institution) o
                    WHERE (o.kind, o.version) <> ('enrolment', s.terms_version)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'risk.other_open',
                DETAIL = format('机构%s另有待确认的事项，须先在定点机构处办理', p_institution);
        END IF;
        PERFORM fund.decide_institutions(s.region, p_institution, fund.open_digest(s.region, p_institution), p_reason, p_on);
    ELSIF p_reason = '' AND v_state <> 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'risk.terms_gone',
            DETAIL = format('机构%s的下调比例已被退回或另有提出：请退回这一步', p_institution);
    END IF;
END $$;

-- A checker, another person, confirms exactly the step that was shown, and it works at once; or sends it back with a reason.
CREATE OR REPLACE FUNCTION fund.decide_risk(p_region integer, p_case integer, p_digest text, p_reason text, p_on date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{checker}');
    c      fund.risk_case;
    s      fund.risk_step;
BEGIN
    PERFORM fund.lock_institutions(p_region);   -- before the cases, as whoever proposes a lower ratio does
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.risk ' || p_region, 0));
    SELECT * INTO c FROM fund.risk_case WHERE region = p_region AND n = p_case;
    SELECT * INTO s FROM fund.risk_step WHERE region = p_region AND case_n = p_case AND state = 'proposed';
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'risk.none', DETAIL = format('风险事项%s没有待复核的一步', p_case);
    ELSIF access.person(s.proposed_by) IS NOT DISTINCT FROM access.person(v_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', s.proposed_by);
    ELSIF (SELECT t.digest FROM access.to_sign(p_region, 'fund.risk_step', ARRAY[p_case::text, s.n::text]) t) IS DISTINCT FROM p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'risk.changed', DETAIL = format('风险事项%s的这一步不是所核对的内容，请重新核对', p_case);
    END IF;
    IF p_reason = '' THEN
        PERFORM fund.require_risk_order(c, s.step, s.proposed_on);
    END IF;
    IF s.step = 'lower_ratio' THEN
        PERFORM fund.decide_risk_terms(s, c.institution, p_reason, p_on);
    ELSIF s.step = 'suspend' AND p_reason = '' THEN
        PERFORM fund.stop_agreement(p_region, c.institution, 'suspended', p_on);
    END IF;
    UPDATE fund.risk_step SET state = CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END, decided_by = v_user, decided_on = p_on, reason = p_reason
     WHERE region = p_region AND case_n = p_case AND n = s.n;
    RETURN s.step;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_case BEFORE INSERT ON fund.risk_case FOR EACH ROW EXECUTE FUNCTION fund.check_risk_case();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.risk_case
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.risk_step FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, case_n, n, step, document, ratio, from_day, terms_version, case_digest, proposed_by,
    proposed_on ON fund.risk_step FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER decided BEFORE UPDATE ON fund.risk_step FOR EACH ROW WHEN (OLD.state <> 'proposed') EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.risk_case, fund.risk_step TO fundledger_service, fundledger_auditor;
GRANT INSERT (region, rule, institution, period, day, figure, threshold, terms, evidence, seq_310, seq_390, found_on)
    ON fund.risk_case TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.risk_known(integer,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.risk_before(integer,text,text,date) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.risk_digest(fund.risk_case) TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.propose_risk(integer,integer,text,text,integer,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.decide_risk(integer,integer,text,text,date) TO fundledger_service;
