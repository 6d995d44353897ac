-- What taking records in asks the region, at once: one question instead of four, because requests come in small batches
-- and every question costs them as much as a record.

-- Whether the transaction's user may bring records into the region; if so, whether the region maps fund_pay_types of its own,
-- how the institutions named are enrolled (newest first; one with an agreement but no enrolment has nulls) and which of
-- their 期号 named are settled.
CREATE FUNCTION fund.intake_context(p_region integer, p_institutions text[], p_terms integer[],
    OUT allowed boolean, OUT mapped boolean, OUT enrolments json, OUT settled json)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    allowed := access.has_role(p_region, 0::smallint, access.user_name(), '{intake,system,maker}');
    IF NOT allowed THEN
        RETURN;
    END IF;
    mapped := EXISTS (SELECT 1 FROM fund.layer_map WHERE region = p_region);
    enrolments := (SELECT json_agg(json_build_array(i.institution, e.from_day, e.to_day, e.mode, e.ratio)
                                   ORDER BY i.institution, e.from_day DESC)
                     FROM fund.institution i
                     LEFT JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution
                    WHERE i.region = p_region AND i.institution = ANY (p_institutions));
    settled := (SELECT json_agg(json_build_array(s.fund, s.institution, s.term)) FROM fund.settled_term s
                 WHERE s.region = p_region AND s.institution = ANY (p_institutions) AND s.term = ANY (p_terms));
END $$;

REVOKE EXECUTE ON FUNCTION fund.intake_context FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fund.intake_context TO fundledger_service;
