"""Names from before they were judged: no breach, since each only keeps its own payment waiting; named so that they are mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.text import flaw

_SHOWN: Final = 50
_NAMES: Final = """
    SELECT region, '机构' || institution AS whose, '机构名称' AS field, name AS text FROM fund.institution
    UNION ALL SELECT region, '机构' || institution, '收款户名', name FROM fund.payee_account WHERE state IN ('proposed', 'confirmed')
    UNION ALL SELECT region, '机构' || institution, '收款开户行', bank_name FROM fund.payee_account WHERE state IN ('proposed', 'confirmed')
    UNION ALL SELECT region, '自有账户' || account, '户名', name FROM payments.bank_account
    UNION ALL SELECT region, '自有账户' || account, '开户行', bank_name FROM payments.bank_account
    UNION ALL SELECT region, '个人付款' || payment_id, '收款户名', payee_name FROM fund.person_payment WHERE state <> 'refused'
    UNION ALL SELECT region, '个人付款' || payment_id, '收款开户行', payee_bank FROM fund.person_payment WHERE state <> 'refused'
    UNION ALL SELECT region, '个人付款' || payment_id, '收款户名', payee_name FROM fund.person_account WHERE state IN ('requested', 'approved')
    UNION ALL SELECT region, '个人付款' || payment_id, '收款开户行', payee_bank FROM fund.person_account WHERE state IN ('requested', 'approved')
    UNION ALL SELECT region, '预付' || advance_id, '收款户名', payee_name FROM fund.advance WHERE kind = 'supplier' AND state <> 'refused'
    UNION ALL SELECT region, '预付' || advance_id, '收款开户行', payee_bank FROM fund.advance WHERE kind = 'supplier' AND state <> 'refused'
    UNION ALL SELECT region, '对方统筹区' || counterparty, '收款户名', payee_name FROM fund.outregion_counterparty
    UNION ALL SELECT region, '对方统筹区' || counterparty, '收款开户行', payee_bank FROM fund.outregion_counterparty
    UNION ALL SELECT o.region, '拨付单' || o.order_no, t.field, t.text FROM payments.pay_order o
      CROSS JOIN LATERAL (VALUES ('收款户名', o.payee_name), ('收款开户行', o.payee_bank), ('摘要', o.purpose)) AS t (field, text)
     WHERE o.state IN ('draft', 'approved')
     ORDER BY 1, 2, 3, 4
"""


def check_names(snapshot: Snapshot) -> Iterator[Breach]:
    """Every name in force that no payment file can hold, each as a waiting line; never a breach."""
    found = 0
    for region, whose, field, text in snapshot.rows(_NAMES):
        opened = snapshot.open(text)
        if opened is None:
            snapshot.pass_over()
        elif (wrong := flaw(opened, field)) is not None:
            found += 1
            if found <= _SHOWN:
                snapshot.waiting[f"{region} {whose}：{wrong.words}"] = 1
    if found > _SHOWN:
        snapshot.waiting["其余不能写入付款文件的名称"] = found - _SHOWN
    yield from ()
