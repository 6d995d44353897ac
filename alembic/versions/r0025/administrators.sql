-- The one administrator goes on as security administrator; an audit administrator confirms what he proposes.
ALTER TABLE access.role DISABLE TRIGGER frozen;
UPDATE access.role SET display_name = '安全管理员' WHERE role = 'admin';
ALTER TABLE access.role ENABLE TRIGGER frozen;
INSERT INTO access.role VALUES ('audit_admin', '审计管理员', false);
INSERT INTO access.incompatible
SELECT 'audit_admin', role, '审计管理员不得经办业务，也不得兼任安全管理员' FROM access.role WHERE role <> 'audit_admin';
INSERT INTO access.incompatible VALUES ('admin', 'intake', '安全管理员不得经办业务');

CREATE TABLE access.proposal (
    region       integer NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    act          text NOT NULL CHECK (act IN ('add', 'grant', 'key', 'activate', 'revoke', 'deactivate')),
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
    CHECK ((act = 'key') = (key_hash IS NOT NULL) AND (act = 'key') = (expires_on IS NOT NULL)),
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK (decided_by <> proposed_by),
    CHECK (decided_on >= proposed_on),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX one_proposal ON access.proposal (region, act, user_name, role, fund, label) WHERE state = 'proposed';

CREATE TABLE access.key_use (
    region   integer NOT NULL,
    key_hash bytea NOT NULL REFERENCES access.api_key,
    used_on  date NOT NULL,
    PRIMARY KEY (region, key_hash)
);
