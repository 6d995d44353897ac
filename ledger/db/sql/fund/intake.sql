-- Settlement records as taken in, what they owe, what was refused; the loads that brought them.

-- Tables ------------------------------------------------------
-- One line of an intake: a file or an API call; what came in equals accepted + duplicate + quarantined.
CREATE TABLE fund.intake_load (
    region          integer NOT NULL,           -- 0: a file is read before its regions are known
    load_id         bigint GENERATED ALWAYS AS IDENTITY,
    file_name       text NOT NULL,
    file_sha256     bytea NOT NULL CHECK (length(file_sha256) = 32),
    bytes           bigint NOT NULL,
    lines_done      bigint NOT NULL DEFAULT 0,
    bytes_done      bigint NOT NULL DEFAULT 0,
    accepted        bigint NOT NULL DEFAULT 0,
    duplicate       bigint NOT NULL DEFAULT 0,
    quarantined     bigint NOT NULL DEFAULT 0,
    accepted_fen    bigint NOT NULL DEFAULT 0,  -- Σ medfee_sumamt of the accepted
    payable_fen     bigint NOT NULL DEFAULT 0,  -- Σ daily payables generated with them
    complete        boolean NOT NULL DEFAULT false,
    loaded_by       text NOT NULL,
    begun_at        timestamptz DEFAULT clock_timestamp(),  -- NULL: begun before this was kept
    PRIMARY KEY (region, load_id)
);

-- The settlement records, as validated: stored once, never changed. The columns from setl_id to details are the
-- canonical text of ledger.fund.record.record, in its order: its SHA-256 is content_digest. Amounts in fen; absent is 0 or ''.
CREATE TABLE fund.record (
    region            integer NOT NULL,
    setl_id           text NOT NULL,
    mdtrt_id          text NOT NULL,
    psn_no            text NOT NULL,
    fixmedins_code    text NOT NULL,
    insutype          text NOT NULL,
    med_type          text NOT NULL,
    clr_type          text NOT NULL,
    setl_time         timestamp NOT NULL,   -- Asia/Shanghai, as on the paper
    poolarea_no       text NOT NULL,
    clr_optins        text NOT NULL,
    clr_way           text NOT NULL,
    pay_loc           text NOT NULL,
    out_flag          text NOT NULL,
    insu_admdvs       text NOT NULL,
    fix_blng_admdvs   text NOT NULL,
    setl_type         text NOT NULL,
    hosp_lv           text NOT NULL,
    year              text NOT NULL,
    begndate          text NOT NULL,
    enddate           text NOT NULL,
    medins_setl_id    text NOT NULL,
    init_setl_id      text NOT NULL,
    medfee_sumamt     bigint NOT NULL,
    fulamt_ownpay_amt bigint NOT NULL,
    overlmt_selfpay   bigint NOT NULL,
    preselfpay_amt    bigint NOT NULL,
    inscp_scp_amt     bigint NOT NULL,
    act_pay_dedc      bigint NOT NULL,
    hifp_pay          bigint NOT NULL,
    cvlserv_pay       bigint NOT NULL,
    hifes_pay         bigint NOT NULL,
    hifmi_pay         bigint NOT NULL,
    hifob_pay         bigint NOT NULL,
    maf_pay           bigint NOT NULL,
    hifdm_pay         bigint NOT NULL,
    oth_pay           bigint NOT NULL,
    fund_pay_sumamt   bigint NOT NULL,
    hosp_part_amt     bigint NOT NULL,
    psn_part_amt      bigint NOT NULL,
    acct_pay          bigint NOT NULL,
    psn_cash_pay      bigint NOT NULL,
    balc              bigint NOT NULL,
    acct_mulaid_pay   bigint NOT NULL,
    hi_agre_sumfee    bigint NOT NULL,
    details           text NOT NULL,       -- fund rows: type,pooling type,paid,in scope,limit; joined by ;
    content_digest    bytea NOT NULL CHECK (length(content_digest) = 32),
    load_id           bigint NOT NULL,
    line              bigint NOT NULL,
    PRIMARY KEY (region, setl_id)
);

-- The proof of a load's sums reads its own rows only. Without the region: beginning with it, the index would pass for a key of
-- setl_id with a planner that knows no sizes.
CREATE INDEX record_load ON fund.record (load_id);

-- A record is reversed at most once.
CREATE UNIQUE INDEX one_reversal ON fund.record (region, init_setl_id) WHERE init_setl_id <> '';

