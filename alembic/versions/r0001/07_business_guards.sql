-- Records, payables, orders, approvals, files and evidence: what may change is named; everything else is frozen
-- for everybody, the owner included (INV-10, INV-11, INV-12, INV-13).

CREATE FUNCTION fund.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
        DETAIL = format('%s.%s的这些内容一经写入不得修改或删除', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$;

DO $$
DECLARE frozen text;
BEGIN
    FOREACH frozen IN ARRAY ARRAY['fund.record', 'payments.order_item', 'payments.order_payable', 'payments.order_outregion', 'payments.order_event',
        'payments.approval', 'payments.inbound_file', 'payments.inbound_problem', 'payments.batch', 'payments.state',
        'payments.transition', 'payments.inbound_name', 'access.operator_log', 'access.idempotency', 'access.role', 'access.incompatible',
        'fund.settled_term']
    LOOP
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', frozen);
    END LOOP;
    FOREACH frozen IN ARRAY ARRAY['fund.payable', 'payments.pay_order', 'payments.bank_file', 'payments.evidence',
        'fund.intake_load', 'fund.quarantine', 'fund.payee_account']
    LOOP
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', frozen);
    END LOOP;
END $$;

CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, setl_id, subfund, institution, service_year, term, category, day,
    fund_fen, daily_fen, ratio ON fund.payable FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, order_no, fund, batch_id, institution, amount_fen, account, payee_name,
    payee_number, payee_bank, payee_cnaps, purpose, replaces ON payments.pay_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, file_id, batch_id, account, name, created_at, content, sha256, sm3, orders, total_fen
    ON payments.bank_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, account, kind, receipt_no, file_sha256, direction, booking_date, amount_fen,
    other_account, other_name, order_no, bank_reference, is_return, reason_code, reason, digest
    ON payments.evidence FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, institution, version, name, number, bank_name, cnaps, proposed_by
    ON fund.payee_account FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- A payable is booked once, and leaves an order only when that order can no longer pay it.
CREATE FUNCTION fund.check_payable() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE held text;
BEGIN
    IF OLD.recognised_by <> '' AND NEW.recognised_by <> OLD.recognised_by
       OR OLD.settled_by <> '' AND NEW.settled_by <> OLD.settled_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'payable.frozen',
            DETAIL = format('结算%s的入账或结算关联不得更改', OLD.setl_id);
    END IF;
    -- What a month or a letter settles is in no draft any more: the approval gave it up (memorandum.md 2, SET).
    IF OLD.settled_by = '' AND NEW.settled_by <> '' AND NEW.order_no <> '' AND EXISTS (
        SELECT 1 FROM payments.pay_order o WHERE o.region = NEW.region AND o.order_no = NEW.order_no AND o.state = 'draft') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payable.in_draft',
            DETAIL = format('结算%s在未审批的拨付单%s中，不能结算，请重试', OLD.setl_id, NEW.order_no);
    END IF;
    IF OLD.order_no <> '' AND NEW.order_no <> OLD.order_no THEN
        SELECT state INTO held FROM payments.pay_order WHERE region = OLD.region AND order_no = OLD.order_no;
        IF NEW.order_no <> '' OR NOT EXISTS (SELECT 1 FROM payments.state WHERE state = held AND releases) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payable.in_order',
                DETAIL = format('结算%s已在拨付单%s中（%s），不得改入他单', OLD.setl_id, OLD.order_no, held);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_payable BEFORE UPDATE ON fund.payable FOR EACH ROW
    WHEN (OLD.order_no <> '' OR OLD.recognised_by <> '' OR OLD.settled_by <> '') EXECUTE FUNCTION fund.check_payable();

-- A batch is signed by who drafts it: the maker, or the system for a scheduled run (INV-11 compares it at approval).
CREATE FUNCTION payments.check_batch() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.prepared_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'batch.prepared_by',
            DETAIL = format('批次%s只能以当前用户的名义制单', NEW.batch_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_batch BEFORE INSERT ON payments.batch FOR EACH ROW EXECUTE FUNCTION payments.check_batch();

-- Orders begin as drafts and move only along payments.transition; approval needs its approval row.
CREATE FUNCTION payments.check_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE filed text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.state', DETAIL = '拨付单只能以草稿建立';
        END IF;
        IF EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = NEW.region AND a.batch_id = NEW.batch_id) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.already_approved',
                DETAIL = format('批次%s已经审批，不能再加拨付单', NEW.batch_id);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = NEW.state THEN   -- the file changes with the state or not at all
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('拨付单%s的付款文件不得更改', OLD.order_no);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.state',
            DETAIL = format('拨付单%s不能由%s转为%s', OLD.order_no, OLD.state, NEW.state);
    END IF;
    IF OLD.file_id <> NEW.file_id AND 'filed' NOT IN (OLD.state, NEW.state) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('拨付单%s的付款文件不得更改', OLD.order_no);
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'approved' AND (current_user <> 'fundledger_poster' OR NOT EXISTS (
        SELECT 1 FROM payments.approval a WHERE a.region = NEW.region AND a.batch_id = NEW.batch_id)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'order.not_approved',
            DETAIL = format('拨付单%s没有复核审批', OLD.order_no);
    END IF;
    -- An order is filed in a file not yet sent, leaves it backwards only when that file is void, forwards only when it
    -- may have arrived: so no order is ever in two files that a bank could pay (INV-10).
    IF 'filed' IN (OLD.state, NEW.state) THEN
        SELECT f.state INTO filed FROM payments.bank_file f
         WHERE f.region = NEW.region AND f.file_id = CASE OLD.state WHEN 'filed' THEN OLD.file_id ELSE NEW.file_id END;
        IF filed IS NULL OR NOT filed = ANY (CASE WHEN NEW.state = 'filed' THEN '{filed}'::text[]
                WHEN NEW.state IN ('approved', 'cancelled') THEN '{void}' ELSE '{sending,sent,unknown}' END) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.file_state',
                DETAIL = format('拨付单%s不能由%s转为%s：其付款文件的状态为%s', OLD.order_no, OLD.state, NEW.state, coalesce(filed, '无'));
        END IF;
    END IF;
    -- INV-13: paid and returned name their evidence. (Nested, so that the poster's approvals never plan this query.)
    IF NEW.state IN ('paid', 'returned') THEN
        IF NOT EXISTS (
            SELECT 1 FROM payments.evidence e
             WHERE e.region = NEW.region AND e.matched_order = NEW.order_no AND e.outcome = 'posted'
               AND e.direction = CASE NEW.state WHEN 'paid' THEN 'debit' ELSE 'credit' END) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_evidence',
                DETAIL = format('拨付单%s没有据以转为%s的回单', OLD.order_no, NEW.state);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_order_new BEFORE INSERT ON payments.pay_order FOR EACH ROW EXECUTE FUNCTION payments.check_order();
CREATE TRIGGER check_order BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.file_id IS DISTINCT FROM NEW.file_id)
    EXECUTE FUNCTION payments.check_order();

-- What an order is made of is fixed with its draft: nothing joins it once its batch is approved.
CREATE FUNCTION payments.check_parts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE late text;
BEGIN
    SELECT o.order_no INTO late
      FROM (SELECT DISTINCT region, order_no FROM added) n
      JOIN payments.pay_order o ON o.region = n.region AND o.order_no = n.order_no
     WHERE o.state <> 'draft' OR EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = o.region AND a.batch_id = o.batch_id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.fixed', DETAIL = format('拨付单%s已不是草稿，构成不得增加', late);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_parts AFTER INSERT ON payments.order_item REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_parts();
CREATE TRIGGER check_parts AFTER INSERT ON payments.order_payable REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_parts();
CREATE TRIGGER check_parts AFTER INSERT ON payments.order_outregion REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_parts();

-- Files: sent by the cashier, voided by who keeps books, and only while nobody set out to deliver them.
-- sending → filed: that very attempt surely did not arrive; sending → unknown: it may have.
CREATE FUNCTION payments.check_file() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_fund smallint;
BEGIN
    IF TG_OP = 'INSERT' AND NEW.state <> 'filed' OR TG_OP = 'UPDATE' AND (OLD.state, NEW.state) NOT IN (
            ('filed', 'sending'), ('filed', 'void'), ('sending', 'filed'), ('sending', 'unknown'), ('sending', 'sent'),
            ('unknown', 'sent')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'file.state',
            DETAIL = format('付款文件%s不能由%s转为%s', NEW.name, CASE TG_OP WHEN 'UPDATE' THEN OLD.state ELSE '（新建）' END, NEW.state);
    END IF;
    SELECT fund INTO v_fund FROM payments.batch WHERE region = NEW.region AND batch_id = NEW.batch_id;
    PERFORM access.require_role(NEW.region, v_fund, CASE WHEN TG_OP = 'INSERT' OR NEW.state = 'void'
                                THEN '{maker,accountant,system}'::text[] ELSE '{cashier}' END);
    RETURN NEW;
END $$;
CREATE TRIGGER check_file_new BEFORE INSERT ON payments.bank_file FOR EACH ROW EXECUTE FUNCTION payments.check_file();
CREATE TRIGGER check_file BEFORE UPDATE ON payments.bank_file FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION payments.check_file();

-- Evidence that has posted keeps its outcome.
CREATE TRIGGER evidence_used BEFORE UPDATE ON payments.evidence FOR EACH ROW
    WHEN (OLD.outcome IN ('posted', 'confirmed')
          AND (NEW.outcome, NEW.matched_order) IS DISTINCT FROM (OLD.outcome, OLD.matched_order))
    EXECUTE FUNCTION fund.refuse_change();

-- Payee accounts and bank channels: proposed by the one, confirmed by the other, each under his own name; one person with
-- two names is one person (INV-11).
CREATE FUNCTION access.check_two_persons() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.user_name();
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' OR NEW.proposed_by IS DISTINCT FROM acting THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'proposal.by_other', DETAIL = '只能以本人名义提出，待另一人确认';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = 'proposed' AND NEW.state = 'confirmed' THEN
        IF NEW.confirmed_by IS DISTINCT FROM acting OR NOT access.has_role(NEW.region, 0::smallint, acting, '{checker}') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'proposal.not_checker', DETAIL = '须由复核审批岗以本人名义确认';
        END IF;
        IF access.person(NEW.confirmed_by) IS NOT DISTINCT FROM access.person(NEW.proposed_by) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'payee.same_person',
                DETAIL = format('%s提出的须由另一人确认', NEW.proposed_by);
        END IF;
    ELSIF NOT (OLD.state = 'confirmed' AND NEW.state IN ('replaced', 'failed') AND NEW.confirmed_by = OLD.confirmed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'proposal.state',
            DETAIL = format('不能由%s转为%s', OLD.state, NEW.state);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_payee BEFORE INSERT OR UPDATE ON fund.payee_account
    FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE TRIGGER check_channel BEFORE INSERT OR UPDATE ON payments.bank_channel
    FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.bank_channel
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, account, version, channel, proposed_by ON payments.bank_channel
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- The digest of one order: what it pays, to whom, from where, made of what.
CREATE FUNCTION payments.order_digest(p_region integer, p_order_no text) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', o.order_no, o.fund, o.batch_id, o.institution, o.amount_fen, o.account, o.payee_name,
                                       o.payee_number, o.payee_bank, o.payee_cnaps, o.purpose, o.replaces) || E'\n' || coalesce(i.text, '')
                             || E'\n' || coalesce(p.text, ''), 'UTF8'))
      FROM payments.pay_order o
      JOIN LATERAL (SELECT string_agg(concat_ws('|', n, source, subfund, service_year, term, category, amount_fen), E'\n' ORDER BY n) AS text
                      FROM payments.order_item WHERE region = p_region AND order_no = p_order_no) i ON true
      JOIN LATERAL (SELECT string_agg(concat_ws('|', fund, setl_id, subfund, fen), E'\n' ORDER BY setl_id COLLATE "C", subfund) AS text
                      FROM (SELECT fund, setl_id, subfund, daily_fen AS fen FROM payments.order_payable
                             WHERE region = p_region AND order_no = p_order_no
                            UNION ALL
                            SELECT fund, setl_id, 'outregion', amount_fen FROM payments.order_outregion
                             WHERE region = p_region AND order_no = p_order_no) r) p ON true
     WHERE o.region = p_region AND o.order_no = p_order_no
$$;

CREATE FUNCTION payments.batch_digest(p_region integer, p_batch_id text) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(p_batch_id, 'UTF8')
                  || coalesce(string_agg(payments.order_digest(p_region, order_no), ''::bytea ORDER BY order_no COLLATE "C"), ''::bytea))
      FROM payments.pay_order WHERE region = p_region AND batch_id = p_batch_id
