-- A proposal for an account is decided as it was shown, or it is withdrawn by a later one; it is never deleted.
ALTER TABLE fund.payee_account DISABLE TRIGGER USER;
ALTER TABLE fund.payee_account
    DROP CONSTRAINT payee_account_state_check,
    DROP CONSTRAINT payee_account_check,
    ADD COLUMN why         text NOT NULL DEFAULT '',
    ADD COLUMN proposed_on date,
    ADD COLUMN decided_on  date,
    ADD COLUMN ended_on    date;
-- Of several that were open only the latest could be confirmed.
UPDATE fund.payee_account p SET state = 'withdrawn', reason = '另有新的提出'
 WHERE p.state = 'proposed' AND EXISTS (SELECT 1 FROM fund.payee_account n WHERE n.region = p.region
                                           AND n.institution = p.institution AND n.version > p.version);
ALTER TABLE fund.payee_account
    ADD CONSTRAINT payee_account_state_check
        CHECK (state IN ('proposed', 'confirmed', 'failed', 'replaced', 'refused', 'withdrawn')),
    ADD CONSTRAINT payee_account_check CHECK ((state IN ('proposed', 'withdrawn')) = (confirmed_by = '')),
    ADD CONSTRAINT payee_account_refused CHECK (state <> 'refused' OR reason <> '');
ALTER TABLE fund.payee_account ENABLE TRIGGER USER;
CREATE UNIQUE INDEX one_open_account ON fund.payee_account (region, institution) WHERE state = 'proposed';
