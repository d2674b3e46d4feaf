"""`nightschool init`: the home, its database, the model files, one API key."""

from api.cli.output import AsJson, Bars, open_home, show
from core.artefacts import MINILM, SMALL_BASE


def init(as_json: AsJson = False) -> None:
    """Set up NIGHTSCHOOL_HOME; safe to repeat. The first time it prints one API key, once."""
    home = open_home()
    with Bars() as bars:
        bars.step("model files")
        for artefact in (SMALL_BASE, MINILM):
            home.artefacts.fetch(artefact, lambda note: bars.update(0, 1, note))
        bars.update(1, 1)
    secret = None if home.keys.list(home.settings.tenant) else home.keys.create(home.principal)
    folder = home.settings.home
    key = f"API key (shown once): {secret}" if secret else "There is an API key already; `nightschool keys create` makes another."
    show({"home": str(folder), "api_key": secret}, f"Home: {folder}\n{key}", as_json)
