"""Champions that come with the program, as `nightschool releases export` writes them; a record holds lineage, exam and hashes.

`company.zip` is made anew, in a fresh home, by

    nightschool init && nightschool erp reset && nightschool erp words
    nightschool night company --epochs 2 --rank 16 --learning-rate 0.0015
    nightschool releases export RELEASE agents/champions/company.zip

Its training was done on an H200, in bfloat16; two cores take several hours, and their weights differ by rounding.
"""

from pathlib import Path

COMPANY = Path(__file__).parent / "company.zip"
"""For the sandbox company's toolset."""
