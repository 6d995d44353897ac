-- A region's choices move money: proposed by one person, confirmed by another.
CREATE TABLE fund.policy_proposal (
    region      integer NOT NULL REFERENCES fund.region,
    key         text NOT NULL REFERENCES fund.policy_key,
    from_day    date NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    value       text NOT NULL,
    source      text NOT NULL CHECK (source <> ''),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'refused', 'withdrawn')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, key, from_day, version),
    CONSTRAINT policy_two_persons CHECK (decided_by <> proposed_by AND (state IN ('proposed', 'withdrawn')) = (decided_by = '')),
    CONSTRAINT policy_refused CHECK (state <> 'refused' OR reason <> '')
);
CREATE UNIQUE INDEX one_open_policy ON fund.policy_proposal (region, key, from_day) WHERE state = 'proposed';
ALTER TABLE fund.region_policy ADD COLUMN confirmed_by text NOT NULL DEFAULT '';
ALTER TABLE fund.region_policy DISABLE TRIGGER USER;
UPDATE fund.region_policy SET confirmed_by = 'system:0.2';
ALTER TABLE fund.region_policy ENABLE TRIGGER USER;
ALTER TABLE fund.policy_key DISABLE TRIGGER USER;
UPDATE fund.policy_key SET pattern = 'P1|P2' WHERE key = 'daily_accounting';
ALTER TABLE fund.policy_key ENABLE TRIGGER USER;
