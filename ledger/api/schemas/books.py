"""The books: trial balance, account ledger, vouchers and their drafts."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import (
    COUNT,
    DAY,
    FEN,
    FREE,
    HEX,
    INT,
    MOMENT,
    SHA,
    TEXT,
    Schema,
    an_object,
    items,
    nullable,
)

_CARRIED: Final = ("carried_debit_fen", "carried_credit_fen")
_FEN_COLUMNS: Final = dict.fromkeys(("opening_fen", "debit_fen", "credit_fen", "closing_fen", *_CARRIED), FEN)
_TOTALS: Final = dict.fromkeys(
    (
        "opening_debit_fen",
        "opening_credit_fen",
        "debit_fen",
        "credit_fen",
        "closing_debit_fen",
        "closing_credit_fen",
        *_CARRIED,
    ),
    FEN,
)
_ENTRY_KIND: Final = {"type": "string", "enum": ["entry", "opening", "closing"]}
_ENTRY_ONLY: Final = (
    "voucher_date", "voucher", "seq", "line", "summary", "code", "name", "dimensions", "entry_kind",
)  # fmt: skip
_KNOWN_AT: Final = an_object(block=COUNT, recorded_at=MOMENT, hash=HEX)


_LINE: Final = an_object(
    side={"type": "string", "enum": ["借", "贷"]},
    account=INT,
    amount_fen=FEN,
    counterparty=TEXT,
    subfund=TEXT,
    service_year=INT,
    term=INT,
    category=TEXT,
)
_ATTACHED: Final = an_object(n=COUNT, name=TEXT, sha256=SHA, bytes=COUNT, attached_by=TEXT, attached_on=DAY)
_DRAFT: Final = an_object(
    draft=TEXT,
    book=TEXT,
    state={"type": "string", "enum": ["drafted", "approved", "rejected", "withdrawn"]},
    business_date=DAY,
    summary=TEXT,
    evidence=TEXT,
    attachments=COUNT,
    attached=items(_ATTACHED),
    reverses_seq=COUNT,
    correction={"type": "string", "enum": ["", "red", "blue", "difference"]},
    corrects_seq=COUNT,
    receipts=items(TEXT),
    template=TEXT,
    amount_fen=FEN,
    lines=items(_LINE),
    prepared_by=TEXT,
    prepared_on=DAY,
    digest=SHA,
    decided_by=TEXT,
    decided_on={"anyOf": [DAY, {"const": ""}]},
    reason=TEXT,
    voucher=TEXT,
    warnings=items(an_object(code=TEXT, message=TEXT)),
)

_IMPORT: Final[dict[str, Schema]] = {
    "sha256": SHA, "kind": TEXT, "name": TEXT, "imported_by": TEXT, "imported_on": DAY, "good": COUNT, "bad": COUNT, "amount_fen": FEN,
}  # fmt: skip
_RECURRENCE: Final = an_object(
    recurrence=TEXT,
    book=TEXT,
    state=TEXT,
    template=TEXT,
    summary=TEXT,
    evidence=TEXT,
    amounts={"type": "object", "additionalProperties": FEN},
    rhythm=TEXT,
    to=TEXT,
    digest=SHA,
    proposed_by=TEXT,
    decided_by=TEXT,
    reason=TEXT,
    **{"from": DAY},
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Report": {"type": "object", "description": "与命令行 report … --format json 相同；金额为文字，分"},
    "Books": an_object(books=items(an_object(book=TEXT, name=TEXT, region=INT, fund=INT))),
    "TrialBalance": an_object(
        book=TEXT,
        period=nullable(TEXT),
        as_of=nullable(DAY),
        known_at=_KNOWN_AT,
        sign=TEXT,
        rows=items(
            an_object(
                _CARRIED, code=TEXT, name=TEXT, dimensions=FREE, section=TEXT, side=TEXT, **_FEN_COLUMNS
            )
        ),
        totals=an_object(
            _CARRIED,
            **_TOTALS,
            sections={"type": "object", "additionalProperties": an_object(_CARRIED, **_TOTALS)},
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
                _ENTRY_ONLY,
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
                entry_kind=_ENTRY_KIND,
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
        entry_kind=_ENTRY_KIND,
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
    "VoucherDraft": _DRAFT,
    "VoucherDrafts": an_object(drafts=items(_DRAFT), next=nullable(TEXT)),
    "VoucherAttachments": an_object(draft=TEXT, attachments=items(_ATTACHED)),
    "VoucherImports": an_object(files=items(an_object(**_IMPORT))),
    "VoucherImport": an_object(
        **_IMPORT,
        rows=items(an_object(line=COUNT, key=TEXT, voucher_id=TEXT, field=TEXT, code=TEXT, message=TEXT)),
    ),
    "Recurrence": _RECURRENCE,
    "Recurrences": an_object(
        recurrences=items(_RECURRENCE), due=items(an_object(recurrence=TEXT, due_on=DAY, summary=TEXT))
    ),
    "VoucherList": an_object(
        count=COUNT,
        amount_fen=FEN,
        digest=HEX,
        drafts=items(TEXT),
        exceptions=items(an_object(voucher_id=TEXT, code=TEXT, message=TEXT)),
    ),
}
