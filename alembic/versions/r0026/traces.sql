CREATE TABLE access.trace (
    region      integer NOT NULL CHECK (region >= 0),   -- 0: of what belongs to no region, users and keys
    id          bigint GENERATED ALWAYS AS IDENTITY,
    seq         bigint CHECK (seq > 0),                 -- its place in the region's chain, given at COMMIT
    noun        text NOT NULL,                          -- the table
    op          text NOT NULL CHECK (op IN ('mark', 'begin', 'insert', 'update', 'delete')),
    keys        text[] NOT NULL,                        -- of the rows, sorted
    digests     bytea NOT NULL,                         -- of the rows as they stood then, 32 bytes a key; none for rows taken away
    login       text NOT NULL,                          -- the database's login, and the role it had put on
    actor       text NOT NULL,                          -- the named user; empty where there was none
    recorded_at timestamptz,
    hash        bytea CHECK (length(hash) = 32),
    PRIMARY KEY (region, id),
    CHECK (length(digests) = CASE WHEN op IN ('mark', 'delete') THEN 0 ELSE 32 * cardinality(keys) END),
    CHECK ((seq IS NULL) = (hash IS NULL) AND (seq IS NULL) = (recorded_at IS NULL))
);
CREATE UNIQUE INDEX trace_seq ON access.trace (region, seq) WHERE seq IS NOT NULL;
CREATE INDEX trace_mark ON access.trace (region, noun) WHERE op = 'mark';

CREATE TABLE access.trace_head (
    region integer PRIMARY KEY,
    seq    bigint NOT NULL CHECK (seq >= 0),
    hash   bytea NOT NULL CHECK (length(hash) = 32)
);

-- Which ends of these chains were anchored outside the database, so that a file cut short is missed.
CREATE TABLE access.trace_anchored (
    region  integer NOT NULL,
    seq     bigint NOT NULL CHECK (seq > 0),
    made_by text NOT NULL,
    PRIMARY KEY (region, seq)
);
