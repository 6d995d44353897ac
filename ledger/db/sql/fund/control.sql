-- The internal-control report of art. 29, kept as it was signed.

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

-- Triggers ----------------------------------------------------
CREATE OR REPLACE TRIGGER signed BEFORE INSERT ON fund.control_report
    FOR EACH ROW EXECUTE FUNCTION fund.check_control_report();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.control_report
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.control_report TO fundledger_service;
GRANT SELECT ON fund.control_report TO fundledger_auditor;
