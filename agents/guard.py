"""The guard for tools that changed since a release learned them: what it would call is not what is there any more."""

from collections.abc import Callable

from core.types.tool import Toolset


class SchemaGuard:
    """Compares the tools a release learned with those there are now."""

    def __init__(self, learned: Toolset, version: Callable[[], str | None], current: Callable[[], Toolset]) -> None:
        """Made at a desk.

        Args:
            learned: The toolset of the release.
            version: Of the toolset there is now; cheap. None where there is none.
            current: That toolset; asked for when the version is another one.
        """
        self._learned, self._version, self._current = learned.schema_hashes, version, current
        self._seen: str | None = None
        self._changed: frozenset[str] = frozenset()

    def changed(self) -> frozenset[str]:
        """Tools the release knows whose schema is another one now, or that are gone."""
        version = self._version()
        if version is None:
            return frozenset(self._learned)
        if version != self._seen:
            now = self._current().schema_hashes
            self._changed = frozenset(name for name, schema in self._learned.items() if now.get(name) != schema)
            self._seen = version
        return self._changed
