-- The control report of a month as it was last drawn up, unsigned, and when: a page shows this one and never works it out itself.
CREATE TABLE fund.control_draft (
    region      integer NOT NULL REFERENCES fund.region,
    month       integer NOT NULL CHECK (month % 100 BETWEEN 1 AND 12),
    seed        text NOT NULL CHECK (seed <> ''),
    cases       integer NOT NULL CHECK (cases BETWEEN 1 AND 2000),
    content     text NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    ways_digest bytea NOT NULL CHECK (length(ways_digest) = 32),    -- of the rows of fund.control_way
    blocks      jsonb NOT NULL CHECK (jsonb_typeof(blocks) = 'object'),     -- fund: the last block known and its hash
    drawn_by    text NOT NULL,
    drawn_at    timestamptz NOT NULL,
    PRIMARY KEY (region, month)
);

-- Business, finance and bank of that moment: an institution's day a row.
CREATE TABLE fund.control_way (
    region       integer NOT NULL,
    month        integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    day          date NOT NULL,
    parts        bigint NOT NULL,
    business_fen bigint NOT NULL,
    finance_fen  bigint NOT NULL,
    ordered_fen  bigint NOT NULL,
    told_fen     bigint NOT NULL,
    paid_fen     bigint NOT NULL,
    PRIMARY KEY (region, month, fund, institution, day),
    FOREIGN KEY (region, month) REFERENCES fund.control_draft,
    CHECK (date_part('year', day) * 100 + date_part('month', day) = month)
);

-- The same by institution, the month's days added up: a page of all of them reads no more for a longer month.
CREATE TABLE fund.control_sum (
    region       integer NOT NULL,
    month        integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    parts        bigint NOT NULL,
    business_fen bigint NOT NULL,
    finance_fen  bigint NOT NULL,
    ordered_fen  bigint NOT NULL,
    told_fen     bigint NOT NULL,
    paid_fen     bigint NOT NULL,
    PRIMARY KEY (region, month, fund, institution),
    FOREIGN KEY (region, month) REFERENCES fund.control_draft
);

-- When the job draws them up.
INSERT INTO fund.policy_key VALUES
    ('job_at_control',   '定时任务“内控报告编制”的时刻；off不办（未选时04:00）', '([01][0-9]|2[0-3]):[0-5][0-9]|off');
