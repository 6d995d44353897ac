"""INV-11: every approval within the limits of its day, nothing approved to an account that was held, and call-backs by another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded
from ledger.db.safekeeping.fields import masked_field

# The choice in force on the day of an approval is worked out here again and not asked of the functions that guard it.
_APPROVERS: Final = """
    WITH approved AS (
        SELECT a.region, a.approved_on, u.person, min(a.approved_by) AS name,
               sum(o.amount_fen)::bigint AS fen, (SELECT y.value FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'approver_day_limit' AND y.from_day <= a.approved_on
                      ORDER BY y.from_day DESC LIMIT 1) AS chosen, array_agg(DISTINCT a.approved_by) AS names
          FROM payments.approval a
          JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id
          LEFT JOIN access.app_user u ON u.user_name = a.approved_by
         WHERE EXISTS (SELECT 1 FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'approver_day_limit')
         GROUP BY a.region, a.approved_on, u.person),
    own AS (
        SELECT p.*, (SELECT array_agg(split_part(n, '=', 2)) FROM unnest((string_to_array(p.chosen, ','))[2:]) AS n
                      WHERE split_part(n, '=', 1) = ANY (p.names)) AS named
          FROM approved p WHERE p.chosen IS NOT NULL)
    SELECT region, name, approved_on, fen, lim FROM (
        SELECT o.*, CASE WHEN o.named IS NOT NULL
                         THEN CASE WHEN 'none' = ANY (o.named) THEN NULL ELSE (SELECT max(n::bigint) FROM unnest(o.named) AS n) * 100 END
                         ELSE nullif(split_part(o.chosen, ',', 1), 'none')::bigint * 100 END AS lim
          FROM own o) l
     WHERE fen > lim ORDER BY 1, 2, 3
"""
# By account; and by institution, supplier and insured person whichever accounts they have.
_PAYEES: Final = """
    WITH given AS (
        SELECT a.region, a.approved_on, o.order_no, o.batch_id, o.payee_number, o.payee_name, o.institution, o.amount_fen,
               (SELECT y.value FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'payee_day_limit' AND y.from_day <= a.approved_on
                      ORDER BY y.from_day DESC LIMIT 1) AS chosen
          FROM payments.approval a
          JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id
          JOIN payments.state s ON s.state = o.state
         WHERE NOT s.releases
           AND EXISTS (SELECT 1 FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'payee_day_limit')),
    payee AS (
        SELECT g.*, '账户' || payee_number AS name, payee_number AS short FROM given g
        UNION ALL SELECT g.*, '机构' || g.institution, g.institution FROM given g
          JOIN fund.institution i ON i.region = g.region AND i.institution = g.institution
        UNION ALL SELECT g.*, '供应单位' || g.payee_name, g.payee_name FROM given g
          JOIN payments.batch b ON b.region = g.region AND b.batch_id = g.batch_id AND b.kind = 'supplier'
        UNION ALL SELECT g.*, '个人' || p.psn_no, left(p.psn_no, 2) || '****' || right(p.psn_no, 4) FROM given g
          JOIN fund.person_payment p ON p.region = g.region AND p.order_no = g.order_no)
    SELECT region, short, approved_on, sum(amount_fen)::bigint, min(nullif(chosen, 'none')::bigint) * 100 FROM payee
     GROUP BY region, name, short, approved_on HAVING sum(amount_fen) > min(nullif(chosen, 'none')::bigint) * 100 ORDER BY 1, 2, 3
