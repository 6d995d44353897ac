-- What lay in the bank's folder under a name when it was last looked at: its size, the times the folder told, and the bytes
-- taken of it. Not evidence: it says only what need not be fetched or asked about again.
CREATE TABLE payments.inbound_seen (
    region  integer NOT NULL,
    account text NOT NULL,
    name    text NOT NULL,
    size    bigint NOT NULL,
    stamp   text NOT NULL,            -- '' where the folder tells no times
    sha256  bytea NOT NULL,
    asked   bigint NOT NULL CHECK (asked >= 0),   -- turn in which the bank's digest was last asked for; 0 never
    PRIMARY KEY (region, account, name),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file
);

-- A file that was set aside, read again by a person after the program was mended: every attempt with what came of it.
CREATE TABLE payments.read_again (
    region    integer NOT NULL,
    account   text NOT NULL,
    sha256    bytea NOT NULL,
    n         integer NOT NULL CHECK (n > 0),
    kind      text NOT NULL,
    outcome   text NOT NULL CHECK (outcome IN ('read', 'quarantined')),
    code      text NOT NULL,          -- why it is still set aside
    message   text NOT NULL,
    result    jsonb NOT NULL,         -- what it did, as it was answered
    read_by   text NOT NULL,
    read_on   date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file,
    CHECK ((outcome = 'quarantined') = (code <> ''))
);

CREATE UNIQUE INDEX read_again_once ON payments.read_again (region, account, sha256) WHERE outcome = 'read';

-- What people should know of a blocked amount beside its reason: which field of the payee, which character.
ALTER TABLE payments.blocked ADD COLUMN detail text NOT NULL DEFAULT '';
