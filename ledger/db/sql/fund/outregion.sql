-- Out of region: records, quotas, moves, bills, and the boxes that link two regions' books.

-- Tables ------------------------------------------------------
-- The pooling regions we clear with, and the account each is paid into: proposed by one person, confirmed by another.
CREATE TABLE fund.outregion_counterparty (
    region       integer NOT NULL,
    counterparty integer NOT NULL CHECK (counterparty BETWEEN 100000 AND 999999),
    name         text NOT NULL CHECK (name <> '' AND translate(name, E'|\\\n\r', '') = name),
    payee_name   text NOT NULL CHECK (payee_name <> '' AND translate(payee_name, E'|\\\n\r', '') = payee_name),
    payee_number text NOT NULL CHECK (payee_number ~ '^[0-9A-Za-z-]{5,34}$'),
    payee_bank   text NOT NULL CHECK (payee_bank <> '' AND translate(payee_bank, E'|\\\n\r', '') = payee_bank),
    payee_cnaps  text NOT NULL CHECK (payee_cnaps ~ '^[0-9]{12}$'),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    confirmed_on date,                       -- NULL: before this was kept
    PRIMARY KEY (region, counterparty),
    CHECK (counterparty <> region),
    CHECK (confirmed_by <> proposed_by)
);

-- Records between two regions: `care` somebody else's patient in our hospital, `insured` our patient elsewhere.
CREATE TABLE fund.outregion_record (
    region        integer NOT NULL,
    fund          smallint NOT NULL CHECK (fund IN (310, 390)),
    setl_id       text NOT NULL,
    seqno         bigint GENERATED ALWAYS AS IDENTITY,   -- the keyset of a 3260 pull
    side          text NOT NULL CHECK (side IN ('care', 'insured')),
    counterparty  integer NOT NULL,
    institution   text NOT NULL,
    service_year  smallint NOT NULL,
    term          integer NOT NULL CHECK (term % 100 BETWEEN 1 AND 12),
    category      text NOT NULL,
    amount_fen    bigint NOT NULL CHECK (amount_fen <> 0),   -- what the agency pays: the bill less cash and the hospital's own share
    account_fen   bigint NOT NULL,          -- of it personal-account money
    recognised_by text NOT NULL,            -- source key of the memorandum entry; '' on the insured side (cash basis)
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'billed')),
    confirmed_on  date,
    bill_id       text NOT NULL DEFAULT '',
    order_no      text NOT NULL DEFAULT '',   -- care: the order that pays the hospital for it now
    PRIMARY KEY (region, fund, setl_id),
    FOREIGN KEY (region, counterparty) REFERENCES fund.outregion_counterparty,
    CHECK ((side = 'care') = (recognised_by <> '')),
    CHECK ((state = 'billed') = (bill_id <> '')),
    CHECK ((state = 'open') = (confirmed_on IS NULL))
);

CREATE INDEX outregion_open ON fund.outregion_record (region, fund, institution) WHERE side = 'care' AND order_no = '';

CREATE INDEX outregion_pull ON fund.outregion_record (region, fund, side, term, seqno);

-- How much may be prepaid, by direction: `paid` by us (X1), `received` by us (X8); the latest from_day <= day holds.
CREATE TABLE fund.outregion_quota (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    counterparty integer NOT NULL,
    direction    text NOT NULL CHECK (direction IN ('paid', 'received')),
    from_day     date NOT NULL,
    quota_fen    bigint NOT NULL CHECK (quota_fen >= 0),
    document     text NOT NULL CHECK (document <> ''),
    set_by       text NOT NULL,
    PRIMARY KEY (region, fund, counterparty, direction, from_day),
    FOREIGN KEY (region, counterparty) REFERENCES fund.outregion_counterparty
);

