-- Clearing: who may write what, and when. A letter moves draft → approved → sent → confirmed_by_institution → confirmed;
-- what it says is hashed with its first row and approved, signed and booked only as hashed.

-- Proposed in one's own name by a maker, approved once in one's own name by a checker who is another person.
CREATE FUNCTION fund.check_second_person() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_by <> '' OR access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.prepared_by THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'clearing.prepared_by', DETAIL = '清算数据只能以当前用户的名义提出';
        END IF;
        RETURN NEW;
    END IF;
    acting := access.require_role(NEW.region, NEW.fund, '{checker}');
    IF OLD.approved_by <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.already_approved', DETAIL = format('已由%s复核', OLD.approved_by);
    END IF;
    IF NEW.approved_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'clearing.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', OLD.prepared_by);
    END IF;
    RETURN NEW;
END $$;

-- The canonical text of a plan, hashed: its classes, then the institutions' shares.
CREATE FUNCTION fund.clearing_plan_digest(p_region integer, p_fund smallint, p_year smallint) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', p_region, p_fund, p_year, p.document) || E'\n' || coalesce(b.text, '') || E'\n'
                             || coalesce(s.text, ''), 'UTF8'))
      FROM (SELECT document FROM fund.clearing_plan WHERE region = p_region AND fund = p_fund AND year = p_year) p,
           (SELECT string_agg(concat_ws('|', class, amount_fen, reserve_fen, method, units, personal_fen, published), E'\n'
                              ORDER BY class COLLATE "C") AS text
              FROM fund.clearing_budget WHERE region = p_region AND fund = p_fund AND year = p_year) b,
           (SELECT string_agg(concat_ws('|', institution, class, cases, units, personal_fen, standard_fen), E'\n'
                              ORDER BY institution COLLATE "C") AS text
              FROM fund.clearing_standard WHERE region = p_region AND fund = p_fund AND year = p_year) s
$$;

