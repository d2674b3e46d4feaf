"""Tryton's programs in an environment of their own, and the demo company's database, prepared once and copied for each home."""

import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import date
from hashlib import sha256
from pathlib import Path

from core.errors import NotFound, StoreError
from tools.erp.sandbox.seed.master import MASTER
from tools.erp.tryton.demo import set_up
from tools.erp.tryton.process import Process, write_config
from tools.erp.tryton.rpc import Rpc

DATABASE = "erp"
LOGIN = "nightschool"
"""The user whom the agent works as."""
BAKED = "changed-when-a-server-starts"
"""Password of both users in the prepared file."""
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_MODULES = ("sale", "purchase", "account_invoice", "account_invoice_stock", "stock")
_PREPARE_S = 900
Say = Callable[[str], None]


class Installation:
    """A folder that holds the programs and the prepared database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def programs(self) -> Path:
        """Where Tryton's programs lie."""
        return self.folder / "environment" / "bin"

    @property
    def prepared(self) -> Path:
        """The demo company's database, to be copied."""
        return self.folder / "company.sqlite"

    @property
    def is_installed(self) -> bool:
        """Whether the programs are there, of the versions asked for."""
        stamp = self.folder / "installed.txt"
        return stamp.is_file() and stamp.read_text() == _REQUIREMENTS.read_text()

    @property
    def is_prepared(self) -> bool:
        """Whether that database is there, as it would be made now."""
        stamp = self.folder / "prepared.txt"
        return self.prepared.is_file() and stamp.is_file() and stamp.read_text() == _recipe()

    def install(self, say: Say = lambda _: None) -> None:
        """Fetch the programs from the package index, unless they are there.

        Raises:
            StoreError: The package index cannot be reached, or refuses; ends with its last words.
        """
        if self.is_installed:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.folder / "environment", ignore_errors=True)
        say("an environment for Tryton")
        _run([sys.executable, "-m", "venv", str(self.folder / "environment")])
        say("Tryton from the package index")
        _run([str(self.programs / "python"), "-m", "pip", "install", "--quiet", "--requirement", str(_REQUIREMENTS)])
        (self.folder / "installed.txt").write_text(_REQUIREMENTS.read_text())

    def prepare(self, say: Say = lambda _: None) -> None:
        """Make the demo company's database, unless it is there: a minute or two, no network.

        Raises:
            NotFound: The programs are not installed.
            StoreError: Tryton refuses; ends with its last words.
        """
        if not self.is_installed:
            raise NotFound(f"{self.folder}: Tryton is not installed; run `nightschool erp install tryton`")
        if self.is_prepared:
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            folder = Path(place)
            self._empty(folder, say)
            with Process(self.programs, folder, DATABASE) as server:
                rpc = Rpc(server.url, "admin", BAKED)
                set_up(rpc, date.today(), LOGIN, BAKED, lambda done, of: say(f"the demo company, step {done} of {of}"))
                rpc.close()
            whole = folder / "whole.sqlite"
            with closing(sqlite3.connect(folder / f"{DATABASE}.sqlite")) as connection:
                connection.execute("VACUUM INTO ?", (str(whole),))  # what is still in the write-ahead log too
            os.replace(whole, self.prepared)
        (self.folder / "prepared.txt").write_text(_recipe())

    def _empty(self, folder: Path, say: Say) -> None:
        """A database with the modules, and nothing in it."""
        (folder / f"{DATABASE}.sqlite").touch()
        config = write_config(folder, 0)
        word = folder / "password"
        word.write_text(BAKED)
        admin = [str(self.programs / "trytond-admin"), "-c", str(config), "-d", DATABASE]
        environment = {**os.environ, "TRYTONPASSFILE": str(word)}
        say("an empty database")
        _run([*admin, "--all", "--email", "admin@example.com"], environment)
        say(f"modules {', '.join(_MODULES)}")
        _run([*admin, "--update", *_MODULES, "--activate-dependencies"], environment)
        word.unlink()


def _recipe() -> str:
    """A hash of what the demo company is made of."""
    made_of = (_REQUIREMENTS, Path(__file__).with_name("demo.py"), MASTER)
    return sha256(b"".join(file.read_bytes() for file in made_of)).hexdigest()


def fresh_password() -> str:
    """One nobody has."""
    return secrets.token_urlsafe(24)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    try:
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=_PREPARE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{Path(command[0]).name}: {error}") from error
    if ran.returncode:
        words = (ran.stderr or ran.stdout).strip().splitlines()[-3:]
        raise StoreError(f"{' '.join(command[:3])} ended with {ran.returncode}: {' | '.join(words)}")
