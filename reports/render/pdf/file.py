"""A PDF written as its pages come (ISO 32000-1): nothing of a page is kept once it is written, and no clock is asked."""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import BinaryIO, Final

from reports.render.pdf.typeface import Typeface

_CATALOG, _PAGES, _FONT, _CID_FONT, _DESCRIPTOR, _FACE, _UNICODE, _TOTAL, _INFO, _CODES = range(1, 11)
_FACE_NAME: Final = "FLEDGR+NotoSansSC-Regular"
_RUN: Final = 100


class PdfFile:
    """Pages of one size in one face. `page` as often as wanted, then `close`."""

    def __init__(self, out: BinaryIO, width: float, height: float, title: str) -> None:
        self.face = Typeface()
        self._out = out
        self._size = (width, height)
        self._title = title
        self._offsets: dict[int, int] = {}
        self._next = _CODES + 1
        self._place = 0
        self._hash = sha256()
        self._kids: list[int] = []
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    @property
    def pages(self) -> int:
        """Pages written up to now."""
        return len(self._kids)

    def page(self, content: str) -> None:
        """One page from its operators. `/F` is the face, `/N Do` prints `共 N 页` from the origin on."""
        stream, page = self._next, self._next + 1
        self._next += 2
        self._stream(stream, "", content.encode("ascii"))
        width, height = self._size
        self._object(
            page,
            f"<</Type/Page/Parent {_PAGES} 0 R/MediaBox[0 0 {width:.2f} {height:.2f}]/Contents {stream} 0 R"
            f"/Resources<</Font<</F {_FONT} 0 R>>/XObject<</N {_TOTAL} 0 R>>>>>>",
        )
        self._kids.append(page)

    def close(self, total_size: float) -> None:
        """What can only be said at the end: the number of pages, the face, the table of objects."""
        codes, width = self.face.set(f"共 {self.pages} 页")
        self._stream(
            _TOTAL,
            f"/Type/XObject/Subtype/Form/BBox[0 -{total_size} {width * total_size / 1000 + 1:.2f} {total_size * 2}]"
            f"/Resources<</Font<</F {_FONT} 0 R>>>>",
            f"BT/F {total_size} Tf 0 0 Td<{codes}>Tj ET".encode(),
        )
        kids = " ".join(f"{kid} 0 R" for kid in self._kids)
        self._object(_PAGES, f"<</Type/Pages/Count {self.pages}/Kids[{kids}]>>")
        self._object(
            _CATALOG,
            f"<</Type/Catalog/Pages {_PAGES} 0 R/Lang(zh-CN)/ViewerPreferences<</DisplayDocTitle true>>>>",
        )
        title = self._title.encode("utf-16-be").hex()
        self._object(_INFO, f"<</Title<feff{title}>/Producer(fundledger)>>")
        self._typeface()
        self._table()

    def _typeface(self) -> None:
        face = self.face
        ascent, descent, capitals, box = face.metrics
        widths = "".join(
            f"{glyph}[{width}]" for glyph, width in sorted(face.width_of.items()) if width != 1000
        )
        self._object(
            _FONT,
            f"<</Type/Font/Subtype/Type0/BaseFont/{_FACE_NAME}/Encoding {_CODES} 0 R"
            f"/DescendantFonts[{_CID_FONT} 0 R]/ToUnicode {_UNICODE} 0 R>>",
        )
        self._object(
            _CID_FONT,
            f"<</Type/Font/Subtype/CIDFontType0/BaseFont/{_FACE_NAME}/DW 1000/W[{widths}]"
            f"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {_DESCRIPTOR} 0 R>>",
        )
        self._object(
            _DESCRIPTOR,
            f"<</Type/FontDescriptor/FontName/{_FACE_NAME}/Flags 4/FontBBox[{' '.join(map(str, box))}]"
            f"/ItalicAngle 0/Ascent {ascent}/Descent {descent}/CapHeight {capitals}/StemV 90/FontFile3 {_FACE} 0 R>>",
        )
        said = _runs(
            [f"<{code:04x}><{char.encode('utf-16-be').hex()}>" for code, char in face.unicode_of.items()],
            "bfchar",
        )
        self._stream(_UNICODE, "", _code_map("Adobe-Identity-UCS", "UCS", said))
        said = _runs([f"<{code:04x}> {glyph}" for code, glyph in face.glyph_of.items()], "cidchar")
        keys = "/Type/CMap/CMapName/Fundledger-H/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        self._stream(_CODES, keys, _code_map("Fundledger-H", "Identity", said))
        self._stream(_FACE, "/Subtype/CIDFontType0C", face.subset())

    def _table(self) -> None:
        start = self._place
        rows = "".join(f"{self._offsets[n]:010d} 00000 n \n" for n in range(1, self._next))
        name = self._hash.hexdigest()[:32]
        self._write(
            f"xref\n0 {self._next}\n0000000000 65535 f \n{rows}trailer\n<</Size {self._next}/Root {_CATALOG} 0 R"
            f"/Info {_INFO} 0 R/ID[<{name}><{name}>]>>\nstartxref\n{start}\n%%EOF\n".encode()
        )

    def _object(self, number: int, text: str) -> None:
        self._offsets[number] = self._place
        self._write(f"{number} 0 obj\n{text}\nendobj\n".encode("ascii"))

    def _stream(self, number: int, keys: str, content: bytes) -> None:
        packed = zlib.compress(content, 6)
        self._offsets[number] = self._place
        self._write(f"{number} 0 obj\n<<{keys}/Filter/FlateDecode/Length {len(packed)}>>stream\n".encode())
        self._write(packed + b"\nendstream\nendobj\n")

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._hash.update(data)
        self._place += len(data)


def _runs(entries: list[str], what: str) -> str:
    """Entries of a code map, as many at once as it may have."""
    runs = [entries[n : n + _RUN] for n in range(0, len(entries), _RUN)]
    return "".join(f"{len(run)} begin{what}\n" + "\n".join(run) + f"\nend{what}\n" for run in runs)


def _code_map(name: str, ordering: str, body: str) -> bytes:
    return (
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap"
        f"/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 0>>def/CMapName/{name} def/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000><ffff>\nendcodespacerange\n{body}endcmap end end"
    ).encode()
