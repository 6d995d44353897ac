-- Designated institutions: master data, enrolment, payee accounts by two persons.

-- Tables ------------------------------------------------------
CREATE TABLE fund.institution (
    region          integer NOT NULL REFERENCES fund.region,
    institution     text NOT NULL CHECK (institution ~ '^[A-Z][0-9A-Z]{5,29}$'),
    name            text NOT NULL CHECK (name <> '' AND translate(name, E'|\\\n\r', '') = name),
    type            text NOT NULL CHECK (type IN ('1', '2', '3')),    -- fixmedins_type
    level           text NOT NULL,
    agreement_state text NOT NULL CHECK (agreement_state IN ('active', 'suspended', 'ended')),
    agreement_from  date NOT NULL,
    agreement_to    date NOT NULL CHECK (agreement_to >= agreement_from),
    PRIMARY KEY (region, institution)
);

-- How an institution is paid, from a day on: daily payout on application, or only by the month (procedure.md 1).
CREATE TABLE fund.enrolment (
    region      integer NOT NULL,
    institution text NOT NULL,
    from_day    date NOT NULL,
    to_day      date NOT NULL CHECK (to_day >= from_day),
    mode        text NOT NULL CHECK (mode IN ('daily', 'monthly')),
    cycle       text NOT NULL CHECK (cycle IN ('daily', 'second_day', 'weekly')),
    ratio       integer NOT NULL CHECK (ratio BETWEEN 0 AND 10000),        -- ten-thousandths
    month_ratio integer NOT NULL CHECK (month_ratio BETWEEN 0 AND 10000),
    PRIMARY KEY (region, institution, from_day),
    FOREIGN KEY (region, institution) REFERENCES fund.institution
);

-- Payee accounts: proposed by one person, confirmed by another; a bank's rejection marks the account failed (INV-11).
CREATE TABLE fund.payee_account (
    region       integer NOT NULL,
    institution  text NOT NULL,
    version      integer NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    number       text NOT NULL CHECK (number ~ '^[0-9A-Za-z-]{5,34}$'),
    bank_name    text NOT NULL CHECK (bank_name <> ''),
    cnaps        text NOT NULL CHECK (cnaps ~ '^[0-9]{12}$'),
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'failed', 'replaced')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (region, institution, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CHECK ((state = 'proposed') = (confirmed_by = '')),
    CHECK (confirmed_by <> proposed_by)
);

CREATE UNIQUE INDEX one_confirmed_account ON fund.payee_account (region, institution) WHERE state = 'confirmed';

-- Functions ---------------------------------------------------
-- Daily payout is for inpatient costs (art. 6): a pharmacy discharges nobody. (ledger/fund/institutions/judge.py says more, by name.)
CREATE OR REPLACE FUNCTION fund.check_daily() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fund.institution i JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution
                WHERE i.region = NEW.region AND i.institution = NEW.institution AND i.type = '2' AND e.mode = 'daily') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'institution.daily_not_inpatient',
            DETAIL = format('机构%s是零售药店，没有住院，不能按日拨付：日拨付限住院费用，其费用随月结算', NEW.institution);
    END IF;
    RETURN NULL;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_daily AFTER INSERT ON fund.enrolment FOR EACH ROW WHEN (NEW.mode = 'daily') EXECUTE FUNCTION fund.check_daily();
CREATE OR REPLACE TRIGGER check_daily AFTER UPDATE OF type ON fund.institution FOR EACH ROW WHEN (NEW.type = '2' AND OLD.type <> '2') EXECUTE FUNCTION fund.check_daily();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, institution, version, name, number, bank_name, cnaps, proposed_by
    ON fund.payee_account FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_payee BEFORE INSERT OR UPDATE ON fund.payee_account
    FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE OR REPLACE TRIGGER writer_of_changes BEFORE UPDATE ON fund.institution FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system}'))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER writer_of_changes BEFORE UPDATE ON fund.enrolment FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system}'))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.enrolment
    FOR EACH ROW WHEN (((CURRENT_USER = 'fundledger_service'::name) AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.institution
    FOR EACH ROW WHEN (((CURRENT_USER = 'fundledger_service'::name) AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.payee_account
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.enrolment TO fundledger_service;
GRANT SELECT ON fund.enrolment TO fundledger_auditor;
GRANT UPDATE (to_day) ON fund.enrolment TO fundledger_service;
GRANT SELECT, INSERT ON fund.institution TO fundledger_service;
GRANT SELECT ON fund.institution TO fundledger_auditor;
GRANT UPDATE (name, type, level, agreement_state, agreement_from, agreement_to) ON fund.institution TO fundledger_service;
GRANT SELECT, INSERT ON fund.payee_account TO fundledger_service;
GRANT SELECT ON fund.payee_account TO fundledger_auditor;
GRANT UPDATE (state, confirmed_by, reason) ON fund.payee_account TO fundledger_service;
