-- Designated institutions: what they agreed to, how and where they are paid, each in versions by two persons.

-- Tables ------------------------------------------------------
CREATE TABLE fund.institution (
    region          integer NOT NULL REFERENCES fund.region,
    institution     text NOT NULL CHECK (institution ~ '^[A-Z][0-9A-Z]{5,29}$'),
    name            text NOT NULL CHECK (name <> '' AND translate(name, E'|\\\n\r', '') = name),
    type            text NOT NULL CHECK (type IN ('1', '2', '3')),    -- fixmedins_type
    level           text NOT NULL,
    agreement_state text NOT NULL DEFAULT 'proposed' CHECK (agreement_state IN ('proposed', 'active', 'suspended', 'ended')),
    agreement_from  date NOT NULL,
    agreement_to    date NOT NULL CHECK (agreement_to >= agreement_from),
    agreement_version integer NOT NULL DEFAULT 0,    -- of fund.terms, what is in force; 0: nobody has confirmed it yet
    PRIMARY KEY (region, institution)
);

-- How an institution is paid, from a day on: daily payout on application, or only by the month (procedure.md 1). Only what two
-- persons have agreed to stands here; periods do not overlap.
CREATE TABLE fund.enrolment (
    region      integer NOT NULL,
    institution text NOT NULL,
    from_day    date NOT NULL,
    to_day      date NOT NULL CHECK (to_day >= from_day),
    mode        text NOT NULL CHECK (mode IN ('daily', 'monthly')),
    cycle       text NOT NULL CHECK (cycle IN ('daily', 'second_day', 'weekly')),
    ratio       integer NOT NULL CHECK (ratio BETWEEN 0 AND 10000),        -- ten-thousandths
    month_ratio integer NOT NULL CHECK (month_ratio BETWEEN 0 AND 10000),
    version     integer NOT NULL,                                          -- of fund.terms
    PRIMARY KEY (region, institution, from_day),
    FOREIGN KEY (region, institution) REFERENCES fund.institution
);

-- Every version of an agreement and of an enrolment that anybody ever proposed. `stopped` is one person's word and in force at
-- once: stopping is the safe direction (art. 28). `corrected`: another version of the same first day took its place before any
-- record rested on it. `taken_over`: from a home of before, one person's word. An agreement is in force from its confirmation.
-- `name`: what the institution is called; null in versions of before revision 0072, when a name was one person's word.
CREATE TABLE fund.terms (
    region          integer NOT NULL,
    institution     text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('agreement', 'enrolment')),
    version         integer NOT NULL CHECK (version > 0),
    from_day        date,
    type            text,
    level           text,
    agreement_state text CHECK (agreement_state IN ('active', 'suspended', 'ended')),
    agreement_from  date,
    agreement_to    date,
    mode            text CHECK (mode IN ('daily', 'monthly')),
    cycle           text CHECK (cycle IN ('daily', 'second_day', 'weekly')),
    ratio           integer CHECK (ratio BETWEEN 0 AND 10000),
    month_ratio     integer CHECK (month_ratio BETWEEN 0 AND 10000),
    correction      boolean NOT NULL DEFAULT false,
    why             text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT 'proposed'
                    CHECK (state IN ('proposed', 'confirmed', 'stopped', 'refused', 'withdrawn', 'corrected', 'taken_over')),
    proposed_by     text NOT NULL,
    proposed_on     date,
    confirmed_by    text NOT NULL DEFAULT '',
    decided_on      date,
    reason          text NOT NULL DEFAULT '',
    name            text CHECK (name <> '' AND translate(name, E'|\\\n\r', '') = name),
    PRIMARY KEY (region, institution, kind, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CONSTRAINT terms_kind CHECK (
        kind = 'agreement' AND num_nulls(type, level, agreement_state, agreement_from, agreement_to) = 0
            AND num_nonnulls(from_day, mode, cycle, ratio, month_ratio) = 0 AND type IN ('1', '2', '3') AND agreement_to >= agreement_from
        OR kind = 'enrolment' AND num_nulls(from_day, mode, cycle, ratio, month_ratio) = 0
            AND num_nonnulls(name, type, level, agreement_state, agreement_from, agreement_to) = 0),
    CONSTRAINT terms_two_persons CHECK (confirmed_by <> proposed_by AND (state IN ('proposed', 'withdrawn', 'stopped')) = (confirmed_by = '')),
    CONSTRAINT terms_stopped CHECK (state <> 'stopped' OR agreement_state IN ('suspended', 'ended')),
    CONSTRAINT terms_refused CHECK (state <> 'refused' OR reason <> ''),
    CONSTRAINT terms_corrected CHECK (NOT correction OR why <> '')
);

