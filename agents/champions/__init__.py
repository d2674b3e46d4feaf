"""Champions that come with the program, as `nightschool releases export` writes them.

`company.zip` was made by `nightschool erp reset`, `nightschool erp words`, `nightschool night company` with the options its
record names, and `nightschool releases export`; the record holds lineage, exam and hashes.
"""

from pathlib import Path

COMPANY = Path(__file__).parent / "company.zip"
"""For the sandbox company's toolset."""
