-- Row security, schemas and public rights: run after every revision, whatever it made (first belt of INV-01, 02, 11, 14).
-- The grants of single tables and functions stand with their nouns; what nobody is granted, nobody has.

GRANT USAGE ON SCHEMA access, books, fund, payments TO fundledger_poster, fundledger_service, fundledger_auditor,
    fundledger_intake, fundledger_books, fundledger_payments, fundledger_read;
GRANT USAGE ON SCHEMA jobs TO fundledger_service, fundledger_auditor, fundledger_books, fundledger_payments, fundledger_read;

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
        IF t.name IN ('fund.intake_load', 'fund.quarantine', 'fund.sealing_key', 'access.operator_log', 'access.alarm_seen', 'access.alarm_notice', 'access.trace', 'access.trace_head', 'access.trace_anchored') THEN
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
        EXECUTE format('CREATE POLICY scope ON %s TO fundledger_service, fundledger_intake, fundledger_books, fundledger_payments, fundledger_read USING (%s) WITH CHECK (%s)', t.name, rule, rule);
    END LOOP;
END $$;

-- Records and payables come in by the posts that may bring them, also past the program.
CREATE POLICY intake ON fund.record AS RESTRICTIVE FOR INSERT TO fundledger_service, fundledger_intake, fundledger_books, fundledger_payments
    WITH CHECK ((SELECT access.has_role(access.region(), 0::smallint, access.user_name(), '{intake,system,maker}')));
CREATE POLICY intake ON fund.quarantine AS RESTRICTIVE FOR INSERT TO fundledger_service, fundledger_intake, fundledger_books, fundledger_payments WITH CHECK ((SELECT fund.may_bring_in()));
CREATE POLICY intake ON fund.payable AS RESTRICTIVE FOR INSERT TO fundledger_service, fundledger_intake, fundledger_books, fundledger_payments
    WITH CHECK ((SELECT access.has_role(access.region(), 0::smallint, access.user_name(), '{intake,system,maker}')));

