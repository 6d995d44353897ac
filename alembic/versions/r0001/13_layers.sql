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

ALTER TABLE payments.order_outregion ADD FOREIGN KEY (region, fund, setl_id) REFERENCES fund.outregion_record;

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

-- The movements whose money has moved: in by a receipt, out by a paid order.
CREATE VIEW fund.outregion_moved WITH (security_invoker = true) AS
SELECT m.region, m.fund, m.move_id, m.kind, m.counterparty, m.amount_fen, m.document, m.order_no, m.receipt_no
  FROM fund.outregion_move m
  LEFT JOIN payments.pay_order o ON o.region = m.region AND o.order_no = m.order_no AND m.order_no <> ''
 WHERE m.state = 'done' OR o.state = 'paid';

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

-- One bill: who pays which part of a record that has more than plain payers. The parts are the bill, to the fen (the CHECK),
-- and the bill is the record's (trigger).
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

-- The owner asks, here and below: row security would be judged anew for every one of these questions, at ten times their price.
CREATE FUNCTION fund.check_bill_layer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE v_wrong text;
BEGIN
    -- LATERAL and OFFSET: each split finds its record by key. As a plain join the planner, which knows nothing of the size of
    -- a day's tables, reads all records for every few hundred splits.
    SELECT min(l.setl_id) INTO v_wrong FROM added l LEFT JOIN LATERAL
           (SELECT * FROM fund.record k WHERE k.region = l.region AND k.setl_id = l.setl_id OFFSET 0) r ON true
     WHERE (r.medfee_sumamt, r.setl_time::date, r.psn_cash_pay, r.hosp_part_amt, r.acct_mulaid_pay, r.fund_pay_sumamt)
           IS DISTINCT FROM (l.medfee_sumamt, l.day, l.cash, l.hospital, l.mutual_aid, l.basic_310 + l.basic_390 + l.large
               + l.civil + l.assistance + l.commercial + l.other_fund + l.outside);
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'layers.not_the_record',
            DETAIL = format('结算%s的分担与结算记录的总额、日期、基金、共济、现金或医院负担不符', v_wrong);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_bill_layer AFTER INSERT ON fund.bill_layer REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_bill_layer();

-- A record that somebody else than its basic fund, the account, the person and the hospital pays for is not stored without
-- its split: asked at COMMIT, and only of such records, because a row trigger on every record would cost intake its speed.
CREATE FUNCTION fund.require_layers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.bill_layer l WHERE l.region = NEW.region AND l.setl_id = NEW.setl_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'layers.missing',
            DETAIL = format('结算%s有其他承担方，须同时保存各方分担', NEW.setl_id);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER require_layers AFTER INSERT ON fund.record DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.fund_pay_sumamt <> NEW.hifp_pay OR NEW.acct_mulaid_pay <> 0
          OR NEW.psn_part_amt <> NEW.acct_pay + NEW.psn_cash_pay OR NEW.insutype NOT IN ('310', '390'))
    EXECUTE FUNCTION fund.require_layers();

-- Every record with its parts: as split where somebody else pays too, else what its columns say.
CREATE VIEW fund.bill_share WITH (security_invoker = true) AS
SELECT r.region, r.setl_id, r.setl_time::date AS day, r.medfee_sumamt,
       coalesce(l.basic_310, CASE r.insutype WHEN '310' THEN r.hifp_pay ELSE 0 END) AS basic_310,
       coalesce(l.basic_390, CASE r.insutype WHEN '390' THEN r.hifp_pay ELSE 0 END) AS basic_390,
       coalesce(l.large, 0) AS large, coalesce(l.civil, 0) AS civil, coalesce(l.assistance, 0) AS assistance,
       coalesce(l.commercial, 0) AS commercial, coalesce(l.other_fund, 0) AS other_fund, coalesce(l.outside, 0) AS outside,
       coalesce(l.account, r.acct_pay) AS account, coalesce(l.mutual_aid, 0) AS mutual_aid, coalesce(l.wallet, 0) AS wallet,
       r.psn_cash_pay AS cash, r.hosp_part_amt AS hospital
  FROM fund.record r LEFT JOIN fund.bill_layer l ON l.region = r.region AND l.setl_id = r.setl_id;

-- A map never reaches back over records taken in: their split is kept, and must be what the map of their day says.
CREATE FUNCTION fund.check_layer_map() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_last date;
BEGIN
    SELECT max(r.setl_time)::date INTO v_last FROM fund.record r
     WHERE r.region = NEW.region AND r.setl_time >= NEW.from_day AND r.details ~ ('(^|;)' || NEW.code);
    IF v_last IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'layers.already_split',
            DETAIL = format('已接收到%s为止含%s的结算记录，对照最早自%s起', v_last, NEW.code, v_last + 1);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_layer_map BEFORE INSERT ON fund.layer_map FOR EACH ROW EXECUTE FUNCTION fund.check_layer_map();

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

-- Two persons, in their own names; the receipt is entered by the accountant; what an order pays is not withdrawn.
CREATE FUNCTION fund.check_outregion_move() RETURNS trigger LANGUAGE plpgsql
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
            DETAIL = format('%s不能由%s转为%s', NEW.move_id, OLD.state, NEW.state);
    END IF;
    IF NEW.state IN ('requested', 'approved') THEN
        PERFORM fund.check_outregion_room(NEW);
    END IF;
    RETURN NEW;
