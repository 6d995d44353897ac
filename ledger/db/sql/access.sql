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
    ('admin',      '安全管理员', false),
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

-- The security administrator 安全管理员 (`admin`) proposes users, roles and keys, the audit administrator 审计管理员 confirms
-- them; neither holds a post.
INSERT INTO access.role VALUES ('audit_admin', '审计管理员', false);

INSERT INTO access.incompatible
SELECT 'audit_admin', role, '审计管理员不得经办业务，也不得兼任安全管理员' FROM access.role WHERE role <> 'audit_admin';

INSERT INTO access.incompatible VALUES ('admin', 'intake', '安全管理员不得经办业务');

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

-- What the security administrator asks for. Of a key only the digest is here: whoever proposes keeps the secret, which opens
-- nothing before it is confirmed.
CREATE TABLE access.proposal (
    region       integer NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    act          text NOT NULL CHECK (act IN ('add', 'grant', 'key', 'activate', 'revoke', 'deactivate', 'password', 'identity')),
    user_name    text NOT NULL CHECK (user_name ~ '^[a-z][a-z0-9_.-]{1,39}$'),
    person       text NOT NULL DEFAULT '',
    display_name text NOT NULL DEFAULT '' CHECK (translate(display_name, E'|\\\n\r', '') = display_name),
    role         text NOT NULL DEFAULT '',
    fund         smallint NOT NULL DEFAULT 0,
    key_hash     bytea CHECK (length(key_hash) = 32),
    label        text NOT NULL DEFAULT '',
    expires_on   date,
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by  text NOT NULL,
    proposed_on  date NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    decided_by   text NOT NULL DEFAULT '',
    decided_on   date,
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (region, n),
    CHECK ((act = 'add') = (person <> '') AND (act = 'add') = (display_name <> '')),
    CHECK ((act IN ('grant', 'revoke')) = (role <> '')),
    CHECK ((act IN ('key', 'password', 'identity')) = (key_hash IS NOT NULL) AND (act IN ('key', 'password')) = (expires_on IS NOT NULL)),
    CONSTRAINT proposal_identity CHECK (act <> 'identity' OR key_hash = sha256(convert_to(label, 'UTF8'))),   -- what is shown is what is meant
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK (decided_by <> proposed_by),
    CHECK (decided_on >= proposed_on),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX one_proposal ON access.proposal (region, act, user_name, role, fund, label) WHERE state = 'proposed';

-- When a key was last used, by day.
CREATE TABLE access.key_use(
    region   integer NOT NULL,
    key_hash bytea NOT NULL REFERENCES access.api_key,
    used_on  date NOT NULL,
    PRIMARY KEY (region, key_hash)
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

-- What keeps a file back (ledger/control/alarms): few lines among many.
CREATE INDEX operator_log_held ON access.operator_log (region, object, id) WHERE outcome = 'refused' AND action IN ('payments.set_out', 'payments.file');

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

-- Whether the statement runs as a login of the program itself, whichever post's, and not inside a function that acts for it:
-- there the functions' owner is the current user. The one test guards have for this; ledger/db/logins.py has the same list.
CREATE OR REPLACE FUNCTION access.working_login() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_user OPERATOR(pg_catalog.=) ANY (ARRAY['fundledger_service', 'fundledger_auditor', 'fundledger_intake',
        'fundledger_books', 'fundledger_payments', 'fundledger_read']::pg_catalog.name[])
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

-- Users, roles and keys by two persons: the security administrator proposes, the audit administrator confirms. What only
-- takes something away one of them does at once, except from an administrator.
CREATE OR REPLACE FUNCTION access.require_either_admin(p_region integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE acting text := access.user_name();
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u USING (user_name)
                    WHERE r.region = p_region AND r.user_name = acting AND r.role IN ('admin', 'audit_admin') AND r.fund = 0 AND u.active) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = format('用户%s不是统筹区%s（全部基金）的管理员', coalesce(acting, '（未指定）'), p_region);
    END IF;
    RETURN acting;
END $$;

CREATE OR REPLACE FUNCTION access.proposal_text(p access.proposal) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN jsonb_build_array(p.region, p.n, p.act, p.user_name, p.person, p.display_name, p.role, p.fund,
    encode(p.key_hash, 'hex'), p.label, to_char(p.expires_on, 'YYYY-MM-DD'), p.proposed_by, to_char(p.proposed_on, 'YYYY-MM-DD'))::text;

CREATE OR REPLACE FUNCTION access.proposal_digest(p access.proposal) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN sha256(convert_to(access.proposal_text(p), 'UTF8'));

-- A person's mark without what does not tell persons apart: case, width, spaces, invisible characters, kinds of dashes.
CREATE OR REPLACE FUNCTION access.spelled(p_person text) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT lower(regexp_replace(translate(normalize(p_person, NFKC), U&'\2010\2011\2012\2013\2014\2015\2212', '-------'),
                                U&'[\\s\00AD\200B-\200F\2060\FEFF]', '', 'g'))
$$;

-- Whether a proposal makes sense as things stand: asked when it is proposed and again when it is confirmed. Each of the two
-- is somebody else than whom it is for.
CREATE OR REPLACE FUNCTION access.judge_proposal(p access.proposal, p_acting text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v access.app_user; v_fit record; v_alike text;
BEGIN
    SELECT * INTO v FROM access.app_user WHERE user_name = p.user_name;
    IF (p.act = 'add') = (v.user_name IS NOT NULL) THEN
        IF p.act = 'add' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.exists', DETAIL = format('已有用户%s', p.user_name);
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.unknown', DETAIL = format('没有用户%s', p.user_name);
    END IF;
    IF access.person(p_acting) = coalesce(v.person, p.person) AND p.act IN ('add', 'grant', 'key', 'activate', 'password', 'identity') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.own_grant', DETAIL = '不得给自己授予角色、用户名或密钥';
    END IF;
    -- one person under two spellings would be two: case, width, spaces and what nobody sees make no other person
    IF p.act = 'add' THEN
        SELECT u.user_name INTO v_alike FROM access.app_user u
         WHERE u.person <> p.person AND access.spelled(u.person) = access.spelled(p.person) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.person_alike',
                DETAIL = format('本人标识%s与用户%s的只差大小写、全半角或空格：同一人须用同一标识', p.person, v_alike);
        END IF;
    END IF;
    IF p.act IN ('grant', 'key', 'password', 'identity') AND NOT v.active THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.inactive', DETAIL = format('用户%s已停用，须先恢复', p.user_name);
    END IF;
    IF p.act = 'grant' THEN
        SELECT r.user_name, r.role, i.why INTO v_fit FROM access.user_role r JOIN access.app_user u ON u.user_name = r.user_name AND u.person = v.person
          JOIN access.incompatible i ON (i.role, i.other) IN ((r.role, p.role), (p.role, r.role)) WHERE r.region = p.region LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.incompatible_roles',
                DETAIL = format('%s已有角色%s：%s', v_fit.user_name, v_fit.role, v_fit.why);
        END IF;
    END IF;
    IF p.act IN ('grant', 'revoke') AND (p.act = 'grant') = EXISTS (SELECT 1 FROM access.user_role r WHERE r.region = p.region
           AND r.user_name = p.user_name AND r.role = p.role AND r.fund = p.fund)
       OR p.act IN ('activate', 'deactivate') AND v.active = (p.act = 'activate') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.nothing', DETAIL = format('用户%s已是如此，没有可办理的', p.user_name);
    END IF;
    IF p.act IN ('key', 'activate', 'deactivate', 'password', 'identity') THEN
        PERFORM access.require_here(p.region, p.user_name);
    END IF;
    IF p.act = 'identity' AND EXISTS (SELECT 1 FROM access.identity i WHERE i.identity_hash = p.key_hash AND NOT i.revoked) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.identity_taken', DETAIL = '这一外部身份已登记在用：一个外部身份只属于一个用户';
    END IF;
    IF p.act IN ('key', 'password') AND p.expires_on < p.proposed_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'user.key_expired', DETAIL = format('到期日%s已过', p.expires_on);
    END IF;
END $$;

-- A key, and a name being used at all, reach every region its user works in: only who works there alone is this region's to decide.
CREATE OR REPLACE FUNCTION access.require_here(p_region integer, p_user text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.user_role WHERE region = p_region AND user_name = p_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.unknown', DETAIL = format('用户%s在本统筹区没有角色', p_user);
    END IF;
    IF EXISTS (SELECT 1 FROM access.user_role r WHERE r.user_name = p_user AND r.region <> p_region
                  AND NOT EXISTS (SELECT 1 FROM access.user_role mine WHERE mine.user_name = access.user_name()
                                     AND mine.region = r.region AND mine.role IN ('admin', 'audit_admin') AND mine.fund = 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'user.other_region',
            DETAIL = format('用户%s还在其他统筹区任职，不能由本统筹区签发或停用', p_user);
    END IF;
END $$;

-- Propose one change. Answers its number and the digest that is to be confirmed.
CREATE OR REPLACE FUNCTION access.propose(p_region integer, p_act text, p_user text, p_person text, p_display text, p_role text,
    p_fund smallint, p_hash bytea, p_label text, p_expires date, p_on date, OUT n integer, OUT digest bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v access.proposal; acting text := access.require_admin(p_region);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('access.proposal ' || p_region, 0));
    IF NOT EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u USING (user_name)
                    WHERE r.region = p_region AND r.role = 'audit_admin' AND r.fund = 0 AND u.active) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'user.no_audit_admin',
            DETAIL = format('统筹区%s还没有审计管理员：请数据库管理员执行 fundledger db audit-admin 指定一人', p_region);
    END IF;
    v := (p_region, (SELECT coalesce(max(o.n), 0) + 1 FROM access.proposal o WHERE o.region = p_region), p_act, p_user, p_person, p_display,
          p_role, p_fund, p_hash, p_label, p_expires, 'proposed', acting, p_on, '\x', '', NULL, '');
    PERFORM access.judge_proposal(v, acting);
    IF EXISTS (SELECT 1 FROM access.proposal o WHERE o.region = p_region AND o.state = 'proposed'
                  AND (o.act, o.user_name, o.role, o.fund, o.label) = (v.act, v.user_name, v.role, v.fund, v.label)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.waiting', DETAIL = format('用户%s的这项变更已提出，待审计管理员确认', p_user);
    END IF;
    v.digest := access.proposal_digest(v);
    INSERT INTO access.proposal SELECT v.*;
    n := v.n;
    digest := v.digest;
END $$;

-- The audit administrator's word on a proposal he was shown: `confirmed` does it, `refused` does not. Of a link's code the proposer has
-- one half and the confirmer the other, so that neither opens it: `p_second` is the digest of the confirmer's.
CREATE OR REPLACE FUNCTION access.decide(p_region integer, p_n integer, p_digest bytea, p_state text, p_reason text, p_on date, p_second bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v access.proposal; acting text := access.user_name();
BEGIN
    IF NOT EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u USING (user_name)
                    WHERE r.region = p_region AND r.user_name = acting AND r.role = 'audit_admin' AND r.fund = 0 AND u.active) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = format('用户%s不是统筹区%s（全部基金）的审计管理员', coalesce(acting, '（未指定）'), p_region);
    END IF;
    SELECT * INTO v FROM access.proposal o WHERE o.region = p_region AND o.n = p_n FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.no_proposal', DETAIL = format('没有第%s号用户变更', p_n);
    ELSIF v.state <> 'proposed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.decided', DETAIL = format('第%s号用户变更已由%s办理', p_n, v.decided_by);
    ELSIF v.digest <> p_digest OR v.digest <> access.proposal_digest(v) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'user.changed', DETAIL = format('第%s号用户变更与所确认的摘要不符，请重新查看', p_n);
    ELSIF access.person(acting) IS NOT DISTINCT FROM access.person(v.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v.proposed_by);
    END IF;
    IF p_state = 'confirmed' THEN
        PERFORM access.require_signature(p_region, 'role.confirm', p_n::text, encode(p_digest, 'hex'));
    END IF;
    UPDATE access.proposal SET state = p_state, decided_by = acting, decided_on = p_on, reason = p_reason WHERE region = p_region AND n = p_n;
    IF p_state = 'refused' THEN
        RETURN;
    END IF;
    PERFORM access.judge_proposal(v, acting);
    -- a link's code and a key's secret are in two hands: neither administrator alone opens anything with what he was shown
    IF v.act IN ('key', 'password') AND length(p_second) IS DISTINCT FROM 32 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'user.second_half', DETAIL = '登录链接、接口密钥的另一半须由审计管理员确认时给出';
    END IF;
    CASE v.act
        WHEN 'add' THEN INSERT INTO access.app_user VALUES (v.user_name, v.person, v.display_name);
        WHEN 'grant' THEN INSERT INTO access.user_role VALUES (p_region, v.user_name, v.role, v.fund);
        WHEN 'revoke' THEN DELETE FROM access.user_role WHERE region = p_region AND user_name = v.user_name AND role = v.role AND fund = v.fund;
        WHEN 'activate' THEN UPDATE access.app_user SET active = true WHERE user_name = v.user_name;
        WHEN 'deactivate' THEN PERFORM access.stop_user(v.user_name);
        WHEN 'key' THEN INSERT INTO access.api_key (key_hash, issued_in, user_name, label, expires_on)
                        VALUES (sha256(v.key_hash || p_second), p_region, v.user_name, v.label, v.expires_on);
        WHEN 'password' THEN
            INSERT INTO access.link (code_hash, given_in, user_name, expires_on)
            VALUES (sha256(v.key_hash || p_second), p_region, v.user_name, v.expires_on);
        WHEN 'identity' THEN
            INSERT INTO access.identity AS i (identity_hash, given_in, user_name) VALUES (v.key_hash, p_region, v.user_name)
            ON CONFLICT (identity_hash) DO UPDATE SET given_in = p_region, user_name = v.user_name, revoked = false WHERE i.revoked;
    END CASE;
END $$;

-- A name is used no more, nor are its keys; whoever sits at the pages under it is out, and its links open nothing.
CREATE OR REPLACE FUNCTION access.stop_user(p_user text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE access.app_user SET active = false WHERE user_name = p_user;
    UPDATE access.api_key SET revoked = true WHERE user_name = p_user;
    UPDATE access.session SET ended_at = clock_timestamp() WHERE user_name = p_user AND ended_at IS NULL;
    UPDATE access.link SET used_at = clock_timestamp() WHERE user_name = p_user AND used_at IS NULL;
    UPDATE access.identity SET revoked = true WHERE user_name = p_user AND NOT revoked;
END $$;

-- A user comes in by no provider's word any more, at once; answers how many identities were live.
CREATE OR REPLACE FUNCTION access.revoke_identities(p_region integer, p_user text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_done integer;
BEGIN
    PERFORM access.require_either_admin(p_region);
    PERFORM access.require_here(p_region, p_user);
    UPDATE access.identity SET revoked = true WHERE user_name = p_user AND NOT revoked;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    IF v_done = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.nothing', DETAIL = format('用户%s没有在用的外部身份，没有停用什么', p_user);
    END IF;
    RETURN v_done;
END $$;

-- An administrator is not sent away by the other alone.
CREATE OR REPLACE FUNCTION access.refuse_administrator(p_region integer, p_user text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM access.user_role WHERE region = p_region AND user_name = p_user AND role IN ('admin', 'audit_admin')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'user.two_administrators',
            DETAIL = format('%s是管理员：停用或收回须由安全管理员提出、审计管理员确认', p_user);
    END IF;
END $$;

-- Take a role away at once.
CREATE OR REPLACE FUNCTION access.revoke_role(p_region integer, p_user text, p_role text, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_either_admin(p_region);
    IF p_role IN ('admin', 'audit_admin') THEN
        PERFORM access.refuse_administrator(p_region, p_user);
    END IF;
    DELETE FROM access.user_role WHERE region = p_region AND user_name = p_user AND role = p_role AND fund = p_fund;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.nothing',
            DETAIL = format('用户%s在%s没有岗位{user.role:%s}，没有收回什么', p_user, CASE p_fund WHEN 0 THEN '全部基金' ELSE '基金' || p_fund END, p_role);
    END IF;
END $$;

-- Stop a name at once, with its keys; answers the prefixes of the keys that were live.
CREATE OR REPLACE FUNCTION access.deactivate(p_region integer, p_user text) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_keys text[];
BEGIN
    PERFORM access.require_either_admin(p_region);
    PERFORM access.require_here(p_region, p_user);
    PERFORM access.refuse_administrator(p_region, p_user);
    IF NOT (SELECT active FROM access.app_user WHERE user_name = p_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.nothing', DETAIL = format('用户%s早已停用，没有停用什么', p_user);
    END IF;
    v_keys := ARRAY(SELECT left(encode(key_hash, 'hex'), 8) FROM access.api_key WHERE user_name = p_user AND NOT revoked ORDER BY 1);
    PERFORM access.stop_user(p_user);
    RETURN v_keys;
END $$;

-- Make keys useless at once, by whatever is known of them (NULL: not asked); answers those that were live until now.
CREATE OR REPLACE FUNCTION access.revoke_keys(p_region integer, p_user text, p_person text, p_label text, p_prefix text, p_hash bytea)
RETURNS TABLE (prefix text, user_name text, label text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM access.require_either_admin(p_region);
    IF coalesce(p_user, p_person, p_label, p_prefix) IS NULL AND p_hash IS NULL OR length(p_prefix) < 8 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'user.key_which', DETAIL = '须指明密钥：用户、本人标识、用途、编号前8位或密钥本身';
    END IF;
    RETURN QUERY
    UPDATE access.api_key k SET revoked = true FROM access.app_user u
     WHERE u.user_name = k.user_name AND k.issued_in = p_region AND NOT k.revoked
       AND (p_user IS NULL OR k.user_name = p_user) AND (p_person IS NULL OR u.person = p_person) AND (p_label IS NULL OR k.label = p_label)
       AND (p_prefix IS NULL OR starts_with(encode(k.key_hash, 'hex'), p_prefix)) AND (p_hash IS NULL OR k.key_hash = p_hash)
    RETURNING left(encode(k.key_hash, 'hex'), 8), k.user_name, k.label;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'user.no_key', DETAIL = '没有这样的有效密钥，没有停用什么';
    END IF;
END $$;

-- That a key opened the door today: kept once a day, by who brought it.
CREATE OR REPLACE FUNCTION access.note_use(p_hash bytea, p_on date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO access.key_use AS u SELECT issued_in, key_hash, p_on FROM access.api_key WHERE key_hash = p_hash AND NOT revoked
    ON CONFLICT (region, key_hash) DO UPDATE SET used_on = p_on WHERE u.used_on < p_on
$$;

-- Master data, dated choices and what the agency brings in are written by who does business there, in their own names:
-- not by the cashier, the reviewer, the user administrator. (The schema's owner has no name and no post: migrations.)
CREATE OR REPLACE FUNCTION fund.refuse_writer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'business.writer',
        DETAIL = format('%s只能由办理业务的岗位以自己的名义登记', TG_TABLE_NAME);
END $$;

-- A text on one line that does nothing to the terminal it is read at: line ends, controls, and all signs that hide or turn what
-- follows (Unicode's Cc, Cf, Zl, Zp and the tags of plane 14) stand as '?'. As ledger.core.text.one_line.
CREATE OR REPLACE FUNCTION access.one_lined(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT regexp_replace(p_text, '[\u0001-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]', '?', 'g')
$$;

-- What a caller named stands so in the operator log, whichever door the line came by.
CREATE OR REPLACE FUNCTION access.one_line() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.action := access.one_lined(NEW.action);
    NEW.object := access.one_lined(NEW.object);
    NEW.detail := access.one_lined(NEW.detail);
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER refuse_incompatible BEFORE INSERT OR UPDATE ON access.user_role
    FOR EACH ROW EXECUTE FUNCTION access.refuse_incompatible();
-- The operator log says who did it: nobody writes in another's name.
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON access.operator_log FOR EACH ROW
    WHEN (NEW.user_name IS DISTINCT FROM access.user_name()) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER one_line BEFORE INSERT ON access.operator_log FOR EACH ROW
    WHEN (concat(NEW.action, NEW.object, NEW.detail) !~ '^[ -~]*$')
    EXECUTE FUNCTION access.one_line();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE ON access.idempotency      -- emptied past its term: removal.sql
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.incompatible
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR TRUNCATE ON access.operator_log       -- taken away past its term: removal.sql
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON access.proposal
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, n, act, user_name, person, display_name, role, fund, key_hash, label, expires_on,
    proposed_by, proposed_on, digest ON access.proposal FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER decided BEFORE UPDATE ON access.proposal FOR EACH ROW
    WHEN (OLD.state <> 'proposed') EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON access.key_use
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON access.role
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
-- Numbers and times that the database gives nobody chooses: they are in no grant (likewise in the other nouns' files).
GRANT SELECT ON access.api_key TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.app_user TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.idempotency TO fundledger_service;
GRANT INSERT (region, user_name, route, key, body_digest, status,
    response) ON access.idempotency TO fundledger_service;
GRANT SELECT ON access.incompatible TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.operator_log TO fundledger_service;
GRANT INSERT (region, user_name, action, object, outcome,
    detail) ON access.operator_log TO fundledger_service;
GRANT SELECT ON access.operator_log TO fundledger_auditor;
GRANT SELECT ON access.role TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT SELECT ON access.user_role TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.key_use TO fundledger_service, fundledger_auditor;
GRANT SELECT ON access.proposal TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.deactivate(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.decide(integer,integer,bytea,text,text,date,bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.funds() TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.has_role(integer,smallint,text,text[]) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.note_use(bytea,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.person(text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.proposal_digest(access.proposal) TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.proposal_text(access.proposal) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.propose(integer,text,text,text,text,text,smallint,bytea,text,date,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.region() TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION access.regions_of(text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.require_admin(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.one_lined(text) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.require_role(integer,smallint,text[]) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.require_second(integer,smallint,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.revoke_identities(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.revoke_keys(integer,text,text,text,text,bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.revoke_role(integer,text,text,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION access.user_name() TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION access.working_login() TO fundledger_service, fundledger_auditor, fundledger_poster;
