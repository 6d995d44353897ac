-- Persons' keys and what they signed: enrolled by two, revoked by one, chained key by key; demanded for good once two asked for it.

-- Tables ------------------------------------------------------
CREATE TABLE access.home (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  text NOT NULL CHECK (id ~ '^[0-9a-f-]{36}$')     -- which installation a signature is made for, made with its first key; a restored one keeps it
);

CREATE TABLE access.person_key (
    region       integer NOT NULL,
    fingerprint  text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    person       text NOT NULL CHECK (person <> ''),
    algorithm    text NOT NULL CHECK (algorithm IN ('Ed25519', 'SM2', 'passkey-ES256', 'passkey-EdDSA')),
    public_key   text NOT NULL CHECK (public_key ~ '^[0-9a-f]+$'         -- of a passkey as COSE has it
        AND CASE algorithm WHEN 'SM2' THEN length(public_key) = 130 WHEN 'Ed25519' THEN length(public_key) = 64 ELSE length(public_key) BETWEEN 70 AND 400 END),
    valid_from   date NOT NULL,
    valid_to     date NOT NULL,
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed')),
    proposed_by  text NOT NULL,
    proposed_on  date NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    confirmed_on date,
    confirmed_at timestamptz,
    revoked_by   text NOT NULL DEFAULT '',
    revoked_on   date,
    revoked_at   timestamptz,
    reason       text NOT NULL DEFAULT '' CHECK (translate(reason, E'|\\\n\r\t', '') = reason),
    credential_id text,                      -- of a passkey: its name at the authenticator, and the site it was made at
    rp_id        text,
    origin       text,
    PRIMARY KEY (region, fingerprint),
    UNIQUE (region, public_key),
    CONSTRAINT person_key_passkey CHECK (CASE WHEN starts_with(algorithm, 'passkey-')
        THEN coalesce(credential_id, '') ~ '^[A-Za-z0-9_-]{16}[A-Za-z0-9_-]*$' AND length(credential_id) <= 1400 AND coalesce(rp_id, '') ~ '^[a-z0-9.-]{1,253}$'
             AND coalesce(origin, '') ~ '^https?://[a-z0-9.:-]{1,255}$'
             AND fingerprint = encode(sha256(convert_to(E'passkey\n' || rp_id || E'\n' || origin || E'\n' || credential_id || E'\n' || public_key, 'UTF8')), 'hex')
        ELSE num_nonnulls(credential_id, rp_id, origin) = 0 END),
    CHECK (valid_from <= valid_to),
    CHECK (confirmed_by <> proposed_by),
    CHECK ((state = 'confirmed') = (confirmed_by <> '') AND (confirmed_by = '') = (confirmed_on IS NULL) AND (confirmed_on IS NULL) = (confirmed_at IS NULL)),
    CHECK ((revoked_by = '') = (revoked_at IS NULL) AND (revoked_at IS NULL) = (revoked_on IS NULL) AND (revoked_by = '') = (reason = ''))
);

-- Each key's signatures are a chain of their own: a person signs one thing after the other, and nobody waits for another.
CREATE TABLE access.signature (
    region      integer NOT NULL,
    fingerprint text NOT NULL,
    n           bigint NOT NULL CHECK (n > 0),
    act         text NOT NULL CHECK (act ~ '^[a-z_]+\.[a-z_]+$'),
    object      text NOT NULL CHECK (object <> ''),
    digest      text NOT NULL CHECK (digest ~ '^[0-9a-f]{32,64}$'),
    user_name   text NOT NULL,
    day         date NOT NULL,              -- the business date of the act
    signed_at   timestamptz NOT NULL,       -- as the person's statement has it
    statement   text NOT NULL,              -- the signed text
    signature   text NOT NULL CHECK (signature ~ '^([0-9a-f]{128}|[0-9a-f]{74}[0-9a-f]*\.[0-9a-f]+\.[0-9a-f]{128}[0-9a-f]*(\.([0-9a-f]{66}){1,16})?)$' AND length(signature) < 10000),  -- a passkey's in three parts
    content     text NOT NULL DEFAULT '',   -- what the digest is the SHA-256 of, where it is a list nobody else keeps
    recorded_at timestamptz NOT NULL,
    xact        xid8 NOT NULL,              -- an approval rests on a signature of its own transaction
    prev        bytea NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (region, fingerprint, n),
    FOREIGN KEY (region, fingerprint) REFERENCES access.person_key,
    UNIQUE (region, statement)
);
CREATE INDEX signature_of ON access.signature (region, act, object);

CREATE TABLE access.signing_demand (
    region       integer PRIMARY KEY,
    digest       text NOT NULL,              -- of the list of keys in force as it was shown; '' for a region founded with it
    asked_by     text NOT NULL,              -- '' for a region founded with it
    asked_on     date NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    confirmed_on date,
    confirmed_at timestamptz,
    CHECK (asked_by = '' OR confirmed_by <> asked_by),
    CHECK ((confirmed_on IS NULL) = (confirmed_at IS NULL) AND (asked_by = '' OR (confirmed_by = '') = (confirmed_on IS NULL)))
);

-- What was decided without a signature when the demand came into force, at that moment: whatever else is found unsigned came after.
CREATE TABLE access.before_demand (
    region    integer NOT NULL,
    act       text NOT NULL,
    object    text NOT NULL,
    digest    text NOT NULL,                 -- of what was decided, as `verify` asks for it; '' where it asks for none
    user_name text NOT NULL,
    day       date NOT NULL,                 -- the business date; -infinity where the decision has none
    PRIMARY KEY (region, act, object, digest, user_name, day)
);

-- Functions ---------------------------------------------------
-- Whether approvals of the region need a signature.
CREATE OR REPLACE FUNCTION access.demands_signatures(p_region integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM access.signing_demand d WHERE d.region = p_region AND d.confirmed_at IS NOT NULL)
$$;

-- What is signed of a key by those who enrol it, hashed.
CREATE OR REPLACE FUNCTION access.person_key_digest(p_region integer, p_fingerprint text, p_person text, p_algorithm text, p_public text,
                                                    p_from date, p_to date) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT encode(sha256(convert_to(concat_ws('|', 'key', p_region, p_fingerprint, p_person, p_algorithm, p_public, p_from, p_to), 'UTF8')), 'hex')
$$;

