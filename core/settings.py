"""Settings: read once in `main` and `create_app`, never at import. Every variable starts with `NIGHTSCHOOL_`."""

import os
import sys
from datetime import time
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where state lives and which parts are used."""

    model_config = SettingsConfigDict(env_prefix="NIGHTSCHOOL_", extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".nightschool")
    """All state: database, nights, releases."""
    artefacts: Path | None = None
    """Where model files lie; several homes may share one folder."""
    database_url: SecretStr | None = None
    """SQLAlchemy URL; default a SQLite file under the home."""
    keys_file: Path | None = None
    """Signing keys of audit and approvals; default under the home, best where the database's backups do not go."""
    audit_anchor: Path | None = None
    """File the audit's newest signature is appended to; default under the home, best where the database's owner cannot write."""
    tenant: str = "default"
    """Whose data the command line works on."""
    threads: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1)
    """CPU threads of training."""
    engine_threads: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1)
    """CPU threads of an engine. llama.cpp's threads wait for each other in busy loops: where something else wants the last core,
    one thread less is faster."""
    train_elsewhere: bool = False
    """Whether nights stop before their training, which `nightschool train FOLDER` then does on another machine."""
    night_at: time | None = None
    """When `serve` runs the night by itself, such as 02:30; None leaves nights to people."""
    night_zone: str = "UTC"
    """IANA zone of that hour."""
    night_minutes: float | None = Field(default=None, gt=0)
    """At most so long such a night takes, a toolset."""
    night_signal: int = Field(default=25, ge=1)
    """New accepted traces below which the night is left out."""
    mature_days: int = Field(default=7, ge=0)
    """How long a write has to stand, not undone, cancelled or credited, before its conversation teaches; 0 waits for nothing."""
    erp: Literal["sandbox", "tryton"] = "sandbox"
    """The business system that is worked in."""
    tryton: Path | None = None
    """Where Tryton's programs lie; several homes may share one folder."""
    tryton_url: str | None = None
    """A Tryton database, such as https://erp.example.com/company/; default the one `nightschool erp start tryton` started."""
    tryton_user: str = "nightschool"
    """Whom the agent works as there."""
    tryton_password: SecretStr | None = None
    """Of that user."""
    webhook_url: str | None = None
    """Told what waits for a person, what was written, and what nobody knows the end of."""
    webhook_secret: SecretStr | None = None
    """Signs what is told: `whsec_` and at least 24 random bytes in base64."""
    second_base: str | None = None
    """Recipe or model whose champion gives a second opinion on writes."""
    teacher_model: str = "default"
    """Which model of the server that `night --teacher` names is asked."""
    teacher_key: SecretStr | None = None
    """Its API key."""
    raw_egress: tuple[str, ...] = ()
    """Addresses of servers that may be sent personal data as it is; all others are sent surrogates."""
    remote_url: str | None = None
    """OpenAI-compatible server that holds the base and its adapters; used instead of llama.cpp where set."""
    remote_key: SecretStr | None = None
    """Its API key."""
    remote_dialect: Literal["llamacpp", "vllm"] = "llamacpp"
    """How it takes a grammar."""

    @field_validator("home", "artefacts", "keys_file", "audit_anchor", "tryton")
    @classmethod
    def _from_anywhere(cls, path: Path | None) -> Path | None:
        """The same place for a process that works in another folder, as a training does."""
        return path.absolute() if path is not None else None

    @field_validator("night_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no IANA time zone, such as Europe/Berlin") from error
        return name

    @property
    def artefact_folder(self) -> Path:
        """Where model files lie: as set, else beside the installation where `make install` put them, else under the home."""
        beside = installed_artefacts()
        return self.artefacts or (beside if beside.is_dir() else self.home / "artefacts")

    @property
    def tryton_folder(self) -> Path:
        """Where Tryton's programs lie: as set, else beside the installation if they are there, else under the home."""
        beside = installed_tryton()
        return self.tryton or (beside if beside.is_dir() else self.home / "tryton")

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the database."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'nightschool.sqlite'}"


def installed_tryton() -> Path:
    """Tryton's folder of this Python environment."""
    return Path(sys.prefix) / "share" / "nightschool" / "tryton"


def installed_artefacts() -> Path:
    """The artefact folder of this Python environment."""
    return Path(sys.prefix) / "share" / "nightschool" / "artefacts"
