-- Money an institution pays back, by its kind and one door.

-- Tables ------------------------------------------------------
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
    state       text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused', 'reversed')),
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

CREATE UNIQUE INDEX refund_receipt ON fund.refund (region, account, receipt_no) WHERE state NOT IN ('refused', 'reversed');

CREATE UNIQUE INDEX refund_document ON fund.refund (region, fund, institution, kind, document) WHERE state NOT IN ('refused', 'reversed');

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

-- Functions ---------------------------------------------------
CREATE OR REPLACE FUNCTION fund.take_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.reduce_advance(NEW.region, NEW.advance_id, 0, NEW.amount_fen);
    RETURN NEW;
END $$;

-- The door of a refund: this book's own fiscal special account, nothing else (accounting.md 3d).
CREATE OR REPLACE FUNCTION fund.check_door() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.book_account a
                    WHERE a.region = NEW.region AND a.fund = NEW.fund AND a.account = NEW.account AND a.kind = '1003') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'refund.wrong_door',
            DETAIL = format('账户%s不是本账套的财政专户：机构退款、追回款须缴入财政专户，支出户只收原渠道退回', NEW.account);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fund.check_refund_sum() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT coalesce(sum(l.amount_fen), 0) FROM fund.refund_line l WHERE l.region = NEW.region AND l.refund_id = NEW.refund_id)
       <> (CASE WHEN NEW.kind IN ('prepaid', 'penalty') THEN 0 ELSE NEW.amount_fen END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'refund.lines', DETAIL = format('退款%s的明细之和不等于退款金额', NEW.refund_id);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, refund_id, institution, kind, ordered_by, account, received_on, amount_fen,
    document, receipt_no, advance_id, prepared_by, prepared_on ON fund.refund
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER take_back BEFORE UPDATE OF state ON fund.refund FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state = 'requested' AND NEW.advance_id <> '') EXECUTE FUNCTION fund.take_back();
CREATE OR REPLACE TRIGGER check_door BEFORE INSERT ON fund.refund FOR EACH ROW EXECUTE FUNCTION fund.check_door();
CREATE OR REPLACE TRIGGER with_its_request BEFORE INSERT ON fund.refund_line FOR EACH ROW EXECUTE FUNCTION fund.check_request_line();
CREATE OR REPLACE TRIGGER sum_of_lines BEFORE UPDATE OF state ON fund.refund FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state <> 'approved') EXECUTE FUNCTION fund.check_refund_sum();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.refund
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER two_persons BEFORE UPDATE OF state, approved_by, approved_on, reason ON fund.refund
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER two_persons_new BEFORE INSERT ON fund.refund
    FOR EACH ROW EXECUTE FUNCTION fund.check_two_persons();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.refund_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.refund TO fundledger_service;
GRANT SELECT ON fund.refund TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (state, approved_by, approved_on, reason) ON fund.refund TO fundledger_service;
GRANT SELECT, INSERT ON fund.refund_line TO fundledger_service;
GRANT SELECT ON fund.refund_line TO fundledger_auditor;
