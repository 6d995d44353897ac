-- Reconciliation with institutions: totals, details, differences and their decisions.

-- Tables ------------------------------------------------------
-- One line of a month to be agreed with an institution: book, 期号, 清算类别.
-- agreed: the details were compared over the whole 期号 and every difference is resolved; `digest` is over our records then.
CREATE TABLE fund.reconciliation (
    region       integer NOT NULL REFERENCES fund.region,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    term         integer NOT NULL CHECK (term BETWEEN 200001 AND 999912),
    clr_type     text NOT NULL CHECK (clr_type <> ''),
    state        text NOT NULL CHECK (state IN ('open', 'differs', 'agreed')),
    run_id       text NOT NULL DEFAULT '',      -- the latest comparison of details
    total_id     text NOT NULL DEFAULT '',      -- the latest comparison of totals over the whole 期号
    records      bigint NOT NULL DEFAULT 0,
    differences  bigint NOT NULL DEFAULT 0,     -- unresolved ones of that run
    digest       bytea NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, institution, term, clr_type),
    FOREIGN KEY (region, institution) REFERENCES fund.institution
);

-- 3201: an institution's totals beside ours. Both sides stay as they were on that day.
CREATE TABLE fund.reconcile_total (
    region          integer NOT NULL,
    total_id        text NOT NULL,
    fund            smallint NOT NULL,
    institution     text NOT NULL,
    insutype        text NOT NULL,
    clr_type        text NOT NULL,
    setl_optins     text NOT NULL,
    stmt_begndate   date NOT NULL,
    stmt_enddate    date NOT NULL CHECK (stmt_enddate >= stmt_begndate),
    refd_setl_flag  text NOT NULL CHECK (refd_setl_flag IN ('0', '1')),   -- 0: without what was refunded
    their_count     bigint NOT NULL, their_medfee_fen bigint NOT NULL, their_fund_fen bigint NOT NULL, their_acct_fen bigint NOT NULL,
    our_count       bigint NOT NULL, our_medfee_fen bigint NOT NULL, our_fund_fen bigint NOT NULL, our_acct_fen bigint NOT NULL,
    stmt_rslt       text NOT NULL CHECK (stmt_rslt = CASE WHEN
        (their_count, their_medfee_fen, their_fund_fen, their_acct_fen) = (our_count, our_medfee_fen, our_fund_fen, our_acct_fen)
        THEN '0' ELSE '1' END),
    compared_by     text NOT NULL,
    compared_on     date NOT NULL,
    PRIMARY KEY (region, total_id)
);

-- 3202: one comparison of details over a whole 期号, with the file it read.
CREATE TABLE fund.reconcile_run (
    region         integer NOT NULL,
    run_id         text NOT NULL,
    fund           smallint NOT NULL,
    institution    text NOT NULL,
    term           integer NOT NULL,
    clr_type       text NOT NULL,
    setl_optins    text NOT NULL,          -- '' compares every 结算经办机构
    refd_setl_flag text NOT NULL CHECK (refd_setl_flag IN ('0', '1')),
    file_name      text NOT NULL,
    file_sha256    bytea NOT NULL CHECK (length(file_sha256) = 32),
    content        bytea NOT NULL,
    digest         bytea NOT NULL,         -- over our records compared
    matched        bigint NOT NULL,
    center_only    bigint NOT NULL,
    provider_only  bigint NOT NULL,
    amount_diff    bigint NOT NULL,
    compared_by    text NOT NULL,
    compared_on    date NOT NULL,
    PRIMARY KEY (region, run_id)
);

ALTER TABLE fund.reconcile_run ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE INDEX reconcile_run_scope ON fund.reconcile_run (region, fund, institution, term, clr_type);

-- What did not match, with both sides' figures (NULL where a side has no such record).
-- Resolved by a later run, or by two persons: `ours`, our record stands as it is; `out`, it is not declared.
CREATE TABLE fund.difference (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    run_id         text NOT NULL,
    n              integer NOT NULL,
    setl_id        text NOT NULL,
    mdtrt_id       text NOT NULL,
    psn_no         text NOT NULL,
    refd_setl_flag text NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('CENTER_ONLY', 'PROVIDER_ONLY', 'AMOUNT_DIFF')),
    our_medfee_fen bigint, our_fund_fen bigint, our_acct_fen bigint,
    their_medfee_fen bigint, their_fund_fen bigint, their_acct_fen bigint,
    decision       text NOT NULL DEFAULT '' CHECK (decision IN ('', 'ours', 'out')),
    reason         text NOT NULL DEFAULT '',
    proposed_by    text NOT NULL DEFAULT '',
    proposed_on    date,
    confirmed_by   text NOT NULL DEFAULT '',
    confirmed_on   date,
    PRIMARY KEY (region, run_id, n),
    FOREIGN KEY (region, run_id) REFERENCES fund.reconcile_run,
    CHECK ((decision = '') = (proposed_by = '') AND (decision = '') = (reason = '') AND (decision = '') = (proposed_on IS NULL)),
    CHECK ((confirmed_by = '') = (confirmed_on IS NULL)),
    CHECK (confirmed_by = '' OR decision <> '' AND confirmed_by <> proposed_by)
);

