-- Findings, appeal, panel, sampling, trace codes; what is held and what is still to deduct.

-- Tables ------------------------------------------------------
-- Working days an institution has to appeal, from a day on; without a row the default of fund.appeal_days().
CREATE TABLE fund.audit_policy (
    region   integer NOT NULL REFERENCES fund.region,
    key      text NOT NULL CHECK (key = 'appeal_days'),
    from_day date NOT NULL,
    value    integer NOT NULL CHECK (value BETWEEN 1 AND 60),
    source   text NOT NULL CHECK (source <> ''),
    set_by   text NOT NULL,
    PRIMARY KEY (region, key, from_day)
);

-- Which event leads a finding where, who may do it, and when: within or after the time for appeal.
-- low is a notice: it never becomes final unless regraded.
CREATE TABLE fund.finding_transition (
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    roles      text[] NOT NULL,
    second     boolean NOT NULL,        -- another person than everyone who entered, reviewed or convened before
    appeal     text NOT NULL CHECK (appeal IN ('', 'within', 'after')),
    severities text[] NOT NULL,
    PRIMARY KEY (from_state, event)
);

INSERT INTO fund.finding_transition VALUES
    ('first',    'regrade', 'first',     '{checker}',       true,  '',       '{low,middle,high}'),
    ('first',    'appeal',  'appealed',  '{maker,intake}',  false, 'within', '{low,middle,high}'),
    ('first',    'accept',  'final',     '{checker}',       true,  '',       '{middle,high}'),
    ('first',    'lapse',   'final',     '{checker}',       true,  'after',  '{middle,high}'),
    ('first',    'cancel',  'cancelled', '{checker}',       true,  '',       '{low,middle,high}'),
    ('appealed', 'review',  'review',    '{maker}',         false, '',       '{middle,high}'),
    ('appealed', 'cancel',  'cancelled', '{checker}',       true,  '',       '{low,middle,high}'),
    ('review',   'panel',   'panel',     '{maker}',         false, '',       '{middle,high}'),
    ('review',   'cancel',  'cancelled', '{checker}',       true,  '',       '{middle,high}'),
    ('panel',    'decide',  'final',     '{checker}',       true,  '',       '{middle,high}'),
    ('panel',    'cancel',  'cancelled', '{checker}',       true,  '',       '{middle,high}'),
    ('final',    'cancel',  'cancelled', '{checker}',       true,  '',       '{middle,high}'),   -- only a reversed record's, nothing taken
    ('first',    'release', 'first',     '{checker}',       true,  '',       '{high}'),          -- the record, from being held
    ('appealed', 'release', 'appealed',  '{checker}',       true,  '',       '{high}'),
    ('review',   'release', 'review',    '{checker}',       true,  '',       '{high}'),
    ('panel',    'release', 'panel',     '{checker}',       true,  '',       '{high}');

CREATE TABLE fund.finding (
    region       integer NOT NULL,
    finding_id   text NOT NULL CHECK (finding_id ~ '^[0-9A-Za-z._:-]{1,80}$'),
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    setl_id      text NOT NULL,               -- '': about the institution, not one record
    subfund      text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    service_year smallint NOT NULL,
    term         integer NOT NULL,
    category     text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('10', '20')),               -- det_type: 审核扣款, 稽核扣款
    severity     text NOT NULL CHECK (severity IN ('low', 'middle', 'high')),
    found_fen    bigint NOT NULL CHECK (found_fen > 0),                    -- as first found
    amount_fen   bigint NOT NULL CHECK (amount_fen BETWEEN 0 AND found_fen),  -- in force: review and panel may lower it
    taken_fen    bigint NOT NULL DEFAULT 0 CHECK (taken_fen BETWEEN 0 AND amount_fen),
    state        text NOT NULL DEFAULT 'first' CHECK (state IN ('first', 'appealed', 'review', 'panel', 'final', 'cancelled')),
    detd_stas    text NOT NULL DEFAULT '10' CHECK (detd_stas = CASE WHEN taken_fen = 0 THEN '10'
                                                    WHEN taken_fen < amount_fen THEN '20' ELSE '30' END),
    source       text NOT NULL CHECK (source IN ('file', 'entry', 'trace', 'sample')),
    rule_id      text NOT NULL,
    rule_name    text NOT NULL,
    content      text NOT NULL,               -- vola_cont
    basis        text NOT NULL,               -- vola_evid
    sev_deg      text NOT NULL,               -- as the platform sent it
    found_by     text NOT NULL,
    found_on     date NOT NULL,
    appeal_until date NOT NULL,
    final_on     date,
    digest       bytea NOT NULL CHECK (length(digest) = 32),   -- over what was first found: a replay is known by it
    PRIMARY KEY (region, finding_id),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK (taken_fen = 0 OR state = 'final'),
    CHECK (state <> 'final' OR final_on IS NOT NULL)
);

