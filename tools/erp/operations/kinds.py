"""Types of arguments and results: each says in JSON schema what may fill it (`x-kind`) and how far it is trusted (`x-trust`).

An argument has two forms of one model: as said ("Harlow", "next Friday"), which is what the JSON schema describes and a language
model writes, and resolved (`C0104`, `2026-05-15`), which is what these types validate and a back end receives.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema


def _said(kind: str, type_: str = "string") -> WithJsonSchema:
    return WithJsonSchema({"type": type_, "x-kind": kind})


def _day(look: Literal["ahead", "back"], of: Literal["first", "last", "one"]) -> WithJsonSchema:
    """`look`: where a day without a year lies; `of`: which day of a period is meant."""
    return WithJsonSchema({"type": "string", "x-kind": "date", "x-look": look, "x-day": of})


def _number(value: Decimal) -> float | int:
    """Decimals leave as JSON numbers, whole ones without a fraction."""
    return int(value) if value == value.to_integral_value() else float(value)


_AS_NUMBER = PlainSerializer(_number, when_used="json")
_KEY = StringConstraints(strip_whitespace=True, min_length=1, max_length=64)

Customer = Annotated[str, _KEY, _said("customer")]
Supplier = Annotated[str, _KEY, _said("supplier")]
Product = Annotated[str, _KEY, _said("product")]
Warehouse = Annotated[str, _KEY, _said("warehouse")]
Unit = Annotated[str, _KEY, _said("unit")]
Lead = Annotated[str, _KEY, _said("lead")]
Opportunity = Annotated[str, _KEY, _said("opportunity")]
Activity = Annotated[str, _KEY, _said("activity_id")]
Order = Annotated[str, _KEY, _said("order_id")]
Invoice = Annotated[str, _KEY, _said("invoice_id")]
Payment = Annotated[str, _KEY, _said("payment_id")]
BankLine = Annotated[str, _KEY, _said("bank_line_id")]
Purchase = Annotated[str, _KEY, _said("purchase_id")]
Bill = Annotated[str, _KEY, _said("bill_id")]
Ticket = Annotated[str, _KEY, _said("ticket_id")]
BankAccount = Annotated[
    str,
    BeforeValidator(lambda said: said.replace(" ", "").upper() if isinstance(said, str) else said),
    StringConstraints(pattern=r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$"),
    _said("iban"),
]

Stage = Annotated[str, _KEY, _said("stage")]
Tone = Annotated[str, _KEY, _said("tone")]
Priority = Annotated[str, _KEY, _said("priority")]
PaymentMethod = Annotated[str, _KEY, _said("payment_method")]
ActivityType = Annotated[str, _KEY, _said("activity_type")]
View = Annotated[str, _KEY, _said("report")]

Day = Annotated[date, _day("ahead", "last")]
"""A deadline: of a period, its last day."""
OneDay = Annotated[date, _day("ahead", "one")]
"""A day to come; a period is asked about."""
PastDay = Annotated[date, _day("back", "one")]
"""A day that was; a period is asked about."""
Since = Annotated[date, _day("back", "first")]
Until = Annotated[date, _day("back", "last")]
Days = Annotated[int, Field(ge=0, le=3650), _said("days", "number")]
Amount = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2), _said("money", "number"), _AS_NUMBER]
Limit = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2), _said("money", "number"), _AS_NUMBER]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3), _said("quantity", "number"), _AS_NUMBER]
Count = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3), _said("quantity", "number"), _AS_NUMBER]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2), _said("percent", "number"), _AS_NUMBER]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400), _said("text")]

Money = Annotated[Decimal, WithJsonSchema({"type": "number"}), _AS_NUMBER]
"""An amount in a result; may be negative."""
Number = Annotated[Decimal, WithJsonSchema({"type": "number"}), _AS_NUMBER]
"""A quantity in a result; may be negative."""
Note = Annotated[str, WithJsonSchema({"type": "string", "x-trust": "tainted"})]
"""Free words in a result: somebody outside may have written them, so they are data and never orders."""


def schema_of(model: Any) -> dict[str, Any]:
    """The JSON schema a language model is shown: as said, without nulls, defaults and titles."""
    document = model.model_json_schema()
    plain: dict[str, Any] = _plain(document, document.get("$defs", {}))
    return plain


def _plain(schema: Any, definitions: dict[str, Any], names: bool = False) -> Any:
    """`names`: the keys are argument names, and an argument may be called `title`."""
    if isinstance(schema, list):
        return [_plain(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema and not names:
        return _plain(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if not names and (branches := schema.get("anyOf")) and {"type": "null"} in branches:
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return _plain({**next(branch for branch in branches if branch != {"type": "null"}), **rest}, definitions)
    return {
        key: _plain(value, definitions, names=key == "properties" and not names)
        for key, value in schema.items()
        if names or key not in ("$defs", "title", "default")
    }
