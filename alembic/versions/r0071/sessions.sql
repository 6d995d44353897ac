-- The line of the operator log that a log-in left, in the first region where its user works; 0: works nowhere. NULL: began before the
-- database wrote these lines itself.
ALTER TABLE access.session ADD COLUMN line bigint;
