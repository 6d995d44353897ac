"""Templates of hand-written vouchers: the entries 财会〔2017〕28号 writes down, kept as data, and how their lines are filled."""
