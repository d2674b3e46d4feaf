"""Champions that come with the program, as `nightschool releases export` writes them; a record holds lineage, exam and hashes.

`company.zip` is made anew, in a fresh home, by

    nightschool init && nightschool erp reset && nightschool erp words
    nightschool night company --minutes 75 --epochs 1.2 --rank 16 --learning-rate 0.0015
    nightschool releases export RELEASE agents/champions/company.zip
"""

from pathlib import Path

COMPANY = Path(__file__).parent / "company.zip"
"""For the sandbox company's toolset."""
