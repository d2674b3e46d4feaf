"""ReleaseStore: releases, refused ones too, and which of them is champion; every promotion is kept."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Engine, Index, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import NotFound, StoreError
from core.types.principal import Principal
from core.types.release import Release

_SCHEMA_VERSION = Release.model_fields["schema_version"].default


class ReleaseRow(SQLModel, table=True):
    """A stored release."""

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("tenant", "id", name="uq_releases_tenant_id"),)

    number: int | None = Field(default=None, primary_key=True)
    """Order of making."""
    id: str
    """`Release.id`, unique within the tenant."""
    tenant: str
    """Whose it is."""
    toolset: str
    """What it was trained for."""
    subject_key: str
    """Who ran the night."""
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The release as JSON."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class PromotionRow(SQLModel, table=True):
    """One change of champion; the newest row of a toolset says who it is."""

    __tablename__ = "promotions"
    __table_args__ = (Index("ix_promotions_tenant_toolset", "tenant", "toolset"),)

    number: int | None = Field(default=None, primary_key=True)
    """Order."""
    tenant: str
    """Whose champion."""
    toolset: str
    """Of which toolset."""
    release_id: str
    """The new champion."""
    subject_key: str
    """Who promoted."""
    why: str
    """`gate`, `person` or `rollback`."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class ReleaseStore:
    """Releases of one tenant; their files lie in `HOME/releases/ID`."""

    def __init__(self, engine: Engine, tenant: str, folder: Path) -> None:
        self._engine, self._tenant, self._folder = engine, tenant, folder

    @property
    def folder(self) -> Path:
        """Where the files of all releases lie."""
        return self._folder

    def path(self, release_id: str) -> Path:
        """Folder of a release's files."""
        return self._folder / release_id

    def add(self, release: Release) -> None:
        """Register a release whose files are in place; adding it again changes nothing."""
        with Session(self._engine) as session:
            if session.exec(self._query(release.id)).first() is None:
                session.add(
                    ReleaseRow(
                        id=release.id,
                        tenant=self._tenant,
                        toolset=release.toolset,
                        subject_key=release.principal.subject_key,
                        document=release.model_dump(mode="json"),
                        created_at=release.created_at,
                    )
                )
                session.commit()

    def get(self, release_id: str) -> Release:
        """One release.

        Raises:
            NotFound: This tenant has no such release.
            StoreError: It is newer than this code.
        """
        with Session(self._engine) as session:
            row = session.exec(self._query(release_id)).first()
        if row is None:
            raise NotFound(f"release {release_id!r}: not found; `nightschool releases list` shows what is there")
        return _read(row.document)

    def all(self, toolset: str | None = None) -> list[Release]:
        """Releases, oldest first."""
        query = select(ReleaseRow).where(ReleaseRow.tenant == self._tenant).order_by(col(ReleaseRow.number))
        if toolset is not None:
            query = query.where(ReleaseRow.toolset == toolset)
        with Session(self._engine) as session:
            return [_read(row.document) for row in session.exec(query)]

    def champion(self, toolset: str) -> Release:
        """The release that serves.

        Raises:
            NotFound: None was promoted yet; names the command that makes one.
        """
        history = self.history(toolset)
        if not history:
            raise NotFound(f"toolset {toolset!r} has no champion yet: run `nightschool night {toolset}`")
        return self.get(history[-1])

    def history(self, toolset: str) -> list[str]:
        """Ids of champions, oldest first, the present one last."""
        query = select(PromotionRow.release_id).where(PromotionRow.tenant == self._tenant, PromotionRow.toolset == toolset)
        with Session(self._engine) as session:
            return list(session.exec(query.order_by(col(PromotionRow.number))))

    def promote(self, release_id: str, principal: Principal, why: str) -> Release:
        """Make a release the champion of its toolset; promoting the champion again changes nothing."""
        release = self.get(release_id)
        history = self.history(release.toolset)
        if not history or history[-1] != release_id:
            with Session(self._engine) as session:
                session.add(
                    PromotionRow(
                        tenant=self._tenant,
                        toolset=release.toolset,
                        release_id=release_id,
                        subject_key=principal.subject_key,
                        why=why,
                        created_at=datetime.now(UTC),
                    )
                )
                session.commit()
        return release

    def rollback(self, toolset: str, principal: Principal) -> Release:
        """Make the champion before the present one champion again; who was rolled back is not gone back to.

        Raises:
            NotFound: There was none before.
        """
        standing = self._standing(toolset)
        if len(standing) < 2:
            raise NotFound(f"toolset {toolset!r} has no earlier champion to go back to")
        return self.promote(standing[-2], principal, "rollback")

    def was_rolled_back(self, toolset: str, release_id: str) -> bool:
        """Whether it was champion, and a person went back to an earlier one."""
        return release_id in self.history(toolset) and release_id not in self._standing(toolset)

    def _standing(self, toolset: str) -> list[str]:
        """Champions that were not rolled back, oldest first, the present one last."""
        query = select(PromotionRow).where(PromotionRow.tenant == self._tenant, PromotionRow.toolset == toolset)
        standing: list[str] = []
        with Session(self._engine) as session:
            for row in session.exec(query.order_by(col(PromotionRow.number))):
                if row.why == "rollback" and row.release_id in standing:
                    while standing[-1] != row.release_id:
                        standing.pop()
                else:
                    standing.append(row.release_id)
        return standing

    def _query(self, release_id: str) -> Any:
        return select(ReleaseRow).where(ReleaseRow.tenant == self._tenant, ReleaseRow.id == release_id)


def _read(document: Mapping[str, Any]) -> Release:
    version = document.get("schema_version", 1)
    if version > _SCHEMA_VERSION:
        raise StoreError(
            f"release {document.get('id')!r} has schema version {version}, this code reads {_SCHEMA_VERSION}: upgrade"
        )
    return Release.model_validate(document)
