-- What an institution agreed to and how it is paid are versions: proposed by one person, confirmed by another.
CREATE TABLE fund.terms (
    region          integer NOT NULL,
    institution     text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('agreement', 'enrolment')),
    version         integer NOT NULL CHECK (version > 0),
    from_day        date,
    type            text,
    level           text,
    agreement_state text CHECK (agreement_state IN ('active', 'suspended', 'ended')),
    agreement_from  date,
    agreement_to    date,
    mode            text CHECK (mode IN ('daily', 'monthly')),
    cycle           text CHECK (cycle IN ('daily', 'second_day', 'weekly')),
    ratio           integer CHECK (ratio BETWEEN 0 AND 10000),
    month_ratio     integer CHECK (month_ratio BETWEEN 0 AND 10000),
    correction      boolean NOT NULL DEFAULT false,
    why             text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT 'proposed'
                    CHECK (state IN ('proposed', 'confirmed', 'stopped', 'refused', 'withdrawn', 'corrected', 'taken_over')),
    proposed_by     text NOT NULL,
    proposed_on     date,
    confirmed_by    text NOT NULL DEFAULT '',
    decided_on      date,
    reason          text NOT NULL DEFAULT '',
    PRIMARY KEY (region, institution, kind, version),
    FOREIGN KEY (region, institution) REFERENCES fund.institution,
    CONSTRAINT terms_kind CHECK (
        kind = 'agreement' AND num_nulls(type, level, agreement_state, agreement_from, agreement_to) = 0
            AND num_nonnulls(from_day, mode, cycle, ratio, month_ratio) = 0 AND type IN ('1', '2', '3') AND agreement_to >= agreement_from
        OR kind = 'enrolment' AND num_nulls(from_day, mode, cycle, ratio, month_ratio) = 0
            AND num_nonnulls(type, level, agreement_state, agreement_from, agreement_to) = 0),
    CONSTRAINT terms_two_persons CHECK (confirmed_by <> proposed_by AND (state IN ('proposed', 'withdrawn', 'stopped')) = (confirmed_by = '')),
    CONSTRAINT terms_stopped CHECK (state <> 'stopped' OR agreement_state IN ('suspended', 'ended')),
    CONSTRAINT terms_refused CHECK (state <> 'refused' OR reason <> ''),
    CONSTRAINT terms_corrected CHECK (NOT correction OR why <> '')
);
CREATE UNIQUE INDEX one_open_terms ON fund.terms (region, institution, kind) WHERE state = 'proposed';

-- What is in force names its version; an institution that nobody confirmed yet is not in force.
ALTER TABLE fund.institution
    DROP CONSTRAINT institution_agreement_state_check,
    ADD CONSTRAINT institution_agreement_state_check CHECK (agreement_state IN ('proposed', 'active', 'suspended', 'ended')),
    ALTER COLUMN agreement_state SET DEFAULT 'proposed',
    ADD COLUMN agreement_version integer NOT NULL DEFAULT 0;
ALTER TABLE fund.enrolment ADD COLUMN version integer;

-- A home of before: what is there was one person's word, and is taken over as what it is.
ALTER TABLE fund.institution DISABLE TRIGGER USER;
ALTER TABLE fund.enrolment DISABLE TRIGGER USER;
UPDATE fund.enrolment e SET to_day = n.next - 1
  FROM (SELECT region, institution, from_day, lead(from_day) OVER (PARTITION BY region, institution ORDER BY from_day) AS next
          FROM fund.enrolment) n
 WHERE (n.region, n.institution, n.from_day) = (e.region, e.institution, e.from_day) AND e.to_day >= n.next;
UPDATE fund.enrolment e SET version = n.version
  FROM (SELECT region, institution, from_day, row_number() OVER (PARTITION BY region, institution ORDER BY from_day) AS version
          FROM fund.enrolment) n
 WHERE (n.region, n.institution, n.from_day) = (e.region, e.institution, e.from_day);
UPDATE fund.institution SET agreement_version = 1;
INSERT INTO fund.terms (region, institution, kind, version, type, level, agreement_state, agreement_from, agreement_to, state, proposed_by, confirmed_by)
SELECT region, institution, 'agreement', 1, type, level, agreement_state, agreement_from, agreement_to, 'taken_over', '', 'system:0.2'
  FROM fund.institution;
-- Where a version was set back to before records that were there, what they were taken in by is not known any more.
INSERT INTO fund.terms (region, institution, kind, version, from_day, mode, cycle, ratio, month_ratio, state, proposed_by, confirmed_by, reason)
SELECT e.region, e.institution, 'enrolment', e.version, e.from_day, e.mode, e.cycle, e.ratio, e.month_ratio, 'taken_over', '', 'system:0.2',
       CASE WHEN EXISTS (SELECT 1 FROM fund.payable p LEFT JOIN fund.record r ON r.region = p.region AND r.setl_id = p.setl_id
                          WHERE p.region = e.region AND p.institution = e.institution AND p.day BETWEEN e.from_day AND e.to_day
                            AND p.subfund = 'pool' AND coalesce(r.init_setl_id, '') = ''
                            AND (p.ratio NOT IN (0, CASE e.mode WHEN 'daily' THEN e.ratio ELSE 0 END)
                                 OR p.ratio = 0 AND e.mode = 'daily' AND e.ratio <> 0
                                    AND r.med_type IN ('21', '22', '23', '24', '25', '26', '27', '28', '52')))
            THEN '接管时已有按其他比例计的记录' ELSE '' END
  FROM fund.enrolment e;
ALTER TABLE fund.enrolment ALTER COLUMN version SET NOT NULL;
ALTER TABLE fund.institution ENABLE TRIGGER USER;
ALTER TABLE fund.enrolment ENABLE TRIGGER USER;
