-- Out of region (accounting.md 3a X1-X11, platform-fields.md 3.4, 6) and the layers of one bill (4.6).
-- One transaction touches one region: what the other region must know leaves by the outbox and comes in by the inbox.

-- Whether a place (6 digits) lies in a pooling region: by province xx0000, by city xxxx00 or xxxx99, else itself.
CREATE FUNCTION fund.region_covers(p_region integer, p_place text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_region % 10000 = 0 THEN left(p_place, 2) = left(p_region::text, 2)
                WHEN p_region % 100 IN (0, 99) THEN left(p_place, 4) = left(p_region::text, 4)
                ELSE p_place = p_region::text END
$$;

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
    move_id       text NOT NULL DEFAULT '',   -- care: the payment to the hospital that covers it
    PRIMARY KEY (region, fund, setl_id),
    FOREIGN KEY (region, counterparty) REFERENCES fund.outregion_counterparty,
    CHECK ((side = 'care') = (recognised_by <> '')),
    CHECK ((state = 'billed') = (bill_id <> '')),
    CHECK ((state = 'open') = (confirmed_on IS NULL))
);
CREATE INDEX outregion_move_records ON fund.outregion_record (region, move_id) WHERE move_id <> '';
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

-- Movements of money that belong to out-of-region business, each proved by the bank's receipt when it is done.
CREATE TABLE fund.outregion_move (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    move_id      text NOT NULL CHECK (move_id ~ '^[0-9A-Za-z-]{6,60}$'),
    kind         text NOT NULL CHECK (kind IN ('hospital', 'received', 'prepaid_in', 'prepaid_out', 'prepaid', 'prepaid_back')),
    counterparty integer NOT NULL,          -- 0 for a hospital, whose records name theirs
    institution  text NOT NULL DEFAULT '',
    term         integer NOT NULL DEFAULT 0,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    document     text NOT NULL CHECK (document <> ''),   -- notice, or the link id of the other side's message
    state        text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused', 'done', 'cancelled')),
    prepared_by  text NOT NULL,
    prepared_on  date NOT NULL,
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    account      text NOT NULL DEFAULT '',
    receipt_no   text NOT NULL DEFAULT '',
    booked_on    date,
    done_by      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, move_id),
    CHECK ((kind = 'hospital') = (institution <> '') AND (kind = 'hospital') = (counterparty = 0)),
    CHECK ((state = 'requested') = (approved_by = '')),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'done') = (receipt_no <> '') AND (state = 'done') = (booked_on IS NOT NULL))
);
CREATE UNIQUE INDEX outregion_receipt ON fund.outregion_move (region, account, receipt_no) WHERE receipt_no <> '';
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
    kind         text NOT NULL CHECK (kind IN ('bill', 'paid', 'prepaid')),
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
    kind         text NOT NULL CHECK (kind IN ('bill', 'paid', 'prepaid')),
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    counterparty integer NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    body         text NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    came_on      date NOT NULL,
    PRIMARY KEY (region, link_id)
);

-- Which payer stands behind a fund_pay_type, per region and date; the packaged national table where a region says nothing.
CREATE TABLE fund.layer_map (
    region    integer NOT NULL REFERENCES fund.region,
    match     text NOT NULL CHECK (match IN ('exact', 'prefix')),
    code      text NOT NULL CHECK (code ~ '^[0-9]{4}([0-9]{2})?$'),
    from_day  date NOT NULL,
    payer     text NOT NULL CHECK (payer IN ('basic_310', 'basic_390', 'large', 'civil', 'assistance', 'commercial',
                                             'other_fund', 'outside', 'account', 'wallet', 'hospital', 'undecided', 'unknown')),
    source    text NOT NULL CHECK (source <> ''),
    set_by    text NOT NULL,
    PRIMARY KEY (region, match, code, from_day),
    CHECK (length(code) = CASE match WHEN 'exact' THEN 6 ELSE 4 END)
);

-- One bill: who pays which part of a record. The parts are the bill, to the fen (the CHECK), and the bill is the record's (trigger).
CREATE TABLE fund.bill_layer (
    region        integer NOT NULL,
    setl_id       text NOT NULL,
    day           date NOT NULL,
    medfee_sumamt bigint NOT NULL,
    basic_310     bigint NOT NULL,
    basic_390     bigint NOT NULL,
    large         bigint NOT NULL,     -- 大额、大病
    civil         bigint NOT NULL,     -- 公务员补助
    assistance    bigint NOT NULL,     -- 医疗救助
    commercial    bigint NOT NULL,     -- 商业保险、企业补充
    other_fund    bigint NOT NULL,
    outside       bigint NOT NULL,     -- 异地平台返回
    account       bigint NOT NULL,     -- 个人账户（本人）
    mutual_aid    bigint NOT NULL,     -- 家庭共济
    wallet        bigint NOT NULL,     -- 医保钱包
    cash          bigint NOT NULL,
    hospital      bigint NOT NULL,     -- 医院负担
    map_digest    bytea NOT NULL CHECK (length(map_digest) = 32),   -- SHA-256 of the row-to-payer text it was split by
    PRIMARY KEY (region, setl_id),
    CONSTRAINT parts_equal_bill CHECK (basic_310 + basic_390 + large + civil + assistance + commercial + other_fund + outside
        + account + mutual_aid + wallet + cash + hospital = medfee_sumamt)
);
CREATE INDEX bill_layer_day ON fund.bill_layer (region, day);

