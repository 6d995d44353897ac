-- 4101二: 财政补贴收入 by who gives it and for what. A new book has these from its chart; one that is there gets each where nothing
-- was ever booked on the account above it. Where something was, that account stays whole until two persons divide it.
ALTER TABLE books.account DISABLE TRIGGER USER;
DO $$
DECLARE v_one record;
BEGIN
    FOR v_one IN SELECT * FROM (VALUES
        (1, 410101, '中央财政补贴'), (1, 410102, '省级财政补贴'), (1, 410103, '市级财政补贴'),
        (2, 41010101, '缴费补贴'), (2, 41010102, '待遇补贴'), (2, 41010201, '缴费补贴'), (2, 41010202, '待遇补贴'),
        (2, 41010301, '缴费补贴'), (2, 41010302, '待遇补贴')) AS v (level, account, name) ORDER BY level, account
    LOOP
        INSERT INTO books.account
        SELECT p.region, p.fund, v_one.account, p.name || '—' || v_one.name, p.section, p.class, p.normal_side, true, 0
          FROM books.account p
         WHERE p.account = v_one.account / 100
           AND NOT EXISTS (SELECT 1 FROM books.balance b WHERE b.region = p.region AND b.fund = p.fund AND b.account = p.account)
        ON CONFLICT DO NOTHING;
        UPDATE books.account p SET leaf = false
         WHERE p.account = v_one.account / 100 AND p.leaf
           AND EXISTS (SELECT 1 FROM books.account a WHERE a.region = p.region AND a.fund = p.fund AND a.account = v_one.account);
    END LOOP;
END $$;
ALTER TABLE books.account ENABLE TRIGGER USER;
