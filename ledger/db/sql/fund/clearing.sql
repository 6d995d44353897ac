-- Annual clearing: plan, cases, confirmation letters, their orders and targets.

-- Tables ------------------------------------------------------
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
    content       bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 16777264),
    sha256        bytea NOT NULL CHECK (length(sha256) = 32),  -- of the content before it was sealed
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

-- Views -------------------------------------------------------
-- A letter's state as the money tells it: paid once the bank has paid its order, on the bank's day; nothing to pay is done
-- when confirmed.
CREATE OR REPLACE VIEW fund.letter_status WITH (security_invoker = true) AS
    SELECT l.region, l.fund, l.letter_id, l.institution, l.year, l.period, l.row9_fen,
           CASE WHEN o.order_no IS NOT NULL THEN 'paid' ELSE l.state END AS state,
           coalesce(o.order_no, '') AS order_no,
           CASE WHEN o.order_no IS NOT NULL THEN o.booked_on WHEN l.state = 'confirmed' AND l.row9_fen <= 0 THEN l.confirmed_on END AS cleared_on
      FROM fund.letter l
      LEFT JOIN LATERAL (
           SELECT o.order_no, max(e.booking_date) AS booked_on FROM fund.letter_order x
             JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no AND o.state = 'paid'
             JOIN payments.evidence e ON e.region = o.region AND e.matched_order = o.order_no AND e.outcome = 'posted' AND e.direction = 'debit'
            WHERE x.region = l.region AND x.letter_id = l.letter_id GROUP BY o.order_no LIMIT 1) o ON true;

-- The equation of a year (INV-08): everything an institution was owed is paid, deducted, or still owed.
-- One line per institution, book, sub-fund and service year, as the books stand now; each figure on its normal side.
CREATE OR REPLACE VIEW fund.conservation WITH (security_invoker = true) AS
SELECT k.*, k.recognised_fen + k.surplus_fen + k.outregion_fen - k.owed_fen - k.paid_fen + k.refunded_fen - k.taken_fen AS difference_fen
  FROM (SELECT b.region, b.fund, d.counterparty AS institution, d.subfund, d.service_year,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9001), 0)::bigint  AS recognised_fen,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9002), 0)::bigint  AS surplus_fen,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9003), 0)::bigint  AS outregion_fen,   -- bills of other regions
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9101), 0)::bigint   AS open_daily_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9102), 0)::bigint   AS waiting_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9103), 0)::bigint   AS month_owed_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9104), 0)::bigint   AS in_flight_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9105), 0)::bigint   AS retained_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9106), 0)::bigint   AS clearing_owed_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9201), 0)::bigint   AS paid_daily_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9202), 0)::bigint   AS paid_month_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9203), 0)::bigint   AS paid_clearing_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 920401), 0)::bigint AS offset_prepaid_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 920402), 0)::bigint AS offset_allocated_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 920403), 0)::bigint AS offset_supplier_fen,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9209), 0)::bigint  AS refunded_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9301), 0)::bigint   AS audit_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9302), 0)::bigint   AS forfeited_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9303), 0)::bigint   AS other_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9304), 0)::bigint   AS borne_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account BETWEEN 9101 AND 9106), 0)::bigint AS owed_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account BETWEEN 9201 AND 9203
                                              OR b.account BETWEEN 920400 AND 920499), 0)::bigint AS paid_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account BETWEEN 9301 AND 9304), 0)::bigint AS taken_fen
          FROM books.balance b
          JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
          CROSS JOIN LATERAL (SELECT b.credit - b.debit AS fen) n
         WHERE b.account BETWEEN 9001 AND 9399 OR b.account BETWEEN 900100 AND 939999
         GROUP BY b.region, b.fund, d.counterparty, d.subfund, d.service_year) k;

-- The same identity on every day: what the entries of one voucher date moved out of balance, per key. No row, ever.
-- Entries balance as a whole; that each key balances too is what nothing else proves.
CREATE OR REPLACE VIEW fund.conservation_broken WITH (security_invoker = true) AS
SELECT p.region, p.fund, d.counterparty AS institution, d.subfund, d.service_year, b.voucher_date,
       sum(p.debit - p.credit)::bigint AS difference_fen
  FROM books.posting p
  JOIN books.dim d ON d.region = p.region AND d.dim = p.dim
  JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
 WHERE p.account BETWEEN 9001 AND 9399 OR p.account BETWEEN 900100 AND 939999
 GROUP BY p.region, p.fund, d.counterparty, d.subfund, d.service_year, b.voucher_date
