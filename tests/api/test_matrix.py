"""Every act over HTTP by every post, at home and in a region that is not theirs; every read of a book that is not theirs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledger.cli.remote import acts

BOOK = "420100-310"
ELSEWHERE = "440100"


def values_of(schema: dict[str, Any], region: str) -> dict[str, Any]:
    """Something for every value that must be there; where, the region or its book."""
    found: dict[str, Any] = {}
    for name, member in schema["properties"].items():
        if name == "region":
            found[name] = region
        elif name == "book":
            found[name] = f"{region}-310"
        elif name in schema["required"]:
            one: Any = {"name": "a.txt", "content": "x"} if member.get("type") == "object" else "1"
            if member.get("type") == "array":
                one = [{"name": "a.txt", "content": "x"} if member["items"].get("type") == "object" else "1"]
            found[name] = one
    return found


def test_no_post_does_anything_in_another_region_nor_breaks_anything(
    client: httpx.Client, world: Any
) -> None:
    posts = sorted(world.keys)
    described = {
        one["name"]: one["schema"]
        for one in client.get("/api/v1/acts", headers=world.auth(posts[0])).json()["acts"]
    }
    assert set(described) == set(acts())
    # who asks for what is due where nothing is due gets a line of the log, as of an act that did nothing
    done = "SELECT count(*) FROM access.operator_log WHERE outcome = 'done' AND action <> 'voucher.due'"
    before = world.value(done)
    wrong = []
    for n, (name, schema) in enumerate(sorted(described.items())):
        for user in (posts[n % len(posts)],) if name != "intake load" else ("intake", "intake2", "maker"):
            body = values_of(schema, ELSEWHERE)
            if "region" not in body and "book" not in body:
                body["region"] = ELSEWHERE
            answer = client.post(
                f"/api/v1/acts/{name.replace(' ', '/')}", json=body, headers=world.auth(user)
            )
            if name == "book voucher due" and answer.json().get("due") == []:
                continue  # nothing is due there, nobody was asked for his post
            if not 400 <= answer.status_code < 500 or "code" not in answer.json():
                wrong.append(f"{name} by {user}: {answer.status_code} {answer.text[:120]}")
    assert wrong == [], "\n".join(wrong)
    assert world.value(done) == before


def test_no_route_shows_another_regions_book(client: httpx.Client, world: Any) -> None:
    """Read from the description itself: a new route is here without a word of this test."""
    document = client.get("/openapi.json").json()
    tried = 0
    for path, verbs in document["paths"].items():
        if not path.startswith("/api/v1/") or "get" not in verbs or path.startswith("/api/v1/codes"):
            continue
        asked = {
            p["name"]: "1"
            for p in verbs["get"].get("parameters", [])
            if p.get("required") and p["in"] == "query"
        }
        if any(p["name"] == "region" for p in verbs["get"].get("parameters", [])):
            asked["region"] = "420100"
        named = path.replace("{book}", BOOK)
        for part in (
            "order",
            "batch",
            "setl_id",
            "number",
            "draft",
            "institution",
            "name",
            "when",
            "date",
            "day",
        ):
            named = named.replace("{" + part + "}", "2026-10-13" if part in ("when", "date", "day") else "1")
        answer = client.get(named, params=asked, headers=world.auth("reviewer2"))
        tried += 1
        assert answer.status_code < 500, (path, answer.text[:200])
        assert client.get(named, params=asked).status_code == 401, path
        if "{book}" in path or "region" in asked:
            assert answer.status_code in (400, 403, 404, 422), (path, answer.text[:200])
    assert tried > 15


@pytest.mark.parametrize("lines", [10_000])
def test_a_voucher_of_ten_thousand_lines_is_taken_or_refused_in_words(
    client: httpx.Client, world: Any, lines: int
) -> None:
    body = {
        "region": "420100", "book": BOOK, "date": "2026-10-13", "business": "2026-10-13", "summary": "长凭证", "evidence": "文",
        "line": [f"借:1003:{lines - 1}.00:x", *("贷:41010101:1.00" for _ in range(lines - 1))],
    }  # fmt: skip
    answer = client.post(
        "/api/v1/acts/book/voucher/draft", json=body, headers=world.auth("accountant"), timeout=60
    )
    assert answer.status_code < 500, answer.text[:300]
    if answer.status_code != 200:
        assert answer.json()["detail"]
    small = client.post(f"/api/v1/books/{BOOK}/voucher-drafts", json=body, headers=world.auth("accountant"))
    assert small.status_code == 413  # a route of its own is for what is typed; a file goes by the act