-- Doors by post: who may write a table at all, whatever else its guards ask of the row. A post that is not named here has no
-- door, also past the program; the reviewer, the security administrator and the audit administrator do no business.
-- (tests/db/doors.tsv is the same list as it was tried out. fund.intake_load and fund.quarantine know no region when they are
-- written: theirs are the guards of intake.sql. access.idempotency and access.operator_log are everybody's, in his own name.)
DO $$
DECLARE
    d record;
    t text;
    post text := '(SELECT access.has_role(access.region(), 0::smallint, access.user_name(), %L))';
BEGIN
    FOR d IN SELECT * FROM (VALUES
        ('INSERT', '{maker,system}', '{payments.batch,payments.pay_order,payments.order_item,payments.order_payable,
            payments.order_outregion,payments.daily_run,payments.blocked,fund.advance,fund.person_payment}'),
        ('INSERT', '{maker,checker,system}', '{payments.bank_file}'),
        ('INSERT', '{maker,checker,accountant,cashier,system}', '{payments.order_event}'),
        ('INSERT', '{accountant,checker,system}', '{payments.inbound_file,payments.inbound_name,payments.inbound_problem,
            payments.inbound_seen,payments.evidence,payments.bank_word}'),
        ('INSERT', '{accountant}', '{payments.handed_file,payments.read_again,fund.region}'),
        ('INSERT', '{accountant,checker,system}', '{payments.bank_statement,payments.statement_file,payments.statement_line,
            payments.statement_page}'),
        ('INSERT', '{accountant,system}', '{payments.statement_match,payments.statement_withdrawal,payments.match_leg,payments.match_line,
            payments.reconciliation,payments.reconciliation_item}'),
        ('INSERT', '{admin,maker,accountant}', '{payments.bank_channel}'),
        ('INSERT', '{maker,accountant,system}', '{fund.payee_account,payments.resolution,fund.fund_request,fund.fund_request_line,
            fund.cash_move,fund.refund,fund.refund_line}'),
        ('INSERT', '{maker,checker,accountant,system}', '{payments.bank_account,payments.book_account,fund.institution,fund.terms,
            fund.party,fund.advance_offset,fund.assessment,fund.clearing_band,fund.clearing_budget,fund.clearing_grade,
            fund.clearing_plan,fund.clearing_standard,fund.cutover_advance,fund.cutover_bank,fund.cutover_deduction,
            fund.cutover_history,fund.cutover_line,fund.cutover_order,fund.cutover_record,fund.cutover_trial,
            fund.handback,fund.handback_line,fund.handback_receipt,fund.late_case,fund.layer_map,fund.letter,fund.letter_deduction,
            fund.letter_finding,fund.letter_late,fund.letter_line,fund.letter_offset,fund.letter_order,fund.letter_paper,
            fund.letter_row,fund.other_deduction,fund.outregion_bill,fund.outregion_bill_line,fund.outregion_counterparty,
            fund.outregion_inbox,fund.outregion_move,fund.outregion_outbox,fund.outregion_quota,fund.outregion_record,
            fund.settled_term,fund.sheet,fund.sheet_due,fund.sheet_line,fund.sheet_order,fund.sheet_taking,fund.special_case}'),
        ('INSERT', '{maker,intake,system}', '{fund.audit_policy,fund.bill_layer,fund.declaration,fund.declared,fund.difference,fund.finding,
            fund.finding_evidence,fund.reconcile_run,fund.reconcile_total,fund.sample,fund.sample_record,fund.settlement_list,
            fund.trace_code}'),
        ('INSERT', '{maker,checker,accountant,intake,system}', '{fund.reconciliation}'),
        ('INSERT', '{reviewer}', '{fund.control_report}'),
        ('INSERT', '{reviewer,accountant,chief,system}', '{fund.control_draft,fund.control_sum,fund.control_way}'),
        ('DELETE', '{reviewer,accountant,chief,system}', '{fund.control_draft}'),
        ('INSERT', '{system,accountant}', '{fund.risk_case}'),
        ('INSERT', '{system}', '{fund.monitor_figure,fund.monitor_tick}'),
        ('UPDATE', '{system}', '{fund.monitor_figure}'),
        ('INSERT', '{maker,checker,accountant,chief,cashier,system}', '{fund.anchored}'),
        ('INSERT', '{system}', '{jobs.job_run}'),
        ('INSERT', '{admin,chief,system}', '{jobs.asked}'),
        ('UPDATE', '{maker,checker,accountant,cashier,system}', '{payments.pay_order}'),
        ('UPDATE', '{maker,checker,cashier,system}', '{payments.bank_file}'),
        ('UPDATE', '{accountant,checker,system}', '{payments.evidence,payments.inbound_seen,payments.statement_file,
            payments.statement_withdrawal,payments.reconciliation}'),
        ('UPDATE', '{checker}', '{payments.handed_file,payments.bank_channel}'),
        ('UPDATE', '{maker,checker,accountant,system}', '{payments.resolution,fund.advance,fund.assessment,fund.cash_move,
            fund.clearing_budget,fund.clearing_plan,fund.difference,fund.fund_request,fund.late_case,fund.letter,
            fund.other_deduction,fund.outregion_bill,fund.outregion_counterparty,fund.outregion_move,fund.outregion_outbox,
            fund.outregion_record,fund.party,fund.payable,fund.person_account,fund.person_payment,fund.refund,fund.sheet,fund.special_case}'),
        ('UPDATE', '{maker,checker,accountant,intake,system}', '{fund.reconciliation}'),
        ('UPDATE', '{system}', '{jobs.job_run}'),
        ('DELETE', '{maker,checker,accountant,system}', '{fund.clearing_budget,fund.clearing_standard}')
        ) AS v (command, posts, tables)
    LOOP
        FOREACH t IN ARRAY d.tables::text[] LOOP
            EXECUTE format('CREATE POLICY %I ON %s AS RESTRICTIVE FOR %s TO fundledger_service, fundledger_intake, fundledger_books, fundledger_payments %s', 'post_' || lower(d.command), t, d.command,
                CASE d.command WHEN 'INSERT' THEN 'WITH CHECK (' || format(post, d.posts) || ')'
                               WHEN 'UPDATE' THEN 'USING (true) WITH CHECK (' || format(post, d.posts) || ')'
                               ELSE 'USING (' || format(post, d.posts) || ')' END);
        END LOOP;
    END LOOP;
END $$;

-- Logins by post, for homes whose service is split (docs/operations.md): one that brings records in and can do nothing else,
-- whoever acts; one that looks at what the service may look at and writes nothing.
GRANT INSERT ON fund.record, fund.payable, fund.bill_layer, fund.quarantine TO fundledger_intake;
DO $$
DECLARE t record;
BEGIN
    FOR t IN SELECT c.oid, c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
                AND has_table_privilege('fundledger_service', c.oid, 'SELECT')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO fundledger_read, fundledger_books, fundledger_payments', t.name);
        IF t.name = ANY ('{access.api_key,access.app_user,access.user_role,access.role,access.idempotency,fund.record,fund.payable,fund.bill_layer,
            fund.quarantine,fund.intake_load,fund.sealing_key,fund.layer_map,fund.institution,fund.enrolment,fund.settled_term,fund.region,
            fund.region_policy,fund.policy_key,fund.outregion_record,fund.outregion_counterparty,books.book,books.period}'::text[]) THEN
            EXECUTE format('GRANT SELECT ON %s TO fundledger_intake', t.name);
        END IF;
    END LOOP;
    -- what the service may ask and that changes nothing
    FOR t IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND p.provolatile <> 'v'
                AND has_function_privilege('fundledger_service', p.oid, 'EXECUTE')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO fundledger_read, fundledger_intake, fundledger_books, fundledger_payments', t.name);
    END LOOP;
END $$;
GRANT SELECT (user_name, locked_until) ON access.password TO fundledger_read;     -- who comes in at the pages, and whose is locked
GRANT INSERT (region, file_name, file_sha256, bytes, loaded_by) ON fund.intake_load TO fundledger_intake;
GRANT UPDATE (lines_done, bytes_done, accepted, duplicate, quarantined, accepted_fen, payable_fen, complete) ON fund.intake_load TO fundledger_intake;
GRANT INSERT (region, user_name, action, object, outcome, detail) ON access.operator_log TO fundledger_intake;
GRANT INSERT (region, user_name, route, key, body_digest, status, response) ON access.idempotency TO fundledger_intake;
GRANT EXECUTE ON FUNCTION fund.intake_context(integer,text[],date[],integer[]) TO fundledger_intake;

-- Two more write: one keeps the books (vouchers, corrections, closing, seals, cut-over, statements of the bank and their reconciling,
-- the control report), the other pays (orders and their files, what the bank says of them, payees, advances, refunds, cash, month,
-- clearing, care elsewhere). Each has of the service's doors those on its list and no other; the posting functions, the
-- stop of payments, the log, the keys of requests, signatures and anchors are both's. Users, roles, keys, policies, calendars, regions, jobs stay the service's.
DO $$
DECLARE
    d     record;
    own   text;
    shared text[] := '{access.idempotency,access.operator_log,access.signature,access.trace_anchored,fund.anchored,fund.party}';
    books text[] := '{fund.control_draft,fund.control_report,fund.control_sum,fund.control_way,fund.cutover_advance,fund.cutover_bank,fund.cutover_deduction,fund.cutover_history,
        fund.cutover_line,fund.cutover_order,fund.cutover_record,fund.cutover_trial,payments.bank_statement,payments.match_leg,
        payments.match_line,payments.reconciliation,payments.reconciliation_item,payments.statement_file,payments.statement_line,
        payments.statement_match,payments.statement_page,payments.statement_withdrawal}';
    left_ text[] := '{access.alarm_notice,access.alarm_seen,access.app_user,access.user_role,fund.bill_layer,fund.calendar_day,
        fund.calendar_year,fund.intake_load,fund.monitor_figure,fund.monitor_tick,fund.quarantine,fund.record,fund.region,fund.sealing_key,jobs.asked,jobs.job_run}';
