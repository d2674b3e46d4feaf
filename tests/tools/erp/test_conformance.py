"""What every business system must do, whoever made it: one suite, run on each. `docs/back-ends.md` says how to add one."""

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from core.errors import NotFound, StoreError, ToolError
from core.settings import installed_tryton
from tests.tools.erp.ground import ANYBODY, Ground, crash_at, place_for
from tools.erp.sandbox.sandbox import OPERATIONS, Sandbox
from tools.erp.tryton.installation import Installation
from tools.erp.tryton.server import Server
from tools.erp.tryton.tryton import OPERATIONS as ON_TRYTON
from tools.erp.tryton.tryton import Tryton

_TWINS = 8
_TRYTON = Installation(installed_tryton())
_ON_TRYTON = pytest.param("tryton", marks=pytest.mark.skipif(not _TRYTON.is_prepared, reason="no Tryton: `make tryton`"))


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    server = Server(tmp_path_factory.mktemp("tryton"), _TRYTON)
    server.start()
    system = Tryton(server.rpc(), grace_s=0.05)  # nothing is under way here when a crash is played
    yield system
    system.close()
    server.stop()


@pytest.fixture(params=["sandbox", _ON_TRYTON])
def ground(request: pytest.FixtureRequest, tmp_path: Path, company_file: Path) -> Iterator[Ground]:
    if request.param == "tryton":
        system = request.getfixturevalue("tryton")
        place = place_for(tmp_path, system)
        yield Ground(system, place, ON_TRYTON, "C0003", "V003", _stocked(system), "MAIN", "BRI")
        return
    path = tmp_path / "company.sqlite"
    shutil.copyfile(company_file, path)
    sandbox = Sandbox(path)
    yield Ground(sandbox, place_for(tmp_path, sandbox), OPERATIONS, "C0003", "V003", "P0002", "MAIN", "BRI")
    sandbox.close()


def _stocked(system: Tryton) -> str:
    """A product of which there is plenty."""
    found = ("P0002", "P0004", "P0009", "P0011", "P0013")
    return max(found, key=lambda item: system.propose("check_stock", {"item": item, "warehouse": "MAIN"}).result["available"])


def test_it_has_what_a_company_needs(ground: Ground) -> None:
    assert len(ground.operations) >= 20
    chain = {"create_quote", "confirm_order", "deliver_order", "draft_invoice", "post_invoice", "register_payment"}
    assert chain | {"record_advance", "reconcile_payment"} <= set(ground.operations)
    for name, operation in ground.operations.items():
        assert ground.back_end.risk(name) == operation.risk
        assert ground.back_end.schema_hash(name) == operation.tool.schema_hash
        assert ground.back_end.trust(name) == operation.trust


def test_what_it_has_not_it_says(ground: Ground) -> None:
    with pytest.raises(ToolError, match="no_such_tool"):
        ground.back_end.risk("no_such_tool")
    assert ground.back_end.trust("no_such_tool") == {}


def test_from_quotation_to_shipment_to_money(ground: Ground) -> None:
    before = ground.ask("check_stock", item=ground.item, warehouse=ground.warehouse)["on_hand"]
    order = ground.order(quantity=4)
    part = ground.do("deliver_order", order=order, lines=[{"item": ground.item, "qty": 1}])
    assert part.result["shipped"] == 1 and part.result["backordered"] == 3
    assert ground.do("deliver_order", order=order).result["backordered"] == 0
    assert ground.ask("check_stock", item=ground.item, warehouse=ground.warehouse)["on_hand"] == before - 4
    draft = ground.do("draft_invoice", order=order)
    assert draft.result["state"] == "draft" and draft.result["order"] == order and draft.result["total"] > 0
    posted = ground.do("post_invoice", invoice=draft.result["invoice"]).result
    assert posted["state"] == "posted" and posted["open"] == posted["total"] == draft.result["total"]
    paid = ground.do("register_payment", invoice=posted["invoice"], amount=1).result
    assert paid["residual"] == pytest.approx(posted["total"] - 1) and paid["unallocated"] == 0
    advance = ground.do("record_advance", customer=ground.customer, amount=paid["residual"]).result
    matched = ground.do("reconcile_payment", payment=advance["payment"], invoice=posted["invoice"]).result
    assert matched["residual"] == 0 and matched["state"] == "paid"
    seen = ground.ask("find_invoice", invoice=posted["invoice"])["invoices"][0]
    assert seen["state"] == "paid" and seen["open"] == 0


