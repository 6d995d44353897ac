-- The internal-control report of art. 29, kept as it was signed; and as it was last drawn up, to be looked at.

-- Tables ------------------------------------------------------
-- The control report of a month (art. 29) as the reviewer signed it: the content shown, its digest, once a month.
CREATE TABLE fund.control_report (
    region    integer NOT NULL REFERENCES fund.region,
    month     integer NOT NULL CHECK (month % 100 BETWEEN 1 AND 12),
    seed      text NOT NULL CHECK (seed <> ''),
    content   text NOT NULL,
    digest    bytea NOT NULL CHECK (length(digest) = 32),
    signed_by text NOT NULL,
    signed_on date NOT NULL CHECK (isfinite(signed_on)),
    PRIMARY KEY (region, month)
);

-- The control report of a month as it was last drawn up, unsigned, and when: a page shows this one and never works it out itself.
CREATE TABLE fund.control_draft (
    region      integer NOT NULL REFERENCES fund.region,
    month       integer NOT NULL CHECK (month % 100 BETWEEN 1 AND 12),
    seed        text NOT NULL CHECK (seed <> ''),
    cases       integer NOT NULL CHECK (cases BETWEEN 1 AND 2000),
    content     text NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    ways_digest bytea NOT NULL CHECK (length(ways_digest) = 32),    -- of the rows of fund.control_way
    blocks      jsonb NOT NULL CHECK (jsonb_typeof(blocks) = 'object'),     -- fund: the last block known and its hash
    drawn_by    text NOT NULL,
    drawn_at    timestamptz NOT NULL,
    PRIMARY KEY (region, month)
);

-- Business, finance and bank of that moment: an institution's day a row.
CREATE TABLE fund.control_way (
    region       integer NOT NULL,
    month        integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    day          date NOT NULL,
    parts        bigint NOT NULL,
    business_fen bigint NOT NULL,
    finance_fen  bigint NOT NULL,
    ordered_fen  bigint NOT NULL,
    told_fen     bigint NOT NULL,
    paid_fen     bigint NOT NULL,
    PRIMARY KEY (region, month, fund, institution, day),
    FOREIGN KEY (region, month) REFERENCES fund.control_draft,
    CHECK (date_part('year', day) * 100 + date_part('month', day) = month)
);

-- The same by institution, the month's days added up: a page of all of them reads no more for a longer month.
CREATE TABLE fund.control_sum (
    region       integer NOT NULL,
    month        integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    institution  text NOT NULL,
    parts        bigint NOT NULL,
    business_fen bigint NOT NULL,
    finance_fen  bigint NOT NULL,
    ordered_fen  bigint NOT NULL,
    told_fen     bigint NOT NULL,
    paid_fen     bigint NOT NULL,
    PRIMARY KEY (region, month, fund, institution),
    FOREIGN KEY (region, month) REFERENCES fund.control_draft
);

-- Functions ---------------------------------------------------
-- Signed by a reviewer in their own name, exactly what the digest says, after the month; nobody else, and never a second time.
CREATE OR REPLACE FUNCTION fund.check_control_report() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(NEW.region, 390::smallint, '{reviewer}');   -- of both funds: the report is
    IF access.require_role(NEW.region, 310::smallint, '{reviewer}') <> NEW.signed_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'control.signer',
            DETAIL = format('内控报告由内控稽核岗以本人名义签署，不能以%s名义', NEW.signed_by);
    END IF;
    IF NEW.digest <> sha256(convert_to(NEW.content, 'UTF8'))
       OR NEW.signed_on < make_date(NEW.month / 100, NEW.month % 100, 1) + interval '1 month' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'control.content',
            DETAIL = format('%s的内控报告与其摘要不符，或签署日早于月末', NEW.month);
    END IF;
    -- the business date is the caller's: this is the outer bound of every day named by hand
    IF NEW.signed_on > books.outer_day(NEW.region, 390::smallint) AND NEW.signed_on > books.outer_day(NEW.region, 310::smallint) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'control.future',
            DETAIL = format('签署日%s晚于业务日期，签署日应为今天或以前', NEW.signed_on);
    END IF;
    RETURN NEW;
END $$;

