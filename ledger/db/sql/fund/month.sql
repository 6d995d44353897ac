-- The month: hand-back, settlement sheets, other deductions, their orders.

-- Tables ------------------------------------------------------
-- Hand-back of art. 12: what the finance side told the business side it had paid in a month, frozen as told.
CREATE TABLE fund.handback (
    region      integer NOT NULL REFERENCES fund.region,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    month       integer NOT NULL,              -- bank dates of this month
    made_by     text NOT NULL,
    made_on     date NOT NULL,
    late        boolean NOT NULL,              -- after the 3rd of the next month
    paid_fen    bigint NOT NULL,
    returned_fen bigint NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (region, fund, month)
);

CREATE TABLE fund.handback_line (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    month        integer NOT NULL,
    booked_month integer NOT NULL,             -- of the bank's date: earlier than month for what came after its own hand-back
    institution  text NOT NULL,
    term         integer NOT NULL,             -- 期号 of the records paid
    paid_fen     bigint NOT NULL,
    returned_fen bigint NOT NULL,
    PRIMARY KEY (region, fund, month, booked_month, institution, term),
    FOREIGN KEY (region, fund, month) REFERENCES fund.handback DEFERRABLE INITIALLY DEFERRED,
    CHECK (booked_month <= month)
);

-- The receipts a hand-back told of: each once.
CREATE TABLE fund.handback_receipt (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    month      integer NOT NULL,
    account    text NOT NULL,
    kind       text NOT NULL,
    receipt_no text NOT NULL,
    direction  text NOT NULL,
    PRIMARY KEY (region, account, kind, receipt_no, direction),
    FOREIGN KEY (region, fund, month) REFERENCES fund.handback DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, account, kind, receipt_no, direction) REFERENCES payments.evidence
);

CREATE INDEX handback_receipt_month ON fund.handback_receipt (region, fund, month);

-- Deductions of a month that are no audit findings (row 5 of the letter, 9303): proposed by one, approved by another.
CREATE TABLE fund.other_deduction (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    deduction_id text NOT NULL CHECK (deduction_id ~ '^[0-9A-Za-z-]{1,40}$'),
    institution  text NOT NULL,
    term         integer NOT NULL,
    reason       text NOT NULL CHECK (reason <> '' AND translate(reason, E'|\\\n\r', '') = reason),
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    prepared_by  text NOT NULL,
    approved_by  text NOT NULL DEFAULT '',
    taken_fen    bigint NOT NULL DEFAULT 0,    -- Σ fund.deduction_taken
    approved_on  date,                         -- NULL: before this was kept
    PRIMARY KEY (region, deduction_id),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK (prepared_by <> approved_by),
    CHECK (taken_fen BETWEEN 0 AND amount_fen),
    CHECK (taken_fen = 0 OR approved_by <> '')
);

-- What sheets and letters took of an other deduction: one may be larger than the month that takes it first.
CREATE TABLE fund.deduction_taken (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    deduction_id text NOT NULL,
    paper        text NOT NULL CHECK (paper <> ''),   -- sheet or letter
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    taken_by     text NOT NULL,
    PRIMARY KEY (region, deduction_id, paper),
    FOREIGN KEY (region, deduction_id) REFERENCES fund.other_deduction
);