-- What the fund owes for a record, per book and sub-fund, generated with it (procedure.md 2.2): the sub-ledger.
CREATE TABLE fund.payable (
    region        integer NOT NULL,
    fund          smallint NOT NULL CHECK (fund IN (310, 390)),
    setl_id       text NOT NULL,
    subfund       text NOT NULL CHECK (subfund IN ('pool', 'acct')),
    institution   text NOT NULL,
    service_year  smallint NOT NULL,
    term          integer NOT NULL,
    category      text NOT NULL,
    day           date NOT NULL,           -- of the record's own setl_time
    fund_fen      bigint NOT NULL,
    daily_fen     bigint NOT NULL,
    ratio         integer NOT NULL,
    recognised_by text NOT NULL DEFAULT '',   -- source key of the entry that booked it
    order_no      text NOT NULL DEFAULT '',   -- the order that draws on it now
    settled_by    text NOT NULL DEFAULT '',   -- the monthly settlement that closed it
    PRIMARY KEY (region, fund, setl_id, subfund),
    -- No foreign key to the record: it costs more than the row itself. They are written together, and verify joins them.
    CHECK (subfund = 'pool' OR daily_fen = 0),
    CHECK (abs(daily_fen) <= abs(fund_fen) AND daily_fen * sign(fund_fen) >= 0)
);

CREATE INDEX payable_open ON fund.payable (region, fund, day) WHERE recognised_by = '' OR (order_no = '' AND settled_by = '');

CREATE INDEX payable_recognised ON fund.payable (region, fund, recognised_by) WHERE recognised_by <> '';

-- Lines that could not be taken, kept with the reason: a line of a file once per load, because the reason may be another next time.
CREATE TABLE fund.quarantine (
    region      integer NOT NULL,         -- 0 where the line does not say
    file_sha256 bytea NOT NULL,
    line        bigint NOT NULL,
    setl_id     text NOT NULL,
    field       text NOT NULL,
    code        text NOT NULL,
    message     text NOT NULL,
    load_id     bigint NOT NULL,
    raw         bytea NOT NULL,           -- at most the line's first 64 KiB
    -- 'open' for ever: whether a line waits is told by what came later (fund.past_term). The column stays, since traces hold whole rows.
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resolved')),
    PRIMARY KEY (region, file_sha256, load_id, line)
);

CREATE INDEX quarantine_load ON fund.quarantine (load_id);

-- Everything a region can say no with at the month: a settled 期号 takes no more records.
CREATE TABLE fund.settled_term (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    institution text NOT NULL,
    term        integer NOT NULL,
    settled_by  text NOT NULL,
    PRIMARY KEY (region, fund, institution, term)
);

-- Records come in order of time, nearly: enough to read one month's, and almost free at intake.
CREATE INDEX record_time ON fund.record USING brin (setl_time) WITH (pages_per_range = 32);

-- Payables come nearly in order of their day: enough to see whether a 期号 still has unsettled ones, almost free at intake.
CREATE INDEX payable_day ON fund.payable USING brin (day) WITH (pages_per_range = 32);

CREATE INDEX payable_settled ON fund.payable (region, fund, settled_by) WHERE settled_by <> '';

-- A record as intake brings it: its line in the load, what its payables are made of, its split (a row of fund.bill_layer, ''
-- where nobody else pays), and the columns of fund.record that are its own, in their order: these last, because PostgreSQL
-- reads a row from the left. A reversal has its original's service year and money, so its own are not asked.
DO $$
BEGIN
    EXECUTE format('CREATE TYPE fund.taken_line AS (line bigint, book smallint, service_year smallint, term integer, category text,
        inpatient boolean, day date, pooled_fen bigint, account_fen bigint, split text, %s)',
        (SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) FROM pg_attribute
          WHERE attrelid = 'fund.record'::regclass AND attnum > 0 AND attname NOT IN ('load_id', 'line')));
END $$;

-- Functions ---------------------------------------------------
-- What a record owes by day: its pooled money × the ratio in ten-thousandths, to the fen, half up in magnitude (procedure.md 2.2);
-- numeric, because a bigint does not hold the product of every amount we take. As ledger.core.money.share.
CREATE OR REPLACE FUNCTION fund.share(fund_fen bigint, ratio integer) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN ratio = 0 THEN 0 ELSE round(fund_fen::numeric * ratio / 10000)::bigint END;

-- A payable is booked once, and leaves an order only when that order can no longer pay it.
CREATE OR REPLACE FUNCTION fund.check_payable() RETURNS trigger LANGUAGE plpgsql
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

