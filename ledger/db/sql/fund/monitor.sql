-- The monitor's figures: what a day brought, owed, ordered and paid, counted every ten minutes.

-- Tables ------------------------------------------------------
-- The figures of a day as the job last counted them: by institution and fund (the last count of the day and of the three days
-- after it), and of the whole region every ten minutes. Counts and sums of what lies elsewhere: nothing rests on them.
CREATE TABLE fund.monitor_figure (
    region       integer NOT NULL REFERENCES fund.region,
    day          date NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    records      integer NOT NULL,
    reversals    integer NOT NULL,
    fund_fen     bigint NOT NULL,
    payable_fen  bigint NOT NULL,
    orders       integer NOT NULL,
    order_fen    bigint NOT NULL,
    paid         integer NOT NULL,
    paid_fen     bigint NOT NULL,
    failed       integer NOT NULL,
    failed_fen   bigint NOT NULL,
    within_1     integer NOT NULL,       -- records paid on the day, by days from discharge to money
    within_2     integer NOT NULL,
    within_3     integer NOT NULL,
    later        integer NOT NULL,
    days         bigint NOT NULL,        -- the sum of those days
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, day, fund, institution)
);

CREATE TABLE fund.monitor_tick (
    region       integer NOT NULL REFERENCES fund.region,
    day          date NOT NULL,
    at           text NOT NULL CHECK (at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),   -- the run's time of day
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institutions integer NOT NULL,       -- with an agreement in force
    daily        integer NOT NULL,       -- of them paid by the day
    records      bigint NOT NULL,
    payable_fen  bigint NOT NULL,
    orders       bigint NOT NULL,
    order_fen    bigint NOT NULL,
    paid         bigint NOT NULL,
    paid_fen     bigint NOT NULL,
    failed       bigint NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, day, at, fund)
);

-- Functions ---------------------------------------------------
-- When a figure was counted is the database's word.
CREATE OR REPLACE FUNCTION fund.stamp_figure() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER stamped BEFORE INSERT OR UPDATE ON fund.monitor_figure FOR EACH ROW EXECUTE FUNCTION fund.stamp_figure();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.monitor_figure FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.monitor_tick
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.monitor_figure, fund.monitor_tick TO fundledger_service, fundledger_auditor;
GRANT INSERT (region, day, fund, institution, records, reversals, fund_fen, payable_fen, orders, order_fen, paid,
               paid_fen, failed, failed_fen, within_1, within_2, within_3, later, days)
    ON fund.monitor_figure TO fundledger_service;
GRANT UPDATE (records, reversals, fund_fen, payable_fen, orders, order_fen, paid, paid_fen, failed, failed_fen, within_1, within_2, within_3,
              later, days) ON fund.monitor_figure TO fundledger_service;
GRANT INSERT (region, day, at, fund, institutions, daily, records, payable_fen, orders, order_fen, paid, paid_fen, failed)
    ON fund.monitor_tick TO fundledger_service;