-- What two persons sign who demand signatures: the keys in force at a moment, hashed.
CREATE OR REPLACE FUNCTION access.key_list_digest(p_region integer, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(concat_ws(E'\n', 'keys', p_region, string_agg(access.person_key_digest(k.region, k.fingerprint, k.person,
               k.algorithm, k.public_key, k.valid_from, k.valid_to), E'\n' ORDER BY k.fingerprint COLLATE "C")), 'UTF8')), 'hex')
      FROM access.person_key k
     WHERE k.region = p_region AND k.confirmed_at <= p_at AND (k.revoked_at IS NULL OR k.revoked_at > p_at)
$$;

-- Whether the acting user signed exactly this in this very transaction: an older signature over the same content proves nothing.
CREATE OR REPLACE FUNCTION access.has_signed(p_region integer, p_act text, p_object text, p_digest text, p_day date DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM access.signature s
                    WHERE s.region = p_region AND s.act = p_act AND s.object = p_object AND s.digest = p_digest
                      AND (p_day IS NULL OR s.day = p_day) AND s.user_name = access.user_name() AND s.xact = pg_current_xact_id_if_assigned()
                      AND s.recorded_at > clock_timestamp() - interval '1 day')   -- a restored database counts its transactions anew
$$;

-- How many days before the machine's own day a person may date what they decide, by the region's choice; NULL: it made none. The
-- choice in force on the machine's day, whatever business date a caller names.
CREATE OR REPLACE FUNCTION access.act_days(p_region integer) RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT y.value::integer FROM fund.region_policy y
     WHERE y.region = p_region AND y.key = 'act_days' AND y.from_day <= (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date
     ORDER BY y.from_day DESC LIMIT 1
$$;

-- The last day of which anything can be said now: today in Asia/Shanghai, and tomorrow in the last five minutes before midnight, for
-- two clocks differ.
CREATE OR REPLACE FUNCTION access.latest_day() RETURNS date LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ((clock_timestamp() + interval '5 minutes') AT TIME ZONE 'Asia/Shanghai')::date
$$;

-- Raises where a person dates a decision further from the machine's day than the region bears.
CREATE OR REPLACE FUNCTION access.check_day(p_region integer, p_on date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_days  integer := access.act_days(p_region);
    v_today date := (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
    IF p_on > access.latest_day() AND v_days IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'day.ahead',
            DETAIL = format('办理日期%s晚于数据库的日期%s：不得预填日期', p_on, v_today);
    ELSIF p_on < v_today - v_days THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'day.behind',
            DETAIL = format('办理日期%s早于数据库的日期%s超过%s日：不得倒填日期', p_on, v_today, v_days);
    END IF;
END $$;

-- The same of rows whose decision a function signs: the arguments are the columns of days.
CREATE OR REPLACE FUNCTION access.check_days() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one   text;
    v_day date;
BEGIN
    FOREACH one IN ARRAY TG_ARGV LOOP
        v_day := (to_jsonb(NEW) ->> one)::date;
        IF TG_OP = 'INSERT' OR v_day IS DISTINCT FROM (to_jsonb(OLD) ->> one)::date THEN
            PERFORM access.check_day(NEW.region, v_day);
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- The first day of which a person can say anything now. Where the region chose no bound it is the widest it could choose, 31 days,
-- before the machine's day or before the latest voucher where the books run behind the machine; NULL: nothing is booked yet.
CREATE OR REPLACE FUNCTION access.earliest_day(p_region integer) RETURNS date LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT least((clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date, l.day) - coalesce(access.act_days(p_region), 31)
      FROM (SELECT max((SELECT b.voucher_date FROM books.block b WHERE b.region = k.region AND b.fund = k.fund ORDER BY b.block DESC LIMIT 1)) AS day
              FROM books.book k WHERE k.region = p_region) l
     WHERE l.day IS NOT NULL
$$;

-- What one person proposes and another decides, by whichever login: neither day is put back, and nothing was decided before it was proposed.
CREATE OR REPLACE FUNCTION access.check_dated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_first date;
BEGIN
    v_first := access.earliest_day(NEW.region);
    IF (TG_OP = 'INSERT' OR NEW.prepared_on IS DISTINCT FROM OLD.prepared_on) AND NEW.prepared_on < v_first
       OR (TG_OP = 'INSERT' OR NEW.approved_on IS DISTINCT FROM OLD.approved_on) AND NEW.approved_on < v_first THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'day.put_back',
            DETAIL = format('办理日期%s早于%s：不得倒填日期', least(NEW.prepared_on, NEW.approved_on), v_first);
    ELSIF NEW.approved_on < NEW.prepared_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'day.before_proposal',
            DETAIL = format('复核日期%s早于提出日期%s', NEW.approved_on, NEW.prepared_on);
    END IF;
    RETURN NEW;
END $$;

-- A bound on days begins today or later: what was dated before was dated by the bounds of its time.
CREATE OR REPLACE FUNCTION access.refuse_past_bound() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.from_day < (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'policy.past',
            DETAIL = format('%s自%s起：限定办理日期只能自数据库的当日（%s）或其后起', NEW.key, NEW.from_day,
                            (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date);
    END IF;
    RETURN NEW;
END $$;

-- Whether a decision of this transaction needs a signature. Where it needs none, a demand waits for the transaction's end, and what
-- comes after the demand sees it: no decision is on both sides of that moment.
CREATE OR REPLACE FUNCTION access.demands_now(p_region integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.demands_signatures(p_region) THEN
        RETURN true;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('access.signing_demand ' || p_region, 0));
    RETURN access.demands_signatures(p_region);
END $$;

-- Raises unless the acting user signed what is being approved, where the region demands it.
CREATE OR REPLACE FUNCTION access.require_signature(p_region integer, p_act text, p_object text, p_digest text, p_day date DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.demands_now(p_region) AND NOT access.has_signed(p_region, p_act, p_object, p_digest, p_day) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.missing',
            DETAIL = format('统筹区%s的审批须由本人以自己的密钥签名：%s %s（摘要%s…）没有用户%s的签名', p_region, p_act, p_object,
                            left(p_digest, 16), access.user_name());
    END IF;
END $$;

-- What a person signs who decides on a row: which, and the digest of what was shown. A trigger's arguments say how: the act, the
-- columns the row is known by, who decided and when, the columns that are signed (none: those are digested already, in `digest`;
-- `*` before them: the text is not kept, for it names a person), and the table of its lines.
CREATE OR REPLACE FUNCTION access.decision(p_row jsonb, p_arguments text[], OUT object text, OUT digest text, OUT content text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    v_keys  text[] := string_to_array(p_arguments[2], ',');
    v_shown jsonb;
    v_lines jsonb := '[]';
BEGIN
    SELECT string_agg(regexp_replace(p_row ->> k.name, '^\\x', ''), ' ' ORDER BY k.n) INTO object FROM unnest(v_keys) WITH ORDINALITY AS k (name, n);
    IF p_arguments[5] = '' THEN
        digest := substr(p_row ->> 'digest', 3);
        content := '';
        RETURN;
    END IF;
    SELECT jsonb_object_agg(c, p_row -> c) INTO v_shown
      FROM unnest(string_to_array('region,' || p_arguments[2] || ',' || ltrim(p_arguments[5], '*'), ',')) c WHERE p_row -> c <> 'null';
    IF p_arguments[6] <> '' THEN
        EXECUTE format('SELECT coalesce(jsonb_agg(l.j ORDER BY l.j::text COLLATE "C"), ''[]'') FROM (SELECT jsonb_strip_nulls(to_jsonb(t)) AS j'
                       ' FROM %s t WHERE t.region = %L AND %s) l', p_arguments[6], p_row ->> 'region',
                       (SELECT string_agg(format('t.%I = %L', k, p_row ->> k), ' AND ') FROM unnest(v_keys) k)) INTO v_lines;
    END IF;
    content := jsonb_build_object('act', p_arguments[1], 'object', object, 'shown', v_shown, 'lines', v_lines)::text;
    digest := encode(sha256(convert_to(content, 'UTF8')), 'hex');
    IF p_arguments[5] LIKE '*%' THEN
        content := '';      -- names a person: not kept a second time, not told
    END IF;
END $$;

-- The tables with rows that a second person decides on under a signature, and how.
CREATE OR REPLACE FUNCTION access.decided_tables() RETURNS TABLE (noun text, arguments text[]) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT n.nspname || '.' || c.relname, (string_to_array(encode(t.tgargs, 'escape'), '\000'))[1:6]
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE t.tgfoid = to_regproc('access.check_decision') ORDER BY 1
$$;

-- What is to be signed of one row before the acting user decides on it; no row where there is none such.
CREATE OR REPLACE FUNCTION access.to_sign(p_region integer, p_noun text, p_key text[])
RETURNS TABLE (act text, object text, digest text, content text) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_arguments text[];
    v_row       jsonb;
BEGIN
    SELECT d.arguments INTO STRICT v_arguments FROM access.decided_tables() d WHERE d.noun = p_noun;
    EXECUTE format('SELECT to_jsonb(t) FROM %s t WHERE t.region = %L AND %s', p_noun, p_region,
                   (SELECT string_agg(format('t.%I = %L', k.name, p_key[k.n]), ' AND ')
                      FROM unnest(string_to_array(v_arguments[2], ',')) WITH ORDINALITY AS k (name, n))) INTO v_row;
    IF v_row IS NOT NULL THEN
        RETURN QUERY SELECT v_arguments[1], d.* FROM access.decision(v_row, v_arguments) d;
    END IF;
END $$;

-- A second person's decision on a row rests on their signature of this very transaction; a refusal needs none.
CREATE OR REPLACE FUNCTION access.check_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET bytea_output = 'hex' AS $$
DECLARE
    v_new jsonb := to_jsonb(NEW);
    d     record;
BEGIN
    IF coalesce(v_new ->> TG_ARGV[2], '') = '' OR v_new ->> TG_ARGV[2] = to_jsonb(OLD) ->> TG_ARGV[2] OR v_new ->> 'state' = 'refused'
       OR v_new ->> 'refusal' <> '' THEN
        RETURN NEW;
    END IF;
    PERFORM access.check_day(NEW.region, (v_new ->> TG_ARGV[3])::date);
    IF NOT access.demands_now(NEW.region) THEN
        RETURN NEW;
    END IF;
    SELECT * INTO d FROM access.decision(CASE TG_ARGV[4] WHEN '' THEN v_new ELSE to_jsonb(OLD) END,
                                         ARRAY[TG_ARGV[0], TG_ARGV[1], TG_ARGV[2], TG_ARGV[3], TG_ARGV[4], TG_ARGV[5]]);
    IF v_new ->> TG_ARGV[2] IS DISTINCT FROM access.user_name() OR v_new ->> TG_ARGV[3] IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.other_content',
            DETAIL = format('所签的不是这一事项：%s %s须由本人写明日期', TG_ARGV[0], d.object);
    END IF;
    PERFORM access.require_signature(NEW.region, TG_ARGV[0], d.object, d.digest, (v_new ->> TG_ARGV[3])::date);
    RETURN NEW;
END $$;

-- What a second person decided row by row and did not sign, of a region (NULL: of all that demand signatures), with the digest they
-- should have signed. What a cut-over opened is signed with the cut-over.
CREATE OR REPLACE FUNCTION access.unsigned_decisions(p_region integer) RETURNS TABLE (region integer, act text, object text, digest text, user_name text, day date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET bytea_output = 'hex' AS $$
DECLARE
    one       record;
    v_regions integer[] := CASE WHEN p_region IS NULL THEN ARRAY(SELECT s.region FROM access.signing_demand s WHERE s.confirmed_at IS NOT NULL)
                                ELSE ARRAY[p_region] END;
BEGIN
    FOR one IN SELECT * FROM access.decided_tables() LOOP
        RETURN QUERY EXECUTE format($q$
            SELECT t.region, $1[1], d.object, d.digest, t.%2$I, t.%3$I
              FROM %1$s t CROSS JOIN LATERAL access.decision(to_jsonb(t), $1) d
             WHERE t.region = ANY ($2) AND t.%2$I <> '' AND coalesce(to_jsonb(t) ->> 'state', '') <> 'refused'
               AND coalesce(to_jsonb(t) ->> 'refusal', '') = ''
               AND NOT EXISTS (SELECT 1 FROM access.signature x WHERE x.region = t.region AND x.user_name = t.%2$I AND x.day = t.%3$I
                                  AND (x.act = $1[1] AND x.object = d.object AND x.digest = d.digest
                                       OR x.act = 'cutover.confirm' AND d.object LIKE 'OPEN-%%'))
        $q$, one.noun, one.arguments[3], one.arguments[4]) USING one.arguments, v_regions;
    END LOOP;
END $$;

-- The same of what two persons approve elsewhere, and all of it together. A list of vouchers approved under one digest is signed as a
-- whole: its text, kept with the signature, names each with its own digest. No digest ('') where any signature over the thing will do.
CREATE OR REPLACE FUNCTION access.unsigned(p_region integer) RETURNS TABLE (region integer, act text, object text, digest text, user_name text, day date)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH regions AS (
        SELECT p_region AS region WHERE p_region IS NOT NULL
        UNION ALL SELECT s.region FROM access.signing_demand s WHERE s.confirmed_at IS NOT NULL AND p_region IS NULL
    ), approved AS (
        SELECT a.region, 'payments.approve' AS act, a.batch_id AS object, encode(a.digest, 'hex') AS digest, a.approved_by AS user_name,
               a.approved_on AS day FROM payments.approval a
         WHERE NOT EXISTS (SELECT 1 FROM payments.taken_order t JOIN payments.pay_order o ON o.region = t.region AND o.order_no = t.order_no
                            WHERE o.region = a.region AND o.batch_id = a.batch_id)
        UNION ALL SELECT region, 'month.approve', sheet_id, encode(digest, 'hex'), approved_by, approved_on FROM fund.sheet WHERE state = 'approved'
        UNION ALL SELECT region, 'clear.approve', letter_id, encode(digest, 'hex'), approved_by, approved_on FROM fund.letter
                   WHERE approved_by <> ''
        UNION ALL SELECT region, 'institution.confirm', institution, '', confirmed_by, decided_on FROM fund.payee_account
                   WHERE state IN ('confirmed', 'replaced', 'failed', 'corrected') AND decided_on IS NOT NULL
        UNION ALL SELECT region, 'institution.confirm', institution, '', confirmed_by, decided_on FROM fund.terms
                   WHERE state IN ('confirmed', 'corrected') AND decided_on IS NOT NULL
        UNION ALL SELECT region, 'policy.confirm', region::text, '', decided_by, decided_on FROM fund.policy_proposal WHERE state = 'confirmed'
        UNION ALL SELECT region, 'voucher.approve', voucher_id, encode(CASE attached WHEN '' THEN digest ELSE sha256(digest || attached) END, 'hex'),
                         decided_by, decided_on FROM books.voucher_decision WHERE decision = 'approved'
        UNION ALL SELECT region, 'template.confirm', region || '-' || fund || ' ' || template_id, encode(digest, 'hex'), decided_by, decided_on
                    FROM books.voucher_template WHERE state = 'confirmed'
        UNION ALL SELECT region, 'period.confirm', region || '-' || fund || ' ' || period, encode(digest, 'hex'), closed_by, closed_on
                    FROM books.closing WHERE state IN ('closed', 'reopened') AND digest <> ''
        UNION ALL SELECT region, 'role.confirm', n::text, encode(digest, 'hex'), decided_by, decided_on FROM access.proposal WHERE state = 'confirmed'
        UNION ALL SELECT region, 'retention.confirm', n::text, encode(digest, 'hex'), decided_by, decided_on FROM fund.removal WHERE state = 'removed'
        UNION ALL SELECT region, x.act, fingerprint, access.person_key_digest(region, fingerprint, person, algorithm, public_key, valid_from, valid_to),
                         x.who, x.day
                    FROM access.person_key k
                   CROSS JOIN LATERAL (VALUES ('key.enroll', k.proposed_by, k.proposed_on), ('key.confirm', k.confirmed_by, k.confirmed_on))
                           AS x (act, who, day)
                   WHERE k.state = 'confirmed' AND (SELECT count(DISTINCT e.person) FROM access.person_key e
                                                     WHERE e.region = k.region AND e.confirmed_at < k.confirmed_at) >= 2
    )
    SELECT a.region, a.act, a.object, a.digest, a.user_name, a.day FROM approved a JOIN regions r ON r.region = a.region
     WHERE NOT EXISTS (
           SELECT 1 FROM access.signature s
            WHERE s.region = a.region AND s.act = a.act AND s.user_name = a.user_name
              AND (s.day = a.day OR a.act = 'key.enroll' AND s.day > a.day)
              AND (s.object = a.object OR s.act = 'institution.confirm' AND s.object = a.region::text)
              AND a.digest IN ('', s.digest))
       AND NOT (a.act = 'voucher.approve' AND EXISTS (
           SELECT 1 FROM access.signature s
            WHERE s.region = a.region AND s.act = 'voucher.approve_list' AND s.user_name = a.user_name AND s.day = a.day
              AND a.object || '|' || a.digest = ANY (string_to_array(s.content, E'\n'))))
    UNION ALL SELECT * FROM access.unsigned_decisions(p_region)
$$;

-- What a region that demands signatures has unsigned, less what it had at the moment of its demand.
CREATE OR REPLACE FUNCTION access.unsigned_since() RETURNS TABLE (region integer, act text, object text, user_name text, day date)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.region, u.act, u.object, u.user_name, u.day FROM access.unsigned(NULL) u
     WHERE NOT EXISTS (SELECT 1 FROM access.before_demand b WHERE b.region = u.region AND b.act = u.act AND b.object = u.object
                          AND b.digest = u.digest AND b.user_name = u.user_name AND b.day = coalesce(u.day, '-infinity'))
$$;

-- Regions whose demand came before that moment was kept: what `verify` bore until then is taken for what there was, once (`db migrate`
-- calls it, before the table leaves traces): the day of the demand and earlier, and decisions that were not signed at all when it came
-- (until the mark of that revision's trace).
CREATE OR REPLACE FUNCTION access.begin_demands() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_mark timestamptz := (SELECT min(m.recorded_at) FROM access.trace m WHERE m.region = 0 AND m.noun = 'access.signing_demand' AND m.op = 'mark');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.trace m WHERE m.region = 0 AND m.noun = 'access.before_demand' AND m.op = 'mark') THEN
        INSERT INTO access.before_demand
        SELECT DISTINCT u.region, u.act, u.object, u.digest, u.user_name, coalesce(u.day, '-infinity')
          FROM access.unsigned(NULL) u JOIN access.signing_demand s ON s.region = u.region
         WHERE u.day IS NULL AND s.asked_by <> '' OR u.day < s.confirmed_on OR u.day = s.confirmed_on AND s.asked_by <> ''
            OR s.confirmed_at < v_mark AND coalesce(u.day <= (v_mark AT TIME ZONE 'Asia/Shanghai')::date, true)
               AND u.act IN (SELECT d.arguments[1] FROM access.decided_tables() d);
    END IF;
END $$;

-- Whether enrolments of the region need signatures: where they are demanded, once two persons ever had a key.
CREATE OR REPLACE FUNCTION access.enrolment_signed(p_region integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT access.demands_signatures(p_region)
       AND (SELECT count(DISTINCT k.person) FROM access.person_key k WHERE k.region = p_region AND k.confirmed_at IS NOT NULL) >= 2
$$;

-- Whether the proposer signed the enrolment of a key as it stands. Stored by a signature of an own transaction, so asked without one.
CREATE OR REPLACE FUNCTION access.enrolled_signed(k access.person_key) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM access.signature s
                    WHERE s.region = k.region AND s.act = 'key.enroll' AND s.object = k.fingerprint AND s.user_name = k.proposed_by
                      AND s.xact IS DISTINCT FROM pg_current_xact_id_if_assigned()
                      AND s.digest = access.person_key_digest(k.region, k.fingerprint, k.person, k.algorithm, k.public_key, k.valid_from, k.valid_to))
$$;

-- The last business date of anything that two persons approved in the region.
CREATE OR REPLACE FUNCTION access.last_approval(p_region integer) RETURNS date
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last date;
    v_day  date;
    one    record;
BEGIN
    FOR one IN SELECT d.noun, d.arguments[4] AS dated FROM access.decided_tables() d LOOP
        EXECUTE format('SELECT max(%I) FROM %s WHERE region = $1', one.dated, one.noun) INTO v_day USING p_region;
        v_last := greatest(v_last, v_day);
    END LOOP;
    RETURN greatest(v_last,
        (SELECT max(approved_on) FROM payments.approval WHERE region = p_region),
        (SELECT max(approved_on) FROM fund.sheet WHERE region = p_region),
        (SELECT max(approved_on) FROM fund.letter WHERE region = p_region),
        (SELECT max(decided_on) FROM fund.payee_account WHERE region = p_region),
        (SELECT max(decided_on) FROM fund.terms WHERE region = p_region),
        (SELECT max(decided_on) FROM fund.policy_proposal WHERE region = p_region),
        (SELECT max(decided_on) FROM books.voucher_decision WHERE region = p_region),
        (SELECT max(decided_on) FROM books.voucher_template WHERE region = p_region),
        (SELECT max(closed_on) FROM books.closing WHERE region = p_region),
        (SELECT max(decided_on) FROM access.proposal WHERE region = p_region));
END $$;

-- A key proposed for a person: by that person or the administrator. A passkey that its person proposes without a key to sign with waits
-- until the administrator proposes it under a signature, and stands in the administrator's name from then on.
CREATE OR REPLACE FUNCTION access.enroll_person_key(p_region integer, p_fingerprint text, p_user text, p_algorithm text, p_public text,
                                                    p_from date, p_to date, p_on date, p_credential text, p_rp text, p_origin text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor  text := access.user_name();
    v_person text;
    v_digest text;
BEGIN
    SELECT u.person INTO v_person FROM access.app_user u JOIN access.user_role r USING (user_name)
     WHERE u.user_name = p_user AND r.region = p_region AND u.active LIMIT 1;
    IF v_person IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.unknown', DETAIL = format('用户%s在本统筹区没有角色', p_user);
    ELSIF access.person(v_actor) IS DISTINCT FROM v_person OR NOT access.has_role(p_region, 0::smallint, v_actor, ARRAY(SELECT role FROM access.role)) THEN
        v_actor := access.require_admin(p_region);
    END IF;
    v_digest := access.person_key_digest(p_region, p_fingerprint, v_person, p_algorithm, p_public, p_from, p_to);
    IF access.enrolment_signed(p_region) AND (p_credential IS NULL OR access.person(v_actor) IS DISTINCT FROM v_person) THEN
        PERFORM access.require_signature(p_region, 'key.enroll', p_fingerprint, v_digest);
        -- proposed before enrolments were signed: the same person proposes it once more, now under a signature; or the administrator
        -- for the person whose passkey it is
        UPDATE access.person_key k SET proposed_by = v_actor, proposed_on = CASE k.proposed_by WHEN v_actor THEN k.proposed_on ELSE p_on END
         WHERE k.region = p_region AND k.fingerprint = p_fingerprint
           AND (k.proposed_by = v_actor OR k.credential_id IS NOT NULL AND access.person(k.proposed_by) = k.person AND access.person(v_actor) <> k.person)
           AND k.state = 'proposed' AND k.revoked_at IS NULL AND NOT access.enrolled_signed(k)
           AND v_digest = access.person_key_digest(k.region, k.fingerprint, k.person, k.algorithm, k.public_key, k.valid_from, k.valid_to);
        IF FOUND THEN
            RETURN v_digest;
        END IF;
    END IF;
    IF EXISTS (SELECT 1 FROM access.person_key k WHERE k.region = p_region AND (k.fingerprint = p_fingerprint OR k.public_key = p_public)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing_key.known',
            DETAIL = format('密钥%s…已登记过：一把密钥只属于一人，停用后也不再登记', left(p_fingerprint, 16));
    END IF;
    INSERT INTO access.home (id) VALUES (gen_random_uuid()::text) ON CONFLICT DO NOTHING;
    INSERT INTO access.person_key (region, fingerprint, person, algorithm, public_key, valid_from, valid_to, state, proposed_by, proposed_on,
                                   credential_id, rp_id, origin)
    VALUES (p_region, p_fingerprint, v_person, p_algorithm, p_public, p_from, p_to, 'proposed', v_actor, p_on, p_credential, p_rp, p_origin);
    RETURN v_digest;
END $$;

-- Confirmed by another person than proposed it, never by the person whose key it is.
CREATE OR REPLACE FUNCTION access.confirm_person_key(p_region integer, p_fingerprint text, p_digest text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, 0::smallint, '{admin,audit_admin,checker,chief,reviewer}');
    k       access.person_key;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('access.person_key ' || p_region, 0));
    SELECT * INTO k FROM access.person_key WHERE region = p_region AND fingerprint = p_fingerprint FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'signing_key.unknown', DETAIL = format('没有登记密钥%s…', left(p_fingerprint, 16));
    ELSIF k.state <> 'proposed' OR k.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing_key.decided', DETAIL = format('密钥%s…已确认或已停用', left(p_fingerprint, 16));
    ELSIF access.person(v_actor) IN (access.person(k.proposed_by), k.person) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signing_key.same_person',
            DETAIL = format('密钥%s…由%s提出，须由提出人和持有人以外的人确认', left(p_fingerprint, 16), k.proposed_by);
    ELSIF p_digest IS DISTINCT FROM access.person_key_digest(k.region, k.fingerprint, k.person, k.algorithm, k.public_key, k.valid_from, k.valid_to) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing_key.changed', DETAIL = '所确认的摘要不是这把密钥的，请重新列出并核对';
    END IF;
    IF access.enrolment_signed(p_region) THEN
        PERFORM access.require_signature(p_region, 'key.confirm', p_fingerprint, p_digest);
        IF NOT access.enrolled_signed(k) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing_key.unsigned',
                DETAIL = format('密钥%s…由%s在登记须签名以前提出：请%s以本人密钥签名，照原样再提出一次', left(p_fingerprint, 16), k.proposed_by, k.proposed_by);
        END IF;
    END IF;
    UPDATE access.person_key SET state = 'confirmed', confirmed_by = v_actor, confirmed_on = p_on, confirmed_at = clock_timestamp()
     WHERE region = p_region AND fingerprint = p_fingerprint;
END $$;

-- Of no use from this moment on: the person's own word or one officer's is enough, for the safe direction waits for nobody.
CREATE OR REPLACE FUNCTION access.revoke_person_key(p_region integer, p_fingerprint text, p_reason text, p_on date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.user_name();
    k       access.person_key;
BEGIN
    SELECT * INTO k FROM access.person_key WHERE region = p_region AND fingerprint = p_fingerprint FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'signing_key.unknown', DETAIL = format('没有登记密钥%s…', left(p_fingerprint, 16));
    ELSIF access.person(v_actor) IS DISTINCT FROM k.person OR NOT access.has_role(p_region, 0::smallint, v_actor, ARRAY(SELECT role FROM access.role)) THEN
        v_actor := access.require_role(p_region, 0::smallint, '{admin,audit_admin,checker,chief,reviewer}');
    END IF;
    IF k.revoked_at IS NOT NULL THEN
        RETURN false;
    END IF;
    UPDATE access.person_key SET revoked_by = v_actor, revoked_on = p_on, revoked_at = clock_timestamp(), reason = p_reason
     WHERE region = p_region AND fingerprint = p_fingerprint;
    RETURN true;
END $$;

-- Signatures demanded from now on: asked for by one person with a key, confirmed by another, both over the list of keys in force.
CREATE OR REPLACE FUNCTION access.demand_signing(p_region integer, p_digest text, p_on date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, 0::smallint, '{admin,audit_admin,checker,chief,reviewer}');
    d       access.signing_demand;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('access.person_key ' || p_region, 0));
    SELECT * INTO d FROM access.signing_demand WHERE region = p_region FOR UPDATE;
    IF d.confirmed_at IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing.in_force',
            DETAIL = format('统筹区%s自%s起已要求签名，不能再改，也不能取消', p_region, d.confirmed_on);
    ELSIF p_on < access.last_approval(p_region) THEN   -- what was approved before, unsigned, must not look as if approved after
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing.earlier',
            DETAIL = format('要求签名的业务日期%s早于已有审批的日期%s', p_on, access.last_approval(p_region));
    ELSIF p_digest IS DISTINCT FROM access.key_list_digest(p_region, clock_timestamp()) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing.changed', DETAIL = '在用密钥清单已变，不是所核对的那一份：请重新列出并核对';
    ELSIF NOT access.has_signed(p_region, 'signing.demand', p_region::text, p_digest) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.missing',
            DETAIL = format('要求签名须先以自己的密钥签名：用户%s对密钥清单（摘要%s…）没有签名', v_actor, left(p_digest, 16));
    END IF;
    IF d.region IS NULL OR d.digest <> p_digest THEN
        INSERT INTO access.signing_demand AS was (region, digest, asked_by, asked_on) VALUES (p_region, p_digest, v_actor, p_on)
        ON CONFLICT (region) DO UPDATE SET digest = excluded.digest, asked_by = excluded.asked_by, asked_on = excluded.asked_on;
        RETURN 'asked';
    ELSIF access.person(v_actor) IS NOT DISTINCT FROM access.person(d.asked_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', d.asked_by);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('access.signing_demand ' || p_region, 0));     -- see access.demands_now
    IF p_on < access.last_approval(p_region) THEN    -- asked again: somebody may have approved meanwhile
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'signing.earlier',
            DETAIL = format('要求签名的业务日期%s早于已有审批的日期%s', p_on, access.last_approval(p_region));
    END IF;
    INSERT INTO access.before_demand
    SELECT DISTINCT u.region, u.act, u.object, u.digest, u.user_name, coalesce(u.day, '-infinity') FROM access.unsigned(p_region) u;
    UPDATE access.signing_demand SET confirmed_by = v_actor, confirmed_on = p_on, confirmed_at = clock_timestamp() WHERE region = p_region;
    RETURN 'in_force';
END $$;

-- How often a passkey had signed, as its signature says; 0 where it does not count, and of any other key.
CREATE OR REPLACE FUNCTION access.sign_count(p_signature text) RETURNS bigint LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN strpos(p_signature, '.') >= 75 THEN ('x' || substr(p_signature, 67, 8))::bit(32)::bigint ELSE 0 END
$$;

-- A signature is what its statement says, by a key of the acting person that is in force, within five minutes of the clock here.
-- Whether the bytes are that key's signature the database cannot say: the service checks it before, `verify` after.
CREATE OR REPLACE FUNCTION access.check_signature() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    k      access.person_key;
    v_last access.signature;
    v_said jsonb := NEW.statement::jsonb;
BEGIN
    SELECT * INTO k FROM access.person_key WHERE region = NEW.region AND fingerprint = NEW.fingerprint FOR UPDATE;
    NEW.recorded_at := clock_timestamp();
    NEW.xact := pg_current_xact_id();
    IF NOT FOUND OR k.state <> 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.key_unknown', DETAIL = format('密钥%s…没有在统筹区%s登记并确认', left(NEW.fingerprint, 16), NEW.region);
    ELSIF k.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.key_revoked', DETAIL = format('密钥%s…已于%s停用', left(NEW.fingerprint, 16), k.revoked_on);
    ELSIF (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date NOT BETWEEN k.valid_from AND k.valid_to THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.key_expired', DETAIL = format('密钥%s…的有效期为%s至%s', left(NEW.fingerprint, 16), k.valid_from, k.valid_to);
    ELSIF NEW.user_name IS DISTINCT FROM access.user_name() OR access.person(NEW.user_name) IS DISTINCT FROM k.person THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.other_person', DETAIL = format('密钥%s…不是用户%s本人的', left(NEW.fingerprint, 16), access.user_name());
    ELSIF abs(extract(epoch FROM clock_timestamp() - NEW.signed_at)) > 300 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.clock', DETAIL = format('签名时间%s与本机时间相差超过5分钟：请校准时钟后重新签名', NEW.signed_at);
    ELSIF (v_said ->> 'home', v_said ->> 'region', v_said ->> 'act', v_said ->> 'object', v_said ->> 'digest', v_said ->> 'user', v_said ->> 'person',
           v_said ->> 'day', (v_said ->> 'signed_at')::timestamptz, v_said ->> 'key', v_said ->> 'version')
          IS DISTINCT FROM ((SELECT h.id FROM access.home h), NEW.region::text, NEW.act, NEW.object, NEW.digest, NEW.user_name, k.person,
           to_char(NEW.day, 'YYYY-MM-DD'), NEW.signed_at, NEW.fingerprint, '1')
          OR NEW.content <> '' AND left(encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex'), length(NEW.digest)) <> NEW.digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.other_content', DETAIL = format('所签的不是这一事项：%s %s', NEW.act, NEW.object);
    END IF;
    PERFORM access.check_day(NEW.region, NEW.day);
    SELECT * INTO v_last FROM access.signature s WHERE s.region = NEW.region AND s.fingerprint = NEW.fingerprint ORDER BY s.n DESC LIMIT 1;
    IF access.sign_count(NEW.signature) <= access.sign_count(v_last.signature) AND access.sign_count(v_last.signature) > 0
       AND NOT EXISTS (SELECT 1 FROM access.signature s WHERE s.region = NEW.region AND s.fingerprint = NEW.fingerprint     -- several at once
                          AND s.xact = NEW.xact AND (string_to_array(s.signature, '.'))[1:3] = (string_to_array(NEW.signature, '.'))[1:3])
       AND NOT EXISTS (SELECT 1 FROM access.signature s WHERE s.region = NEW.region AND s.statement = NEW.statement) THEN   -- sent once more
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'signature.counter',
            DETAIL = format('通行密钥%s…的计数没有增加：可能被复制，请停用后另行登记', left(NEW.fingerprint, 16));
    END IF;
    NEW.n := coalesce(v_last.n, 0) + 1;
    NEW.prev := coalesce(v_last.hash, sha256(convert_to(concat_ws('|', 'signatures', NEW.region, NEW.fingerprint), 'UTF8')));
    NEW.hash := sha256(NEW.prev || convert_to(concat_ws('|', NEW.n, (extract(epoch FROM NEW.recorded_at) * 1000000)::bigint, NEW.signature, NEW.statement), 'UTF8'));
    RETURN NEW;
END $$;

-- A key never changes but to be confirmed or revoked; a demand never but to be confirmed.
CREATE OR REPLACE FUNCTION access.check_person_key() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.region, OLD.fingerprint, OLD.person, OLD.algorithm, OLD.public_key, OLD.valid_from, OLD.valid_to, OLD.credential_id, OLD.rp_id, OLD.origin)
       IS DISTINCT FROM (NEW.region, NEW.fingerprint, NEW.person, NEW.algorithm, NEW.public_key, NEW.valid_from, NEW.valid_to, NEW.credential_id, NEW.rp_id, NEW.origin)
       OR (OLD.proposed_by, OLD.proposed_on) IS DISTINCT FROM (NEW.proposed_by, NEW.proposed_on)
          AND (OLD.credential_id IS NULL OR OLD.confirmed_at IS NOT NULL OR access.person(OLD.proposed_by) <> OLD.person OR access.person(NEW.proposed_by) = OLD.person)
       OR OLD.confirmed_at IS NOT NULL AND (OLD.confirmed_by, OLD.confirmed_on, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_on, NEW.confirmed_at)
       OR OLD.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = 'access.person_key的这些内容一经写入不得修改或删除';
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_signature BEFORE INSERT ON access.signature FOR EACH ROW EXECUTE FUNCTION access.check_signature();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.signature
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE ON access.person_key
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_person_key BEFORE UPDATE ON access.person_key FOR EACH ROW EXECUTE FUNCTION access.check_person_key();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE ON access.signing_demand
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER for_good BEFORE UPDATE ON access.signing_demand FOR EACH ROW
    WHEN (OLD.confirmed_at IS NOT NULL) EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.before_demand
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.home
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- What a second person decides row by row, and what of it is signed.
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON books.account_change FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'account.confirm', 'fund,account,n', 'decided_by', 'decided_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON books.closing FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'period.reopen', 'fund,period,n', 'reopened_by', 'reopened_on', 'digest,closed_by,closed_on,asked_by,asked_on,reason', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON books.closing_waiver FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'period.waive', 'fund,period,code,n', 'granted_by', 'granted_on', 'items,reason,asked_by,asked_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON books.recurrence FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'recurrence.confirm', 'fund,recurrence_id', 'decided_by', 'decided_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.advance FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'advance.approve', 'advance_id', 'approved_by', 'approved_on', 'fund,institution,kind,year,term,recovery,amount_fen,quota_fen,conditions,document,payee_name,payee_number,payee_bank,payee_cnaps,due_on,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.assessment FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'clear.assess', 'fund,year,institution', 'approved_by', 'approved_on', 'grade,document,prepared_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.calendar_proposal FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'calendar.confirm', 'year,version', 'decided_by', 'decided_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.cash_move FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'cash.approve', 'move_id', 'approved_by', 'approved_on', 'fund,kind,account,fiscal_account,subfund,booked_on,amount_fen,receipt_no,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.clearing_plan FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'clear.plan', 'fund,year', 'approved_by', 'approved_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.cutover FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'cutover.confirm', 'fund,version', 'decided_by', 'decided_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.fund_request FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'fund_request.approve', 'request_id', 'approved_by', 'approved_on', 'fund,account,fiscal_account,upto,forecast_fen,available_fen,amount_fen,basis,month,prepared_by,prepared_on', 'fund.fund_request_line');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.late_case FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'clear.late', 'fund,setl_id,year', 'approved_by', 'approved_on', 'institution,document,prepared_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.letter FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'clear.confirm', 'letter_id', 'confirmed_by', 'confirmed_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.other_deduction FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'deduction.approve', 'deduction_id', 'approved_by', 'approved_on', 'fund,institution,term,reason,amount_fen,prepared_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.outregion_counterparty FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'outregion.confirm', 'counterparty', 'confirmed_by', 'confirmed_on', 'name,payee_name,payee_number,payee_bank,payee_cnaps,proposed_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.outregion_move FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'outregion.approve', 'move_id', 'approved_by', 'approved_on', 'fund,kind,counterparty,amount_fen,document,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.party FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'party.confirm', 'party', 'confirmed_by', 'confirmed_on', 'name,kind,proposed_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.person_account FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'person_account.approve', 'account_id', 'approved_by', 'approved_on', '*fund,payment_id,n,order_no,failed_on,payee_name,payee_number,payee_bank,payee_cnaps,document,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.person_payment FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'person_payment.approve', 'payment_id', 'approved_by', 'approved_on', '*fund,kind,psn_no,subfund,service_year,term,category,amount_fen,document,payee_name,payee_number,payee_bank,payee_cnaps,due_on,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.refund FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'refund.approve', 'refund_id', 'approved_by', 'approved_on', 'fund,institution,kind,ordered_by,account,received_on,amount_fen,document,receipt_no,advance_id,prepared_by,prepared_on', 'fund.refund_line');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.risk_step FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'risk.confirm', 'case_n,n', 'decided_by', 'decided_on', 'step,document,ratio,from_day,terms_version,case_digest,proposed_by,proposed_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON fund.special_case FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'clear.special', 'fund,setl_id', 'approved_by', 'approved_on', 'year,institution,amount_fen,document,prepared_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.bank_channel FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'bank.confirm_channel', 'account,version', 'confirmed_by', 'confirmed_on', 'channel,proposed_by', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.freezing FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'freeze.lift', 'n', 'lifted_by', 'lifted_on', 'code,detail,anchors,found_by,found_on,document,proposed_by,proposed_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.handed_file FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'file.confirm', 'account,sha256,n', 'approved_by', 'approved_on', 'name,brought_by,document,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.reconciliation FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'reconciliation.review', 'account,period,version', 'reviewed_by', 'reviewed_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.resolution FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'suspense.approve', 'resolution_id', 'approved_by', 'approved_on', 'fund,account,kind,receipt_no,direction,digest,what,reference,document,prepared_by,prepared_on', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.statement_file FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'statement.confirm', 'account,sha256,n', 'approved_by', 'approved_on', '', '');
CREATE OR REPLACE TRIGGER with_signature BEFORE UPDATE ON payments.statement_withdrawal FOR EACH ROW EXECUTE FUNCTION access.check_decision(
    'statement.withdraw', 'account,n', 'approved_by', 'approved_on', 'first_statement,last_statement,file_sha256,reason,prepared_by,prepared_on', '');

-- What a second person decides elsewhere: no day but those the region bears.
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON access.person_key FOR EACH ROW EXECUTE FUNCTION access.check_days('confirmed_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON access.proposal FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON books.closing FOR EACH ROW EXECUTE FUNCTION access.check_days('closed_on', 'reopened_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON books.voucher_decision FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON books.voucher_template FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON fund.calendar_proposal FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON fund.letter FOR EACH ROW EXECUTE FUNCTION access.check_days('approved_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON fund.payee_account FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON fund.policy_proposal FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON fund.sheet FOR EACH ROW EXECUTE FUNCTION access.check_days('approved_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON fund.terms FOR EACH ROW EXECUTE FUNCTION access.check_days('decided_on');
CREATE OR REPLACE TRIGGER in_time BEFORE INSERT OR UPDATE ON payments.approval FOR EACH ROW EXECUTE FUNCTION access.check_days('approved_on');
-- By the program's logins; a cutover writes the days of what it takes over (fund.check_opened).
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.advance FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.cash_move FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.fund_request FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.letter FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.outregion_move FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.person_account FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.person_payment FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.refund FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON fund.sheet FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON payments.handed_file FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON payments.resolution FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON payments.statement_file FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER dated BEFORE INSERT OR UPDATE OF prepared_on, approved_on ON payments.statement_withdrawal FOR EACH ROW WHEN (access.working_login()) EXECUTE FUNCTION access.check_dated();
CREATE OR REPLACE TRIGGER past_bound BEFORE INSERT ON fund.region_policy FOR EACH ROW
    WHEN (NEW.key = 'act_days') EXECUTE FUNCTION access.refuse_past_bound();
CREATE OR REPLACE TRIGGER past_bound BEFORE INSERT ON fund.policy_proposal FOR EACH ROW
    WHEN (NEW.key = 'act_days') EXECUTE FUNCTION access.refuse_past_bound();

-- Grants ------------------------------------------------------
GRANT EXECUTE ON FUNCTION access.act_days(integer) TO fundledger_service, fundledger_poster, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.latest_day() TO fundledger_service, fundledger_poster;
GRANT SELECT ON access.before_demand, access.home, access.person_key, access.signing_demand TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.signature TO fundledger_service, fundledger_auditor;
GRANT INSERT (region, fingerprint, act, object, digest, user_name, day, signed_at, statement, signature, content) ON access.signature TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.confirm_person_key(integer,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.demand_signing(integer,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.decided_tables() TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.decision(jsonb,text[]) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.demands_now(integer) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.demands_signatures(integer) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.enrolled_signed(access.person_key), access.enrolment_signed(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.enroll_person_key(integer,text,text,text,text,date,date,date,text,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.key_list_digest(integer,timestamptz) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.person_key_digest(integer,text,text,text,text,date,date) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.require_signature(integer,text,text,text,date) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.revoke_person_key(integer,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.to_sign(integer,text,text[]) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.unsigned(integer), access.unsigned_decisions(integer), access.unsigned_since() TO fundledger_auditor;