-- Statistics after a bulk load: without them the planner, which believes the tables empty, joins them row by row.
CREATE OR REPLACE FUNCTION fund.refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    ANALYZE fund.record;
    ANALYZE fund.payable;
END $$;

-- Whether the transaction's user may bring records into the region; if so, whether the region maps fund_pay_types of its own,
-- which of the institutions it has no agreement with, where and when by what ratio it pays daily (arts. 3, 9; three arrays as
-- text, which only the statement that stores the records reads), and which of the 期号 are settled. Institutions and days are
-- pairs, as the records have them. Of several enrolments the newest that covers the day decides.
CREATE OR REPLACE FUNCTION fund.intake_context(p_region integer, p_institutions text[], p_days date[], p_terms integer[],
    OUT allowed boolean, OUT mapped boolean, OUT unknown text[], OUT institutions text, OUT days text, OUT ratios text, OUT settled json)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    allowed := access.has_role(p_region, 0::smallint, access.user_name(), '{intake,system,maker}');
    IF NOT allowed THEN
        RETURN;
    END IF;
    -- Not while terms change: what waited here sees them as they are then (hence not STABLE). See fund.lock_terms.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('fund.terms ' || p_region, 0));
    mapped := EXISTS (SELECT 1 FROM fund.layer_map WHERE region = p_region);
    unknown := ARRAY(SELECT unnest(p_institutions) EXCEPT SELECT institution FROM fund.institution
                     WHERE region = p_region AND agreement_state <> 'proposed');
    SELECT coalesce(array_agg(e.institution), '{}'), coalesce(array_agg(e.day), '{}'), coalesce(array_agg(e.ratio), '{}')
      INTO institutions, days, ratios
      FROM (SELECT DISTINCT ON (a.institution, a.day) a.institution, a.day, f.mode, f.ratio
              FROM unnest(p_institutions, p_days) AS a (institution, day)
              JOIN fund.enrolment f ON f.region = p_region AND f.institution = a.institution AND a.day BETWEEN f.from_day AND f.to_day
             ORDER BY a.institution, a.day, f.from_day DESC) e
     WHERE e.mode = 'daily';
    settled := (SELECT json_agg(json_build_array(s.fund, s.institution, s.term)) FROM fund.settled_term s
                 WHERE s.region = p_region AND s.institution = ANY (p_institutions) AND s.term = ANY (p_terms));
END $$;

-- Whether the transaction's user may bring records in anywhere.
CREATE OR REPLACE FUNCTION fund.may_bring_in() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM access.regions_of(access.user_name()) AS r (region)
                    WHERE access.has_role(r.region, 0::smallint, access.user_name(), '{intake,system,maker}'))
$$;

CREATE OR REPLACE FUNCTION fund.refuse_load() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.complete THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'intake.load_closed',
            DETAIL = format('文件%s已全部接入（第%s次接入），其计数不得更改', OLD.file_name, OLD.load_id);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'intake.load_counts',
        DETAIL = format('文件%s（第%s次接入）的计数由零起、只增不减，金额随所接受的笔数而变，合计不超过已读的行数',
                        NEW.file_name, NEW.load_id);
END $$;

-- A load is complete when its records are there, of whatever region: the owner counts, whose rows are not a user's. Of a file
-- every line that was refused is kept too; a request (its load has no bytes of its own) that is refused again is kept once.
CREATE OR REPLACE FUNCTION fund.prove_load() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE v_count bigint; v_fen bigint; v_kept bigint := NEW.quarantined;
BEGIN
    SELECT count(*), coalesce(sum(medfee_sumamt), 0) INTO v_count, v_fen FROM fund.record WHERE load_id = NEW.load_id;
    IF NEW.bytes > 0 THEN
        v_kept := (SELECT count(*) FROM fund.quarantine WHERE load_id = NEW.load_id);
    END IF;
    IF (v_count, v_fen, v_kept) <> (NEW.accepted, NEW.accepted_fen, NEW.quarantined) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'intake.sums',
            DETAIL = format('文件%s（第%s次接入）入库%s笔%s元、隔离%s笔与计数%s笔%s元、隔离%s笔不符，请勿继续', NEW.file_name,
                            NEW.load_id, v_count, fund.yuan(v_fen), v_kept, NEW.accepted, fund.yuan(NEW.accepted_fen), NEW.quarantined);
    END IF;
    RETURN NEW;
END $$;

