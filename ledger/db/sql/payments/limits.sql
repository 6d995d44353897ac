-- Limits on money: per payee and day, per approver and day, a hold after a payee's account changed. All are dated choices of
-- the region (fund.region_policy) by two persons. Without a choice: no limit and no hold.

-- Tables ------------------------------------------------------
-- Somebody called the institution back about a changed account: who spoke with whom, when, by which number. Ends the hold.
CREATE TABLE fund.payee_callback (
    region        integer NOT NULL,
    institution   text NOT NULL,
    version       integer NOT NULL,
    number_called text NOT NULL CHECK (number_called ~ '^[0-9+() -]{5,30}$'),
    spoke_with    text NOT NULL CHECK (spoke_with <> '' AND translate(spoke_with, E'|\\\n\r', '') = spoke_with),
    called_on     date NOT NULL,
    called_at     time NOT NULL,
    called_by     text NOT NULL,
    recorded_on   date NOT NULL CHECK (recorded_on >= called_on),
    PRIMARY KEY (region, institution, version),
    FOREIGN KEY (region, institution, version) REFERENCES fund.payee_account
);

-- Functions ---------------------------------------------------
-- The region's choice for a key on a day, '' where there is none.
CREATE OR REPLACE FUNCTION payments.chosen(p_region integer, p_key text, p_day date) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT y.value FROM fund.region_policy y WHERE y.region = p_region AND y.key = p_key AND y.from_day <= p_day
                      ORDER BY y.from_day DESC LIMIT 1), '')
$$;

-- What one payee may get on a day, fen; NULL: as much as is owed.
CREATE OR REPLACE FUNCTION payments.payee_limit(p_region integer, p_day date) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT nullif(nullif(payments.chosen(p_region, 'payee_day_limit', p_day), ''), 'none')::bigint * 100
$$;

-- What one approver may approve on a day, fen; NULL: any amount. Who is named in the choice (the chief, say) has what stands
-- behind the name, everybody else what stands first.
CREATE OR REPLACE FUNCTION payments.approver_limit(p_region integer, p_user text, p_day date) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT nullif(coalesce((SELECT split_part(p, '=', 2) FROM unnest(c.parts[2:]) AS p WHERE split_part(p, '=', 1) = p_user LIMIT 1),
                           c.parts[1]), 'none')::bigint * 100
      FROM (SELECT string_to_array(payments.chosen(p_region, 'approver_day_limit', p_day), ',') AS parts) c
$$;