-- A settlement sheet: one institution, one book, one 期号. Recomputed at approval; nothing but its state ever changes.
CREATE TABLE fund.sheet (
    region         integer NOT NULL,
    fund           smallint NOT NULL CHECK (fund IN (310, 390)),
    sheet_id       text NOT NULL CHECK (sheet_id ~ '^[0-9A-Za-z-]{8,80}$'),
    institution    text NOT NULL,
    term           integer NOT NULL,
    version        integer NOT NULL CHECK (version > 0),
    month_ratio    integer NOT NULL CHECK (month_ratio BETWEEN 0 AND 10000),
    cutoff         date NOT NULL,              -- last day to declare what it settles
    due_on         date NOT NULL,
    records        integer NOT NULL CHECK (records >= 0),
    records_digest bytea NOT NULL CHECK (length(records_digest) = 32),
    result_fen     bigint NOT NULL,            -- N of art. 19, opening carry included
    prepared_by    text NOT NULL,
    prepared_on    date NOT NULL,
    digest         bytea NOT NULL CHECK (length(digest) = 32),
    state          text NOT NULL CHECK (state IN ('draft', 'approved', 'void')),
    approved_by    text NOT NULL DEFAULT '',
    approved_on    date,
    entry          text NOT NULL DEFAULT '',   -- printed voucher number of its SET entry
    PRIMARY KEY (region, sheet_id),
    UNIQUE (region, fund, institution, term, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((state = 'approved') = (approved_by <> '')),
    CHECK ((state = 'approved') = (approved_on IS NOT NULL)),
    CHECK (prepared_by <> approved_by)
);

CREATE UNIQUE INDEX one_draft_sheet ON fund.sheet (region, fund, institution, term) WHERE state = 'draft';

-- Its lines, per key and 清算类别; amounts in fen, signed. clr_type '' : opening carry, or findings of earlier months.
CREATE TABLE fund.sheet_line (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    sheet_id       text NOT NULL,
    n              smallint NOT NULL,
    subfund        text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    service_year   smallint NOT NULL,
    term           integer NOT NULL,
    category       text NOT NULL,
    clr_type       text NOT NULL,
    records        integer NOT NULL,
    fund_fen       bigint NOT NULL,
    ratio          integer NOT NULL,
    rounded_fen    bigint NOT NULL,
    retained_fen   bigint NOT NULL,
    audit_fen      bigint NOT NULL,
    other_fen      bigint NOT NULL,
    offset_fen     bigint NOT NULL,
    open_daily_fen bigint NOT NULL,
    waiting_fen    bigint NOT NULL,
    paid_daily_fen bigint NOT NULL,
    month_open_fen bigint NOT NULL,
    result_fen     bigint NOT NULL,
    PRIMARY KEY (region, sheet_id, n),
    FOREIGN KEY (region, sheet_id) REFERENCES fund.sheet DEFERRABLE INITIALLY DEFERRED,
    CHECK (retained_fen = fund_fen - rounded_fen),
    CHECK (open_daily_fen + waiting_fen + paid_daily_fen = fund_fen),
    -- Art. 19's formula is the balancing figure of SET, line by line.
    CHECK (result_fen = month_open_fen + rounded_fen - audit_fen - other_fen - offset_fen - paid_daily_fen)
);

-- What a sheet takes besides the records, each by its own reference, on the line that bears it.
CREATE TABLE fund.sheet_taking (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    sheet_id   text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('finding', 'other', 'prepayment', 'preallocation', 'supplier')),
    reference  text NOT NULL,                  -- finding_id, deduction_id or advance_id
    n          smallint NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, sheet_id, kind, reference, n),
    FOREIGN KEY (region, sheet_id) REFERENCES fund.sheet DEFERRABLE INITIALLY DEFERRED
);

-- What a sheet had to take, each by its own reference: what was decided, taken before, taken here, and left over.
CREATE TABLE fund.sheet_due (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    sheet_id    text NOT NULL,
    n           smallint NOT NULL,              -- the order in which they are taken
    kind        text NOT NULL CHECK (kind IN ('finding', 'other', 'prepayment', 'preallocation', 'supplier')),
    reference   text NOT NULL,                  -- finding_id, deduction_id or advance_id
    brought     boolean NOT NULL,               -- stood on an earlier sheet of the institution
    decided_fen bigint NOT NULL CHECK (decided_fen > 0),
    before_fen  bigint NOT NULL CHECK (before_fen >= 0),
    taken_fen   bigint NOT NULL CHECK (taken_fen >= 0),
    left_fen    bigint NOT NULL CHECK (left_fen >= 0),
    PRIMARY KEY (region, sheet_id, n),
    UNIQUE (region, sheet_id, kind, reference),
    FOREIGN KEY (region, sheet_id) REFERENCES fund.sheet DEFERRABLE INITIALLY DEFERRED,
    CHECK (decided_fen = before_fen + taken_fen + left_fen)
);

CREATE INDEX sheet_due_reference ON fund.sheet_due (region, kind, reference);

-- The orders that pay a sheet: more than one where one failed or came back.
CREATE TABLE fund.sheet_order (
    region   integer NOT NULL,
    fund     smallint NOT NULL,
    sheet_id text NOT NULL,
    order_no text NOT NULL,
    PRIMARY KEY (region, sheet_id, order_no),
    FOREIGN KEY (region, sheet_id) REFERENCES fund.sheet,
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);

CREATE INDEX sheet_order_order ON fund.sheet_order (region, order_no);

