-- Annual clearing 年度清算 (arts. 21–25, 附件3): its plan as data, the confirmation letter, the papers both sides signed.
-- Whoever prepares is not who approves; what is approved never changes; a letter's rows add up by the form's own formulas.

INSERT INTO fund.policy_key VALUES
    ('clearing_cutoff',    '上年度费用最迟申报日（次年，MM-DD）', '(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'),
    ('clearing_quarterly', '是否按季清算', 'Y|N'),
    ('clearing_pilot',     '是否清算提质增效试点地区', 'Y|N');

-- 年度清算方案 (art. 22): budget and rates are approved together, by their digest.
CREATE TABLE fund.clearing_plan (
    region      integer NOT NULL REFERENCES fund.region,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    year        smallint NOT NULL CHECK (year BETWEEN 2000 AND 2999),
    document    text NOT NULL CHECK (document <> ''),
    prepared_by text NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    digest      bytea NOT NULL DEFAULT '',     -- fund.clearing_plan_digest() as approved
    PRIMARY KEY (region, fund, year),
    CHECK ((approved_by = '') = (approved_on IS NULL) AND approved_by <> prepared_by),
    CHECK (approved_by = '' OR length(digest) = 32)
);

-- A year's money for one class of institutions; reserve: kept back for 特例单议. Without a method it is a plain cap.
CREATE TABLE fund.clearing_budget (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    year         smallint NOT NULL,
    class        text NOT NULL CHECK (class ~ '^[0-9A-Za-z_-]{1,20}$'),
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    reserve_fen  bigint NOT NULL CHECK (reserve_fen BETWEEN 0 AND amount_fen - 1),
    method       text NOT NULL DEFAULT '' CHECK (method IN ('', 'DRG', 'DIP')),
    units        bigint NOT NULL DEFAULT 0 CHECK (units >= 0),         -- Σ weights or points, ten-thousandths
    personal_fen bigint NOT NULL DEFAULT 0 CHECK (personal_fen >= 0),  -- DIP: Σ what the insured bear
    published    text NOT NULL DEFAULT '' CHECK (published ~ '^([0-9]+([.][0-9]+)?)?$'),  -- 费率/点值 as published, yuan
    PRIMARY KEY (region, fund, year, class),
    FOREIGN KEY (region, fund, year) REFERENCES fund.clearing_plan,
    CHECK ((method = '') = (units = 0) AND (method = 'DIP' OR personal_fen = 0))
);

-- An institution's share of its class by weight or points: Σ of a class = amount − reserve, to the fen.
CREATE TABLE fund.clearing_standard (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    year         smallint NOT NULL,
    institution  text NOT NULL,
    class        text NOT NULL,
    cases        integer NOT NULL CHECK (cases > 0),
    units        bigint NOT NULL CHECK (units > 0),
    personal_fen bigint NOT NULL CHECK (personal_fen >= 0),
    standard_fen bigint NOT NULL CHECK (standard_fen >= 0),
    PRIMARY KEY (region, fund, year, institution),
    FOREIGN KEY (region, fund, year, class) REFERENCES fund.clearing_budget,
    FOREIGN KEY (region, institution) REFERENCES fund.institution
);

-- 结余留用 and 超支分担 by band of actual ÷ standard (ten-thousandths); share: the institution's part of what lies in the band.
CREATE TABLE fund.clearing_band (
    region     integer NOT NULL REFERENCES fund.region,
    fund       smallint NOT NULL CHECK (fund IN (310, 390)),
    from_year  smallint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('surplus', 'overspend')),
    from_ratio integer NOT NULL CHECK (from_ratio >= 0),
    to_ratio   integer NOT NULL CHECK (to_ratio > from_ratio),
    share      integer NOT NULL CHECK (share BETWEEN 0 AND 10000),
    source     text NOT NULL CHECK (source <> ''),
    set_by     text NOT NULL,
    PRIMARY KEY (region, fund, from_year, kind, from_ratio),
    CHECK (kind = 'surplus' AND to_ratio <= 10000 OR kind = 'overspend' AND from_ratio >= 10000)
);

-- What a grade costs: the part of the year's retained deposit forfeited (ten-thousandths).
CREATE TABLE fund.clearing_grade (
    region        integer NOT NULL REFERENCES fund.region,
    fund          smallint NOT NULL CHECK (fund IN (310, 390)),
    from_year     smallint NOT NULL,
    grade         text NOT NULL CHECK (grade <> '' AND translate(grade, E'|\\\n\r\t', '') = grade),
    forfeit_ratio integer NOT NULL CHECK (forfeit_ratio BETWEEN 0 AND 10000),
    source        text NOT NULL CHECK (source <> ''),
    set_by        text NOT NULL,
    PRIMARY KEY (region, fund, from_year, grade)
);

