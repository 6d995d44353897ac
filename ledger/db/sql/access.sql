-- Users, roles, keys and the operator log; who may stand behind an act, and the guards all nouns use.

-- Tables ------------------------------------------------------
CREATE SCHEMA access;

CREATE SCHEMA books;

CREATE SCHEMA fund;

CREATE SCHEMA payments;

CREATE TABLE access.app_user (
    user_name    text PRIMARY KEY CHECK (user_name ~ '^[a-z][a-z0-9_.-]{1,39}$'),
    person       text NOT NULL CHECK (person <> ''),   -- the human behind the name: two names of one person count as one
    display_name text NOT NULL CHECK (translate(display_name, E'|\\\n\r', '') = display_name AND display_name <> ''),
    active       boolean NOT NULL DEFAULT true
);

CREATE TABLE access.role (
    role         text PRIMARY KEY,
    display_name text NOT NULL,
    may_post     boolean NOT NULL     -- keeps books: may be the actor of books.post()
);

INSERT INTO access.role VALUES
    ('admin',      '用户管理', false),
    ('intake',     '数据接入', false),
    ('maker',      '经办制单', true),
    ('checker',    '复核审批', true),
    ('cashier',    '出纳',     false),
    ('accountant', '会计记账', true),
    ('reviewer',   '内控稽核', false),
    ('system',     '系统接口', true);

INSERT INTO access.role VALUES ('chief', '会计主管', true);

-- 会计法 art. 35, 会计基础工作规范 art. 12: the cashier keeps no books; the reviewer and the user administrator do no business.
CREATE TABLE access.incompatible (
    role  text REFERENCES access.role,
    other text REFERENCES access.role,
    why   text NOT NULL,
    PRIMARY KEY (role, other)
);

INSERT INTO access.incompatible
SELECT a, b, why FROM (VALUES
    ('cashier', 'maker',      '出纳不得兼任制单'),
    ('cashier', 'checker',    '出纳不得兼任稽核'),
    ('cashier', 'accountant', '出纳不得登记账目'),
    ('cashier', 'system',     '出纳不得登记账目'),
    ('reviewer', 'maker',      '内控稽核不得经办业务'),
    ('reviewer', 'checker',    '内控稽核不得经办业务'),
    ('reviewer', 'cashier',    '内控稽核不得经办业务'),
    ('reviewer', 'accountant', '内控稽核不得经办业务'),
    ('reviewer', 'system',     '内控稽核不得经办业务'),
    ('admin', 'system',     '用户管理员不得经办业务'),
    ('admin', 'maker',      '用户管理员不得经办业务'),
    ('admin', 'checker',    '用户管理员不得经办业务'),
    ('admin', 'cashier',    '用户管理员不得经办业务'),
    ('admin', 'accountant', '用户管理员不得经办业务'),
    ('admin', 'reviewer',   '用户管理员不得兼任内控稽核')
) AS pairs (a, b, why);

-- The chief 会计主管 signs what accountants close and handles no business of the fund (会计法第二十五条: recorder, approver
-- and handler are apart); an accountant may be chief too, but not of what he closes himself.
INSERT INTO access.incompatible VALUES
    ('cashier',  'chief', '出纳不得兼任会计主管'),
    ('reviewer', 'chief', '内控稽核不得经办业务'),
    ('admin',    'chief', '用户管理员不得经办业务'),
    ('chief', 'maker',  '会计主管不得经办业务'),
    ('chief', 'intake', '会计主管不得经办业务'),
    ('chief', 'system', '会计主管不得经办业务');

CREATE TABLE access.user_role (
    region    integer NOT NULL CHECK (region BETWEEN 100000 AND 999999),
    user_name text NOT NULL REFERENCES access.app_user,
    role      text NOT NULL REFERENCES access.role,
    fund      smallint NOT NULL DEFAULT 0,   -- 0: every fund of the region
    PRIMARY KEY (region, user_name, role, fund)
);

CREATE TABLE access.api_key (
    key_hash   bytea PRIMARY KEY CHECK (length(key_hash) = 32),   -- SHA-256 of a 256-bit random key
    issued_in  integer NOT NULL,                                  -- the region whose administrator issued it
    user_name  text NOT NULL REFERENCES access.app_user,
    label      text NOT NULL,
    expires_on date NOT NULL,
    revoked    boolean NOT NULL DEFAULT false
);

CREATE TABLE access.operator_log (
    region      integer NOT NULL,       -- 0: not about one region
    id          bigint GENERATED ALWAYS AS IDENTITY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    user_name   text NOT NULL,
    action      text NOT NULL,          -- daily.run, payments.approve, user.grant …
    object      text NOT NULL,
    outcome     text NOT NULL,          -- done, refused, failed
    detail      text NOT NULL,
    PRIMARY KEY (region, id)
);

