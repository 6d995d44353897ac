-- What a passkey was asked for at log-in: the SHA-256 of the question, one open at a time; it is answered once, within five minutes.
ALTER TABLE access.password
    ADD COLUMN asked bytea CHECK (length(asked) = 32),
    ADD COLUMN asked_at timestamptz,
    ADD CHECK ((asked IS NULL) = (asked_at IS NULL));
