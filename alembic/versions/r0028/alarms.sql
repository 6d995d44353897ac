-- Failed authentications, added up: at most a thousand rows an hour, whatever strangers do (access.note_refused).
CREATE TABLE access.refused_login (
    hour     timestamptz NOT NULL,
    address  text NOT NULL CHECK (length(address) <= 64),     -- empty: many addresses together
    code     text NOT NULL CHECK (length(code) <= 40),
    attempts bigint NOT NULL CHECK (attempts > 0),
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (hour, address, code)
);

-- A person has seen an alarm and says why it may stand. The alarm itself is computed: it goes when its cause goes, and comes
-- back under another key.
CREATE TABLE access.alarm_seen (
    region      integer NOT NULL,                              -- 0: of the installation
    alarm       text NOT NULL CHECK (length(alarm) BETWEEN 1 AND 200),
    seen_by     text NOT NULL REFERENCES access.app_user,
    reason      text NOT NULL CHECK (reason = btrim(reason) AND length(reason) BETWEEN 2 AND 200),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, alarm)
);

-- What is to be told outside, at least once each: one row an alarm and channel, its id stays the same however often it is sent.
CREATE TABLE access.alarm_notice (
    region   integer NOT NULL,
    alarm    text NOT NULL CHECK (length(alarm) BETWEEN 1 AND 200),
    channel  text NOT NULL CHECK (channel IN ('webhook', 'mail')),
    id       uuid NOT NULL DEFAULT gen_random_uuid(),
    content  jsonb NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries    integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    problem  text NOT NULL DEFAULT '' CHECK (length(problem) <= 200),
    sent_at  timestamptz,
    PRIMARY KEY (region, alarm, channel),
    UNIQUE (region, id)
);

CREATE INDEX alarm_notice_waiting ON access.alarm_notice (region, next_at) WHERE sent_at IS NULL;
