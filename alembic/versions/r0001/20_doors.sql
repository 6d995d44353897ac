-- Doors a reviewer found open in the month, the cash and the clearing, shut for raw SQL too (tests/control/test_closed_doors.py):
-- what a settlement takes is taken by a settlement; what backs an order is what it pays; who writes signs, by their post.

-- A paper that settles an institution's money: a month sheet as approved, or a letter both sides signed.
CREATE FUNCTION fund.settles(p_region integer, p_fund smallint, p_institution text, p_paper text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM fund.sheet s WHERE s.region = p_region AND s.sheet_id = p_paper AND s.state = 'approved'
                      AND (s.fund, s.institution) = (p_fund, p_institution))
        OR EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = p_region AND l.letter_id = p_paper
                      AND l.state IN ('confirmed_by_institution', 'confirmed') AND (l.fund, l.institution) = (p_fund, p_institution)
                      AND EXISTS (SELECT 1 FROM fund.letter_paper p
                                   WHERE p.region = l.region AND p.letter_id = l.letter_id AND p.kind = 'agency'))
$$;

CREATE FUNCTION fund.refuse_unsettled() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'settlement.none',
        DETAIL = format('%s的结算须由已审批的月结算单或双方签章的清算确认书办理', TG_TABLE_NAME);
END $$;
CREATE TRIGGER settled_by_a_paper BEFORE UPDATE ON fund.payable FOR EACH ROW
    WHEN (NEW.settled_by <> OLD.settled_by AND NOT fund.settles(NEW.region, NEW.fund, NEW.institution, NEW.settled_by))
    EXECUTE FUNCTION fund.refuse_unsettled();
CREATE TRIGGER settled_by_a_paper BEFORE INSERT ON fund.settled_term FOR EACH ROW
    WHEN (NOT fund.settles(NEW.region, NEW.fund, NEW.institution, NEW.settled_by)) EXECUTE FUNCTION fund.refuse_unsettled();
CREATE TRIGGER settled_by_a_paper BEFORE UPDATE ON fund.other_deduction FOR EACH ROW
    WHEN (NEW.taken_by <> OLD.taken_by AND NOT fund.settles(NEW.region, NEW.fund, NEW.institution, NEW.taken_by))
    EXECUTE FUNCTION fund.refuse_unsettled();