CREATE UNIQUE INDEX one_open_terms ON fund.terms (region, institution, kind) WHERE state = 'proposed';


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
    UNION ALL
    SELECT t.institution, i.name, t.kind, t.version,
           CASE WHEN i.agreement_version = 0 THEN NULL ELSE jsonb_build_object('version', i.agreement_version, 'name', i.name, 'type', i.type,
                'level', i.level, 'agreement_state', i.agreement_state, 'agreement_from', i.agreement_from, 'agreement_to', i.agreement_to) END,
           jsonb_build_object('name', coalesce(t.name, i.name), 'type', t.type, 'level', t.level, 'agreement_state', t.agreement_state,
                              'agreement_from', t.agreement_from, 'agreement_to', t.agreement_to),
           NULL::date, t.proposed_by, t.proposed_on, t.why
      FROM fund.terms t JOIN fund.institution i ON i.region = t.region AND i.institution = t.institution
     WHERE t.region = p_region AND t.kind = 'agreement' AND t.state = 'proposed' AND p_institution IN ('', t.institution)
    UNION ALL
    SELECT t.institution, i.name, t.kind, t.version,
           CASE WHEN e.version IS NULL THEN NULL ELSE jsonb_build_object('version', e.version, 'mode', e.mode, 'cycle', e.cycle,
                'ratio', e.ratio, 'month_ratio', e.month_ratio, 'from_day', e.from_day) END,
           jsonb_build_object('mode', t.mode, 'cycle', t.cycle, 'ratio', t.ratio, 'month_ratio', t.month_ratio, 'correction', t.correction),
           t.from_day, t.proposed_by, t.proposed_on, t.why
      FROM fund.terms t
      JOIN fund.institution i ON i.region = t.region AND i.institution = t.institution
      LEFT JOIN fund.enrolment e ON e.region = t.region AND e.institution = t.institution AND t.from_day BETWEEN e.from_day AND e.to_day
     WHERE t.region = p_region AND t.kind = 'enrolment' AND t.state = 'proposed' AND p_institution IN ('', t.institution)
$$;

-- What the second person signs: everything `fund.open_proposals` shows. 128 bits, because one person makes up both sides.
CREATE OR REPLACE FUNCTION fund.open_text(p_region integer, p_institution text) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(E'\n', p_region, p_institution,
                     string_agg(to_jsonb(o)::text, E'\n' ORDER BY o.institution COLLATE "C", o.kind COLLATE "C", o.version))
      FROM fund.open_proposals(p_region, p_institution) AS o
$$;

CREATE OR REPLACE FUNCTION fund.open_digest(p_region integer, p_institution text) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT left(encode(sha256(convert_to(fund.open_text(p_region, p_institution), 'UTF8')), 'hex'), 32)
$$;