END $$;

-- A prepayment stays within the dated quota; what is given back of one within what was prepaid; what comes in for a bill
-- within the bill. Counted with everything that is on its way.
CREATE FUNCTION fund.check_outregion_room(p_move fund.outregion_move) RETURNS void LANGUAGE plpgsql
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
                DETAIL = format('与%s的异地预付金额度%s分，已有%s分，不能再加%s分', p_move.counterparty, coalesce(v_most, 0), v_there, p_move.amount_fen);
        END IF;
    ELSIF v_first <> '' THEN
        SELECT coalesce(sum(m.amount_fen), 0) INTO v_most FROM fund.outregion_moved m
         WHERE m.region = p_move.region AND m.fund = p_move.fund AND m.counterparty = p_move.counterparty AND m.kind = v_first;
        IF v_there + p_move.amount_fen > v_most THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_prepaid',
                DETAIL = format('与%s的异地预付金尚有%s分，不能退%s分', p_move.counterparty, v_most - v_there, p_move.amount_fen);
        END IF;
    ELSE
        SELECT b.amount_fen INTO v_most FROM fund.outregion_bill b
         WHERE b.region = p_move.region AND b.fund = p_move.fund AND b.bill_id = p_move.document AND b.side = 'care'
           AND b.counterparty = p_move.counterparty;
        IF v_most IS NULL OR v_there + p_move.amount_fen > v_most THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_bill',
                DETAIL = format('账单%s：%s，不能再收%s分', p_move.document,
                                coalesce(format('尚余%s分', v_most - v_there), '没有这张应收账单'), p_move.amount_fen);
        END IF;
    END IF;
END $$;
CREATE TRIGGER check_outregion_move_new BEFORE INSERT ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_move();
CREATE TRIGGER check_outregion_move BEFORE UPDATE OF state, approved_by, approved_on, account, receipt_no, booked_on, done_by
    ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION fund.check_outregion_move();
CREATE TRIGGER one_order BEFORE UPDATE OF order_no ON fund.outregion_move FOR EACH ROW
    WHEN (OLD.order_no <> NEW.order_no) EXECUTE FUNCTION fund.check_one_order();

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

-- A record is in one order at a time, and leaves it only when that order can no longer pay.
CREATE FUNCTION fund.check_outregion_claim() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER check_outregion_claim BEFORE UPDATE OF order_no ON fund.outregion_record FOR EACH ROW
    WHEN (OLD.order_no IS DISTINCT FROM NEW.order_no) EXECUTE FUNCTION fund.check_outregion_claim();

-- At the approval of a batch: between regions, and for their patients, money leaves only in a batch of its own kind, from
-- its own account, against the bill, the approved movement or the records behind it; nothing else leaves from the 财政专户.
CREATE FUNCTION fund.check_outregion_batch(p_region integer, p_batch_id text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
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
            DETAIL = format('拨付单%s的款项（%s）不属批次种类%s', v.order_no, v.source, v_batch.kind);
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
    -- Given back is at most what of a region's money is still with us (X11).
    SELECT w.party, w.wanted, coalesce(h.fen, 0) AS held INTO v
      FROM (SELECT o.institution AS party, sum(i.amount_fen)::bigint AS wanted
              FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
             WHERE o.region = p_region AND o.batch_id = p_batch_id AND i.source = 200103 GROUP BY 1) w
      LEFT JOIN payments.held_for(p_region, v_batch.fund) h ON h.party = w.party
     WHERE w.wanted > coalesce(h.fen, 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'outregion.over_held',
            DETAIL = format('对方%s在我方的异地就医资金尚余%s分，不能退%s分', v.party, v.held, v.wanted);
    END IF;
END $$;

-- Whether an order to a hospital is anything but the sum of the records it holds, per key.
CREATE FUNCTION fund.outregion_items_differ(p_region integer, p_order_no text) RETURNS boolean LANGUAGE sql STABLE
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

CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, setl_id, seqno, side, counterparty, institution, service_year, term, category,
    amount_fen, account_fen, recognised_by ON fund.outregion_record FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, move_id, kind, counterparty, amount_fen, document, prepared_by, prepared_on ON fund.outregion_move FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
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
    fund.outregion_bill_line, fund.outregion_outbox, fund.outregion_inbox, fund.layer_map, fund.bill_layer, fund.bill_share
    TO fundledger_service, fundledger_auditor;
GRANT INSERT ON fund.outregion_counterparty, fund.outregion_record, fund.outregion_quota, fund.outregion_move, fund.outregion_bill,
    fund.outregion_bill_line, fund.outregion_outbox, fund.outregion_inbox, fund.layer_map, fund.bill_layer TO fundledger_service;
GRANT UPDATE (confirmed_by) ON fund.outregion_counterparty TO fundledger_service;
GRANT UPDATE (state, confirmed_on, bill_id, order_no) ON fund.outregion_record TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, order_no, account, receipt_no, booked_on, done_by) ON fund.outregion_move TO fundledger_service;
GRANT UPDATE (order_no) ON fund.outregion_bill TO fundledger_service;
GRANT UPDATE (state, attempts, last_error, delivered_on) ON fund.outregion_outbox TO fundledger_service;
GRANT SELECT ON fund.outregion_moved TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.check_outregion_room TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.region_covers TO fundledger_service, fundledger_auditor, fundledger_poster;
