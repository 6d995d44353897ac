-- The month before it is settled: reconciliation (art. 16), declaration (art. 17), audit and appeal (art. 18).

-- Records come in order of time, nearly: enough to read one month's, and almost free at intake.
CREATE INDEX record_time ON fund.record USING brin (setl_time) WITH (pages_per_range = 32);

-- One line of a month to be agreed with an institution: book, 期号, 清算类别.
-- agreed: the details were compared over the whole 期号 and every difference is resolved; `digest` is over our records then.
CREATE TABLE fund.reconciliation (
    region       integer NOT NULL REFERENCES fund.region,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    term         integer NOT NULL CHECK (term BETWEEN 200001 AND 999912),
    clr_type     text NOT NULL CHECK (clr_type <> ''),
    state        text NOT NULL CHECK (state IN ('open', 'differs', 'agreed')),
    run_id       text NOT NULL DEFAULT '',      -- the latest comparison of details
    total_id     text NOT NULL DEFAULT '',      -- the latest comparison of totals over the whole 期号
    records      bigint NOT NULL DEFAULT 0,
    differences  bigint NOT NULL DEFAULT 0,     -- unresolved ones of that run
    digest       bytea NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, institution, term, clr_type),
    FOREIGN KEY (region, institution) REFERENCES fund.institution
);

-- 3201: an institution's totals beside ours. Both sides stay as they were on that day.
CREATE TABLE fund.reconcile_total (
    region          integer NOT NULL,
    total_id        text NOT NULL,
    fund            smallint NOT NULL,
    institution     text NOT NULL,
    insutype        text NOT NULL,
    clr_type        text NOT NULL,
    setl_optins     text NOT NULL,
    stmt_begndate   date NOT NULL,
    stmt_enddate    date NOT NULL CHECK (stmt_enddate >= stmt_begndate),
    refd_setl_flag  text NOT NULL CHECK (refd_setl_flag IN ('0', '1')),   -- 0: without what was refunded
    their_count     bigint NOT NULL, their_medfee_fen bigint NOT NULL, their_fund_fen bigint NOT NULL, their_acct_fen bigint NOT NULL,
    our_count       bigint NOT NULL, our_medfee_fen bigint NOT NULL, our_fund_fen bigint NOT NULL, our_acct_fen bigint NOT NULL,
    stmt_rslt       text NOT NULL CHECK (stmt_rslt = CASE WHEN
        (their_count, their_medfee_fen, their_fund_fen, their_acct_fen) = (our_count, our_medfee_fen, our_fund_fen, our_acct_fen)
        THEN '0' ELSE '1' END),
    compared_by     text NOT NULL,
    compared_on     date NOT NULL,
    PRIMARY KEY (region, total_id)
);

-- 3202: one comparison of details over a whole 期号, with the file it read.
CREATE TABLE fund.reconcile_run (
    region         integer NOT NULL,
    run_id         text NOT NULL,
    fund           smallint NOT NULL,
    institution    text NOT NULL,
    term           integer NOT NULL,
    clr_type       text NOT NULL,
    setl_optins    text NOT NULL,          -- '' compares every 结算经办机构
    refd_setl_flag text NOT NULL CHECK (refd_setl_flag IN ('0', '1')),
    file_name      text NOT NULL,
    file_sha256    bytea NOT NULL CHECK (length(file_sha256) = 32),
    content        bytea NOT NULL CHECK (sha256(content) = file_sha256),
    digest         bytea NOT NULL,         -- over our records compared
    matched        bigint NOT NULL,
    center_only    bigint NOT NULL,
    provider_only  bigint NOT NULL,
    amount_diff    bigint NOT NULL,
    compared_by    text NOT NULL,
    compared_on    date NOT NULL,
    PRIMARY KEY (region, run_id)
);
ALTER TABLE fund.reconcile_run ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX reconcile_run_scope ON fund.reconcile_run (region, fund, institution, term, clr_type);

-- What did not match, with both sides' figures (NULL where a side has no such record).
-- Resolved by a later run, or by two persons: `ours`, our record stands as it is; `out`, it is not declared.
CREATE TABLE fund.difference (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    run_id         text NOT NULL,
    n              integer NOT NULL,
    setl_id        text NOT NULL,
    mdtrt_id       text NOT NULL,
    psn_no         text NOT NULL,
    refd_setl_flag text NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('CENTER_ONLY', 'PROVIDER_ONLY', 'AMOUNT_DIFF')),
    our_medfee_fen bigint, our_fund_fen bigint, our_acct_fen bigint,
    their_medfee_fen bigint, their_fund_fen bigint, their_acct_fen bigint,
    decision       text NOT NULL DEFAULT '' CHECK (decision IN ('', 'ours', 'out')),
    reason         text NOT NULL DEFAULT '',
    proposed_by    text NOT NULL DEFAULT '',
    proposed_on    date,
    confirmed_by   text NOT NULL DEFAULT '',
    confirmed_on   date,
    PRIMARY KEY (region, run_id, n),
    FOREIGN KEY (region, run_id) REFERENCES fund.reconcile_run,
    CHECK ((decision = '') = (proposed_by = '') AND (decision = '') = (reason = '') AND (decision = '') = (proposed_on IS NULL)),
    CHECK ((confirmed_by = '') = (confirmed_on IS NULL)),
    CHECK (confirmed_by = '' OR decision <> '' AND confirmed_by <> proposed_by)
);
CREATE INDEX difference_record ON fund.difference (region, fund, setl_id);

