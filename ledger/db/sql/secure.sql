-- Row security, schemas and public rights: run after every revision, whatever it made (first belt of INV-01, 02, 11, 14).
-- The grants of single tables and functions stand with their nouns; what nobody is granted, nobody has.

GRANT USAGE ON SCHEMA access, books, fund, payments TO fundledger_poster, fundledger_service, fundledger_auditor;
GRANT USAGE ON SCHEMA jobs TO fundledger_service, fundledger_auditor;

-- Row security (INV-14): the service sees the region of its transaction's user, and there only the funds of the user's roles.
DO $$
DECLARE t record; old record; rule text;
BEGIN
    FOR old IN
        SELECT c.oid::regclass::text AS name, p.polname FROM pg_policy p
          JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs')
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', old.polname, old.name);
    END LOOP;
    FOR t IN
        SELECT c.oid::regclass::text AS name, n.nspname AS noun,
               EXISTS (SELECT 1 FROM pg_attribute f WHERE f.attrelid = c.oid AND f.attname = 'fund' AND NOT f.attisdropped) AS has_fund
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'region' AND NOT a.attisdropped
         WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
        IF t.noun <> 'jobs' THEN
            EXECUTE format('CREATE POLICY doors ON %s TO fundledger_poster USING (true) WITH CHECK (true)', t.name);
        END IF;
        EXECUTE format('CREATE POLICY audit ON %s FOR SELECT TO fundledger_auditor USING (true)', t.name);
        rule := 'region = (SELECT access.region())';
        IF t.has_fund THEN
            rule := rule || ' AND fund = ANY (ARRAY(SELECT unnest(access.funds())))';
        END IF;
        IF t.name IN ('fund.intake_load', 'fund.quarantine', 'access.operator_log', 'access.alarm_seen', 'access.alarm_notice') THEN
            rule := 'region = 0 OR ' || rule;     -- a line or an act that names no region
        END IF;
        IF t.name IN ('payments.order_item', 'payments.order_event', 'payments.bank_word', 'payments.taken_order') THEN   -- no fund of their own: that of their order
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
