-- Who owns the doors, what the service may do, and which rows it sees (first belt of INV-01, 02, 11, 14).

GRANT CREATE ON SCHEMA books, payments TO fundledger_poster;   -- only while functions change hands

DO $$
DECLARE routine text;
BEGIN
    -- Functions that write the journal or approve money belong to the poster.
    FOR routine IN
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = 'books' AND p.proname NOT IN ('guard', 'refuse_write', 'refuse_change', 'make_partitions')
            OR n.nspname = 'payments' AND p.proname = 'approve'
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO fundledger_poster', routine);
    END LOOP;
    FOR routine IN
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('access', 'books', 'fund', 'payments')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA books, payments FROM fundledger_poster;

GRANT USAGE ON SCHEMA access, books, fund, payments TO fundledger_poster, fundledger_service, fundledger_auditor;

-- The poster.
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA books TO fundledger_poster;
GRANT UPDATE ON books.head, books.dim_head, books.counter, books.period, books.balance TO fundledger_poster;
GRANT DELETE ON books.balance TO fundledger_poster;
GRANT SELECT ON access.role, payments.state, payments.transition, payments.batch, payments.order_item, payments.order_payable,
    payments.order_outregion, payments.pay_order, payments.book_account, fund.payable, fund.settled_term TO fundledger_poster;
GRANT INSERT ON payments.approval TO fundledger_poster;
GRANT SELECT ON payments.approval TO fundledger_poster;
GRANT UPDATE (state) ON payments.pay_order TO fundledger_poster;
GRANT UPDATE (account) ON payments.book_account TO fundledger_poster;   -- for the lock only
GRANT EXECUTE ON FUNCTION access.require_role, access.has_role, access.person, access.user_name, books.make_partitions,
    payments.batch_digest, payments.order_digest, payments.held_for, payments.available, payments.check_order, fund.check_outregion_batch TO fundledger_poster;

-- The service: reads under row security, writes business rows, has no write on the journal.
GRANT SELECT ON ALL TABLES IN SCHEMA access, books, fund, payments TO fundledger_service, fundledger_auditor;
REVOKE SELECT ON access.idempotency FROM fundledger_auditor;
GRANT INSERT ON fund.region, fund.region_policy, fund.institution, fund.enrolment,
    fund.payee_account, fund.intake_load, fund.record, fund.payable, fund.quarantine, fund.settled_term,
    payments.bank_account, payments.book_account, payments.batch, payments.pay_order, payments.order_item,
    payments.order_payable, payments.order_outregion, payments.daily_run, payments.blocked, payments.order_event, payments.bank_file, payments.inbound_file,
    payments.inbound_problem, payments.inbound_name, payments.evidence, access.operator_log, access.idempotency TO fundledger_service;
GRANT UPDATE (name, type, level, agreement_state, agreement_from, agreement_to) ON fund.institution TO fundledger_service;
GRANT UPDATE (to_day) ON fund.enrolment TO fundledger_service;
GRANT UPDATE (state, confirmed_by, reason) ON fund.payee_account TO fundledger_service;
GRANT UPDATE (lines_done, bytes_done, accepted, duplicate, quarantined, accepted_fen, payable_fen, complete) ON fund.intake_load TO fundledger_service;
GRANT UPDATE (state) ON fund.quarantine TO fundledger_service;
GRANT UPDATE (recognised_by, order_no, settled_by) ON fund.payable TO fundledger_service;
GRANT UPDATE (state, file_id, sent_on, bank_reference) ON payments.pay_order TO fundledger_service;
GRANT UPDATE (state) ON payments.bank_file TO fundledger_service;
GRANT UPDATE (outcome, outcome_code, matched_order) ON payments.evidence TO fundledger_service;
GRANT INSERT ON payments.bank_channel TO fundledger_service;
GRANT UPDATE (state, confirmed_by) ON payments.bank_channel TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.refresh_statistics, fund.share, books.stage, books.prepare, books.post, books.open_period, books.close_period, books.open_book, books.rebuild_balances,
    payments.approve, payments.batch_digest, payments.order_digest, payments.held_for, payments.available, payments.account_funds, access.region, access.funds, access.regions_of,
    access.user_name, access.has_role, access.person, access.require_role, access.require_second, access.require_admin, access.add_user, access.grant_role,
    access.revoke_role, access.add_key, access.revoke_key TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.region, access.funds, access.user_name TO fundledger_auditor;

-- Row security (INV-14): the service sees the region of its transaction's user, and there only the funds of the user's roles.
DO $$
DECLARE t record; rule text;
BEGIN
    FOR t IN
        SELECT c.oid::regclass::text AS name,
               EXISTS (SELECT 1 FROM pg_attribute f WHERE f.attrelid = c.oid AND f.attname = 'fund') AS has_fund
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'region'
         WHERE n.nspname IN ('access', 'books', 'fund', 'payments') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY doors ON %s TO fundledger_poster USING (true) WITH CHECK (true)', t.name);
        EXECUTE format('CREATE POLICY audit ON %s FOR SELECT TO fundledger_auditor USING (true)', t.name);
        rule := 'region = (SELECT access.region())';
        IF t.has_fund THEN
            rule := rule || ' AND fund = ANY (ARRAY(SELECT unnest(access.funds())))';
        END IF;
        IF t.name IN ('fund.intake_load', 'fund.quarantine', 'access.operator_log') THEN
            rule := 'region = 0 OR ' || rule;     -- a line or an act that names no region
        END IF;
        IF t.name IN ('payments.order_item', 'payments.order_event') THEN   -- no fund of their own: that of their order
            rule := rule || format(' AND (0 = ANY (ARRAY(SELECT unnest(access.funds()))) OR EXISTS (SELECT 1 FROM payments.pay_order o
                WHERE o.region = %1$s.region AND o.order_no = %1$s.order_no))', split_part(t.name, '.', 2));
        ELSIF t.name = 'payments.evidence' THEN     -- that of the order it belongs to; what belongs to none is for all funds
            rule := rule || ' AND (0 = ANY (ARRAY(SELECT unnest(access.funds()))) OR EXISTS (SELECT 1 FROM payments.pay_order o
                WHERE o.region = evidence.region AND o.order_no = evidence.matched_order))';
        ELSIF t.name IN ('payments.approval', 'payments.bank_file') THEN    -- that of their batch
            rule := rule || format(' AND (0 = ANY (ARRAY(SELECT unnest(access.funds()))) OR EXISTS (SELECT 1 FROM payments.batch b
                WHERE b.region = %1$s.region AND b.batch_id = %1$s.batch_id))', split_part(t.name, '.', 2));
        END IF;
        EXECUTE format('CREATE POLICY scope ON %s TO fundledger_service USING (%s) WITH CHECK (%s)', t.name, rule, rule);
    END LOOP;
END $$;

-- Records and payables come in by the posts that may bring them, also past the program.
CREATE POLICY intake ON fund.record AS RESTRICTIVE FOR INSERT TO fundledger_service
    WITH CHECK ((SELECT access.has_role(access.region(), 0::smallint, access.user_name(), '{intake,system,maker}')));
CREATE POLICY intake ON fund.quarantine AS RESTRICTIVE FOR INSERT TO fundledger_service WITH CHECK ((SELECT fund.may_bring_in()));
CREATE POLICY intake ON fund.payable AS RESTRICTIVE FOR INSERT TO fundledger_service
    WITH CHECK ((SELECT access.has_role(access.region(), 0::smallint, access.user_name(), '{intake,system,maker}')));
