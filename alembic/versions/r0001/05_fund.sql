-- The business: regions and their dated policy, institutions, settlement records, payables, the daily run.

CREATE TABLE fund.region (
    region integer PRIMARY KEY CHECK (region BETWEEN 100000 AND 999999),
    name   text NOT NULL CHECK (name <> '')
);

-- Which choices there are and what a value looks like (a regular expression); each area adds its own keys in its own file.
CREATE TABLE fund.policy_key (
    key     text PRIMARY KEY CHECK (key ~ '^[a-z][a-z0-9_]{2,40}$'),
    title   text NOT NULL,
    pattern text NOT NULL DEFAULT '.*'
);
INSERT INTO fund.policy_key VALUES
    ('daily_accounting', '日拨付列账方法：P1暂付款、P2直接列支出'),
    ('mulaid_in_acct',   '家庭共济是否含在个人账户支付额内'),
    ('receipt_days',     '银行回单期限');
-- Dated choices of a region (procedure.md [choice] lines). The value in force on a day is the latest from_day <= day.
CREATE TABLE fund.region_policy (
    region   integer NOT NULL REFERENCES fund.region,
    key      text NOT NULL REFERENCES fund.policy_key,
    from_day date NOT NULL,
    value    text NOT NULL,
    source   text NOT NULL,            -- the document it rests on
    set_by   text NOT NULL,
    PRIMARY KEY (region, key, from_day)
);
CREATE FUNCTION fund.check_policy() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.policy_key;
BEGIN
    SELECT * INTO v FROM fund.policy_key k WHERE k.key = NEW.key;
    IF FOUND AND NEW.value !~ ('^(' || v.pattern || ')$') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'policy.value',
            DETAIL = format('政策%s（%s）的值“%s”不合规：应为%s', NEW.key, v.title, left(NEW.value, 40), v.pattern);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_policy BEFORE INSERT OR UPDATE ON fund.region_policy FOR EACH ROW EXECUTE FUNCTION fund.check_policy();

-- The calendar of banks and public holidays: reference data with its source, shared by all regions.
CREATE TABLE fund.calendar_year (
    year   smallint PRIMARY KEY,
    source text NOT NULL
);
CREATE TABLE fund.calendar_day (
    day     date PRIMARY KEY,
    working boolean NOT NULL,
    year    smallint NOT NULL REFERENCES fund.calendar_year
);

CREATE TABLE fund.institution (
    region          integer NOT NULL REFERENCES fund.region,
    institution     text NOT NULL CHECK (institution ~ '^[A-Z][0-9A-Z]{5,29}$'),
    name            text NOT NULL CHECK (name <> '' AND translate(name, E'|\\\n\r', '') = name),
    type            text NOT NULL CHECK (type IN ('1', '2', '3')),    -- fixmedins_type
    level           text NOT NULL,
    agreement_state text NOT NULL CHECK (agreement_state IN ('active', 'suspended', 'ended')),
    agreement_from  date NOT NULL,
    agreement_to    date NOT NULL CHECK (agreement_to >= agreement_from),
    PRIMARY KEY (region, institution)
);

-- How an institution is paid, from a day on: daily payout on application, or only by the month (procedure.md 1).
CREATE TABLE fund.enrolment (
    region      integer NOT NULL,
    institution text NOT NULL,
    from_day    date NOT NULL,
    to_day      date NOT NULL CHECK (to_day >= from_day),
    mode        text NOT NULL CHECK (mode IN ('daily', 'monthly')),
    cycle       text NOT NULL CHECK (cycle IN ('daily', 'second_day', 'weekly')),
    ratio       integer NOT NULL CHECK (ratio BETWEEN 0 AND 10000),        -- ten-thousandths
    month_ratio integer NOT NULL CHECK (month_ratio BETWEEN 0 AND 10000),
    PRIMARY KEY (region, institution, from_day),
    FOREIGN KEY (region, institution) REFERENCES fund.institution
);

-- Payee accounts: proposed by one person, confirmed by another; a bank's rejection marks the account failed (INV-11).
CREATE TABLE fund.payee_account (
    region       integer NOT NULL,
    institution  text NOT NULL,
    version      integer NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    number       text NOT NULL CHECK (number ~ '^[0-9A-Za-z-]{5,34}$'),
    bank_name    text NOT NULL CHECK (bank_name <> ''),
    cnaps        text NOT NULL CHECK (cnaps ~ '^[0-9]{12}$'),
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'failed', 'replaced')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (region, institution, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((state = 'proposed') = (confirmed_by = '')),
    CHECK (confirmed_by <> proposed_by)
);
CREATE UNIQUE INDEX one_confirmed_account ON fund.payee_account (region, institution) WHERE state = 'confirmed';

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
-- What a record owes by day: its pooled money × the ratio in ten-thousandths, to the fen, half up in magnitude (procedure.md 2.2);
-- numeric, because a bigint does not hold the product of every amount we take. As ledger.core.money.share.
CREATE FUNCTION fund.share(fund_fen bigint, ratio integer) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN ratio = 0 THEN 0 ELSE round(fund_fen::numeric * ratio / 10000)::bigint END;

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
