-- Advances, refunds, the fund request, movements of the own accounts that no order makes, payments to persons.
-- Whoever prepares is not who approves; a document is used once; nothing is offset or returned beyond what was paid.

INSERT INTO fund.policy_key VALUES
    ('prepayment_months',      '预付金为月均结算额的几个月', '[1-9][0-9]?'),
    ('prepayment_years',       '预付金的月均结算额取最近几年', '[1-3]'),
    ('prepayment_balance_310', '职工统筹基金累计结余至少可支付几个月方可预付', '[0-9]{1,2}'),
    ('prepayment_balance_390', '居民基金累计结余至少可支付几个月方可预付', '[0-9]{1,2}'),
    ('prepayment_recovery',    '预付金收回方式：cash缴回、offset冲减结算', 'cash|offset'),
    ('short_money_kinds',      '资金不足时各类款项的先后，先付的在前',
     '(daily|month|outregion|clearing|advance|supplier|person)(,(daily|month|outregion|clearing|advance|supplier|person)){6}'),
    ('short_money_first',      '资金不足时同类款项的先后：oldest出院早者先付、smallest金额小者先付', 'oldest|smallest');

-- 预付金 (yearly working capital), 按月预拨 (of one 期号), 集采直接结算 (a supplier paid for an institution).
CREATE TABLE fund.advance (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    advance_id   text NOT NULL CHECK (advance_id ~ '^[0-9A-Za-z-]{6,60}$'),
    institution  text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('prepayment', 'preallocation', 'supplier')),
    year         smallint NOT NULL,
    term         integer NOT NULL CHECK (term % 100 BETWEEN 1 AND 12),   -- the first 期号 whose settlement offsets it
    recovery     text NOT NULL CHECK (recovery IN ('cash', 'offset')),   -- cash: only what is given back settles it
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    quota_fen    bigint NOT NULL CHECK (amount_fen <= quota_fen),
    conditions   text NOT NULL,               -- what was asked of the books and what they answered
    document     text NOT NULL CHECK (document <> ''),   -- application, allotment list or invoice
    payee_name   text NOT NULL,               -- a supplier's; '' where the institution's own account is paid
    payee_number text NOT NULL,
    payee_bank   text NOT NULL,
    payee_cnaps  text NOT NULL,
    due_on       date NOT NULL,               -- to be paid by
    state        text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by  text NOT NULL,
    prepared_on  date NOT NULL,
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    reason       text NOT NULL DEFAULT '',
    order_no     text NOT NULL DEFAULT '',    -- the order that pays it now; paid when that order is
    offset_fen   bigint NOT NULL DEFAULT 0 CHECK (offset_fen >= 0),      -- Σ fund.advance_offset
    returned_fen bigint NOT NULL DEFAULT 0 CHECK (returned_fen >= 0),    -- Σ approved refunds of it
    PRIMARY KEY (region, advance_id),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK (offset_fen + returned_fen <= amount_fen),
    CHECK ((kind = 'supplier') = (payee_number <> '')),
    CHECK (kind = 'supplier' OR payee_name || payee_bank || payee_cnaps = ''),
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by)
);
CREATE UNIQUE INDEX one_prepayment ON fund.advance (region, fund, institution, year)
    WHERE kind = 'prepayment' AND state <> 'refused';
CREATE UNIQUE INDEX one_preallocation ON fund.advance (region, fund, institution, term)
    WHERE kind = 'preallocation' AND state <> 'refused';
CREATE UNIQUE INDEX advance_document ON fund.advance (region, fund, kind, institution, document) WHERE state <> 'refused';
CREATE UNIQUE INDEX advance_order ON fund.advance (region, order_no) WHERE order_no <> '';
CREATE INDEX advance_institution ON fund.advance (region, fund, institution, term);

