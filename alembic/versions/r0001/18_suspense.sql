-- Bank papers nobody could match 挂账回单: what one is, one person says and another confirms. Nothing leaves suspense otherwise,
-- and what is said here pays nothing by itself: an order is paid, money granted, a fee booked by the rules they always have.

-- order: the payment or return of an order (reference: its number). request: money of a fund request (its id).
-- interest, fee, fee_back: the bank's own doing; reference is the move of the own account that books it.
-- to_return: not ours, or not of this account: stays open until the bank's opposite paper. counter: that opposite paper
-- (reference: kind:receipt_no of the paper it undoes); both are explained then, nothing is booked.
CREATE TABLE payments.resolution (
    region        integer NOT NULL,
    fund          smallint NOT NULL CHECK (fund IN (310, 390)),
    resolution_id text NOT NULL CHECK (resolution_id ~ '^SUS-[0-9a-f]{20}$'),
    account       text NOT NULL,
    kind          text NOT NULL,
    receipt_no    text NOT NULL,
    digest        bytea NOT NULL CHECK (length(digest) = 32),   -- the paper's, as it was looked at
    what          text NOT NULL CHECK (what IN ('order', 'request', 'interest', 'fee', 'fee_back', 'to_return', 'counter')),
    reference     text NOT NULL CHECK (reference <> '' OR what = 'to_return'),
    document      text NOT NULL CHECK (document <> ''),         -- inquiry, letter or note it rests on
    state         text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by   text NOT NULL,
    prepared_on   date NOT NULL,
    approved_by   text NOT NULL DEFAULT '',
    approved_on   date,
    reason        text NOT NULL DEFAULT '',
    PRIMARY KEY (region, resolution_id),
    FOREIGN KEY (region, account, kind, receipt_no) REFERENCES payments.evidence,
    CHECK ((state = 'requested') = (approved_by = '') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'refused') = (reason <> ''))
);
-- One proposal at a time for a paper; to_return may be followed by what it turned out to be.
CREATE UNIQUE INDEX one_resolution ON payments.resolution (region, account, kind, receipt_no)
    WHERE state = 'requested' OR state = 'approved' AND what <> 'to_return';
-- A request, a move of an own account or a paper is the explanation of one paper.
CREATE UNIQUE INDEX resolution_reference ON payments.resolution (region, what, account, reference)
    WHERE what IN ('request', 'interest', 'fee', 'fee_back', 'counter') AND state <> 'refused';

CREATE FUNCTION payments.check_resolution() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text;
    paper  payments.evidence;