CREATE INDEX finding_record ON fund.finding (region, fund, setl_id) WHERE setl_id <> '';

CREATE INDEX finding_untaken ON fund.finding (region, fund, institution) WHERE state = 'final' AND taken_fen < amount_fen;

CREATE TABLE fund.finding_event (
    region        integer NOT NULL,
    finding_id    text NOT NULL,
    n             integer NOT NULL,
    event         text NOT NULL,
    from_state    text NOT NULL,
    to_state      text NOT NULL,
    severity      text NOT NULL,
    amount_fen    bigint NOT NULL,            -- in force after it
    user_name     text NOT NULL,
    business_date date NOT NULL,
    reason        text NOT NULL,
    members       text[] NOT NULL DEFAULT '{}',   -- the panel
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, finding_id, n),
    FOREIGN KEY (region, finding_id) REFERENCES fund.finding
);

CREATE INDEX finding_event_recorded ON fund.finding_event USING brin (recorded_at);    -- events told outside

-- What month sheets and clearing letters took of a finding.
CREATE TABLE fund.finding_taken (
    region     integer NOT NULL,
    finding_id text NOT NULL,
    sheet_id   text NOT NULL CHECK (sheet_id <> ''),
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    taken_by   text NOT NULL,
    PRIMARY KEY (region, finding_id, sheet_id),
    FOREIGN KEY (region, finding_id) REFERENCES fund.finding
);

CREATE TABLE fund.finding_evidence (
    region     integer NOT NULL,
    finding_id text NOT NULL,
    sha256     bytea NOT NULL CHECK (length(sha256) = 32),     -- of the content before it was sealed
    name       text NOT NULL CHECK (name <> ''),
    content    bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 16777264),
    added_by   text NOT NULL,
    added_on   date NOT NULL,
    PRIMARY KEY (region, finding_id, sha256),
    FOREIGN KEY (region, finding_id) REFERENCES fund.finding
);

ALTER TABLE fund.finding_evidence ALTER COLUMN content SET STORAGE EXTERNAL;

-- Records held at once by a finding of high severity: not in a daily order until released.
CREATE TABLE fund.held (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    setl_id     text NOT NULL,
    finding_id  text NOT NULL,
    reason      text NOT NULL,
    since       date NOT NULL,
    released_by text NOT NULL DEFAULT '',
    released_on date,
    PRIMARY KEY (region, fund, setl_id, finding_id),
    FOREIGN KEY (region, finding_id) REFERENCES fund.finding,
    CHECK ((released_by = '') = (released_on IS NULL))
);

CREATE INDEX held_now ON fund.held (region, fund, setl_id) WHERE released_by = '';

-- Random sampling: seed, frame and list, so that anyone can draw it again.
CREATE TABLE fund.sample (
    region       integer NOT NULL,
    sample_id    text NOT NULL,
    fund         smallint NOT NULL,
    institution  text NOT NULL,              -- '': of the whole region
    term         integer NOT NULL,
    clr_type     text NOT NULL,              -- '': of every kind
    seed         text NOT NULL CHECK (seed <> ''),
    size         integer NOT NULL CHECK (size > 0),
    frame_size   integer NOT NULL CHECK (frame_size >= size),
    frame_digest bytea NOT NULL CHECK (length(frame_digest) = 32),
    drawn_by     text NOT NULL,
    drawn_on     date NOT NULL,
    PRIMARY KEY (region, sample_id)
);

CREATE TABLE fund.sample_record (
    region    integer NOT NULL,
    sample_id text NOT NULL,
    n         integer NOT NULL,
    setl_id   text NOT NULL,
    PRIMARY KEY (region, sample_id, n),
    FOREIGN KEY (region, sample_id) REFERENCES fund.sample
);

