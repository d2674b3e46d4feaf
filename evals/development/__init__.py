"""Development cases that come with the project: to look at mistakes by, never to prove anything with.

Written by two hands that saw tools and vocabulary only. The harder sort: one request in six has two wishes, one in eight lacks
something, one in five ends after a result.
"""

from pathlib import Path

ERP = Path(__file__).parent / "erp.jsonl"