-- Approved only as shown, and only if what the rates give out is exactly what the budget holds.
CREATE FUNCTION fund.check_plan() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_off record;
BEGIN
    IF NEW.digest IS DISTINCT FROM fund.clearing_plan_digest(NEW.region, NEW.fund, NEW.year) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.plan_changed', DETAIL = format('%s年度清算方案与所复核的摘要不符', NEW.year);
    END IF;
    SELECT b.class, b.amount_fen - b.reserve_fen AS budget, b.units, s.fen, s.units AS given INTO v_off
      FROM fund.clearing_budget b
      LEFT JOIN (SELECT class, sum(standard_fen) AS fen, sum(units) AS units, sum(personal_fen) AS personal FROM fund.clearing_standard
                  WHERE region = NEW.region AND fund = NEW.fund AND year = NEW.year GROUP BY class) s ON s.class = b.class
     WHERE b.region = NEW.region AND b.fund = NEW.fund AND b.year = NEW.year
       AND (b.method <> '' OR s.class IS NOT NULL)
       AND (s.fen, s.units, s.personal) IS DISTINCT FROM (b.amount_fen - b.reserve_fen, b.units, b.personal_fen)
     ORDER BY b.class LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.rate_budget',
            DETAIL = format('类别%s可分配预算%s分、总量%s，各机构合计%s分、%s', v_off.class, v_off.budget, v_off.units,
                            coalesce(v_off.fen, 0), coalesce(v_off.given, 0));
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION fund.check_plan_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_row record := coalesce(NEW, OLD);
BEGIN
    PERFORM access.require_role(v_row.region, v_row.fund, '{maker,system}');
    IF NOT EXISTS (SELECT 1 FROM fund.clearing_plan p WHERE p.region = v_row.region AND p.fund = v_row.fund
                      AND p.year = v_row.year AND p.approved_by = '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'clearing.plan_approved', DETAIL = format('%s年度清算方案已复核，不得更改', v_row.year);
    END IF;
    RETURN v_row;
END $$;

-- 特例单议 never gives out more than its class's reserve.
CREATE FUNCTION fund.check_special_case() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_reserve bigint; v_class text; v_given bigint;
BEGIN
    PERFORM 1 FROM fund.clearing_plan p WHERE p.region = NEW.region AND p.fund = NEW.fund AND p.year = NEW.year
        AND p.approved_by <> '' FOR UPDATE;
    SELECT b.reserve_fen, b.class INTO v_reserve, v_class FROM fund.clearing_standard s
      JOIN fund.clearing_budget b ON b.region = s.region AND b.fund = s.fund AND b.year = s.year AND b.class = s.class
     WHERE s.region = NEW.region AND s.fund = NEW.fund AND s.year = NEW.year AND s.institution = NEW.institution;
    SELECT coalesce(sum(c.amount_fen), 0) INTO v_given FROM fund.special_case c
      JOIN fund.clearing_standard s ON s.region = c.region AND s.fund = c.fund AND s.year = c.year AND s.institution = c.institution
     WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.year = NEW.year AND s.class = v_class AND c.approved_by <> '';
    IF v_reserve IS NULL OR v_given + NEW.amount_fen > v_reserve THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'clearing.over_reserve',
            DETAIL = format('特例单议%s的%s分超过预留额：预留%s分，已用%s分', NEW.setl_id, NEW.amount_fen, coalesce(v_reserve, 0), v_given);
    END IF;
    RETURN NEW;
END $$;

-- The canonical text of a letter, hashed: its facts and rows, its lines, what it takes and leaves, each in order.
CREATE FUNCTION fund.letter_digest(l fund.letter) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', l.letter_id, l.fund, l.institution, l.year, l.period, l.version, l.grade, l.row1_fen,
                    l.row2_fen, l.row4_fen, l.row5_fen, l.row6_fen, l.row7_fen, l.row8_fen, l.row9_fen) || E'\n'
            || concat_ws(E'\n', r.text, n.text, f.text, d.text, o.text, t.text), 'UTF8'))
      FROM (SELECT string_agg(concat_ws('|', row_no, part, amount_fen), E'\n' ORDER BY row_no, part COLLATE "C") AS text
              FROM fund.letter_row WHERE region = l.region AND letter_id = l.letter_id) r,
           (SELECT string_agg(concat_ws('|', n, subfund, service_year, term, category, claimed_fen, late_fen, surplus_before, surplus_fen,
                       audit_before, audit_fen, forfeited_before, forfeited_fen, other_before, other_fen, borne_before, borne_fen,
                       offset_fen, paid_fen, refunded_fen, open_daily_fen, waiting_fen, month_open_fen, retained_fen, advance_fen, owed_before,
                       result_fen), E'\n' ORDER BY n) AS text
              FROM fund.letter_line WHERE region = l.region AND letter_id = l.letter_id) n,
           (SELECT string_agg(concat_ws('|', 'finding', finding_id, amount_fen), E'\n' ORDER BY finding_id COLLATE "C") AS text
              FROM fund.letter_finding WHERE region = l.region AND letter_id = l.letter_id) f,
           (SELECT string_agg(concat_ws('|', 'deduction', deduction_id, amount_fen), E'\n' ORDER BY deduction_id COLLATE "C") AS text
              FROM fund.letter_deduction WHERE region = l.region AND letter_id = l.letter_id) d,
           (SELECT string_agg(concat_ws('|', 'offset', advance_id, n, amount_fen), E'\n' ORDER BY advance_id COLLATE "C", n) AS text
              FROM fund.letter_offset WHERE region = l.region AND letter_id = l.letter_id) o,
           (SELECT string_agg(concat_ws('|', 'late', setl_id, subfund, fund_fen), E'\n' ORDER BY setl_id COLLATE "C", subfund) AS text
              FROM fund.letter_late WHERE region = l.region AND letter_id = l.letter_id) t
$$;

