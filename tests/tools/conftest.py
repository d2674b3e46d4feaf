"""A till, and the write path to it. Makes the helpers beside the tests importable: `importlib` mode adds no folders."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from write_path import Place, Till


@pytest.fixture
def till() -> Till:
    """A business system with one drawer."""
    return Till()


@pytest.fixture
def place(tmp_path: Path, till: Till) -> Place:
    """Everything a write to it passes through."""
    return Place(tmp_path, till)
