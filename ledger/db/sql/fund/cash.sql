-- Fund requests, interest and fees, payments to persons; what is due before what.

-- Tables ------------------------------------------------------
-- 用款计划/请款: what will be due, less what is there; asked for, approved, granted once by the fiscal receipt. By a month's plan
-- (its lines are what is planned by kind), or as a float 周转金 up to the region's limit.
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
    basis          text NOT NULL DEFAULT 'due' CHECK (basis IN ('due', 'plan', 'float')),
    month          integer NOT NULL DEFAULT 0,   -- of a plan, yyyymm
    PRIMARY KEY (region, request_id),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    FOREIGN KEY (region, fiscal_account) REFERENCES payments.bank_account,
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'granted') = (receipt_no <> '') AND (state = 'granted') = (granted_fen > 0)),
    CHECK (granted_fen <= amount_fen),
    CONSTRAINT fund_request_month CHECK (CASE basis WHEN 'plan' THEN month % 100 BETWEEN 1 AND 12
        AND upto = (make_date(month / 100, month % 100, 1) + interval '1 month - 1 day')::date ELSE month = 0 END)
);

CREATE UNIQUE INDEX one_plan ON fund.fund_request (region, fund, month) WHERE basis = 'plan' AND state <> 'refused';

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
    state       text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused', 'reversed')),
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

CREATE UNIQUE INDEX move_receipt ON fund.cash_move (region, account, receipt_no, kind, subfund) WHERE state NOT IN ('refused', 'reversed');

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
    payee_number text NOT NULL CHECK (payee_number ~ '^([0-9A-Za-z-]{5,34}|~[0-9a-f]{8}[.][A-Za-z0-9_-]{22,}~)$'),   -- sealed
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

-- Functions ---------------------------------------------------
-- Prepared in one's own name by a maker; approved or refused in one's own name by a checker who is another person. What the
-- bank did to an own account the accountant finds too (payments.resolution); a grant is entered by who keeps the books, or
-- confirmed by the checker of what an accountant found.
CREATE OR REPLACE FUNCTION fund.check_two_persons() RETURNS trigger LANGUAGE plpgsql
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
    IF (OLD.state, NEW.state) = ('approved', 'reversed') AND OLD.approved_by = NEW.approved_by
       AND books.key_reversed(NEW.region, NEW.fund, CASE TG_TABLE_NAME WHEN 'cash_move' THEN 'CASH:' || (to_jsonb(NEW) ->> 'move_id')
                                                    WHEN 'refund' THEN 'REF:' || (to_jsonb(NEW) ->> 'refund_id') END) THEN
        RETURN NEW;                             -- its entry was reversed by two persons: a red voucher
    END IF;
    IF OLD.state <> 'requested' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('已由%s办理，不能再改', OLD.approved_by);
    END IF;
    PERFORM access.require_second(NEW.region, NEW.fund, NEW.prepared_by, NEW.approved_by);
    RETURN NEW;
END $$;

-- The float of a book: what was granted as one less what was given back to the 财政专户.
CREATE OR REPLACE FUNCTION fund.float_fen(p_region integer, p_fund smallint) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT (coalesce((SELECT sum(q.granted_fen) FROM fund.fund_request q
                       WHERE q.region = p_region AND q.fund = p_fund AND q.basis = 'float' AND q.state = 'granted'), 0)
          - coalesce((SELECT sum(v.amount_fen) FROM payments.resolution r
                        JOIN payments.evidence v ON v.region = r.region AND v.account = r.account AND v.kind = r.kind
                             AND v.receipt_no = r.receipt_no AND v.direction = r.direction
                       WHERE r.region = p_region AND r.fund = p_fund AND r.state = 'approved'
                         AND (r.what = 'float_back' OR r.what = 'from_own' AND EXISTS (      -- told by the fiscal account's paper first
                              SELECT 1 FROM payments.book_account a WHERE a.region = r.region AND a.fund = r.fund AND a.kind = '1004'
                                 AND a.account = r.reference))), 0))::bigint
$$;