def test_from_purchase_to_stock(ground: Ground) -> None:
    before = ground.ask("check_stock", item=ground.item)["on_hand"]
    bought = ground.do("create_purchase", supplier=ground.supplier, lines=[{"item": ground.item, "qty": 5}]).result
    assert bought["to_receive"] == 5
    some = ground.do("receive_goods", purchase=bought["purchase"], lines=[{"item": ground.item, "qty": 2}]).result
    assert some["received"] == 2 and some["to_receive"] == 3
    assert ground.do("receive_goods", purchase=bought["purchase"]).result["to_receive"] == 0
    assert ground.ask("check_stock", item=ground.item)["on_hand"] == before + 5


def test_stock_is_moved_and_counted(ground: Ground) -> None:
    there = ground.ask("check_stock", item=ground.item, warehouse=ground.other_warehouse)["on_hand"]
    places = {"from": ground.warehouse, "to": ground.other_warehouse}
    ground.do("transfer_stock", item=ground.item, qty=1, **places)
    assert ground.ask("check_stock", item=ground.item, warehouse=ground.other_warehouse)["on_hand"] == there + 1
    counted = ground.do("count_stock", item=ground.item, counted=there + 3, warehouse=ground.other_warehouse).result
    assert counted["change"] == 2 and counted["on_hand"] == there + 3


def test_a_quotation_is_changed_and_cancelled(ground: Ground) -> None:
    order = ground.order(confirmed=False)
    once = ground.ask("find_order", order=order)["orders"][0]["total"]
    assert ground.do("change_order", order=order, item=ground.item, qty=4).result["total"] == pytest.approx(2 * once, abs=0.02)
    assert ground.do("cancel_order", order=order).result["state"] == "cancelled"
    with pytest.raises(ToolError):
        ground.do("confirm_order", order=order)


def test_an_invoice_is_credited(ground: Ground) -> None:
    invoice = ground.invoice()
    credited = ground.do("credit_invoice", invoice=invoice).result
    assert credited["open"] == 0 and credited["amount"] > 0
    with pytest.raises(ToolError):
        ground.do("register_payment", invoice=invoice, amount=1)


def test_a_dry_run_changes_nothing_and_says_what_would_be(ground: Ground) -> None:
    lines = [{"item": ground.item, "qty": 2}]
    before = ground.ask("find_order", customer=ground.customer)
    proposed = ground.back_end.propose("create_quote", {"customer": ground.customer, "lines": lines})
    assert ground.ask("find_order", customer=ground.customer) == before
    assert proposed.changes and proposed.reply
    made = ground.do("create_quote", customer=ground.customer, lines=lines)
    assert (made.result["total"], made.result["customer"]) == (proposed.result["total"], proposed.result["customer"])
    assert ground.back_end.shows(made.changes)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_quote", {"customer": "C9999", "lines": [{"item": "P0002", "qty": 1}]}),
        ("create_quote", {"customer": "C0003", "lines": [{"item": "P9999", "qty": 1}]}),
        ("create_quote", {"customer": "C0003", "lines": [{"item": "P0002", "qty": -1}]}),
        ("create_quote", {"customer": "C0003", "lines": []}),
        ("confirm_order", {"order": "SO-99999"}),
        ("post_invoice", {"invoice": "INV-99999"}),
        ("register_payment", {"invoice": "INV-99999", "amount": 5}),
        ("register_payment", {"invoice": "x' OR 1=1 --", "amount": 5}),
        ("check_stock", {"item": "P0002", "warehouse": "🦄"}),
        ("find_order", {"order": ""}),
        ("confirm_order", {"order": "SO-00001", "and": "more"}),
    ],
)
def test_what_is_wrong_is_refused_by_field_and_leaves_nothing(ground: Ground, tool: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolError) as refused:
        ground.place.executor.execute(tool, arguments, ANYBODY, uuid4().hex)
    assert refused.value.field
    assert ground.place.ledger.newest() == []


