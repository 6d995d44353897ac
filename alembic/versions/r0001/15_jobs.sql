-- Runs of the scheduler's jobs: each (region, job, slot) is done once, by whoever holds the lease; a holder that comes back
-- after its lease was taken over is fenced by the epoch (reliability.md B2 14, 29).

CREATE SCHEMA jobs;

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

GRANT USAGE ON SCHEMA jobs TO fundledger_service, fundledger_auditor;
GRANT SELECT ON jobs.job_run TO fundledger_service, fundledger_auditor;
GRANT INSERT ON jobs.job_run TO fundledger_service;
GRANT UPDATE (state, owner, epoch, lease_until, message) ON jobs.job_run TO fundledger_service;

ALTER TABLE jobs.job_run ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit ON jobs.job_run FOR SELECT TO fundledger_auditor USING (true);
CREATE POLICY scope ON jobs.job_run TO fundledger_service
    USING (region = (SELECT access.region())) WITH CHECK (region = (SELECT access.region()));
