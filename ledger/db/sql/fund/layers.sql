-- One bill, its payers: the split of each record and the region's map of fund_pay_type.

-- Tables ------------------------------------------------------
-- Which payer stands behind a fund_pay_type, per region and date; the packaged national table where a region says nothing.
CREATE TABLE fund.layer_map (
    region    integer NOT NULL REFERENCES fund.region,
    match     text NOT NULL CHECK (match IN ('exact', 'prefix')),
    code      text NOT NULL CHECK (code ~ '^[0-9]{4}([0-9]{2})?$'),
    from_day  date NOT NULL,
    payer     text NOT NULL CHECK (payer IN ('basic_310', 'basic_390', 'large', 'civil', 'assistance', 'commercial',
                                             'other_fund', 'outside', 'account', 'wallet', 'hospital', 'undecided', 'unknown')),
    source    text NOT NULL CHECK (source <> ''),
    set_by    text NOT NULL,
    PRIMARY KEY (region, match, code, from_day),
    CHECK (length(code) = CASE match WHEN 'exact' THEN 6 ELSE 4 END)
);

-- One bill: who pays which part of a record that has more than plain payers. The parts are the bill, to the fen (the CHECK),
-- and the bill is the record's (trigger).
CREATE TABLE fund.bill_layer (
    region        integer NOT NULL,
    setl_id       text NOT NULL,
    day           date NOT NULL,
    medfee_sumamt bigint NOT NULL,
    basic_310     bigint NOT NULL,
    basic_390     bigint NOT NULL,
    large         bigint NOT NULL,     -- 大额、大病
    civil         bigint NOT NULL,     -- 公务员补助
    assistance    bigint NOT NULL,     -- 医疗救助
    commercial    bigint NOT NULL,     -- 商业保险、企业补充
    other_fund    bigint NOT NULL,
    outside       bigint NOT NULL,     -- 异地平台返回
    account       bigint NOT NULL,     -- 个人账户（本人）
    mutual_aid    bigint NOT NULL,     -- 家庭共济
    wallet        bigint NOT NULL,     -- 医保钱包
    cash          bigint NOT NULL,
    hospital      bigint NOT NULL,     -- 医院负担
    map_digest    bytea NOT NULL CHECK (length(map_digest) = 32),   -- SHA-256 of the row-to-payer text it was split by
    PRIMARY KEY (region, setl_id),
    CONSTRAINT parts_equal_bill CHECK (basic_310 + basic_390 + large + civil + assistance + commercial + other_fund + outside
        + account + mutual_aid + wallet + cash + hospital = medfee_sumamt)
);

-- Split bills by day, as records are.
CREATE INDEX bill_layer_day ON fund.bill_layer USING brin (day) WITH (pages_per_range = 32);

-- Views -------------------------------------------------------
-- Every record with its parts: as split where somebody else pays too, else what its columns say.
CREATE OR REPLACE VIEW fund.bill_share WITH (security_invoker = true) AS
SELECT r.region, r.setl_id, r.setl_time::date AS day, r.medfee_sumamt,
       coalesce(l.basic_310, CASE r.insutype WHEN '310' THEN r.hifp_pay ELSE 0 END) AS basic_310,
       coalesce(l.basic_390, CASE r.insutype WHEN '390' THEN r.hifp_pay ELSE 0 END) AS basic_390,
       coalesce(l.large, 0) AS large, coalesce(l.civil, 0) AS civil, coalesce(l.assistance, 0) AS assistance,
       coalesce(l.commercial, 0) AS commercial, coalesce(l.other_fund, 0) AS other_fund, coalesce(l.outside, 0) AS outside,
       coalesce(l.account, r.acct_pay) AS account, coalesce(l.mutual_aid, 0) AS mutual_aid, coalesce(l.wallet, 0) AS wallet,
       r.psn_cash_pay AS cash, r.hosp_part_amt AS hospital
  FROM fund.record r LEFT JOIN fund.bill_layer l ON l.region = r.region AND l.setl_id = r.setl_id;

-- Functions ---------------------------------------------------
-- The owner asks, here and below: row security would be judged anew for every one of these questions, at ten times their price.
CREATE OR REPLACE FUNCTION fund.check_bill_layer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE v_wrong text;
BEGIN
    -- LATERAL and OFFSET: each split finds its record by key. As a plain join the planner, which knows nothing of the size of
    -- a day's tables, reads all records for every few hundred splits.
    SELECT min(l.setl_id) INTO v_wrong FROM added l LEFT JOIN LATERAL
           (SELECT * FROM fund.record k WHERE k.region = l.region AND k.setl_id = l.setl_id OFFSET 0) r ON true
     WHERE (r.medfee_sumamt, r.setl_time::date, r.psn_cash_pay, r.hosp_part_amt, r.acct_mulaid_pay, r.fund_pay_sumamt)
           IS DISTINCT FROM (l.medfee_sumamt, l.day, l.cash, l.hospital, l.mutual_aid, l.basic_310 + l.basic_390 + l.large
               + l.civil + l.assistance + l.commercial + l.other_fund + l.outside);
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'layers.not_the_record',
            DETAIL = format('结算%s的分担与结算记录的总额、日期、基金、共济、现金或医院负担不符', v_wrong);
    END IF;
    RETURN NULL;
END $$;

-- A record that somebody else than its basic fund, the account, the person and the hospital pays for is not stored without
-- its split: asked at COMMIT, and only of such records, because a row trigger on every record would cost intake its speed.
CREATE OR REPLACE FUNCTION fund.require_layers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.bill_layer l WHERE l.region = NEW.region AND l.setl_id = NEW.setl_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'layers.missing',
            DETAIL = format('结算%s有其他承担方，须同时保存各方分担', NEW.setl_id);
    END IF;
    RETURN NULL;
END $$;

-- A map never reaches back over records taken in: their split is kept, and must be what the map of their day says.
CREATE OR REPLACE FUNCTION fund.check_layer_map() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_last date;
BEGIN
    SELECT max(r.setl_time)::date INTO v_last FROM fund.record r
     WHERE r.region = NEW.region AND r.setl_time >= NEW.from_day AND r.details ~ ('(^|;)' || NEW.code);
    IF v_last IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'layers.already_split',
            DETAIL = format('已接收到%s为止含%s的结算记录，对照最早自%s起', v_last, NEW.code, v_last + 1);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_bill_layer AFTER INSERT ON fund.bill_layer REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_bill_layer();
CREATE OR REPLACE TRIGGER check_layer_map BEFORE INSERT ON fund.layer_map FOR EACH ROW EXECUTE FUNCTION fund.check_layer_map();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.bill_layer
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.layer_map
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.layer_map
    FOR EACH ROW WHEN ((access.working_login() AND ((new.set_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[]))))) EXECUTE FUNCTION fund.refuse_writer();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.bill_layer TO fundledger_service;
GRANT SELECT ON fund.bill_layer TO fundledger_auditor;
GRANT SELECT ON fund.bill_share TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.layer_map TO fundledger_service;
GRANT SELECT ON fund.layer_map TO fundledger_auditor;
