-- A home older than what it did (restored from a backup): frozen for payments until two persons reconciled it with the bank.

-- Tables ------------------------------------------------------
-- Signs that a region's database is older than what was done: anchors it does not hold, papers of the bank about orders or
-- files of ours it never made, a name of ours at the bank with other bytes. Nothing is paid until two persons have lifted it.
CREATE TABLE payments.freezing (
    region      integer NOT NULL REFERENCES fund.region,
    n           integer NOT NULL CHECK (n > 0),
    code        text NOT NULL CHECK (code IN ('anchor_newer', 'receipt_unknown_order', 'status_unknown_file', 'file_name_taken')),
    detail      text NOT NULL CHECK (detail <> ''),
    anchors     jsonb NOT NULL,               -- of anchor_newer: the ends of chains that are not there, given up when it is lifted
    found_by    text NOT NULL,
    found_on    date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text NOT NULL DEFAULT 'standing' CHECK (state IN ('standing', 'proposed', 'lifted')),
    document    text NOT NULL DEFAULT '',     -- of the proposal: the statement or letter of the bank it was reconciled with
    proposed_by text NOT NULL DEFAULT '',
    proposed_on date,
    lifted_by   text NOT NULL DEFAULT '',
    lifted_on   date,
    refusal     text NOT NULL DEFAULT '',     -- why the last proposal was sent back
    PRIMARY KEY (region, n),
    CHECK ((state = 'standing') = (proposed_by = '') AND (proposed_by = '') = (document = '') AND (proposed_by = '') = (proposed_on IS NULL)),
    CHECK ((state = 'lifted') = (lifted_by <> '') AND (lifted_by = '') = (lifted_on IS NULL)),
    CHECK (lifted_by = '' OR lifted_by <> proposed_by)
);

CREATE UNIQUE INDEX one_freeze ON payments.freezing (region, code) WHERE state = 'standing';

-- Functions ---------------------------------------------------
-- The word of the first sign that is not lifted; '' where the region may pay.
CREATE OR REPLACE FUNCTION payments.frozen(p_region integer) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT f.detail FROM payments.freezing f WHERE f.region = p_region AND f.state <> 'lifted' ORDER BY f.n LIMIT 1), '')
$$;

CREATE OR REPLACE FUNCTION payments.require_thawed(p_region integer) RETURNS void LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_why text := payments.frozen(p_region);
BEGIN
    IF v_why <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payments.frozen',
            DETAIL = format('统筹区%s的支付已冻结：%s。须由会计与银行核对后提出、另一人复核解除（fundledger payments freeze）', p_region, v_why);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION payments.refuse_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM payments.require_thawed(NEW.region);
    RETURN NEW;
END $$;