-- Whether a text is a JSON object: what `verify` reads must be readable, whoever wrote it.
CREATE OR REPLACE FUNCTION fund.is_object(p_text text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(jsonb_typeof(p_text::jsonb) = 'object', false);
EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
    RETURN false;
END $$;

-- Drawn up in one's own name by who keeps or reviews the books of both funds, from chains that are here; when, the database says.
CREATE OR REPLACE FUNCTION fund.check_control_draft() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(NEW.region, 390::smallint, '{reviewer,accountant,chief,system}');
    IF access.require_role(NEW.region, 310::smallint, '{reviewer,accountant,chief,system}') <> NEW.drawn_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'control.drawer',
            DETAIL = format('内控报告由编制人以本人名义编制，不能以%s名义', NEW.drawn_by);
    END IF;
    IF NEW.digest <> sha256(convert_to(NEW.content, 'UTF8')) OR NOT fund.is_object(NEW.content)
       OR (SELECT count(*) FROM jsonb_object_keys(NEW.blocks)) <> (SELECT count(*) FROM books.book b WHERE b.region = NEW.region) OR EXISTS (
        SELECT 1 FROM books.book b
         WHERE b.region = NEW.region AND NOT EXISTS (
            SELECT 1 FROM jsonb_to_record(NEW.blocks -> b.fund::text) AS k (block bigint, hash text)
             WHERE k.block = 0 OR EXISTS (SELECT 1 FROM books.block c WHERE c.region = b.region AND c.fund = b.fund
                                             AND c.block = k.block AND encode(c.hash, 'hex') = k.hash))) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'control.drawn_from',
            DETAIL = format('%s所编制的内控报告与其摘要不符，或所依据的账链不是本库的', NEW.month);
    END IF;
    NEW.drawn_at := clock_timestamp();
    RETURN NEW;
END $$;

-- The rows of a draft as one text, digested: what `ways_digest` says and `verify` asks again.
CREATE OR REPLACE FUNCTION fund.control_ways_digest(p_region integer, p_month integer) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT sha256(convert_to(coalesce(string_agg(concat_ws('|', w.fund, w.institution, w.day, w.parts, w.business_fen, w.finance_fen,
                                                           w.ordered_fen, w.told_fen, w.paid_fen), E'\n'
                                                 ORDER BY w.fund, w.institution COLLATE "C", w.day), ''), 'UTF8'))
      FROM fund.control_way w WHERE w.region = p_region AND w.month = p_month
$$;

-- What was drawn up goes whole, with the report it was drawn up for, and never by itself.
CREATE OR REPLACE FUNCTION fund.drop_drawn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM fund.control_sum s WHERE s.region = OLD.region AND s.month = OLD.month;
    DELETE FROM fund.control_way w WHERE w.region = OLD.region AND w.month = OLD.month;
    RETURN OLD;
END $$;

-- Triggers ----------------------------------------------------
CREATE OR REPLACE TRIGGER dropped BEFORE DELETE ON fund.control_draft
    FOR EACH ROW EXECUTE FUNCTION fund.drop_drawn();
CREATE OR REPLACE TRIGGER signed BEFORE INSERT ON fund.control_report
    FOR EACH ROW EXECUTE FUNCTION fund.check_control_report();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.control_report
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER drawn BEFORE INSERT ON fund.control_draft
    FOR EACH ROW EXECUTE FUNCTION fund.check_control_draft();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR TRUNCATE ON fund.control_draft
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR TRUNCATE ON fund.control_way
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR TRUNCATE ON fund.control_sum
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.control_report TO fundledger_service;
GRANT SELECT ON fund.control_report TO fundledger_auditor;
GRANT SELECT, DELETE ON fund.control_draft TO fundledger_service;
GRANT INSERT (region, month, seed, cases, content, digest, ways_digest, blocks, drawn_by) ON fund.control_draft TO fundledger_service;
GRANT SELECT, INSERT ON fund.control_way, fund.control_sum TO fundledger_service;
GRANT SELECT ON fund.control_draft, fund.control_way, fund.control_sum TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.is_object(text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.control_ways_digest(integer,integer) TO fundledger_service, fundledger_auditor;
