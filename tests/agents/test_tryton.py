"""A thread's turn and a program's action on a Tryton: the same path, and calm where it does not answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.actions import Actions
from agents.business import open_business, tryton_server
from agents.home import Home
from core.errors import ContactLost, NotFound, ToolError
from core.settings import Settings, installed_tryton
from core.types.principal import Principal
from tools.erp.tryton.installation import Installation

_ADA = Principal(person="ada", role="operator")

pytestmark = pytest.mark.skipif(not Installation(installed_tryton()).is_prepared, reason="no Tryton: `make tryton`")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(Settings(home=tmp_path, erp="tryton"))
    yield home
    tryton_server(home).stop()
    home.database.dispose()


def test_a_home_works_in_its_own_tryton(home: Home) -> None:
    with pytest.raises(NotFound, match="erp start tryton"):
        open_business(home)
    running = tryton_server(home).start()
    assert tryton_server(home).start() == running  # one that runs is left alone
    assert "password" not in (home.settings.home / "erp" / "tryton" / "trytond.log").read_text()
    actions = Actions(home)
    said = {"customer": "4 seasons gardning", "lines": [{"item": "a4 paper reams", "qty": 12}]}
    proposed = actions.act("create_quote", said, _ADA, dry_run=True)
    assert proposed.arguments["customer"] == "C0003" and proposed.arguments["lines"][0]["item"] == "P0002"
    first = actions.act("create_quote", said, _ADA, "k")
    assert first.status == "done" and actions.act("create_quote", said, _ADA, "k") == first
    assert home.ledger.get("k").system == "tryton"  # type: ignore[union-attr]  # it is there
    actions.act("create_customer", {"name": "Zebra Umbrella Works"}, _ADA)
    known = actions.act("create_quote", {**said, "customer": "zebra umbrela works"}, _ADA)  # made a second ago
    assert known.effect.result["customer"] == "Zebra Umbrella Works"
    with pytest.raises(ToolError, match="nobody of that name"):
        actions.act("create_quote", {**said, "customer": "nobody of that name"}, _ADA)
    assert tryton_server(home).stop() and not tryton_server(home).stop()
    with pytest.raises(ContactLost, match="no answer"):
        actions.act("find_order", {"order": first.effect.result["order"]}, _ADA)
    assert [entry.key for entry in home.ledger.newest() if entry.state == "pending"] == []
    tryton_server(home).start()  # at another port
    assert actions.act("find_order", {"order": first.effect.result["order"]}, _ADA).effect.result["orders"]
    actions.close()