"""
_HELD: Final = """
    SELECT h.region, h.order_no, h.institution, h.decided_on, h.approved_on FROM (
        SELECT o.region, o.order_no, o.institution, p.version, p.decided_on, a.approved_on, coalesce((SELECT y.value FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'payee_hold_days' AND y.from_day <= a.approved_on
                      ORDER BY y.from_day DESC LIMIT 1), '0')::integer AS days
          FROM payments.approval a
          JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id AND o.first_payment IS NOT NULL
          JOIN payments.batch b ON b.region = a.region AND b.batch_id = a.batch_id AND b.kind <> 'supplier'
          JOIN fund.payee_account p ON p.region = o.region AND p.institution = o.institution AND p.number = o.payee_number
           AND p.cnaps = o.payee_cnaps AND p.name = o.payee_name AND p.decided_on <= a.approved_on
           AND (p.ended_on IS NULL OR p.ended_on > a.approved_on) AND p.state IN ('confirmed', 'replaced', 'failed')
         WHERE EXISTS (SELECT 1 FROM fund.payee_account e WHERE e.region = p.region AND e.institution = p.institution
                          AND e.version < p.version AND e.ended_on IS NOT NULL AND (e.name, e.number, e.cnaps) <> (p.name, p.number, p.cnaps))) h
     WHERE h.decided_on + h.days > h.approved_on
       AND NOT EXISTS (SELECT 1 FROM fund.payee_callback c WHERE (c.region, c.institution, c.version) = (h.region, h.institution, h.version)
                          AND c.recorded_on <= h.approved_on)
     ORDER BY 1, 2
"""
_CALLBACKS: Final = """
    SELECT c.region, c.institution, c.version FROM fund.payee_callback c
      LEFT JOIN fund.payee_account p ON (p.region, p.institution, p.version) = (c.region, c.institution, c.version)
      LEFT JOIN access.app_user u ON u.user_name = c.called_by
      LEFT JOIN access.app_user m ON m.user_name = p.proposed_by
      LEFT JOIN access.app_user k ON k.user_name = p.confirmed_by
     WHERE u.person IS NULL OR u.person = m.person OR u.person = k.person ORDER BY 1, 2, 3
"""
# Said to be no first payment, and nobody was paid at that account, sealed or in clear, before the order was drafted.
_FIRST: Final = """
    SELECT o.region, o.order_no FROM payments.pay_order o
      JOIN payments.order_event d ON d.region = o.region AND d.order_no = o.order_no AND d.n = 1
     WHERE o.first_payment IS FALSE AND NOT EXISTS (
        SELECT 1 FROM payments.pay_order p
          JOIN payments.order_event e ON e.region = p.region AND e.order_no = p.order_no AND e.event = 'pay'
         WHERE p.region = o.region AND p.payee_number = o.payee_number AND p.payee_cnaps = o.payee_cnaps
           AND e.recorded_at <= d.recorded_at)
       AND NOT EXISTS (
        SELECT 1 FROM payments.pay_order p
          JOIN payments.order_event e ON e.region = p.region AND e.order_no = p.order_no AND e.event = 'pay'
         WHERE p.region = o.region AND coalesce(nullif(p.payee_token, ''), p.payee_number) = coalesce(nullif(o.payee_token, ''), o.payee_number)
           AND p.payee_cnaps = o.payee_cnaps AND e.recorded_at <= d.recorded_at) ORDER BY 1, 2
"""


# What each account got on a day on which persons were paid, where there was a limit: theirs stand sealed.
_ACCOUNTS: Final = """
    WITH given AS (
        SELECT a.region, a.approved_on, o.payee_number, o.amount_fen,
               (SELECT nullif(y.value, 'none')::bigint * 100 FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'payee_day_limit'
                   AND y.from_day <= a.approved_on ORDER BY y.from_day DESC LIMIT 1) AS lim,
               bool_or(o.payee_number LIKE '~%') OVER (PARTITION BY a.region, a.approved_on) AS persons
          FROM payments.approval a
          JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id
          JOIN payments.state s ON s.state = o.state
         WHERE NOT s.releases AND EXISTS (SELECT 1 FROM fund.region_policy y WHERE y.region = a.region AND y.key = 'payee_day_limit'))
    SELECT region, approved_on, payee_number, sum(amount_fen)::bigint, min(lim) FROM given WHERE persons AND lim IS NOT NULL
     GROUP BY region, approved_on, payee_number ORDER BY region, approved_on, payee_number COLLATE "C"
