"""Reports: declared views with parameters, never free SQL."""

from pydantic import Field

from tools.erp.operations.kinds import Customer, Money, Note, Product, Since, Until, View
from tools.erp.operations.operation import Arguments, Operation, Result


class RunReport(Arguments):
    """Run a report: sales by customer, sales by product, margin by product, stock value, open orders, purchases by supplier, cash received or trial balance."""  # noqa: E501

    report: View = Field(description="which report, as said")
    since: Since | None = Field(default=None, description="first day, as said")
    until: Until | None = Field(default=None, description="last day, as said")
    customer: Customer | None = Field(default=None, description="customer as said")
    item: Product | None = Field(default=None, description="product as said")


class ReportRow(Result):
    """One row: what it is about, and its figure."""

    label: Note
    currency: str
    value: Money


class Report(Result):
    """The largest first; at most thirty rows, while `totals` counts all of them, one a currency."""

    report: str
    rows: list[ReportRow]
    totals: list[ReportRow]


REPORTS = (
    Operation(name="run_report", risk="read", arguments=RunReport, result=Report, says="{report}: {rows}. In all: {totals}."),
)
