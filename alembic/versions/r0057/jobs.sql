-- What a nightly check found, written by the auditor's login alone: a check is done when this says it found nothing.
CREATE TABLE jobs.checked (
    region     integer NOT NULL,
    slot       text NOT NULL,
    epoch      integer NOT NULL,
    findings   integer NOT NULL CHECK (findings >= 0),
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, slot, epoch)
);
