"""Makes the helpers beside the tests importable: the suite is collected by `importlib`, which adds no folders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
