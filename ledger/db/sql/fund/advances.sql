-- Advances: prepayments and pre-allocations, and what offsets them.

-- Tables ------------------------------------------------------
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

-- Functions ---------------------------------------------------
-- The one way in which an advance becomes smaller: by what was paid, less what is gone already (under its row's lock).
CREATE OR REPLACE FUNCTION fund.reduce_advance(p_region integer, p_advance_id text, p_offset bigint, p_returned bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.advance;
BEGIN
    SELECT * INTO v FROM fund.advance a WHERE a.region = p_region AND a.advance_id = p_advance_id FOR UPDATE;
    IF NOT FOUND OR v.order_no NOT LIKE 'OPEN:%' AND NOT EXISTS (SELECT 1 FROM payments.pay_order o
                                 WHERE o.region = p_region AND o.order_no = v.order_no AND o.state = 'paid') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.not_paid',
            DETAIL = format('预付款项%s尚未付出，不能抵扣或收回', p_advance_id);
    END IF;
    IF v.offset_fen + v.returned_fen + p_offset + p_returned > v.amount_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.over_paid',
            DETAIL = format('预付款项%s已付%s元，已抵扣%s元、已收回%s元，余额不足再减%s元', p_advance_id, fund.yuan(v.amount_fen),
                            fund.yuan(v.offset_fen), fund.yuan(v.returned_fen), fund.yuan(p_offset + p_returned));
    END IF;
    UPDATE fund.advance SET offset_fen = offset_fen + p_offset, returned_fen = returned_fen + p_returned
     WHERE region = p_region AND advance_id = p_advance_id;
END $$;

CREATE OR REPLACE FUNCTION fund.take_offset() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.reduce_advance(NEW.region, NEW.advance_id, NEW.amount_fen, 0);
    RETURN NEW;
END $$;

-- What was offset or given back already does not come back by the bank as well: 1101 would fall below nothing. The
-- row's lock puts the return and a settlement that is about to offset it one after the other.
CREATE OR REPLACE FUNCTION fund.check_advance_returned() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.advance;
BEGIN
    SELECT * INTO v FROM fund.advance a WHERE a.region = NEW.region AND a.order_no = NEW.order_no FOR UPDATE;
    IF FOUND AND v.offset_fen + v.returned_fen > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.used',
            DETAIL = format('预付款项%s已抵扣%s元、已收回%s元，拨付单%s不能再作退汇', v.advance_id, fund.yuan(v.offset_fen), fund.yuan(v.returned_fen), NEW.order_no);
    END IF;
    RETURN NEW;
END $$;

-- An offset is one the settlement lists, and no more.
CREATE OR REPLACE FUNCTION fund.check_offset() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.advance a WHERE a.region = NEW.region AND a.advance_id = NEW.advance_id
                      AND fund.settles(a.region, a.fund, a.institution, NEW.sheet_id))
       OR EXISTS (SELECT 1 FROM fund.sheet s WHERE s.region = NEW.region AND s.sheet_id = NEW.sheet_id)
          AND NEW.amount_fen > (SELECT coalesce(sum(t.amount_fen), 0) FROM fund.sheet_taking t WHERE t.region = NEW.region
                 AND t.sheet_id = NEW.sheet_id AND t.reference = NEW.advance_id AND t.kind IN ('prepayment', 'preallocation', 'supplier'))
       OR EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = NEW.region AND l.letter_id = NEW.sheet_id)
          AND NEW.amount_fen > (SELECT coalesce(sum(o.amount_fen), 0) FROM fund.letter_offset o WHERE o.region = NEW.region
                 AND o.letter_id = NEW.sheet_id AND o.advance_id = NEW.advance_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'advance.no_settlement',
            DETAIL = format('没有以%s元抵扣预付款项%s的已审批结算%s', fund.yuan(NEW.amount_fen), NEW.advance_id, NEW.sheet_id);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, advance_id, institution, kind, year, term, recovery, amount_fen, quota_fen,
    conditions, document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on
    ON fund.advance FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER take_offset BEFORE INSERT ON fund.advance_offset FOR EACH ROW EXECUTE FUNCTION fund.take_offset();
CREATE OR REPLACE TRIGGER a_settlement BEFORE INSERT ON fund.advance_offset FOR EACH ROW EXECUTE FUNCTION fund.check_offset();
CREATE OR REPLACE TRIGGER order_behind BEFORE UPDATE OF order_no ON fund.advance FOR EACH ROW
    WHEN (NEW.order_no <> OLD.order_no AND NEW.order_no <> '') EXECUTE FUNCTION fund.check_order_behind('advance', 'supplier');
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.advance
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER one_order BEFORE UPDATE OF order_no ON fund.advance
    FOR EACH ROW WHEN ((old.order_no <> new.order_no)) EXECUTE FUNCTION fund.check_one_order();
CREATE OR REPLACE TRIGGER two_persons BEFORE UPDATE OF state, approved_by, approved_on, reason ON fund.advance
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER two_persons_new BEFORE INSERT ON fund.advance
    FOR EACH ROW WHEN (NEW.order_no NOT LIKE 'OPEN:%' AND NEW.advance_id NOT LIKE 'OPEN-%')   -- taken over: fund.check_opened
    EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.advance_offset
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.advance TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON fund.advance TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason, order_no) ON fund.advance TO fundledger_service;
GRANT SELECT, INSERT ON fund.advance_offset TO fundledger_service;
GRANT SELECT ON fund.advance_offset TO fundledger_auditor;
