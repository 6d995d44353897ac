"""Settlement records: taken, kept, quarantined."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import (
    COUNT,
    DAY,
    FEN,
    INT,
    OUTCOME,
    SHA,
    TEXT,
    Schema,
    an_object,
    items,
    nullable,
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Taken": an_object(
        ("amount_fen", "payable_fen"), setl_id=TEXT, outcome=OUTCOME, amount_fen=FEN, payable_fen=FEN
    ),
    "TakenMany": an_object(
        accepted=COUNT,
        duplicate=COUNT,
        quarantined=COUNT,
        accepted_fen=FEN,
        payable_fen=FEN,
        records=items(
            an_object(
                ("amount_fen", "payable_fen", "pointer", "field", "code", "message"),
                position={"type": "integer", "minimum": 1},
                setl_id=TEXT,
                outcome=OUTCOME,
                amount_fen=FEN,
                payable_fen=FEN,
                pointer=TEXT,
                field=TEXT,
                code=TEXT,
                message=TEXT,
            )
        ),
    ),
    "Settlement": an_object(
        setl_id=TEXT,
        region=INT,
        institution=TEXT,
        insutype=TEXT,
        med_type=TEXT,
        clr_type=TEXT,
        setl_time=TEXT,
        reverses=nullable(TEXT),
        medfee_sumamt_fen=FEN,
        fund_pay_sumamt_fen=FEN,
        acct_pay_fen=FEN,
        content_sha256=SHA,
        payables=items(
            an_object(
                fund=INT,
                subfund=TEXT,
                service_year=INT,
                term=TEXT,
                category=TEXT,
                day=DAY,
                fund_fen=FEN,
                daily_fen=FEN,
                recognised_by=nullable(TEXT),
                order=nullable(TEXT),
            )
        ),
    ),
    "Quarantine": an_object(
        quarantine=items(
            an_object(
                region=nullable(INT),
                load=INT,
                line=INT,
                setl_id=TEXT,
                field=TEXT,
                code=TEXT,
                message=TEXT,
                state=TEXT,
                file=TEXT,
            )
        ),
        next=nullable(TEXT),
    ),
}