HAVING sum(p.debit - p.credit) <> 0;

-- Functions ---------------------------------------------------
-- Proposed in one's own name by a maker, approved once in one's own name by a checker who is another person.
CREATE OR REPLACE FUNCTION fund.check_second_person() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_by <> '' OR access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.prepared_by THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'clearing.prepared_by', DETAIL = '清算数据只能以当前用户的名义提出';
        END IF;
        RETURN NEW;
    END IF;
    acting := access.require_role(NEW.region, NEW.fund, '{checker}');
    IF OLD.approved_by <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.already_approved', DETAIL = format('已由%s复核', OLD.approved_by);
    END IF;
    IF NEW.approved_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'clearing.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', OLD.prepared_by);
    END IF;
    RETURN NEW;
END $$;

-- The canonical text of a plan, hashed: its classes, then the institutions' shares.
CREATE OR REPLACE FUNCTION fund.clearing_plan_digest(p_region integer, p_fund smallint, p_year smallint) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', p_region, p_fund, p_year, p.document) || E'\n' || coalesce(b.text, '') || E'\n'
                             || coalesce(s.text, ''), 'UTF8'))
      FROM (SELECT document FROM fund.clearing_plan WHERE region = p_region AND fund = p_fund AND year = p_year) p,
           (SELECT string_agg(concat_ws('|', class, amount_fen, reserve_fen, method, units, personal_fen, published), E'\n'
                              ORDER BY class COLLATE "C") AS text
              FROM fund.clearing_budget WHERE region = p_region AND fund = p_fund AND year = p_year) b,
           (SELECT string_agg(concat_ws('|', institution, class, cases, units, personal_fen, standard_fen), E'\n'
                              ORDER BY institution COLLATE "C") AS text
              FROM fund.clearing_standard WHERE region = p_region AND fund = p_fund AND year = p_year) s
$$;

