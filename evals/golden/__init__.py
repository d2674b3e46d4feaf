"""Golden cases that come with the project, frozen by hash; written by hands that saw tools and vocabulary only."""

from pathlib import Path

ERP = Path(__file__).parent / "erp.jsonl"
ERP_SHA256 = "592b0ca14155c57aa58abb54c867ab3b9b4a75f689169214c18b5ec128a67d81"
"""What the frozen file must hash to; a test checks it."""

COMPANY = Path(__file__).parent / "company.jsonl"
"""Six hundred scenarios in the sandbox company."""
COMPANY_SHA256 = "1b142a3b310adecd0b0dad62159815119c60db2c4fcd3ba88067eca227d1f5d4"
"""What it must hash to."""
COMPANY_PHRASINGS = Path(__file__).parent / "company_phrasings.jsonl"
"""Sixty wishes of these scenarios, each in five other people's words."""
COMPANY_PHRASINGS_SHA256 = "5d67e6e47de72de39056f95039e3c8010751db27c8264d8161622ce2bfe9b0e3"
"""What it must hash to."""
HOUSE = Path(__file__).parent / "house.jsonl"
"""Requests in a firm's own words, which `tools.erp.company.DAY` speaks too, by hands that have not seen those."""
HOUSE_SHA256 = "903896e6def7d6d4e94806f14c97f254a8f967f5ea1c92e655305051182b2834"
"""What it must hash to."""

HANDBOOK = Path(__file__).parent / "handbook.jsonl"
"""Questions about the company's handbook, each with the passage that answers it."""
HANDBOOK_SHA256 = "f361e5faf5b7c313cf2aa0f8671334b914f15a6053926832030df6589effe4f1"
"""What it must hash to."""

ROUTES = Path(__file__).parent / "routes.jsonl"
"""Requests with the route each takes, in two halves like the scenarios."""
ROUTES_SHA256 = "7951d2f081470162100099ad7d1c0be7e03d5da058c3244d107c9b88779cd387"
"""What it must hash to."""
