-- Names and texts that are to stand in an order and a bank's file: what ledger/core/text.py refuses, refused here whichever
-- way they come (raw SQL, COPY). Guards, not constraints: a name from before stays and is seen; it only never comes in anew.

-- Functions ---------------------------------------------------
-- The first thing wrong with a name, in words, its place counted from 1; NULL where nothing is. As ledger.core.text.flaw.
CREATE OR REPLACE FUNCTION fund.text_flaw(p_text text, p_field text, p_longest integer) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_found text := substring(p_text FROM '[\u0001-\u001F\u005C\u007C\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890-\u0891\u08E2'
        '\u115F-\u1160\u1680\u17B4-\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000'
        '\u3164\uD800-\uF8FF\uFDD0-\uFDEF\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFF\U000110BD\U000110CD'
        '\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U0001FFFE-\U0001FFFF'
        '\U0002FFFE-\U0002FFFF\U0003FFFE-\U0003FFFF\U0004FFFE-\U0004FFFF\U0005FFFE-\U0005FFFF'
        '\U0006FFFE-\U0006FFFF\U0007FFFE-\U0007FFFF\U0008FFFE-\U0008FFFF\U0009FFFE-\U0009FFFF'
        '\U000AFFFE-\U000AFFFF\U000BFFFE-\U000BFFFF\U000CFFFE-\U000CFFFF\U000DFFFE-\U000E0FFF'
        '\U000EFFFE-\U0010FFFF]');
BEGIN
    IF p_text = '' THEN
        RETURN p_field || '不能为空';
    ELSIF v_found IS NOT NULL THEN
        RETURN format('%s第%s个字符U+%s不能写入付款文件', p_field, strpos(p_text, v_found),
                      upper(lpad(to_hex(ascii(v_found)), greatest(4, length(to_hex(ascii(v_found)))), '0')));
    ELSIF p_text <> btrim(p_text, ' ') THEN
        RETURN p_field || '首尾不能有空格';
    ELSIF length(p_text) > p_longest THEN
        RETURN format('%s有%s个字符，超过%s个', p_field, length(p_text), p_longest);
    END IF;
    RETURN NULL;
END $$;

-- Guard of the columns named in its arguments, each followed by what people call it. A row from before may change otherwise.
CREATE OR REPLACE FUNCTION fund.check_bearable() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_new jsonb := to_jsonb(NEW); v_old jsonb; v_flaw text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        v_old := to_jsonb(OLD);
    END IF;
    FOR i IN 0 .. TG_NARGS - 2 BY 2 LOOP
        CONTINUE WHEN v_old ->> TG_ARGV[i] = v_new ->> TG_ARGV[i] OR v_new ->> TG_ARGV[i] ~ '^~[0-9a-f]{8}[.][A-Za-z0-9_-]{22,}~$';   -- sealed: looked at before
        v_flaw := fund.text_flaw(v_new ->> TG_ARGV[i], TG_ARGV[i + 1], 140);
        IF v_flaw IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'text.unbearable', DETAIL = v_flaw;
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- Fen as people read them, in yuan: 123456789 is 1,234,567.89. As ledger.core.money.yuan_grouped.
CREATE OR REPLACE FUNCTION fund.yuan(p_fen numeric) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(p_fen / 100, 'FM999,999,999,999,999,999,990.00')
$$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT OR UPDATE OF name ON fund.institution
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('name', '机构名称');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT ON fund.terms
    FOR EACH ROW WHEN (NEW.state = 'proposed' AND NEW.kind = 'agreement') EXECUTE FUNCTION fund.check_bearable('name', '机构名称');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT ON fund.payee_account
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('name', '收款户名', 'bank_name', '开户行');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT OR UPDATE OF name, bank_name ON payments.bank_account
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('name', '自有账户户名', 'bank_name', '开户行');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT ON fund.person_payment
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('payee_name', '收款户名', 'payee_bank', '开户行', 'document', '文号', 'psn_no', '人员编号');
CREATE OR REPLACE TRIGGER bearable BEFORE UPDATE ON fund.person_account
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('payee_name', '收款户名', 'payee_bank', '开户行', 'document', '依据');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT ON fund.outregion_counterparty
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('name', '对方名称', 'payee_name', '收款户名', 'payee_bank', '开户行');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT ON fund.advance
    FOR EACH ROW WHEN (NEW.kind = 'supplier') EXECUTE FUNCTION fund.check_bearable('payee_name', '收款户名', 'payee_bank', '开户行');
CREATE OR REPLACE TRIGGER bearable BEFORE INSERT ON payments.pay_order
    FOR EACH ROW EXECUTE FUNCTION fund.check_bearable('payee_name', '收款户名', 'payee_bank', '开户行', 'purpose', '摘要');

-- Grants ------------------------------------------------------
GRANT EXECUTE ON FUNCTION fund.yuan(numeric) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.text_flaw(text,text,integer) TO fundledger_service, fundledger_auditor, fundledger_poster;
