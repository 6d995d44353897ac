-- Who a person is at the provider of identities, by two persons; and a link whose code is in two hands.
ALTER TABLE access.proposal DROP CONSTRAINT proposal_act_check, DROP CONSTRAINT proposal_check2;
ALTER TABLE access.proposal
    ADD CONSTRAINT proposal_act_check CHECK (act IN ('add', 'grant', 'key', 'activate', 'revoke', 'deactivate', 'password', 'identity')),
    ADD CONSTRAINT proposal_check2 CHECK ((act IN ('key', 'password', 'identity')) = (key_hash IS NOT NULL) AND (act IN ('key', 'password')) = (expires_on IS NOT NULL)),
    ADD CONSTRAINT proposal_identity CHECK (act <> 'identity' OR key_hash = sha256(convert_to(label, 'UTF8')));

CREATE TABLE access.identity (
    identity_hash bytea PRIMARY KEY CHECK (length(identity_hash) = 32),
    given_in      integer NOT NULL,
    user_name     text NOT NULL REFERENCES access.app_user,
    revoked       boolean NOT NULL DEFAULT false
);

DROP FUNCTION IF EXISTS access.decide(integer, integer, bytea, text, text, date);
DROP FUNCTION IF EXISTS access.choose_password(bytea, text, date);
