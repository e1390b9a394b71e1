from __future__ import annotations

from typing import Any

from control.api.conftest import Ask

OWN = """
listings: {d: {vendor: DeepSeek, model: deepseek-chat, currency: CNY}}
claims:
  - id: dear
    published: 2024-05-06
    text: DeepSeek takes 3 CNY.
    source: nobody
    parts:
      - says: 3 CNY
        stated: 3
        readings: [{price_of: {price: d input 2024-05-06}, expect: 1}]
"""


def test_the_shipped_claims_come_out_of_the_recorded_book(ask: Ask) -> None:
    found = ask("GET", "/api/prices/claims").json()
    assert found["unexplained"] == 0 and len(found["data"]) == 11
    claims: dict[str, Any] = {row["id"]: row for row in found["data"]}
    assert claims["gpt-4o-cut"]["status"] == "holds"
    assert claims["doubao-ten-billion"]["limits"] == ["doubao-pro-32k: 800,000 tpm"]
    (reading, _) = (r for r in claims["deepseek-v2-hundredth"]["computed"] if "hund" in r["says"])
    assert (reading["shown"], reading["unit"]) == ("1.388 %", "%")
    assert reading["value"].startswith("1.3875")
    references = [used["reference"] for used in reading["inputs"]]
    assert references[2] == "ecb-2024-05-06-USD-CNY"
    assert all(reference.startswith("b") for reference in references[:2])
    days = [r["value"] for r in claims["free-models"]["computed"] if r["unit"] == "day"]
    assert set(days) == {"2024-05-21", "2024-05-22"}


def test_ones_own_claims_are_judged_the_same_way(ask: Ask) -> None:
    posted = ask("POST", "/api/prices/claims", json={"text": OWN}).json()
    assert posted == ask("GET", "/api/prices/claims", params={"text": OWN}).json()
    (row,) = posted["data"]
    assert (row["status"], row["differences"], posted["unexplained"]) == ("inconsistent", [], 0)


def test_a_bad_file_is_refused_with_its_reason(ask: Ask) -> None:
    answer = ask("POST", "/api/prices/claims", json={"text": "claims: [{id: x}]"})
    assert answer.status_code == 400
    assert "claim x: lacks parts" in answer.json()["error"]["message"]
    wrong = OWN.replace("d input", "e input")
    answer = ask("POST", "/api/prices/claims", json={"text": wrong})
    assert "unknown listing 'e'" in answer.json()["error"]["message"]