-- An offset is one the settlement lists, and no more.
CREATE FUNCTION fund.check_offset() RETURNS trigger LANGUAGE plpgsql
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
            DETAIL = format('没有以%s分抵扣预付款项%s的已审批结算%s', NEW.amount_fen, NEW.advance_id, NEW.sheet_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_settlement BEFORE INSERT ON fund.advance_offset FOR EACH ROW EXECUTE FUNCTION fund.check_offset();

-- What an order is for is linked to it while it is a draft, and is what it pays: an advance or a person of that amount.
CREATE FUNCTION fund.check_order_behind() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                    WHERE o.region = NEW.region AND o.order_no = NEW.order_no AND o.state = 'draft' AND o.fund = NEW.fund
                      AND o.amount_fen = NEW.amount_fen AND b.kind = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.other_order',
            DETAIL = format('拨付单%s不是为这一申请制的草稿', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_behind BEFORE UPDATE OF order_no ON fund.advance FOR EACH ROW
    WHEN (NEW.order_no <> OLD.order_no AND NEW.order_no <> '') EXECUTE FUNCTION fund.check_order_behind('advance', 'supplier');
CREATE TRIGGER order_behind BEFORE UPDATE OF order_no ON fund.person_payment FOR EACH ROW
    WHEN (NEW.order_no <> OLD.order_no AND NEW.order_no <> '') EXECUTE FUNCTION fund.check_order_behind('person');

-- A sheet is linked to a drafted month order of its own institution.
CREATE FUNCTION fund.check_sheet_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.sheet s
                     JOIN payments.pay_order o ON o.region = s.region AND o.order_no = NEW.order_no AND o.fund = s.fund
                                              AND o.institution = s.institution AND o.state = 'draft'
                     JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id AND b.kind = 'month'
                    WHERE s.region = NEW.region AND s.sheet_id = NEW.sheet_id AND s.fund = NEW.fund AND s.state = 'approved') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'month.other_order',
            DETAIL = format('拨付单%s不是月结算单%s的月结款草稿', NEW.order_no, NEW.sheet_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_sheet_order BEFORE INSERT ON fund.sheet_order FOR EACH ROW EXECUTE FUNCTION fund.check_sheet_order();

-- Lines of a refund or fund request come with it, from the same hand, and a refund of benefits is their sum.
CREATE FUNCTION fund.check_request_line() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER with_its_request BEFORE INSERT ON fund.refund_line FOR EACH ROW EXECUTE FUNCTION fund.check_request_line();
CREATE TRIGGER with_its_request BEFORE INSERT ON fund.fund_request_line FOR EACH ROW EXECUTE FUNCTION fund.check_request_line();

CREATE FUNCTION fund.check_refund_sum() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT coalesce(sum(l.amount_fen), 0) FROM fund.refund_line l WHERE l.region = NEW.region AND l.refund_id = NEW.refund_id)
       <> (CASE WHEN NEW.kind IN ('prepaid', 'penalty') THEN 0 ELSE NEW.amount_fen END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'refund.lines', DETAIL = format('退款%s的明细之和不等于退款金额', NEW.refund_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sum_of_lines BEFORE UPDATE OF state ON fund.refund FOR EACH ROW
    WHEN (NEW.state = 'approved' AND OLD.state <> 'approved') EXECUTE FUNCTION fund.check_refund_sum();

-- A bill of another region is the message that came; its lines come before it is booked or sent, and never after.
CREATE FUNCTION fund.check_bill_source() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER bill_source BEFORE INSERT ON fund.outregion_bill FOR EACH ROW EXECUTE FUNCTION fund.check_bill_source();
CREATE TRIGGER bill_source BEFORE INSERT ON fund.outregion_bill_line FOR EACH ROW EXECUTE FUNCTION fund.check_bill_source();

-- Master data, dated choices and what the agency brings in are written by who does business there, in their own names:
-- not by the cashier, the reviewer, the user administrator. (The schema's owner has no name and no post: migrations.)
CREATE FUNCTION fund.refuse_writer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'business.writer',
        DETAIL = format('%s只能由办理业务的岗位以自己的名义登记', TG_TABLE_NAME);
END $$;
DO $$
DECLARE w text[];
BEGIN
    FOREACH w SLICE 1 IN ARRAY ARRAY[
        ['fund.region_policy', 'set_by'], ['fund.outregion_quota', 'set_by'], ['fund.clearing_band', 'set_by'],
        ['fund.clearing_grade', 'set_by'], ['fund.layer_map', 'set_by'], ['payments.order_event', 'user_name'],
        ['fund.institution', ''], ['fund.enrolment', ''], ['fund.outregion_record', ''], ['fund.outregion_bill', ''],
        ['fund.outregion_inbox', ''], ['fund.outregion_outbox', ''], ['fund.reconciliation', ''], ['fund.handback', 'made_by'],
        ['payments.bank_account', ''], ['payments.book_account', '']]
    LOOP
        EXECUTE format('CREATE TRIGGER writer BEFORE INSERT ON %s FOR EACH ROW WHEN (current_user = ''fundledger_service''
                        AND (%s NOT access.has_role(NEW.region, 0::smallint, access.user_name(), ''%s'')))
                        EXECUTE FUNCTION fund.refuse_writer()', w[1],
                       CASE w[2] WHEN '' THEN '' ELSE format('NEW.%I IS DISTINCT FROM access.user_name() OR', w[2]) END,
                       CASE w[1] WHEN 'payments.order_event' THEN '{maker,checker,accountant,system,cashier}'
                                 WHEN 'fund.reconciliation' THEN '{maker,checker,accountant,system,intake}'
                                 ELSE '{maker,checker,accountant,system}' END);
    END LOOP;
END $$;
CREATE TRIGGER writer_of_changes BEFORE UPDATE ON fund.reconciliation FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system,intake}'))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE TRIGGER writer_of_changes BEFORE UPDATE ON fund.institution FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system}'))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE TRIGGER writer_of_changes BEFORE UPDATE ON fund.enrolment FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system}'))
    EXECUTE FUNCTION fund.refuse_writer();

-- The operator log says who did it: nobody writes in another's name.
CREATE TRIGGER writer BEFORE INSERT ON access.operator_log FOR EACH ROW
    WHEN (NEW.user_name IS DISTINCT FROM access.user_name()) EXECUTE FUNCTION fund.refuse_writer();

GRANT EXECUTE ON FUNCTION fund.settles TO fundledger_service, fundledger_auditor;
