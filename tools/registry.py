"""The registry: toolsets by name, every version kept."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Engine, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import NotFound
from core.types.tool import Toolset


class ToolsetRow(SQLModel, table=True):
    """One version of a toolset."""

    __tablename__ = "toolsets"
    __table_args__ = (UniqueConstraint("tenant", "name", "version", name="uq_toolsets_tenant_name_version"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival; the newest version is the current one."""
    tenant: str
    """Whose it is."""
    name: str
    """What people call it."""
    version: str
    """`Toolset.version`."""
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The toolset as JSON."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class Registry:
    """Toolsets of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def add(self, toolset: Toolset) -> bool:
        """Make this the current version; False when it is already."""
        if self._newest(toolset.name) == toolset:
            return False
        with Session(self._engine) as session:
            old = session.exec(self._query(toolset.name).where(ToolsetRow.version == toolset.version)).first()
            if old is not None:  # going back to an earlier version makes it the newest again
                session.delete(old)
                session.flush()
            session.add(
                ToolsetRow(
                    tenant=self._tenant,
                    name=toolset.name,
                    version=toolset.version,
                    document=toolset.model_dump(mode="json"),
                    created_at=datetime.now(UTC),
                )
            )
            session.commit()
        return True

    def get(self, name: str) -> Toolset:
        """The current version of a toolset.

        Raises:
            NotFound: There is no such toolset; names the command that adds one.
        """
        found = self._newest(name)
        if found is None:
            raise NotFound(f"toolset {name!r}: not found; add it with `nightschool toolset add {name} TOOLS.json`")
        return found

    def version(self, name: str) -> str | None:
        """`Toolset.version` of the current version; None where there is no such toolset."""
        query = select(ToolsetRow.version).where(ToolsetRow.tenant == self._tenant, ToolsetRow.name == name)
        with Session(self._engine) as session:
            return session.exec(query.order_by(col(ToolsetRow.id).desc())).first()

    def versions(self, name: str) -> list[Toolset]:
        """Every version of a toolset there was, the oldest first and the current one last; empty where there is none."""
        with Session(self._engine) as session:
            rows = session.exec(self._query(name).order_by(col(ToolsetRow.id))).all()
            return [Toolset.model_validate(row.document) for row in rows]

    def all(self) -> list[Toolset]:
        """The current version of every toolset, by name."""
        with Session(self._engine) as session:
            names = sorted(set(session.exec(select(ToolsetRow.name).where(ToolsetRow.tenant == self._tenant))))
        return [self.get(name) for name in names]

    def _newest(self, name: str) -> Toolset | None:
        with Session(self._engine) as session:
            row = session.exec(self._query(name).order_by(col(ToolsetRow.id).desc())).first()
        return Toolset.model_validate(row.document) if row else None

    def _query(self, name: str) -> Any:
        return select(ToolsetRow).where(ToolsetRow.tenant == self._tenant, ToolsetRow.name == name)
