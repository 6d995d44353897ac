"""A provider's word is taken only as it is meant: of this provider, to us, now, for this try, signed by its own key."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import OctKey, RSAKey

from adapters.identity.oidc import Came, Provider, way_in, who_came
from ledger.core.dates import machine_seconds
from ledger.core.errors import LedgerError, Unauthenticated
from tests.scenes.provider import LyingProvider, lying_provider

CLIENT, TRY = "fundledger", "a-try"


@pytest.fixture(scope="module")
def lying() -> Iterator[LyingProvider]:
    with lying_provider() as made:
        yield made


@pytest.fixture
def provider(lying: LyingProvider) -> Provider:
    lying.forget()
    return Provider(
        lying.address, CLIENT, "geheim-und-lang-genug", "https://ledger.example/desk/outside/back"
    )


def came(provider: Provider, lying: LyingProvider, secret: str = TRY, **other: str) -> str:
    return told(provider, lying, secret, **other).subject


def told(provider: Provider, lying: LyingProvider, secret: str = TRY, **other: str) -> Came:
    back = lying.consent(way_in(provider, TRY))
    return who_came(provider, secret, dict(parse_qsl(urlsplit(back).query)) | other)


def code_of(provider: Provider, lying: LyingProvider, secret: str = TRY, **other: str) -> str:
    with pytest.raises(LedgerError) as refused:
        came(provider, lying, secret, **other)
    return refused.value.code


def test_who_it_was_is_told(provider: Provider, lying: LyingProvider) -> None:
    assert came(provider, lying) == "sub-qian"
    lying.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert came(provider, lying) == "sub-qian"


def test_by_what_means_it_knew_is_told_where_it_is_said_as_it_should_be(
    provider: Provider, lying: LyingProvider
) -> None:
    for claims, means in (
        ({}, set()), ({"amr": ["pwd", "mfa"]}, {"pwd", "mfa"}), ({"acr": "urn:two"}, {"urn:two"}),
        ({"amr": [7, None, ["mfa"]], "acr": {"mfa": True}}, set()),
    ):  # fmt: skip
        lying.claims = claims
        assert told(provider, lying).means == means, claims
    for claims in ({"amr": "mfa"}, {"amr": {"mfa": 1}}):
        lying.claims = claims
        assert code_of(provider, lying) == "login.identity", claims


def test_a_token_that_is_not_its_word_to_us_now_for_this_try_is_refused(
    provider: Provider, lying: LyingProvider
) -> None:
    now = int(machine_seconds())
    for claims in (
        {"nonce": "another"}, {"nonce": None}, {"iss": "https://elsewhere.example"}, {"iss": None}, {"aud": "somebody"}, {"aud": None},
        {"aud": ["somebody", CLIENT], "azp": "somebody"}, {"exp": now - 120}, {"exp": None}, {"nbf": now + 300}, {"iat": None},
        {"iat": now + 300}, {"sub": None}, {"sub": ""}, {"sub": 7}, {"at_hash": "x"},
    ):  # fmt: skip
        lying.claims = claims
        assert code_of(provider, lying) == "login.identity", claims


def test_a_token_signed_by_another_or_by_nobody_is_refused(provider: Provider, lying: LyingProvider) -> None:
    lying.key = RSAKey.generate_key(2048)
    assert code_of(provider, lying) == "login.identity"
    for alg, key in (
        ("HS256", OctKey.import_key("geheim-und-lang-genug")),
        ("none", OctKey.import_key("geheim-und-lang-genug")),
    ):
        lying.alg, lying.key = alg, key
        assert code_of(provider, lying) == "login.identity", alg


def test_another_try_s_answer_or_another_s_code_is_refused(provider: Provider, lying: LyingProvider) -> None:
    assert code_of(provider, lying, "another-try") == "login.identity"
    assert code_of(provider, lying, "") == "login.identity"
    for other in (
        {"state": "x"},
        {"state": ""},
        {"code": "x"},
        {"code": ""},
        {"iss": "https://elsewhere.example"},
    ):
        assert code_of(provider, lying, **other) == "login.identity", other
    back = dict(parse_qsl(urlsplit(lying.consent(way_in(provider, TRY))).query))
    assert who_came(provider, TRY, back).subject == "sub-qian"
    with pytest.raises(Unauthenticated) as replayed:
        who_came(provider, TRY, back)
    assert "已用过" in replayed.value.message


def test_a_provider_that_calls_itself_otherwise_or_leads_off_is_refused(
    provider: Provider, lying: LyingProvider
) -> None:
    for told, code in (
        ({"issuer": "https://elsewhere.example"}, "login.identity"),
        ({"token_endpoint": "http://elsewhere.example/token"}, "login.provider"),
        ({"jwks_uri": "file:///etc/passwd"}, "login.provider"),
        ({"jwks_uri": None}, "login.provider"),
    ):
        lying.describes = told
        assert code_of(provider, lying) == code, told
