-- Searching the journal: what is known of its words and amounts, made after posting and from the entries alone.

-- Tables ------------------------------------------------------
-- What the search knows of the journal: runs of entries without gap from the first, made after they were posted, so that posting
-- pays nothing. What was posted since the last run is read from the journal itself. Derived: made anew from the entries at any time.
CREATE TABLE books.search_run (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    run       integer NOT NULL CHECK (run > 0),
    first_seq bigint NOT NULL,
    last_seq  bigint NOT NULL CHECK (last_seq >= first_seq),
    periods   integer[] NOT NULL,
    PRIMARY KEY (region, fund, run),
    UNIQUE (region, fund, first_seq),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Pages of a run's entries of one month: their summaries, a line an entry, where each is (from the run's first), and the grams of
-- the summaries and signers: an inverted index over pages leads to the few pages that can hold what is asked for.
CREATE TABLE books.search_text (
    region integer NOT NULL,
    fund   smallint NOT NULL,
    period integer NOT NULL,
    run    integer NOT NULL,
    page   integer NOT NULL,
    offs   integer[] NOT NULL,
    words  text NOT NULL,
    grams  integer[] NOT NULL,
    papers integer[] NOT NULL,           -- the grams of evidence and source keys: the text itself is read in the journal
    PRIMARY KEY (region, fund, period, run, page),
    FOREIGN KEY (region, fund, run) REFERENCES books.search_run
);
CREATE INDEX search_grams ON books.search_text USING gin (grams);
CREATE INDEX search_papers ON books.search_text USING gin (papers);

-- The amounts of a run's entries of one month in ascending order, cut into pages: one amount or a range is a stretch of them.
CREATE TABLE books.search_amount (
    region integer NOT NULL,
    fund   smallint NOT NULL,
    period integer NOT NULL,
    run    integer NOT NULL,
    most   bigint NOT NULL,
    page   integer NOT NULL,
    least  bigint NOT NULL,
    fens   bigint[] NOT NULL,
    offs   integer[] NOT NULL,
    PRIMARY KEY (region, fund, period, run, most, page),
    FOREIGN KEY (region, fund, run) REFERENCES books.search_run
);

-- Functions ---------------------------------------------------
-- The grams of a text: two characters that stand together, or three where all are ASCII (of digits two say little).
-- Whatever part of the text is asked for has no other grams than the text.
CREATE OR REPLACE FUNCTION books.grams(p_text text) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    WITH code AS MATERIALIZED (SELECT array_agg(ascii(c)) AS a FROM unnest(string_to_array(p_text, NULL)) AS t (c))
    SELECT coalesce(array_agg(DISTINCT g.gram) FILTER (WHERE g.gram IS NOT NULL), '{}')
      FROM code CROSS JOIN LATERAL (
        SELECT CASE WHEN a[i] < 128 AND a[i + 1] < 128
                    THEN CASE WHEN a[i + 2] < 128 AND a[i] <> 10 AND a[i + 1] <> 10 AND a[i + 2] <> 10
                              THEN (a[i] * 128 + a[i + 1]) * 128 + a[i + 2] END
                    WHEN a[i] <> 10 AND a[i + 1] <> 10 THEN ((a[i]::bigint * 1000003 + a[i + 1]) & 2147483647)::integer END AS gram
          FROM generate_series(1, cardinality(a) - 1) AS s (i)) g
$$;

