-- What an institution is called, by the version of its agreement. NULL: a version of before, when a name was one person's word.
ALTER TABLE fund.terms
    ADD COLUMN name text CHECK (name <> '' AND translate(name, E'|\\\n\r', '') = name),
    DROP CONSTRAINT terms_kind,
    ADD CONSTRAINT terms_kind CHECK (
        kind = 'agreement' AND num_nulls(type, level, agreement_state, agreement_from, agreement_to) = 0
            AND num_nonnulls(from_day, mode, cycle, ratio, month_ratio) = 0 AND type IN ('1', '2', '3') AND agreement_to >= agreement_from
        OR kind = 'enrolment' AND num_nulls(from_day, mode, cycle, ratio, month_ratio) = 0
            AND num_nonnulls(name, type, level, agreement_state, agreement_from, agreement_to) = 0);
