"""JSON Schemas of what the API gives. Money is a string of integer fen."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
FEN: Final[Schema] = {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$", "description": "分，整数"}
INT: Final[Schema] = {"type": "integer"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
DAY: Final[Schema] = {"type": "string", "format": "date"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
SHA: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HEX: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]*$"}
FREE: Final[Schema] = {"type": "object"}


def nullable(schema: Schema) -> Schema:
    """The value or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def items(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def an_object(optional: tuple[str, ...] = (), /, **members: Schema) -> Schema:
    """An object with exactly these members, all required but the `optional`."""
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """A named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


_FEN_COLUMNS: Final = {"opening_fen": FEN, "debit_fen": FEN, "credit_fen": FEN, "closing_fen": FEN}
_TOTALS: Final = dict.fromkeys(
    (
        "opening_debit_fen",
        "opening_credit_fen",
        "debit_fen",
        "credit_fen",
        "closing_debit_fen",
        "closing_credit_fen",
    ),
    FEN,
)
_KNOWN_AT: Final = an_object(block=COUNT, recorded_at=MOMENT, hash=HEX)
_ORDER: Final[dict[str, Schema]] = {
    "order": TEXT,
    "fund": INT,
    "batch": TEXT,
    "date": DAY,
    "institution": TEXT,
    "amount_fen": FEN,
    "state": TEXT,
    "replaces": nullable(TEXT),
}
_ERROR: Final = an_object(
    ("pointer", "parameter", "field"),
    pointer={"type": "string", "description": "请求体内的JSON指针"},
    parameter={"type": "string", "description": "参数名"},
    field=TEXT,
    code=TEXT,
    message=TEXT,
)
_OUTCOME: Final = {"type": "string", "enum": ["accepted", "duplicate", "quarantined"]}

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": an_object(
        ("errors", "setl_id", "outcome", "correlation_id"),
        type={"type": "string", "pattern": "^urn:fundledger:error:"},
        title=TEXT,
        status=INT,
        detail=TEXT,
        code={"type": "string", "description": "稳定的错误代码"},
        errors=items(_ERROR),
        setl_id=TEXT,
        outcome=_OUTCOME,
        correlation_id=TEXT,
    ),
    "Health": an_object(status=TEXT),
    "Taken": an_object(
        ("amount_fen", "payable_fen"), setl_id=TEXT, outcome=_OUTCOME, amount_fen=FEN, payable_fen=FEN
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
                outcome=_OUTCOME,
                amount_fen=FEN,
                payable_fen=FEN,
                pointer=TEXT,
                field=TEXT,
                code=TEXT,
                message=TEXT,
            )
        ),
    ),
    "Books": an_object(books=items(an_object(book=TEXT, name=TEXT, region=INT, fund=INT))),
    "TrialBalance": an_object(
        book=TEXT,
        period=nullable(TEXT),
        as_of=nullable(DAY),
        known_at=_KNOWN_AT,
        sign=TEXT,
        rows=items(an_object(code=TEXT, name=TEXT, dimensions=FREE, section=TEXT, side=TEXT, **_FEN_COLUMNS)),
        totals=an_object(
            **_TOTALS,
            sections={"type": "object", "additionalProperties": an_object(**_TOTALS)},
        ),
    ),
    "GeneralLedger": an_object(
        book=TEXT,
        code=TEXT,
        name=TEXT,
        dimensions=FREE,
        period=nullable(TEXT),
        as_of=nullable(DAY),
        known_at=_KNOWN_AT,
        sign=TEXT,
        lines=items(
            an_object(
                ("voucher_date", "voucher", "seq", "line", "summary", "code", "name", "dimensions"),
                kind={"type": "string", "enum": ["opening", "carried", "entry", "month", "year"]},
                period=nullable(TEXT),
                debit_fen=FEN,
                credit_fen=FEN,
                side=TEXT,
                balance_fen=FEN,
                voucher_date=DAY,
                voucher=TEXT,
                seq=INT,
                line=INT,
                summary=TEXT,
                code=TEXT,
                name=TEXT,
                dimensions=FREE,
            )
        ),
        next=nullable(TEXT),
    ),
    "Voucher": an_object(
        book=TEXT,
        book_name=TEXT,
        voucher=TEXT,
        seq=INT,
        period=TEXT,
        voucher_date=DAY,
        business_date=DAY,
        recorded_at=MOMENT,
        event=TEXT,
        rule=TEXT,
        source_key=TEXT,
        reverses_seq=nullable(INT),
        summary=TEXT,
        evidence=TEXT,
        evidence_digest=HEX,
        attachments=INT,
        lines=items(
            an_object(
                line=INT, code=TEXT, name=TEXT, dimensions=FREE, section=TEXT, debit_fen=FEN, credit_fen=FEN
            )
        ),
        totals={
            "type": "object",
            "additionalProperties": an_object(debit_fen=FEN, credit_fen=FEN, upper=TEXT),
        },
        signers={"type": "object", "additionalProperties": an_object(user=TEXT, name=TEXT)},
    ),
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
        items=items(
            an_object(source=TEXT, subfund=TEXT, service_year=INT, term=TEXT, category=TEXT, amount_fen=FEN)
        ),
        events=items(
            an_object(**{"event": TEXT, "from": TEXT, "to": TEXT, "user": TEXT, "date": DAY, "reason": TEXT})
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
    "DailyRun": an_object(
        region=INT,
        date=DAY,
        upto=DAY,
        entries=COUNT,
        orders=COUNT,
        ordered_fen=FEN,
        batches=items(an_object(batch=TEXT, fund=INT, orders=COUNT, total_fen=FEN, digest=SHA)),
        blocked=items(an_object(fund=INT, institution=TEXT, reason=TEXT, amount_fen=FEN)),
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
