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
