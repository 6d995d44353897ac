-- What is past its term is taken away: proposed by the security administrator, confirmed by the audit administrator, and what went is
-- told for ever by kind, number, span and digest.
CREATE TABLE fund.removal (
    region      integer NOT NULL REFERENCES fund.region,
    n           integer NOT NULL CHECK (n > 0),
    kind        text NOT NULL CHECK (kind IN ('quarantine', 'answers', 'log', 'sessions')),
    before      date NOT NULL,
    items       bigint NOT NULL CHECK (items > 0),
    first_on    date NOT NULL,
    last_on     date NOT NULL CHECK (last_on < before AND first_on <= last_on),
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'removed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, n),
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK ((state = 'refused') = (reason <> '')),
    CHECK (decided_by <> proposed_by)
);
CREATE UNIQUE INDEX one_removal ON fund.removal (region, kind) WHERE state = 'proposed';

INSERT INTO fund.policy_key VALUES
    ('retention_sessions', '已结束的登录会话保存年数，未选时为1', '[1-9]|[1-9][0-9]');
