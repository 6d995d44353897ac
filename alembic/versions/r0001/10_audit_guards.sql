-- What the month's first three steps may do to each other's rows, for everybody: states move along their tables,
-- a second person signs what needs one, amounts are lowered only by review and panel, money taken only from final findings.

DO $$
DECLARE frozen text;
BEGIN
    FOREACH frozen IN ARRAY ARRAY['fund.reconcile_total', 'fund.reconcile_run', 'fund.settlement_list', 'fund.declaration_transition',
        'fund.declaration_event', 'fund.audit_policy', 'fund.finding_transition', 'fund.finding_event', 'fund.finding_taken',
        'fund.finding_evidence', 'fund.sample', 'fund.sample_record', 'fund.trace_code']
    LOOP
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', frozen);
    END LOOP;
    FOREACH frozen IN ARRAY ARRAY['fund.reconciliation', 'fund.difference', 'fund.declaration', 'fund.finding', 'fund.held']
    LOOP
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', frozen);
    END LOOP;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OR TRUNCATE ON fund.declared FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, run_id, n, setl_id, mdtrt_id, psn_no, refd_setl_flag, outcome, our_medfee_fen,
    our_fund_fen, our_acct_fen, their_medfee_fen, their_fund_fen, their_acct_fen ON fund.difference
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, declaration_id, institution, term, clr_type, clr_way, setlym, late, psntime,
    records, medfee_fen, med_sumfee_fen, fund_appy_fen, cash_fen, acct_fen, pool_fen, book_acct_fen, begndate, enddate, run_id, msgid,
    digest, declared_by, declared_on ON fund.declaration FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, finding_id, fund, institution, setl_id, subfund, service_year, term, category, kind,
    found_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest ON fund.finding
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- What is brought in is signed by who brings it, and that is the agency's business, not the cashier's or the reviewer's.
CREATE FUNCTION fund.refuse_signer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'business.signer',
        DETAIL = format('%s只能由经办或数据接入岗以自己的名义登记', TG_TABLE_NAME);