"""
# What an account in clear is counted by, and told a first payment by; the first order of each.
_TOKENS: Final = """
    SELECT o.region, min(o.order_no), o.payee_number, o.payee_token FROM payments.pay_order o
     WHERE o.payee_token <> '' GROUP BY o.region, o.payee_number, o.payee_token ORDER BY 1, 2
"""

# Ordered again past what a bank said of the account, and nothing decided since.
_FAULTY: Final = """
    SELECT p.region, p.order_no, p.payment_id, a.failed_on FROM fund.person_payment p
      JOIN fund.person_account a ON a.region = p.region AND a.payment_id = p.payment_id AND a.n = (
           SELECT max(l.n) FROM fund.person_account l WHERE l.region = p.region AND l.payment_id = p.payment_id)
      JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
     WHERE p.order_no <> a.order_no AND a.state <> 'approved'
     ORDER BY 1, 2
"""
# Paid to another account than two persons agreed on: a supplier's in the advance, a person's in the payment or in its correction since,
# another region's among its counterparties (which is never changed), judged by what is paid and not by the batch's kind,
# an institution's in an account confirmed for it (that it was the one in force the approval asks), whatever kind of batch paid it.
# What was taken over (OPEN-) is compared with what was handed over (checks/fund/cutover.py).
_ELSEWHERE: Final = coded("""
    SELECT a.region, a.order_no, '预付' || a.advance_id FROM fund.advance a
      JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
     WHERE a.kind = 'supplier' AND a.advance_id NOT LIKE 'OPEN-%'
       AND (o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps) <> (a.payee_name, a.payee_number, a.payee_bank, a.payee_cnaps)
    UNION ALL
    SELECT p.region, p.order_no, '个人付款' || p.payment_id FROM fund.person_payment p
      JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
      LEFT JOIN LATERAL (SELECT c.* FROM fund.person_account c WHERE c.region = p.region AND c.payment_id = p.payment_id
                            AND c.state = 'approved' AND c.order_no <> p.order_no ORDER BY c.n DESC LIMIT 1) c ON true
     WHERE p.payment_id NOT LIKE 'OPEN-%' AND (o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps)
        <> (coalesce(c.payee_name, p.payee_name), coalesce(c.payee_number, p.payee_number), coalesce(c.payee_bank, p.payee_bank),
            coalesce(c.payee_cnaps, p.payee_cnaps))
    UNION ALL
    SELECT o.region, o.order_no, '对方统筹区' || o.institution FROM payments.pay_order o
      JOIN payments.approval a ON a.region = o.region AND a.batch_id = o.batch_id
      LEFT JOIN fund.outregion_counterparty c ON c.region = o.region AND c.counterparty::text = o.institution AND c.confirmed_by <> ''
     WHERE EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no AND (i.source IN ({REGION_PREPAYMENT}, {OTHERS_MONEY})
                          OR i.source = {MONTH_OWED} AND o.institution ~ '^[0-9]{6}$'))
       AND NOT EXISTS (SELECT 1 FROM payments.taken_order t WHERE t.region = o.region AND t.order_no = o.order_no)
       AND (o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps)
           IS DISTINCT FROM (c.payee_name, c.payee_number, c.payee_bank, c.payee_cnaps)
    UNION ALL
    SELECT o.region, o.order_no, '机构' || o.institution FROM payments.pay_order o
      JOIN payments.approval a ON a.region = o.region AND a.batch_id = o.batch_id
     WHERE o.batch_id NOT LIKE 'OPEN-%'
       AND (EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no
                       AND i.source IN ({DAILY_OWED}, {MONTH_OWED}, {CLEARING_OWED}, {CARE_OWED})
                       AND NOT (i.source = {MONTH_OWED} AND o.institution ~ '^[0-9]{6}$'))
            OR EXISTS (SELECT 1 FROM fund.advance v WHERE v.region = o.region AND v.order_no = o.order_no AND v.kind <> 'supplier'))
       AND (EXISTS (SELECT 1 FROM fund.advance v WHERE v.region = o.region AND v.order_no = o.order_no AND v.kind <> 'supplier'
                       AND v.institution <> o.institution)
            OR NOT EXISTS (
           SELECT 1 FROM fund.payee_account p WHERE p.region = o.region AND p.institution = o.institution
              AND (p.name, p.number, p.bank_name, p.cnaps) = (o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps)
              AND p.state IN ('confirmed', 'replaced', 'failed')))
     ORDER BY 1, 2
