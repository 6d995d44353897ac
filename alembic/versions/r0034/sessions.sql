ALTER TABLE access.proposal DROP CONSTRAINT proposal_act_check, DROP CONSTRAINT proposal_check2;
ALTER TABLE access.proposal
    ADD CONSTRAINT proposal_act_check CHECK (act IN ('add', 'grant', 'key', 'activate', 'revoke', 'deactivate', 'password')),
    ADD CONSTRAINT proposal_check2 CHECK ((act IN ('key', 'password')) = (key_hash IS NOT NULL) AND (act IN ('key', 'password')) = (expires_on IS NOT NULL));

-- How a person comes in at the pages: the argon2id hash of a password, the secret of the second factor (empty: none), and what
-- was tried. Only the functions below read or write these three tables.
CREATE TABLE access.password (
    user_name    text PRIMARY KEY REFERENCES access.app_user,
    hash         text NOT NULL CHECK (starts_with(hash, '$argon2id$')),
    set_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    otp_secret   text NOT NULL DEFAULT '' CHECK (otp_secret ~ '^([A-Z2-7]{32})?$'),
    otp_step     bigint NOT NULL DEFAULT 0,                    -- the last half minute whose code was used: none opens twice
    failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    locked_until timestamptz
);

-- A link by which its holder chooses a password, once: proposed and confirmed by the two administrators, for them given by the
-- database administrator. Of its code only the SHA-256 is here.
CREATE TABLE access.link (
    code_hash  bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    given_in   integer NOT NULL,
    user_name  text NOT NULL REFERENCES access.app_user,
    expires_on date NOT NULL,
    used_at    timestamptz
);

-- Somebody sits at the pages. Of the token in the browser's cookie only the SHA-256 is here.
CREATE TABLE access.session (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_name  text NOT NULL REFERENCES access.app_user,
    began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz
);

CREATE INDEX session_open ON access.session (user_name) WHERE ended_at IS NULL;
