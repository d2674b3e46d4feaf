"""The demo company's Tryton of one home: started, found again, stopped."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from core.errors import Denied, NotFound
from core.types.value import Value
from tools.erp.tryton.installation import BAKED, DATABASE, LOGIN, Installation, Say, fresh_password
from tools.erp.tryton.process import Process, answers, end
from tools.erp.tryton.rpc import Rpc
from tools.erp.tryton.sessions import Sessions

_FILE, _NOTE = f"{DATABASE}.sqlite", "server.json"


class Running(Value):
    """A server that was started here."""

    url: str
    """Of the database."""
    pid: int
    """Of the process."""
    login: str
    """Whom the agent works as."""
    password: str
    """Of that user; readable by this machine's user only."""


class Server:
    """The Tryton of one home, in a folder."""

    def __init__(self, folder: Path, installation: Installation) -> None:
        self._folder, self._installation = folder, installation

    def start(self, port: int = 0, say: Say = lambda _: None) -> Running:
        """Install, prepare, copy and start what is not there yet; a server that runs is left alone.

        Args:
            port: To listen on; 0 takes a free one.
            say: Told what goes on.

        Raises:
            StoreError: The package index, Tryton or the disk refuses.
        """
        if (running := self.running()) is not None:
            return running
        self._installation.install(say)
        self._installation.prepare(say)
        if not (self._folder / _FILE).is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._installation.prepared, self._folder / f"{_FILE}.partial")
            os.replace(self._folder / f"{_FILE}.partial", self._folder / _FILE)
        say("the server")
        process = Process(self._installation.programs, self._folder, DATABASE, port)
        noted = self._noted()
        password = noted.password if noted is not None else fresh_password()
        running = Running(url=process.url, pid=process.pid, login=LOGIN, password=password)
        self._note(running)
        try:
            self._ensure_password(running)
        except BaseException:
            process.stop()
            raise
        return running

    def stop(self) -> bool:
        """End the server; False where none runs."""
        running = self.running()
        if running is not None:
            end(running.pid)
        return running is not None

    def running(self) -> Running | None:
        """The server that answers, if there is one."""
        noted = self._noted()
        return noted if noted is not None and answers(noted.url) else None

    def rpc(self) -> Rpc:
        """A session of the user whom the agent works as.

        Raises:
            NotFound: No server runs.
        """
        running = self.running()
        if running is None:
            raise NotFound("Tryton does not run; start it with `nightschool erp start tryton`")
        return Rpc(running.url, running.login, running.password, Sessions(self._folder / "sessions"), self._where)

    def _where(self) -> str | None:
        return running.url if (running := self.running()) is not None else None

    @staticmethod
    def _ensure_password(running: Running) -> None:
        """Passwords of this home alone; the administrator's is told to nobody."""
        with suppress(Denied):
            Rpc(running.url, running.login, running.password).close()
            return
        rpc = Rpc(running.url, "admin", BAKED)
        users = {user["login"]: user["id"] for user in rpc.search("res.user", [], ["login"])}
        both = [users[LOGIN]], {"password": running.password}, [users["admin"]], {"password": fresh_password()}
        rpc.call("res.user", "write", *both)  # in one transaction
        rpc.close()

    def _noted(self) -> Running | None:
        try:
            return Running.model_validate(json.loads((self._folder / _NOTE).read_text()))
        except (OSError, ValueError, ValidationError):
            return None

    def _note(self, running: Running) -> None:
        file = self._folder / _NOTE
        file.touch(mode=0o600)
        file.write_text(running.model_dump_json())
