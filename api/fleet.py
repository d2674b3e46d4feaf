"""The serving process's callers, as the web service asks for them."""

from agents.home import Home
from agents.serving import Fleet, Loaded
from api.callers import ModelInfo


class HomeCallers:
    """`api.callers.Callers` over a home."""

    def __init__(self, home: Home) -> None:
        self._home, self.fleet = home, Fleet(home)

    def caller(self, toolset: str, release: str | None) -> Loaded:
        """The caller of a toolset; its champion unless a release is named."""
        return self.fleet.get(toolset, release)

    def models(self) -> list[ModelInfo]:
        """Toolsets with a champion first, then every release."""
        releases = self._home.releases.all()
        champions = [
            ModelInfo(id=name, created=int(self._home.releases.champion(name).created_at.timestamp()))
            for name in sorted({release.toolset for release in releases})
            if self._home.releases.history(name)
        ]
        named = [ModelInfo(id=f"{r.toolset}@{r.id}", created=int(r.created_at.timestamp())) for r in releases]
        return [*champions, *named]
