-- Failed log-ins, alarms seen by persons, notices told outside.

-- Tables ------------------------------------------------------
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

-- Functions ---------------------------------------------------
CREATE OR REPLACE FUNCTION access.note_refused(p_addresses text[], p_codes text[], p_attempts bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    this_hour timestamptz := date_trunc('hour', clock_timestamp());
    room      integer := 1000 - (SELECT count(*) FROM access.refused_login l WHERE l.hour = this_hour);
    given     record;
BEGIN
    DELETE FROM access.refused_login l WHERE l.hour < this_hour - interval '400 days';
    FOR given IN
        SELECT left(a, 64) AS address, left(c, 40) AS code, n
          FROM unnest(p_addresses, p_codes, p_attempts) AS t (a, c, n) WHERE n > 0
    LOOP
        UPDATE access.refused_login l SET attempts = l.attempts + given.n, last_at = clock_timestamp()
         WHERE l.hour = this_hour AND l.address = given.address AND l.code = given.code;
        IF NOT FOUND THEN
            INSERT INTO access.refused_login AS l (hour, address, code, attempts)
            VALUES (this_hour, CASE WHEN room > 0 THEN given.address ELSE '' END, given.code, given.n)
            ON CONFLICT (hour, address, code) DO UPDATE SET attempts = l.attempts + excluded.attempts, last_at = clock_timestamp();
            room := room - 1;
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION access.check_alarm_seen() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.seen_by IS DISTINCT FROM access.user_name() OR access.region() IS NULL
       OR NEW.region NOT IN (0, access.region()) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'alarm.seen_by', DETAIL = '告警须以本人名义在本统筹区签收';
    END IF;
    IF NOT access.has_role(access.region(), 0::smallint, NEW.seen_by, '{admin,reviewer,chief,accountant,checker,cashier,maker}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'alarm.role', DETAIL = '告警须由有岗位的人签收，接口用户不能签收';
    END IF;
    RETURN NEW;
END $$;

-- A notice is about something that was true: only how its sending went may change, and what was sent stays sent.
CREATE OR REPLACE FUNCTION access.check_alarm_notice() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.region, NEW.alarm, NEW.channel, NEW.id, NEW.content, NEW.made_at)
       IS DISTINCT FROM (OLD.region, OLD.alarm, OLD.channel, OLD.id, OLD.content, OLD.made_at)
       OR OLD.sent_at IS NOT NULL OR NEW.tries < OLD.tries THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'alarm.notice_changed', DETAIL = '已发出的告警通知不得改动';
    END IF;
    RETURN NEW;
END $$;

-- Triggers ----------------------------------------------------
CREATE OR REPLACE TRIGGER seen BEFORE INSERT ON access.alarm_seen FOR EACH ROW EXECUTE FUNCTION access.check_alarm_seen();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.alarm_seen
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE UPDATE ON access.refused_login FOR EACH ROW
    WHEN (NEW.attempts < OLD.attempts OR (NEW.hour, NEW.address, NEW.code, NEW.first_at) IS DISTINCT FROM (OLD.hour, OLD.address, OLD.code, OLD.first_at))
    EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE UPDATE ON access.alarm_notice FOR EACH ROW EXECUTE FUNCTION access.check_alarm_notice();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE ON access.alarm_notice
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON access.refused_login TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.alarm_seen TO fundledger_service;
GRANT INSERT (region, alarm, seen_by, reason) ON access.alarm_seen TO fundledger_service;
GRANT SELECT ON access.alarm_seen TO fundledger_auditor;
GRANT SELECT ON access.alarm_notice TO fundledger_service;
GRANT INSERT (region, alarm, channel, content) ON access.alarm_notice TO fundledger_service;
GRANT UPDATE (tries, next_at, problem, sent_at) ON access.alarm_notice TO fundledger_service;
GRANT SELECT ON access.alarm_notice TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.note_refused(text[],text[],bigint[]) TO fundledger_service;