-- What a month's settlement (or a clearing) took of an advance; only ever added to.
CREATE TABLE fund.advance_offset (
    region     integer NOT NULL,
    advance_id text NOT NULL,
    sheet_id   text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, advance_id, sheet_id),
    FOREIGN KEY (region, advance_id) REFERENCES fund.advance
);

-- Cash an institution pays back (REF). It comes in by the fiscal special account 1003; a 支出户 takes only what returns
-- through its original channel, and that is a 退汇 (RTN). Fines and confiscations go to the treasury and are no refund.
CREATE TABLE fund.refund (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    refund_id   text NOT NULL CHECK (refund_id ~ '^[0-9A-Za-z-]{6,60}$'),
    institution text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('same_year', 'earlier_year', 'daily_advance', 'prepaid', 'penalty')),
    ordered_by  text NOT NULL CHECK (ordered_by IN ('institution', 'agreement', 'regulator')),
    account     text NOT NULL,               -- where it came in
    received_on date NOT NULL,
    amount_fen  bigint NOT NULL CHECK (amount_fen > 0),
    document    text NOT NULL CHECK (document <> ''),    -- decision, agreement clause or letter
    receipt_no  text NOT NULL CHECK (receipt_no <> ''),  -- the fiscal receipt 缴款凭证 that proves it
    advance_id  text NOT NULL DEFAULT '',    -- the advance that is given back; '' for the other kinds
    state       text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by text NOT NULL,
    prepared_on date NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, refund_id),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((kind = 'prepaid') = (advance_id <> '')),
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by)
);
CREATE UNIQUE INDEX refund_receipt ON fund.refund (region, account, receipt_no) WHERE state <> 'refused';
CREATE UNIQUE INDEX refund_document ON fund.refund (region, fund, institution, kind, document) WHERE state <> 'refused';
CREATE INDEX refund_advance ON fund.refund (region, advance_id) WHERE advance_id <> '';

-- The keys a refund of benefits belongs to, and what it is owed against afterwards: 9103, or 9106 once cleared.
CREATE TABLE fund.refund_line (
    region       integer NOT NULL,
    refund_id    text NOT NULL,
    n            smallint NOT NULL,
    source       integer NOT NULL CHECK (source IN (9103, 9106)),
    subfund      text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    service_year smallint NOT NULL,
    term         integer NOT NULL,
    category     text NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, refund_id, n),
    FOREIGN KEY (region, refund_id) REFERENCES fund.refund
);

-- 用款计划/请款: what will be due, less what is there; asked for, approved, granted once by the fiscal receipt.
CREATE TABLE fund.fund_request (
    region         integer NOT NULL,
    fund           smallint NOT NULL CHECK (fund IN (310, 390)),
    request_id     text NOT NULL CHECK (request_id ~ '^[0-9A-Za-z-]{6,60}$'),
    account        text NOT NULL,            -- 1004
    fiscal_account text NOT NULL,            -- 1003
    upto           date NOT NULL,            -- money for what falls due up to this day
    forecast_fen   bigint NOT NULL CHECK (forecast_fen >= 0),
    available_fen  bigint NOT NULL,
    amount_fen     bigint NOT NULL CHECK (amount_fen > 0),
    state          text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused', 'granted')),
    prepared_by    text NOT NULL,
    prepared_on    date NOT NULL,
    approved_by    text NOT NULL DEFAULT '',
    approved_on    date,
    reason         text NOT NULL DEFAULT '',
    granted_fen    bigint NOT NULL DEFAULT 0,
    granted_on     date,
    receipt_no     text NOT NULL DEFAULT '',
    PRIMARY KEY (region, request_id),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    FOREIGN KEY (region, fiscal_account) REFERENCES payments.bank_account,
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'granted') = (receipt_no <> '') AND (state = 'granted') = (granted_fen > 0)),
    CHECK (granted_fen <= amount_fen)
);
CREATE UNIQUE INDEX request_receipt ON fund.fund_request (region, fiscal_account, receipt_no) WHERE receipt_no <> '';
CREATE TABLE fund.fund_request_line (
    region     integer NOT NULL,
    request_id text NOT NULL,
    n          integer NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('daily', 'month', 'outregion', 'clearing', 'advance', 'supplier', 'person')),
    due_on     date NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (region, request_id, n),
    FOREIGN KEY (region, request_id) REFERENCES fund.fund_request
);

