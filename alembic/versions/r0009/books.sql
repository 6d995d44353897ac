-- Opening and closing entries, taken out of every turnover: few among millions. Empty for ordinary entries, so posting pays nothing.
CREATE INDEX entry_set_apart ON books.entry (region, fund, period, seq) WHERE event IN ('OPEN', 'CLOSE-M', 'CLOSE-Y');
