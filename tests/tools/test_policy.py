"""Policy: the strictest rule holds, what nobody listed is asked, and a broken file is named."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from write_path import ADA, BEA, EVE, Place, Till

from core.errors import BadInput, Denied
from core.types.effect import Effect
from core.types.principal import Principal
from core.types.tool import Risk
from tools.erp.operations import ALL
from tools.ledger import Entry
from tools.policy import DEFAULT_POLICY, Decision, Policy, Proposal, read_policy
from tools.trust import CLEAN, Taint

_POLICY = """
default_role = "viewer"
[people]
ann = "sales"
[roles.viewer]
may_read = ["find_*"]
hidden = ["iban"]
[roles.sales]
may_read = ["*"]
may_write = ["create_*", "set_discount"]
[roles.sales.fields]
create_customer = ["name"]
[roles.accounting]
may_read = ["*"]
may_write = ["post_invoice", "pay_bill", "register_payment"]
may_approve = ["set_discount"]
[[asks]]
tools = ["create_lead"]
[[limits]]
tools = ["set_discount"]
field = "percent"
most = 10
[[limits]]
tools = ["create_quote"]
field = "total"
most = 1000
beyond = "deny"
[[rates]]
tools = ["create_ticket"]
most = 2
seconds = 60
[[separate]]
tools = ["create_supplier", "pay_bill"]
by = ["supplier"]
[periods]
locked_until = 2026-04-30
"""
_ANN, _JOE = Principal(person="ann", role="operator"), Principal(person="joe", role="accounting")


class _Past:
    """What was written before."""

    def __init__(self, *entries: tuple[str, dict[str, Any]]) -> None:
        self._entries = entries

    def by_person(self, person: str, since: datetime, tools: Any) -> list[Entry]:
        now = datetime.now(UTC)
        return [
            Entry(
                key="k",
                system="x",
                tool=tool,
                arguments=said,
                principal=_JOE,
                state="done",
                effect=None,
                detail="",
                approval=None,
                created_at=now,
            )
            for tool, said in self._entries
            if tool in tools
        ]

    def count_by_person(self, person: str, since: datetime, tools: Any) -> int:
        return len(self.by_person(person, since, tools))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    file.write_text(_POLICY)
    return read_policy(file)


def _judged(
    policy: Policy,
    tool: str,
    who: Principal = _ANN,
    risk: Risk = "write",
    result: dict[str, Any] | None = None,
    past: Any = (),
    taint: Taint = CLEAN,
    **arguments: Any,
) -> Decision:
    effect = Effect(tool=tool, result=result or {})
    proposal = Proposal(tool=tool, risk=risk, arguments=arguments, principal=who, effect=effect, taint=taint)
    return policy.judge(proposal, _Past(*past))


@pytest.mark.parametrize(
    ("call", "verdict", "why"),
    [
        ({"tool": "create_ticket"}, "allow", "sales may create_ticket"),
        ({"tool": "create_lead"}, "ask", "waits for a person"),
        ({"tool": "post_invoice"}, "deny", "sales may not post_invoice"),
        ({"tool": "launch_rocket"}, "ask", "in no list of the policy"),
        ({"tool": "create_customer", "name": "X", "email": "y"}, "deny", "may not say email"),
        ({"tool": "create_customer", "name": "X"}, "allow", ""),
        ({"tool": "set_discount", "percent": 10}, "allow", ""),
        ({"tool": "set_discount", "percent": 10.5}, "ask", "percent is more than 10"),
        ({"tool": "set_discount", "percent": "lots"}, "ask", "percent is no amount"),
        ({"tool": "create_quote", "result": {"total": 1000.01}}, "deny", "total is more than 1,000"),
        ({"tool": "create_ticket", "past": [("create_ticket", {})] * 2}, "deny", "2 writes in the last 60 seconds"),
        ({"tool": "create_ticket", "past": [("create_ticket", {})]}, "allow", ""),
        ({"tool": "create_ticket", "taint": Taint(arguments=("subject",))}, "ask", "subject: from a text nobody vouches for"),
        ({"tool": "create_ticket", "date": "2026-04-30"}, "deny", "closed until 2026-04-30"),
        ({"tool": "create_ticket", "date": "2026-05-01"}, "allow", ""),
        ({"tool": "create_ticket", "date": 1735603200}, "deny", "closed until"),
        ({"tool": "create_ticket", "result": {"date": "2026-04-01"}}, "deny", "closed until"),
        ({"tool": "set_discount", "percent": None, "result": {"percent": 12}}, "ask", "percent is more than 10"),
        ({"tool": "set_discount", "percent": 5, "result": {"percent": 12}}, "ask", "percent is more than 10"),
        ({"tool": "pay_bill", "who": _JOE, "risk": "destructive"}, "ask", "a second person decides"),
        (
            {"tool": "pay_bill", "who": _JOE, "result": {"supplier": "S1"}, "past": [("create_supplier", {"supplier": "S1"})]},
            "deny",
            "joe did create_supplier for S1",
        ),
        (
            {"tool": "pay_bill", "who": _JOE, "result": {"supplier": "S2"}, "past": [("create_supplier", {"supplier": "S1"})]},
            "allow",
            "",
        ),
        ({"tool": "find_order", "who": EVE, "risk": "read"}, "allow", ""),
        ({"tool": "run_report", "who": EVE, "risk": "read"}, "deny", "viewer may not run_report"),
        ({"tool": "find_order", "who": Principal(person="x", role="nobody"), "risk": "read"}, "allow", "viewer may"),
    ],
)
def test_rules(policy: Policy, call: dict[str, Any], verdict: str, why: str) -> None:
    decision = _judged(policy, **call)
    assert (decision.verdict, why in decision.why) == (verdict, True), decision


def test_the_panic_switch_stops_every_write_and_no_read(policy: Policy) -> None:
    stopped = policy.model_copy(update={"panic": True})
    assert _judged(stopped, "create_ticket").verdict == "deny"
    assert _judged(stopped, "find_order", risk="read").verdict == "allow"


def test_who_has_no_role_may_do_nothing() -> None:
    assert _judged(Policy(), "find_order", risk="read").verdict == "deny"


def test_approvers(policy: Policy) -> None:
    assert policy.may_approve(_JOE, "set_discount", _ANN, four_eyes=True) is None
    assert "may not approve" in str(policy.may_approve(_JOE, "create_lead", _ANN, four_eyes=False))
    assert "second person" in str(policy.may_approve(_JOE, "set_discount", _JOE, four_eyes=True))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("panic = 3", "panic 3"),
        ("[roles.a]\nmay_wriet = ['*']", "roles.a.may_wriet"),
        ("[[limits]]\nmost = 1", "limits.0.field"),
        ("[[rates]]\nmost = 1\nseconds = 0", "rates.0.seconds 0"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=r"policy\.toml") as told:
        read_policy(file)
    assert named in str(told.value)


def test_every_rule_of_the_shipped_policy_names_tools_there_are() -> None:
    policy, names = read_policy(DEFAULT_POLICY), [operation.name for operation in ALL]
    for rule in (*policy.asks, *policy.limits, *policy.rates, *policy.separate):
        for pattern in rule.tools:
            only = Policy(roles={"r": {"may_write": [pattern]}}, default_role="r")  # type: ignore[dict-item]  # read as a Role
            found = [name for name in names if _judged(only, name, EVE).verdict == "allow"]
            assert found or pattern == "*", pattern


_ROLES = 20
_READS = 2000
_FIELDS = [f"f{number}" for number in range(12)]
_DOCUMENTS = st.recursive(
    st.one_of(st.integers(), st.text(max_size=6), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4)),
    max_leaves=12,
)


def test_no_role_reads_beyond_its_rights() -> None:
    """Each of twenty roles sees other fields and tools; whatever a result holds, none of what is hidden comes through."""
    roles = {
        f"r{number}": {
            "may_read": [f"t{number % 5}*"],
            "hidden": [field for at, field in enumerate(_FIELDS) if (at * 7 + number) % 3],
        }
        for number in range(_ROLES)
    }
    policy, seen = Policy.model_validate({"roles": roles}), [0]

    @settings(max_examples=_READS // _ROLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.dictionaries(st.sampled_from(_FIELDS), _DOCUMENTS, max_size=5))
    def read(result: dict[str, Any]) -> None:
        marked = _marked(result, "")
        effect = Effect(tool="t1", result=marked, reply=repr(marked))
        for name, role in roles.items():
            seen[0] += 1
            who = Principal(person="x", role=name)
            told = policy.visible(effect, who).model_dump_json()
            assert not any(f"<{field}>" in told for field in role["hidden"])
            allowed = _judged(policy, "t1", who, "read").verdict == "allow"
            assert allowed == ("t1*" in role["may_read"])

    read()
    print(f"{_ROLES} roles, {seen[0]} reads: nothing beyond rights")
    assert seen[0] >= _READS


def _marked(document: Any, path: str) -> Any:
    """Every value says below which fields it stands."""
    if isinstance(document, dict):
        return {name: _marked(value, f"{path}<{name}>") for name, value in document.items()}
    if isinstance(document, list):
        return [_marked(value, path) for value in document]
    return f"{path}{document}"


def test_duties_are_kept_apart_by_what_the_ledger_holds(tmp_path: Path) -> None:
    text = DEFAULT_POLICY.read_text() + '\n[[separate]]\ntools = ["put", "burn"]\nby = ["amount_of"]\n'
    (tmp_path / "policy.toml").write_text(text)
    place = Place(tmp_path, Till(), read_policy(tmp_path / "policy.toml"))
    place.executor.execute("put", {"amount": 1, "amount_of": "Acme"}, ADA, "k1")
    with pytest.raises(Denied, match="ada did put for Acme"):
        place.executor.execute("burn", {"amount": 1, "amount_of": "Acme"}, ADA, "k2")
    assert place.executor.judge("burn", {"amount": 1, "amount_of": "Other"}, ADA).verdict == "ask"
    assert place.executor.judge("burn", {"amount": 1, "amount_of": "Acme"}, BEA).verdict == "deny"  # may not write at all