END $$;
DO $$
DECLARE signed text[];
BEGIN
    FOREACH signed SLICE 1 IN ARRAY ARRAY[['reconcile_total', 'compared_by'], ['reconcile_run', 'compared_by'],
        ['settlement_list', 'loaded_by'], ['trace_code', 'loaded_by'], ['audit_policy', 'set_by'], ['finding_evidence', 'added_by'],
        ['sample', 'drawn_by']]
    LOOP
        EXECUTE format('CREATE TRIGGER signer BEFORE INSERT ON fund.%1$I FOR EACH ROW
                        WHEN (NEW.%2$I IS DISTINCT FROM access.user_name()
                              OR NOT access.has_role(NEW.region, 0::smallint, NEW.%2$I, ''{maker,intake,system}''))
                        EXECUTE FUNCTION fund.refuse_signer()', signed[1], signed[2]);
    END LOOP;
END $$;

-- agreed means: a comparison of this very line over our records as digested, and nothing of it unresolved.
CREATE FUNCTION fund.check_reconciliation() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state = 'agreed' AND NOT EXISTS (
        SELECT 1 FROM fund.reconcile_run r
         WHERE r.region = NEW.region AND r.run_id = NEW.run_id AND r.digest = NEW.digest
           AND (r.fund, r.institution, r.term, r.clr_type) = (NEW.fund, NEW.institution, NEW.term, NEW.clr_type)
           AND r.setl_optins = '' AND r.refd_setl_flag = '1'
           AND (SELECT count(*) FROM fund.difference d WHERE d.region = r.region AND d.run_id = r.run_id)
               = r.center_only + r.provider_only + r.amount_diff
           AND NOT EXISTS (SELECT 1 FROM fund.difference d
                            WHERE d.region = r.region AND d.run_id = r.run_id AND d.confirmed_by = '')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconcile.not_agreed',
            DETAIL = format('机构%s %s期清算类别%s尚有未核对或未解决的差异，不能置为平', NEW.institution, NEW.term, NEW.clr_type);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_reconciliation BEFORE INSERT OR UPDATE ON fund.reconciliation
    FOR EACH ROW EXECUTE FUNCTION fund.check_reconciliation();

-- A difference is decided by two persons; a confirmed decision stays.
CREATE FUNCTION fund.check_difference() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.decision <> '' OR NEW.confirmed_by <> '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'difference.state', DETAIL = '差异只能以未处理状态登记';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.confirmed_by <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'difference.decided',
            DETAIL = format('结算%s的差异已由%s确认处理，不得更改', OLD.setl_id, OLD.confirmed_by);
    END IF;
    IF NEW.confirmed_by = '' THEN
        IF access.require_role(NEW.region, NEW.fund, '{maker}') <> NEW.proposed_by THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'difference.proposed_by', DETAIL = '差异处理只能以当前用户的名义提出';
        END IF;
        RETURN NEW;
    END IF;
    IF access.require_role(NEW.region, NEW.fund, '{checker}') <> NEW.confirmed_by
       OR access.person(NEW.confirmed_by) IS NOT DISTINCT FROM access.person(OLD.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'difference.same_person',
            DETAIL = format('结算%s的差异处理由%s提出，须由另一人以自己的名义确认', OLD.setl_id, OLD.proposed_by);
    END IF;
    IF (NEW.decision, NEW.reason, NEW.proposed_by, NEW.proposed_on)
       IS DISTINCT FROM (OLD.decision, OLD.reason, OLD.proposed_by, OLD.proposed_on) OR NEW.confirmed_on < NEW.proposed_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'difference.changed', DETAIL = '确认时不得改动所提处理';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_difference BEFORE INSERT OR UPDATE ON fund.difference FOR EACH ROW EXECUTE FUNCTION fund.check_difference();

-- A declaration begins as 已申请, of an agreed line, by who signs it.
CREATE FUNCTION fund.check_declaration() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.declared_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'declare.declared_by', DETAIL = '申报只能以当前用户的名义登记';
    END IF;
    IF NEW.state <> '10' OR NEW.withdrawn THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.state', DETAIL = '申报只能以已申请状态登记';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM fund.reconciliation r WHERE r.region = NEW.region AND r.fund = NEW.fund
                      AND r.institution = NEW.institution AND r.term = NEW.term AND r.clr_type = NEW.clr_type
                      AND r.state = 'agreed' AND r.run_id = NEW.run_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.not_reconciled',
            DETAIL = format('机构%s %s期清算类别%s尚未对账一致，不能申报', NEW.institution, NEW.term, NEW.clr_type);
    END IF;
    RETURN NEW;
END $$;
-- Its first event, written with it.
CREATE FUNCTION fund.begin_declaration() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO fund.declaration_event VALUES (NEW.region, NEW.declaration_id, 1, 'apply', '', '10', NEW.declared_by, NEW.declared_on, '');
    RETURN NULL;
END $$;
CREATE TRIGGER begin_declaration AFTER INSERT ON fund.declaration FOR EACH ROW EXECUTE FUNCTION fund.begin_declaration();
CREATE TRIGGER check_declaration BEFORE INSERT ON fund.declaration FOR EACH ROW EXECUTE FUNCTION fund.check_declaration();

-- The records of a declaration are all and only of its line, and no more than it counts.
CREATE FUNCTION fund.check_declared() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_bad record;
BEGIN
    SELECT n.setl_id, n.declaration_id INTO v_bad
      FROM added n
      LEFT JOIN fund.declaration d ON d.region = n.region AND d.declaration_id = n.declaration_id AND d.fund = n.fund
                                  AND d.state = '10' AND NOT d.withdrawn
      LEFT JOIN fund.record r ON r.region = n.region AND r.setl_id = n.setl_id AND r.fixmedins_code = d.institution
                             AND r.clr_type = d.clr_type
                             AND extract(year FROM r.setl_time) * 100 + extract(month FROM r.setl_time) = d.term
     WHERE r.setl_id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.foreign_record',
            DETAIL = format('结算%s不属于申报%s', v_bad.setl_id, v_bad.declaration_id);
    END IF;
    SELECT d.declaration_id INTO v_bad FROM fund.declaration d
     WHERE (d.region, d.declaration_id) IN (SELECT DISTINCT region, declaration_id FROM added)
       AND (SELECT count(*) FROM fund.declared c WHERE c.region = d.region AND c.declaration_id = d.declaration_id) > d.records
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.complete', DETAIL = format('申报%s的明细已完整，不得增加', v_bad.declaration_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_declared AFTER INSERT ON fund.declared REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_declared();

-- At the end of its transaction a declaration's totals are the sums of its records.
CREATE FUNCTION fund.check_declaration_sums() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_sums record;
BEGIN
    IF EXISTS (SELECT 1 FROM fund.declaration d WHERE d.region = NEW.region AND d.declaration_id = NEW.declaration_id
                  AND (d.withdrawn OR d.state = '70')) THEN
        RETURN NULL;                     -- taken back within the transaction that made it
    END IF;
    SELECT count(*) AS records, sum(CASE WHEN r.init_setl_id <> '' THEN -1 ELSE 1 END) AS psntime, sum(r.medfee_sumamt) AS medfee,
           sum(r.hi_agre_sumfee) AS agreed, sum(r.fund_pay_sumamt) AS appy, sum(r.psn_cash_pay) AS cash, sum(r.acct_pay) AS acct,
           sum(coalesce(p.pool, 0)) AS pool, sum(coalesce(p.acct, 0)) AS book_acct
      INTO v_sums
      FROM fund.declared c
      JOIN fund.record r ON r.region = c.region AND r.setl_id = c.setl_id
      LEFT JOIN (SELECT setl_id, sum(fund_fen) FILTER (WHERE subfund = 'pool') AS pool, sum(fund_fen) FILTER (WHERE subfund = 'acct') AS acct
                   FROM fund.payable WHERE region = NEW.region AND fund = NEW.fund AND institution = NEW.institution
                    AND term = NEW.term GROUP BY setl_id) p ON p.setl_id = c.setl_id
     WHERE c.region = NEW.region AND c.declaration_id = NEW.declaration_id;
    IF (v_sums.records, v_sums.psntime, v_sums.medfee, v_sums.agreed, v_sums.appy, v_sums.cash, v_sums.acct, v_sums.pool, v_sums.book_acct)
       IS DISTINCT FROM (NEW.records, NEW.psntime, NEW.medfee_fen, NEW.med_sumfee_fen, NEW.fund_appy_fen, NEW.cash_fen, NEW.acct_fen,
                         NEW.pool_fen, NEW.book_acct_fen) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.sums', DETAIL = format('申报%s的合计与其结算记录之和不符', NEW.declaration_id);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_declaration_sums AFTER INSERT ON fund.declaration DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fund.check_declaration_sums();

-- The one way a declaration changes; returns its new state. The same act again gives the first answer.
CREATE FUNCTION fund.move_declaration(p_region integer, p_declaration_id text, p_event text, p_on date, p_reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row  fund.declaration;
    v_move fund.declaration_transition;
    v_last record;
    v_user text;
    v_free text[] := '{}';
BEGIN
    SELECT * INTO v_row FROM fund.declaration WHERE region = p_region AND declaration_id = p_declaration_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'declare.unknown', DETAIL = format('没有申报%s', p_declaration_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,accountant,cashier,system}');
    SELECT n, event, to_state, user_name, business_date, reason INTO v_last FROM fund.declaration_event
     WHERE region = p_region AND declaration_id = p_declaration_id ORDER BY n DESC LIMIT 1;
    IF (v_last.event, v_last.user_name, v_last.business_date, v_last.reason) = (p_event, v_user, p_on, p_reason) THEN
        RETURN v_last.to_state;
    END IF;
    SELECT * INTO v_move FROM fund.declaration_transition WHERE from_state = v_row.state AND event = p_event;
    IF NOT FOUND OR v_row.withdrawn THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.state',
            DETAIL = format('申报%s的清算状态为%s%s，不能%s', p_declaration_id, v_row.state,
                            CASE WHEN v_row.withdrawn THEN '（已撤销）' ELSE '' END, p_event);
    END IF;
    PERFORM access.require_role(p_region, v_row.fund, v_move.roles);
    IF v_move.second AND access.person(v_user) IS NOT DISTINCT FROM access.person(v_row.declared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'declare.same_person',
            DETAIL = format('申报%s由%s登记，须由另一人处理', p_declaration_id, v_row.declared_by);
    END IF;
    IF p_on < coalesce(v_last.business_date, v_row.declared_on) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'declare.date', DETAIL = format('%s早于申报%s的上一步', p_on, p_declaration_id);
    END IF;
    IF p_event IN ('withdraw', 'reject') THEN
        IF p_reason = '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'declare.reason', DETAIL = '撤销或驳回须说明原因';
        END IF;
        WITH freed AS (DELETE FROM fund.declared WHERE region = p_region AND declaration_id = p_declaration_id RETURNING setl_id)
        SELECT coalesce(array_agg(setl_id ORDER BY setl_id COLLATE "C"), '{}') INTO v_free FROM freed;
    END IF;
    IF p_event = 'settle' AND EXISTS (
        SELECT 1 FROM fund.declared c
          JOIN fund.payable p ON p.region = c.region AND p.fund = c.fund AND p.setl_id = c.setl_id
         WHERE c.region = p_region AND c.declaration_id = p_declaration_id AND p.settled_by = '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.unsettled', DETAIL = format('申报%s尚有未结算的应付款', p_declaration_id);
    END IF;
    IF p_event IN ('pay', 'return') AND NOT EXISTS (
        SELECT 1 FROM fund.declaration_event e
          JOIN fund.sheet_order x ON x.region = e.region AND x.sheet_id = e.reason AND x.order_no = p_reason
          JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no
         WHERE e.region = p_region AND e.declaration_id = p_declaration_id AND e.event = 'settle'
           AND o.state = CASE p_event WHEN 'pay' THEN 'paid' ELSE 'returned' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.no_payment',
            DETAIL = format('申报%s的月结算没有已%s的拨付单“%s”', p_declaration_id,
                            CASE p_event WHEN 'pay' THEN '付妥' ELSE '退汇' END, p_reason);
    END IF;
    UPDATE fund.declaration SET state = v_move.to_state, withdrawn = p_event = 'withdraw'
     WHERE region = p_region AND declaration_id = p_declaration_id;
    INSERT INTO fund.declaration_event VALUES (p_region, p_declaration_id, coalesce(v_last.n, 0) + 1, p_event, v_row.state,
        v_move.to_state, v_user, p_on, p_reason, v_free);
    RETURN v_move.to_state;
END $$;

-- The last day to appeal what was found on a day: N working days of the region's policy. An unknown year is refused.
CREATE FUNCTION fund.appeal_until(p_region integer, p_found_on date) RETURNS date LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_left integer := coalesce((SELECT value FROM fund.audit_policy WHERE region = p_region AND key = 'appeal_days'
                                   AND from_day <= p_found_on ORDER BY from_day DESC LIMIT 1), 10);   -- [choice] 10 working days
    v_day  date := p_found_on;
BEGIN
    WHILE v_left > 0 LOOP
        v_day := v_day + 1;
        IF NOT EXISTS (SELECT 1 FROM fund.calendar_year WHERE year = extract(year FROM v_day)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.unknown_year',
                DETAIL = format('%s年节假日安排尚未导入，不能推算工作日', extract(year FROM v_day));
        END IF;
        IF coalesce((SELECT working FROM fund.calendar_day WHERE day = v_day), extract(isodow FROM v_day) < 6) THEN
            v_left := v_left - 1;
        END IF;
    END LOOP;
    RETURN v_day;
END $$;

-- Raises unless `p_amount` may be deducted for the record's share of this book.
CREATE FUNCTION fund.require_deductible(p_region integer, p_fund smallint, p_setl_id text, p_subfund text, p_amount bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_fen bigint := (SELECT fund_fen FROM fund.payable
                          WHERE region = p_region AND fund = p_fund AND setl_id = p_setl_id AND subfund = p_subfund);
BEGIN
    IF v_fen IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'finding.no_record',
            DETAIL = format('本账套没有结算%s的%s基金支付', p_setl_id, CASE p_subfund WHEN 'pool' THEN '统筹' ELSE '个账' END);
    END IF;
    IF EXISTS (SELECT 1 FROM fund.record WHERE region = p_region AND init_setl_id = p_setl_id AND init_setl_id <> '')
       OR EXISTS (SELECT 1 FROM fund.record WHERE region = p_region AND setl_id = p_setl_id AND init_setl_id <> '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.reversed', DETAIL = format('结算%s已冲正或本身为冲正，不再审核扣款', p_setl_id);
    END IF;
    IF p_amount > v_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.over_record',
            DETAIL = format('扣款%s分超过结算%s的基金支付%s分', p_amount, p_setl_id, v_fen);
    END IF;
END $$;

CREATE FUNCTION fund.check_finding() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{maker,intake,system}') <> NEW.found_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'finding.found_by', DETAIL = '审核结果只能以当前用户的名义登记';
    END IF;
    IF NEW.state <> 'first' OR NEW.taken_fen <> 0 OR NEW.amount_fen <> NEW.found_fen OR NEW.final_on IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.state', DETAIL = '审核结果只能以初审状态登记';
    END IF;
    IF NEW.setl_id <> '' THEN
        PERFORM fund.require_deductible(NEW.region, NEW.fund, NEW.setl_id, NEW.subfund, NEW.found_fen);
        IF NOT EXISTS (SELECT 1 FROM fund.payable p
                        WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.setl_id = NEW.setl_id AND p.subfund = NEW.subfund
                          AND (p.institution, p.service_year, p.term, p.category)
                              = (NEW.institution, NEW.service_year, NEW.term, NEW.category)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.other_record',
                DETAIL = format('结算%s的机构、年度、期号或类别与审核结果%s不符', NEW.setl_id, NEW.finding_id);
        END IF;
    END IF;
    NEW.appeal_until := fund.appeal_until(NEW.region, NEW.found_on);
    RETURN NEW;
END $$;
CREATE TRIGGER check_finding BEFORE INSERT ON fund.finding FOR EACH ROW EXECUTE FUNCTION fund.check_finding();

-- high blocks at once, whoever wrote the finding.
CREATE FUNCTION fund.begin_finding() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO fund.finding_event VALUES (NEW.region, NEW.finding_id, 1, 'find', '', 'first', NEW.severity, NEW.found_fen,
        NEW.found_by, NEW.found_on, NEW.content);
    IF NEW.severity = 'high' AND NEW.setl_id <> '' THEN
        INSERT INTO fund.held VALUES (NEW.region, NEW.fund, NEW.setl_id, NEW.finding_id, NEW.rule_name, NEW.found_on);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER begin_finding AFTER INSERT ON fund.finding FOR EACH ROW EXECUTE FUNCTION fund.begin_finding();

-- The panel 合议: at least three persons with a post in the region.
CREATE FUNCTION fund.require_panel(p_region integer, p_fund smallint, p_members text[]) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_stranger text;
BEGIN
    SELECT m INTO v_stranger FROM unnest(p_members) m
     WHERE NOT access.has_role(p_region, p_fund, m, '{maker,checker,accountant,reviewer}') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.panel_member', DETAIL = format('合议成员%s在本账套没有岗位', v_stranger);
    END IF;
    IF (SELECT count(DISTINCT access.person(m)) FROM unnest(p_members) m) < 3 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.panel_small', DETAIL = '合议须有三名以上不同的成员';
    END IF;
END $$;

-- The one way a finding changes; returns its new state. The same act again gives the first answer.
CREATE FUNCTION fund.move_finding(p_region integer, p_finding_id text, p_event text, p_on date, p_reason text, p_amount bigint,
                                  p_members text[], p_severity text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row    fund.finding;
    v_move   fund.finding_transition;
    v_last   fund.finding_event;
    v_user   text;
    v_amount bigint;
    v_grade  text;
BEGIN
    SELECT * INTO v_row FROM fund.finding WHERE region = p_region AND finding_id = p_finding_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'finding.unknown', DETAIL = format('没有审核结果%s', p_finding_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,intake,system}');
    SELECT * INTO v_last FROM fund.finding_event
     WHERE region = p_region AND finding_id = p_finding_id ORDER BY n DESC LIMIT 1;
    IF (v_last.event, v_last.user_name, v_last.business_date, v_last.reason, v_last.members) = (p_event, v_user, p_on, p_reason, p_members)
       AND v_last.amount_fen = coalesce(p_amount, v_last.amount_fen) AND p_severity IN ('', v_last.severity) THEN
        RETURN v_last.to_state;
    END IF;
    SELECT * INTO v_move FROM fund.finding_transition WHERE from_state = v_row.state AND event = p_event;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.state', DETAIL = format('审核结果%s处于%s，不能%s', p_finding_id, v_row.state, p_event);
    END IF;
    PERFORM access.require_role(p_region, v_row.fund, v_move.roles);
    IF NOT v_row.severity = ANY (v_move.severities) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.severity',
            DETAIL = format('审核结果%s为%s级，不能%s：低级只作提醒，须先改级', p_finding_id, v_row.severity, p_event);
    END IF;
    IF p_reason = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.reason', DETAIL = format('审核结果%s的处理须说明理由', p_finding_id);
    END IF;
    IF p_on < v_last.business_date THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.date', DETAIL = format('%s早于审核结果%s的上一步%s', p_on, p_finding_id, v_last.business_date);
    END IF;
    IF v_move.second AND access.person(v_user) IN (
        SELECT access.person(e.user_name) FROM fund.finding_event e
         WHERE e.region = p_region AND e.finding_id = p_finding_id AND e.event IN ('find', 'review', 'panel')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'finding.same_person', DETAIL = format('审核结果%s须由登记、复审者以外的人处理', p_finding_id);
    END IF;
    IF v_move.appeal = 'within' AND p_on > v_row.appeal_until THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.appeal_late', DETAIL = format('审核结果%s的申诉期截至%s', p_finding_id, v_row.appeal_until);
    ELSIF v_move.appeal = 'after' AND p_on <= v_row.appeal_until THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.appeal_open', DETAIL = format('审核结果%s在%s前仍可申诉', p_finding_id, v_row.appeal_until);
    END IF;
    IF p_amount IS NOT NULL AND (p_event NOT IN ('review', 'decide') OR p_amount NOT BETWEEN 1 AND v_row.found_fen) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.amount',
            DETAIL = format('审核结果%s只能在复审或合议时定额，且不超过初审的%s分（不扣款须取消）', p_finding_id, v_row.found_fen);
    END IF;
    v_amount := coalesce(p_amount, v_row.amount_fen);
    IF p_severity NOT IN ('', 'low', 'middle', 'high') OR (p_severity <> '') <> (p_event = 'regrade') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.grade', DETAIL = '改级须且仅须写明low、middle或high';
    END IF;
    v_grade := coalesce(nullif(p_severity, ''), v_row.severity);
    IF p_event = 'panel' THEN
        PERFORM fund.require_panel(p_region, v_row.fund, p_members);
    ELSIF p_members <> '{}' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'finding.members', DETAIL = '只有合议才写明成员';
    END IF;
    IF p_event = 'decide' AND NOT v_user = ANY (v_last.members) AND NOT EXISTS (
        SELECT 1 FROM fund.finding_event e WHERE e.region = p_region AND e.finding_id = p_finding_id AND e.event = 'panel'
           AND v_user = ANY (e.members)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'finding.not_member', DETAIL = format('用户%s不是审核结果%s的合议成员', v_user, p_finding_id);
    END IF;
    IF v_move.to_state = 'final' AND v_row.setl_id <> '' THEN
        -- All findings of the record under one lock: together they take no more than the fund paid for it.
        PERFORM 1 FROM fund.payable WHERE region = p_region AND fund = v_row.fund AND setl_id = v_row.setl_id
            AND subfund = v_row.subfund FOR UPDATE;
        PERFORM fund.require_deductible(p_region, v_row.fund, v_row.setl_id, v_row.subfund, v_amount + (
            SELECT coalesce(sum(f.amount_fen), 0)::bigint FROM fund.finding f
             WHERE f.region = p_region AND f.fund = v_row.fund AND f.setl_id = v_row.setl_id AND f.subfund = v_row.subfund
               AND f.state = 'final'));
    END IF;
    IF v_row.state = 'final' AND (v_row.taken_fen > 0 OR NOT EXISTS (
        SELECT 1 FROM fund.record WHERE region = p_region AND init_setl_id = v_row.setl_id AND init_setl_id <> '')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.final', DETAIL = format('审核结果%s已终审，仅在结算已冲正且未扣款时可取消', p_finding_id);
    END IF;
    UPDATE fund.finding SET state = v_move.to_state, amount_fen = v_amount, severity = v_grade,
           final_on = CASE v_move.to_state WHEN 'final' THEN p_on ELSE final_on END
     WHERE region = p_region AND finding_id = p_finding_id;
    INSERT INTO fund.finding_event VALUES (p_region, p_finding_id, v_last.n + 1, p_event, v_row.state, v_move.to_state, v_grade,
        v_amount, v_user, p_on, p_reason, p_members);
    IF p_event = 'release' OR v_grade <> 'high' OR v_move.to_state IN ('final', 'cancelled') THEN
        UPDATE fund.held SET released_by = v_user, released_on = p_on
         WHERE region = p_region AND finding_id = p_finding_id AND released_by = '';
    ELSIF p_event = 'regrade' AND v_row.setl_id <> '' THEN
        INSERT INTO fund.held VALUES (p_region, v_row.fund, v_row.setl_id, p_finding_id, p_reason, p_on)
        ON CONFLICT (region, fund, setl_id, finding_id) DO UPDATE
            SET reason = excluded.reason, since = excluded.since, released_by = '', released_on = NULL;
    END IF;
    RETURN v_move.to_state;
END $$;

-- Takes part of a final finding into a month sheet or clearing letter; returns what is left. Once per sheet.
CREATE FUNCTION fund.take_finding(p_region integer, p_finding_id text, p_sheet_id text, p_fen bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row  fund.finding;
    v_user text;
    v_fen  bigint;
BEGIN
    SELECT * INTO v_row FROM fund.finding WHERE region = p_region AND finding_id = p_finding_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'finding.unknown', DETAIL = format('没有审核结果%s', p_finding_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,system}');
    SELECT amount_fen INTO v_fen FROM fund.finding_taken WHERE region = p_region AND finding_id = p_finding_id AND sheet_id = p_sheet_id;
    IF FOUND THEN
        IF v_fen <> p_fen THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.taken_otherwise',
                DETAIL = format('审核结果%s在%s中已扣%s分，不能再扣%s分', p_finding_id, p_sheet_id, v_fen, p_fen);
        END IF;
        RETURN v_row.amount_fen - v_row.taken_fen;
    END IF;
    IF v_row.state <> 'final' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.not_final', DETAIL = format('审核结果%s处于%s，只有终审结果可以扣款', p_finding_id, v_row.state);
    END IF;
    IF v_row.setl_id <> '' AND EXISTS (SELECT 1 FROM fund.record WHERE region = p_region AND init_setl_id = v_row.setl_id AND init_setl_id <> '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.reversed', DETAIL = format('结算%s已冲正，不再扣款', v_row.setl_id);
    END IF;
    -- What takes it is an approved month sheet or letter of the same institution and book: else the deduction is lost.
    IF NOT EXISTS (SELECT 1 FROM fund.sheet s WHERE s.region = p_region AND s.sheet_id = p_sheet_id AND s.state = 'approved'
                      AND (s.fund, s.institution) = (v_row.fund, v_row.institution))
       AND NOT EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = p_region AND l.letter_id = p_sheet_id
                          AND l.state NOT IN ('draft', 'void') AND (l.fund, l.institution) = (v_row.fund, v_row.institution)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.no_sheet',
            DETAIL = format('没有机构%s已审批的月结算单或清算确认书%s，不能扣款', v_row.institution, p_sheet_id);
    END IF;
    IF p_fen <= 0 OR p_fen > v_row.amount_fen - v_row.taken_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'finding.over_taken',
            DETAIL = format('审核结果%s尚可扣%s分，不能扣%s分', p_finding_id, v_row.amount_fen - v_row.taken_fen, p_fen);
    END IF;
    INSERT INTO fund.finding_taken VALUES (p_region, p_finding_id, p_sheet_id, p_fen, v_user);
    UPDATE fund.finding SET taken_fen = taken_fen + p_fen,
           detd_stas = CASE WHEN taken_fen + p_fen < amount_fen THEN '20' ELSE '30' END
     WHERE region = p_region AND finding_id = p_finding_id;
    RETURN v_row.amount_fen - v_row.taken_fen - p_fen;
END $$;

-- A held record enters no order, and an order that holds one is not approved.
CREATE FUNCTION fund.refuse_held_payable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_held record;
BEGIN
    SELECT h.setl_id, h.reason INTO v_held FROM added a
      JOIN fund.held h ON h.region = a.region AND h.fund = a.fund AND h.setl_id = a.setl_id AND h.released_by = '' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payable.held', DETAIL = format('结算%s已被审核拦截（%s），不得拨付', v_held.setl_id, v_held.reason);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_held_payable AFTER INSERT ON payments.order_payable REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_held_payable();

CREATE FUNCTION fund.refuse_held_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_held record;
BEGIN
    SELECT h.setl_id, h.reason INTO v_held FROM payments.order_payable a
      JOIN fund.held h ON h.region = a.region AND h.fund = a.fund AND h.setl_id = a.setl_id AND h.released_by = ''
     WHERE a.region = NEW.region AND a.order_no = NEW.order_no LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.held',
            DETAIL = format('拨付单%s中的结算%s已被审核拦截（%s），请作废后重新制单', NEW.order_no, v_held.setl_id, v_held.reason);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_held_order BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved') EXECUTE FUNCTION fund.refuse_held_order();

GRANT INSERT ON fund.reconciliation, fund.reconcile_total, fund.reconcile_run, fund.difference, fund.settlement_list, fund.declaration,
    fund.declared, fund.audit_policy, fund.finding, fund.finding_evidence, fund.sample, fund.sample_record, fund.trace_code TO fundledger_service;
GRANT UPDATE (state, run_id, total_id, records, differences, digest) ON fund.reconciliation TO fundledger_service;
GRANT UPDATE (decision, reason, proposed_by, proposed_on, confirmed_by, confirmed_on) ON fund.difference TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.move_declaration, fund.move_finding, fund.take_finding, fund.appeal_until TO fundledger_service;