-- Drug trace codes 追溯码 dispensed with a record (3505/3506 fields); the fund pays a code once.
CREATE TABLE fund.trace_code (
    region          integer NOT NULL,
    setl_id         text NOT NULL,
    drug_trac_codg  text NOT NULL CHECK (length(drug_trac_codg) BETWEEN 1 AND 100),
    drug_name       text NOT NULL,
    finl_trns_fen   bigint NOT NULL CHECK (finl_trns_fen >= 0),
    trdn_flag       text NOT NULL CHECK (trdn_flag IN ('0', '1')),    -- 1 拆零: one pack, several patients
    loaded_by       text NOT NULL,
    PRIMARY KEY (region, setl_id, drug_trac_codg)
);

CREATE INDEX trace_code_once ON fund.trace_code (region, drug_trac_codg);

-- Functions ---------------------------------------------------
-- The last day to appeal what was found on a day (art. 18): N working days of the region's policy. An unknown year is refused.
CREATE OR REPLACE FUNCTION fund.appeal_until(p_region integer, p_found_on date) RETURNS date LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT fund.after_working_days(p_found_on, coalesce((SELECT value FROM fund.audit_policy WHERE region = p_region AND key = 'appeal_days'
                AND from_day <= p_found_on ORDER BY from_day DESC LIMIT 1), 10))   -- [choice] 10 working days
$$;