-- A request is made the way the region chose; a float stays under its limit together with what is asked for.
CREATE OR REPLACE FUNCTION fund.check_request_basis() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_basis text := coalesce((SELECT p.value FROM fund.region_policy p WHERE p.region = NEW.region AND p.key = 'fund_request_basis'
                                 AND p.from_day <= NEW.prepared_on ORDER BY p.from_day DESC LIMIT 1), 'due');
    v_limit bigint;
    v_there bigint;
BEGIN
    IF NOT NEW.basis = ANY (string_to_array(v_basis, ',')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cash.basis',
            DETAIL = format('统筹区%s的请款方式为%s，不能按{fund_request.basis:%s}请款', NEW.region, v_basis, NEW.basis);
    END IF;
    IF NEW.basis = 'plan' AND (NEW.amount_fen > NEW.forecast_fen OR NEW.prepared_on > NEW.upto) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'cash.plan',
            DETAIL = format('%s用款计划共%s元，不能请%s元；计划月已过的也不能再请', NEW.month, fund.yuan(NEW.forecast_fen), fund.yuan(NEW.amount_fen));
    ELSIF NEW.basis = 'float' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('fund.float ' || NEW.region || '-' || NEW.fund, 0));
        SELECT p.value::bigint * 100 INTO v_limit FROM fund.region_policy p WHERE p.region = NEW.region AND p.key = 'float_limit'
            AND p.from_day <= NEW.prepared_on ORDER BY p.from_day DESC LIMIT 1;
        v_there := fund.float_fen(NEW.region, NEW.fund) + coalesce((SELECT sum(q.amount_fen) FROM fund.fund_request q
            WHERE q.region = NEW.region AND q.fund = NEW.fund AND q.basis = 'float' AND q.state IN ('requested', 'approved')), 0);
        IF v_limit IS NULL OR v_there + NEW.amount_fen > v_limit THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cash.float_limit',
                DETAIL = format('周转金限额%s元，已有及已请%s元，不能再请%s元', fund.yuan(coalesce(v_limit, 0)), fund.yuan(v_there), fund.yuan(NEW.amount_fen));
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A row is in one order at a time, and leaves it only when that order can no longer pay.
CREATE OR REPLACE FUNCTION fund.check_one_order() RETURNS trigger LANGUAGE plpgsql
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