-- The rows are the sums of the lines, part by part, and the lines take exactly what is listed.
CREATE FUNCTION fund.letter_adds_up(l fund.letter) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    WITH lines AS (
        SELECT * FROM fund.letter_line WHERE region = l.region AND letter_id = l.letter_id),
    wanted AS (
        SELECT w.row_no, subfund AS part, sum(w.fen)::bigint AS fen
          FROM lines, LATERAL (VALUES
               (1, claimed_fen - late_fen), (2, audit_before + audit_fen), (4, forfeited_before + forfeited_fen),
               (5, other_before + other_fen + borne_before + borne_fen - surplus_before - surplus_fen),
               (7, paid_fen + offset_fen), (8, refunded_fen), (9, result_fen + owed_before)) AS w (row_no, fen) GROUP BY 1, 2),
    given AS (
        SELECT row_no, part, amount_fen AS fen FROM fund.letter_row WHERE region = l.region AND letter_id = l.letter_id)
    SELECT NOT EXISTS (SELECT 1 FROM wanted w FULL JOIN (SELECT * FROM given WHERE row_no <> 6) g USING (row_no, part)
                        WHERE coalesce(w.fen, 0) <> coalesce(g.fen, 0))
       AND NOT EXISTS (SELECT 1 FROM given GROUP BY part
                       HAVING coalesce(sum(fen) FILTER (WHERE row_no = 6), 0)
                           <> coalesce(sum(CASE row_no WHEN 1 THEN fen WHEN 2 THEN -fen WHEN 4 THEN -fen WHEN 5 THEN -fen END), 0))
       AND (SELECT array_agg(coalesce(g.fen, 0) ORDER BY r.n)
              FROM unnest(ARRAY[1, 2, 4, 5, 6, 7, 8, 9]) WITH ORDINALITY AS r (row_no, n)
              LEFT JOIN (SELECT row_no, sum(fen) AS fen FROM given GROUP BY 1) g ON g.row_no = r.row_no)
           = ARRAY[l.row1_fen, l.row2_fen, l.row4_fen, l.row5_fen, l.row6_fen, l.row7_fen, l.row8_fen, l.row9_fen]::numeric[]
       AND (SELECT coalesce(sum(audit_fen), 0) FROM lines)
           = (SELECT coalesce(sum(amount_fen), 0) FROM fund.letter_finding WHERE region = l.region AND letter_id = l.letter_id)
       AND (SELECT coalesce(sum(other_fen), 0) FROM lines)
           = (SELECT coalesce(sum(amount_fen), 0) FROM fund.letter_deduction WHERE region = l.region AND letter_id = l.letter_id)
       AND NOT EXISTS (SELECT 1 FROM lines LEFT JOIN (SELECT n, sum(amount_fen) AS fen FROM fund.letter_offset
                        WHERE region = l.region AND letter_id = l.letter_id GROUP BY n) o ON o.n = lines.n
                        WHERE lines.offset_fen <> coalesce(o.fen, 0))
       AND (SELECT coalesce(sum(late_fen), 0) FROM lines)
           = (SELECT coalesce(sum(fund_fen), 0) FROM fund.letter_late WHERE region = l.region AND letter_id = l.letter_id)
$$;