-- What was settled has happened, and is reversed after that. The program knows the business date and refuses what is later than
-- the day after it; this door knows none, and refuses a year beyond what the region's books bear (books.outer_day). Over all
-- rows of a statement at once: a record costs nothing more.
CREATE OR REPLACE FUNCTION fund.check_records() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_bad record;
BEGIN
    SELECT a.region, max(a.setl_time) AS latest, max(a.enddate COLLATE "C") AS left_on INTO v_bad FROM added a GROUP BY a.region
    HAVING greatest(to_char(max(a.setl_time), 'YYYY-MM-DD'), max(a.enddate COLLATE "C"))   -- enddate is text, '' where absent
           > to_char((SELECT max(books.outer_day(a.region, f)) FROM unnest('{310,390}'::smallint[]) AS f) + 366, 'YYYY-MM-DD') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'record.future',
            DETAIL = format('结算时间%s、出院日期%s远在业务日期之后，不是已发生的结算', v_bad.latest, v_bad.left_on);
    END IF;
    SELECT a.setl_id, a.init_setl_id INTO v_bad
      FROM added a JOIN fund.record o ON o.region = a.region AND o.setl_id = a.init_setl_id
     WHERE a.init_setl_id <> '' AND a.setl_time::date < o.setl_time::date LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reversal.before_original',
            DETAIL = format('冲销%s的日期早于原结算%s', v_bad.setl_id, v_bad.init_setl_id);
    END IF;
    RETURN NULL;
END $$;

-- What is owed for a record is booked only as the record says: as much, to that institution, of its day; of a reversal the opposite of
-- its original's. The program works it out when it takes the record in; this is asked of whoever wrote it, before it is money owed, over
-- all rows of a statement at once. Its category is in no table: `verify` looks at that one.
CREATE OR REPLACE FUNCTION fund.check_owed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_bad text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM changed c WHERE c.recognised_by <> '' AND c.order_no = '' AND c.settled_by = '') THEN
        RETURN NULL;    -- ordered, released, settled: booked before
    END IF;
    SELECT c.setl_id INTO v_bad FROM changed c
      LEFT JOIN fund.record r ON r.region = c.region AND r.setl_id = c.setl_id
      LEFT JOIN fund.bill_layer l ON l.region = c.region AND l.setl_id = c.setl_id
     WHERE c.recognised_by <> '' AND c.order_no = '' AND c.settled_by = '' AND c.recognised_by NOT LIKE 'OPEN:%'
       AND ((c.term, c.day) IS DISTINCT FROM ((extract(year FROM r.setl_time) * 100 + extract(month FROM r.setl_time))::integer, r.setl_time::date)
            OR CASE WHEN r.init_setl_id = ''
                    THEN (c.institution, c.service_year, c.fund_fen) IS DISTINCT FROM (r.fixmedins_code, extract(year FROM r.setl_time)::smallint,
                          CASE WHEN c.subfund = 'acct' THEN r.acct_pay - CASE
                                   WHEN r.psn_part_amt <> r.acct_pay + r.psn_cash_pay AND r.psn_part_amt = r.acct_pay + r.psn_cash_pay + r.acct_mulaid_pay
                                   THEN 0 ELSE r.acct_mulaid_pay END
                               WHEN l.setl_id IS NULL THEN r.fund_pay_sumamt
                               WHEN c.fund = 310 THEN l.basic_310 ELSE l.basic_390 END)
                         OR r.insutype IN ('310', '390') AND r.insutype <> c.fund::text
                    ELSE NOT EXISTS (SELECT 1 FROM fund.payable o WHERE o.region = c.region AND o.fund = c.fund AND o.setl_id = r.init_setl_id
                                        AND o.subfund = c.subfund AND (o.institution, o.service_year, o.category, o.fund_fen)
                                                                      = (c.institution, c.service_year, c.category, -c.fund_fen))
               END)
     LIMIT 1;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payable.differs',
            DETAIL = format('结算%s的应付明细不是按其结算记录产生的，不能入账', v_bad);
    END IF;
    RETURN NULL;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_owed AFTER UPDATE ON fund.payable REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_owed();
CREATE OR REPLACE TRIGGER booked_first BEFORE UPDATE ON fund.payable FOR EACH ROW       -- not by the step that orders or settles it
    WHEN (OLD.recognised_by = '' AND NEW.recognised_by <> '' AND NEW.order_no || NEW.settled_by <> '' AND NEW.recognised_by NOT LIKE 'OPEN:%')
    EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_records AFTER INSERT ON fund.record REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_records();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, setl_id, subfund, institution, service_year, term, category, day,
    fund_fen, daily_fen, ratio ON fund.payable FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_payable BEFORE UPDATE ON fund.payable FOR EACH ROW
    WHEN (OLD.order_no <> '' OR OLD.recognised_by <> '' OR OLD.settled_by <> '') EXECUTE FUNCTION fund.check_payable();