CREATE INDEX difference_record ON fund.difference (region, fund, setl_id);

-- Functions ---------------------------------------------------
-- What is brought in is signed by who brings it, and that is the agency's business, not the cashier's or the reviewer's.
CREATE OR REPLACE FUNCTION fund.refuse_signer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'business.signer',
        DETAIL = format('%s只能由经办或数据接入岗以自己的名义登记', TG_TABLE_NAME);
END $$;

-- agreed means: a comparison of this very line over our records as digested, and nothing of it unresolved.
CREATE OR REPLACE FUNCTION fund.check_reconciliation() RETURNS trigger LANGUAGE plpgsql
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
    -- What the line says of its comparisons is what they found: nobody writes a figure of his own.
    IF NEW.run_id = '' AND (NEW.records, NEW.differences) <> (0, 0)
       OR NEW.run_id <> '' AND (TG_OP = 'INSERT' OR (NEW.run_id, NEW.records, NEW.differences) IS DISTINCT FROM (OLD.run_id, OLD.records, OLD.differences))
          AND NOT EXISTS (SELECT 1 FROM fund.reconcile_run r
              WHERE r.region = NEW.region AND r.run_id = NEW.run_id AND r.matched + r.center_only + r.amount_diff = NEW.records
                AND (r.fund, r.institution, r.term, r.clr_type) = (NEW.fund, NEW.institution, NEW.term, NEW.clr_type)
                AND (SELECT count(*) FROM fund.difference d
                      WHERE d.region = r.region AND d.run_id = r.run_id AND d.confirmed_by = '') = NEW.differences)
       OR NEW.total_id <> '' AND (TG_OP = 'INSERT' OR NEW.total_id <> OLD.total_id)
          AND NOT EXISTS (SELECT 1 FROM fund.reconcile_total t WHERE t.region = NEW.region AND t.total_id = NEW.total_id
                AND (t.fund, t.institution, t.clr_type) = (NEW.fund, NEW.institution, NEW.clr_type)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconcile.not_compared',
            DETAIL = format('机构%s %s期清算类别%s的对账结果与其对账批次不符', NEW.institution, NEW.term, NEW.clr_type);
    END IF;
    RETURN NEW;
END $$;

-- A difference is decided by two persons; a confirmed decision stays.
CREATE OR REPLACE FUNCTION fund.check_difference() RETURNS trigger LANGUAGE plpgsql
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

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, run_id, n, setl_id, mdtrt_id, psn_no, refd_setl_flag, outcome, our_medfee_fen,
    our_fund_fen, our_acct_fen, their_medfee_fen, their_fund_fen, their_acct_fen ON fund.difference
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_reconciliation BEFORE INSERT OR UPDATE ON fund.reconciliation
    FOR EACH ROW EXECUTE FUNCTION fund.check_reconciliation();
CREATE OR REPLACE TRIGGER check_difference BEFORE INSERT OR UPDATE ON fund.difference FOR EACH ROW EXECUTE FUNCTION fund.check_difference();
CREATE OR REPLACE TRIGGER writer_of_changes BEFORE UPDATE ON fund.reconciliation FOR EACH ROW
    WHEN (access.working_login() AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system,intake}'))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.difference
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.reconcile_run
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.reconcile_run
    FOR EACH ROW WHEN (((new.compared_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.compared_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.reconcile_total
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.reconcile_total
    FOR EACH ROW WHEN (((new.compared_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.compared_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.reconciliation
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.reconciliation
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system,intake}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.difference TO fundledger_service;
GRANT SELECT ON fund.difference TO fundledger_auditor;
GRANT UPDATE (decision, reason, proposed_by, proposed_on, confirmed_by, confirmed_on) ON fund.difference TO fundledger_service;
GRANT SELECT, INSERT ON fund.reconcile_run TO fundledger_service;
GRANT SELECT ON fund.reconcile_run TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.reconcile_total TO fundledger_service;
GRANT SELECT ON fund.reconcile_total TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.reconciliation TO fundledger_service;
GRANT SELECT ON fund.reconciliation TO fundledger_auditor;
GRANT UPDATE (state, run_id, total_id, records, differences, digest) ON fund.reconciliation TO fundledger_service;