-- Approved only as shown, and only if what the rates give out is exactly what the budget holds.
CREATE OR REPLACE FUNCTION fund.check_plan() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_off record;
BEGIN
    IF NEW.digest IS DISTINCT FROM fund.clearing_plan_digest(NEW.region, NEW.fund, NEW.year) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.plan_changed', DETAIL = format('%s年度清算方案与所复核的摘要不符', NEW.year);
    END IF;
    SELECT b.class, b.amount_fen - b.reserve_fen AS budget, b.units, s.fen, s.units AS given INTO v_off
      FROM fund.clearing_budget b
      LEFT JOIN (SELECT class, sum(standard_fen) AS fen, sum(units) AS units, sum(personal_fen) AS personal FROM fund.clearing_standard
                  WHERE region = NEW.region AND fund = NEW.fund AND year = NEW.year GROUP BY class) s ON s.class = b.class
     WHERE b.region = NEW.region AND b.fund = NEW.fund AND b.year = NEW.year
       AND (b.method <> '' OR s.class IS NOT NULL)
       AND (s.fen, s.units, s.personal) IS DISTINCT FROM (b.amount_fen - b.reserve_fen, b.units, b.personal_fen)
     ORDER BY b.class LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.rate_budget',
            DETAIL = format('类别%s可分配预算%s元、总量%s，各机构合计%s元、%s', v_off.class, fund.yuan(v_off.budget), v_off.units,
                            fund.yuan(coalesce(v_off.fen, 0)), coalesce(v_off.given, 0));
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fund.check_plan_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_row record := coalesce(NEW, OLD);
BEGIN
    PERFORM access.require_role(v_row.region, v_row.fund, '{maker,system}');
    IF NOT EXISTS (SELECT 1 FROM fund.clearing_plan p WHERE p.region = v_row.region AND p.fund = v_row.fund
                      AND p.year = v_row.year AND p.approved_by = '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'clearing.plan_approved', DETAIL = format('%s年度清算方案已复核，不得更改', v_row.year);
    END IF;
    RETURN v_row;
END $$;

-- 特例单议 never gives out more than its class's reserve.
CREATE OR REPLACE FUNCTION fund.check_special_case() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_reserve bigint; v_class text; v_given bigint;
BEGIN
    PERFORM 1 FROM fund.clearing_plan p WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.year = NEW.year
        AND p.approved_by <> '' FOR UPDATE;
    SELECT b.reserve_fen, b.class INTO v_reserve, v_class FROM fund.clearing_standard s
      JOIN fund.clearing_budget b ON b.region = s.region AND b.fund = s.fund AND b.year = s.year AND b.class = s.class
     WHERE s.region = NEW.region AND s.fund = NEW.fund AND s.year = NEW.year AND s.institution = NEW.institution;
    SELECT coalesce(sum(c.amount_fen), 0) INTO v_given FROM fund.special_case c
      JOIN fund.clearing_standard s ON s.region = c.region AND s.fund = c.fund AND s.year = c.year AND s.institution = c.institution
     WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.year = NEW.year AND s.class = v_class AND c.approved_by <> '';
    IF v_reserve IS NULL OR v_given + NEW.amount_fen > v_reserve THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.over_reserve',
            DETAIL = format('特例单议%s的%s元超过预留额：预留%s元，已用%s元', NEW.setl_id, fund.yuan(NEW.amount_fen), fund.yuan(coalesce(v_reserve, 0)), fund.yuan(v_given));
    END IF;
    RETURN NEW;
END $$;

-- The canonical text of a letter, hashed: its facts and rows, its lines, what it takes and leaves, each in order.
CREATE OR REPLACE FUNCTION fund.letter_digest(l fund.letter) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', l.letter_id, l.fund, l.institution, l.year, l.period, l.version, l.grade, l.row1_fen,
                    l.row2_fen, l.row4_fen, l.row5_fen, l.row6_fen, l.row7_fen, l.row8_fen, l.row9_fen) || E'\n'
            || concat_ws(E'\n', r.text, n.text, f.text, d.text, o.text, t.text), 'UTF8'))
      FROM (SELECT string_agg(concat_ws('|', row_no, part, amount_fen), E'\n' ORDER BY row_no, part COLLATE "C") AS text
              FROM fund.letter_row WHERE region = l.region AND letter_id = l.letter_id) r,
           (SELECT string_agg(concat_ws('|', n, subfund, service_year, term, category, claimed_fen, late_fen, surplus_before, surplus_fen,
                       audit_before, audit_fen, forfeited_before, forfeited_fen, other_before, other_fen, borne_before, borne_fen,
                       offset_fen, paid_fen, refunded_fen, open_daily_fen, waiting_fen, month_open_fen, retained_fen, advance_fen, owed_before,
                       result_fen), E'\n' ORDER BY n) AS text
              FROM fund.letter_line WHERE region = l.region AND letter_id = l.letter_id) n,
           (SELECT string_agg(concat_ws('|', 'finding', finding_id, amount_fen), E'\n' ORDER BY finding_id COLLATE "C") AS text
              FROM fund.letter_finding WHERE region = l.region AND letter_id = l.letter_id) f,
           (SELECT string_agg(concat_ws('|', 'deduction', deduction_id, amount_fen), E'\n' ORDER BY deduction_id COLLATE "C") AS text
              FROM fund.letter_deduction WHERE region = l.region AND letter_id = l.letter_id) d,
           (SELECT string_agg(concat_ws('|', 'offset', advance_id, n, amount_fen), E'\n' ORDER BY advance_id COLLATE "C", n) AS text
              FROM fund.letter_offset WHERE region = l.region AND letter_id = l.letter_id) o,
           (SELECT string_agg(concat_ws('|', 'late', setl_id, subfund, fund_fen), E'\n' ORDER BY setl_id COLLATE "C", subfund) AS text
              FROM fund.letter_late WHERE region = l.region AND letter_id = l.letter_id) t
$$;

