"""The books as tables to print: 科目余额表 by level, 总账, 明细账, 多栏账, 序时账, 银行日记账, and vouchers found by what is known of them."""
