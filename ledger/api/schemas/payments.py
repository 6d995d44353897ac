"""Orders, and the acts of a payout day."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import (
    COUNT,
    DAY,
    FEN,
    INT,
    SHA,
    TEXT,
    YES_NO,
    Schema,
    an_object,
    items,
    nullable,
)

_ORDER: Final[dict[str, Schema]] = {
    "order": TEXT,
    "fund": INT,
    "batch": TEXT,
    "date": DAY,
    "institution": TEXT,
    "amount_fen": FEN,
    "state": TEXT,
    "replaces": nullable(TEXT),
    "first_payment": YES_NO,
}


SCHEMAS: Final[dict[str, Schema]] = {
    "Orders": an_object(orders=items(an_object(**_ORDER)), next=nullable(TEXT)),
    "Order": an_object(
        **_ORDER,
        payee_name=TEXT,
        payee_number=TEXT,
        payee_bank=TEXT,
        payee_cnaps=TEXT,
        purpose=TEXT,
        account=TEXT,
        file=nullable(TEXT),
        refusal=nullable(
            {
                "type": "object",
                "description": "银行的拒绝：所据文件、已有与尚缺的证据（missing为空即可退回重付）",
            }
        ),
        items=items(
            an_object(source=TEXT, subfund=TEXT, service_year=INT, term=TEXT, category=TEXT, amount_fen=FEN)
        ),
        events=items(
            an_object(**{"event": TEXT, "from": TEXT, "to": TEXT, "user": TEXT, "date": DAY, "reason": TEXT})
        ),
    ),
    "DailyRun": an_object(
        region=INT,
        date=DAY,
        upto=DAY,
        entries=COUNT,
        orders=COUNT,
        ordered_fen=FEN,
        batches=items(
            an_object(
                batch=TEXT, fund=INT, orders=COUNT, total_fen=FEN, digest=SHA, first_payments=items(TEXT)
            )
        ),
        blocked=items(an_object(fund=INT, institution=TEXT, reason=TEXT, amount_fen=FEN, detail=TEXT)),
    ),
    "PayoutDay": an_object(
        day=DAY,
        digest=nullable(SHA),
        total_fen=FEN,
        left_out=items(TEXT),
        batches=items(
            an_object(
                batch=TEXT,
                fund=INT,
                kind=TEXT,
                prepared_by=TEXT,
                approved_by=TEXT,
                digest=SHA,
                total_fen=FEN,
                orders=items(
                    an_object(
                        order=TEXT,
                        institution=TEXT,
                        payee_name=TEXT,
                        payee_number=TEXT,
                        payee_bank=TEXT,
                        amount_fen=FEN,
                        first_payment=YES_NO,
                    )
                ),
            )
        ),
    ),
    "Batch": an_object(
        batch=TEXT,
        region=INT,
        fund=INT,
        kind=TEXT,
        pay_date=DAY,
        upto=DAY,
        prepared_by=TEXT,
        approved_by=TEXT,
        digest=SHA,
        orders=COUNT,
        total_fen=FEN,
    ),
    "Approval": an_object(
        region=INT,
        batch=TEXT,
        digest=SHA,
        prepared_by=TEXT,
        approved_by=TEXT,
        approved_on=DAY,
        orders=COUNT,
        total_fen=FEN,
    ),
    "Filing": an_object(
        batch=TEXT,
        files=items(
            an_object(file=TEXT, name=TEXT, account=TEXT, orders=COUNT, total_fen=FEN, sha256=SHA, sm3=SHA)
        ),
        voided=items(TEXT),
        cancelled=items(an_object(order=TEXT, reason=TEXT)),
        unbearable=items(an_object(order=TEXT, reason=TEXT)),
    ),
    "Deliveries": an_object(
        files=items(an_object(file=TEXT, outcome=TEXT, orders=COUNT, total_fen=FEN, code=TEXT, message=TEXT))
    ),
    "Receptions": an_object(
        accounts=items(
            an_object(
                account=TEXT,
                files=COUNT,
                repeated=COUNT,
                quarantined=COUNT,
                outcomes={"type": "object", "additionalProperties": COUNT},
                events={"type": "object", "additionalProperties": COUNT},
                problems=COUNT,
                failures=COUNT,
            )
        )
    ),
}