-- Whoever sees a sign may freeze; the same sign twice is one. Returns whether it is new.
CREATE OR REPLACE FUNCTION payments.freeze_now(p_region integer, p_code text, p_detail text, p_anchors jsonb, p_on date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.region() IS DISTINCT FROM p_region THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing', DETAIL = format('不在统筹区%s内', p_region);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('payments.freezing ' || p_region, 0));
    IF EXISTS (SELECT 1 FROM payments.freezing f WHERE f.region = p_region AND f.code = p_code AND f.state = 'standing') THEN
        RETURN false;
    END IF;
    INSERT INTO payments.freezing (region, n, code, detail, anchors, found_by, found_on)
    SELECT p_region, coalesce(max(n), 0) + 1, p_code, p_detail, p_anchors, access.user_name(), p_on FROM payments.freezing WHERE region = p_region;
    RETURN true;
END $$;

-- Which of the last anchors of a region's books are in no chain and were not given up with a lifted freeze, whoever asks.
-- Fund 0 stands for the region's traces, -1 for those of users and keys.
CREATE OR REPLACE FUNCTION payments.anchors_gone(p_region integer, p_funds smallint[], p_blocks bigint[], p_hashes text[])
RETURNS TABLE (fund smallint, block bigint, hash text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.fund, a.block, a.hash FROM unnest(p_funds, p_blocks, p_hashes) AS a (fund, block, hash)
     WHERE NOT EXISTS (SELECT 1 FROM books.block b WHERE b.region = p_region AND b.fund = a.fund AND b.block = a.block
                          AND encode(b.hash, 'hex') = a.hash)
       AND NOT EXISTS (SELECT 1 FROM access.trace t WHERE a.fund <= 0 AND t.region = CASE a.fund WHEN 0 THEN p_region ELSE 0 END
                          AND t.seq = a.block AND encode(t.hash, 'hex') = a.hash)
       AND NOT EXISTS (SELECT 1 FROM payments.freezing f WHERE f.region = p_region AND f.state = 'lifted'
                          AND f.anchors @> jsonb_build_array(jsonb_build_object('fund', a.fund, 'block', a.block, 'hash', a.hash)))
$$;

-- What the checker has before them: every sign that is proposed to be lifted, with the paper it rests on.
CREATE OR REPLACE FUNCTION payments.freeze_digest(p_region integer) RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(coalesce(string_agg(concat_ws('|', n, code, detail, anchors, document, proposed_by), E'\n' ORDER BY n), ''), 'UTF8'))
      FROM payments.freezing WHERE region = p_region AND state = 'proposed'
$$;

-- An accountant says that the region was reconciled with the bank, and by which paper; returns the digest of what is lifted.
CREATE OR REPLACE FUNCTION payments.propose_thaw(p_region integer, p_document text, p_on date) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_user text := access.require_role(p_region, 0::smallint, '{accountant}');
BEGIN
    UPDATE payments.freezing SET state = 'proposed', document = p_document, proposed_by = v_user, proposed_on = p_on, refusal = ''
     WHERE region = p_region AND state = 'standing';
    IF NOT EXISTS (SELECT 1 FROM payments.freezing WHERE region = p_region AND state = 'proposed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'freeze.none', DETAIL = format('统筹区%s的支付没有冻结', p_region);
    END IF;
    RETURN payments.freeze_digest(p_region);
END $$;

-- A checker, another person, lifts exactly what was proposed, or sends it back with a reason.
CREATE OR REPLACE FUNCTION payments.decide_thaw(p_region integer, p_digest bytea, p_reason text, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user  text := access.require_role(p_region, 0::smallint, '{checker}');
    v_first text;
    v_rows  integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('payments.freezing ' || p_region, 0));
    SELECT f.proposed_by INTO v_first FROM payments.freezing f WHERE f.region = p_region AND f.state = 'proposed' ORDER BY n LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'freeze.none', DETAIL = format('统筹区%s没有待复核的解除', p_region);
    ELSIF EXISTS (SELECT 1 FROM payments.freezing f WHERE f.region = p_region AND f.state = 'proposed'
                     AND access.person(f.proposed_by) IS NOT DISTINCT FROM access.person(v_user)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v_first);
    ELSIF payments.freeze_digest(p_region) IS DISTINCT FROM p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'freeze.changed', DETAIL = '待解除的冻结不是所核对的那些，请重新核对';
    END IF;
    IF p_reason <> '' THEN      -- a sign of the same kind that came meanwhile says it already
        UPDATE payments.freezing f SET state = 'lifted', lifted_by = v_user, lifted_on = p_on, refusal = p_reason
         WHERE f.region = p_region AND f.state = 'proposed'
           AND EXISTS (SELECT 1 FROM payments.freezing g WHERE g.region = p_region AND g.code = f.code AND g.state = 'standing');
        UPDATE payments.freezing SET state = 'standing', document = '', proposed_by = '', proposed_on = NULL, refusal = p_reason
         WHERE region = p_region AND state = 'proposed';
    ELSE
        UPDATE payments.freezing SET state = 'lifted', lifted_by = v_user, lifted_on = p_on WHERE region = p_region AND state = 'proposed';
    END IF;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END $$;

-- A debit that names an order of ours which this database never made, to that account or to another one its institution has
-- had (a change of account must not let the money out again): it may be this order's money.
CREATE OR REPLACE FUNCTION payments.may_be_paid(p_region integer, p_account text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT min(v.kind || ':' || v.receipt_no) FROM payments.evidence v
             WHERE v.region = p_region AND v.direction = 'debit' AND v.outcome = 'suspense' AND v.outcome_code = 'unknown_order'
               AND (v.other_account = p_account OR EXISTS (
                    SELECT 1 FROM fund.payee_account a JOIN fund.payee_account b ON b.region = a.region AND b.institution = a.institution
                     WHERE a.region = p_region AND a.number = p_account AND b.number = v.other_account))
               AND v.order_no ~ ('^FL' || p_region || '-[0-9]{3}-[0-9]{8}-[0-9]{5}$')), '')
$$;

CREATE OR REPLACE FUNCTION payments.refuse_maybe_paid() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_paper text := payments.may_be_paid(NEW.region, NEW.payee_number);
BEGIN
    IF v_paper <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.maybe_paid',
            DETAIL = format('收款账户%s有一笔本系统不知其拨付单的已付款（回单%s），查明前拨付单%s不能制盘', NEW.payee_number, v_paper, NEW.order_no);
    END IF;
    RETURN NEW;
END $$;

-- An order of which no file was sent is in the bank's hands only where two persons say by which paper: a debit of that sum to
-- an account of its payee, under a number nobody made here. Another order's second debit pays no other order.
CREATE OR REPLACE FUNCTION payments.check_recovered() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.resolution r JOIN payments.evidence v ON v.region = r.region AND v.account = r.account
                       AND v.kind = r.kind AND v.receipt_no = r.receipt_no AND v.direction = r.direction
                    WHERE r.region = NEW.region AND r.what = 'order' AND r.reference = NEW.order_no AND r.state = 'approved'
                      AND v.direction = 'debit' AND v.amount_fen = NEW.amount_fen AND (v.other_account = NEW.payee_number OR EXISTS (
                          SELECT 1 FROM fund.payee_account a WHERE a.region = v.region AND a.institution = NEW.institution
                             AND a.number = v.other_account))
                      AND NOT EXISTS (SELECT 1 FROM payments.pay_order o WHERE o.region = v.region AND o.order_no = v.order_no)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'order.not_recovered',
            DETAIL = format('拨付单%s没有发送，也没有经两人查明的付款回单', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER refuse_frozen BEFORE INSERT ON payments.batch FOR EACH ROW EXECUTE FUNCTION payments.refuse_frozen();
CREATE OR REPLACE TRIGGER refuse_frozen BEFORE INSERT ON payments.approval FOR EACH ROW EXECUTE FUNCTION payments.refuse_frozen();
CREATE OR REPLACE TRIGGER refuse_frozen BEFORE INSERT ON payments.bank_file FOR EACH ROW EXECUTE FUNCTION payments.refuse_frozen();
CREATE OR REPLACE TRIGGER refuse_frozen_sending BEFORE UPDATE ON payments.bank_file FOR EACH ROW
    WHEN (NEW.state = 'sending' AND OLD.state <> 'sending') EXECUTE FUNCTION payments.refuse_frozen();
CREATE OR REPLACE TRIGGER refuse_maybe_paid BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'approved' AND NEW.state = 'filed') EXECUTE FUNCTION payments.refuse_maybe_paid();
CREATE OR REPLACE TRIGGER check_recovered BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'approved' AND NEW.state = 'unknown' AND NEW.batch_id NOT LIKE 'OPEN-%')   -- a cut-over's: fund.open_orders
    EXECUTE FUNCTION payments.check_recovered();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.freezing FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, n, code, detail, anchors, found_by, found_on, recorded_at ON payments.freezing
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON payments.freezing TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.anchors_gone(integer,smallint[],bigint[],text[]) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.decide_thaw(integer,bytea,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.freeze_digest(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.freeze_now(integer,text,text,jsonb,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.frozen(integer) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.may_be_paid(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.propose_thaw(integer,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.require_thawed(integer) TO fundledger_service, fundledger_poster;
