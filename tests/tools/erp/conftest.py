"""A company with a short history, made once and copied for each test."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.seed.company import build_company


@pytest.fixture(scope="session")
def company_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company") / "company.sqlite"
    build_company(path, first_day=date(2026, 2, 2)).close()
    return path


@pytest.fixture
def company(company_file: Path, tmp_path: Path) -> Iterator[Sandbox]:
    path = tmp_path / "company.sqlite"
    shutil.copyfile(company_file, path)
    sandbox = Sandbox(path)
    yield sandbox
    sandbox.close()
