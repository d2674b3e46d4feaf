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
        self._learned, self._version, self._current = learned, version, current
        self._seen: str | None = None
        self._changed = self._reworded = frozenset[str]()

    def changed(self) -> frozenset[str]:
        """Tools the release knows whose schema is another one now, or that are gone."""
        self._look()
        return self._changed

    def reworded(self) -> frozenset[str]:
        """Tools that are described in other words now, or are new: until the next night nobody vouches for these words."""
        self._look()
        return self._reworded

    def _look(self) -> None:
        """Compare again where there is another version now."""
        version = self._version()
        if version is None:
            self._changed, self._seen = frozenset(self._learned.by_name), None
        elif version != self._seen:
            now, known = self._current(), self._learned.schema_hashes
            self._changed = frozenset(name for name, schema in known.items() if now.schema_hashes.get(name) != schema)
            said = {name: tool.description for name, tool in self._learned.by_name.items()}
            self._reworded = frozenset(tool.name for tool in now.tools if said.get(tool.name) != tool.description)
            self._seen = version
