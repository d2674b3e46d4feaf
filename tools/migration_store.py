"""Migrations that people declared: from the schema a tool had to the one it got."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Engine, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, delete, select

from core.types.principal import Principal
from core.types.schema_change import ToolMigration
from tools.migration import Edges


class MigrationRow(SQLModel, table=True):
    """One declared migration."""

    __tablename__ = "tool_migrations"
    __table_args__ = (UniqueConstraint("tenant", "toolset", "was", "now", name="uq_tool_migrations_way"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of declaration."""
    tenant: str
    """Whose toolset."""
    toolset: str
    """Its name."""
    tool: str
    """The tool's name then."""
    was: str
    """Schema hash then."""
    now: str
    """Schema hash it leads to."""
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The `ToolMigration`."""
    subject_key: str = Field(index=True)
    """Who declared it."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class MigrationStore:
    """Migrations of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def declare(self, toolset: str, tool: str, was: str, now: str, migration: ToolMigration, by: Principal) -> None:
        """From one schema to another; what was declared for these two before is replaced."""
        before = (
            col(MigrationRow.tenant) == self._tenant,
            col(MigrationRow.toolset) == toolset,
            col(MigrationRow.was) == was,
            col(MigrationRow.now) == now,
        )
        with Session(self._engine) as session:
            session.exec(delete(MigrationRow).where(*before))
            session.add(
                MigrationRow(
                    tenant=self._tenant,
                    toolset=toolset,
                    tool=tool,
                    was=was,
                    now=now,
                    document=migration.model_dump(mode="json"),
                    subject_key=by.subject_key,
                    created_at=datetime.now(UTC),
                )
            )
            session.commit()

    def withdraw(self, toolset: str, schemas: Collection[str]) -> int:
        """Forget what was declared from these schemas; how many that were."""
        mine = (col(MigrationRow.tenant) == self._tenant, col(MigrationRow.toolset) == toolset)
        with Session(self._engine) as session:
            gone = session.exec(delete(MigrationRow).where(*mine, col(MigrationRow.was).in_(list(schemas)))).rowcount
            session.commit()
        return gone

    def edges(self, toolset: str) -> Edges:
        """All that was declared for a toolset, by the schema it leads from."""
        edges: dict[str, list[tuple[str, ToolMigration]]] = {}
        query = select(MigrationRow).where(MigrationRow.tenant == self._tenant, MigrationRow.toolset == toolset)
        with Session(self._engine) as session:
            for row in session.exec(query.order_by(col(MigrationRow.id))):
                edges.setdefault(row.was, []).append((row.now, ToolMigration.model_validate(row.document)))
        return edges
