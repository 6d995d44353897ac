-- Taking records in: what the region is asked, at once, because requests come in small batches and every question costs them
-- as much as a record; and the shape in which a record is brought.

-- Whether the transaction's user may bring records into the region; if so, whether the region maps fund_pay_types of its own,
-- which of the institutions it has no agreement with, where and when by what ratio it pays daily (arts. 3, 9; three arrays as
-- text, which only the statement that stores the records reads), and which of the 期号 are settled. Institutions and days are
-- pairs, as the records have them. Of several enrolments the newest that covers the day decides.
CREATE FUNCTION fund.intake_context(p_region integer, p_institutions text[], p_days date[], p_terms integer[],
    OUT allowed boolean, OUT mapped boolean, OUT unknown text[], OUT institutions text, OUT days text, OUT ratios text, OUT settled json)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    allowed := access.has_role(p_region, 0::smallint, access.user_name(), '{intake,system,maker}');
    IF NOT allowed THEN
        RETURN;
    END IF;
    mapped := EXISTS (SELECT 1 FROM fund.layer_map WHERE region = p_region);
    unknown := ARRAY(SELECT unnest(p_institutions) EXCEPT SELECT institution FROM fund.institution WHERE region = p_region);
    SELECT coalesce(array_agg(e.institution), '{}'), coalesce(array_agg(e.day), '{}'), coalesce(array_agg(e.ratio), '{}')
      INTO institutions, days, ratios
      FROM (SELECT DISTINCT ON (a.institution, a.day) a.institution, a.day, f.mode, f.ratio
              FROM unnest(p_institutions, p_days) AS a (institution, day)
              JOIN fund.enrolment f ON f.region = p_region AND f.institution = a.institution AND a.day BETWEEN f.from_day AND f.to_day
             ORDER BY a.institution, a.day, f.from_day DESC) e
     WHERE e.mode = 'daily';
    settled := (SELECT json_agg(json_build_array(s.fund, s.institution, s.term)) FROM fund.settled_term s
                 WHERE s.region = p_region AND s.institution = ANY (p_institutions) AND s.term = ANY (p_terms));
END $$;

-- Whether the transaction's user may bring records in anywhere.
CREATE FUNCTION fund.may_bring_in() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM access.regions_of(access.user_name()) AS r (region)
                    WHERE access.has_role(r.region, 0::smallint, access.user_name(), '{intake,system,maker}'))
$$;

REVOKE EXECUTE ON FUNCTION fund.intake_context, fund.may_bring_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fund.intake_context, fund.may_bring_in TO fundledger_service;

-- A record as intake brings it: its line in the load, what its payables are made of, its split (a row of fund.bill_layer, ''
-- where nobody else pays), and the columns of fund.record that are its own, in their order: these last, because PostgreSQL
-- reads a row from the left. A reversal has its original's service year and money, so its own are not asked.
DO $$
BEGIN
    EXECUTE format('CREATE TYPE fund.taken_line AS (line bigint, book smallint, service_year smallint, term integer, category text,
        inpatient boolean, day date, pooled_fen bigint, account_fen bigint, split text, %s)',
        (SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) FROM pg_attribute
          WHERE attrelid = 'fund.record'::regclass AND attnum > 0 AND attname NOT IN ('load_id', 'line')));
END $$;
