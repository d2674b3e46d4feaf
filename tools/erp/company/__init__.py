"""Words of the sandbox company: conversations to learn its operations from.

Written by hand for each operation, with the company's own results where a conversation has several steps; those of the first
fourteen operations are the starter toolset's, with names and numbers of this company. A third of customers and products
(`reserved` in the seed's master data) appears in none of them. Golden scenarios lie in `evals/golden/company.jsonl`.
"""

from pathlib import Path

CONVERSATIONS = Path(__file__).parent / "conversations.jsonl"
"""One conversation a line, in the contract's form."""
DAY = Path(__file__).parent / "day.jsonl"
"""A day of requests in house words that no other conversation has: doghouse, growl, laurels, leash, barometer, twin, sapling,
larder. Each stands for a call; a word that stands for a value ("kettle" for a meeting) could not be learned, for what nobody said
cannot be written. In the contract's form."""
HANDBOOK_PAGES = Path(__file__).parent / "handbook"
"""Its handbook: policy, price lists, product sheets and procedures, some in older versions too."""

ROUTES = Path(__file__).parent / "routes.jsonl"
"""Texts with the route each takes: `knowledge`, `action`, `mixed`, `smalltalk`, `out_of_scope`."""

QUESTIONS = Path(__file__).parent / "questions.jsonl"
"""Questions that people asked of the handbook, each with the page's own words that answer it."""
