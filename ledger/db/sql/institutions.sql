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

-- Payee accounts: proposed by one person, confirmed or refused by another (both `confirmed_by`); a later proposal withdraws one
-- that waits; a bank's rejection marks the account failed (INV-11). The days of rows from before revision 0005 are not known.
CREATE TABLE fund.payee_account (
    region       integer NOT NULL,
    institution  text NOT NULL,
    version      integer NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    number       text NOT NULL CHECK (number ~ '^[0-9A-Za-z-]{5,34}$'),
    bank_name    text NOT NULL CHECK (bank_name <> ''),
    cnaps        text NOT NULL CHECK (cnaps ~ '^[0-9]{12}$'),
    state        text NOT NULL CONSTRAINT payee_account_state_check
                 CHECK (state IN ('proposed', 'confirmed', 'failed', 'replaced', 'refused', 'withdrawn')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    why          text NOT NULL DEFAULT '',    -- why it is proposed: needed where it was in force before
    proposed_on  date,
    decided_on   date,
    ended_on     date,
    PRIMARY KEY (region, institution, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CONSTRAINT payee_account_check CHECK ((state IN ('proposed', 'withdrawn')) = (confirmed_by = '')),
    CONSTRAINT payee_account_check1 CHECK (confirmed_by <> proposed_by),
    CONSTRAINT payee_account_refused CHECK (state <> 'refused' OR reason <> '')
);

CREATE UNIQUE INDEX one_confirmed_account ON fund.payee_account (region, institution) WHERE state = 'confirmed';

CREATE UNIQUE INDEX one_open_account ON fund.payee_account (region, institution) WHERE state = 'proposed';

-- Functions ---------------------------------------------------
-- Whoever proposes or decides what an institution is paid by waits for whoever does so in the region.
CREATE OR REPLACE FUNCTION fund.lock_institutions(p_region integer) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('fund.institutions ' || p_region, 0))
$$;

-- A new proposal takes the place of one that waits. An account that was in force before and is not now needs its reason: an old
-- file must not bring it back unseen.
CREATE OR REPLACE FUNCTION fund.check_new_payee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.lock_institutions(NEW.region);
    IF NEW.why = '' AND EXISTS (
           SELECT 1 FROM fund.payee_account p WHERE (p.region, p.institution, p.number, p.cnaps) = (NEW.region, NEW.institution, NEW.number, NEW.cnaps)
              AND p.state IN ('replaced', 'failed'))
       AND NOT EXISTS (
           SELECT 1 FROM fund.payee_account p WHERE (p.region, p.institution, p.number, p.cnaps) = (NEW.region, NEW.institution, NEW.number, NEW.cnaps)
              AND p.state = 'confirmed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payee.came_back',
            DETAIL = format('机构%s的账户%s曾经启用，后已停用：重新启用须写明理由', NEW.institution, NEW.number);
    END IF;
    UPDATE fund.payee_account SET state = 'withdrawn', reason = '另有新的提出', decided_on = NEW.proposed_on
     WHERE region = NEW.region AND institution = NEW.institution AND state = 'proposed';
    RETURN NEW;
END $$;

-- What waits for a second person, of one institution or (p_institution = '') of all: the old value beside the new one.
CREATE OR REPLACE FUNCTION fund.open_proposals(p_region integer, p_institution text)
RETURNS TABLE (institution text, name text, kind text, version integer, in_force jsonb, proposed jsonb, from_day date,
               proposed_by text, proposed_on date, why text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.institution, i.name, 'payee', p.version,
           CASE WHEN c.version IS NULL THEN NULL ELSE jsonb_build_object('version', c.version, 'name', c.name, 'number', c.number,
                'bank_name', c.bank_name, 'cnaps', c.cnaps) END,
           jsonb_build_object('name', p.name, 'number', p.number, 'bank_name', p.bank_name, 'cnaps', p.cnaps),
           NULL::date, p.proposed_by, p.proposed_on, p.why
      FROM fund.payee_account p
      JOIN fund.institution i ON i.region = p.region AND i.institution = p.institution
      LEFT JOIN fund.payee_account c ON c.region = p.region AND c.institution = p.institution AND c.state = 'confirmed'
     WHERE p.region = p_region AND p.state = 'proposed' AND p_institution IN ('', p.institution)
$$;

-- What the second person signs: everything `fund.open_proposals` shows. 128 bits, because one person makes up both sides.
CREATE OR REPLACE FUNCTION fund.open_digest(p_region integer, p_institution text) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT left(encode(sha256(convert_to(concat_ws(E'\n', p_region, p_institution,
                string_agg(to_jsonb(o)::text, E'\n' ORDER BY o.institution COLLATE "C", o.kind COLLATE "C", o.version)), 'UTF8')), 'hex'), 32)
      FROM fund.open_proposals(p_region, p_institution) AS o
$$;

-- A checker, another person than whoever proposed, puts in force exactly what was shown, or refuses it with a reason.
CREATE OR REPLACE FUNCTION fund.decide_institutions(p_region integer, p_institution text, p_digest text, p_reason text, p_on date)
RETURNS TABLE (kind text, decided bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user   text := access.require_role(p_region, 0::smallint, '{checker}');
    v_maker  text;
    v_payees bigint;
BEGIN
    PERFORM fund.lock_institutions(p_region);
    IF NOT EXISTS (SELECT 1 FROM fund.open_proposals(p_region, p_institution)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'institution.nothing_open',
            DETAIL = format('%s没有待另一人确认的事项', CASE p_institution WHEN '' THEN '统筹区' || p_region ELSE '机构' || p_institution END);
    ELSIF fund.open_digest(p_region, p_institution) IS DISTINCT FROM p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'institution.changed',
            DETAIL = '待确认的内容不是所核对的那一份（摘要不符）：请重新列出并核对，未作任何改动';
    END IF;
    SELECT min(o.proposed_by) INTO v_maker FROM fund.open_proposals(p_region, p_institution) o
     WHERE access.person(o.proposed_by) IS NOT DISTINCT FROM access.person(v_user);
    IF v_maker IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v_maker);
    END IF;
    IF p_reason = '' THEN
        UPDATE fund.payee_account c SET state = 'replaced', reason = '启用新账户', ended_on = p_on
          FROM fund.payee_account p
         WHERE p.region = p_region AND p.state = 'proposed' AND p_institution IN ('', p.institution)
           AND c.region = p.region AND c.institution = p.institution AND c.state = 'confirmed';
    END IF;
    UPDATE fund.payee_account p SET state = CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END, confirmed_by = v_user,
           decided_on = p_on, reason = p_reason
     WHERE p.region = p_region AND p.state = 'proposed' AND p_institution IN ('', p.institution);
    GET DIAGNOSTICS v_payees = ROW_COUNT;
    RETURN QUERY VALUES ('payee', v_payees);
END $$;

-- Accounts that a bank said are wrong are used no more: the safe direction, so one post is enough.
CREATE OR REPLACE FUNCTION fund.fail_payees(p_region integer, p_institutions text[], p_numbers text[], p_names text[], p_reasons text[], p_on date)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_failed bigint;
BEGIN
    PERFORM access.require_role(p_region, 0::smallint, '{maker,checker,accountant,cashier,system}');
    PERFORM fund.lock_institutions(p_region);
    UPDATE fund.payee_account a SET state = 'failed', reason = f.reason, ended_on = p_on
      FROM (SELECT DISTINCT ON (institution) * FROM unnest(p_institutions, p_numbers, p_names, p_reasons) AS f (institution, number, name, reason)) f
     WHERE a.region = p_region AND a.institution = f.institution AND a.state = 'confirmed' AND a.number = f.number AND a.name = f.name;
    GET DIAGNOSTICS v_failed = ROW_COUNT;
    RETURN v_failed;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, institution, version, name, number, bank_name, cnaps, proposed_by, why,
    proposed_on
    ON fund.payee_account FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_payee BEFORE INSERT OR UPDATE ON fund.payee_account
    FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE OR REPLACE TRIGGER check_who_comes_back BEFORE INSERT ON fund.payee_account FOR EACH ROW EXECUTE FUNCTION fund.check_new_payee();
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
GRANT EXECUTE ON FUNCTION fund.decide_institutions(integer,text,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.fail_payees(integer,text[],text[],text[],text[],date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.open_digest(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.open_proposals(integer,text) TO fundledger_service;