$$;

-- Other regions' money with us, by region (2001-异地就医资金), less what is on its way out of it: to hospitals for their
-- patients, back to them, or in the named draft. Below zero: paid for them beyond what they gave.
CREATE FUNCTION payments.held_for(p_region integer, p_fund smallint, p_batch text DEFAULT '') RETURNS TABLE (party text, fen bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sides.party, sum(sides.fen)::bigint FROM (
        SELECT d.counterparty AS party, b.credit - b.debit AS fen FROM books.balance b
          JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.region = p_region AND b.fund = p_fund AND b.account = 200103
        UNION ALL
        SELECT CASE i.source WHEN 9502 THEN i.category ELSE o.institution END, -i.amount_fen
          FROM payments.batch k
          JOIN payments.pay_order o ON o.region = k.region AND o.batch_id = k.batch_id
          JOIN payments.state s ON s.state = o.state
          JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
         WHERE k.region = p_region AND k.fund = p_fund AND k.kind = 'outregion' AND i.source IN (9502, 200103)
           AND (s.in_flight OR k.batch_id = p_batch AND o.state = 'draft')) sides
     GROUP BY sides.party
$$;

-- Money available to order from an own account of the book (T7): its balance less what is approved or in flight, less
-- what of other regions' money lies in it. That is in the 财政专户 (1003), where it comes in, and what no longer fits
-- there is in the 支出户 (1004). For a drafted batch that pays out of it, its own part of it is available.
CREATE FUNCTION payments.available(p_region integer, p_fund smallint, p_account text, p_batch text DEFAULT '') RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH kept AS (
        SELECT a.account, a.kind FROM payments.book_account a
         WHERE a.region = p_region AND a.fund = p_fund AND (a.account = p_account OR a.kind = '1003')),
    free AS (
        SELECT k.account, k.kind,
               (SELECT coalesce(sum(b.debit - b.credit), 0) FROM books.balance b
                  JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                 WHERE b.region = p_region AND b.fund = p_fund AND b.account = k.kind::integer AND d.counterparty = k.account)
             - (SELECT coalesce(sum(o.amount_fen), 0) FROM payments.pay_order o JOIN payments.state s ON s.state = o.state
                 WHERE o.region = p_region AND o.fund = p_fund AND o.account = k.account AND s.in_flight) AS fen
          FROM kept k),
    others AS (   -- what one region has overdrawn takes nothing from what is another's
        SELECT coalesce(sum(h.fen) FILTER (WHERE h.fen > 0), 0) AS fen FROM payments.held_for(p_region, p_fund, p_batch) h)
    SELECT coalesce((SELECT f.fen - CASE f.kind WHEN '1003' THEN others.fen
                            ELSE greatest(0, others.fen - greatest(0, (SELECT coalesce(sum(c.fen), 0) FROM free c WHERE c.kind = '1003'))) END
                       FROM free f, others WHERE f.account = p_account), 0)::bigint
$$;

-- A second person approves exactly what was drafted: role, person, digest and money are checked here, under lock.
CREATE FUNCTION payments.approve(p_region integer, p_batch_id text, p_digest bytea, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_batch  payments.batch;
    v_actor  text;
    v_first  record;
    v_short  record;
    v_owed   record;
    v_orders integer;
BEGIN
    SELECT * INTO v_batch FROM payments.batch b WHERE b.region = p_region AND b.batch_id = p_batch_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'batch.unknown', DETAIL = format('没有拨付批次%s', p_batch_id);
    END IF;
    v_actor := access.require_role(p_region, v_batch.fund, '{checker}');
    -- An UPDATE, not a lock: a snapshot older than it cannot count the money a second time.
    UPDATE payments.book_account SET account = account WHERE region = p_region AND fund = v_batch.fund;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'book.no_account', DETAIL = format('账套%s-%s没有自有账户', p_region, v_batch.fund);
    END IF;
    IF access.person(v_actor) IS NOT DISTINCT FROM access.person(v_batch.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'batch.same_person',
            DETAIL = format('批次%s由%s制单，须由另一人审批', p_batch_id, v_batch.prepared_by);
    END IF;
    IF EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = p_region AND a.batch_id = p_batch_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.already_approved', DETAIL = format('批次%s已经审批', p_batch_id);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.pay_order o
                    WHERE o.region = p_region AND o.batch_id = p_batch_id AND o.state = 'draft') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.discarded', DETAIL = format('批次%s已作废', p_batch_id);
    END IF;
    IF p_digest <> v_batch.digest OR v_batch.digest <> payments.batch_digest(p_region, p_batch_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.changed',
            DETAIL = format('批次%s的内容与所审批的摘要不符，请重新核对', p_batch_id);
    END IF;
    SELECT o.order_no INTO v_owed FROM payments.pay_order o
     WHERE o.region = p_region AND o.batch_id = p_batch_id
       AND o.amount_fen IS DISTINCT FROM (SELECT sum(i.amount_fen) FROM payments.order_item i
                                           WHERE i.region = o.region AND i.order_no = o.order_no) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.sum', DETAIL = format('拨付单%s的金额不等于其构成之和', v_owed.order_no);
    END IF;
    -- Kinds that go first are left their money, whether it lies in a draft of theirs or in none yet (procedure.md 5).
    SELECT coalesce(sum(r.amount_fen), 0)::bigint AS fen,
           string_agg(format('%s%s分', fund.kind_name(r.kind), r.amount_fen), '、') AS words INTO v_first
      FROM fund.reserved_before(p_region, v_batch.fund, v_batch.kind, p_on, true) r;
    FOR v_short IN
        SELECT o.account, sum(o.amount_fen)::bigint AS wanted, payments.available(p_region, v_batch.fund, o.account, p_batch_id) AS there
          FROM payments.pay_order o WHERE o.region = p_region AND o.batch_id = p_batch_id AND o.state = 'draft' GROUP BY o.account
    LOOP
        IF v_short.wanted > v_short.there THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.over_available',
                DETAIL = format('账户%s可用%s分，批次%s需%s分', v_short.account, v_short.there, p_batch_id, v_short.wanted);
        END IF;
        -- What goes first is paid from the 支出户, out of our own money: a transfer out of the 财政专户 waits for none of it, nor
        -- does what another region's money pays.
        IF v_short.wanted > v_short.there - least(v_first.fen, greatest(0, payments.available(p_region, v_batch.fund, v_short.account))) AND EXISTS (
            SELECT 1 FROM payments.book_account a
             WHERE a.region = p_region AND a.fund = v_batch.fund AND a.account = v_short.account AND a.kind = '1004') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.kinds_first',
                DETAIL = format('%s批次%s需%s分：账户%s可用%s分，须先留给%s', fund.kind_name(v_batch.kind), p_batch_id,
                                v_short.wanted, v_short.account, v_short.there, v_first.words);
        END IF;
    END LOOP;
    -- Nothing is ordered that is not owed: a record settled since the draft, or 9103, 9106 and 9502 by institution (V1).
    SELECT p.setl_id, p.settled_by INTO v_owed
      FROM payments.pay_order o
      JOIN payments.order_payable d ON d.region = o.region AND d.order_no = o.order_no
      JOIN fund.payable p ON p.region = d.region AND p.fund = d.fund AND p.setl_id = d.setl_id AND p.subfund = d.subfund
     WHERE o.region = p_region AND o.batch_id = p_batch_id
       AND (p.settled_by <> '' OR p.order_no <> o.order_no
            OR EXISTS (SELECT 1 FROM fund.settled_term t WHERE t.region = p.region AND t.fund = p.fund
                          AND t.institution = p.institution AND t.term = p.term))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.settled',
            DETAIL = format('批次%s中的结算%s已不可日拨付（月结%s），请作废后重新制单', p_batch_id, v_owed.setl_id, v_owed.settled_by);
    END IF;
    SELECT w.institution, w.source, w.wanted, coalesce(b.owed, 0) AS owed INTO v_owed
      FROM (SELECT o.institution, i.source, sum(i.amount_fen)::bigint AS wanted
              FROM payments.pay_order o
              JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
             WHERE o.region = p_region AND o.batch_id = p_batch_id AND i.source IN (9103, 9106, 9502)
             GROUP BY o.institution, i.source) w
      LEFT JOIN LATERAL (SELECT sum(b.credit - b.debit)::bigint AS owed FROM books.balance b
                           JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                          WHERE b.region = p_region AND b.fund = v_batch.fund AND b.account = w.source
                            AND d.counterparty = w.institution) b ON true
     WHERE w.wanted > coalesce(b.owed, 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.not_owed',
            DETAIL = format('机构%s在%s上应付%s分，批次%s要拨付%s分', v_owed.institution, v_owed.source, v_owed.owed, p_batch_id, v_owed.wanted);
    END IF;
    PERFORM fund.check_outregion_batch(p_region, p_batch_id);
    INSERT INTO payments.approval VALUES (p_region, p_batch_id, p_digest, v_batch.prepared_by, v_actor, p_on);
    UPDATE payments.pay_order SET state = 'approved' WHERE region = p_region AND batch_id = p_batch_id AND state = 'draft';
    GET DIAGNOSTICS v_orders = ROW_COUNT;
    RETURN v_orders;
END $$;

-- The books an account pays for, whoever asks: who may not see all of them may not read its receipts.
CREATE FUNCTION payments.account_funds(p_region integer, p_account text) RETURNS smallint[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT fund ORDER BY fund), '{}') FROM payments.book_account
     WHERE region = p_region AND account = p_account
$$;

-- User administration goes through these: the acting user must be the region's administrator.
CREATE FUNCTION access.add_user(p_region integer, p_user text, p_person text, p_display text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    INSERT INTO access.app_user VALUES (p_user, p_person, p_display);
END $$;

CREATE FUNCTION access.grant_role(p_region integer, p_user text, p_role text, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.require_admin(p_region);
BEGIN
    IF access.person(acting) = access.person(p_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.own_grant', DETAIL = '不得给自己授予角色';
    END IF;
    INSERT INTO access.user_role VALUES (p_region, p_user, p_role, p_fund) ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION access.revoke_role(p_region integer, p_user text, p_role text, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    DELETE FROM access.user_role WHERE region = p_region AND user_name = p_user AND role = p_role AND fund = p_fund;
END $$;

CREATE FUNCTION access.add_key(p_region integer, p_user text, p_hash bytea, p_label text, p_expires date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    IF NOT EXISTS (SELECT 1 FROM access.user_role WHERE region = p_region AND user_name = p_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.unknown', DETAIL = format('用户%s在本统筹区没有角色', p_user);
    END IF;
    -- A key opens every region its user works in: only somebody who administers them all may issue it.
    IF EXISTS (SELECT 1 FROM access.user_role r WHERE r.user_name = p_user AND r.region <> p_region
                  AND NOT EXISTS (SELECT 1 FROM access.user_role mine WHERE mine.user_name = access.user_name()
                                     AND mine.region = r.region AND mine.role = 'admin' AND mine.fund = 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'user.other_region',
            DETAIL = format('用户%s还在其他统筹区任职，不能由本统筹区签发密钥', p_user);
    END IF;
    INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on)
    VALUES (p_hash, p_region, p_user, p_label, p_expires);
END $$;

CREATE FUNCTION access.revoke_key(p_region integer, p_hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    UPDATE access.api_key SET revoked = true WHERE key_hash = p_hash AND issued_in = p_region;
END $$;

-- Statistics after a bulk load: without them the planner, which believes the tables empty, joins them row by row.
CREATE FUNCTION fund.refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    ANALYZE fund.record;
    ANALYZE fund.payable;
END $$;
