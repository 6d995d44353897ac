-- The counts of a load are the proof of a file's sums, and a run's list of what it could not order says who waits for money:
-- neither is rewritten past the program (tests/control/test_loads_and_runs.py).

-- A load is begun empty, under one's own name. Anybody of these posts goes on with it: a file cut off is loaded to its end by who
-- is there. One's own load, which requests count in, is not asked about again: its every row was let in by row security.
CREATE TRIGGER writer BEFORE INSERT ON fund.intake_load FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND (NEW.loaded_by IS DISTINCT FROM access.user_name() OR NOT fund.may_bring_in()))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE TRIGGER writer_of_changes BEFORE UPDATE ON fund.intake_load FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NEW.loaded_by IS DISTINCT FROM access.user_name() AND NOT fund.may_bring_in())
    EXECUTE FUNCTION fund.refuse_writer();

CREATE FUNCTION fund.refuse_load() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.complete THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'intake.load_closed',
            DETAIL = format('文件%s已全部接入（第%s次接入），其计数不得更改', OLD.file_name, OLD.load_id);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'intake.load_counts',
        DETAIL = format('文件%s（第%s次接入）的计数由零起、只增不减，金额随所接受的笔数而变，合计不超过已读的行数',
                        NEW.file_name, NEW.load_id);
END $$;
CREATE TRIGGER empty BEFORE INSERT ON fund.intake_load FOR EACH ROW
    WHEN (NEW.complete OR (NEW.lines_done, NEW.bytes_done, NEW.accepted, NEW.duplicate, NEW.quarantined, NEW.accepted_fen, NEW.payable_fen)
                          <> (0, 0, 0, 0, 0, 0, 0))
    EXECUTE FUNCTION fund.refuse_load();
CREATE TRIGGER counts BEFORE UPDATE ON fund.intake_load FOR EACH ROW
    WHEN (OLD.complete OR NEW.lines_done < OLD.lines_done OR NEW.bytes_done < OLD.bytes_done OR NEW.accepted < OLD.accepted
          OR NEW.duplicate < OLD.duplicate OR NEW.quarantined < OLD.quarantined
          OR NEW.accepted + NEW.duplicate + NEW.quarantined > NEW.lines_done
          OR NEW.accepted = OLD.accepted AND (NEW.accepted_fen <> OLD.accepted_fen OR NEW.payable_fen <> OLD.payable_fen))
    EXECUTE FUNCTION fund.refuse_load();

-- A load is complete when its records are there, of whatever region: the owner counts, whose rows are not a user's. Of a file
-- every line that was refused is kept too; a request (its load has no bytes of its own) that is refused again is kept once.
CREATE FUNCTION fund.prove_load() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE v_count bigint; v_fen bigint; v_kept bigint := NEW.quarantined;
BEGIN
    SELECT count(*), coalesce(sum(medfee_sumamt), 0) INTO v_count, v_fen FROM fund.record WHERE load_id = NEW.load_id;
    IF NEW.bytes > 0 THEN
        v_kept := (SELECT count(*) FROM fund.quarantine WHERE load_id = NEW.load_id);
    END IF;
    IF (v_count, v_fen, v_kept) <> (NEW.accepted, NEW.accepted_fen, NEW.quarantined) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'intake.sums',
            DETAIL = format('文件%s（第%s次接入）入库%s笔%s分、隔离%s笔与计数%s笔%s分、隔离%s笔不符，请勿继续', NEW.file_name,
                            NEW.load_id, v_count, v_fen, v_kept, NEW.accepted, NEW.accepted_fen, NEW.quarantined);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prove BEFORE UPDATE ON fund.intake_load FOR EACH ROW WHEN (NEW.complete AND NOT OLD.complete)
    EXECUTE FUNCTION fund.prove_load();

-- A run and its list are written once, by who drafts, together: as many rows as the run says, and not one later.
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.daily_run
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.blocked
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER writer BEFORE INSERT ON payments.daily_run FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND (NEW.made_by IS DISTINCT FROM access.user_name()
          OR NOT access.has_role(NEW.region, NEW.fund, access.user_name(), '{maker,system}')))
    EXECUTE FUNCTION fund.refuse_writer();

CREATE FUNCTION payments.check_blocked() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_day date;
BEGIN
    SELECT r.pay_date INTO v_day FROM payments.daily_run r
      JOIN payments.blocked b ON (b.region, b.fund, b.pay_date, b.run) = (r.region, r.fund, r.pay_date, r.run)
     WHERE (r.region, r.fund, r.pay_date, r.run) IN (SELECT region, fund, pay_date, run FROM added)
     GROUP BY r.region, r.fund, r.pay_date, r.run
    HAVING (count(*), sum(b.amount_fen)) <> (r.blocked, r.blocked_fen);
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'daily.blocked_list',
            DETAIL = format('%s日拨付的未拨付清单与该次运行所记的家数或金额不符', v_day);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_blocked AFTER INSERT ON payments.blocked REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_blocked();
