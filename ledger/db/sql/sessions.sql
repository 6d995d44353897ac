-- Passwords, one-time links and sessions of the people at the pages.

-- Tables ------------------------------------------------------
-- How a person comes in at the pages: the argon2id hash of a password, the secret of the second factor (empty: none), and what
-- was tried. Only the functions below read or write these tables.
CREATE TABLE access.password (
    user_name    text PRIMARY KEY REFERENCES access.app_user,
    hash         text NOT NULL CHECK (starts_with(hash, '$argon2id$')),
    set_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    otp_secret   text NOT NULL DEFAULT '' CHECK (otp_secret ~ '^[A-Za-z0-9+/]*=*$'),  -- sealed for the home's key, base64
    otp_step     bigint NOT NULL DEFAULT 0,                    -- the last half minute whose code was used: none opens twice
    failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    locked_until timestamptz,
    asked        bytea CHECK (length(asked) = 32),             -- the SHA-256 of what a passkey was asked at log-in, till it is answered
    asked_at     timestamptz,
    CHECK ((asked IS NULL) = (asked_at IS NULL))
);

-- A link by which its holder chooses a password, once: proposed and confirmed by the two administrators, each with one half of its code;
-- for them given by the database administrator, whole. Of the code only the SHA-256 is here: of two halves, of both digests.
CREATE TABLE access.link (
    code_hash  bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    given_in   integer NOT NULL,
    user_name  text NOT NULL REFERENCES access.app_user,
    expires_on date NOT NULL,
    used_at    timestamptz
);

-- By whose word a user comes in beside the own password: the SHA-256 of `issuer subject` as the provider of identities has them.
CREATE TABLE access.identity (
    identity_hash bytea PRIMARY KEY CHECK (length(identity_hash) = 32),
    given_in      integer NOT NULL,
    user_name     text NOT NULL REFERENCES access.app_user,
    revoked       boolean NOT NULL DEFAULT false
);

-- Where a user comes in from, or tries to: an address as it is counted (of IPv6 a network of 64 bits). `good_at` is when that last went
-- well; NULL, or 180 days ago: a stranger's address. Wrong tries are counted here; those of all strangers' addresses of a name beside it
-- in access.password. What is old is dropped with the next try, so there are at most some forty strangers' rows of a name.
CREATE TABLE access.login_place (
    user_name    text NOT NULL REFERENCES access.app_user,
    address      text NOT NULL CHECK (length(address) <= 64),
    good_at      timestamptz,
    failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    tried_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    locked_until timestamptz,
    PRIMARY KEY (user_name, address)
);

-- Somebody sits at the pages. Of the token in the browser's cookie only the SHA-256 is here.
CREATE TABLE access.session (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_name  text NOT NULL REFERENCES access.app_user,
    began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    line       bigint       -- the operator log's, in the first region where the user works; 0: nowhere. NULL: from before these were written with it
);

CREATE INDEX session_open ON access.session (user_name) WHERE ended_at IS NULL;

-- Functions ---------------------------------------------------
-- One try to come in: counted before it is judged, so that many at once are no more tries than one after the other. Answers what
-- it is judged by; no row for who has no password, `locked` (seconds) for who tried too often. Five wrong ones from an address lock the
-- name for that address for 15 minutes; twenty from addresses where the user does not come in lock it for all such addresses for an hour.
-- So whoever guesses has at most 20 tries an hour from everywhere, and nobody is locked out at the own address by a stranger elsewhere.
CREATE OR REPLACE FUNCTION access.try_password(p_user text, p_address text, OUT hash text, OUT otp_secret text, OUT otp_step bigint, OUT locked integer)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v access.password; l access.login_place; at timestamptz := clock_timestamp(); known boolean; until timestamptz; tried integer;
BEGIN
    SELECT p.* INTO v FROM access.password p JOIN access.app_user u USING (user_name) WHERE p.user_name = p_user AND u.active FOR UPDATE OF p;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    DELETE FROM access.login_place o WHERE o.user_name = p_user AND o.tried_at < at - interval '1 hour'
       AND (o.good_at IS NULL OR o.good_at < at - interval '180 days');
    SELECT o.* INTO l FROM access.login_place o WHERE o.user_name = p_user AND o.address = p_address;
    known := l.good_at IS NOT NULL AND l.good_at >= at - interval '180 days';
    until := greatest(l.locked_until, CASE WHEN NOT known THEN v.locked_until END);
    IF until > at THEN
        locked := ceil(extract(epoch FROM until - at));
        RETURN NEXT;
        RETURN;
    END IF;
    tried := CASE WHEN l.locked_until IS NULL THEN coalesce(l.failures, 0) ELSE 0 END + 1;
    until := CASE WHEN tried >= 5 THEN at + interval '15 minutes' END;
    INSERT INTO access.login_place AS o (user_name, address, failures, tried_at, locked_until) VALUES (p_user, p_address, tried, at, until)
    ON CONFLICT (user_name, address) DO UPDATE SET failures = tried, tried_at = at, locked_until = until;
    IF NOT known THEN
        tried := CASE WHEN v.locked_until IS NULL THEN v.failures ELSE 0 END + 1;
        UPDATE access.password p SET failures = tried, locked_until = CASE WHEN tried >= 20 THEN at + interval '1 hour' END
         WHERE p.user_name = p_user;
    END IF;
    hash := v.hash;
    otp_secret := v.otp_secret;
    otp_step := v.otp_step;
    locked := 0;
    RETURN NEXT;
