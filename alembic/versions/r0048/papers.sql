-- Papers of vouchers and findings are sealed like the bank's bytes (r0040): 48 bytes longer than what they are (magic, key, nonce, tag),
-- and their digest, of what they say, is compared by `verify`. What lies there is sealed in the same upgrade (seal_up.py).
ALTER TABLE books.attached_file DROP CONSTRAINT attached_file_content_check;
ALTER TABLE books.attached_file ADD CONSTRAINT attached_file_content_check CHECK (length(content) BETWEEN 1 AND 20971568);
ALTER TABLE fund.finding_evidence DROP CONSTRAINT finding_evidence_check;
ALTER TABLE fund.finding_evidence ADD CONSTRAINT finding_evidence_sha256_check CHECK (length(sha256) = 32);
ALTER TABLE fund.finding_evidence ADD CONSTRAINT finding_evidence_content_check CHECK (length(content) BETWEEN 1 AND 16777264);