-- Settlement lists 结算清单 (4101) the platform holds: the gate of the declaration.
CREATE TABLE fund.settlement_list (
    region       integer NOT NULL,
    setl_id      text NOT NULL,
    setl_list_id text NOT NULL CHECK (setl_list_id <> ''),
    uploaded_on  date NOT NULL,
    loaded_by    text NOT NULL,
    PRIMARY KEY (region, setl_id)
);

-- clr_stas 清算状态 (platform-fields.md 4.5) and what leads from one to the next.
CREATE TABLE fund.declaration_transition (
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    roles      text[] NOT NULL,
    second     boolean NOT NULL,        -- another person than the one who declared
    PRIMARY KEY (from_state, event)
);
INSERT INTO fund.declaration_transition VALUES
    ('10', 'withdraw', '10', '{maker,system}',  false),     -- 3204, before acceptance
    ('10', 'accept',   '20', '{checker}',       true),
    ('10', 'reject',   '70', '{checker}',       true),
    ('20', 'reject',   '70', '{checker}',       true),
    ('20', 'audit',    '30', '{maker,checker,system}', false),
    ('30', 'audited',  '40', '{maker,checker,system}', false),
    ('40', 'settle',   '50', '{checker,system}', true),
    ('50', 'pay',      '60', '{accountant,system}', false),    -- by the receipt of a month order, never by hand
    ('60', 'return',   '50', '{accountant,system}', false);    -- 退汇 of it: settled, and owed as month money again

CREATE TABLE fund.declaration (
    region         integer NOT NULL,
    fund           smallint NOT NULL CHECK (fund IN (310, 390)),
    declaration_id text NOT NULL,             -- clr_appy_evt_id
    institution    text NOT NULL,
    term           integer NOT NULL,
    clr_type       text NOT NULL,
    clr_way        text NOT NULL,
    setlym         integer NOT NULL,
    state          text NOT NULL DEFAULT '10' CHECK (state IN ('10', '20', '30', '40', '50', '60', '70')),
    late           boolean NOT NULL,
    withdrawn      boolean NOT NULL DEFAULT false,
    psntime        bigint NOT NULL,           -- 清算人次: reversals count −1
    records        bigint NOT NULL CHECK (records > 0),
    medfee_fen     bigint NOT NULL,
    med_sumfee_fen bigint NOT NULL,           -- 医保认可费用总额
    fund_appy_fen  bigint NOT NULL,           -- Σ fund_pay_sumamt, as 3203 means it: all funds
    cash_fen       bigint NOT NULL,
    acct_fen       bigint NOT NULL,
    pool_fen       bigint NOT NULL,           -- of this book: Σ payable.fund_fen, pooled
    book_acct_fen  bigint NOT NULL,           -- of this book: Σ payable.fund_fen, personal accounts
    begndate       date NOT NULL,
    enddate        date NOT NULL,
    run_id         text NOT NULL,             -- the comparison it rests on
    msgid          text NOT NULL DEFAULT '',  -- of the 3203 request: the same request again is answered as before
    digest         bytea NOT NULL CHECK (length(digest) = 32),   -- over its records
    declared_by    text NOT NULL,
    declared_on    date NOT NULL,
    PRIMARY KEY (region, declaration_id),
    FOREIGN KEY (region, fund, institution, term, clr_type) REFERENCES fund.reconciliation,
    CHECK (NOT withdrawn OR state = '10')
);
CREATE UNIQUE INDEX declaration_message ON fund.declaration (region, msgid) WHERE msgid <> '';
CREATE INDEX declaration_scope ON fund.declaration (region, fund, institution, term, clr_type);

-- A record is declared at most once; freed only by withdrawal or rejection.
CREATE TABLE fund.declared (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    setl_id        text NOT NULL,
    declaration_id text NOT NULL,
    PRIMARY KEY (region, fund, setl_id)
);
CREATE INDEX declared_by ON fund.declared (region, declaration_id);

CREATE TABLE fund.declaration_event (
    region         integer NOT NULL,
    declaration_id text NOT NULL,
    n              integer NOT NULL,
    event          text NOT NULL,
    from_state     text NOT NULL,
    to_state       text NOT NULL,
    user_name      text NOT NULL,
    business_date  date NOT NULL,
    reason         text NOT NULL,
    released       text[] NOT NULL DEFAULT '{}',      -- the records freed again
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, declaration_id, n),
    FOREIGN KEY (region, declaration_id) REFERENCES fund.declaration
);

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
    sha256     bytea NOT NULL,
    name       text NOT NULL CHECK (name <> ''),
    content    bytea NOT NULL CHECK (sha256(content) = sha256 AND length(content) BETWEEN 1 AND 16777216),
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
