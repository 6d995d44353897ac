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