-- What a bank does to an own account of itself: interest, and fees the fund must not bear.
CREATE TABLE fund.cash_move (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    move_id     text NOT NULL CHECK (move_id ~ '^[0-9A-Za-z-]{6,60}$'),
    kind        text NOT NULL CHECK (kind IN ('interest', 'interest_split', 'interest_out', 'fee', 'fee_back', 'fee_repaid')),
    account     text NOT NULL,              -- 1004
    fiscal_account text NOT NULL,           -- 1003, where the move goes there; else ''
    subfund     text NOT NULL CHECK (subfund IN ('', 'pool', 'acct')),   -- interest: '' where the split is unknown (4602)
    booked_on   date NOT NULL,              -- by the bank
    amount_fen  bigint NOT NULL CHECK (amount_fen > 0),
    receipt_no  text NOT NULL CHECK (receipt_no <> ''),
    state       text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by text NOT NULL,
    prepared_on date NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, move_id),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((kind IN ('interest_out', 'fee_repaid')) = (fiscal_account <> '')),
    CHECK (kind IN ('interest', 'interest_split') OR subfund = ''),
    CHECK (kind <> 'interest_split' OR subfund <> ''),
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by)
);
CREATE UNIQUE INDEX move_receipt ON fund.cash_move (region, account, receipt_no, kind, subfund) WHERE state <> 'refused';

-- Payments to persons: 零星报销, 生育津贴. Who it is stands here and in the order, never in the journal.
CREATE TABLE fund.person_payment (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    payment_id   text NOT NULL CHECK (payment_id ~ '^[0-9A-Za-z-]{6,60}$'),
    kind         text NOT NULL CHECK (kind IN ('reimbursement', 'maternity_allowance')),
    psn_no       text NOT NULL CHECK (psn_no <> ''),
    subfund      text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    service_year smallint NOT NULL,
    term         integer NOT NULL CHECK (term % 100 BETWEEN 1 AND 12),
    category     text NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    document     text NOT NULL CHECK (document <> ''),
    payee_name   text NOT NULL CHECK (payee_name <> ''),
    payee_number text NOT NULL CHECK (payee_number ~ '^[0-9A-Za-z-]{5,34}$'),
    payee_bank   text NOT NULL CHECK (payee_bank <> ''),
    payee_cnaps  text NOT NULL CHECK (payee_cnaps ~ '^[0-9]{12}$'),
    due_on       date NOT NULL,
    state        text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by  text NOT NULL,
    prepared_on  date NOT NULL,
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    reason       text NOT NULL DEFAULT '',
    order_no     text NOT NULL DEFAULT '',
    PRIMARY KEY (region, payment_id),
    CHECK ((kind = 'maternity_allowance') = (category = 'maternity_allowance')),
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by)
);
CREATE UNIQUE INDEX person_document ON fund.person_payment (region, fund, kind, psn_no, document) WHERE state <> 'refused';
CREATE UNIQUE INDEX person_order ON fund.person_payment (region, order_no) WHERE order_no <> '';

