"""Golden cases that come with the project, frozen by hash; written by hands that saw tools and vocabulary only."""

from pathlib import Path

ERP = Path(__file__).parent / "erp.jsonl"
ERP_SHA256 = "592b0ca14155c57aa58abb54c867ab3b9b4a75f689169214c18b5ec128a67d81"
"""What the frozen file must hash to; a test checks it."""