CREATE FUNCTION fund.check_bill_layer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.record;
BEGIN
    SELECT * INTO v FROM fund.record r WHERE r.region = NEW.region AND r.setl_id = NEW.setl_id;
    IF NOT FOUND OR (v.medfee_sumamt, v.setl_time::date, v.psn_cash_pay, v.hosp_part_amt)
                    IS DISTINCT FROM (NEW.medfee_sumamt, NEW.day, NEW.cash, NEW.hospital) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'layers.not_the_record',
            DETAIL = format('结算%s的分担与结算记录的总额、日期、现金或医院负担不符', NEW.setl_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_bill_layer BEFORE INSERT ON fund.bill_layer FOR EACH ROW EXECUTE FUNCTION fund.check_bill_layer();

-- A record's side, counterparty and amount are what the record says; a patient of our own is nobody else's.
CREATE FUNCTION fund.check_outregion_record() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER check_outregion_record BEFORE INSERT ON fund.outregion_record FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_record();

-- open <-> confirmed -> billed, and no way back from billed.
CREATE FUNCTION fund.check_outregion_state() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('open', 'confirmed'), ('confirmed', 'open'), ('confirmed', 'billed')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.state',
            DETAIL = format('结算%s的清分状态不能由%s转为%s', NEW.setl_id, OLD.state, NEW.state);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_outregion_state BEFORE UPDATE OF state ON fund.outregion_record FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_state();

-- Two persons, in their own names; the receipt is entered by the accountant; prepayments stay within the dated quota.
CREATE FUNCTION fund.check_outregion_move() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text; v_quota bigint; v_there bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        v_actor := access.require_role(NEW.region, NEW.fund, '{maker,system}');
        IF NEW.state <> 'requested' OR NEW.prepared_by <> v_actor THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义提出';
        END IF;
    ELSIF (OLD.state, NEW.state) IN (('requested', 'approved'), ('requested', 'refused')) THEN
        v_actor := access.require_role(NEW.region, NEW.fund, '{checker}');
        IF NEW.approved_by <> v_actor OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.prepared_by) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
                DETAIL = format('由%s提出，须由另一人以本人名义复核', NEW.prepared_by);
        END IF;
    ELSIF (OLD.state, NEW.state) IN (('approved', 'done'), ('approved', 'cancelled')) AND OLD.approved_by = NEW.approved_by THEN
        v_actor := access.require_role(NEW.region, NEW.fund, '{accountant,system}');
        IF NEW.state = 'done' AND NEW.done_by <> v_actor THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '回单只能以当前用户的名义登记';
        END IF;
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided',
            DETAIL = format('%s不能由%s转为%s', NEW.move_id, OLD.state, NEW.state);
    END IF;
    IF NEW.kind IN ('prepaid', 'prepaid_in') AND NEW.state IN ('requested', 'approved') THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(format('outregion.prepaid %s-%s-%s', NEW.region, NEW.fund, NEW.counterparty), 0));
        SELECT q.quota_fen INTO v_quota FROM fund.outregion_quota q
         WHERE q.region = NEW.region AND q.fund = NEW.fund AND q.counterparty = NEW.counterparty
           AND q.direction = CASE NEW.kind WHEN 'prepaid' THEN 'paid' ELSE 'received' END
           AND q.from_day <= coalesce(NEW.approved_on, NEW.prepared_on)
         ORDER BY q.from_day DESC LIMIT 1;
        SELECT coalesce(sum(CASE WHEN m.kind = NEW.kind THEN m.amount_fen WHEN m.state = 'done' THEN -m.amount_fen END), 0)
          INTO v_there FROM fund.outregion_move m
         WHERE m.region = NEW.region AND m.fund = NEW.fund AND m.counterparty = NEW.counterparty AND m.move_id <> NEW.move_id
           AND m.kind IN (NEW.kind, CASE NEW.kind WHEN 'prepaid' THEN 'prepaid_back' ELSE 'prepaid_out' END)
           AND m.state IN ('requested', 'approved', 'done');
        IF v_there + NEW.amount_fen > coalesce(v_quota, 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_quota',
                DETAIL = format('与%s的异地预付金额度%s分，已有%s分，不能再加%s分', NEW.counterparty, coalesce(v_quota, 0), v_there, NEW.amount_fen);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_outregion_move_new BEFORE INSERT ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_move();
CREATE TRIGGER check_outregion_move BEFORE UPDATE ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_move();

-- The account a region is paid into: proposed by a maker, confirmed once by another person.
CREATE FUNCTION fund.check_outregion_counterparty() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER check_outregion_counterparty BEFORE INSERT OR UPDATE ON fund.outregion_counterparty
    FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_counterparty();

-- A bill is in one order at a time, and leaves it only when that order can no longer pay.
CREATE FUNCTION fund.check_outregion_order() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER check_outregion_order BEFORE UPDATE OF order_no ON fund.outregion_bill FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_order();

-- A record is paid by one movement; it leaves it only when that one will not pay.
CREATE FUNCTION fund.check_outregion_claim() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.side <> 'care' OR OLD.move_id <> '' AND (NEW.move_id <> '' OR NOT EXISTS (
            SELECT 1 FROM fund.outregion_move m WHERE m.region = OLD.region AND m.move_id = OLD.move_id AND m.state IN ('refused', 'cancelled'))) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.paid_already',
            DETAIL = format('结算%s已在付款%s中', OLD.setl_id, OLD.move_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_outregion_claim BEFORE UPDATE OF move_id ON fund.outregion_record FOR EACH ROW
    WHEN (OLD.move_id IS DISTINCT FROM NEW.move_id) EXECUTE FUNCTION fund.check_outregion_claim();

-- A hospital's payment is the sum of the records it covers.
CREATE FUNCTION fund.check_outregion_sum() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.amount_fen IS DISTINCT FROM (SELECT sum(r.amount_fen) FROM fund.outregion_record r
                                         WHERE r.region = NEW.region AND r.move_id = NEW.move_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.sum', DETAIL = format('付款%s的金额不等于所付结算之和', NEW.move_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_outregion_sum BEFORE UPDATE OF state ON fund.outregion_move FOR EACH ROW
    WHEN (NEW.kind = 'hospital' AND NEW.state IN ('approved', 'done')) EXECUTE FUNCTION fund.check_outregion_sum();

-- Money leaves for another region only against its bill, of that amount.
CREATE FUNCTION fund.check_outregion_behind() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.outregion_bill b WHERE b.region = NEW.region AND b.order_no = NEW.order_no
                      AND b.fund = NEW.fund AND b.counterparty::text = NEW.institution AND b.amount_fen = NEW.amount_fen) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_bill',
            DETAIL = format('拨付单%s没有与其金额相符的异地清算账单', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_outregion_behind BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved' AND NEW.institution ~ '^[0-9]{6}$') EXECUTE FUNCTION fund.check_outregion_behind();

CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, setl_id, seqno, side, counterparty, institution, service_year, term, category,
    amount_fen, account_fen, recognised_by ON fund.outregion_record FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, move_id, kind, counterparty, institution, term, amount_fen, document, prepared_by,
    prepared_on ON fund.outregion_move FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, bill_id, side, counterparty, term, records, amount_fen, made_on, digest
    ON fund.outregion_bill FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, link_id, kind, fund, counterparty, amount_fen, body, digest, made_on
    ON fund.outregion_outbox FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['outregion_quota', 'outregion_bill_line', 'outregion_inbox', 'layer_map', 'bill_layer'] LOOP
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.%I FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['outregion_counterparty', 'outregion_record', 'outregion_move', 'outregion_bill', 'outregion_outbox'] LOOP
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.%I FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
END $$;

GRANT SELECT ON fund.outregion_counterparty, fund.outregion_record, fund.outregion_quota, fund.outregion_move, fund.outregion_bill,
    fund.outregion_bill_line, fund.outregion_outbox, fund.outregion_inbox, fund.layer_map, fund.bill_layer
    TO fundledger_service, fundledger_auditor;
GRANT INSERT ON fund.outregion_counterparty, fund.outregion_record, fund.outregion_quota, fund.outregion_move, fund.outregion_bill,
    fund.outregion_bill_line, fund.outregion_outbox, fund.outregion_inbox, fund.layer_map, fund.bill_layer TO fundledger_service;
GRANT UPDATE (confirmed_by) ON fund.outregion_counterparty TO fundledger_service;
GRANT UPDATE (state, confirmed_on, bill_id, move_id) ON fund.outregion_record TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, account, receipt_no, booked_on, done_by) ON fund.outregion_move TO fundledger_service;
GRANT UPDATE (order_no) ON fund.outregion_bill TO fundledger_service;
GRANT UPDATE (state, attempts, last_error, delivered_on) ON fund.outregion_outbox TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.region_covers TO fundledger_service, fundledger_auditor, fundledger_poster;