BEGIN
    SELECT * INTO paper FROM payments.evidence v
     WHERE v.region = NEW.region AND v.account = NEW.account AND v.kind = NEW.kind AND v.receipt_no = NEW.receipt_no;
    IF TG_OP = 'INSERT' THEN
        acting := access.require_role(NEW.region, NEW.fund, '{accountant}');
        IF NEW.state <> 'requested' OR NEW.prepared_by <> acting THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义提出，状态为已提出';
        END IF;
        IF paper.outcome IS DISTINCT FROM 'suspense' OR paper.digest <> NEW.digest THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.not_open',
                DETAIL = format('回单%s:%s不在挂账中，或内容不同', NEW.kind, NEW.receipt_no);
        END IF;
        IF NOT NEW.fund = ANY (payments.account_funds(NEW.region, NEW.account)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.other_book',
                DETAIL = format('账户%s不是账套%s-%s的账户', NEW.account, NEW.region, NEW.fund);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'requested' OR NEW.state NOT IN ('approved', 'refused') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('已由%s办理，不能再改', OLD.approved_by);
    END IF;
    PERFORM access.require_second(NEW.region, NEW.fund, NEW.prepared_by, NEW.approved_by);
    IF NEW.state = 'approved' AND paper.outcome IS DISTINCT FROM 'suspense' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.not_open', DETAIL = format('回单%s:%s已不在挂账中', NEW.kind, NEW.receipt_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_resolution BEFORE INSERT OR UPDATE ON payments.resolution FOR EACH ROW EXECUTE FUNCTION payments.check_resolution();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.resolution FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, resolution_id, account, kind, receipt_no, digest, what, reference, document,
    prepared_by, prepared_on ON payments.resolution FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Whether a paper in suspense has been explained: by two persons here, by a signed movement with its receipt number, or
-- because the other paper of the same movement posted. What came for an order not yet sent the program looks at again itself.
CREATE FUNCTION payments.explained(v payments.evidence, p_outcome text, p_order text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.outcome_code = 'order_not_sent' AND (p_outcome = 'posted' OR EXISTS (
               SELECT 1 FROM payments.evidence o WHERE o.region = v.region AND o.account = v.account AND o.direction = v.direction
                  AND o.bank_reference = v.bank_reference AND o.bank_reference <> '' AND o.outcome = 'posted' AND o.matched_order = p_order))
        OR EXISTS (
           SELECT 1 FROM payments.resolution r
            WHERE r.region = v.region AND r.account = v.account AND r.kind = v.kind AND r.receipt_no = v.receipt_no AND r.state = 'approved'
              AND CASE r.what
                  WHEN 'order' THEN r.reference = p_order
                  WHEN 'request' THEN p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM fund.fund_request q WHERE q.region = v.region AND q.request_id = r.reference AND q.state = 'granted'
                          AND (q.granted_fen, q.account, v.direction) = (v.amount_fen, v.account, 'credit'))
                  WHEN 'counter' THEN p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM payments.evidence o WHERE o.region = v.region AND o.account = v.account
                          AND o.kind || ':' || o.receipt_no = r.reference AND o.amount_fen = v.amount_fen AND o.direction <> v.direction)
                  WHEN 'to_return' THEN false
                  ELSE p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM fund.cash_move m WHERE m.region = v.region AND m.move_id = r.reference AND m.state = 'approved'
                          AND (m.account, m.amount_fen, m.booked_on) = (v.account, v.amount_fen, v.booking_date)) END)
        OR p_outcome = 'confirmed' AND EXISTS (      -- undone by another paper
           SELECT 1 FROM payments.resolution r
            WHERE r.region = v.region AND r.account = v.account AND r.what = 'counter' AND r.state = 'approved'
              AND r.reference = v.kind || ':' || v.receipt_no)
        OR p_outcome = 'confirmed' AND EXISTS (
           SELECT 1 FROM fund.cash_move m
            WHERE m.region = v.region AND m.account = v.account AND m.receipt_no = v.receipt_no AND m.amount_fen = v.amount_fen
              AND m.booked_on = v.booking_date AND m.state = 'approved')
        OR p_outcome = 'confirmed' AND EXISTS (
           SELECT 1 FROM fund.outregion_move m
            WHERE m.region = v.region AND m.account = v.account AND m.receipt_no = v.receipt_no AND m.amount_fen = v.amount_fen
              AND m.booked_on = v.booking_date AND m.state = 'done')
        OR p_outcome = 'confirmed' AND v.bank_reference <> '' AND EXISTS (   -- another paper of the same movement is explained
           SELECT 1 FROM payments.evidence o
            WHERE o.region = v.region AND o.account = v.account AND (o.kind, o.receipt_no) <> (v.kind, v.receipt_no)
              AND o.outcome IN ('confirmed', 'posted') AND o.matched_order = p_order
              AND (o.direction, o.bank_reference, o.amount_fen, o.booking_date) = (v.direction, v.bank_reference, v.amount_fen, v.booking_date))
$$;

-- A movement is booked with a paper nobody has explained yet: its other paper was booked, and this is no second one.
CREATE FUNCTION fund.check_move_paper() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM payments.evidence v WHERE v.region = NEW.region AND v.account = NEW.account AND v.receipt_no = NEW.receipt_no
                  AND v.outcome <> 'suspense') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cash.paper_differs',
            DETAIL = format('回单%s已用于其他款项，或与另一回单同为一笔已入账的收支', NEW.receipt_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER move_paper BEFORE UPDATE OF state ON fund.cash_move FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state <> 'approved' AND NEW.kind <> 'interest_split') EXECUTE FUNCTION fund.check_move_paper();

-- Papers are kept and decided by who keeps books; out of suspense they come by an explanation only.
CREATE FUNCTION payments.check_evidence() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A checker brings in papers of a file handed in by another and confirmed by him, no other.
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT 1 FROM payments.handed_file h
            WHERE h.region = NEW.region AND h.sha256 = NEW.file_sha256 AND h.state = 'approved' AND h.approved_by = access.user_name()) THEN
        PERFORM access.require_role(NEW.region, 0::smallint, '{accountant,system,checker}');
    ELSE
        PERFORM access.require_role(NEW.region, 0::smallint, '{accountant,system}');
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.outcome = 'suspense' AND NEW.outcome NOT IN ('suspense', 'waiting')
       AND NOT payments.explained(OLD, NEW.outcome, NEW.matched_order) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.unexplained',
            DETAIL = format('挂账回单%s:%s没有经两人查明，不能转为%s', OLD.kind, OLD.receipt_no, NEW.outcome);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_evidence BEFORE INSERT OR UPDATE ON payments.evidence FOR EACH ROW EXECUTE FUNCTION payments.check_evidence();

GRANT INSERT ON payments.resolution TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason) ON payments.resolution TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.explained TO fundledger_service, fundledger_auditor;
