"""Malformed XML: refused with a code and a Chinese sentence, at once, in bounded memory."""

from __future__ import annotations

import re
import time
import tracemalloc
from pathlib import Path

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.formats.xml import XML_BYTES_MAX, parse_xml
from ledger.core.errors import InvalidInput

LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY l "lol">'
    + b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n > 1 else b"&l;" * 10) for n in range(1, 10)
    )
    + b"]><a>&l9;</a>"
)
DOCUMENT = "<a><b>武汉市第一医院</b></a>"

HOSTILE = {
    "nothing": (b"", "empty"),
    "blank": (b" \r\n\t", "empty"),
    "only a BOM": (b"\xef\xbb\xbf", "malformed"),
    "laughs": (LAUGHS, "dtd"),
    "external entity": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "dtd"),
    "parameter entity": (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x">%x;]><a/>', "dtd"),
    "external subset": (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "dtd"),
    "undefined entity": (b"<a>&x;</a>", "malformed"),
    "truncated": (b"<a><b>1.00</b>", "malformed"),
    "cut in a tag": (b"<a><b>1.00</", "malformed"),
    "two roots": (b"<a/><a/>", "malformed"),
    "rubbish behind": (b"<a/>rubbish", "malformed"),
    "control character": (b"<a>\x07</a>", "malformed"),
    "NUL": (b"<a>\x00</a>", "malformed"),
    "text": ("银行回单".encode(), "malformed"),
    "JSON": (b'{"a": 1}', "malformed"),
    "GBK without declaration": (DOCUMENT.encode("gbk"), "encoding"),
    "GBK declared UTF-8": (b'<?xml version="1.0" encoding="UTF-8"?>' + DOCUMENT.encode("gbk"), "encoding"),
    "UTF-8 declared GBK": (b'<?xml version="1.0" encoding="GBK"?>' + DOCUMENT.encode(), "encoding"),
    # These six bytes are also three GB18030 characters: without a look they would pass as rubbish.
    "short UTF-8 declared GBK": ('<?xml version="1.0" encoding="GBK"?><a>医院</a>'.encode(), "encoding"),
    "BOM declared GBK": (b'\xef\xbb\xbf<?xml version="1.0" encoding="GBK"?>' + DOCUMENT.encode(), "encoding"),
    "UTF-16": (f'<?xml version="1.0" encoding="UTF-16"?>{DOCUMENT}'.encode("utf-16"), "encoding"),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "encoding"),
    "broken UTF-8": (b"<a>\xe5\x8c</a>", "encoding"),
    "overlong UTF-8": (b"<a>\xc0\xbc</a>", "encoding"),
    "broken GBK": (b'<?xml version="1.0" encoding="GBK"?><a>\x81</a>', "encoding"),
    "100 MB": (b"<a>" + b"x" * 100_000_000 + b"</a>", "too_large"),
    "a long text": (b"<a>" + b"x" * (XML_BYTES_MAX - 100) + b"</a>", "malformed"),
    "many elements": (b"<a>" + b"<b/>" * 3_000_000 + b"</a>", "too_large"),
    "many attributes": (b"<a " + b" ".join(b'a%d=""' % n for n in range(1_000_000)) + b"/>", "malformed"),
    "deep": (b"<a>" * 41 + b"</a>" * 41, "depth"),
    "very deep": (b"<a>" * 1_000_000, "malformed"),
    "PDF": (b"%PDF-1.7 ...", "kind"),
    "another message": (b"<Document><CstmrCdtTrfInitn/></Document>", "kind"),
    "two messages": (b"<a><CstmrPmtStsRpt/><BkToCstmrDbtCdtNtfctn/></a>", "kind"),
    "XInclude": (
        b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>',
        "kind",
    ),
}


@pytest.mark.fault(46, 48)
@pytest.mark.parametrize("case", HOSTILE)
def test_refused_at_once(bank_format: Iso20022Format, case: str) -> None:
    content, code = HOSTILE[case]
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(InvalidInput) as refusal:
            bank_format.decode("来文.xml", content)
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refusal.value.code == f"bankfile.{code}"
    assert refusal.value.message.startswith("文件来文.xml：")
    assert re.search("[一-鿿]{4}", refusal.value.message.removeprefix("文件来文.xml："))
    assert seconds < 1.0
    # Python's own share; the tree is bounded by the caps on bytes and nodes.
    assert peak < 4 * XML_BYTES_MAX


@pytest.mark.fault(46)
@pytest.mark.parametrize(
    "content",
    [
        DOCUMENT.encode(),
        DOCUMENT.encode("utf-8-sig"),
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n' + DOCUMENT.encode(),
        b"<?xml version='1.0'?>" + DOCUMENT.encode(),
        b'<?xml version="1.0" encoding="GBK"?>' + DOCUMENT.encode("gbk"),
        b'<?xml version="1.0" encoding="gb2312"?>' + DOCUMENT.encode("gb18030"),
        b'\n<?xml version="1.0" encoding="UTF-8"?><!-- \xe6\xb3\xa8 --><?p i?>' + DOCUMENT.encode(),
    ],
)
def test_accepted_encodings(content: bytes) -> None:
    assert parse_xml(content).findtext("b") == "武汉市第一医院"


def test_a_comment_does_not_cut_a_value() -> None:
    assert parse_xml(b"<a><b>12<!-- , -->34</b></a>").findtext("b") == "1234"


@pytest.mark.fault(48)
def test_no_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(InvalidInput) as refusal:
        parse_xml(f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'.encode())
    assert "secret" not in refusal.value.message
