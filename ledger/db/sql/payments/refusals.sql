-- A refusal frees an order's money to be paid again. Of a bank whose status is not final (its channel says so, by two persons) it
-- takes two proofs: the bank's word, and the statement of the account, chained and covering the days from the sending to the
-- refusal, without the debit.

-- Functions ---------------------------------------------------
CREATE OR REPLACE FUNCTION payments.gives_final_status(p_region integer, p_account text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT c.channel ->> 'final_status' FROM payments.bank_channel c
                      WHERE c.region = p_region AND c.account = p_account AND c.state = 'confirmed'), 'true') <> 'false'
$$;

-- The days from the sending of an order to the bank's refusal, each with the statement that covers it (NULL: none does yet): equal
-- balances beside a gap do not tell what lay in it.
CREATE OR REPLACE FUNCTION payments.days_to_prove(p_region integer, p_order_no text) RETURNS TABLE (day date, statement integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.day::date, (SELECT min(s.n)::integer FROM payments.bank_statement s WHERE s.region = o.region AND s.account = o.account AND s.n > 0
                            AND d.day::date BETWEEN s.first_day AND s.last_day)
      FROM payments.pay_order o
      JOIN LATERAL (SELECT max(b.said_on) AS said_on FROM payments.bank_word b
                     WHERE b.region = o.region AND b.order_no = o.order_no AND b.effect = 'reject') w ON w.said_on IS NOT NULL
     CROSS JOIN LATERAL generate_series(o.sent_on, greatest(o.sent_on, w.said_on), interval '1 day') AS d (day)
     WHERE o.region = p_region AND o.order_no = p_order_no
$$;

-- The debits that statements show for an order. A line is its debit by its number, by the bank's serial, or, where it names no
-- order, by sum and payee unless a receipt gives the line to another order.
CREATE OR REPLACE FUNCTION payments.debits_of(p_region integer, p_order_no text) RETURNS SETOF payments.statement_line
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.* FROM payments.pay_order o
      JOIN payments.statement_line l ON l.region = o.region AND l.account = o.account
      LEFT JOIN payments.taken_order t ON t.region = o.region AND t.order_no = o.order_no
     WHERE o.region = p_region AND o.order_no = p_order_no AND l.statement > 0 AND l.direction = 'debit'
       AND l.booked_on >= o.sent_on AND (l.order_no IN (o.order_no, t.reference)
            OR o.bank_reference <> '' AND l.bank_reference = o.bank_reference
            -- a person's account is sealed here; in the statement it is not where it is an institution's too: then it may be this one
            OR l.order_no = '' AND l.amount_fen = o.amount_fen
               AND (l.other_account IN ('', o.payee_number) OR o.institution = 'PERSON' AND l.other_account NOT LIKE '~%') AND NOT EXISTS (
               SELECT 1 FROM payments.evidence e
                WHERE e.region = l.region AND e.account = l.account AND e.outcome = 'posted' AND e.matched_order <> o.order_no
                  AND e.direction = 'debit' AND (e.receipt_no = l.receipt_no OR l.bank_reference <> '' AND e.bank_reference = l.bank_reference)))
$$;

-- Whether statements prove that an order the bank refused was not debited.
CREATE OR REPLACE FUNCTION payments.not_debited(p_region integer, p_order_no text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(bool_and(d.statement IS NOT NULL), false) AND NOT EXISTS (SELECT 1 FROM payments.debits_of(p_region, p_order_no))
      FROM payments.days_to_prove(p_region, p_order_no) d
$$;

-- Whether an order that its bank refused is free to be paid again.
CREATE OR REPLACE FUNCTION payments.refusal_proven(p_region integer, p_order_no text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT payments.gives_final_status(o.region, o.account) OR payments.not_debited(o.region, o.order_no)
      FROM payments.pay_order o WHERE o.region = p_region AND o.order_no = p_order_no
$$;

CREATE OR REPLACE FUNCTION payments.require_second_proof() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT payments.refusal_proven(NEW.region, NEW.order_no) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_second_proof',
            DETAIL = format('拨付单%s：银行的拒绝不是终局状态，须待账户%s涵盖当日的对账单证实未扣款，方可退回重付', NEW.order_no, NEW.account);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION payments.note_confirmed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.confirmed_at := clock_timestamp();
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER second_proof BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (NEW.state = 'rejected' AND OLD.state <> 'rejected') EXECUTE FUNCTION payments.require_second_proof();
CREATE OR REPLACE TRIGGER note_confirmed BEFORE UPDATE ON payments.bank_channel FOR EACH ROW
    WHEN (NEW.state = 'confirmed' AND OLD.state <> 'confirmed') EXECUTE FUNCTION payments.note_confirmed();

-- Grants ------------------------------------------------------
GRANT EXECUTE ON FUNCTION payments.days_to_prove(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.debits_of(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.gives_final_status(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.refusal_proven(integer,text) TO fundledger_service, fundledger_poster;