CREATE TABLE access.idempotency (
    region      integer NOT NULL,
    user_name   text NOT NULL,
    route       text NOT NULL,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    body_digest bytea NOT NULL,
    status      integer NOT NULL,
    response    bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, user_name, route, key)
);

CREATE SCHEMA jobs;

-- Functions ---------------------------------------------------
CREATE OR REPLACE FUNCTION access.refuse_incompatible() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE conflict record;
BEGIN
    -- One grant at a time within a region, so that two sessions cannot each give half of a forbidden pair.
    PERFORM 1 FROM access.app_user ORDER BY user_name FOR UPDATE;
    SELECT r.user_name, r.role, i.why INTO conflict
      FROM access.user_role r
      JOIN access.app_user u ON u.user_name = r.user_name
      JOIN access.app_user mine ON mine.user_name = NEW.user_name AND mine.person = u.person
      JOIN access.incompatible i ON (i.role, i.other) IN ((r.role, NEW.role), (NEW.role, r.role))
     WHERE r.region = NEW.region
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.incompatible_roles',
            DETAIL = format('%s已有角色%s：%s', conflict.user_name, conflict.role, conflict.why);
    END IF;
    RETURN NEW;
END $$;

-- The transaction's named user and region: SET LOCAL app.actor / app.region by the unit of work.
-- Not set, or a user without a role there: no region, hence no rows (INV-14).
CREATE OR REPLACE FUNCTION access.user_name() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('app.actor', true), '')
$$;

CREATE OR REPLACE FUNCTION access.region() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.region FROM access.user_role r JOIN access.app_user u USING (user_name)
     WHERE r.region = nullif(current_setting('app.region', true), '')::integer
       AND r.user_name = access.user_name() AND u.active
     LIMIT 1
$$;

CREATE OR REPLACE FUNCTION access.funds() RETURNS smallint[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT f.fund), '{}'::smallint[])
      FROM access.user_role r JOIN access.app_user u USING (user_name)
      JOIN (VALUES (310::smallint), (390::smallint), (0::smallint)) AS f (fund) ON r.fund IN (0, f.fund)
     WHERE r.region = nullif(current_setting('app.region', true), '')::integer
       AND r.user_name = access.user_name() AND u.active
$$;

CREATE OR REPLACE FUNCTION access.has_role(p_region integer, p_fund smallint, p_user text, p_roles text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM access.user_role r JOIN access.app_user u USING (user_name)
         WHERE r.region = p_region AND r.user_name = p_user AND u.active
           AND r.role = ANY (p_roles) AND (r.fund IN (0, p_fund) OR p_fund = 0))
$$;

-- The regions where a user works; each user may ask about itself.
CREATE OR REPLACE FUNCTION access.regions_of(p_user text) RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT r.region FROM access.user_role r JOIN access.app_user u USING (user_name)
     WHERE r.user_name = p_user AND p_user = access.user_name() AND u.active ORDER BY 1
$$;