def test_a_key_is_done_once_and_stands_for_one_call(ground: Ground) -> None:
    name, key = f"Twin {uuid4().hex[:8]}", uuid4().hex
    made, again = ground.do("create_customer", key, name=name), ground.do("create_customer", key, name=name)
    assert made == again and len(ground.ask("find_customer", query=name)["matches"]) == 1
    with pytest.raises(StoreError, match="another request"):
        ground.do("create_customer", key, name=f"{name} Ltd")


def test_twins_at_once_are_done_once(ground: Ground) -> None:
    name, key, answers = f"Twin {uuid4().hex[:8]}", uuid4().hex, []
    call = threading.Barrier(_TWINS)

    def twin() -> None:
        call.wait()
        answers.append(ground.do("create_customer", key, name=name).result["number"])

    threads = [threading.Thread(target=twin) for _ in range(_TWINS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == _TWINS and len(set(answers)) == 1
    assert len(ground.ask("find_customer", query=name)["matches"]) == 1


def test_what_was_never_done_is_not_found(ground: Ground) -> None:
    assert ground.back_end.conclusive("create_customer")
    assert ground.back_end.find(uuid4().hex, "create_customer", {"name": "Nobody At All"}) is None


def test_it_is_taken_back_or_it_is_said_that_it_cannot(ground: Ground) -> None:
    key = uuid4().hex
    order = ground.do("create_quote", key, customer=ground.customer, lines=[{"item": ground.item, "qty": 1}]).result["order"]
    ground.place.executor.undo(key, ANYBODY)
    with pytest.raises(ToolError):
        ground.do("confirm_order", order=order)
    with pytest.raises(NotFound):
        ground.place.executor.undo(uuid4().hex, ANYBODY)


@pytest.mark.parametrize("what", ["create_customer", "create_quote", "draft_invoice"])
def test_an_interrupted_undo_is_asked_for_again(ground: Ground, what: str) -> None:
    key, (tool, arguments) = uuid4().hex, _prepared(ground, what)
    ground.do(tool, key, **arguments)
    with crash_at("executor.taken_back", 1) as died:
        ground.place.executor.undo(key, ANYBODY)
    assert died and ground.place.ledger.get(key).state == "done"
    ground.place.executor.undo(key, ANYBODY)
    assert ground.place.ledger.get(key).state == "undone"
    with pytest.raises(ToolError, match="only what is done"):
        ground.place.executor.undo(key, ANYBODY)


_CRASHED = ("create_customer", "create_quote", "confirm_order")
_MORE = ("post_invoice", "register_payment", "deliver_order", "change_order", "draft_invoice", "draft of an order", "credit_invoice", "record_advance", "reconcile_payment",
         "create_purchase", "receive_goods", "transfer_stock", "count_stock", "cancel_order")  # fmt: skip


def _prepared(ground: Ground, what: str) -> tuple[str, dict[str, object]]:
    """A call of an operation that can be done now."""
    item, customer = ground.item, ground.customer
    match what:
        case "create_customer":
            return what, {"name": f"Crash {uuid4().hex[:8]}", "city": "Leeds"}
        case "create_quote":
            return what, {"customer": customer, "lines": [{"item": item, "qty": 2}]}
        case "confirm_order" | "cancel_order":
            return what, {"order": ground.order(confirmed=False)}
        case "change_order":
            return what, {"order": ground.order(confirmed=False), "item": item, "qty": 7}
        case "deliver_order":
            return what, {"order": ground.order(), "lines": [{"item": item, "qty": 1}]}
        case "draft_invoice":
            return what, {"customer": customer, "lines": [{"item": item, "qty": 1}]}
        case "draft of an order":
            return "draft_invoice", {"order": ground.order()}
        case "post_invoice":
            return what, {"invoice": ground.invoice(posted=False)}
        case "register_payment":
            return what, {"invoice": ground.invoice(), "amount": 1}
        case "credit_invoice":
            return what, {"invoice": ground.invoice()}
        case "record_advance":
            return what, {"customer": customer, "amount": 3}
        case "reconcile_payment":
            advance = ground.do("record_advance", customer=customer, amount=1)
            return what, {"payment": advance.result["payment"], "invoice": ground.invoice()}
        case "create_purchase":
            return what, {"supplier": ground.supplier, "lines": [{"item": item, "qty": 2}]}
        case "receive_goods":
            made = ground.do("create_purchase", supplier=ground.supplier, lines=[{"item": item, "qty": 2}])
            return what, {"purchase": made.result["purchase"]}
        case "transfer_stock":
            return what, {"item": item, "qty": 1, "from": ground.warehouse, "to": ground.other_warehouse}
        case _:
            here = ground.ask("check_stock", item=item, warehouse=ground.other_warehouse)["on_hand"]
            return what, {"item": item, "counted": here + 2, "warehouse": ground.other_warehouse}


def _footprint(ground: Ground) -> Counter[str]:
    """How many records there are of each kind that a write can double."""
    if isinstance(ground.back_end, Sandbox):
        return Counter(
            {table: count for table, count in ground.back_end.counts().items() if table not in ("sequence", "stock_level")}
        )
    assert isinstance(ground.back_end, Tryton)
    models = ("party.party", "sale.sale", "sale.line", "account.invoice", "account.move", "account.move.line", "purchase.purchase",
              "stock.shipment.out", "stock.shipment.in", "stock.shipment.internal", "stock.inventory", "account.move.reconciliation")  # fmt: skip
    return Counter({model: ground.back_end.rpc.call(model, "search_count", []) for model in models})


def _left_by_one(ground: Ground, what: str) -> Counter[str]:
    """What one call leaves behind where nothing disturbs it."""
    tool, arguments = _prepared(ground, what)
    start = _footprint(ground)
    ground.place.executor.execute(tool, arguments, ANYBODY, uuid4().hex)
    return _footprint(ground) - start


def _crashes(ground: Ground, what: str, one: Counter[str], point: str, step: int) -> int:
    """Die at a place for the so-many-th time; then restart, and ask again. Returns 1 where it died before the end."""
    tool, arguments = _prepared(ground, what)
    start, key = _footprint(ground), uuid4().hex
    with crash_at(point, step) as died:
        ground.place.executor.execute(tool, arguments, ANYBODY, key)
    if not died:
        return 0
    ground.abandon()
    ground.place.executor.reconcile()
    left = ground.place.ledger.get(key)
    if left is not None and left.state == "unknown":
        assert not ground.back_end.conclusive(tool) and _footprint(ground) - start in (Counter(), one)
        return 1
    ground.place.executor.execute(tool, arguments, ANYBODY, key)
    assert _footprint(ground) - start == one, f"{what} died at {point} {step}"
    entry = ground.place.ledger.get(key)
    assert entry is not None and entry.state == "done"
    return 1


@pytest.mark.parametrize("what", _CRASHED)
def test_a_crash_before_or_after_leaves_one(ground: Ground, what: str) -> None:
    one = _left_by_one(ground, what)
    assert all(_crashes(ground, what, one, point, 1) for point in ("executor.calling", "executor.called"))


@pytest.mark.slow
@pytest.mark.parametrize("what", [*_CRASHED, *_MORE])
def test_a_crash_at_any_step_on_the_way_leaves_one(ground: Ground, what: str) -> None:
    points = ("tryton.answered",) if isinstance(ground.back_end, Tryton) else ("sandbox.committing", "sandbox.committed")
    one, died = _left_by_one(ground, what), 0
    for point in points:
        step = 1
        while _crashes(ground, what, one, point, step):
            died, step = died + 1, step + 1
    print(f"{what}: {died} crashes")
    assert died