-- The rows are the sums of the lines, part by part, and the lines take exactly what is listed.
CREATE OR REPLACE FUNCTION fund.letter_adds_up(l fund.letter) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    WITH lines AS (
        SELECT * FROM fund.letter_line WHERE region = l.region AND letter_id = l.letter_id),
    wanted AS (
        SELECT w.row_no, subfund AS part, sum(w.fen)::bigint AS fen
          FROM lines, LATERAL (VALUES
               (1, claimed_fen - late_fen), (2, audit_before + audit_fen), (4, forfeited_before + forfeited_fen),
               (5, other_before + other_fen + borne_before + borne_fen - surplus_before - surplus_fen),
               (7, paid_fen + offset_fen), (8, refunded_fen), (9, result_fen + owed_before)) AS w (row_no, fen) GROUP BY 1, 2),
    given AS (
        SELECT row_no, part, amount_fen AS fen FROM fund.letter_row WHERE region = l.region AND letter_id = l.letter_id)
    SELECT NOT EXISTS (SELECT 1 FROM wanted w FULL JOIN (SELECT * FROM given WHERE row_no <> 6) g USING (row_no, part)
                        WHERE coalesce(w.fen, 0) <> coalesce(g.fen, 0))
       AND NOT EXISTS (SELECT 1 FROM given GROUP BY part
                       HAVING coalesce(sum(fen) FILTER (WHERE row_no = 6), 0)
                           <> coalesce(sum(CASE row_no WHEN 1 THEN fen WHEN 2 THEN -fen WHEN 4 THEN -fen WHEN 5 THEN -fen END), 0))
       AND (SELECT array_agg(coalesce(g.fen, 0) ORDER BY r.n)
              FROM unnest(ARRAY[1, 2, 4, 5, 6, 7, 8, 9]) WITH ORDINALITY AS r (row_no, n)
              LEFT JOIN (SELECT row_no, sum(fen) AS fen FROM given GROUP BY 1) g ON g.row_no = r.row_no)
           = ARRAY[l.row1_fen, l.row2_fen, l.row4_fen, l.row5_fen, l.row6_fen, l.row7_fen, l.row8_fen, l.row9_fen]::numeric[]
       AND (SELECT coalesce(sum(audit_fen), 0) FROM lines)
           = (SELECT coalesce(sum(amount_fen), 0) FROM fund.letter_finding WHERE region = l.region AND letter_id = l.letter_id)
       AND (SELECT coalesce(sum(other_fen), 0) FROM lines)
           = (SELECT coalesce(sum(amount_fen), 0) FROM fund.letter_deduction WHERE region = l.region AND letter_id = l.letter_id)
       AND NOT EXISTS (SELECT 1 FROM lines LEFT JOIN (SELECT n, sum(amount_fen) AS fen FROM fund.letter_offset
                        WHERE region = l.region AND letter_id = l.letter_id GROUP BY n) o ON o.n = lines.n
                        WHERE lines.offset_fen <> coalesce(o.fen, 0))
       AND (SELECT coalesce(sum(late_fen), 0) FROM lines)
           = (SELECT coalesce(sum(fund_fen), 0) FROM fund.letter_late WHERE region = l.region AND letter_id = l.letter_id)
$$;

