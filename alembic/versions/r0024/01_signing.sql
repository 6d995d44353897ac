CREATE TABLE access.home (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  text NOT NULL CHECK (id ~ '^[0-9a-f-]{36}$')     -- which installation a signature is made for, made with its first key; a restored one keeps it
);

CREATE TABLE access.person_key (
    region       integer NOT NULL,
    fingerprint  text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    person       text NOT NULL CHECK (person <> ''),
    algorithm    text NOT NULL CHECK (algorithm IN ('Ed25519', 'SM2')),
    public_key   text NOT NULL CHECK (public_key ~ '^[0-9a-f]+$' AND length(public_key) = CASE algorithm WHEN 'SM2' THEN 130 ELSE 64 END),
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
    PRIMARY KEY (region, fingerprint),
    UNIQUE (region, public_key),
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
    signature   text NOT NULL CHECK (signature ~ '^[0-9a-f]{128}$'),
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