BEGIN
    FOR d IN SELECT c.oid::regclass::text AS name, k.command, has_table_privilege('fundledger_service', c.oid, k.command) AS whole,
                    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND k.command <> 'DELETE'
                        AND has_column_privilege('fundledger_service', c.oid, a.attnum, k.command)) AS columns
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE')) AS k (command)
              WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        CONTINUE WHEN NOT d.whole AND d.columns IS NULL OR d.name = ANY (left_);
        own := CASE WHEN d.name = ANY (shared) THEN 'fundledger_books, fundledger_payments'
                    WHEN d.name = ANY (books) THEN 'fundledger_books'
                    WHEN d.name ~ '^(fund|payments)[.]' THEN 'fundledger_payments' END;
        CONTINUE WHEN own IS NULL;
        EXECUTE format('GRANT %s%s ON %s TO %s', d.command, CASE WHEN d.whole THEN '' ELSE ' (' || d.columns || ')' END, d.name, own);
        IF d.name = 'fund.payable' AND d.command = 'INSERT' THEN    -- a payable comes in with its record
            EXECUTE format('REVOKE INSERT%s ON fund.payable FROM fundledger_payments', CASE WHEN d.whole THEN '' ELSE ' (' || d.columns || ')' END);
        END IF;
    END LOOP;
    FOR d IN SELECT p.oid::regprocedure::text AS name, n.nspname AS schema, n.nspname || '.' || p.proname AS bare
               FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE (n.nspname IN ('books', 'fund', 'payments') OR p.oid::regprocedure::text ~ '^access[.](require_signature|demands_now|latest_day)[(]')
                AND p.provolatile = 'v' AND has_function_privilege('fundledger_service', p.oid, 'EXECUTE')
    LOOP
        own := CASE WHEN d.schema = 'access' OR d.bare = ANY ('{books.stage,books.prepare,books.post,books.open_period,books.outer_day,fund.lock_book,
                        fund.refresh_statistics,payments.freeze_now,payments.match_stated,payments.take_line}'::text[])
                        THEN 'fundledger_books, fundledger_payments'
                    WHEN d.schema = 'books' OR d.bare = ANY ('{fund.begin_cutover,fund.propose_cutover,fund.decide_cutover,fund.open_banks,
                        payments.next_match,payments.undo_match,payments.withdraw_statements}'::text[]) THEN 'fundledger_books'
                    WHEN d.bare = ANY ('{fund.add_sealing_key,fund.propose_removal,fund.decide_removal,fund.intake_context,fund.decide_calendar,fund.propose_calendar,
                        fund.decide_policies,fund.propose_policy}'::text[]) THEN NULL
                    ELSE 'fundledger_payments' END;
        CONTINUE WHEN own IS NULL;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', d.name, own);
    END LOOP;
END $$;