-- What is paid without being owed in the memorandum (advances, persons) needs its own approved request behind the order, and goes to
-- the account that two persons agreed on in it: a supplier's, a person's, or the one they corrected it to since (fund.person_account).
-- What is owed to an institution, or paid to it in advance, goes to its confirmed account, whatever kind its batch calls itself; whether
-- that is the one still is looked at once more when a file sets out (payments.refuse_stale_file).
CREATE OR REPLACE FUNCTION fund.check_request_behind() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_free bigint; v_behind bigint;
BEGIN
    IF NEW.batch_id NOT LIKE 'OPEN-%' AND payments.is_to_institution(NEW.region, NEW.order_no) AND NOT EXISTS (
        SELECT 1 FROM fund.payee_account a WHERE a.region = NEW.region AND a.institution = NEW.institution AND a.state = 'confirmed'
           AND (a.name, a.number, a.bank_name, a.cnaps) = (NEW.payee_name, NEW.payee_number, NEW.payee_bank, NEW.payee_cnaps)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.other_payee',
            DETAIL = format('拨付单%s付往的账户不是两人核定的收款账户', NEW.order_no);
    END IF;
    SELECT coalesce(sum(i.amount_fen), 0) INTO v_free FROM payments.order_item i
     WHERE i.region = NEW.region AND i.order_no = NEW.order_no
       AND i.source NOT IN (9101, 9103, 9106, 9502, 110101, 200103);   -- between regions: fund.check_outregion_batch
    IF v_free = 0 THEN RETURN NEW; END IF;
    SELECT sum(amount_fen) INTO v_behind FROM (
        SELECT a.amount_fen FROM fund.advance a
         WHERE a.region = NEW.region AND a.fund = NEW.fund AND a.order_no = NEW.order_no AND a.state = 'approved'
           AND (a.kind = 'supplier' OR a.institution = NEW.institution)
        UNION ALL
        SELECT p.amount_fen FROM fund.person_payment p
         WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.order_no = NEW.order_no AND p.state = 'approved') requests;
    IF v_behind IS DISTINCT FROM v_free OR v_free <> NEW.amount_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_request',
            DETAIL = format('拨付单%s没有与其金额相符的已复核预付或个人付款申请', NEW.order_no);
    END IF;
    IF EXISTS (
        SELECT 1 FROM fund.advance a WHERE a.region = NEW.region AND a.fund = NEW.fund AND a.order_no = NEW.order_no AND a.kind = 'supplier'
           AND (a.payee_name, a.payee_number, a.payee_bank, a.payee_cnaps) <> (NEW.payee_name, NEW.payee_number, NEW.payee_bank, NEW.payee_cnaps)
        UNION ALL
        SELECT 1 FROM fund.person_payment p
          LEFT JOIN LATERAL (SELECT c.* FROM fund.person_account c WHERE c.region = p.region AND c.payment_id = p.payment_id
                                AND c.state = 'approved' ORDER BY c.n DESC LIMIT 1) c ON true
         WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.order_no = NEW.order_no
           AND (coalesce(c.payee_name, p.payee_name), coalesce(c.payee_number, p.payee_number), coalesce(c.payee_bank, p.payee_bank),
                coalesce(c.payee_cnaps, p.payee_cnaps)) <> (NEW.payee_name, NEW.payee_number, NEW.payee_bank, NEW.payee_cnaps)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.other_payee',
            DETAIL = format('拨付单%s付往的账户不是两人核定的收款账户', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;

-- What has to be paid by when (用款计划), by kind of payment and day: daily money of discharges before p_upto (each institution's
-- net, negatives carried, held records left out), month and clearing results by institution, what is owed out of region (fund.outregion_due),
-- approved advances and payments to persons. What stands
-- in an approved order is not in it; what lies in a draft only with p_drafts. What was due before p_day is due on p_day.
CREATE OR REPLACE FUNCTION fund.due(p_region integer, p_fund smallint, p_day date, p_upto date, p_drafts boolean)
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
         WHERE a.region = p_region AND a.fund = p_fund AND a.state = 'approved' AND a.order_no NOT LIKE 'OPEN:%'   -- paid before a cut-over
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
CREATE OR REPLACE FUNCTION fund.kind_order(p_region integer, p_day date) RETURNS text[] LANGUAGE plpgsql STABLE
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

CREATE OR REPLACE FUNCTION fund.kind_name(p_kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_kind WHEN 'daily' THEN '日拨付' WHEN 'month' THEN '月结算' WHEN 'outregion' THEN '异地就医' WHEN 'clearing' THEN '年度清算'
                       WHEN 'advance' THEN '预付金、按月预拨' WHEN 'supplier' THEN '集采直接结算' WHEN 'person' THEN '个人付款' WHEN 'float' THEN '周转金' END
$$;

-- Money to leave for the kinds that go before p_kind and are due by p_day, in their turn; the float is left for daily payouts.
CREATE OR REPLACE FUNCTION fund.reserved_before(p_region integer, p_fund smallint, p_kind text, p_day date, p_drafts boolean)
RETURNS TABLE (kind text, amount_fen bigint) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_order  text[] := fund.kind_order(p_region, p_day);
    v_before text[] := v_order[1:array_position(v_order, p_kind) - 1];
BEGIN
    IF p_kind <> 'daily' THEN
        RETURN QUERY SELECT 'float'::text, f.fen FROM (SELECT fund.float_fen(p_region, p_fund) AS fen) f WHERE f.fen > 0;
    END IF;
    IF coalesce(cardinality(v_before), 0) = 0 THEN
        RETURN;                 -- the first kind waits for none: its approvals need not read what is owed
    END IF;
    RETURN QUERY SELECT d.kind, sum(d.amount_fen)::bigint FROM fund.due(p_region, p_fund, p_day, p_day, p_drafts) d
                  WHERE d.kind = ANY (v_before) GROUP BY d.kind ORDER BY array_position(v_before, d.kind);
END $$;

-- Lines of a refund or fund request come with it, from the same hand, and a refund of benefits is their sum.
CREATE OR REPLACE FUNCTION fund.check_request_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_open boolean;
BEGIN
    IF TG_TABLE_NAME = 'refund_line' THEN
        SELECT r.state = 'requested' AND r.prepared_by = access.user_name() INTO v_open FROM fund.refund r
         WHERE r.region = NEW.region AND r.refund_id = NEW.refund_id;
    ELSE
        SELECT q.state = 'requested' AND q.prepared_by = access.user_name() INTO v_open FROM fund.fund_request q
         WHERE q.region = NEW.region AND q.request_id = NEW.request_id;
    END IF;
    IF v_open IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = '申请的明细只能由提出人随申请登记';
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER basis_chosen BEFORE INSERT ON fund.fund_request FOR EACH ROW EXECUTE FUNCTION fund.check_request_basis();
CREATE OR REPLACE TRIGGER granted BEFORE UPDATE ON fund.fund_request FOR EACH ROW WHEN (OLD.state = 'granted')
    EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, request_id, account, fiscal_account, upto, forecast_fen, available_fen,
    amount_fen, prepared_by, prepared_on, basis, month ON fund.fund_request FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, move_id, kind, account, fiscal_account, subfund, booked_on, amount_fen,
    receipt_no, prepared_by, prepared_on ON fund.cash_move FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, payment_id, kind, psn_no, subfund, service_year, term, category, amount_fen,
    document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on ON fund.person_payment
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER move_paper BEFORE UPDATE OF state ON fund.cash_move FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state <> 'approved' AND NEW.kind <> 'interest_split') EXECUTE FUNCTION fund.check_move_paper();
CREATE OR REPLACE TRIGGER order_behind BEFORE UPDATE OF order_no ON fund.person_payment FOR EACH ROW
    WHEN (NEW.order_no <> OLD.order_no AND NEW.order_no <> '') EXECUTE FUNCTION fund.check_order_behind('person');
CREATE OR REPLACE TRIGGER with_its_request BEFORE INSERT ON fund.fund_request_line FOR EACH ROW EXECUTE FUNCTION fund.check_request_line();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.cash_move
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER two_persons BEFORE UPDATE OF state, approved_by, approved_on, reason ON fund.cash_move
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER two_persons_new BEFORE INSERT ON fund.cash_move
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.fund_request
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER two_persons BEFORE UPDATE OF state, approved_by, approved_on, reason ON fund.fund_request
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER two_persons_new BEFORE INSERT ON fund.fund_request
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.fund_request_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.person_payment
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER one_order BEFORE UPDATE OF order_no ON fund.person_payment
    FOR EACH ROW WHEN ((old.order_no <> new.order_no)) EXECUTE FUNCTION fund.check_one_order();
CREATE OR REPLACE TRIGGER two_persons BEFORE UPDATE OF state, approved_by, approved_on, reason ON fund.person_payment
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER two_persons_new BEFORE INSERT ON fund.person_payment
    FOR EACH ROW WHEN (NEW.payment_id NOT LIKE 'OPEN-%')   -- taken over on its way: fund.check_opened
    EXECUTE FUNCTION fund.check_two_persons();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.cash_move TO fundledger_service;
GRANT SELECT ON fund.cash_move TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (state, approved_by, approved_on, reason) ON fund.cash_move TO fundledger_service;
GRANT SELECT, INSERT ON fund.fund_request TO fundledger_service;
GRANT SELECT ON fund.fund_request TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (state, approved_by, approved_on, reason, granted_fen, granted_on, receipt_no) ON fund.fund_request TO fundledger_service;
GRANT SELECT, INSERT ON fund.fund_request_line TO fundledger_service;
GRANT SELECT ON fund.fund_request_line TO fundledger_auditor;
GRANT SELECT ON fund.person_payment TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON fund.person_payment TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason, order_no) ON fund.person_payment TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.float_fen(integer,smallint) TO fundledger_service, fundledger_poster, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.due(integer,smallint,date,date,boolean) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.kind_name(text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.kind_order(integer,date) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.reserved_before(integer,smallint,text,date,boolean) TO fundledger_service, fundledger_poster;