END $$;

-- The tries from an address ended well: it is the user's from now on, and what was counted there counts no more. What strangers did
-- elsewhere stays counted.
CREATE OR REPLACE FUNCTION access.came_in(p_user text, p_address text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE l access.login_place; at timestamptz := clock_timestamp();
BEGIN
    SELECT o.* INTO l FROM access.login_place o WHERE o.user_name = p_user AND o.address = p_address;
    IF l.good_at IS NULL OR l.good_at < at - interval '180 days' THEN
        UPDATE access.password SET failures = greatest(failures - coalesce(l.failures, 0), 0),
               locked_until = CASE WHEN failures - coalesce(l.failures, 0) >= 20 THEN locked_until END
         WHERE user_name = p_user;
    END IF;
    INSERT INTO access.login_place (user_name, address, good_at, tried_at) VALUES (p_user, p_address, at, at)
    ON CONFLICT (user_name, address) DO UPDATE SET good_at = at, tried_at = at, failures = 0, locked_until = NULL;
END $$;

-- Nobody comes in without a line of the operator log, in every region where he works, in the transaction of his session; the session
-- has the first of them. Whichever way he came, and whoever calls this.
CREATE OR REPLACE FUNCTION access.open_session(p_token bytea, p_before bytea, p_user text, p_from text, p_how text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting  text := access.user_name();
    v_line  bigint;
    v_first bigint;
    one     record;
BEGIN
    PERFORM set_config('app.actor', p_user, true);      -- an identity's: nobody acted before it was known whose it is
    UPDATE access.session SET ended_at = clock_timestamp() WHERE token_hash = p_before AND ended_at IS NULL;
    FOR one IN SELECT DISTINCT r.region FROM access.user_role r WHERE r.user_name = p_user ORDER BY 1 LOOP
        INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)
        VALUES (one.region, p_user, 'login', left(p_from, 64), 'done', p_how) RETURNING id INTO v_line;
        v_first := coalesce(v_first, v_line);
    END LOOP;
    INSERT INTO access.session (token_hash, user_name, line) VALUES (p_token, p_user, coalesce(v_first, 0));
    PERFORM set_config('app.actor', acting, true);
END $$;

-- The try was good: a new session, in the user's own name; the one the browser had ends. Raises where the second factor's code was
-- used by another meanwhile, and where there is none but a passkey, which `begin_passkey_session` comes in by.
CREATE OR REPLACE FUNCTION access.begin_session(p_token bytea, p_before bytea, p_step bigint, p_address text, p_from text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE access.password SET otp_step = greatest(otp_step, p_step)
     WHERE user_name = access.user_name() AND (otp_secret = '' OR otp_step < p_step)
       AND (otp_secret <> '' OR NOT EXISTS (SELECT 1 FROM access.login_passkeys(user_name)));
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'login.refused', DETAIL = '用户名、密码或动态口令不对';
    END IF;
    PERFORM access.came_in(access.user_name(), p_address);
    PERFORM access.open_session(p_token, p_before, access.user_name(), p_from, '');
END $$;

-- The passkeys by which a user may come in today: of the person, confirmed by two, not stopped; where enrolments are signed, so signed.
CREATE OR REPLACE FUNCTION access.login_passkeys(p_user text)
RETURNS TABLE (algorithm text, public_key text, credential_id text, rp_id text, origin text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT k.algorithm, k.public_key, k.credential_id, k.rp_id, k.origin
      FROM access.person_key k JOIN access.app_user u ON u.person = k.person AND u.active
     WHERE u.user_name = p_user AND k.credential_id IS NOT NULL AND k.state = 'confirmed' AND k.revoked_at IS NULL
       AND (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date BETWEEN k.valid_from AND k.valid_to
       AND EXISTS (SELECT 1 FROM access.user_role r WHERE r.user_name = p_user AND r.region = k.region)
       AND (NOT access.enrolment_signed(k.region) OR access.enrolled_signed(k))
$$;

-- The password was right and a passkey is asked: what for, one question at a time. The try still counts until it is answered.
CREATE OR REPLACE FUNCTION access.ask_passkey(p_asked bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE access.password SET asked = p_asked, asked_at = clock_timestamp() WHERE user_name = access.user_name()
$$;

-- A passkey of the acting user's answered the question that stands: a new session, and the question is gone whoever brings it again.
CREATE OR REPLACE FUNCTION access.begin_passkey_session(p_token bytea, p_before bytea, p_asked bytea, p_address text, p_from text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE access.password SET asked = NULL, asked_at = NULL
     WHERE user_name = access.user_name() AND asked = p_asked AND asked_at > clock_timestamp() - interval '5 minutes';
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'login.refused', DETAIL = '此次询问已答过、已过期或已另问：请重新登录';
    END IF;
    PERFORM access.came_in(access.user_name(), p_address);
    PERFORM access.open_session(p_token, p_before, access.user_name(), p_from, '通行密钥');
END $$;

-- Whether a region in which the user works asks a second factor of everybody who comes in today.
CREATE OR REPLACE FUNCTION access.factor_demanded(p_user text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM access.user_role r CROSS JOIN LATERAL (
        SELECT p.value FROM fund.region_policy p
         WHERE p.region = r.region AND p.key = 'second_factor' AND p.from_day <= (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date
         ORDER BY p.from_day DESC LIMIT 1) c
     WHERE r.user_name = p_user AND c.value = 'yes');
END $$;

-- A new session by the word of the provider of identities; whose, no row where nobody is enrolled under it. Nobody is made by it. Where the
-- provider does not say that it asked several factors, none begins for who has one of ours (`asks`: code, passkey) or has to (none).
CREATE OR REPLACE FUNCTION access.begin_identity_session(p_token bytea, p_before bytea, p_identity bytea, p_several boolean, p_from text,
                                                         OUT user_name text, OUT asks text)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT i.user_name, CASE WHEN p_several THEN '' WHEN p.otp_secret <> '' THEN 'code'
                             WHEN p.user_name IS NOT NULL AND EXISTS (SELECT 1 FROM access.login_passkeys(i.user_name)) THEN 'passkey'
                             WHEN access.factor_demanded(i.user_name) THEN 'none' ELSE '' END
      INTO user_name, asks
      FROM access.identity i JOIN access.app_user u USING (user_name) LEFT JOIN access.password p USING (user_name)
     WHERE i.identity_hash = p_identity AND NOT i.revoked AND u.active;
    IF user_name IS NULL THEN
        RETURN;
    END IF;
    IF asks = '' THEN
        PERFORM access.open_session(p_token, p_before, begin_identity_session.user_name, p_from,
                                    '统一身份认证' || CASE WHEN p_several THEN '（多因素）' ELSE '' END);
    END IF;
    RETURN NEXT;
END $$;

-- The acting user, whom the provider named, gave the telephone's code to the question that stands: as `begin_passkey_session`.
CREATE OR REPLACE FUNCTION access.begin_code_session(p_token bytea, p_before bytea, p_asked bytea, p_step bigint, p_address text,
                                                     p_from text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE access.password SET asked = NULL, asked_at = NULL, otp_step = p_step
     WHERE user_name = access.user_name() AND asked = p_asked AND asked_at > clock_timestamp() - interval '5 minutes'
       AND otp_secret <> '' AND otp_step < p_step;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'login.refused', DETAIL = '此次询问已答过、已过期或已另问：请重新登录';
    END IF;
    PERFORM access.came_in(access.user_name(), p_address);
    PERFORM access.open_session(p_token, p_before, access.user_name(), p_from, '统一身份认证、动态口令');
END $$;

-- Whose session it is: NULL where it ended, stood idle for 30 minutes or is 12 hours old, or its user was stopped.
CREATE OR REPLACE FUNCTION access.user_of_session(p_token bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record; at timestamptz := clock_timestamp();
BEGIN
    SELECT s.* INTO v FROM access.session s JOIN access.app_user u USING (user_name)
     WHERE s.token_hash = p_token AND s.ended_at IS NULL AND u.active
       AND s.seen_at > at - interval '30 minutes' AND s.began_at > at - interval '12 hours';
    IF v.seen_at < at - interval '1 minute' THEN    -- not a write for every page
        UPDATE access.session SET seen_at = at WHERE token_hash = p_token AND ended_at IS NULL;
    END IF;
    RETURN v.user_name;
END $$;

CREATE OR REPLACE FUNCTION access.end_session(p_token bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE access.session SET ended_at = clock_timestamp() WHERE token_hash = p_token AND ended_at IS NULL
$$;

-- A password chosen by a link's holder: the link is used up, what was before of factor, lock and sessions goes. Answers whether two
-- administrators gave the link, each a half of its code; else the database administrator did, the whole of it (`p_second` is NULL), and
-- his opens the door to an administrator alone.
CREATE OR REPLACE FUNCTION access.choose_password(p_first bytea, p_second bytea, p_hash text, p_on date, p_address text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text := access.user_name();
    by_two boolean := p_second IS NOT NULL
        AND EXISTS (SELECT 1 FROM access.proposal WHERE act = 'password' AND key_hash = p_first AND user_name = acting AND state = 'confirmed');
BEGIN
    UPDATE access.link l SET used_at = clock_timestamp() FROM access.app_user u
     WHERE l.code_hash = CASE WHEN p_second IS NULL THEN p_first ELSE sha256(p_first || p_second) END AND l.user_name = acting AND l.used_at IS NULL AND l.expires_on >= p_on
       AND u.user_name = acting AND u.active
       AND (by_two OR EXISTS (SELECT 1 FROM access.user_role r WHERE r.user_name = acting AND r.role IN ('admin', 'audit_admin')));
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'login.link', DETAIL = '一次性链接无效、已用过或已过期';
    END IF;
    INSERT INTO access.password (user_name, hash) VALUES (acting, p_hash)
    ON CONFLICT (user_name) DO UPDATE SET hash = p_hash, set_at = clock_timestamp(), otp_secret = '', otp_step = 0, failures = 0,
        locked_until = NULL, asked = NULL, asked_at = NULL;
    UPDATE access.login_place SET failures = 0, locked_until = NULL WHERE user_name = acting;
    PERFORM access.came_in(acting, p_address);
    UPDATE access.session SET ended_at = clock_timestamp() WHERE user_name = acting AND ended_at IS NULL;
    RETURN by_two;
END $$;

-- Whoever sits there changes his own password, or his second factor; every other session of his ends.
CREATE OR REPLACE FUNCTION access.change_password(p_token bytea, p_hash text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE access.password SET hash = p_hash, set_at = clock_timestamp()
     WHERE user_name = access.user_name() AND access.user_of_session(p_token) = access.user_name();
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'login.ended', DETAIL = '登录已失效，请重新登录';
    END IF;
    UPDATE access.session SET ended_at = clock_timestamp()
     WHERE user_name = access.user_name() AND ended_at IS NULL AND token_hash <> p_token;
END $$;

CREATE OR REPLACE FUNCTION access.set_second_factor(p_token bytea, p_secret text, p_step bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE access.password SET otp_secret = p_secret, otp_step = p_step
     WHERE user_name = access.user_name() AND access.user_of_session(p_token) = access.user_name();
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'login.ended', DETAIL = '登录已失效，请重新登录';
    END IF;
    UPDATE access.session SET ended_at = clock_timestamp()
     WHERE user_name = access.user_name() AND ended_at IS NULL AND token_hash <> p_token;
END $$;

-- The same secret, sealed for the house's key of today by who has just shown that it is his; nothing else of it changes.
CREATE OR REPLACE FUNCTION access.renew_second_factor(p_token bytea, p_was text, p_secret text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE access.password SET otp_secret = p_secret
     WHERE user_name = access.user_name() AND access.user_of_session(p_token) = access.user_name() AND otp_secret = p_was AND p_was <> ''
$$;

-- The acting user's try was good, and opens nothing but what is asked next.
CREATE OR REPLACE FUNCTION access.password_proved(p_address text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT access.came_in(access.user_name(), p_address)
$$;

-- What secrets of the house are sealed for: the public half of its own key.
CREATE OR REPLACE FUNCTION access.house_key() RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT public FROM fund.sealing_key WHERE region = 0 ORDER BY n DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION access.refuse_clear_factor() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'login.factor_clear', DETAIL = '动态口令的密钥须加密后保存，不得存明文';
END $$;

-- The digest of each password and second factor, for who verifies and may not read them; what of a row is hashed stands in
-- ledger/db/traced.py.
CREATE OR REPLACE FUNCTION access.password_proofs() RETURNS TABLE (user_name text, digest bytea) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
    SELECT p.user_name, sha256(convert_to((jsonb_strip_nulls(to_jsonb(p.*)) - '{otp_step,failures,locked_until,asked,asked_at}'::text[])::text, 'UTF8'))
      FROM access.password p
$$;

-- Of a second factor that was wrapped for a newer key (FUNDLEDGER-SEAL4; ledger/db/safekeeping/rotation.py): its bytes, which only the home's
-- key opens, and, given what lies inside, the digest its row would have with it. So it is proven that nothing else was changed.
CREATE OR REPLACE FUNCTION access.wrapped_factor(p_user text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.otp_secret FROM access.password p
     WHERE p.user_name = p_user AND p.otp_secret <> '' AND substring(decode(p.otp_secret, 'base64') FROM 1 FOR 16) = 'FUNDLEDGER-SEAL4'::bytea
$$;

CREATE OR REPLACE FUNCTION access.factor_proof(p_user text, p_secret text) RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
    SELECT sha256(convert_to((jsonb_strip_nulls(to_jsonb(p.*) || jsonb_build_object('otp_secret', p_secret))
                              - '{otp_step,failures,locked_until,asked,asked_at}'::text[])::text, 'UTF8'))
      FROM access.password p WHERE p.user_name = p_user
$$;

-- Guards ------------------------------------------------------
-- Past the program too: what ended or was used up stays so, and nobody is given another's.
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON access.link
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF code_hash, given_in, user_name, expires_on ON access.link
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER used BEFORE UPDATE ON access.link FOR EACH ROW
    WHEN (OLD.used_at IS NOT NULL) EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON access.identity
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON access.password
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF user_name ON access.password
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
-- base64 of FUNDLEDGER-SEAL, with which everything sealed begins
CREATE OR REPLACE TRIGGER only_sealed BEFORE INSERT OR UPDATE OF otp_secret ON access.password FOR EACH ROW
    WHEN (NEW.otp_secret <> '' AND NOT starts_with(NEW.otp_secret, 'RlVORExFREdFUi1TRUFM'))
    EXECUTE FUNCTION access.refuse_clear_factor();
CREATE OR REPLACE TRIGGER kept BEFORE TRUNCATE ON access.login_place
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF user_name, address ON access.login_place
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE TRUNCATE ON access.session     -- taken away past its term: removal.sql
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF token_hash, user_name, line ON access.session
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER ended BEFORE UPDATE ON access.session FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
-- Who has a password and who sits there may be read; what opens anything is the functions' alone.
GRANT SELECT (given_in, user_name, expires_on, used_at) ON access.link TO fundledger_service, fundledger_auditor;
GRANT SELECT (user_name, set_at, failures, locked_until) ON access.password TO fundledger_service, fundledger_auditor;
GRANT SELECT (user_name, good_at, locked_until) ON access.login_place TO fundledger_service;
GRANT SELECT ON access.login_place TO fundledger_auditor;
GRANT SELECT (user_name, began_at, seen_at, ended_at) ON access.session TO fundledger_service;
GRANT SELECT ON access.session TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.password_proofs() TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.wrapped_factor(text) TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.factor_proof(text,text) TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.begin_session(bytea,bytea,bigint,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.login_passkeys(text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.ask_passkey(bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.begin_passkey_session(bytea,bytea,bytea,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.change_password(bytea,text) TO fundledger_service;
GRANT SELECT ON access.identity TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.begin_identity_session(bytea,bytea,bytea,boolean,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.begin_code_session(bytea,bytea,bytea,bigint,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.choose_password(bytea,bytea,text,date,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.end_session(bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.user_of_session(bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.password_proved(text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.house_key() TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.set_second_factor(bytea,text,bigint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.renew_second_factor(bytea,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.try_password(text,text) TO fundledger_service;