-- The year's assessment of an institution: its grade (row 3).
CREATE TABLE fund.assessment (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    year        smallint NOT NULL,
    institution text NOT NULL,
    grade       text NOT NULL CHECK (grade <> ''),
    document    text NOT NULL CHECK (document <> ''),
    prepared_by text NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    PRIMARY KEY (region, fund, year, institution),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((approved_by = '') = (approved_on IS NULL) AND approved_by <> prepared_by)
);

-- 特例单议: money for one case beside its weight, out of the class's reserve.
CREATE TABLE fund.special_case (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    year        smallint NOT NULL,
    setl_id     text NOT NULL,
    institution text NOT NULL,
    amount_fen  bigint NOT NULL CHECK (amount_fen > 0),
    document    text NOT NULL CHECK (document <> ''),
    prepared_by text NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    PRIMARY KEY (region, fund, setl_id),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((approved_by = '') = (approved_on IS NULL) AND approved_by <> prepared_by)
);

-- A record of `year` not declared in time for a documented reason: left to the clearing of the year after (art. 23).
CREATE TABLE fund.late_case (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    setl_id     text NOT NULL,
    year        smallint NOT NULL,
    institution text NOT NULL,
    document    text NOT NULL CHECK (document <> ''),
    prepared_by text NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    PRIMARY KEY (region, fund, setl_id, year),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((approved_by = '') = (approved_on IS NULL) AND approved_by <> prepared_by)
);

-- The confirmation letter 清算确认书 of an institution, fund and year (or quarter). One that lives; a void one is redone
-- under the next version. `paid` is what fund.letter_status says once the bank has paid its order.
CREATE TABLE fund.letter (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    letter_id    text NOT NULL CHECK (letter_id ~ '^CL[0-9A-Z-]{8,60}$'),
    institution  text NOT NULL,
    year         smallint NOT NULL,
    period       text NOT NULL CHECK (period IN ('year', 'Q1', 'Q2', 'Q3', 'Q4')),
    version      integer NOT NULL CHECK (version > 0),
    state        text NOT NULL CHECK (state IN ('draft', 'approved', 'sent', 'confirmed_by_institution', 'confirmed', 'void')),
    grade        text NOT NULL,                -- row 3
    row1_fen     bigint NOT NULL,
    row2_fen     bigint NOT NULL CHECK (row2_fen >= 0),
    row4_fen     bigint NOT NULL CHECK (row4_fen >= 0),
    row5_fen     bigint NOT NULL,              -- other deductions + overspend borne − surplus retained
    row6_fen     bigint NOT NULL CHECK (row6_fen = row1_fen - row2_fen - row4_fen - row5_fen),
    row7_fen     bigint NOT NULL,
    row8_fen     bigint NOT NULL,
    row9_fen     bigint NOT NULL CHECK (row9_fen = row6_fen - row7_fen + row8_fen),
    prepared_by  text NOT NULL,
    prepared_on  date NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),   -- fund.letter_digest()
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    sent_by      text NOT NULL DEFAULT '',
    sent_on      date,
    confirmed_by text NOT NULL DEFAULT '',     -- for the agency, after the institution
    confirmed_on date,
    source_key   text NOT NULL DEFAULT '',     -- the CLR entry
    reason       text NOT NULL DEFAULT '',     -- why void
    PRIMARY KEY (region, letter_id),
    UNIQUE (region, fund, institution, year, period, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK ((approved_by = '') = (approved_on IS NULL) AND approved_by <> prepared_by),
    CHECK ((confirmed_by = '') = (confirmed_on IS NULL) AND confirmed_by <> prepared_by),
    CHECK ((state = 'confirmed') = (confirmed_by <> '')),
    CHECK (state <> 'void' OR reason <> '')
);
CREATE UNIQUE INDEX one_letter ON fund.letter (region, fund, institution, year, period) WHERE state <> 'void';
CREATE INDEX letter_year ON fund.letter (region, fund, year);

-- Rows 1, 2, 4–9 split as the form splits row 6.
CREATE TABLE fund.letter_row (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    letter_id  text NOT NULL,
    row_no     smallint NOT NULL CHECK (row_no IN (1, 2, 4, 5, 6, 7, 8, 9)),
    part       text NOT NULL CHECK (part IN ('pool', 'acct', 'large', 'supplementary', 'other')),
    amount_fen bigint NOT NULL,
    PRIMARY KEY (region, letter_id, row_no, part),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED
);

