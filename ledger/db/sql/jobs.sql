-- Job runs: a slot is done once, whichever worker does it.

-- Tables ------------------------------------------------------
CREATE TABLE jobs.job_run (
    region      integer NOT NULL,
    job         text NOT NULL,
    slot        text NOT NULL,             -- the business date, with the time of day for jobs that run more often
    state       text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    owner       text NOT NULL,
    epoch       integer NOT NULL,
    lease_until timestamptz NOT NULL,
    message     text NOT NULL,
    PRIMARY KEY (region, job, slot)
);

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON jobs.job_run TO fundledger_service;
GRANT SELECT ON jobs.job_run TO fundledger_auditor;
GRANT UPDATE (state, owner, epoch, lease_until, message) ON jobs.job_run TO fundledger_service;