-- Raises unless `p_amount` may be deducted for the record's share of this book.
CREATE OR REPLACE FUNCTION fund.require_deductible(p_region integer, p_fund smallint, p_setl_id text, p_subfund text, p_amount bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_fen bigint := (SELECT fund_fen FROM fund.payable
                          WHERE region = p_region AND fund = p_fund AND setl_id = p_setl_id AND subfund = p_subfund);
BEGIN
    IF v_fen IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'finding.no_record',
            DETAIL = format('本账套没有结算%s的%s基金支付', p_setl_id, CASE p_subfund WHEN 'pool' THEN '统筹' ELSE '个账' END);
    END IF;
    IF EXISTS (SELECT 1 FROM fund.record WHERE region = p_region AND init_setl_id = p_setl_id AND init_setl_id <> '')
       OR EXISTS (SELECT 1 FROM fund.record WHERE region = p_region AND setl_id = p_setl_id AND init_setl_id <> '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.reversed', DETAIL = format('结算%s已冲正或本身为冲正，不再审核扣款', p_setl_id);
    END IF;
    IF p_amount > v_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.over_record',
            DETAIL = format('扣款%s元超过结算%s的基金支付%s元', fund.yuan(p_amount), p_setl_id, fund.yuan(v_fen));
    END IF;
END $$;

CREATE OR REPLACE FUNCTION fund.check_finding() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{maker,intake,system}') <> NEW.found_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'finding.found_by', DETAIL = '审核结果只能以当前用户的名义登记';
    END IF;
    IF NEW.state <> 'first' OR NEW.taken_fen <> 0 OR NEW.amount_fen <> NEW.found_fen OR NEW.final_on IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.state', DETAIL = '审核结果只能以初审状态登记';
    END IF;
    IF NEW.setl_id <> '' THEN
        PERFORM fund.require_deductible(NEW.region, NEW.fund, NEW.setl_id, NEW.subfund, NEW.found_fen);
        IF NOT EXISTS (SELECT 1 FROM fund.payable p
                        WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.setl_id = NEW.setl_id AND p.subfund = NEW.subfund
                          AND (p.institution, p.service_year, p.term, p.category)
                              = (NEW.institution, NEW.service_year, NEW.term, NEW.category)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.other_record',
                DETAIL = format('结算%s的机构、年度、期号或类别与审核结果%s不符', NEW.setl_id, NEW.finding_id);
        END IF;
    END IF;
    NEW.appeal_until := fund.appeal_until(NEW.region, NEW.found_on);
    RETURN NEW;
END $$;

-- high blocks at once, whoever wrote the finding.
CREATE OR REPLACE FUNCTION fund.begin_finding() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO fund.finding_event VALUES (NEW.region, NEW.finding_id, 1, 'find', '', 'first', NEW.severity, NEW.found_fen,
        NEW.found_by, NEW.found_on, NEW.content);
    IF NEW.severity = 'high' AND NEW.setl_id <> '' THEN
        INSERT INTO fund.held VALUES (NEW.region, NEW.fund, NEW.setl_id, NEW.finding_id, NEW.rule_name, NEW.found_on);
    END IF;
    RETURN NULL;
END $$;

-- The panel 合议: at least three persons with a post in the region.
CREATE OR REPLACE FUNCTION fund.require_panel(p_region integer, p_fund smallint, p_members text[]) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_stranger text;
BEGIN
    SELECT m INTO v_stranger FROM unnest(p_members) m
     WHERE NOT access.has_role(p_region, p_fund, m, '{maker,checker,accountant,reviewer}') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.panel_member', DETAIL = format('合议成员%s在本账套没有岗位', v_stranger);
    END IF;
    IF (SELECT count(DISTINCT access.person(m)) FROM unnest(p_members) m) < 3 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.panel_small', DETAIL = '合议须有三名以上不同的成员';
    END IF;
END $$;

-- The one way a finding changes; returns its new state. The same act again gives the first answer.
CREATE OR REPLACE FUNCTION fund.move_finding(p_region integer, p_finding_id text, p_event text, p_on date, p_reason text, p_amount bigint,
                                  p_members text[], p_severity text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row    fund.finding;
    v_move   fund.finding_transition;
    v_last   fund.finding_event;
    v_user   text;
    v_amount bigint;
    v_grade  text;
BEGIN
    SELECT * INTO v_row FROM fund.finding WHERE region = p_region AND finding_id = p_finding_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'finding.unknown', DETAIL = format('没有审核结果%s', p_finding_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,intake,system}');
    SELECT * INTO v_last FROM fund.finding_event
     WHERE region = p_region AND finding_id = p_finding_id ORDER BY n DESC LIMIT 1;
    IF (v_last.event, v_last.user_name, v_last.business_date, v_last.reason, v_last.members) = (p_event, v_user, p_on, p_reason, p_members)
       AND v_last.amount_fen = coalesce(p_amount, v_last.amount_fen) AND p_severity IN ('', v_last.severity) THEN
        RETURN v_last.to_state;
    END IF;
    SELECT * INTO v_move FROM fund.finding_transition WHERE from_state = v_row.state AND event = p_event;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.state', DETAIL = format('审核结果%s处于{finding.state:%s}，不能{finding.event:%s}', p_finding_id, v_row.state, p_event);
    END IF;
    PERFORM access.require_role(p_region, v_row.fund, v_move.roles);
    IF NOT v_row.severity = ANY (v_move.severities) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.severity',
            DETAIL = format('审核结果%s为{finding.severity:%s}级，不能{finding.event:%s}：低级只作提醒，须先改级', p_finding_id, v_row.severity, p_event);
    END IF;
    IF p_reason = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.reason', DETAIL = format('审核结果%s的处理须说明理由', p_finding_id);
    END IF;
    IF p_on < v_last.business_date THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.date', DETAIL = format('%s早于审核结果%s的上一步%s', p_on, p_finding_id, v_last.business_date);
    END IF;
    IF v_move.second AND access.person(v_user) IN (
        SELECT access.person(e.user_name) FROM fund.finding_event e
         WHERE e.region = p_region AND e.finding_id = p_finding_id AND e.event IN ('find', 'review', 'panel')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'finding.same_person', DETAIL = format('审核结果%s须由登记、复审者以外的人处理', p_finding_id);
    END IF;
    IF v_move.appeal = 'within' AND p_on > v_row.appeal_until THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.appeal_late', DETAIL = format('审核结果%s的申诉期截至%s', p_finding_id, v_row.appeal_until);
    ELSIF v_move.appeal = 'after' AND p_on <= v_row.appeal_until THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.appeal_open', DETAIL = format('审核结果%s在%s前仍可申诉', p_finding_id, v_row.appeal_until);
    END IF;
    IF p_amount IS NOT NULL AND (p_event NOT IN ('review', 'decide') OR p_amount NOT BETWEEN 1 AND v_row.found_fen) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.amount',
            DETAIL = format('审核结果%s只能在复审或合议时定额，且不超过初审的%s元（不扣款须取消）', p_finding_id, fund.yuan(v_row.found_fen));
    END IF;
    v_amount := coalesce(p_amount, v_row.amount_fen);
    IF p_severity NOT IN ('', 'low', 'middle', 'high') OR (p_severity <> '') <> (p_event = 'regrade') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.grade', DETAIL = '改级须且仅须写明low、middle或high';
    END IF;
    v_grade := coalesce(nullif(p_severity, ''), v_row.severity);
    IF p_event = 'panel' THEN
        PERFORM fund.require_panel(p_region, v_row.fund, p_members);
    ELSIF p_members <> '{}' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.members', DETAIL = '只有合议才写明成员';
    END IF;
    IF p_event = 'decide' AND NOT v_user = ANY (v_last.members) AND NOT EXISTS (
        SELECT 1 FROM fund.finding_event e WHERE e.region = p_region AND e.finding_id = p_finding_id AND e.event = 'panel'
           AND v_user = ANY (e.members)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'finding.not_member', DETAIL = format('用户%s不是审核结果%s的合议成员', v_user, p_finding_id);
    END IF;
    IF v_move.to_state = 'final' AND v_row.setl_id <> '' THEN
        -- All findings of the record under one lock: together they take no more than the fund paid for it.
        PERFORM 1 FROM fund.payable WHERE region = p_region AND fund = v_row.fund AND setl_id = v_row.setl_id
            AND subfund = v_row.subfund FOR UPDATE;
        PERFORM fund.require_deductible(p_region, v_row.fund, v_row.setl_id, v_row.subfund, v_amount + (
            SELECT coalesce(sum(f.amount_fen), 0)::bigint FROM fund.finding f
             WHERE f.region = p_region AND f.fund = v_row.fund AND f.setl_id = v_row.setl_id AND f.subfund = v_row.subfund
               AND f.state = 'final'));
    END IF;
    IF v_row.state = 'final' AND (v_row.taken_fen > 0 OR NOT EXISTS (
        SELECT 1 FROM fund.record WHERE region = p_region AND init_setl_id = v_row.setl_id AND init_setl_id <> '')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.final', DETAIL = format('审核结果%s已终审，仅在结算已冲正且未扣款时可取消', p_finding_id);
    END IF;
    UPDATE fund.finding SET state = v_move.to_state, amount_fen = v_amount, severity = v_grade,
           final_on = CASE v_move.to_state WHEN 'final' THEN p_on ELSE final_on END
     WHERE region = p_region AND finding_id = p_finding_id;
    INSERT INTO fund.finding_event VALUES (p_region, p_finding_id, v_last.n + 1, p_event, v_row.state, v_move.to_state, v_grade,
        v_amount, v_user, p_on, p_reason, p_members);
    IF p_event = 'release' OR v_grade <> 'high' OR v_move.to_state IN ('final', 'cancelled') THEN
        UPDATE fund.held SET released_by = v_user, released_on = p_on
         WHERE region = p_region AND finding_id = p_finding_id AND released_by = '';
    ELSIF p_event = 'regrade' AND v_row.setl_id <> '' THEN
        INSERT INTO fund.held VALUES (p_region, v_row.fund, v_row.setl_id, p_finding_id, p_reason, p_on)
        ON CONFLICT (region, fund, setl_id, finding_id) DO UPDATE
            SET reason = excluded.reason, since = excluded.since, released_by = '', released_on = NULL;
    END IF;
    RETURN v_move.to_state;
END $$;

-- Takes part of a final finding into a month sheet or clearing letter; returns what is left. Once per sheet.
CREATE OR REPLACE FUNCTION fund.take_finding(p_region integer, p_finding_id text, p_sheet_id text, p_fen bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row  fund.finding;
    v_user text;
    v_fen  bigint;
BEGIN
    SELECT * INTO v_row FROM fund.finding WHERE region = p_region AND finding_id = p_finding_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'finding.unknown', DETAIL = format('没有审核结果%s', p_finding_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,system}');
    SELECT amount_fen INTO v_fen FROM fund.finding_taken WHERE region = p_region AND finding_id = p_finding_id AND sheet_id = p_sheet_id;
    IF FOUND THEN
        IF v_fen <> p_fen THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.taken_otherwise',
                DETAIL = format('审核结果%s在%s中已扣%s元，不能再扣%s元', p_finding_id, p_sheet_id, fund.yuan(v_fen), fund.yuan(p_fen));
        END IF;
        RETURN v_row.amount_fen - v_row.taken_fen;
    END IF;
    IF v_row.state <> 'final' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.not_final', DETAIL = format('审核结果%s处于{finding.state:%s}，只有终审结果可以扣款', p_finding_id, v_row.state);
    END IF;
    IF v_row.setl_id <> '' AND EXISTS (SELECT 1 FROM fund.record WHERE region = p_region AND init_setl_id = v_row.setl_id AND init_setl_id <> '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.reversed', DETAIL = format('结算%s已冲正，不再扣款', v_row.setl_id);
    END IF;
    -- What takes it is an approved month sheet or letter of the same institution and book: else the deduction is lost.
    IF NOT EXISTS (SELECT 1 FROM fund.sheet s WHERE s.region = p_region AND s.sheet_id = p_sheet_id AND s.state = 'approved'
                      AND (s.fund, s.institution) = (v_row.fund, v_row.institution))
       AND NOT EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = p_region AND l.letter_id = p_sheet_id
                          AND l.state NOT IN ('draft', 'void') AND (l.fund, l.institution) = (v_row.fund, v_row.institution)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.no_sheet',
            DETAIL = format('没有机构%s已审批的月结算单或清算确认书%s，不能扣款', v_row.institution, p_sheet_id);
    END IF;
    IF p_fen <= 0 OR p_fen > v_row.amount_fen - v_row.taken_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.over_taken',
            DETAIL = format('审核结果%s尚可扣%s元，不能扣%s元', p_finding_id, fund.yuan(v_row.amount_fen - v_row.taken_fen), fund.yuan(p_fen));
    END IF;
    INSERT INTO fund.finding_taken VALUES (p_region, p_finding_id, p_sheet_id, p_fen, v_user);
    UPDATE fund.finding SET taken_fen = taken_fen + p_fen,
           detd_stas = CASE WHEN taken_fen + p_fen < amount_fen THEN '20' ELSE '30' END
     WHERE region = p_region AND finding_id = p_finding_id;
    RETURN v_row.amount_fen - v_row.taken_fen - p_fen;
END $$;

-- A held record enters no order, and an order that holds one is not approved.
CREATE OR REPLACE FUNCTION fund.refuse_held_payable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_held record;
BEGIN
    SELECT h.setl_id, h.reason INTO v_held FROM added a
      JOIN fund.held h ON h.region = a.region AND h.fund = a.fund AND h.setl_id = a.setl_id AND h.released_by = '' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payable.held', DETAIL = format('结算%s已被审核拦截（%s），不得拨付', v_held.setl_id, v_held.reason);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION fund.refuse_held_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_held record;
BEGIN
    SELECT h.setl_id, h.reason INTO v_held FROM payments.order_payable a
      JOIN fund.held h ON h.region = a.region AND h.fund = a.fund AND h.setl_id = a.setl_id AND h.released_by = ''
     WHERE a.region = NEW.region AND a.order_no = NEW.order_no LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.held',
            DETAIL = format('拨付单%s中的结算%s已被审核拦截（%s），请作废后重新制单', NEW.order_no, v_held.setl_id, v_held.reason);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, finding_id, fund, institution, setl_id, subfund, service_year, term, category, kind,
    found_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest ON fund.finding
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_finding BEFORE INSERT ON fund.finding FOR EACH ROW EXECUTE FUNCTION fund.check_finding();
CREATE OR REPLACE TRIGGER begin_finding AFTER INSERT ON fund.finding FOR EACH ROW EXECUTE FUNCTION fund.begin_finding();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.audit_policy
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.audit_policy
    FOR EACH ROW WHEN (((new.set_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.set_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.finding
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.finding_event
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.finding_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.finding_evidence
    FOR EACH ROW WHEN (((new.added_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.added_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.finding_taken
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.finding_transition
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.held
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.sample
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.sample
    FOR EACH ROW WHEN (((new.drawn_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.drawn_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.sample_record
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.trace_code
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.trace_code
    FOR EACH ROW WHEN (((new.loaded_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.loaded_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.audit_policy TO fundledger_service;
GRANT SELECT ON fund.audit_policy TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.finding TO fundledger_service;
GRANT SELECT ON fund.finding TO fundledger_auditor;
GRANT SELECT ON fund.finding_event TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.finding_evidence TO fundledger_service;
GRANT SELECT ON fund.finding_evidence TO fundledger_auditor;
GRANT SELECT ON fund.finding_taken TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.finding_transition TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.held TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON fund.sample TO fundledger_service;
GRANT SELECT ON fund.sample TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.sample_record TO fundledger_service;
GRANT SELECT ON fund.sample_record TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.trace_code TO fundledger_service;
GRANT SELECT ON fund.trace_code TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.appeal_until(integer,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.move_finding(integer,text,text,date,text,bigint,text[],text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.take_finding(integer,text,text,bigint) TO fundledger_service;
