-- Accounts of persons that a bank said are wrong: held until two persons say where it is paid instead.

-- Tables ------------------------------------------------------
-- An account of a person that the bank said is wrong: of which payment, by which order it became known, and the account to which two
-- persons decided that it is paid instead (the same one again where the bank was wrong). Of a payment the row of the highest `n` counts.
CREATE TABLE fund.person_account (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    account_id   text NOT NULL CHECK (account_id = 'PAC-' || order_no),
    payment_id   text NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    order_no     text NOT NULL,
    failed_on    date NOT NULL,
    payee_name   text NOT NULL DEFAULT '',
    payee_number text NOT NULL DEFAULT '' CHECK (payee_number ~ '^(|~[0-9a-f]{8}[.][A-Za-z0-9_-]{22,}~)$'),   -- sealed
    payee_bank   text NOT NULL DEFAULT '',
    payee_cnaps  text NOT NULL DEFAULT '' CHECK (payee_cnaps ~ '^(|[0-9]{12})$'),
    document     text NOT NULL DEFAULT '',
    state        text NOT NULL DEFAULT 'failed' CHECK (state IN ('failed', 'requested', 'approved', 'refused')),
    prepared_by  text NOT NULL DEFAULT '',
    prepared_on  date,
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account_id),
    UNIQUE (region, payment_id, n),
    FOREIGN KEY (region, payment_id) REFERENCES fund.person_payment,
    CHECK ((state = 'failed') = (prepared_by = '')),
    CHECK ((state = 'failed') = (payee_name = '' OR payee_number = '' OR payee_bank = '' OR payee_cnaps = '' OR document = '')),
    CHECK ((state IN ('failed', 'requested')) = (approved_by = '')),
    CHECK (approved_by = '' OR approved_by <> prepared_by)
);

-- Functions ---------------------------------------------------
-- Accounts of persons that a bank said are wrong are paid to no more: the safe direction, so one post is enough, who takes in what it
-- said. Of the payment that the order is of now; a second word on the same order changes nothing.
CREATE OR REPLACE FUNCTION fund.fail_persons(p_region integer, p_orders text[], p_on date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_failed bigint; v_stray text;
BEGIN
    PERFORM access.require_role(p_region, 0::smallint, '{checker,accountant,system}');
    SELECT f.order_no INTO v_stray FROM unnest(p_orders) AS f (order_no)
     WHERE NOT EXISTS (SELECT 1 FROM payments.pay_order o WHERE o.region = p_region AND o.order_no = f.order_no AND o.institution = 'PERSON'
              AND o.state IN ('rejected', 'returned'))
       AND NOT EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.bank_word w ON w.region = o.region AND w.order_no = o.order_no
            WHERE o.region = p_region AND o.order_no = f.order_no AND o.institution = 'PERSON'
              AND w.effect = 'reject' AND NOT payments.refusal_proven(o.region, o.order_no)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'person.no_word',
            DETAIL = format('个人付款的拨付单%s没有据以停付的银行回报', v_stray);
    END IF;
    INSERT INTO fund.person_account (region, fund, account_id, payment_id, n, order_no, failed_on)
    SELECT p.region, p.fund, 'PAC-' || p.order_no, p.payment_id,
           1 + coalesce((SELECT max(a.n) FROM fund.person_account a WHERE a.region = p.region AND a.payment_id = p.payment_id), 0), p.order_no, p_on
      FROM fund.person_payment p WHERE p.region = p_region AND p.order_no = ANY (p_orders)
       AND NOT EXISTS (SELECT 1 FROM fund.person_account a WHERE a.region = p.region AND a.account_id = 'PAC-' || p.order_no);
    GET DIAGNOSTICS v_failed = ROW_COUNT;
    RETURN v_failed;
END $$;

-- Proposed by a maker, decided by a checker who is another person, each in the own name; refused it may be proposed anew.
CREATE OR REPLACE FUNCTION fund.check_person_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text;
BEGIN
    IF (OLD.state, NEW.state) IN (('failed', 'requested'), ('refused', 'requested')) THEN
        v_actor := access.require_role(NEW.region, NEW.fund, '{maker,system}');
        IF NEW.prepared_by <> v_actor THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by',
                DETAIL = '只能以当前用户的名义提出，状态为已提出';
        END IF;
    ELSIF OLD.state = 'requested' AND NEW.state IN ('approved', 'refused')
          AND (OLD.payee_name, OLD.payee_number, OLD.payee_bank, OLD.payee_cnaps, OLD.document, OLD.prepared_by, OLD.prepared_on)
            = (NEW.payee_name, NEW.payee_number, NEW.payee_bank, NEW.payee_cnaps, NEW.document, NEW.prepared_by, NEW.prepared_on) THEN
        PERFORM access.require_second(NEW.region, NEW.fund, NEW.prepared_by, NEW.approved_by);
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('已由%s办理，不能再改', OLD.approved_by);
    END IF;
    RETURN NEW;
END $$;

-- A payment whose account the bank said is wrong is ordered again only to what two persons decided since.
CREATE OR REPLACE FUNCTION fund.check_person_held() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE a fund.person_account;
BEGIN
    SELECT f.* INTO a FROM fund.person_account f WHERE f.region = NEW.region AND f.payment_id = NEW.payment_id ORDER BY f.n DESC LIMIT 1;
    IF FOUND AND (a.state <> 'approved' OR NOT EXISTS (
           SELECT 1 FROM payments.pay_order o WHERE o.region = NEW.region AND o.order_no = NEW.order_no
              AND (o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps) = (a.payee_name, a.payee_number, a.payee_bank, a.payee_cnaps))) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'person.account_failed',
            DETAIL = format('个人付款%s的收款账户于%s经银行退回，须由两人更正账户（或核实原账户）后，付到所核定的账户', NEW.payment_id, a.failed_on);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, account_id, payment_id, n, order_no, failed_on ON fund.person_account
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.person_account
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER two_persons BEFORE UPDATE ON fund.person_account FOR EACH ROW EXECUTE FUNCTION fund.check_person_account();
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT OR UPDATE ON fund.person_account FOR EACH ROW
    WHEN (NEW.payee_name <> '' AND NEW.payee_name !~ '^~[0-9a-f]{8}[.][^~]+~$' OR NEW.payee_number <> '' AND NEW.payee_number !~ '^~[0-9a-f]{8}[.][^~]+~$')
    EXECUTE FUNCTION fund.refuse_clear_field('个人的户名、账号');
CREATE OR REPLACE TRIGGER account_held BEFORE UPDATE OF order_no ON fund.person_payment FOR EACH ROW
    WHEN (NEW.order_no <> OLD.order_no AND NEW.order_no <> '') EXECUTE FUNCTION fund.check_person_held();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.person_account TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT UPDATE (payee_name, payee_number, payee_bank, payee_cnaps, document, state, prepared_by, prepared_on, approved_by, approved_on, reason)
    ON fund.person_account TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.fail_persons(integer,text[],date) TO fundledger_service;