CREATE OR REPLACE FUNCTION access.person(p_user text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT person FROM access.app_user WHERE user_name = p_user
$$;

-- Raises unless the transaction's user administers the whole region; returns the user's name.
CREATE OR REPLACE FUNCTION access.require_admin(p_region integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.user_name();
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u USING (user_name)
                    WHERE r.region = p_region AND r.user_name = acting AND r.role = 'admin' AND r.fund = 0 AND u.active) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = format('用户%s不是统筹区%s（全部基金）的管理员', coalesce(acting, '（未指定）'), p_region);
    END IF;
    RETURN acting;
END $$;

-- Raises unless the transaction's user holds one of the roles for that book; returns the user's name.
CREATE OR REPLACE FUNCTION access.require_role(p_region integer, p_fund smallint, p_roles text[]) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.user_name();
BEGIN
    IF acting IS NULL OR NOT access.has_role(p_region, p_fund, acting, p_roles) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = format('用户%s在%s-%s没有所需角色：%s', coalesce(acting, '（未指定）'), p_region, p_fund,
                            array_to_string(p_roles, '、'));
    END IF;
    RETURN acting;
END $$;

-- Raises unless the transaction's user is a checker of that book who signs in their own name what another person prepared
-- (INV-11); returns the user's name.
CREATE OR REPLACE FUNCTION access.require_second(p_region integer, p_fund smallint, p_prepared_by text, p_signed_by text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.require_role(p_region, p_fund, '{checker}');
BEGIN
    IF p_signed_by IS DISTINCT FROM acting OR access.person(acting) IS NOT DISTINCT FROM access.person(p_prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', p_prepared_by);
    END IF;
    RETURN acting;
END $$;

CREATE OR REPLACE FUNCTION fund.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
        DETAIL = format('%s.%s的这些内容一经写入不得修改或删除', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$;

-- Payee accounts and bank channels: proposed by the one, confirmed by the other, each under his own name; one person with
-- two names is one person (INV-11).
CREATE OR REPLACE FUNCTION access.check_two_persons() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.user_name();
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' OR NEW.proposed_by IS DISTINCT FROM acting THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'proposal.by_other', DETAIL = '只能以本人名义提出，待另一人确认';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = 'proposed' AND NEW.state = 'withdrawn' THEN
        RETURN NEW;   -- a later proposal took its place
    ELSIF OLD.state = 'proposed' AND NEW.state IN ('confirmed', 'refused') THEN
        IF NEW.confirmed_by IS DISTINCT FROM acting OR NOT access.has_role(NEW.region, 0::smallint, acting, '{checker}') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'proposal.not_checker', DETAIL = '须由复核审批岗以本人名义确认';
        END IF;
        IF access.person(NEW.confirmed_by) IS NOT DISTINCT FROM access.person(NEW.proposed_by) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'payee.same_person',
                DETAIL = format('%s提出的须由另一人确认', NEW.proposed_by);
        END IF;
    ELSIF NOT (OLD.state IN ('confirmed', 'taken_over') AND NEW.state IN ('replaced', 'failed', 'corrected')
               AND NEW.confirmed_by = OLD.confirmed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'proposal.state',
            DETAIL = format('不能由%s转为%s', OLD.state, NEW.state);
    END IF;
    RETURN NEW;
END $$;

-- User administration goes through these: the acting user must be the region's administrator.
CREATE OR REPLACE FUNCTION access.add_user(p_region integer, p_user text, p_person text, p_display text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    INSERT INTO access.app_user VALUES (p_user, p_person, p_display);
END $$;

CREATE OR REPLACE FUNCTION access.grant_role(p_region integer, p_user text, p_role text, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.require_admin(p_region);
BEGIN
    IF access.person(acting) = access.person(p_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.own_grant', DETAIL = '不得给自己授予角色';
    END IF;
    INSERT INTO access.user_role VALUES (p_region, p_user, p_role, p_fund) ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION access.revoke_role(p_region integer, p_user text, p_role text, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    DELETE FROM access.user_role WHERE region = p_region AND user_name = p_user AND role = p_role AND fund = p_fund;
END $$;

CREATE OR REPLACE FUNCTION access.add_key(p_region integer, p_user text, p_hash bytea, p_label text, p_expires date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    IF NOT EXISTS (SELECT 1 FROM access.user_role WHERE region = p_region AND user_name = p_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.unknown', DETAIL = format('用户%s在本统筹区没有角色', p_user);
    END IF;
    -- A key opens every region its user works in: only somebody who administers them all may issue it.
    IF EXISTS (SELECT 1 FROM access.user_role r WHERE r.user_name = p_user AND r.region <> p_region
                  AND NOT EXISTS (SELECT 1 FROM access.user_role mine WHERE mine.user_name = access.user_name()
                                     AND mine.region = r.region AND mine.role = 'admin' AND mine.fund = 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'user.other_region',
            DETAIL = format('用户%s还在其他统筹区任职，不能由本统筹区签发密钥', p_user);
    END IF;
    INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on)
    VALUES (p_hash, p_region, p_user, p_label, p_expires);
END $$;

CREATE OR REPLACE FUNCTION access.revoke_key(p_region integer, p_hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_admin(p_region);
    UPDATE access.api_key SET revoked = true WHERE key_hash = p_hash AND issued_in = p_region;
END $$;

-- Master data, dated choices and what the agency brings in are written by who does business there, in their own names:
-- not by the cashier, the reviewer, the user administrator. (The schema's owner has no name and no post: migrations.)
CREATE OR REPLACE FUNCTION fund.refuse_writer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'business.writer',
        DETAIL = format('%s只能由办理业务的岗位以自己的名义登记', TG_TABLE_NAME);
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER refuse_incompatible BEFORE INSERT OR UPDATE ON access.user_role
    FOR EACH ROW EXECUTE FUNCTION access.refuse_incompatible();
-- The operator log says who did it: nobody writes in another's name.
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON access.operator_log FOR EACH ROW
    WHEN (NEW.user_name IS DISTINCT FROM access.user_name()) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.idempotency
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.incompatible
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.operator_log
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.role
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON access.api_key TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.app_user TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON access.idempotency TO fundledger_service;
GRANT SELECT ON access.incompatible TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON access.operator_log TO fundledger_service;
GRANT SELECT ON access.operator_log TO fundledger_auditor;
GRANT SELECT ON access.role TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT SELECT ON access.user_role TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.add_key(integer,text,bytea,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.add_user(integer,text,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.funds() TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.grant_role(integer,text,text,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.has_role(integer,smallint,text,text[]) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.person(text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.region() TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.regions_of(text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.require_admin(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.require_role(integer,smallint,text[]) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.require_second(integer,smallint,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.revoke_key(integer,bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.revoke_role(integer,text,text,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.user_name() TO fundledger_service, fundledger_auditor, fundledger_poster;
