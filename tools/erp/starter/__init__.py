"""The first toolset: fourteen ERP tools, what the company knows, and conversations to learn them from.

Values are as said ("end of Q4", "wh7"); resolving them is code's work. Known limits: dates are phrases, numbers are digits,
English only, a few partial calls were derived by rule. `golden` cases for it lie in `evals/golden/erp.jsonl`.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
TOOLS, VOCABULARY, CONVERSATIONS = FOLDER / "tools.json", FOLDER / "vocabulary.json", FOLDER / "conversations.jsonl"