-- Functions ---------------------------------------------------
-- Receipts of daily orders that a hand-back of p_month has to tell of: booked in that month, or in an earlier one whose
-- hand-back was made before they came; none that was told.
CREATE OR REPLACE FUNCTION fund.handback_due(p_region integer, p_fund smallint, p_month integer)
RETURNS TABLE (account text, kind text, receipt_no text, direction text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.account, v.kind, v.receipt_no, v.direction
      FROM payments.evidence v
      JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
     WHERE v.region = p_region AND o.fund = p_fund AND v.outcome = 'posted'
       AND v.booking_date < make_date(p_month / 100, p_month % 100, 1) + interval '1 month'
       AND (v.booking_date >= make_date(p_month / 100, p_month % 100, 1)
            OR EXISTS (SELECT 1 FROM fund.handback h WHERE h.region = v.region AND h.fund = o.fund
                          AND h.month = to_char(v.booking_date, 'YYYYMM')::integer))
       AND EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no AND i.source = 9101)
       AND NOT EXISTS (SELECT 1 FROM fund.handback_receipt r WHERE r.region = v.region AND r.account = v.account
                          AND r.kind = v.kind AND r.receipt_no = v.receipt_no AND r.direction = v.direction)
$$;

-- What the receipts of a hand-back add up to. By the orders' items: their daily part per 期号 is the sum of its records.
CREATE OR REPLACE FUNCTION fund.handback_totals(p_region integer, p_fund smallint, p_month integer)
RETURNS TABLE (booked_month integer, institution text, term integer, paid_fen bigint, returned_fen bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(v.booking_date, 'YYYYMM')::integer, o.institution, i.term,
           coalesce(sum(i.amount_fen) FILTER (WHERE v.direction = 'debit'), 0)::bigint,
           coalesce(sum(i.amount_fen) FILTER (WHERE v.direction = 'credit'), 0)::bigint
      FROM fund.handback_receipt r
      JOIN payments.evidence v ON v.region = r.region AND v.account = r.account AND v.kind = r.kind AND v.receipt_no = r.receipt_no
                              AND v.direction = r.direction
      JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order AND o.fund = r.fund
      JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no AND i.source = 9101
     WHERE r.region = p_region AND r.fund = p_fund AND r.month = p_month AND v.outcome = 'posted'
     GROUP BY 1, 2, 3
$$;

-- Made in one's own name, whole, and of its receipts: receipts and lines come before the head and never after it.
CREATE OR REPLACE FUNCTION fund.check_handback() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_missing record;
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{accountant,system}') <> NEW.made_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'handback.made_by', DETAIL = '回传只能以当前用户的名义作出';
    END IF;
    SELECT d.kind, d.receipt_no INTO v_missing FROM fund.handback_due(NEW.region, NEW.fund, NEW.month) d LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'handback.incomplete',
            DETAIL = format('%s月回传缺回单{paper.kind:%s}%s', NEW.month, v_missing.kind, v_missing.receipt_no);
    END IF;
    IF EXISTS (SELECT 1 FROM (SELECT booked_month, institution, term, paid_fen, returned_fen FROM fund.handback_line l
                               WHERE l.region = NEW.region AND l.fund = NEW.fund AND l.month = NEW.month) l
                 FULL JOIN fund.handback_totals(NEW.region, NEW.fund, NEW.month) t USING (booked_month, institution, term)
                WHERE (l.paid_fen, l.returned_fen) IS DISTINCT FROM (t.paid_fen, t.returned_fen))
       OR EXISTS (SELECT 1 FROM fund.handback_line l WHERE l.region = NEW.region AND l.fund = NEW.fund AND l.month = NEW.month
                  HAVING (coalesce(sum(l.paid_fen), 0), coalesce(sum(l.returned_fen), 0)) <> (NEW.paid_fen, NEW.returned_fen)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'handback.sum', DETAIL = format('%s月回传与其回单合计不符', NEW.month);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fund.check_handback_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added n JOIN fund.handback h ON h.region = n.region AND h.fund = n.fund AND h.month = n.month) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = '回传已作出，不得增加';
    END IF;
    RETURN NULL;
END $$;

-- Whether all that a sheet's orders were for has gone out: one of them is paid that was approved after the last of them came
-- back. One approved before that held none of the returned money, though the bank may pay it later.
CREATE OR REPLACE FUNCTION fund.sheet_paid(p_region integer, p_sheet_id text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM fund.sheet_order x
          JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no AND o.state = 'paid'
          JOIN payments.order_event a ON a.region = o.region AND a.order_no = o.order_no AND a.event = 'approve'
         WHERE x.region = p_region AND x.sheet_id = p_sheet_id AND NOT EXISTS (
               SELECT 1 FROM fund.sheet_order y
                 JOIN payments.order_event r ON r.region = y.region AND r.order_no = y.order_no AND r.event = 'return'
                WHERE y.region = x.region AND y.sheet_id = x.sheet_id AND r.recorded_at > a.recorded_at))
$$;

-- clr_stas follows the money: the receipt of a month order makes the declarations of its sheets 已拨付 (60), its 退汇 makes
-- them 已清算 (50) again, in the same transaction, on the bank's day. A sheet with nothing to pay waits for the order that
-- nets it; a daily order returned after its month was settled is new month money and leaves the declaration as it is. Money
-- that came back keeps the declaration at 50 until an order approved after the return is paid (fund.sheet_paid).
CREATE OR REPLACE FUNCTION fund.follow_month_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_booked date;
    v_own    record;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.sheet_order x WHERE x.region = NEW.region AND x.order_no = NEW.order_no) THEN
        RETURN NULL;
    END IF;
    SELECT max(e.booking_date) INTO v_booked FROM payments.evidence e
     WHERE e.region = NEW.region AND e.matched_order = NEW.order_no AND e.outcome = 'posted'
       AND e.direction = CASE NEW.state WHEN 'paid' THEN 'debit' ELSE 'credit' END;
    FOR v_own IN
        SELECT d.declaration_id, (SELECT max(l.business_date) FROM fund.declaration_event l
                                   WHERE l.region = d.region AND l.declaration_id = d.declaration_id) AS last_on
          FROM fund.sheet_order x
          JOIN fund.sheet s ON s.region = x.region AND s.sheet_id = x.sheet_id
          JOIN fund.declaration d ON d.region = s.region AND d.fund = s.fund AND d.institution = s.institution AND d.term = s.term
                                 AND d.state = CASE NEW.state WHEN 'paid' THEN '50' ELSE '60' END
          JOIN fund.declaration_event e ON e.region = d.region AND e.declaration_id = d.declaration_id
                                       AND e.event = 'settle' AND e.reason = s.sheet_id
         WHERE x.region = NEW.region AND x.order_no = NEW.order_no
           AND (NEW.state = 'returned' OR fund.sheet_paid(x.region, x.sheet_id)) ORDER BY d.declaration_id
    LOOP
        PERFORM fund.move_declaration(NEW.region, v_own.declaration_id, CASE NEW.state WHEN 'paid' THEN 'pay' ELSE 'return' END,
                                      greatest(v_booked, v_own.last_on), NEW.order_no);
    END LOOP;
    RETURN NULL;
