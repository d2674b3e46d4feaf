"""What people say for names, days and numbers: 1,294 names and 844 phrases, written by hand.

They are read when the rules are changed, so a rate on them shows that nothing was lost, not how well new ones are met.
"""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from tools.days import days_of
from tools.directory import Directory
from tools.erp.sandbox.seed.master import master
from tools.numbers import find_numbers

_SAID = Path(__file__).parent / "said"
_TODAY = date(2026, 5, 13)


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_SAID / name).read_text(encoding="utf-8").splitlines()]


def test_names_are_found_or_asked_about_and_never_mistaken() -> None:
    company = master()
    named = [("customer", n) for n in company["customers"]] + [("supplier", n) for n in company["suppliers"]]
    named += [("product", entry["name"]) for entry in company["products"]]
    named += [("warehouse", entry["name"]) for entry in company["warehouses"]]
    directory = Directory((kind, name, name) for kind, name in named)
    outcomes: Counter[str] = Counter()
    wrong = []
    rows = _rows("names.jsonl")
    for row in rows:
        found, right = {match.name for match in directory.match(row["kind"], row["said"])}, set(row["right"])
        outcomes["found"] += bool(found & right)
        outcomes["asked"] += len(found) > 1
        outcomes["chose one of several"] += len(found) == 1 < len(right)
        if len(found) == 1 and not found & right:
            wrong.append((row["said"], found, right))
    print(f"{len(rows)} names: {dict(outcomes)}, {len(wrong)} wrong records")
    assert wrong == []
    assert outcomes["found"] >= 0.98 * len(rows)
    assert outcomes["chose one of several"] <= 5


def test_days_and_numbers_mean_what_was_meant() -> None:
    missed = []
    rows = _rows("days.jsonl")
    for row in rows:
        if "first" in row:
            readings = [days_of(row["said"], _TODAY, look) for look in ("ahead", "back")]
            right = any(days and (str(days.first), str(days.last)) == (row["first"], row["last"]) for days in readings)
        else:
            right = any(number.value == row["value"] for number in find_numbers(row["said"]))
        if not right:
            missed.append(row)
    print(f"{len(rows)} days and numbers, {len(missed)} missed: {[row['said'] for row in missed]}")
    assert len(missed) <= 12