-- What the letter found and takes, per key of the memorandum accounts; amounts in fen. `_before`: taken by months and
-- quarters already. The result is what CLR books to 9106; owed_before is what 9106 held already.
CREATE TABLE fund.letter_line (
    region           integer NOT NULL,
    fund             smallint NOT NULL,
    letter_id        text NOT NULL,
    n                integer NOT NULL,
    subfund          text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    service_year     smallint NOT NULL,
    term             integer NOT NULL,
    category         text NOT NULL,
    claimed_fen      bigint NOT NULL,          -- records' fund money, late ones included
    late_fen         bigint NOT NULL,          -- not declared in time: borne by the institution
    surplus_before   bigint NOT NULL,
    surplus_fen      bigint NOT NULL CHECK (surplus_fen >= 0),
    audit_before     bigint NOT NULL,
    audit_fen        bigint NOT NULL CHECK (audit_fen >= 0),
    forfeited_before bigint NOT NULL,
    forfeited_fen    bigint NOT NULL CHECK (forfeited_fen >= 0),
    other_before     bigint NOT NULL,
    other_fen        bigint NOT NULL CHECK (other_fen >= 0),
    borne_before     bigint NOT NULL,
    borne_fen        bigint NOT NULL CHECK (borne_fen >= 0),     -- overspend share
    offset_fen       bigint NOT NULL CHECK (offset_fen >= 0),    -- row 7: advances the letter settles
    paid_fen         bigint NOT NULL,          -- row 7: daily, month, quarter, offsets of months
    refunded_fen     bigint NOT NULL,          -- row 8
    open_daily_fen   bigint NOT NULL,
    waiting_fen      bigint NOT NULL,
    month_open_fen   bigint NOT NULL,
    retained_fen     bigint NOT NULL,
    advance_fen      bigint NOT NULL,          -- 1101-日拨付 that becomes expense
    owed_before      bigint NOT NULL,
    result_fen       bigint NOT NULL CHECK (result_fen = open_daily_fen + waiting_fen + month_open_fen + retained_fen
                         + surplus_fen - audit_fen - forfeited_fen - other_fen - borne_fen - late_fen - offset_fen),
    PRIMARY KEY (region, letter_id, n),
    UNIQUE (region, letter_id, subfund, service_year, term, category),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED,
    -- Row 9 of the key: 1 − 2 − 4 − 5 − 7 + 8 is what its accounts leave.
    CHECK (result_fen + owed_before = claimed_fen - late_fen + surplus_before + surplus_fen - audit_before - audit_fen
           - forfeited_before - forfeited_fen - other_before - other_fen - borne_before - borne_fen - paid_fen - offset_fen
           + refunded_fen)
);

-- What the letter will take of final findings, deduct besides, and leave to the institution: approved with it.
CREATE TABLE fund.letter_finding (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    letter_id  text NOT NULL,
    finding_id text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, letter_id, finding_id),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE fund.letter_deduction (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    letter_id    text NOT NULL,
    deduction_id text NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, letter_id, deduction_id),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, deduction_id) REFERENCES fund.other_deduction
);
-- What is left of an advance (above all the yearly 预付金) after the year's months, and which line bears it.
CREATE TABLE fund.letter_offset (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    letter_id  text NOT NULL,
    advance_id text NOT NULL,
    n          integer NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, letter_id, advance_id, n),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, letter_id, n) REFERENCES fund.letter_line DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, advance_id) REFERENCES fund.advance
);
CREATE TABLE fund.letter_late (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    letter_id text NOT NULL,
    setl_id   text NOT NULL,
    subfund   text NOT NULL,
    fund_fen  bigint NOT NULL,
    PRIMARY KEY (region, letter_id, setl_id, subfund),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED
);

-- The archive (art. 24): our letter, what each side signed, the write-off notice of art. 25. Never changed.
CREATE TABLE fund.letter_paper (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    letter_id     text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('letter', 'institution', 'agency', 'write_off')),
    content       bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 16777216),
    sha256        bytea NOT NULL CHECK (sha256 = sha256(content)),
    sm3           bytea NOT NULL CHECK (length(sm3) = 32),
    letter_digest bytea NOT NULL,              -- the letter it speaks of
    signed_by     text NOT NULL,               -- the name under it
    paper_date    date NOT NULL,
    recorded_by   text NOT NULL,
    PRIMARY KEY (region, letter_id, kind),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE fund.letter_paper ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE fund.letter_order (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    letter_id text NOT NULL,
    order_no  text NOT NULL,
    PRIMARY KEY (region, order_no),
    FOREIGN KEY (region, letter_id) REFERENCES fund.letter,
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);
CREATE INDEX letter_order_letter ON fund.letter_order (region, letter_id);

-- 《医保基金清算提质增效三年行动计划》: by when a year is to be cleared, and how much of its money may be left to it.
CREATE TABLE fund.clearing_target (
    from_year  smallint NOT NULL,
    pilot      boolean NOT NULL,
    by_month   smallint NOT NULL CHECK (by_month BETWEEN 1 AND 12),   -- its last day, in the year after
    share_low  integer NOT NULL CHECK (share_low BETWEEN 0 AND share_high),
    share_high integer NOT NULL CHECK (share_high <= 10000),
    source     text NOT NULL,
    PRIMARY KEY (from_year, pilot)
);
INSERT INTO fund.clearing_target
SELECT y, p, m, l, h, '《医保基金清算提质增效三年行动计划》（2025-12-15）' FROM (VALUES
    (2025, true, 3, 0, 500), (2025, false, 5, 0, 500),
    (2026, true, 3, 300, 500), (2026, false, 4, 300, 500),
    (2027, true, 3, 0, 300), (2027, false, 3, 0, 300)) AS t (y, p, m, l, h);