-- A signer as a gram.
CREATE OR REPLACE FUNCTION books.signer_gram(p_user text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT ('x' || substr(md5(p_user), 1, 7))::bit(28)::integer
$$;

-- Takes up to 50,000 entries that the search does not know yet, if there are at least `p_least`; returns how many it took.
CREATE OR REPLACE FUNCTION books.index_entries(p_region integer, p_fund smallint, p_least integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET jit = off AS $$
DECLARE v_run integer; v_from bigint; v_to bigint; v_period integer; v_periods integer[];
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{system,accountant}');
    PERFORM pg_advisory_xact_lock(hashtext('books.index_entries'), p_region # p_fund);
    SELECT coalesce(max(r.run), 0) + 1, coalesce(max(r.last_seq), 0) + 1 INTO v_run, v_from
      FROM books.search_run r WHERE r.region = p_region AND r.fund = p_fund;
    SELECT least(h.seq, v_from + 49999) INTO v_to FROM books.head h WHERE h.region = p_region AND h.fund = p_fund;
    IF v_to IS NULL OR v_to - v_from + 1 < greatest(p_least, 1) THEN
        RETURN 0;
    END IF;
    SELECT array_agg(DISTINCT b.period ORDER BY b.period) INTO v_periods FROM books.block b
     WHERE b.region = p_region AND b.fund = p_fund AND b.last_seq >= v_from AND b.first_seq <= v_to;
    INSERT INTO books.search_run VALUES (p_region, p_fund, v_run, v_from, v_to, v_periods);
    FOREACH v_period IN ARRAY v_periods LOOP
        INSERT INTO books.search_text (region, fund, period, run, page, offs, words, grams, papers)
        SELECT p_region, p_fund, v_period, v_run, p.page, p.offs, p.words,
               books.grams(p.apart) || ARRAY(SELECT DISTINCT books.signer_gram(s.name) FROM unnest(p.signers) AS s (name) ORDER BY 1),
               books.grams(p.papers)
          FROM (SELECT n.page, array_agg(n.off ORDER BY n.off) AS offs, string_agg(n.summary, E'\n' ORDER BY n.off) AS words,
                       string_agg(DISTINCT n.summary, E'\n') AS apart,
                       string_agg(concat_ws(E'\n', n.source_key, nullif(n.evidence, n.source_key)), E'\n') AS papers,
                       array_agg(DISTINCT n.prepared_by) || array_agg(DISTINCT n.reviewed_by) AS signers
                  FROM (SELECT (e.seq - v_from)::integer AS off, e.summary, e.evidence, e.source_key, e.prepared_by, e.reviewed_by,
                               ((row_number() OVER (ORDER BY e.seq) - 1) / 100)::integer AS page
                          FROM books.entry e
                         WHERE e.region = p_region AND e.fund = p_fund AND e.period = v_period AND e.seq BETWEEN v_from AND v_to) n
                 GROUP BY n.page) p;
        INSERT INTO books.search_amount (region, fund, period, run, most, page, least, fens, offs)
        SELECT p_region, p_fund, v_period, v_run, max(n.fen), n.page, min(n.fen), array_agg(n.fen ORDER BY n.fen, n.off), array_agg(n.off ORDER BY n.fen, n.off)
          FROM (SELECT d.off, d.fen, ((row_number() OVER (ORDER BY d.fen, d.off) - 1) / 120)::integer AS page
                  FROM (SELECT DISTINCT (e.seq - v_from)::integer AS off, abs(unnest(e.amounts)) AS fen
                          FROM books.entry e
                         WHERE e.region = p_region AND e.fund = p_fund AND e.period = v_period AND e.seq BETWEEN v_from AND v_to) d) n
         GROUP BY n.page;
    END LOOP;
    RETURN v_to - v_from + 1;
END $$;

-- Forgets what the search knows of a book, to be made anew.
CREATE OR REPLACE FUNCTION books.forget_search(p_region integer, p_fund smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{system,accountant}');
    PERFORM pg_advisory_xact_lock(hashtext('books.index_entries'), p_region # p_fund);
    DELETE FROM books.search_text WHERE region = p_region AND fund = p_fund;
    DELETE FROM books.search_amount WHERE region = p_region AND fund = p_fund;
    DELETE FROM books.search_run WHERE region = p_region AND fund = p_fund;
END $$;

-- Whether the transaction's user may look into a book: what the row security of its tables says, for the functions that read past it.
CREATE OR REPLACE FUNCTION books.may_search(p_region integer, p_fund smallint) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(p_region = access.region() AND p_fund = ANY (access.funds()), false)
$$;

-- The newest entries the search knows whose summary has the words (empty: any) and that the signer signed (empty: anybody),
-- of months p_first to p_last, at most p_many.
CREATE OR REPLACE FUNCTION books.found_by_words(p_region integer, p_fund smallint, p_words text, p_signer text, p_first integer, p_last integer,
                                     p_many integer) RETURNS TABLE (period integer, seq bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE v_grams integer[] := books.grams(p_words); v_page record; v_lines text[]; v_asked text; i integer; v_found integer := 0;
BEGIN
    IF NOT books.may_search(p_region, p_fund) THEN
        RETURN;
    END IF;
    IF p_signer <> '' THEN
        v_grams := v_grams || books.signer_gram(p_signer);
    END IF;
    v_asked := CASE WHEN cardinality(v_grams) > 0 THEN 'AND t.grams @> $5' ELSE '' END;
    FOR v_page IN EXECUTE format(
        'SELECT t.period, r.first_seq, t.offs, t.words
           FROM (SELECT * FROM books.search_text t
                  WHERE t.region = $1 AND t.fund = $2 AND t.period BETWEEN $3 AND $4 %s
                  ORDER BY t.period DESC, t.run DESC, t.page DESC) t
           JOIN books.search_run r ON r.region = $1 AND r.fund = $2 AND r.run = t.run
          ORDER BY t.period DESC, t.run DESC, t.page DESC', v_asked)
        USING p_region, p_fund, p_first, p_last, v_grams
    LOOP
        CONTINUE WHEN p_words <> '' AND strpos(v_page.words, p_words) = 0;
        v_lines := string_to_array(v_page.words, E'\n');
        FOR i IN REVERSE cardinality(v_lines) .. 1 LOOP
            IF p_words = '' OR strpos(v_lines[i], p_words) > 0 THEN
                period := v_page.period;
                seq := v_page.first_seq + v_page.offs[i];
                RETURN NEXT;
                v_found := v_found + 1;
                IF v_found >= p_many THEN
                    RETURN;
                END IF;
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- The newest entries the search knows whose evidence or source key has a text, of months p_first to p_last, at most p_many.
CREATE OR REPLACE FUNCTION books.found_by_paper(p_region integer, p_fund smallint, p_paper text, p_first integer, p_last integer, p_many integer)
RETURNS TABLE (period integer, seq bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE v_grams integer[] := books.grams(p_paper); v_page record; v_found integer := 0; v_rows integer;
BEGIN
    IF NOT books.may_search(p_region, p_fund) THEN
        RETURN;
    END IF;
    FOR v_page IN EXECUTE format(
        'SELECT t.period, r.first_seq + t.offs[1] AS low, r.first_seq + t.offs[cardinality(t.offs)] AS high
           FROM (SELECT * FROM books.search_text t
                  WHERE t.region = $1 AND t.fund = $2 AND t.period BETWEEN $3 AND $4 %s
                  ORDER BY t.period DESC, t.run DESC, t.page DESC) t
           JOIN books.search_run r ON r.region = $1 AND r.fund = $2 AND r.run = t.run
          ORDER BY t.period DESC, t.run DESC, t.page DESC', CASE WHEN cardinality(v_grams) > 0 THEN 'AND t.papers @> $5' ELSE '' END)
        USING p_region, p_fund, p_first, p_last, v_grams
    LOOP
        RETURN QUERY
        SELECT e.period, e.seq FROM books.entry e
         WHERE e.region = p_region AND e.fund = p_fund AND e.period = v_page.period AND e.seq BETWEEN v_page.low AND v_page.high
           AND (strpos(e.evidence, p_paper) > 0 OR strpos(e.source_key, p_paper) > 0)
         ORDER BY e.seq DESC LIMIT p_many - v_found;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_found := v_found + v_rows;
        EXIT WHEN v_found >= p_many;
    END LOOP;
END $$;

-- The newest entries the search knows with a line of p_least to p_most fen, whatever its sign, of months p_first to p_last,
-- at most p_many.
CREATE OR REPLACE FUNCTION books.found_by_amount(p_region integer, p_fund smallint, p_least bigint, p_most bigint, p_first integer, p_last integer,
                                      p_many integer) RETURNS TABLE (period integer, seq bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE v_run record; v_found integer := 0; v_beyond bigint; v_rows integer;
BEGIN
    IF NOT books.may_search(p_region, p_fund) THEN
        RETURN;
    END IF;
    FOR v_run IN
        SELECT m.month, r.run, r.first_seq FROM books.search_run r CROSS JOIN LATERAL unnest(r.periods) AS m (month)
         WHERE r.region = p_region AND r.fund = p_fund AND m.month BETWEEN p_first AND p_last
         ORDER BY m.month DESC, r.run DESC
    LOOP
        -- pages follow one another: those that end in the range, and the one that ends beyond it
        SELECT t.most INTO v_beyond FROM books.search_amount t
         WHERE t.region = p_region AND t.fund = p_fund AND t.period = v_run.month AND t.run = v_run.run AND t.most > p_most
         ORDER BY t.most LIMIT 1;
        RETURN QUERY
        SELECT v_run.month, v_run.first_seq + f.off
          FROM (SELECT DISTINCT u.off
                  FROM books.search_amount t CROSS JOIN LATERAL unnest(t.fens, t.offs) AS u (fen, off)
                 WHERE t.region = p_region AND t.fund = p_fund AND t.period = v_run.month AND t.run = v_run.run
                   AND t.most BETWEEN p_least AND coalesce(v_beyond, 9223372036854775807) AND u.fen BETWEEN p_least AND p_most) f
         ORDER BY f.off DESC LIMIT p_many - v_found;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_found := v_found + v_rows;
        EXIT WHEN v_found >= p_many;
    END LOOP;
END $$;

-- Grants ------------------------------------------------------
GRANT EXECUTE ON FUNCTION access.region() TO fundledger_poster;
GRANT EXECUTE ON FUNCTION access.funds() TO fundledger_poster;
GRANT SELECT, INSERT, DELETE ON books.search_run TO fundledger_poster;
GRANT SELECT ON books.search_run TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, DELETE ON books.search_text TO fundledger_poster;
GRANT SELECT ON books.search_text TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, DELETE ON books.search_amount TO fundledger_poster;
GRANT SELECT ON books.search_amount TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.found_by_amount(integer,smallint,bigint,bigint,integer,integer,integer) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.found_by_amount(integer,smallint,bigint,bigint,integer,integer,integer) TO fundledger_service;
ALTER FUNCTION books.found_by_paper(integer,smallint,text,integer,integer,integer) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.found_by_paper(integer,smallint,text,integer,integer,integer) TO fundledger_service;
ALTER FUNCTION books.found_by_words(integer,smallint,text,text,integer,integer,integer) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.found_by_words(integer,smallint,text,text,integer,integer,integer) TO fundledger_service;
ALTER FUNCTION books.forget_search(integer,smallint) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.forget_search(integer,smallint) TO fundledger_service;
ALTER FUNCTION books.grams(text) OWNER TO fundledger_poster;
ALTER FUNCTION books.index_entries(integer,smallint,integer) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.index_entries(integer,smallint,integer) TO fundledger_service;
ALTER FUNCTION books.may_search(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.signer_gram(text) OWNER TO fundledger_poster;

-- Triggers ----------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.search_run
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.search_run
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.search_text
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.search_text
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.search_amount
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.search_amount
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