-- A second person approves; the institution's signed copy comes before the agency's; both before CLR; CLR before confirmed.
CREATE OR REPLACE FUNCTION fund.check_letter() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        acting := access.require_role(NEW.region, NEW.fund, '{maker,system}');
        IF NEW.state <> 'draft' OR NEW.prepared_by <> acting OR concat(NEW.approved_by, NEW.sent_by, NEW.confirmed_by, NEW.source_key) <> '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.prepared_by',
                DETAIL = format('清算确认书%s只能以当前用户的名义制单', NEW.letter_id);
        END IF;
        NEW.digest := fund.letter_digest(NEW);     -- its rows and lines came before it
        RETURN NEW;
    END IF;
    IF OLD.digest <> fund.letter_digest(OLD) OR NEW.state <> 'void' AND NOT fund.letter_adds_up(OLD) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.changed', DETAIL = format('清算确认书%s的内容与摘要或合计不符', OLD.letter_id);
    END IF;
    CASE OLD.state || '→' || NEW.state
        WHEN 'draft→approved' THEN
            acting := access.require_role(NEW.region, NEW.fund, '{checker}');
            IF NEW.approved_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
                RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.same_person',
                    DETAIL = format('清算确认书%s由%s制单，须由另一人以本人名义审批', OLD.letter_id, OLD.prepared_by);
            END IF;
            PERFORM access.require_signature(OLD.region, 'clear.approve', OLD.letter_id, encode(OLD.digest, 'hex'));
        WHEN 'approved→sent' THEN
            IF access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.sent_by OR NEW.sent_on IS NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.sent_by', DETAIL = '清算确认书只能以当前用户的名义发出';
            END IF;
        WHEN 'sent→confirmed_by_institution' THEN
            PERFORM access.require_role(NEW.region, NEW.fund, '{maker,intake,system}');
        WHEN 'confirmed_by_institution→confirmed' THEN
            acting := access.require_role(NEW.region, NEW.fund, '{checker}');
            IF NEW.confirmed_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
                RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.same_person',
                    DETAIL = format('清算确认书%s由%s制单，须由另一人以本人名义确认', OLD.letter_id, OLD.prepared_by);
            END IF;
            IF NEW.source_key = '' AND EXISTS (SELECT 1 FROM fund.letter_line n WHERE n.region = OLD.region AND n.letter_id = OLD.letter_id
                    AND (n.open_daily_fen, n.waiting_fen, n.month_open_fen, n.retained_fen, n.surplus_fen, n.audit_fen, n.forfeited_fen,
                         n.other_fen, n.borne_fen, n.late_fen, n.advance_fen, n.offset_fen) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
               OR NEW.source_key <> '' AND (NEW.source_key <> 'CLR:' || OLD.letter_id OR NOT EXISTS (
                    SELECT 1 FROM books.source s WHERE s.region = NEW.region AND s.fund = NEW.fund AND s.source_key = NEW.source_key)) THEN
                RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.not_booked', DETAIL = format('清算确认书%s没有清算凭证', OLD.letter_id);
            END IF;
        WHEN 'draft→void', 'approved→void', 'sent→void' THEN
            PERFORM access.require_role(NEW.region, NEW.fund, '{maker,checker,system}');
        ELSE
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.state',
                DETAIL = format('清算确认书%s不能由{letter.state:%s}转为{letter.state:%s}', OLD.letter_id, OLD.state, NEW.state);
    END CASE;
    IF (NEW.state IN ('confirmed_by_institution', 'confirmed')
        AND NOT EXISTS (SELECT 1 FROM fund.letter_paper p WHERE p.region = NEW.region AND p.letter_id = NEW.letter_id AND p.kind = 'institution'))
       OR (NEW.state = 'confirmed'
        AND NOT EXISTS (SELECT 1 FROM fund.letter_paper p WHERE p.region = NEW.region AND p.letter_id = NEW.letter_id AND p.kind = 'agency')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.one_side', DETAIL = format('清算确认书%s尚未经双方签章', NEW.letter_id);
    END IF;
    RETURN NEW;
END $$;

-- Rows, lines and lists come before their letter, never after: what was drafted cannot grow.
CREATE OR REPLACE FUNCTION fund.check_letter_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = NEW.region AND l.letter_id = NEW.letter_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = format('清算确认书%s已制成，不得增行', NEW.letter_id);
    END IF;
    RETURN NEW;
END $$;

-- A paper speaks of the letter as hashed, and comes at its time: ours with the draft, theirs when sent, our signature last.
CREATE OR REPLACE FUNCTION fund.check_letter_paper() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_state text; v_digest bytea;
BEGIN
    SELECT state, digest INTO v_state, v_digest FROM fund.letter l
     WHERE l.region = NEW.region AND l.fund = NEW.fund AND l.letter_id = NEW.letter_id;
    IF v_digest IS DISTINCT FROM NEW.letter_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.other_digest', DETAIL = format('所签文书与清算确认书%s的摘要不符', NEW.letter_id);
    END IF;
    IF v_state <> (CASE NEW.kind WHEN 'letter' THEN 'draft' WHEN 'institution' THEN 'sent' ELSE 'confirmed_by_institution' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = CASE NEW.kind WHEN 'agency' THEN 'letter.one_side' ELSE 'letter.state' END,
            DETAIL = format('清算确认书%s处于{letter.state:%s}，不能收存此文书', NEW.letter_id, v_state);
    END IF;
    IF access.require_role(NEW.region, NEW.fund, CASE NEW.kind WHEN 'letter' THEN '{maker,system}'::text[]
            WHEN 'institution' THEN '{maker,intake,system}' ELSE '{checker}' END) <> NEW.recorded_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.recorded_by', DETAIL = '文书只能以当前用户的名义收存';
    END IF;
    RETURN NEW;
END $$;

-- An order pays a letter both sides confirmed, its own institution, and no second one while the first may still pay.
CREATE OR REPLACE FUNCTION fund.check_letter_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_letter fund.letter;
BEGIN
    SELECT * INTO v_letter FROM fund.letter l WHERE l.region = NEW.region AND l.letter_id = NEW.letter_id FOR UPDATE;
    IF v_letter.state IS DISTINCT FROM 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.one_side', DETAIL = format('清算确认书%s未经双方确认，不能拨付', NEW.letter_id);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.pay_order o WHERE o.region = NEW.region AND o.order_no = NEW.order_no
                      AND o.fund = v_letter.fund AND o.institution = v_letter.institution) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'letter.other_order', DETAIL = format('拨付单%s不是该机构的清算款', NEW.order_no);
    END IF;
    IF EXISTS (SELECT 1 FROM fund.letter_order x JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no
                 JOIN payments.state s ON s.state = o.state
                WHERE x.region = NEW.region AND x.letter_id = NEW.letter_id AND NOT s.releases) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.ordered', DETAIL = format('清算确认书%s已有拨付单', NEW.letter_id);
    END IF;
    RETURN NEW;
END $$;

-- Clearing money leaves only for a confirmed letter (raw orders on 9106 included).
CREATE OR REPLACE FUNCTION fund.check_clearing_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = NEW.region AND i.order_no = NEW.order_no AND i.source = 9106)
       AND NEW.batch_id NOT LIKE 'OPEN-%'      -- the old system's, with its letter
       AND NOT EXISTS (SELECT 1 FROM fund.letter_order x WHERE x.region = NEW.region AND x.order_no = NEW.order_no) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_letter', DETAIL = format('拨付单%s没有双方确认的清算确认书', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_letter BEFORE INSERT OR UPDATE ON fund.letter FOR EACH ROW EXECUTE FUNCTION fund.check_letter();
CREATE OR REPLACE TRIGGER check_letter_paper BEFORE INSERT ON fund.letter_paper FOR EACH ROW EXECUTE FUNCTION fund.check_letter_paper();
CREATE OR REPLACE TRIGGER check_letter_order BEFORE INSERT ON fund.letter_order FOR EACH ROW EXECUTE FUNCTION fund.check_letter_order();
CREATE OR REPLACE TRIGGER check_plan BEFORE UPDATE ON fund.clearing_plan FOR EACH ROW EXECUTE FUNCTION fund.check_plan();
CREATE OR REPLACE TRIGGER check_special_case BEFORE UPDATE ON fund.special_case FOR EACH ROW EXECUTE FUNCTION fund.check_special_case();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.letter FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, letter_id, institution, year, period, version, grade, row1_fen, row2_fen, row4_fen,
    row5_fen, row6_fen, row7_fen, row8_fen, row9_fen, prepared_by, prepared_on, digest ON fund.letter
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER a_second_person BEFORE INSERT OR UPDATE ON fund.assessment
    FOR EACH ROW EXECUTE FUNCTION fund.check_second_person();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.assessment
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.clearing_band
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.clearing_band
    FOR EACH ROW WHEN ((access.working_login() AND ((new.set_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[]))))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE TRUNCATE ON fund.clearing_budget
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER plan_part BEFORE INSERT OR DELETE OR UPDATE ON fund.clearing_budget
    FOR EACH ROW EXECUTE FUNCTION fund.check_plan_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.clearing_grade
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.clearing_grade
    FOR EACH ROW WHEN ((access.working_login() AND ((new.set_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[]))))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER a_second_person BEFORE INSERT OR UPDATE ON fund.clearing_plan
    FOR EACH ROW EXECUTE FUNCTION fund.check_second_person();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.clearing_plan
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE TRUNCATE ON fund.clearing_standard
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER plan_part BEFORE INSERT OR DELETE OR UPDATE ON fund.clearing_standard
    FOR EACH ROW EXECUTE FUNCTION fund.check_plan_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.clearing_target
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER a_second_person BEFORE INSERT OR UPDATE ON fund.late_case
    FOR EACH ROW EXECUTE FUNCTION fund.check_second_person();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.late_case
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_deduction
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER letter_part BEFORE INSERT ON fund.letter_deduction
    FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_finding
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER letter_part BEFORE INSERT ON fund.letter_finding
    FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_late
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER letter_part BEFORE INSERT ON fund.letter_late
    FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER letter_part BEFORE INSERT ON fund.letter_line
    FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_offset
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER letter_part BEFORE INSERT ON fund.letter_offset
    FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_paper
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.letter_row
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER letter_part BEFORE INSERT ON fund.letter_row
    FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part();
CREATE OR REPLACE TRIGGER a_second_person BEFORE INSERT OR UPDATE ON fund.special_case
    FOR EACH ROW EXECUTE FUNCTION fund.check_second_person();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.special_case
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.conservation TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.conservation_broken TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.assessment TO fundledger_service;
GRANT SELECT ON fund.assessment TO fundledger_auditor;
GRANT UPDATE (approved_by, approved_on) ON fund.assessment TO fundledger_service;
GRANT SELECT, INSERT ON fund.clearing_band TO fundledger_service;
GRANT SELECT ON fund.clearing_band TO fundledger_auditor;
GRANT SELECT, INSERT, DELETE ON fund.clearing_budget TO fundledger_service;
GRANT SELECT ON fund.clearing_budget TO fundledger_auditor;
GRANT UPDATE (method, units, personal_fen, published) ON fund.clearing_budget TO fundledger_service;
GRANT SELECT, INSERT ON fund.clearing_grade TO fundledger_service;
GRANT SELECT ON fund.clearing_grade TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.clearing_plan TO fundledger_service;
GRANT SELECT ON fund.clearing_plan TO fundledger_auditor;
GRANT UPDATE (approved_by, approved_on, digest) ON fund.clearing_plan TO fundledger_service;
GRANT SELECT, INSERT, DELETE ON fund.clearing_standard TO fundledger_service;
GRANT SELECT ON fund.clearing_standard TO fundledger_auditor;
GRANT SELECT ON fund.clearing_target TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.late_case TO fundledger_service;
GRANT SELECT ON fund.late_case TO fundledger_auditor;
GRANT UPDATE (approved_by, approved_on) ON fund.late_case TO fundledger_service;
GRANT SELECT, INSERT ON fund.letter TO fundledger_service;
GRANT SELECT ON fund.letter TO fundledger_auditor;
GRANT UPDATE (state, approved_by, approved_on, sent_by, sent_on, confirmed_by, confirmed_on, source_key, reason) ON fund.letter TO fundledger_service;
GRANT SELECT, INSERT ON fund.letter_deduction TO fundledger_service;
GRANT SELECT ON fund.letter_deduction TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_finding TO fundledger_service;
GRANT SELECT ON fund.letter_finding TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_late TO fundledger_service;
GRANT SELECT ON fund.letter_late TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_line TO fundledger_service;
GRANT SELECT ON fund.letter_line TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_offset TO fundledger_service;
GRANT SELECT ON fund.letter_offset TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_order TO fundledger_service;
GRANT SELECT ON fund.letter_order TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_paper TO fundledger_service;
GRANT SELECT ON fund.letter_paper TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.letter_row TO fundledger_service;
GRANT SELECT ON fund.letter_row TO fundledger_auditor;
GRANT SELECT ON fund.letter_status TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.special_case TO fundledger_service;
GRANT SELECT ON fund.special_case TO fundledger_auditor;
GRANT UPDATE (approved_by, approved_on) ON fund.special_case TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.clearing_plan_digest(integer,smallint,smallint) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.letter_adds_up(fund.letter) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.letter_digest(fund.letter) TO fundledger_service, fundledger_auditor;
