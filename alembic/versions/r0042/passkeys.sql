-- A passkey is a key of a person's like any other; what it is bound to (site, credential) is part of its fingerprint.
ALTER TABLE access.person_key DROP CONSTRAINT person_key_algorithm_check, DROP CONSTRAINT person_key_check;
ALTER TABLE access.person_key
    ADD COLUMN credential_id text,
    ADD COLUMN rp_id text,
    ADD COLUMN origin text,
    ADD CONSTRAINT person_key_algorithm_check CHECK (algorithm IN ('Ed25519', 'SM2', 'passkey-ES256', 'passkey-EdDSA')),
    ADD CONSTRAINT person_key_check CHECK (public_key ~ '^[0-9a-f]+$'
        AND CASE algorithm WHEN 'SM2' THEN length(public_key) = 130 WHEN 'Ed25519' THEN length(public_key) = 64 ELSE length(public_key) BETWEEN 70 AND 400 END),
    ADD CONSTRAINT person_key_passkey CHECK (CASE WHEN starts_with(algorithm, 'passkey-')
        THEN coalesce(credential_id, '') ~ '^[A-Za-z0-9_-]{16}[A-Za-z0-9_-]*$' AND length(credential_id) <= 1400 AND coalesce(rp_id, '') ~ '^[a-z0-9.-]{1,253}$'
             AND coalesce(origin, '') ~ '^https?://[a-z0-9.:-]{1,255}$'
             AND fingerprint = encode(sha256(convert_to(E'passkey\n' || rp_id || E'\n' || origin || E'\n' || credential_id || E'\n' || public_key, 'UTF8')), 'hex')
        ELSE num_nonnulls(credential_id, rp_id, origin) = 0 END);

-- A passkey's signature is three texts: authenticatorData, clientDataJSON and the signature over both, hexadecimal with dots between;
-- of several statements signed at once, a fourth: the way from this one to what was signed.
ALTER TABLE access.signature DROP CONSTRAINT signature_signature_check;
ALTER TABLE access.signature
    ADD CONSTRAINT signature_signature_check CHECK (signature ~ '^([0-9a-f]{128}|[0-9a-f]{74}[0-9a-f]*\.[0-9a-f]+\.[0-9a-f]{128}[0-9a-f]*(\.([0-9a-f]{66}){1,16})?)$' AND length(signature) < 10000);

DROP FUNCTION IF EXISTS access.enroll_person_key(integer, text, text, text, text, date, date, date);