-- Money between regions besides bills. What comes in (received, prepaid_in, prepaid_back) is entered from the bank's receipt;
-- what we pay (prepaid X1, prepaid_out X11) is done by an order like every other and has no receipt of its own here.
CREATE TABLE fund.outregion_move (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    move_id      text NOT NULL CHECK (move_id ~ '^[0-9A-Za-z-]{6,60}$'),
    kind         text NOT NULL CHECK (kind IN ('received', 'prepaid_in', 'prepaid_out', 'prepaid', 'prepaid_back')),
    counterparty integer NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    document     text NOT NULL CHECK (document <> ''),   -- notice, or the link id of the other side's message
    state        text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused', 'done', 'cancelled')),
    prepared_by  text NOT NULL,
    prepared_on  date NOT NULL,
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    order_no     text NOT NULL DEFAULT '',   -- the order that pays it now
    account      text NOT NULL DEFAULT '',
    receipt_no   text NOT NULL DEFAULT '',
    booked_on    date,
    done_by      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, move_id),
    FOREIGN KEY (region, counterparty) REFERENCES fund.outregion_counterparty,
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'done') = (receipt_no <> '') AND (state = 'done') = (booked_on IS NOT NULL)),
    CHECK (kind NOT IN ('prepaid', 'prepaid_out') OR state <> 'done'),
    CHECK (kind IN ('prepaid', 'prepaid_out') OR order_no = '')
);

CREATE UNIQUE INDEX outregion_receipt ON fund.outregion_move (region, account, receipt_no) WHERE receipt_no <> '';

CREATE UNIQUE INDEX outregion_move_order ON fund.outregion_move (region, order_no) WHERE order_no <> '';

CREATE INDEX outregion_move_by ON fund.outregion_move (region, fund, kind, counterparty);

-- 清算 bill of a month between two regions: receivable (care) or payable (insured). Its id is the end-to-end id of both books.
CREATE TABLE fund.outregion_bill (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    bill_id      text NOT NULL CHECK (bill_id ~ '^[0-9A-Za-z-]{6,60}$'),
    side         text NOT NULL CHECK (side IN ('care', 'insured')),
    counterparty integer NOT NULL,
    term         integer NOT NULL CHECK (term % 100 BETWEEN 1 AND 12),
    records      integer NOT NULL CHECK (records > 0),
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    made_on      date NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),   -- SHA-256 of the message both sides hold
    order_no     text NOT NULL DEFAULT '',    -- insured: the order that pays it now
    PRIMARY KEY (region, bill_id),
    FOREIGN KEY (region, counterparty) REFERENCES fund.outregion_counterparty
);

CREATE TABLE fund.outregion_bill_line (
    region       integer NOT NULL,
    bill_id      text NOT NULL,
    service_year smallint NOT NULL,
    category     text NOT NULL,
    subfund      text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    amount_fen   bigint NOT NULL CHECK (amount_fen <> 0),
    PRIMARY KEY (region, bill_id, service_year, category, subfund),
    FOREIGN KEY (region, bill_id) REFERENCES fund.outregion_bill
);

-- What leaves for and comes from another region. The same link id stands on both sides with the same digest.
CREATE TABLE fund.outregion_outbox (
    region       integer NOT NULL,
    link_id      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('bill', 'paid', 'prepaid', 'returned')),
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    counterparty integer NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    body         text NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    made_on      date NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered')),
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text NOT NULL DEFAULT '',
    delivered_on date,
    PRIMARY KEY (region, link_id),
    CHECK ((state = 'delivered') = (delivered_on IS NOT NULL))
);

CREATE TABLE fund.outregion_inbox (
    region       integer NOT NULL,
    link_id      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('bill', 'paid', 'prepaid', 'returned')),
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    counterparty integer NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    body         text NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    came_on      date NOT NULL,
    PRIMARY KEY (region, link_id)
);

-- Views -------------------------------------------------------
-- The movements whose money has moved: in by a receipt, out by a paid order.
CREATE OR REPLACE VIEW fund.outregion_moved WITH (security_invoker = true) AS
SELECT m.region, m.fund, m.move_id, m.kind, m.counterparty, m.amount_fen, m.document, m.order_no, m.receipt_no
  FROM fund.outregion_move m
  LEFT JOIN payments.pay_order o ON o.region = m.region AND o.order_no = m.order_no AND m.order_no <> ''
 WHERE m.state = 'done' OR o.state = 'paid';