END $$;

-- The canonical text of a sheet, hashed: its facts, its lines and takings in order, and what it had to take (older sheets
-- have no such rows, and the text they were signed with). The records stand in records_digest,
-- which is taken over setl_id|subfund|fund_fen|daily_fen|order_no of each, in the order of setl_id and subfund.
CREATE OR REPLACE FUNCTION fund.sheet_digest(s fund.sheet) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', s.fund, s.institution, s.term, s.month_ratio, s.cutoff, s.due_on, s.records,
                                       encode(s.records_digest, 'hex'), s.result_fen)
                             || E'\n' || coalesce(l.text, '') || E'\n' || coalesce(t.text, '') || coalesce(E'\n' || d.text, ''), 'UTF8'))
      FROM (SELECT string_agg(concat_ws('|', n, subfund, service_year, term, category, clr_type, records, fund_fen,
                                        ratio, rounded_fen, retained_fen, audit_fen, other_fen, offset_fen,
                                        open_daily_fen, waiting_fen, paid_daily_fen, month_open_fen, result_fen),
                              E'\n' ORDER BY n) AS text
              FROM fund.sheet_line WHERE region = s.region AND sheet_id = s.sheet_id) l,
           (SELECT string_agg(concat_ws('|', kind, reference, n, amount_fen),
                              E'\n' ORDER BY kind COLLATE "C", reference COLLATE "C", n) AS text
              FROM fund.sheet_taking WHERE region = s.region AND sheet_id = s.sheet_id) t,
           (SELECT string_agg(concat_ws('|', n, kind, reference, brought, decided_fen, before_fen, taken_fen, left_fen), E'\n' ORDER BY n) AS text
              FROM fund.sheet_due WHERE region = s.region AND sheet_id = s.sheet_id) d