-- Institutions whose account changed so lately that nothing may be ordered to it on p_day, and the first day it may be: counted
-- from the day of the second person. The first account an institution ever had is no change; a call-back ends the hold.
CREATE OR REPLACE FUNCTION fund.payee_holds(p_region integer, p_day date) RETURNS TABLE (institution text, version integer, changed_on date, free_on date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.institution, a.version, a.decided_on, a.decided_on + h.days
      FROM (SELECT coalesce(nullif(payments.chosen(p_region, 'payee_hold_days', p_day), ''), '0')::integer AS days) h
      JOIN fund.payee_account a ON a.region = p_region AND a.state = 'confirmed' AND a.decided_on + h.days > p_day
     WHERE h.days > 0
       AND EXISTS (SELECT 1 FROM fund.payee_account o
                    WHERE o.region = a.region AND o.institution = a.institution AND o.version < a.version
                      AND o.state IN ('replaced', 'failed') AND (o.name, o.number, o.cnaps) <> (a.name, a.number, a.cnaps))
       AND NOT EXISTS (SELECT 1 FROM fund.payee_callback c
                        WHERE c.region = a.region AND c.institution = a.institution AND c.version = a.version AND c.recorded_on <= p_day)
$$;

-- A hold counts from the day of the second person, which a caller names: with a hold in force it is none that has gone by in the
-- region's approvals and books.
CREATE OR REPLACE FUNCTION fund.refuse_old_payee_day() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_last date := greatest((SELECT max(a.approved_on) FROM payments.approval a WHERE a.region = NEW.region),
                                (SELECT max(l.day) FROM books.book k CROSS JOIN LATERAL (
                                     SELECT b.voucher_date AS day FROM books.block b WHERE b.region = k.region AND b.fund = k.fund
                                      ORDER BY b.block DESC LIMIT 1) l WHERE k.region = NEW.region));
BEGIN
    IF NEW.decided_on < v_last AND payments.chosen(NEW.region, 'payee_hold_days', v_last) NOT IN ('', '0') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payee.day',
            DETAIL = format('机构%s的收款账户不能以%s确认：本统筹区已办理到%s，暂缓自确认之日起算', NEW.institution, NEW.decided_on, v_last);
    END IF;
    RETURN NEW;
END $$;

-- A call-back to the institution about the account in force: by another person than the two who changed it.
CREATE OR REPLACE FUNCTION fund.record_callback(p_region integer, p_institution text, p_number text, p_spoke_with text, p_called_on date,
                                                p_called_at time, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{maker,checker,accountant,cashier,chief}');
    v      fund.payee_account;
BEGIN
    PERFORM fund.lock_institutions(p_region);
    SELECT * INTO v FROM fund.payee_account a WHERE a.region = p_region AND a.institution = p_institution AND a.state = 'confirmed';
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'callback.no_account', DETAIL = format('机构%s没有在用的收款账户', left(p_institution, 40));
    ELSIF access.person(v_user) IN (access.person(v.proposed_by), access.person(v.confirmed_by)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'callback.same_person',
            DETAIL = format('机构%s的账户由%s提出、%s确认：回访须由另一人办理', p_institution, v.proposed_by, v.confirmed_by);
    ELSIF p_number !~ '^[0-9+() -]{5,30}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'callback.number',
            DETAIL = format('回访所拨的电话号码“%s”不合规：应为5至30位数字', left(p_number, 40));
    ELSIF btrim(p_spoke_with) = '' OR translate(p_spoke_with, E'|\\\n\r', '') <> p_spoke_with THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'callback.spoke_with', DETAIL = format('回访机构%s须写明与谁通话', p_institution);
    ELSIF p_called_on > p_on OR p_called_on < coalesce(v.proposed_on, v.decided_on, p_called_on) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'callback.day',
            DETAIL = format('回访日期%s不在账户变更提出（%s）与今日（%s）之间', p_called_on, v.proposed_on, p_on);
    ELSIF EXISTS (SELECT 1 FROM fund.payee_callback c WHERE (c.region, c.institution, c.version) = (p_region, p_institution, v.version)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'callback.known', DETAIL = format('机构%s在用账户的回访已有记录', p_institution);
    END IF;
    INSERT INTO fund.payee_callback VALUES (p_region, p_institution, v.version, p_number, btrim(p_spoke_with), p_called_on, p_called_at, v_user, p_on);
    RETURN v.version;
END $$;

-- The first payment to an account: no order to it is paid yet, whether it stands sealed, as a person's, or in clear, as an institution's
-- (payee_token). Said by the database, not by who drafts; part of the order's digest.
CREATE OR REPLACE FUNCTION payments.mark_first_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.first_payment := NOT EXISTS (SELECT 1 FROM payments.pay_order o WHERE o.region = NEW.region AND o.state = 'paid'
                                        AND o.payee_number IN (NEW.payee_number, nullif(NEW.payee_token, '')) AND o.payee_cnaps = NEW.payee_cnaps)
        AND NOT EXISTS (SELECT 1 FROM payments.pay_order o WHERE o.region = NEW.region AND o.state = 'paid' AND o.payee_token <> ''
                           AND o.payee_token = NEW.payee_number AND o.payee_cnaps = NEW.payee_cnaps);
    RETURN NEW;
END $$;

-- What each payee gets by the orders approved on a day and, where a batch is named, by its drafts (`here`: among others): by account, whether
-- it stands there sealed, as a person's, or in clear, as an institution's; by
-- institution, by supplier and by insured person whichever accounts they have. An order that can no longer pay gives nothing.
CREATE OR REPLACE FUNCTION payments.given_to_payees(p_region integer, p_day date, p_batch text DEFAULT '') RETURNS TABLE (payee text, fen bigint, here boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH given AS (
        SELECT o.order_no, o.batch_id, o.payee_number, o.payee_token, o.payee_name, o.institution, o.amount_fen, false AS here FROM payments.approval a
          JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id
          JOIN payments.state s ON s.state = o.state
         WHERE a.region = p_region AND a.approved_on = p_day AND a.batch_id <> p_batch AND NOT s.releases
        UNION ALL
        SELECT o.order_no, o.batch_id, o.payee_number, o.payee_token, o.payee_name, o.institution, o.amount_fen, true FROM payments.pay_order o
         WHERE o.region = p_region AND o.batch_id = p_batch AND o.state = 'draft')
    SELECT '账户' || min(payee_number), sum(amount_fen)::bigint, bool_or(g.here) FROM given g GROUP BY coalesce(nullif(payee_token, ''), payee_number)
    UNION ALL
    SELECT '账户' || payee_number, sum(amount_fen)::bigint, bool_or(g.here) FROM given g GROUP BY 1
    UNION ALL
    SELECT '机构' || g.institution, sum(g.amount_fen)::bigint, bool_or(g.here) FROM given g
      JOIN fund.institution i ON i.region = p_region AND i.institution = g.institution GROUP BY 1
    UNION ALL
    SELECT '供应单位' || g.payee_name, sum(g.amount_fen)::bigint, bool_or(g.here) FROM given g
      JOIN payments.batch b ON b.region = p_region AND b.batch_id = g.batch_id AND b.kind = 'supplier' GROUP BY 1
    UNION ALL   -- who it is is not told in full
    SELECT '个人' || left(p.psn_no, 2) || '****' || right(p.psn_no, 4), sum(g.amount_fen)::bigint, bool_or(g.here) FROM given g
      JOIN fund.person_payment p ON p.region = p_region AND p.order_no = g.order_no GROUP BY p.psn_no
$$;

-- What the persons of a region approved on a day, whatever became of it since.
CREATE OR REPLACE FUNCTION payments.approved_by_person(p_region integer, p_day date, p_person text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(o.amount_fen), 0)::bigint FROM payments.approval a
      JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id
     WHERE a.region = p_region AND a.approved_on = p_day AND access.person(a.approved_by) = p_person
$$;

-- An approval's business date is passed in, as every one is; but it is none that has gone by in the region's approvals or in the
-- book, and none that has not come: limits by the day are not dodged by naming another day.
CREATE OR REPLACE FUNCTION payments.check_approval_day(p_region integer, p_fund smallint, p_batch text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_last date := greatest((SELECT max(a.approved_on) FROM payments.approval a WHERE a.region = p_region),
                                (SELECT b.voucher_date FROM books.block b WHERE b.region = p_region AND b.fund = p_fund ORDER BY b.block DESC LIMIT 1));
BEGIN
    IF p_on IS NULL OR p_on < v_last OR p_on > books.outer_day(p_region, p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.approval_day',
            DETAIL = format('批次%s不能以%s审批：审批日期不早于本统筹区最近的审批和本账套最近的凭证（%s），不晚于%s', p_batch, p_on, v_last,
                            books.outer_day(p_region, p_fund));
    END IF;
END $$;

-- Raises where a drafted batch must not be approved by p_user on p_on: the day's limits of payee and approver, a changed account.
-- Where there is a limit, approvals of the region come one after the other, whichever book they are of.
CREATE OR REPLACE FUNCTION payments.check_limits(p_region integer, p_batch text, p_user text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_payee bigint := payments.payee_limit(p_region, p_on);
    v_own   bigint := payments.approver_limit(p_region, p_user, p_on);
    v_here  bigint;
    v       record;
BEGIN
    SELECT h.institution, h.changed_on, h.free_on, o.order_no INTO v FROM fund.payee_holds(p_region, p_on) h
      JOIN payments.pay_order o ON o.region = p_region AND o.batch_id = p_batch AND o.state = 'draft' AND o.institution = h.institution
     ORDER BY o.order_no LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.payee_held',
            DETAIL = format('拨付单%s：机构%s的收款账户于%s变更，%s起方可拨付，或由另一人回访确认（institution callback）',
                            v.order_no, v.institution, v.changed_on, v.free_on);
    END IF;
    IF v_payee IS NOT NULL THEN
        SELECT g.payee, g.fen INTO v FROM payments.given_to_payees(p_region, p_on, p_batch) g
         WHERE g.fen > v_payee AND g.here
         ORDER BY g.payee COLLATE "C" LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.payee_limit',
                DETAIL = format('%s当日合计%s元，超过同一收款单位一日限额%s元：批次%s不能审批', regexp_replace(v.payee, '~[^~]+~', '（个人，已加密）'), fund.yuan(v.fen), fund.yuan(v_payee), p_batch);
        END IF;
    END IF;
    IF v_own IS NOT NULL THEN
        SELECT coalesce(sum(o.amount_fen), 0)::bigint INTO v_here FROM payments.pay_order o
         WHERE o.region = p_region AND o.batch_id = p_batch AND o.state = 'draft';
        SELECT payments.approved_by_person(p_region, p_on, access.person(p_user)) AS fen INTO v;
        IF v.fen + v_here > v_own THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'batch.approver_limit',
                DETAIL = format('审批人%s当日已审批%s元，批次%s为%s元，合计超过其一日限额%s元：须由限额更高的审批人审批',
                                p_user, fund.yuan(v.fen), p_batch, fund.yuan(v_here), fund.yuan(v_own));
        END IF;
    END IF;
END $$;

-- Whether any limit of money is in force on a day.
CREATE OR REPLACE FUNCTION payments.limited(p_region integer, p_day date) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT payments.chosen(p_region, 'payee_day_limit', p_day) NOT IN ('', 'none')
        OR payments.chosen(p_region, 'approver_day_limit', p_day) NOT IN ('', 'none')
$$;

-- A limit does not begin on a day on which somebody has approved already: what was approved was within the limits of its day,
-- and stays so.
CREATE OR REPLACE FUNCTION payments.refuse_late_limit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_last date;
BEGIN
    SELECT max(a.approved_on) INTO v_last FROM payments.approval a WHERE a.region = NEW.region AND a.approved_on >= NEW.from_day;
    IF v_last IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'policy.past',
            DETAIL = format('%s自%s起：%s已有审批，限额与暂缓只能自其后起', NEW.key, NEW.from_day, v_last);
    END IF;
    RETURN NEW;
END $$;

-- Whether an order is to a hospital or pharmacy: by what it pays, not by what its batch calls itself. What is owed in the memorandum is
-- owed to an institution, but for the bills of other regions (their six digits); an advance is, but for a supplier's.
CREATE OR REPLACE FUNCTION payments.is_to_institution(p_region integer, p_order_no text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM payments.order_item i JOIN payments.pay_order o ON o.region = i.region AND o.order_no = i.order_no
                    WHERE i.region = p_region AND i.order_no = p_order_no AND i.source IN (9101, 9103, 9106, 9502)
                      AND NOT (i.source = 9103 AND o.institution ~ '^[0-9]{6}$'))
        OR EXISTS (SELECT 1 FROM fund.advance a WHERE a.region = p_region AND a.order_no = p_order_no AND a.kind <> 'supplier')
$$;

-- A file sets out only with orders that may still leave (art. 28): nothing of an instant payment (a day's, an advance, by what is paid
-- and not by the batch's kind) to an institution suspended or ended since, nothing to an account that is not the confirmed one any more.
CREATE OR REPLACE FUNCTION payments.refuse_stale_file() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    SELECT o.order_no, o.institution INTO v
      FROM payments.pay_order o
      LEFT JOIN fund.institution i ON i.region = o.region AND i.institution = o.institution
     WHERE o.region = NEW.region AND o.file_id = NEW.file_id
       AND (i.agreement_state IN ('suspended', 'ended') AND (
                EXISTS (SELECT 1 FROM payments.order_item d WHERE d.region = o.region AND d.order_no = o.order_no AND d.source = 9101)
                OR EXISTS (SELECT 1 FROM fund.advance a WHERE a.region = o.region AND a.order_no = o.order_no AND a.kind <> 'supplier'))
            OR NOT EXISTS (
               SELECT 1 FROM fund.payee_account a WHERE a.region = o.region AND a.institution = o.institution AND a.state = 'confirmed'
                  AND (a.number, a.name, a.bank_name, a.cnaps) = (o.payee_number, o.payee_name, o.payee_bank, o.payee_cnaps))
               AND payments.is_to_institution(o.region, o.order_no))
     ORDER BY o.order_no LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'file.stale',
            DETAIL = format('付款文件%s含不得再拨付的拨付单%s（机构%s协议中止、终止或账户已变更），请重新制盘', NEW.name, v.order_no, v.institution);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER first_payment BEFORE INSERT ON payments.pay_order FOR EACH ROW EXECUTE FUNCTION payments.mark_first_payment();
CREATE OR REPLACE TRIGGER first_payment_frozen BEFORE UPDATE OF first_payment ON payments.pay_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER not_backwards BEFORE UPDATE ON fund.payee_account FOR EACH ROW
    WHEN (OLD.state = 'proposed' AND NEW.state = 'confirmed') EXECUTE FUNCTION fund.refuse_old_payee_day();
CREATE OR REPLACE TRIGGER late_limit BEFORE INSERT ON fund.region_policy FOR EACH ROW
    WHEN (NEW.key IN ('payee_day_limit', 'approver_day_limit', 'payee_hold_days')) EXECUTE FUNCTION payments.refuse_late_limit();
CREATE OR REPLACE TRIGGER late_limit BEFORE INSERT ON fund.policy_proposal FOR EACH ROW
    WHEN (NEW.key IN ('payee_day_limit', 'approver_day_limit', 'payee_hold_days')) EXECUTE FUNCTION payments.refuse_late_limit();
CREATE OR REPLACE TRIGGER stale_file BEFORE UPDATE ON payments.bank_file FOR EACH ROW
    WHEN (OLD.state = 'filed' AND NEW.state NOT IN ('filed', 'void')) EXECUTE FUNCTION payments.refuse_stale_file();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.payee_callback
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.payee_callback TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.chosen(integer,text,date) TO fundledger_service, fundledger_poster, fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.payee_limit(integer,date) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.limited(integer,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.check_approval_day(integer,smallint,text,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.check_limits(integer,text,text,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.payee_holds(integer,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.record_callback(integer,text,text,text,date,time,date) TO fundledger_service;