-- Prepared in one's own name by a maker; approved or refused in one's own name by a checker who is another person. What the
-- bank did to an own account the accountant finds too (payments.resolution); a grant is entered by who keeps the books, or
-- confirmed by the checker of what an accountant found.
CREATE FUNCTION fund.check_two_persons() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        v_actor := access.require_role(NEW.region, NEW.fund, CASE TG_TABLE_NAME WHEN 'cash_move' THEN '{maker,accountant,system}'::text[]
                                                             ELSE '{maker,system}' END);
        IF NEW.state <> 'requested' OR NEW.prepared_by <> v_actor THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by',
                DETAIL = '只能以当前用户的名义提出，状态为已提出';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) = ('approved', 'granted') AND OLD.approved_by = NEW.approved_by THEN
        PERFORM access.require_role(NEW.region, NEW.fund, '{accountant,checker,system}');
        RETURN NEW;
    END IF;
    IF OLD.state <> 'requested' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('已由%s办理，不能再改', OLD.approved_by);
    END IF;
    PERFORM access.require_second(NEW.region, NEW.fund, NEW.prepared_by, NEW.approved_by);
    RETURN NEW;
END $$;

-- A row is in one order at a time, and leaves it only when that order can no longer pay.
CREATE FUNCTION fund.check_one_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE held text;
BEGIN
    IF NEW.state <> 'approved' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.not_approved', DETAIL = '未经复核同意，不能拨付';
    END IF;
    IF OLD.order_no <> '' THEN
        SELECT o.state INTO held FROM payments.pay_order o WHERE o.region = OLD.region AND o.order_no = OLD.order_no;
        IF NOT EXISTS (SELECT 1 FROM payments.state s WHERE s.state = held AND s.releases) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.in_order',
                DETAIL = format('已在拨付单%s中（%s）', OLD.order_no, held);
        END IF;
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['advance', 'refund', 'fund_request', 'cash_move', 'person_payment'] LOOP
        EXECUTE format('CREATE TRIGGER two_persons_new BEFORE INSERT ON fund.%I FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons()', t);
        EXECUTE format('CREATE TRIGGER two_persons BEFORE UPDATE OF state, approved_by, approved_on, reason ON fund.%I
                        FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons()', t);
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.%I FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['advance_offset', 'refund_line', 'fund_request_line', 'policy_key'] LOOP
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['advance', 'person_payment'] LOOP
        EXECUTE format('CREATE TRIGGER one_order BEFORE UPDATE OF order_no ON fund.%I FOR EACH ROW
                        WHEN (OLD.order_no <> NEW.order_no) EXECUTE FUNCTION fund.check_one_order()', t);
    END LOOP;
END $$;
CREATE TRIGGER granted BEFORE UPDATE ON fund.fund_request FOR EACH ROW WHEN (OLD.state = 'granted')
    EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, advance_id, institution, kind, year, term, recovery, amount_fen, quota_fen,
    conditions, document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on
    ON fund.advance FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, refund_id, institution, kind, ordered_by, account, received_on, amount_fen,
    document, receipt_no, advance_id, prepared_by, prepared_on ON fund.refund
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, request_id, account, fiscal_account, upto, forecast_fen, available_fen,
    amount_fen, prepared_by, prepared_on ON fund.fund_request FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, move_id, kind, account, fiscal_account, subfund, booked_on, amount_fen,
    receipt_no, prepared_by, prepared_on ON fund.cash_move FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, payment_id, kind, psn_no, subfund, service_year, term, category, amount_fen,
    document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on ON fund.person_payment
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- The one way in which an advance becomes smaller: by what was paid, less what is gone already (under its row's lock).
CREATE FUNCTION fund.reduce_advance(p_region integer, p_advance_id text, p_offset bigint, p_returned bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.advance;
BEGIN
    SELECT * INTO v FROM fund.advance a WHERE a.region = p_region AND a.advance_id = p_advance_id FOR UPDATE;
    IF NOT FOUND OR NOT EXISTS (SELECT 1 FROM payments.pay_order o
                                 WHERE o.region = p_region AND o.order_no = v.order_no AND o.state = 'paid') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.not_paid',
            DETAIL = format('预付款项%s尚未付出，不能抵扣或收回', p_advance_id);
    END IF;
    IF v.offset_fen + v.returned_fen + p_offset + p_returned > v.amount_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.over_paid',
            DETAIL = format('预付款项%s已付%s分，已抵扣%s分、已收回%s分，余额不足再减%s分', p_advance_id, v.amount_fen,
                            v.offset_fen, v.returned_fen, p_offset + p_returned);
    END IF;
    UPDATE fund.advance SET offset_fen = offset_fen + p_offset, returned_fen = returned_fen + p_returned
     WHERE region = p_region AND advance_id = p_advance_id;
END $$;

CREATE FUNCTION fund.take_offset() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.reduce_advance(NEW.region, NEW.advance_id, NEW.amount_fen, 0);
    RETURN NEW;
END $$;
CREATE TRIGGER take_offset BEFORE INSERT ON fund.advance_offset FOR EACH ROW EXECUTE FUNCTION fund.take_offset();

CREATE FUNCTION fund.take_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.reduce_advance(NEW.region, NEW.advance_id, 0, NEW.amount_fen);
    RETURN NEW;
END $$;
CREATE TRIGGER take_back BEFORE UPDATE OF state ON fund.refund FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state = 'requested' AND NEW.advance_id <> '') EXECUTE FUNCTION fund.take_back();

-- What was offset or given back already does not come back by the bank as well: 1101 would fall below nothing. The
-- row's lock puts the return and a settlement that is about to offset it one after the other.
CREATE FUNCTION fund.check_advance_returned() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.advance;
BEGIN
    SELECT * INTO v FROM fund.advance a WHERE a.region = NEW.region AND a.order_no = NEW.order_no FOR UPDATE;
    IF FOUND AND v.offset_fen + v.returned_fen > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.used',
            DETAIL = format('预付款项%s已抵扣%s分、已收回%s分，拨付单%s不能再作退汇', v.advance_id, v.offset_fen, v.returned_fen, NEW.order_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER advance_returned BEFORE UPDATE OF state ON payments.pay_order FOR EACH ROW
    WHEN (NEW.state = 'returned' AND OLD.state <> 'returned')
    EXECUTE FUNCTION fund.check_advance_returned();

-- The door of a refund: this book's own fiscal special account, nothing else (accounting.md 3d).
CREATE FUNCTION fund.check_door() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.book_account a
                    WHERE a.region = NEW.region AND a.fund = NEW.fund AND a.account = NEW.account AND a.kind = '1003') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'refund.wrong_door',
            DETAIL = format('账户%s不是本账套的财政专户：机构退款、追回款须缴入财政专户，支出户只收原渠道退回', NEW.account);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_door BEFORE INSERT ON fund.refund FOR EACH ROW EXECUTE FUNCTION fund.check_door();

-- What is paid without being owed in the memorandum (advances, persons) needs its own approved request behind the order.
CREATE FUNCTION fund.check_request_behind() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_free bigint; v_behind bigint;
BEGIN
    SELECT coalesce(sum(i.amount_fen), 0) INTO v_free FROM payments.order_item i
     WHERE i.region = NEW.region AND i.order_no = NEW.order_no
       AND i.source NOT IN (9101, 9103, 9106, 9502, 110101, 200103);   -- between regions: fund.check_outregion_batch
    IF v_free = 0 THEN RETURN NEW; END IF;
    SELECT sum(amount_fen) INTO v_behind FROM (
        SELECT a.amount_fen FROM fund.advance a
         WHERE a.region = NEW.region AND a.fund = NEW.fund AND a.order_no = NEW.order_no AND a.state = 'approved'
        UNION ALL
        SELECT p.amount_fen FROM fund.person_payment p
         WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.order_no = NEW.order_no AND p.state = 'approved') requests;
    IF v_behind IS DISTINCT FROM v_free OR v_free <> NEW.amount_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_request',
            DETAIL = format('拨付单%s没有与其金额相符的已复核预付或个人付款申请', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_request_behind BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved') EXECUTE FUNCTION fund.check_request_behind();

-- Hospitals' money for other regions' patients (X10: 9502, each hospital's net) and the bills we owe other regions (X6: 9103
-- towards a region), as far as it is to come out of our own available money of the 支出户: what others prepaid and what already
-- lies there is reserved for them (payments.held_for, ADR 14) and is not counted a second time. Others' money that still lies in
-- the 财政专户 has to be moved first, so it is counted. drafted_own: the same of what lies in drafts.
CREATE FUNCTION fund.outregion_due(p_region integer, p_fund smallint) RETURNS TABLE (open_own bigint, drafted_own bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY WITH
    drafted AS (
        SELECT o.institution, i.source, i.category, i.amount_fen AS fen FROM payments.pay_order o
          JOIN payments.batch k ON k.region = o.region AND k.batch_id = o.batch_id AND k.kind = 'outregion'
          JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no AND i.source IN (9103, 9502)
         WHERE o.region = p_region AND o.fund = p_fund AND o.state = 'draft'),
    owed AS (       -- by whom it is owed to, and for whose patients ('' for our own)
        SELECT s.institution, s.party, sum(s.fen) AS fen, sum(sum(s.fen)) OVER (PARTITION BY s.institution, s.party = '') AS net FROM (
            SELECT d.counterparty AS institution, CASE b.account WHEN 9502 THEN d.category ELSE '' END AS party, b.credit - b.debit AS fen
              FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
             WHERE b.region = p_region AND b.fund = p_fund
               AND (b.account = 9502 OR b.account = 9103 AND d.counterparty ~ '^[0-9]{6}$')
            UNION ALL
            SELECT t.institution, CASE t.source WHEN 9502 THEN t.category ELSE '' END, -t.fen FROM drafted t) s
         GROUP BY 1, 2),
    held AS (
        SELECT greatest(0, h.fen) AS now, greatest(0, h.fen - t.fen) AS after_drafts, greatest(0, h.fen - t.fen - w.fen) AS at_last
          FROM payments.held_for(p_region, p_fund) h
          CROSS JOIN LATERAL (SELECT coalesce(sum(x.fen), 0) AS fen FROM drafted x WHERE x.source = 9502 AND x.category = h.party) t
          CROSS JOIN LATERAL (SELECT coalesce(sum(x.fen), 0) AS fen FROM owed x WHERE x.party = h.party AND x.net > 0) w),
    fiscal AS (
        SELECT greatest(0, coalesce(sum(
                   (SELECT coalesce(sum(b.debit - b.credit), 0) FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                     WHERE b.region = a.region AND b.fund = a.fund AND b.account = 1003 AND d.counterparty = a.account)
                 - (SELECT coalesce(sum(o.amount_fen), 0) FROM payments.pay_order o JOIN payments.state s ON s.state = o.state
                     WHERE o.region = a.region AND o.fund = a.fund AND o.account = a.account AND s.in_flight)), 0)) AS fen
          FROM payments.book_account a WHERE a.region = p_region AND a.fund = p_fund AND a.kind = '1003'),
    lies AS (       -- what of others' money lies in the 支出户: now, after the drafts, after all that is owed
        SELECT greatest(0, coalesce(sum(h.now), 0) - f.fen) AS now, greatest(0, coalesce(sum(h.after_drafts), 0) - f.fen) AS after_drafts,
               greatest(0, coalesce(sum(h.at_last), 0) - f.fen) AS at_last
          FROM fiscal f LEFT JOIN held h ON true GROUP BY f.fen)
    SELECT ((SELECT coalesce(sum(w.fen) FILTER (WHERE w.net > 0), 0) FROM owed w) - (l.after_drafts - l.at_last))::bigint,
           ((SELECT coalesce(sum(t.fen), 0) FROM drafted t) - (l.now - l.after_drafts))::bigint FROM lies l;
END $$;

-- What has to be paid by when (用款计划), by kind of payment and day: daily money of discharges before p_upto (each institution's
-- net, negatives carried, held records left out), month and clearing results by institution, what is owed out of region (fund.outregion_due),
-- approved advances and payments to persons. What stands
-- in an approved order is not in it; what lies in a draft only with p_drafts. What was due before p_day is due on p_day.
CREATE FUNCTION fund.due(p_region integer, p_fund smallint, p_day date, p_upto date, p_drafts boolean)
RETURNS TABLE (kind text, due_on date, amount_fen bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.kind, greatest(d.due_on, p_day), sum(d.amount_fen)::bigint FROM (
        SELECT 'daily' AS kind, p_day AS due_on, sum(p.daily_fen)::bigint AS amount_fen
          FROM (SELECT o.institution, o.setl_id, o.daily_fen FROM fund.payable o   -- each half by an index: settled years cost nothing
                 WHERE o.region = p_region AND o.fund = p_fund AND o.subfund = 'pool' AND o.daily_fen <> 0 AND o.day < p_upto
                   AND o.order_no = '' AND o.settled_by = ''
                UNION ALL
                SELECT o.institution, i.setl_id, i.daily_fen FROM payments.pay_order o
                  JOIN payments.order_payable i ON i.region = o.region AND i.order_no = o.order_no
                  JOIN fund.payable r ON r.region = i.region AND r.fund = i.fund AND r.setl_id = i.setl_id AND r.subfund = i.subfund
                 WHERE p_drafts AND o.region = p_region AND o.fund = p_fund AND o.state = 'draft' AND r.subfund = 'pool'
                   AND r.settled_by = '' AND r.day < p_upto) p
         WHERE p.setl_id NOT IN (                  -- held by an open high finding, or the reversal of one held: not due
               SELECT h.setl_id FROM fund.held h WHERE h.region = p_region AND h.fund = p_fund AND h.released_by = ''
               UNION SELECT r.setl_id FROM fund.held h
                 JOIN fund.record r ON r.region = h.region AND r.init_setl_id = h.setl_id AND r.init_setl_id <> ''
                WHERE h.region = p_region AND h.fund = p_fund AND h.released_by = '')
         GROUP BY p.institution
        UNION ALL
        -- Owed in the memorandum until an order is approved: what lies in drafts is taken off where they count apart.
        SELECT CASE b.account WHEN 9103 THEN 'month' ELSE 'clearing' END,
               coalesce(CASE b.account WHEN 9103 THEN (SELECT max(s.due_on) FROM fund.sheet s
                                                        WHERE s.region = p_region AND s.fund = p_fund
                                                          AND s.institution = d.counterparty AND s.state = 'approved') END, p_day),
               sum(b.credit - b.debit)::bigint - coalesce((
                   SELECT sum(i.amount_fen) FROM payments.order_item i
                     JOIN payments.pay_order o ON o.region = i.region AND o.order_no = i.order_no
                    WHERE NOT p_drafts AND o.region = p_region AND o.fund = p_fund AND o.state = 'draft'
                      AND o.institution = d.counterparty AND i.source = b.account), 0)::bigint
          FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.region = p_region AND b.fund = p_fund AND b.account IN (9103, 9106) AND d.counterparty !~ '^[0-9]{6}$'
         GROUP BY b.account, d.counterparty
        UNION ALL
        SELECT 'outregion', p_day, x.open_own + CASE WHEN p_drafts THEN x.drafted_own ELSE 0 END
          FROM fund.outregion_due(p_region, p_fund) x
        UNION ALL
        SELECT CASE a.kind WHEN 'supplier' THEN 'supplier' ELSE 'advance' END, a.due_on, a.amount_fen FROM fund.advance a
          LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
          LEFT JOIN payments.state s ON s.state = o.state
         WHERE a.region = p_region AND a.fund = p_fund AND a.state = 'approved'
           AND (coalesce(s.releases, true) OR p_drafts AND o.state = 'draft')
        UNION ALL
        SELECT 'person', p.due_on, p.amount_fen FROM fund.person_payment p
          LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
          LEFT JOIN payments.state s ON s.state = o.state
         WHERE p.region = p_region AND p.fund = p_fund AND p.state = 'approved'
           AND (coalesce(s.releases, true) OR p_drafts AND o.state = 'draft')) d
     WHERE d.amount_fen > 0 AND greatest(d.due_on, p_day) <= p_upto
     GROUP BY 1, 2 ORDER BY 1, 2
$$;

-- The kinds of payment in the order in which they get money that does not reach for all: a dated choice of the region.
CREATE FUNCTION fund.kind_order(p_region integer, p_day date) RETURNS text[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_kinds  text[] := '{daily,month,outregion,clearing,advance,supplier,person}';
    v_chosen text;
BEGIN
    SELECT value INTO v_chosen FROM fund.region_policy
     WHERE region = p_region AND key = 'short_money_kinds' AND from_day <= p_day ORDER BY from_day DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN v_kinds;
    END IF;
    IF (SELECT array_agg(k ORDER BY k) FROM unnest(string_to_array(v_chosen, ',')) AS k)
       IS DISTINCT FROM (SELECT array_agg(k ORDER BY k) FROM unnest(v_kinds) AS k) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'policy.kinds',
            DETAIL = format('资金不足时的先后须把%s各写一次，现为%s', array_to_string(v_kinds, '、'), v_chosen);
    END IF;
    RETURN string_to_array(v_chosen, ',');
END $$;

CREATE FUNCTION fund.kind_name(p_kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_kind WHEN 'daily' THEN '日拨付' WHEN 'month' THEN '月结算' WHEN 'outregion' THEN '异地就医' WHEN 'clearing' THEN '年度清算'
                       WHEN 'advance' THEN '预付金、按月预拨' WHEN 'supplier' THEN '集采直接结算' WHEN 'person' THEN '个人付款' END
$$;

-- Money to leave for the kinds that go before p_kind and are due by p_day, in their turn.
CREATE FUNCTION fund.reserved_before(p_region integer, p_fund smallint, p_kind text, p_day date, p_drafts boolean)
RETURNS TABLE (kind text, amount_fen bigint) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_order  text[] := fund.kind_order(p_region, p_day);
    v_before text[] := v_order[1:array_position(v_order, p_kind) - 1];
BEGIN
    IF coalesce(cardinality(v_before), 0) = 0 THEN
        RETURN;                 -- the first kind waits for none: its approvals need not read what is owed
    END IF;
    RETURN QUERY SELECT d.kind, sum(d.amount_fen)::bigint FROM fund.due(p_region, p_fund, p_day, p_day, p_drafts) d
                  WHERE d.kind = ANY (v_before) GROUP BY d.kind ORDER BY array_position(v_before, d.kind);
END $$;
GRANT EXECUTE ON FUNCTION fund.due, fund.outregion_due, fund.kind_order, fund.reserved_before TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.kind_name TO fundledger_service, fundledger_poster;
GRANT SELECT ON fund.region_policy, fund.sheet, fund.advance, fund.person_payment, fund.held, fund.record TO fundledger_poster;   -- for approvals

GRANT SELECT ON fund.policy_key, fund.advance, fund.advance_offset, fund.refund, fund.refund_line, fund.fund_request,
    fund.fund_request_line, fund.cash_move, fund.person_payment TO fundledger_service, fundledger_auditor;
GRANT INSERT ON fund.advance, fund.advance_offset, fund.refund, fund.refund_line, fund.fund_request, fund.fund_request_line,
    fund.cash_move, fund.person_payment TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason) ON fund.advance, fund.refund, fund.cash_move, fund.person_payment
    TO fundledger_service;
GRANT UPDATE (order_no) ON fund.advance, fund.person_payment TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason, granted_fen, granted_on, receipt_no) ON fund.fund_request TO fundledger_service;