$$;

-- What the settlement of a 期号 has to take of an institution, in the order in which it is taken (docs/domain/memorandum.md 2
-- SET): final findings, the oldest first; approved other deductions; then advances, 按月预拨 before 集采 before 预付金. Each
-- with what was decided and what is gone of it. One function for the sheet and for the guard that looks whether one is missing.
CREATE OR REPLACE FUNCTION fund.month_due(p_region integer, p_fund smallint, p_institution text, p_term integer)
RETURNS TABLE (n smallint, kind text, reference text, subfund text, service_year smallint, term integer, category text,
               brought boolean, decided_fen bigint, before_fen bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (row_number() OVER (ORDER BY w.step, w.since, w.reference COLLATE "C"))::smallint, w.kind, w.reference, w.subfund,
           w.service_year, w.term, w.category,
           EXISTS (SELECT 1 FROM fund.sheet_due d JOIN fund.sheet s ON s.region = d.region AND s.sheet_id = d.sheet_id
                    WHERE d.region = p_region AND d.kind = w.kind AND d.reference = w.reference AND d.left_fen > 0 AND s.state = 'approved')
           OR EXISTS (SELECT 1 FROM fund.sheet_taking t JOIN fund.sheet s ON s.region = t.region AND s.sheet_id = t.sheet_id
                       WHERE t.region = p_region AND s.fund = p_fund AND s.institution = p_institution AND s.state = 'approved'
                         AND t.kind = w.kind AND t.reference = w.reference),
           w.decided_fen, w.before_fen
      FROM (SELECT 1 AS step, to_char(f.final_on, 'YYYYMMDD') AS since, 'finding' AS kind, f.finding_id AS reference, f.subfund,
                   f.service_year, f.term, f.category, f.amount_fen AS decided_fen, f.taken_fen AS before_fen
              FROM fund.finding f
             WHERE f.region = p_region AND f.fund = p_fund AND f.institution = p_institution AND f.term <= p_term
               AND f.state = 'final' AND f.taken_fen < f.amount_fen
               AND (f.setl_id = '' OR NOT EXISTS (SELECT 1 FROM fund.record r   -- its money is not with the institution any more
                                                   WHERE r.region = f.region AND r.init_setl_id = f.setl_id AND r.init_setl_id <> ''))
            UNION ALL
            SELECT 2, o.term::text, 'other', o.deduction_id, 'pool', NULL, NULL, NULL, o.amount_fen, o.taken_fen
              FROM fund.other_deduction o
             WHERE o.region = p_region AND o.fund = p_fund AND o.institution = p_institution AND o.term <= p_term
               AND o.approved_by <> '' AND o.taken_fen < o.amount_fen
            UNION ALL
            SELECT 3, array_position('{preallocation,supplier,prepayment}', a.kind) || ':' || a.term, a.kind, a.advance_id, 'pool',
                   NULL, NULL, NULL, a.amount_fen, a.offset_fen + a.returned_fen
              FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
             WHERE (o.state = 'paid' OR a.order_no LIKE 'OPEN:%') AND a.region = p_region AND a.fund = p_fund AND a.institution = p_institution AND a.term <= p_term
               AND a.state = 'approved' AND (a.recovery = 'offset' OR p_term > a.year * 100 + 12)
               AND a.amount_fen > a.offset_fen + a.returned_fen) w
$$;

-- Which deduction of a sheet is not as it must be; '' where all are. Nothing that is due is missing, what is taken is what
-- its lines bear, and what is left over found no room: an other deduction none in the month's pooled share after findings, an
-- advance none in what is still to be paid of it. (Which findings are taken how far the maker may choose; the sheet shows it.)
CREATE OR REPLACE FUNCTION fund.wrong_due(s fund.sheet) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    WITH due AS (SELECT d.* FROM fund.sheet_due d WHERE d.region = s.region AND d.sheet_id = s.sheet_id),
         pool AS (SELECT coalesce(sum(l.rounded_fen - l.audit_fen - l.other_fen), 0) AS share, coalesce(sum(l.offset_fen), 0) AS offset_fen,
                         greatest(0, coalesce(sum(l.paid_daily_fen), 0)) AS paid, least(0, coalesce(sum(l.month_open_fen), 0)) AS owed
                    FROM fund.sheet_line l WHERE l.region = s.region AND l.sheet_id = s.sheet_id AND l.subfund = 'pool')
    SELECT coalesce(min(w.reference), '') FROM (
        SELECT coalesce(m.reference, d.reference) AS reference
          FROM fund.month_due(s.region, s.fund, s.institution, s.term) m
          FULL JOIN due d ON d.kind = m.kind AND d.reference = m.reference
         WHERE (m.n, m.brought, m.decided_fen, m.before_fen) IS DISTINCT FROM (d.n, d.brought, d.decided_fen, d.before_fen)
        UNION ALL
        SELECT coalesce(t.reference, d.reference)
          FROM (SELECT kind, reference, sum(amount_fen) AS fen FROM fund.sheet_taking
                 WHERE region = s.region AND sheet_id = s.sheet_id GROUP BY 1, 2) t
          FULL JOIN due d ON d.kind = t.kind AND d.reference = t.reference
         WHERE coalesce(t.fen, 0) <> coalesce(d.taken_fen, 0)
        UNION ALL
        SELECT d.reference FROM due d, pool p WHERE d.kind = 'other' AND d.left_fen > 0 AND p.share > 0
        UNION ALL
        SELECT d.reference FROM due d, pool p
         WHERE d.kind NOT IN ('finding', 'other') AND d.left_fen > 0 AND greatest(0, p.share - p.offset_fen) - p.paid + p.owed > 0) w
$$;

-- Takes part of an approved other deduction into a month sheet or clearing letter, as the paper says; returns what is left.
CREATE OR REPLACE FUNCTION fund.take_deduction(p_region integer, p_deduction_id text, p_paper text, p_fen bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row  fund.other_deduction;
    v_user text;
    v_said bigint;
BEGIN
    SELECT * INTO v_row FROM fund.other_deduction WHERE region = p_region AND deduction_id = p_deduction_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'deduction.unknown', DETAIL = format('没有其他扣款%s', p_deduction_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,system}');
    IF NOT fund.settles(p_region, v_row.fund, v_row.institution, p_paper) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'settlement.none',
            DETAIL = 'fund.other_deduction的结算须由已审批的月结算单或双方签章的清算确认书办理';
    END IF;
    SELECT sum(said.fen) INTO v_said FROM (
        SELECT amount_fen AS fen FROM fund.sheet_taking
         WHERE region = p_region AND sheet_id = p_paper AND kind = 'other' AND reference = p_deduction_id
        UNION ALL
        SELECT amount_fen FROM fund.letter_deduction
         WHERE region = p_region AND letter_id = p_paper AND deduction_id = p_deduction_id) said;
    IF v_row.approved_by = '' OR p_fen IS DISTINCT FROM v_said OR p_fen > v_row.amount_fen - v_row.taken_fen
       OR EXISTS (SELECT 1 FROM fund.deduction_taken
                   WHERE region = p_region AND deduction_id = p_deduction_id AND paper = p_paper) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'deduction.taken',
            DETAIL = format('其他扣款%s尚可扣%s元，%s所列%s元，不能扣减%s元', p_deduction_id, fund.yuan(v_row.amount_fen - v_row.taken_fen), p_paper,
                            fund.yuan(coalesce(v_said, 0)), fund.yuan(p_fen));
    END IF;
    INSERT INTO fund.deduction_taken VALUES (p_region, v_row.fund, p_deduction_id, p_paper, p_fen, v_user);
    UPDATE fund.other_deduction SET taken_fen = taken_fen + p_fen WHERE region = p_region AND deduction_id = p_deduction_id;
    RETURN v_row.amount_fen - v_row.taken_fen - p_fen;
END $$;

-- Drafted in one's own name; approved by another person with the checker's role, and only as drafted (INV-11).
CREATE OR REPLACE FUNCTION fund.check_sheet() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting  text;
    v_wrong text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        acting := access.require_role(NEW.region, NEW.fund, '{maker,system}');
        IF NEW.state <> 'draft' OR NEW.prepared_by <> acting THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'month.prepared_by',
                DETAIL = format('月结算单%s只能以当前用户的名义制单', NEW.sheet_id);
        END IF;
        NEW.digest := fund.sheet_digest(NEW);    -- its lines, takings and dues came before it
        v_wrong := fund.wrong_due(NEW);
        IF v_wrong <> '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.deductions',
                DETAIL = format('月结算单%s的扣款或抵扣%s未列明，或与应扣、余额不符', NEW.sheet_id, v_wrong);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'void' THEN
        PERFORM access.require_role(NEW.region, NEW.fund, '{maker,checker,system}');
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) <> ('draft', 'approved') THEN
        IF OLD.state = 'approved' AND NEW.state = 'approved' AND OLD.entry = '' AND NEW.approved_by = OLD.approved_by
           AND NEW.approved_on = OLD.approved_on THEN
            RETURN NEW;      -- its voucher number, once
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.state',
            DETAIL = format('月结算单%s不能由{sheet.state:%s}转为{sheet.state:%s}', OLD.sheet_id, OLD.state, NEW.state);
    END IF;
    acting := access.require_role(NEW.region, NEW.fund, '{checker}');
    IF NEW.approved_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'month.same_person',
            DETAIL = format('月结算单%s由%s制单，须由另一人以本人名义审批', OLD.sheet_id, OLD.prepared_by);
    END IF;
    IF OLD.digest <> fund.sheet_digest(OLD) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.changed',
            DETAIL = format('月结算单%s的内容与摘要不符', OLD.sheet_id);
    END IF;
    IF OLD.result_fen <> (SELECT coalesce(sum(result_fen), 0) FROM fund.sheet_line
                           WHERE region = OLD.region AND sheet_id = OLD.sheet_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.sum',
            DETAIL = format('月结算单%s的结算金额不等于各行之和', OLD.sheet_id);
    END IF;
    PERFORM access.require_signature(OLD.region, 'month.approve', OLD.sheet_id, encode(OLD.digest, 'hex'));
    v_wrong := fund.wrong_due(OLD);
    IF v_wrong <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.changed',
            DETAIL = format('月结算单%s制单后扣款或抵扣%s有变动，请重新制单', OLD.sheet_id, v_wrong);
    END IF;
    RETURN NEW;
END $$;

-- Lines and takings come with the draft and never after its approval: one must not be able to add to what is approved.
CREATE OR REPLACE FUNCTION fund.check_sheet_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fund.sheet s
                WHERE s.region = NEW.region AND s.sheet_id = NEW.sheet_id AND s.state <> 'draft') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('月结算单%s已审批或作废，不得增行', NEW.sheet_id);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fund.check_other_deduction() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_by <> '' OR NEW.taken_fen <> 0
           OR access.require_role(NEW.region, NEW.fund, '{maker,accountant}') <> NEW.prepared_by THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'deduction.prepared_by',
                DETAIL = format('其他扣款%s只能以当前用户的名义提出', NEW.deduction_id);
        END IF;
    ELSIF (NEW.approved_by, NEW.approved_on) IS DISTINCT FROM (OLD.approved_by, OLD.approved_on) THEN
        acting := access.require_role(NEW.region, NEW.fund, '{checker}');
        IF OLD.approved_by <> '' OR NEW.approved_by <> acting
           OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'deduction.same_person',
                DETAIL = format('其他扣款%s由%s提出，须由另一人以本人名义审批一次', OLD.deduction_id, OLD.prepared_by);
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- Approval of a sheet and of a daily batch exclude each other: both begin with this lock (payments.approve takes it too).
CREATE OR REPLACE FUNCTION fund.lock_book(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{maker,checker,accountant,system}');
    PERFORM 1 FROM payments.book_account a WHERE a.region = p_region AND a.fund = p_fund FOR UPDATE;
END $$;

-- A paper that settles an institution's money: a month sheet as approved, or a letter both sides signed.
CREATE OR REPLACE FUNCTION fund.settles(p_region integer, p_fund smallint, p_institution text, p_paper text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM fund.sheet s WHERE s.region = p_region AND s.sheet_id = p_paper AND s.state = 'approved'
                      AND (s.fund, s.institution) = (p_fund, p_institution))
        OR EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = p_region AND l.letter_id = p_paper
                      AND l.state IN ('confirmed_by_institution', 'confirmed') AND (l.fund, l.institution) = (p_fund, p_institution)
                      AND EXISTS (SELECT 1 FROM fund.letter_paper p
                                   WHERE p.region = l.region AND p.letter_id = l.letter_id AND p.kind = 'agency'))
$$;

CREATE OR REPLACE FUNCTION fund.refuse_unsettled() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'settlement.none',
        DETAIL = format('%s的结算须由已审批的月结算单或双方签章的清算确认书办理', TG_TABLE_NAME);
END $$;

-- A sheet is linked to a drafted month order of its own institution.
CREATE OR REPLACE FUNCTION fund.check_sheet_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.sheet s
                     JOIN payments.pay_order o ON o.region = s.region AND o.order_no = NEW.order_no AND o.fund = s.fund
                                              AND o.institution = s.institution AND o.state = 'draft'
                     JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id AND b.kind = 'month'
                    WHERE s.region = NEW.region AND s.sheet_id = NEW.sheet_id AND s.fund = NEW.fund AND s.state = 'approved') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.other_order',
            DETAIL = format('拨付单%s不是月结算单%s的月结款草稿', NEW.order_no, NEW.sheet_id);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_handback BEFORE INSERT ON fund.handback FOR EACH ROW EXECUTE FUNCTION fund.check_handback();