""")


def check_limits(snapshot: Snapshot) -> Iterator[Breach]:
    """Approvals against the region's choices of their day, as the rows say both."""
    for region, name, day, fen, limit in snapshot.rows(_APPROVERS):
        message = f"{name}于{day}审批{fen}分，超过其一日限额{limit}分"
        yield Breach("INV-11", str(region), f"approver {name} {day}", message)
    for region, number, day, fen, limit in snapshot.rows(_PAYEES):
        number = snapshot.fields.shown(number)
        message = f"收款方{number}于{day}审批拨付{fen}分，超过同一收款单位一日限额{limit}分"
        yield Breach("INV-11", str(region), f"payee {number} {day}", message)
    yield from _as_one(snapshot)
    for region, order_no, institution, changed, approved in snapshot.rows(_HELD):
        message = f"机构{institution}的收款账户于{changed}变更，暂缓期内没有回访，{approved}却审批了拨付"
        yield Breach("INV-11", str(region), f"order {order_no}", message)
    for region, institution, version in snapshot.rows(_CALLBACKS):
        message = f"机构{institution}第{version}版账户的回访不是提出、确认以外的另一人所办"
        yield Breach("INV-11", str(region), f"callback {institution}", message)
    for region, order_no in snapshot.rows(_FIRST):
        yield Breach(
            "INV-11", str(region), f"order {order_no}", "首次付款的标记被去掉：此前没有向该账户付过款"
        )
    for region, order_no, payment, failed in snapshot.rows(_FAULTY):
        message = f"个人付款{payment}的收款账户于{failed}经银行退回，未经两人更正即又制单"
        yield Breach("INV-11", str(region), f"order {order_no}", message)
    for region, order_no, request in snapshot.rows(_ELSEWHERE):
        message = f"{request}的拨付单付往的账户不是两人核定的收款账户"
        yield Breach("INV-11", str(region), f"order {order_no}", message)


def _as_one(snapshot: Snapshot) -> Iterator[Breach]:
    """An account is one payee whether it stands sealed, as a person's, or in clear: each day's sums together, and what the database
    counts them by."""
    days: dict[tuple[int, object, str], list[int]] = {}
    for region, day, kept, fen, limit in snapshot.each(_ACCOUNTS):
        number = snapshot.open(kept)
        if number is None:
            snapshot.pass_over()
            continue
        sums = days.setdefault((region, day, number), [limit])
        sums.append(fen)
    for (region, day, number), (limit, *sums) in days.items():
        if len(sums) > 1 and sum(sums) > limit:
            shown = masked_field(number)
            message = f"收款账户{shown}于{day}以个人和单位合计审批拨付{sum(sums)}分，超过同一收款单位一日限额{limit}分"
            yield Breach("INV-11", str(region), f"payee {shown} {day}", message)
    for region, order_no, number, token in snapshot.each(_TOKENS):
        opened = snapshot.open(token)
        if opened is None:
            snapshot.pass_over()
        elif opened != number:
            message = (
                "拨付单计入限额、辨认首次付款所用的加密账号不是其收款账号：可借以避开同一收款单位一日限额"
            )
            yield Breach("INV-11", str(region), f"order {order_no}", message)