-- What already rests on the terms of a period that begins on p_from and goes on to the next version: the first original record
-- taken in, else the first 期号 that has a sheet (the month's ratio, hence the deposit, is that of its last day).
CREATE OR REPLACE FUNCTION fund.rests_on_terms(p_region integer, p_institutions text[], p_from date[])
RETURNS TABLE (institution text, from_day date, taken date, term integer) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH asked AS (
        SELECT a.code, a.since, coalesce((SELECT min(e.from_day) - 1 FROM fund.enrolment e WHERE e.region = p_region AND e.institution = a.code
                                             AND e.from_day > a.since), '9999-12-31') AS until
          FROM unnest(p_institutions, p_from) AS a (code, since)
          JOIN fund.institution i ON i.region = p_region AND i.institution = a.code AND i.agreement_state <> 'proposed')
    SELECT a.code, a.since, min(r.setl_time)::date, NULL::integer FROM asked a
      JOIN fund.record r ON r.region = p_region AND r.fixmedins_code = a.code AND r.init_setl_id = ''
       AND r.setl_time >= a.since AND r.setl_time < a.until + 1
     WHERE r.setl_time >= (SELECT min(d) FROM unnest(p_from) AS d) GROUP BY 1, 2
    UNION ALL
    SELECT a.code, a.since, NULL::date, min(s.term) FROM asked a
      JOIN fund.sheet s ON s.region = p_region AND s.institution = a.code AND s.state <> 'void'
       AND (make_date(s.term / 100, s.term % 100, 1) + interval '1 month - 1 day')::date BETWEEN a.since AND a.until GROUP BY 1, 2
     ORDER BY 3, 4
$$;

-- Raises if terms may not begin then, naming the first institution and day.
CREATE OR REPLACE FUNCTION fund.refuse_taken(p_region integer, p_institutions text[], p_from date[]) RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    SELECT * INTO v FROM fund.rests_on_terms(p_region, p_institutions, p_from) LIMIT 1;
    IF v.taken IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'terms.records_taken',
            DETAIL = format('机构%s自%s起的参加方式不能设定：%s的结算记录已经接入，新的参加方式须在其后生效', v.institution, v.from_day, v.taken);
    ELSIF v.term IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'terms.month_settled',
            DETAIL = format('机构%s自%s起的参加方式不能设定：%s期已有月结算单，其月比例与质量保证金不得再变', v.institution, v.from_day, v.term);
    END IF;
END $$;

-- A new proposal takes the place of one that waits. An agreement that names no other name goes on under the one there is.
CREATE OR REPLACE FUNCTION fund.withdraw_terms() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.lock_institutions(NEW.region);
    IF NEW.state = 'proposed' THEN
        UPDATE fund.terms SET state = 'withdrawn', reason = '另有新的提出', decided_on = NEW.proposed_on
         WHERE region = NEW.region AND institution = NEW.institution AND kind = NEW.kind AND state = 'proposed';
    END IF;
    IF NEW.kind = 'agreement' AND NEW.name IS NULL THEN
        SELECT i.name INTO NEW.name FROM fund.institution i WHERE i.region = NEW.region AND i.institution = NEW.institution;
    END IF;
    RETURN NEW;
END $$;

-- Terms do not begin before what was taken in by others, and never differ from those of the same first day without saying so.
CREATE OR REPLACE FUNCTION fund.check_new_terms() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    SELECT f.institution, f.from_day INTO v FROM fresh f
      JOIN fund.enrolment e ON e.region = f.region AND e.institution = f.institution AND e.from_day = f.from_day
     WHERE f.kind = 'enrolment' AND NOT f.correction ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'terms.same_start',
            DETAIL = format('机构%s自%s起已有参加方式：改动须另定起始日，或作为更正并写明理由', v.institution, v.from_day);
    END IF;
    FOR v IN SELECT f.region, array_agg(f.institution) AS institutions, array_agg(f.from_day) AS days FROM fresh f
              WHERE f.kind = 'enrolment' AND f.state = 'proposed' GROUP BY f.region
    LOOP
        PERFORM fund.refuse_taken(v.region, v.institutions, v.days);
    END LOOP;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION fund.refuse_overlap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fund.lock_institutions(NEW.region);
    IF EXISTS (SELECT 1 FROM fund.enrolment e WHERE e.region = NEW.region AND e.institution = NEW.institution AND e.from_day <> NEW.from_day
                  AND e.from_day <= NEW.to_day AND e.to_day >= NEW.from_day) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'terms.overlap',
            DETAIL = format('机构%s自%s至%s的参加方式与另一版的期间重叠', NEW.institution, NEW.from_day, NEW.to_day);
    END IF;
    RETURN NEW;
END $$;

-- Records come in by the terms of their day, or these change: never both at once. Intake shares this lock.
CREATE OR REPLACE FUNCTION fund.lock_terms(p_region integer) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('fund.terms ' || p_region, 0))
$$;

