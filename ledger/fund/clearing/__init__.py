"""Annual clearing 年度清算 (arts. 21–25): plan, rates, confirmation letter, its entry and orders. On month and below."""
