"""What taking in bank files did, for machines and for people."""

from __future__ import annotations

from ledger.payments.incoming.receive import Received


def plain_received(done: Received) -> dict[str, object]:
    """One account's poll for machines."""
    return {
        "account": done.account,
        "files": done.files,
        "repeated": done.repeated,
        "quarantined": done.quarantined,
        "papers": dict(done.outcomes),
        "orders": {event: count for event, count in done.events.items() if count},
        "problems": [{"place": p.place, "code": p.code, "message": p.message} for p in done.problems],
        "failures": [{"file": f.name, "code": f.code, "message": f.message} for f in done.failures],
    }


def words_of_received(done: Received) -> list[str]:
    """One account's poll for people."""
    papers, orders = done.outcomes, done.events
    lines = [
        f"账户{done.account}：新文件{done.files}个（重复{done.repeated}，隔离{done.quarantined}）；"
        f"回单过账{papers['posted']}、印证{papers['confirmed']}、等待{papers['waiting']}、挂起{papers['suspense']}；"
        f"付妥{orders['pay']}、退汇{orders['return']}、受理{orders['accept']}、拒绝{orders['reject']}"
    ]
    lines += [f"  注意 {p.place}：{p.message}（{p.code}）" for p in done.problems]
    lines += [f"  未收 {f.name}：{f.message}（{f.code}）" for f in done.failures]
    return lines