-- Agreements that were confirmed come into force. One that goes on without a gap has begun when the one before it began.
CREATE OR REPLACE FUNCTION fund.put_agreements_in_force(p_region integer, p_institution text, p_on date) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE fund.institution i SET name = coalesce(t.name, i.name), type = t.type, level = t.level, agreement_state = t.agreement_state, agreement_version = t.version,
           agreement_from = CASE WHEN i.agreement_version > 0 AND i.agreement_to >= p_on AND t.agreement_from BETWEEN i.agreement_from AND i.agreement_to + 1
                                      AND t.agreement_from > p_on THEN i.agreement_from ELSE t.agreement_from END,
           agreement_to = t.agreement_to
      FROM fund.terms t
     WHERE t.region = p_region AND t.kind = 'agreement' AND t.state = 'proposed' AND p_institution IN ('', t.institution)
       AND i.region = t.region AND i.institution = t.institution
$$;

-- Enrolments that were confirmed come into force: each ends the one before it and goes on to the one after it.
CREATE OR REPLACE FUNCTION fund.put_enrolments_in_force(p_region integer, p_institution text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    SELECT array_agg(t.institution) AS institutions, array_agg(t.from_day) AS days INTO v FROM fund.terms t
     WHERE t.region = p_region AND t.kind = 'enrolment' AND t.state = 'proposed' AND p_institution IN ('', t.institution);
    IF v.days IS NULL THEN RETURN; END IF;
    PERFORM fund.lock_terms(p_region);
    PERFORM fund.refuse_taken(p_region, v.institutions, v.days);
    UPDATE fund.terms o SET state = 'corrected' FROM fund.terms t, fund.enrolment e
     WHERE t.region = p_region AND t.kind = 'enrolment' AND t.state = 'proposed' AND p_institution IN ('', t.institution) AND t.correction
       AND (e.region, e.institution, e.from_day) = (t.region, t.institution, t.from_day)
       AND (o.region, o.institution, o.kind, o.version) = (e.region, e.institution, 'enrolment', e.version);
    UPDATE fund.enrolment e SET mode = t.mode, cycle = t.cycle, ratio = t.ratio, month_ratio = t.month_ratio, version = t.version FROM fund.terms t
     WHERE t.region = p_region AND t.kind = 'enrolment' AND t.state = 'proposed' AND p_institution IN ('', t.institution) AND t.correction
       AND (e.region, e.institution, e.from_day) = (t.region, t.institution, t.from_day);
    UPDATE fund.enrolment e SET to_day = t.from_day - 1 FROM fund.terms t
     WHERE t.region = p_region AND t.kind = 'enrolment' AND t.state = 'proposed' AND p_institution IN ('', t.institution)
       AND e.region = t.region AND e.institution = t.institution AND e.from_day < t.from_day AND e.to_day >= t.from_day;
    INSERT INTO fund.enrolment (region, institution, from_day, to_day, mode, cycle, ratio, month_ratio, version)
    SELECT t.region, t.institution, t.from_day,
           coalesce((SELECT min(e.from_day) - 1 FROM fund.enrolment e WHERE e.region = t.region AND e.institution = t.institution
                        AND e.from_day > t.from_day), '9999-12-31'), t.mode, t.cycle, t.ratio, t.month_ratio, t.version
      FROM fund.terms t
     WHERE t.region = p_region AND t.kind = 'enrolment' AND t.state = 'proposed' AND p_institution IN ('', t.institution)
       AND NOT (t.correction AND EXISTS (SELECT 1 FROM fund.enrolment e
                                          WHERE (e.region, e.institution, e.from_day) = (t.region, t.institution, t.from_day)));
END $$;

-- A checker, another person than whoever proposed, puts in force exactly what was shown, or refuses it with a reason.
CREATE OR REPLACE FUNCTION fund.decide_institutions(p_region integer, p_institution text, p_digest text, p_reason text, p_on date)
RETURNS TABLE (kind text, decided bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user  text := access.require_role(p_region, 0::smallint, '{checker}');
    v_state text := CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END;
    v_maker text;
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
        PERFORM access.require_signature(p_region, 'institution.confirm', coalesce(nullif(p_institution, ''), p_region::text), p_digest);
        PERFORM fund.put_agreements_in_force(p_region, p_institution, p_on);
        PERFORM fund.put_enrolments_in_force(p_region, p_institution);
        UPDATE fund.payee_account c SET state = 'replaced', reason = '启用新账户', ended_on = p_on
          FROM fund.payee_account p
         WHERE p.region = p_region AND p.state = 'proposed' AND p_institution IN ('', p.institution)
           AND c.region = p.region AND c.institution = p.institution AND c.state = 'confirmed';
    END IF;
    RETURN QUERY
        WITH terms AS (
            UPDATE fund.terms t SET state = v_state, confirmed_by = v_user, decided_on = p_on, reason = p_reason
             WHERE t.region = p_region AND t.state = 'proposed' AND p_institution IN ('', t.institution) RETURNING t.kind),
        accounts AS (
            UPDATE fund.payee_account p SET state = v_state, confirmed_by = v_user, decided_on = p_on, reason = p_reason
             WHERE p.region = p_region AND p.state = 'proposed' AND p_institution IN ('', p.institution) RETURNING 'payee' AS kind)
        SELECT k.kind, count(d.kind) FROM (VALUES ('agreement'), ('enrolment'), ('payee')) AS k (kind)
          LEFT JOIN (SELECT terms.kind FROM terms UNION ALL SELECT accounts.kind FROM accounts) d ON d.kind = k.kind
         GROUP BY k.kind ORDER BY k.kind;
END $$;

-- Stops an agreement on one person's word, at once: the safe direction (art. 28). Going on again takes two.
CREATE OR REPLACE FUNCTION fund.stop_agreement(p_region integer, p_institution text, p_state text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{maker,checker,accountant,system}');
    v      fund.institution;
    v_next integer;
BEGIN
    PERFORM fund.lock_institutions(p_region);
    SELECT * INTO v FROM fund.institution WHERE region = p_region AND institution = p_institution FOR UPDATE;
    IF NOT FOUND OR v.agreement_version = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'institution.unknown', DETAIL = format('没有已确认的定点医药机构%s', p_institution);
    ELSIF p_state NOT IN ('suspended', 'ended') OR v.agreement_state = 'ended' AND p_state <> 'ended' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'terms.two_persons',
            DETAIL = format('机构%s的协议由%s转为%s须由两人办理', p_institution, v.agreement_state, p_state);
    ELSIF v.agreement_state = p_state THEN
        RETURN;
    END IF;
    UPDATE fund.terms SET state = 'withdrawn', reason = '协议已中止或终止', decided_on = p_on
     WHERE region = p_region AND institution = p_institution AND kind = 'agreement' AND state = 'proposed';
    SELECT max(version) + 1 INTO v_next FROM fund.terms WHERE region = p_region AND institution = p_institution AND kind = 'agreement';
    -- what two persons confirmed goes on, name, kind, level and end, whatever stands beside it now
    INSERT INTO fund.terms (region, institution, kind, version, name, type, level, agreement_state, agreement_from, agreement_to, state,
                            proposed_by, proposed_on, decided_on)
    SELECT p_region, p_institution, 'agreement', v_next, t.name, t.type, t.level, p_state, v.agreement_from, t.agreement_to, 'stopped', v_user, p_on, p_on
      FROM fund.terms t WHERE (t.region, t.institution, t.kind, t.version) = (p_region, p_institution, 'agreement', v.agreement_version);
    UPDATE fund.institution SET agreement_state = p_state, agreement_version = v_next WHERE region = p_region AND institution = p_institution;
END $$;

-- Accounts that a bank said are wrong are used no more: the safe direction, so one post is enough: who takes in what it said.
CREATE OR REPLACE FUNCTION fund.fail_payees(p_region integer, p_institutions text[], p_numbers text[], p_names text[], p_reasons text[], p_on date)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_failed bigint; v_stray text;
BEGIN
    PERFORM access.require_role(p_region, 0::smallint, '{checker,accountant,system}');
    PERFORM fund.lock_institutions(p_region);
    -- A bank said it of an order: one to just this account came back for just this reason, or was refused and waits for its
    -- second proof.
    SELECT f.institution INTO v_stray FROM unnest(p_institutions, p_numbers, p_names, p_reasons) AS f (institution, number, name, reason)
     WHERE NOT EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.order_event e ON e.region = o.region AND e.order_no = o.order_no
            WHERE o.region = p_region AND o.institution = f.institution AND o.payee_number = f.number AND o.payee_name = f.name
              AND o.state IN ('rejected', 'returned') AND e.to_state = o.state AND e.reason = f.reason)
       AND NOT EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.bank_word w ON w.region = o.region AND w.order_no = o.order_no
            WHERE o.region = p_region AND o.institution = f.institution AND o.payee_number = f.number AND o.payee_name = f.name
              AND w.effect = 'reject' AND NOT payments.refusal_proven(o.region, o.order_no)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'payee.no_word',
            DETAIL = format('机构%s的收款账户没有据以停用的银行回报', v_stray);
    END IF;
    UPDATE fund.payee_account a SET state = 'failed', reason = f.reason, ended_on = p_on
      FROM (SELECT DISTINCT ON (institution) * FROM unnest(p_institutions, p_numbers, p_names, p_reasons) AS f (institution, number, name, reason)) f
     WHERE a.region = p_region AND a.institution = f.institution AND a.state = 'confirmed' AND a.number = f.number AND a.name = f.name;
    GET DIAGNOSTICS v_failed = ROW_COUNT;
    RETURN v_failed;
END $$;

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
CREATE OR REPLACE TRIGGER check_daily_changed AFTER UPDATE OF mode ON fund.enrolment FOR EACH ROW WHEN (NEW.mode = 'daily' AND OLD.mode <> 'daily') EXECUTE FUNCTION fund.check_daily();
CREATE OR REPLACE TRIGGER check_daily AFTER UPDATE OF type ON fund.institution FOR EACH ROW WHEN (NEW.type = '2' AND OLD.type <> '2') EXECUTE FUNCTION fund.check_daily();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, institution, version, name, number, bank_name, cnaps, proposed_by, why,
    proposed_on
    ON fund.payee_account FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_payee BEFORE INSERT OR UPDATE ON fund.payee_account
    FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE OR REPLACE TRIGGER check_who_comes_back BEFORE INSERT ON fund.payee_account FOR EACH ROW EXECUTE FUNCTION fund.check_new_payee();
CREATE OR REPLACE TRIGGER writer_of_changes BEFORE UPDATE ON fund.institution FOR EACH ROW
    WHEN (access.working_login() AND NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system}'))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER no_overlap BEFORE INSERT OR UPDATE OF region, institution, from_day, to_day ON fund.enrolment
    FOR EACH ROW EXECUTE FUNCTION fund.refuse_overlap();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.enrolment FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.terms FOR EACH ROW
    WHEN (access.working_login() AND (NEW.state <> 'proposed' OR NEW.proposed_by IS DISTINCT FROM access.user_name()
          OR NOT access.has_role(NEW.region, 0::smallint, access.user_name(), '{maker,checker,accountant,system}')))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER takes_the_place BEFORE INSERT ON fund.terms FOR EACH ROW EXECUTE FUNCTION fund.withdraw_terms();
CREATE OR REPLACE TRIGGER check_new AFTER INSERT ON fund.terms REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_new_terms();
CREATE OR REPLACE TRIGGER check_terms BEFORE UPDATE ON fund.terms FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, institution, kind, version, from_day, name, type, level, agreement_state, agreement_from,
    agreement_to, mode, cycle, ratio, month_ratio, correction, why, proposed_by, proposed_on
    ON fund.terms FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.terms FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.institution
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.payee_account
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.enrolment TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.institution TO fundledger_service, fundledger_auditor;
GRANT INSERT (region, institution, name, type, level, agreement_from, agreement_to) ON fund.institution TO fundledger_service;
GRANT SELECT, INSERT ON fund.payee_account TO fundledger_service;
GRANT SELECT ON fund.payee_account TO fundledger_auditor;
GRANT SELECT ON fund.terms TO fundledger_service, fundledger_auditor;
GRANT INSERT (region, institution, kind, version, from_day, name, type, level, agreement_state, agreement_from, agreement_to, mode, cycle,
              ratio, month_ratio, correction, why, proposed_by, proposed_on) ON fund.terms TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.decide_institutions(integer,text,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.fail_payees(integer,text[],text[],text[],text[],date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.open_digest(integer,text), fund.open_text(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.open_proposals(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.stop_agreement(integer,text,text,date) TO fundledger_service;