-- Functions ---------------------------------------------------
-- Hospitals' money for other regions' patients (X10: 9502, each hospital's net) and the bills we owe other regions (X6: 9103
-- towards a region), as far as it is to come out of our own available money of the 支出户: what others prepaid and what already
-- lies there is reserved for them (payments.held_for, ADR 14) and is not counted a second time. Others' money that still lies in
-- the 财政专户 has to be moved first, so it is counted. drafted_own: the same of what lies in drafts.
CREATE OR REPLACE FUNCTION fund.outregion_due(p_region integer, p_fund smallint) RETURNS TABLE (open_own bigint, drafted_own bigint)
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

-- Whether a place (6 digits) lies in a pooling region: by province xx0000, by city xxxx00 or xxxx99, else itself.
CREATE OR REPLACE FUNCTION fund.region_covers(p_region integer, p_place text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_region % 10000 = 0 THEN left(p_place, 2) = left(p_region::text, 2)
                WHEN p_region % 100 IN (0, 99) THEN left(p_place, 4) = left(p_region::text, 4)
                ELSE p_place = p_region::text END
$$;

-- A record's side, counterparty and amount are what the record says; a patient of our own is nobody else's.
CREATE OR REPLACE FUNCTION fund.check_outregion_record() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.record;
BEGIN
    SELECT * INTO v FROM fund.record r WHERE r.region = NEW.region AND r.setl_id = NEW.setl_id;
    IF NOT FOUND OR NEW.amount_fen <> v.medfee_sumamt - v.psn_cash_pay - v.hosp_part_amt OR NEW.amount_fen - NEW.account_fen <> v.fund_pay_sumamt
       OR NEW.institution <> v.fixmedins_code OR NEW.term <> to_char(v.setl_time, 'YYYYMM')::integer THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'outregion.not_the_record',
            DETAIL = format('结算%s的异地金额、机构或期号与结算记录不符', NEW.setl_id);
    END IF;
    IF NEW.side = 'care' AND (v.insu_admdvs = '' OR fund.region_covers(NEW.region, v.insu_admdvs)
                              OR NOT fund.region_covers(NEW.counterparty, v.insu_admdvs)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'outregion.own_region',
            DETAIL = format('结算%s的参保地%s属本统筹区或不属对方%s，不能作异地就医', NEW.setl_id, v.insu_admdvs, NEW.counterparty);
    END IF;
    IF NEW.side = 'insured' AND NOT (fund.region_covers(NEW.region, v.insu_admdvs) AND fund.region_covers(NEW.counterparty, v.fix_blng_admdvs)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'outregion.side',
            DETAIL = format('结算%s的参保地%s不属本统筹区，或就医地%s不属对方%s', NEW.setl_id, v.insu_admdvs, v.fix_blng_admdvs, NEW.counterparty);
    END IF;
    IF EXISTS (SELECT 1 FROM fund.payable p WHERE p.region = NEW.region AND p.setl_id = NEW.setl_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.own_payable',
            DETAIL = format('结算%s已是本基金应付，不能再作异地就医', NEW.setl_id);
    END IF;
    RETURN NEW;
END $$;

-- open <-> confirmed -> billed, and no way back from billed.
CREATE OR REPLACE FUNCTION fund.check_outregion_state() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('open', 'confirmed'), ('confirmed', 'open'), ('confirmed', 'billed')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.state',
            DETAIL = format('结算%s的清分状态不能由{outregion.state:%s}转为{outregion.state:%s}', NEW.setl_id, OLD.state, NEW.state);
    ELSIF NEW.state = 'billed' AND NEW.confirmed_on IS DISTINCT FROM OLD.confirmed_on THEN     -- billing confirms nothing anew
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = 'fund.outregion_record的内容不得修改或删除';
    END IF;
    RETURN NEW;
END $$;

-- Two persons, in their own names; the receipt is entered by the accountant; what an order pays is not withdrawn.
CREATE OR REPLACE FUNCTION fund.check_outregion_move() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        v_actor := access.require_role(NEW.region, NEW.fund, '{maker,system}');
        IF NEW.state <> 'requested' OR NEW.prepared_by <> v_actor THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义提出';
        END IF;
    ELSIF (OLD.state, NEW.state) IN (('requested', 'approved'), ('requested', 'refused')) THEN
        PERFORM access.require_second(NEW.region, NEW.fund, NEW.prepared_by, NEW.approved_by);
    ELSIF (OLD.state, NEW.state) IN (('approved', 'done'), ('approved', 'cancelled')) AND OLD.approved_by = NEW.approved_by THEN
        v_actor := access.require_role(NEW.region, NEW.fund, '{accountant,system}');
        IF NEW.state = 'done' AND NEW.done_by <> v_actor THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '回单只能以当前用户的名义登记';
        END IF;
        IF OLD.order_no <> '' AND NOT EXISTS (
                SELECT 1 FROM payments.pay_order o JOIN payments.state s ON s.state = o.state
                 WHERE o.region = OLD.region AND o.order_no = OLD.order_no AND s.releases) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.in_order',
                DETAIL = format('%s已在拨付单%s中，不能撤销', OLD.move_id, OLD.order_no);
        END IF;
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided',
            DETAIL = format('%s不能由{region_movement.state:%s}转为{region_movement.state:%s}', NEW.move_id, OLD.state, NEW.state);
    END IF;
    IF NEW.state IN ('requested', 'approved') THEN
        PERFORM fund.check_outregion_room(NEW);
    END IF;
    RETURN NEW;
END $$;

-- A prepayment stays within the dated quota; what is given back of one within what was prepaid; what comes in for a bill
-- within the bill. Counted with everything that is on its way.
CREATE OR REPLACE FUNCTION fund.check_outregion_room(p_move fund.outregion_move) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_most bigint; v_there bigint;
    v_back text := CASE p_move.kind WHEN 'prepaid' THEN 'prepaid_back' WHEN 'prepaid_in' THEN 'prepaid_out' ELSE '' END;
    v_first text := CASE p_move.kind WHEN 'prepaid_back' THEN 'prepaid' WHEN 'prepaid_out' THEN 'prepaid_in' ELSE '' END;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(format('outregion.room %s-%s-%s', p_move.region, p_move.fund, p_move.counterparty), 0));
    SELECT coalesce(sum(m.amount_fen), 0) INTO v_there FROM fund.outregion_move m
     WHERE m.region = p_move.region AND m.fund = p_move.fund AND m.counterparty = p_move.counterparty AND m.kind = p_move.kind
       AND m.move_id <> p_move.move_id AND m.state IN ('requested', 'approved', 'done')
       AND (p_move.kind <> 'received' OR m.document = p_move.document);
    IF v_back <> '' THEN
        SELECT v_there - coalesce(sum(m.amount_fen), 0) INTO v_there FROM fund.outregion_moved m
         WHERE m.region = p_move.region AND m.fund = p_move.fund AND m.counterparty = p_move.counterparty AND m.kind = v_back;
        SELECT q.quota_fen INTO v_most FROM fund.outregion_quota q
         WHERE q.region = p_move.region AND q.fund = p_move.fund AND q.counterparty = p_move.counterparty
           AND q.direction = CASE p_move.kind WHEN 'prepaid' THEN 'paid' ELSE 'received' END
           AND q.from_day <= coalesce(p_move.approved_on, p_move.prepared_on)
         ORDER BY q.from_day DESC LIMIT 1;
        IF v_there + p_move.amount_fen > coalesce(v_most, 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_quota',
                DETAIL = format('与%s的异地预付金额度%s元，已有%s元，不能再加%s元', p_move.counterparty, fund.yuan(coalesce(v_most, 0)), fund.yuan(v_there), fund.yuan(p_move.amount_fen));
        END IF;
    ELSIF v_first <> '' THEN
        SELECT coalesce(sum(m.amount_fen), 0) INTO v_most FROM fund.outregion_moved m
         WHERE m.region = p_move.region AND m.fund = p_move.fund AND m.counterparty = p_move.counterparty AND m.kind = v_first;
        IF v_there + p_move.amount_fen > v_most THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_prepaid',
                DETAIL = format('与%s的异地预付金尚有%s元，不能退%s元', p_move.counterparty, fund.yuan(v_most - v_there), fund.yuan(p_move.amount_fen));
        END IF;
    ELSE
        SELECT b.amount_fen INTO v_most FROM fund.outregion_bill b
         WHERE b.region = p_move.region AND b.fund = p_move.fund AND b.bill_id = p_move.document AND b.side = 'care'
           AND b.counterparty = p_move.counterparty;
        IF v_most IS NULL OR v_there + p_move.amount_fen > v_most THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_bill',
                DETAIL = format('账单%s：%s，不能再收%s元', p_move.document,
                                coalesce(format('尚余%s元', fund.yuan(v_most - v_there)), '没有这张应收账单'), fund.yuan(p_move.amount_fen));
        END IF;
    END IF;
END $$;

-- The account a region is paid into: proposed by a maker, confirmed once by another person.
CREATE OR REPLACE FUNCTION fund.check_outregion_counterparty() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF access.require_role(NEW.region, 0::smallint, '{maker,system}') <> NEW.proposed_by OR NEW.confirmed_by <> '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义提出';
        END IF;
        IF fund.region_covers(NEW.region, NEW.counterparty::text) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'outregion.own_region',
                DETAIL = format('%s属本统筹区%s，不是异地', NEW.counterparty, NEW.region);
        END IF;
        RETURN NEW;
    END IF;
    v_actor := access.require_role(NEW.region, 0::smallint, '{checker}');
    IF OLD.confirmed_by <> '' OR NEW.confirmed_by <> v_actor
       OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核一次', NEW.proposed_by);
    END IF;
    RETURN NEW;
END $$;

-- A bill is in one order at a time, and leaves it only when that order can no longer pay.
CREATE OR REPLACE FUNCTION fund.check_outregion_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE held text;
BEGIN
    SELECT o.state INTO held FROM payments.pay_order o WHERE o.region = OLD.region AND o.order_no = OLD.order_no;
    IF OLD.side <> 'insured' OR OLD.order_no <> '' AND NOT EXISTS (
            SELECT 1 FROM payments.state s WHERE s.state = held AND s.releases) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.in_order', DETAIL = format('账单%s已在拨付单%s中（%s）', OLD.bill_id, OLD.order_no, held);
    END IF;
    RETURN NEW;
END $$;

-- A record is in one order at a time, and leaves it only when that order can no longer pay.
CREATE OR REPLACE FUNCTION fund.check_outregion_claim() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.side <> 'care' OR OLD.order_no <> '' AND (NEW.order_no <> '' OR NOT EXISTS (
            SELECT 1 FROM payments.pay_order o JOIN payments.state s ON s.state = o.state
             WHERE o.region = OLD.region AND o.order_no = OLD.order_no AND s.releases)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.in_order',
            DETAIL = format('结算%s已在拨付单%s中', OLD.setl_id, OLD.order_no);
    END IF;
    RETURN NEW;
END $$;

-- What a record says of its order is what the order says of it, at the end of the transaction that says so.
CREATE OR REPLACE FUNCTION fund.check_outregion_claimed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.order_outregion d
                    WHERE d.region = NEW.region AND d.order_no = NEW.order_no AND d.fund = NEW.fund AND d.setl_id = NEW.setl_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.not_in_order',
            DETAIL = format('结算%s不在拨付单%s中', NEW.setl_id, NEW.order_no);
    END IF;
    RETURN NULL;
END $$;

-- At the approval of a batch: between regions, and for their patients, money leaves only in a batch of its own kind, from
-- its own account, against the bill, the approved movement or the records behind it; nothing else leaves from the 财政专户.
CREATE OR REPLACE FUNCTION fund.check_outregion_batch(p_region integer, p_batch_id text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_batch payments.batch; v record;
BEGIN
    SELECT * INTO v_batch FROM payments.batch k WHERE k.region = p_region AND k.batch_id = p_batch_id;
    SELECT o.order_no, o.account, i.source INTO v
      FROM payments.pay_order o
      JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
     WHERE o.region = p_region AND o.batch_id = p_batch_id
       AND (i.source IN (9502, 110101, 200103) OR i.source = 9103 AND o.institution ~ '^[0-9]{6}$') <> (v_batch.kind = 'outregion') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.kind',
            DETAIL = format('拨付单%s的款项（%s）不属批次种类{kind:%s}', v.order_no, v.source, v_batch.kind);
    END IF;
    SELECT w.order_no, w.account INTO v
      FROM (SELECT o.fund, o.account, k.kind, min(o.order_no) AS order_no
              FROM payments.pay_order o
              CROSS JOIN LATERAL (SELECT CASE WHEN v_batch.kind = 'outregion' AND EXISTS (
                      SELECT 1 FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no
                         AND i.source IN (110101, 200103)) THEN '1003' ELSE '1004' END AS kind) k
             WHERE o.region = p_region AND o.batch_id = p_batch_id GROUP BY o.fund, o.account, k.kind) w
     WHERE NOT EXISTS (SELECT 1 FROM payments.book_account a
                        WHERE a.region = p_region AND a.fund = w.fund AND a.account = w.account AND a.kind = w.kind) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.wrong_account',
            DETAIL = format('拨付单%s不能由账户%s付出：待遇由本账套的支出户付，预付金由财政专户付', v.order_no, v.account);
    END IF;
    IF v_batch.kind <> 'outregion' THEN RETURN; END IF;
    SELECT o.order_no INTO v
      FROM payments.pay_order o
      CROSS JOIN LATERAL (SELECT min(i.source) AS source, count(DISTINCT i.source) AS sources, sum(i.amount_fen) AS fen
                            FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no) i
     WHERE o.region = p_region AND o.batch_id = p_batch_id AND (i.sources <> 1 OR CASE i.source
           WHEN 9103 THEN NOT EXISTS (
               SELECT 1 FROM fund.outregion_bill b WHERE b.region = o.region AND b.order_no = o.order_no AND b.fund = o.fund
                  AND b.side = 'insured' AND b.counterparty::text = o.institution AND b.amount_fen = o.amount_fen)
           WHEN 9502 THEN fund.outregion_items_differ(o.region, o.order_no)
           ELSE NOT EXISTS (
               SELECT 1 FROM fund.outregion_move m WHERE m.region = o.region AND m.order_no = o.order_no AND m.fund = o.fund
                  AND m.state = 'approved' AND m.kind = CASE i.source WHEN 110101 THEN 'prepaid' ELSE 'prepaid_out' END
                  AND m.counterparty::text = o.institution AND m.amount_fen = o.amount_fen) END) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_bill',
            DETAIL = format('拨付单%s没有与其金额相符的异地清算账单、异地结算或已复核的预付金', v.order_no);
    END IF;
    -- What goes to a region goes to its account as two persons agreed on it; a hospital's is looked at when the file sets out.
    SELECT o.order_no INTO v FROM payments.pay_order o
     WHERE o.region = p_region AND o.batch_id = p_batch_id
       AND EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no AND i.source <> 9502)
       AND NOT EXISTS (SELECT 1 FROM fund.outregion_counterparty c
                        WHERE c.region = o.region AND c.counterparty::text = o.institution AND c.confirmed_by <> ''
                          AND (c.payee_name, c.payee_number, c.payee_bank, c.payee_cnaps) = (o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.other_payee',
            DETAIL = format('拨付单%s付往的账户不是两人核定的收款账户', v.order_no);
    END IF;
    -- Given back is at most what of a region's money is still with us (X11).
    SELECT w.party, w.wanted, coalesce(h.fen, 0) AS held INTO v
      FROM (SELECT o.institution AS party, sum(i.amount_fen)::bigint AS wanted
              FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
             WHERE o.region = p_region AND o.batch_id = p_batch_id AND i.source = 200103 GROUP BY 1) w
      LEFT JOIN payments.held_for(p_region, v_batch.fund) h ON h.party = w.party
     WHERE w.wanted > coalesce(h.fen, 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_held',
            DETAIL = format('对方%s在我方的异地就医资金尚余%s元，不能退%s元', v.party, fund.yuan(v.held), fund.yuan(v.wanted));
    END IF;
END $$;

-- Whether an order to a hospital is anything but the sum of the records it holds, per key.
CREATE OR REPLACE FUNCTION fund.outregion_items_differ(p_region integer, p_order_no text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM (
            SELECT i.service_year, i.term, i.category, i.amount_fen AS fen FROM payments.order_item i
             WHERE i.region = p_region AND i.order_no = p_order_no
            UNION ALL
            SELECT r.service_year, r.term, r.counterparty::text, -r.amount_fen
              FROM payments.order_outregion d
              JOIN fund.outregion_record r ON r.region = d.region AND r.fund = d.fund AND r.setl_id = d.setl_id
             WHERE d.region = p_region AND d.order_no = p_order_no) sides
         GROUP BY service_year, term, category HAVING sum(fen) <> 0)
        OR EXISTS (
        SELECT 1 FROM payments.order_outregion d
          JOIN payments.pay_order o ON o.region = d.region AND o.order_no = d.order_no
          LEFT JOIN fund.outregion_record r ON r.region = d.region AND r.fund = d.fund AND r.setl_id = d.setl_id
         WHERE d.region = p_region AND d.order_no = p_order_no AND (r.side, r.order_no, r.amount_fen, r.institution, r.fund)
               IS DISTINCT FROM ('care', d.order_no, d.amount_fen, o.institution, o.fund))
$$;

-- A bill of another region is the message that came; its lines come before it is booked or sent, and never after.
CREATE OR REPLACE FUNCTION fund.check_bill_source() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'outregion_bill' THEN
        IF NEW.side = 'insured' AND NOT EXISTS (
                SELECT 1 FROM fund.outregion_inbox i WHERE i.region = NEW.region AND i.link_id = NEW.bill_id AND i.kind = 'bill'
                   AND (i.fund, i.counterparty, i.amount_fen, i.digest) = (NEW.fund, NEW.counterparty, NEW.amount_fen, NEW.digest)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.no_message',
                DETAIL = format('没有%s发来的账单%s', NEW.counterparty, NEW.bill_id);
        END IF;
    ELSIF EXISTS (SELECT 1 FROM fund.outregion_bill b
                    LEFT JOIN books.source s ON s.region = b.region AND s.fund = b.fund AND s.source_key = 'CLRX:' || b.bill_id
                    LEFT JOIN fund.outregion_outbox x ON x.region = b.region AND x.link_id = b.bill_id
                   WHERE b.region = NEW.region AND b.bill_id = NEW.bill_id AND (s.seq IS NOT NULL OR x.link_id IS NOT NULL)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = format('账单%s已入账或发出，不得增行', NEW.bill_id);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_outregion_record BEFORE INSERT ON fund.outregion_record FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_record();
-- The day and the bill of a clearing move with its state, never by themselves.
CREATE OR REPLACE TRIGGER check_outregion_state BEFORE UPDATE OF state, confirmed_on, bill_id ON fund.outregion_record FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_state();
CREATE OR REPLACE TRIGGER check_outregion_move_new BEFORE INSERT ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_move();
CREATE OR REPLACE TRIGGER check_outregion_move BEFORE UPDATE OF state, approved_by, approved_on, account, receipt_no, booked_on, done_by
    ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_move();
CREATE OR REPLACE TRIGGER one_order BEFORE UPDATE OF order_no ON fund.outregion_move FOR EACH ROW
    WHEN (OLD.order_no <> NEW.order_no) EXECUTE FUNCTION fund.check_one_order();
CREATE OR REPLACE TRIGGER check_outregion_counterparty BEFORE INSERT OR UPDATE ON fund.outregion_counterparty
    FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_counterparty();
CREATE OR REPLACE TRIGGER check_outregion_order BEFORE UPDATE OF order_no ON fund.outregion_bill FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_order();
CREATE OR REPLACE TRIGGER check_outregion_claim BEFORE UPDATE OF order_no ON fund.outregion_record FOR EACH ROW
    WHEN (OLD.order_no IS DISTINCT FROM NEW.order_no) EXECUTE FUNCTION fund.check_outregion_claim();
CREATE CONSTRAINT TRIGGER claimed AFTER UPDATE ON fund.outregion_record DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.order_no <> '' AND OLD.order_no <> NEW.order_no) EXECUTE FUNCTION fund.check_outregion_claimed();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, setl_id, seqno, side, counterparty, institution, service_year, term, category,
    amount_fen, account_fen, recognised_by ON fund.outregion_record FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, move_id, kind, counterparty, amount_fen, document, prepared_by, prepared_on ON fund.outregion_move FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, bill_id, side, counterparty, term, records, amount_fen, made_on, digest
    ON fund.outregion_bill FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, link_id, kind, fund, counterparty, amount_fen, body, digest, made_on
    ON fund.outregion_outbox FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER bill_source BEFORE INSERT ON fund.outregion_bill FOR EACH ROW EXECUTE FUNCTION fund.check_bill_source();
CREATE OR REPLACE TRIGGER bill_source BEFORE INSERT ON fund.outregion_bill_line FOR EACH ROW EXECUTE FUNCTION fund.check_bill_source();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.outregion_bill
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.outregion_bill
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.outregion_bill_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.outregion_counterparty
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.outregion_inbox
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.outregion_inbox
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.outregion_move
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.outregion_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.outregion_outbox
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.outregion_quota
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.outregion_quota
    FOR EACH ROW WHEN ((access.working_login() AND ((new.set_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[]))))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.outregion_record
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.outregion_record
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.outregion_bill TO fundledger_service;
GRANT SELECT ON fund.outregion_bill TO fundledger_auditor;
GRANT UPDATE (order_no) ON fund.outregion_bill TO fundledger_service;
GRANT SELECT, INSERT ON fund.outregion_bill_line TO fundledger_service;
GRANT SELECT ON fund.outregion_bill_line TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.outregion_counterparty TO fundledger_service;
GRANT SELECT ON fund.outregion_counterparty TO fundledger_auditor;
GRANT UPDATE (confirmed_by, confirmed_on) ON fund.outregion_counterparty TO fundledger_service;
GRANT SELECT, INSERT ON fund.outregion_inbox TO fundledger_service;
GRANT SELECT ON fund.outregion_inbox TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.outregion_move TO fundledger_service;
GRANT SELECT ON fund.outregion_move TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (state, approved_by, approved_on, order_no, account, receipt_no, booked_on, done_by) ON fund.outregion_move TO fundledger_service;
GRANT SELECT ON fund.outregion_moved TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.outregion_outbox TO fundledger_service;
GRANT SELECT ON fund.outregion_outbox TO fundledger_auditor;
GRANT UPDATE (state, attempts, last_error, delivered_on) ON fund.outregion_outbox TO fundledger_service;
GRANT SELECT, INSERT ON fund.outregion_quota TO fundledger_service;
GRANT SELECT ON fund.outregion_quota TO fundledger_auditor;
GRANT SELECT ON fund.outregion_record TO fundledger_service;
GRANT INSERT (region, fund, setl_id, side, counterparty, institution, service_year,
    term, category, amount_fen, account_fen, recognised_by, state, confirmed_on, bill_id, order_no) ON fund.outregion_record TO fundledger_service;
GRANT SELECT ON fund.outregion_record TO fundledger_auditor;
GRANT UPDATE (state, confirmed_on, bill_id, order_no) ON fund.outregion_record TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.check_outregion_batch(integer,text) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.check_outregion_room(fund.outregion_move) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.outregion_due(integer,smallint) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.region_covers(integer,text) TO fundledger_service, fundledger_auditor, fundledger_poster;