CREATE CONSTRAINT TRIGGER require_layers AFTER INSERT ON fund.record DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.fund_pay_sumamt <> NEW.hifp_pay OR NEW.acct_mulaid_pay <> 0
          OR NEW.psn_part_amt <> NEW.acct_pay + NEW.psn_cash_pay OR NEW.insutype NOT IN ('310', '390'))
    EXECUTE FUNCTION fund.require_layers();
CREATE OR REPLACE TRIGGER settled_by_a_paper BEFORE UPDATE ON fund.payable FOR EACH ROW
    WHEN (NEW.settled_by <> OLD.settled_by AND NOT fund.settles(NEW.region, NEW.fund, NEW.institution, NEW.settled_by))
    EXECUTE FUNCTION fund.refuse_unsettled();
CREATE OR REPLACE TRIGGER settled_by_a_paper BEFORE INSERT ON fund.settled_term FOR EACH ROW
    WHEN (NOT fund.settles(NEW.region, NEW.fund, NEW.institution, NEW.settled_by)) EXECUTE FUNCTION fund.refuse_unsettled();
-- A load is begun empty, under one's own name. Anybody of these posts goes on with it: a file cut off is loaded to its end by who
-- is there. One's own load, which requests count in, is not asked about again: its every row was let in by row security.
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.intake_load FOR EACH ROW
    WHEN (access.working_login() AND (NEW.loaded_by IS DISTINCT FROM access.user_name() OR NOT fund.may_bring_in()))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER writer_of_changes BEFORE UPDATE ON fund.intake_load FOR EACH ROW
    WHEN (access.working_login() AND NEW.loaded_by IS DISTINCT FROM access.user_name() AND NOT fund.may_bring_in())
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER empty BEFORE INSERT ON fund.intake_load FOR EACH ROW
    WHEN (NEW.complete OR (NEW.lines_done, NEW.bytes_done, NEW.accepted, NEW.duplicate, NEW.quarantined, NEW.accepted_fen, NEW.payable_fen)
                          <> (0, 0, 0, 0, 0, 0, 0))
    EXECUTE FUNCTION fund.refuse_load();
CREATE OR REPLACE TRIGGER counts BEFORE UPDATE ON fund.intake_load FOR EACH ROW
    WHEN (OLD.complete OR NEW.lines_done < OLD.lines_done OR NEW.bytes_done < OLD.bytes_done OR NEW.accepted < OLD.accepted
          OR NEW.duplicate < OLD.duplicate OR NEW.quarantined < OLD.quarantined
          OR NEW.accepted + NEW.duplicate + NEW.quarantined > NEW.lines_done
          OR NEW.accepted = OLD.accepted AND (NEW.accepted_fen <> OLD.accepted_fen OR NEW.payable_fen <> OLD.payable_fen))
    EXECUTE FUNCTION fund.refuse_load();
CREATE OR REPLACE TRIGGER prove BEFORE UPDATE ON fund.intake_load FOR EACH ROW WHEN (NEW.complete AND NOT OLD.complete)
    EXECUTE FUNCTION fund.prove_load();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.intake_load
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.payable
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.quarantine
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.record
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.settled_term
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.intake_load TO fundledger_service;
GRANT INSERT (region, file_name, file_sha256, bytes, lines_done, bytes_done,
    accepted, duplicate, quarantined, accepted_fen, payable_fen, complete, loaded_by) ON fund.intake_load TO fundledger_service;
GRANT SELECT ON fund.intake_load TO fundledger_auditor;
GRANT UPDATE (lines_done, bytes_done, accepted, duplicate, quarantined, accepted_fen, payable_fen, complete) ON fund.intake_load TO fundledger_service;
GRANT SELECT ON fund.payable TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON fund.payable TO fundledger_service;
GRANT UPDATE (recognised_by, order_no, settled_by) ON fund.payable TO fundledger_service;
GRANT SELECT, INSERT ON fund.quarantine TO fundledger_service;
GRANT SELECT ON fund.quarantine TO fundledger_auditor;
GRANT SELECT ON fund.record TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON fund.record TO fundledger_service;
GRANT SELECT ON fund.settled_term TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON fund.settled_term TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.intake_context(integer,text[],date[],integer[]) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.may_bring_in() TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.refresh_statistics() TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.share(bigint,integer) TO fundledger_service;
