"""SM2 is the standard's: its printed example, OpenSSL in both directions, and a seal signed by it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ledger.access.signing import sm2
from ledger.access.signing.pair import SM2, algorithm_named, key_id, signature_flaw
from ledger.core.errors import InvalidInput
from reports.seal.key import ensure_key, own_public_keys, private_path, public_path
from tests.judges import program_of

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
MESSAGE = b"message digest"
SIGNED = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
"""GB/T 32918.5-2017 annex A.2: private key, public key, the random number k, the message and (r, s)."""
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")


def test_the_example_of_the_standard_comes_out() -> None:
    assert sm2.public_of(PRIVATE) == PUBLIC
    assert sm2.sign(PRIVATE, MESSAGE, sm2.core(lambda _: NONCE)) == SIGNED
    assert sm2.verify(PUBLIC, SIGNED, MESSAGE)


def test_the_same_bytes_are_signed_the_same_and_others_with_another_number() -> None:
    once, other = sm2.sign(PRIVATE, MESSAGE), sm2.sign(PRIVATE, MESSAGE + b".")
    assert sm2.sign(PRIVATE, MESSAGE) == once
    assert sm2.verify(PUBLIC, once, MESSAGE)
    assert once[:32] != other[:32]
    assert once != SIGNED


@pytest.mark.fault(45)
def test_nothing_else_verifies() -> None:
    assert not sm2.verify(PUBLIC, SIGNED, MESSAGE + b".")
    for n in range(0, len(SIGNED), 7):
        damaged = bytearray(SIGNED)
        damaged[n] ^= 1
        assert not sm2.verify(PUBLIC, bytes(damaged), MESSAGE)
    other = sm2.public_of(sm2.generate())
    assert not sm2.verify(other, SIGNED, MESSAGE)
    assert not sm2.verify(PUBLIC, SIGNED + b"\0", MESSAGE)
    assert not sm2.verify(PUBLIC, bytes(64), MESSAGE)
    off_curve = bytearray(PUBLIC)
    off_curve[-1] ^= 1
    for key in (bytes(off_curve), PUBLIC[1:], b"\x04" + b"\xff" * 64, b""):
        with pytest.raises(ValueError, match="SM2"):
            sm2.verify(key, SIGNED, MESSAGE)
    for key in (bytes(32), b"\xff" * 32, PRIVATE[1:]):
        with pytest.raises(ValueError, match="SM2"):
            sm2.public_of(key)


def pem(kind: str, der: bytes) -> str:
    from base64 import encodebytes

    return f"-----BEGIN {kind}-----\n{encodebytes(der).decode()}-----END {kind}-----\n"


def openssl(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program_of("openssl"), *words], capture_output=True, check=False, timeout=60)


USER = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{sm2.USER_ID.decode()}")


@pytest.mark.judge("openssl")
def test_openssl_takes_our_signatures_and_we_take_its(tmp_path: Path) -> None:
    key, message, signature = tmp_path / "key.pem", tmp_path / "message", tmp_path / "signature"
    for n in range(3):
        data = f"第{n}份清单".encode() * (1 + 3000 * n)
        message.write_bytes(data)
        private = sm2.generate()
        public = sm2.public_of(private)
        key.write_text(pem("PUBLIC KEY", SPKI + public))
        raw = sm2.sign(private, data)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        signature.write_bytes(encode_dss_signature(r, s))
        asked = ("-verify", "-pubin", "-inkey", str(key), "-in", str(message), "-sigfile", str(signature))
        said = openssl("pkeyutl", *asked, *USER)
        assert b"Verified Successfully" in said.stdout, said
        message.write_bytes(data + b".")
        assert openssl("pkeyutl", *asked, *USER).returncode != 0

        message.write_bytes(data)
        made = openssl("genpkey", "-algorithm", "SM2", "-out", str(key))
        assert made.returncode == 0, made
        der = openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER").stdout
        assert der[: len(SPKI)] == SPKI
        done = openssl(
            "pkeyutl", "-sign", "-inkey", str(key), "-in", str(message), "-out", str(signature), *USER
        )
        assert done.returncode == 0, done
        r, s = decode_dss_signature(signature.read_bytes())
        assert sm2.verify(der[len(SPKI) :], r.to_bytes(32, "big") + s.to_bytes(32, "big"), data)


@pytest.mark.judge("openssl")
def test_openssl_has_the_same_sm3(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes(PUBLIC)
    assert key_id(PUBLIC.hex()) in openssl("dgst", "-sm3", str(path)).stdout.decode()


def test_a_pair_of_each_is_kept_and_told_apart(tmp_path: Path) -> None:
    plain, _ = ensure_key(tmp_path)
    made, new = ensure_key(tmp_path, SM2)
    again, newly = ensure_key(tmp_path, SM2)
    assert (new, newly, again) == (True, False, made)
    assert private_path(tmp_path, SM2).stat().st_mode & 0o777 == 0o600
    assert private_path(tmp_path, SM2).name == "seal-sm2.key"
    assert public_path(tmp_path, SM2).read_text().strip() == made.public
    assert own_public_keys(tmp_path) == {plain.public, made.public}
    for key in (plain, made):
        told = key.signature(b"x")
        assert signature_flaw(told, b"x") == ""
        assert signature_flaw(told, b"y")
        other = "SM2" if key is plain else "Ed25519"
        assert signature_flaw(told | {"algorithm": other}, b"x") == "公钥与所称的算法不符"
        assert signature_flaw(told | {"algorithm": "none"}, b"x") == "不认识的算法"
        assert signature_flaw(told | {"signature": told["signature"].upper()}, b"x")
    private_path(tmp_path, SM2).write_text("00" * 32)
    with pytest.raises(InvalidInput) as refused:
        ensure_key(tmp_path, SM2)
    assert refused.value.code == "seal.key"
    with pytest.raises(InvalidInput) as unknown:
        algorithm_named("rsa")
    assert unknown.value.code == "seal.algorithm"