CREATE OR REPLACE TRIGGER check_part AFTER INSERT ON fund.handback_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_handback_part();
CREATE OR REPLACE TRIGGER check_part AFTER INSERT ON fund.handback_receipt REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_handback_part();
CREATE OR REPLACE TRIGGER check_sheet BEFORE INSERT OR UPDATE ON fund.sheet FOR EACH ROW EXECUTE FUNCTION fund.check_sheet();
CREATE OR REPLACE TRIGGER check_part BEFORE INSERT ON fund.sheet_line FOR EACH ROW EXECUTE FUNCTION fund.check_sheet_part();
CREATE OR REPLACE TRIGGER check_part BEFORE INSERT ON fund.sheet_taking FOR EACH ROW EXECUTE FUNCTION fund.check_sheet_part();
CREATE OR REPLACE TRIGGER check_part BEFORE INSERT ON fund.sheet_due FOR EACH ROW EXECUTE FUNCTION fund.check_sheet_part();
CREATE OR REPLACE TRIGGER check_other_deduction BEFORE INSERT OR UPDATE ON fund.other_deduction
    FOR EACH ROW WHEN (NEW.deduction_id NOT LIKE 'OPEN-%')   -- what was decided before: fund.check_opened
    EXECUTE FUNCTION fund.check_other_deduction();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, sheet_id, institution, term, version, month_ratio, cutoff, due_on, records,
    records_digest, result_fen, prepared_by, prepared_on, digest ON fund.sheet
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, deduction_id, institution, term, reason, amount_fen, prepared_by
    ON fund.other_deduction FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_sheet_order BEFORE INSERT ON fund.sheet_order FOR EACH ROW EXECUTE FUNCTION fund.check_sheet_order();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.handback
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.handback
    FOR EACH ROW WHEN ((access.working_login() AND ((new.made_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[]))))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.handback_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.handback_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.other_deduction
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.sheet
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.deduction_taken
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.sheet_due
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.sheet_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.sheet_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.sheet_taking
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.handback TO fundledger_service;
GRANT SELECT ON fund.handback TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.handback_line TO fundledger_service;
GRANT SELECT ON fund.handback_line TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.handback_receipt TO fundledger_service;
GRANT SELECT ON fund.handback_receipt TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.other_deduction TO fundledger_service;
GRANT SELECT ON fund.other_deduction TO fundledger_auditor;
GRANT UPDATE (approved_by, approved_on) ON fund.other_deduction TO fundledger_service;
GRANT SELECT ON fund.deduction_taken TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.sheet_due TO fundledger_service;
GRANT SELECT ON fund.sheet_due TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.sheet TO fundledger_service;
GRANT SELECT ON fund.sheet TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (state, approved_by, approved_on, entry) ON fund.sheet TO fundledger_service;
GRANT SELECT, INSERT ON fund.sheet_line TO fundledger_service;
GRANT SELECT ON fund.sheet_line TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.sheet_order TO fundledger_service;
GRANT SELECT ON fund.sheet_order TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.sheet_taking TO fundledger_service;
GRANT SELECT ON fund.sheet_taking TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.handback_due(integer,smallint,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.handback_totals(integer,smallint,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.lock_book(integer,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.month_due(integer,smallint,text,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.take_deduction(integer,text,text,bigint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.wrong_due(fund.sheet) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.settles(integer,smallint,text,text) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.sheet_digest(fund.sheet) TO fundledger_service, fundledger_auditor;