-- A second person approves; the institution's signed copy comes before the agency's; both before CLR; CLR before confirmed.
CREATE FUNCTION fund.check_letter() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        acting := access.require_role(NEW.region, NEW.fund, '{maker,system}');
        IF NEW.state <> 'draft' OR NEW.prepared_by <> acting OR concat(NEW.approved_by, NEW.sent_by, NEW.confirmed_by, NEW.source_key) <> '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.prepared_by',
                DETAIL = format('清算确认书%s只能以当前用户的名义制单', NEW.letter_id);
        END IF;
        NEW.digest := fund.letter_digest(NEW);     -- its rows and lines came before it
        RETURN NEW;
    END IF;
    IF OLD.digest <> fund.letter_digest(OLD) OR NEW.state <> 'void' AND NOT fund.letter_adds_up(OLD) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.changed', DETAIL = format('清算确认书%s的内容与摘要或合计不符', OLD.letter_id);
    END IF;
    CASE OLD.state || '→' || NEW.state
        WHEN 'draft→approved' THEN
            acting := access.require_role(NEW.region, NEW.fund, '{checker}');
            IF NEW.approved_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
                RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.same_person',
                    DETAIL = format('清算确认书%s由%s制单，须由另一人以本人名义审批', OLD.letter_id, OLD.prepared_by);
            END IF;
        WHEN 'approved→sent' THEN
            IF access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.sent_by OR NEW.sent_on IS NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.sent_by', DETAIL = '清算确认书只能以当前用户的名义发出';
            END IF;
        WHEN 'sent→confirmed_by_institution' THEN
            PERFORM access.require_role(NEW.region, NEW.fund, '{maker,intake,system}');
        WHEN 'confirmed_by_institution→confirmed' THEN
            acting := access.require_role(NEW.region, NEW.fund, '{checker}');
            IF NEW.confirmed_by <> acting OR access.person(acting) IS NOT DISTINCT FROM access.person(OLD.prepared_by) THEN
                RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.same_person',
                    DETAIL = format('清算确认书%s由%s制单，须由另一人以本人名义确认', OLD.letter_id, OLD.prepared_by);
            END IF;
            IF NEW.source_key = '' AND EXISTS (SELECT 1 FROM fund.letter_line n WHERE n.region = OLD.region AND n.letter_id = OLD.letter_id
                    AND (n.open_daily_fen, n.waiting_fen, n.month_open_fen, n.retained_fen, n.surplus_fen, n.audit_fen, n.forfeited_fen,
                         n.other_fen, n.borne_fen, n.late_fen, n.advance_fen, n.offset_fen) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
               OR NEW.source_key <> '' AND (NEW.source_key <> 'CLR:' || OLD.letter_id OR NOT EXISTS (
                    SELECT 1 FROM books.source s WHERE s.region = NEW.region AND s.fund = NEW.fund AND s.source_key = NEW.source_key)) THEN
                RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.not_booked', DETAIL = format('清算确认书%s没有清算凭证', OLD.letter_id);
            END IF;
        WHEN 'draft→void', 'approved→void', 'sent→void' THEN
            PERFORM access.require_role(NEW.region, NEW.fund, '{maker,checker,system}');
        ELSE
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.state',
                DETAIL = format('清算确认书%s不能由%s转为%s', OLD.letter_id, OLD.state, NEW.state);
    END CASE;
    IF (NEW.state IN ('confirmed_by_institution', 'confirmed')
        AND NOT EXISTS (SELECT 1 FROM fund.letter_paper p WHERE p.region = NEW.region AND p.letter_id = NEW.letter_id AND p.kind = 'institution'))
       OR (NEW.state = 'confirmed'
        AND NOT EXISTS (SELECT 1 FROM fund.letter_paper p WHERE p.region = NEW.region AND p.letter_id = NEW.letter_id AND p.kind = 'agency')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.one_side', DETAIL = format('清算确认书%s尚未经双方签章', NEW.letter_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_letter BEFORE INSERT OR UPDATE ON fund.letter FOR EACH ROW EXECUTE FUNCTION fund.check_letter();

-- Rows, lines and lists come before their letter, never after: what was drafted cannot grow.
CREATE FUNCTION fund.check_letter_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fund.letter l WHERE l.region = NEW.region AND l.letter_id = NEW.letter_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = format('清算确认书%s已制成，不得增行', NEW.letter_id);
    END IF;
    RETURN NEW;
END $$;

-- A paper speaks of the letter as hashed, and comes at its time: ours with the draft, theirs when sent, our signature last.
CREATE FUNCTION fund.check_letter_paper() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_state text; v_digest bytea;
BEGIN
    SELECT state, digest INTO v_state, v_digest FROM fund.letter l
     WHERE l.region = NEW.region AND l.fund = NEW.fund AND l.letter_id = NEW.letter_id;
    IF v_digest IS DISTINCT FROM NEW.letter_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.other_digest', DETAIL = format('所签文书与清算确认书%s的摘要不符', NEW.letter_id);
    END IF;
    IF v_state <> (CASE NEW.kind WHEN 'letter' THEN 'draft' WHEN 'institution' THEN 'sent' ELSE 'confirmed_by_institution' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = CASE NEW.kind WHEN 'agency' THEN 'letter.one_side' ELSE 'letter.state' END,
            DETAIL = format('清算确认书%s处于%s，不能收存此文书', NEW.letter_id, v_state);
    END IF;
    IF access.require_role(NEW.region, NEW.fund, CASE NEW.kind WHEN 'letter' THEN '{maker,system}'::text[]
            WHEN 'institution' THEN '{maker,intake,system}' ELSE '{checker}' END) <> NEW.recorded_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'letter.recorded_by', DETAIL = '文书只能以当前用户的名义收存';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_letter_paper BEFORE INSERT ON fund.letter_paper FOR EACH ROW EXECUTE FUNCTION fund.check_letter_paper();

-- An order pays a letter both sides confirmed, its own institution, and no second one while the first may still pay.
CREATE FUNCTION fund.check_letter_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_letter fund.letter;
BEGIN
    SELECT * INTO v_letter FROM fund.letter l WHERE l.region = NEW.region AND l.letter_id = NEW.letter_id FOR UPDATE;
    IF v_letter.state IS DISTINCT FROM 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.one_side', DETAIL = format('清算确认书%s未经双方确认，不能拨付', NEW.letter_id);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.pay_order o WHERE o.region = NEW.region AND o.order_no = NEW.order_no
                      AND o.fund = v_letter.fund AND o.institution = v_letter.institution) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'letter.other_order', DETAIL = format('拨付单%s不是该机构的清算款', NEW.order_no);
    END IF;
    IF EXISTS (SELECT 1 FROM fund.letter_order x JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no
                 JOIN payments.state s ON s.state = o.state
                WHERE x.region = NEW.region AND x.letter_id = NEW.letter_id AND NOT s.releases) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'letter.ordered', DETAIL = format('清算确认书%s已有拨付单', NEW.letter_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_letter_order BEFORE INSERT ON fund.letter_order FOR EACH ROW EXECUTE FUNCTION fund.check_letter_order();

-- Clearing money leaves only for a confirmed letter (raw orders on 9106 included).
CREATE FUNCTION fund.check_clearing_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = NEW.region AND i.order_no = NEW.order_no AND i.source = 9106)
       AND NOT EXISTS (SELECT 1 FROM fund.letter_order x WHERE x.region = NEW.region AND x.order_no = NEW.order_no) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_letter', DETAIL = format('拨付单%s没有双方确认的清算确认书', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_clearing_order BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved') EXECUTE FUNCTION fund.check_clearing_order();

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['clearing_plan', 'assessment', 'special_case', 'late_case'] LOOP
        EXECUTE format('CREATE TRIGGER a_second_person BEFORE INSERT OR UPDATE ON fund.%I FOR EACH ROW EXECUTE FUNCTION fund.check_second_person()', t);
        EXECUTE format('CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.%I FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['clearing_budget', 'clearing_standard'] LOOP
        EXECUTE format('CREATE TRIGGER plan_part BEFORE INSERT OR UPDATE OR DELETE ON fund.%I FOR EACH ROW EXECUTE FUNCTION fund.check_plan_part()', t);
        EXECUTE format('CREATE TRIGGER kept BEFORE TRUNCATE ON fund.%I FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['letter_row', 'letter_line', 'letter_finding', 'letter_deduction', 'letter_offset', 'letter_late'] LOOP
        EXECUTE format('CREATE TRIGGER letter_part BEFORE INSERT ON fund.%I FOR EACH ROW EXECUTE FUNCTION fund.check_letter_part()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['letter_row', 'letter_line', 'letter_finding', 'letter_deduction', 'letter_offset', 'letter_late',
                             'letter_paper', 'letter_order', 'clearing_band', 'clearing_grade', 'clearing_target'] LOOP
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.%I FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change()', t);
    END LOOP;
END $$;
CREATE TRIGGER check_plan BEFORE UPDATE ON fund.clearing_plan FOR EACH ROW EXECUTE FUNCTION fund.check_plan();
CREATE TRIGGER check_special_case BEFORE UPDATE ON fund.special_case FOR EACH ROW EXECUTE FUNCTION fund.check_special_case();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.letter FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, fund, letter_id, institution, year, period, version, grade, row1_fen, row2_fen, row4_fen,
    row5_fen, row6_fen, row7_fen, row8_fen, row9_fen, prepared_by, prepared_on, digest ON fund.letter
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- A letter's state as the money tells it: paid once the bank has paid its order, on the bank's day; nothing to pay is done
-- when confirmed.
CREATE VIEW fund.letter_status WITH (security_invoker = true) AS
    SELECT l.region, l.fund, l.letter_id, l.institution, l.year, l.period, l.row9_fen,
           CASE WHEN o.order_no IS NOT NULL THEN 'paid' ELSE l.state END AS state,
           coalesce(o.order_no, '') AS order_no,
           CASE WHEN o.order_no IS NOT NULL THEN o.booked_on WHEN l.state = 'confirmed' AND l.row9_fen <= 0 THEN l.confirmed_on END AS cleared_on
      FROM fund.letter l
      LEFT JOIN LATERAL (
           SELECT o.order_no, max(e.booking_date) AS booked_on FROM fund.letter_order x
             JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no AND o.state = 'paid'
             JOIN payments.evidence e ON e.region = o.region AND e.matched_order = o.order_no AND e.outcome = 'posted' AND e.direction = 'debit'
            WHERE x.region = l.region AND x.letter_id = l.letter_id GROUP BY o.order_no LIMIT 1) o ON true;

GRANT INSERT ON fund.clearing_plan, fund.clearing_budget, fund.clearing_standard, fund.clearing_band, fund.clearing_grade,
    fund.assessment, fund.special_case, fund.late_case, fund.letter, fund.letter_row, fund.letter_line, fund.letter_finding,
    fund.letter_deduction, fund.letter_offset, fund.letter_late, fund.letter_paper, fund.letter_order TO fundledger_service;
GRANT UPDATE (approved_by, approved_on, digest) ON fund.clearing_plan TO fundledger_service;
GRANT UPDATE (method, units, personal_fen, published) ON fund.clearing_budget TO fundledger_service;
GRANT DELETE ON fund.clearing_budget, fund.clearing_standard TO fundledger_service;
GRANT UPDATE (approved_by, approved_on) ON fund.assessment, fund.special_case, fund.late_case TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, sent_by, sent_on, confirmed_by, confirmed_on, source_key, reason) ON fund.letter
    TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.clearing_plan_digest, fund.letter_digest, fund.letter_adds_up TO fundledger_service, fundledger_auditor;
