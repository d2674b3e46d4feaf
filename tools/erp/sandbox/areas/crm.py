"""Customers, leads, opportunities, activities."""

import re
from collections.abc import Iterable
from decimal import Decimal

from rapidfuzz import fuzz
from sqlmodel import col, or_, select

from core.errors import ToolError
from tools.erp.operations import crm as ask
from tools.erp.operations.words import ACTIVITY_TYPES, CLOSED_STAGES, STAGES
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.tables.crm import Activity, Lead, Opportunity
from tools.erp.sandbox.tables.parties import Customer
from tools.names import plain, same

_NEAR = 80.0
_USUAL_LIMIT = Decimal(5_000)
_FEW, _SOME = 10, 20


def one_of(value: str, allowed: Iterable[str], field: str) -> str:
    """The allowed word that was meant, case ignored.

    Raises:
        ToolError: It is none of them; names them.
    """
    allowed = tuple(allowed)
    for word in allowed:
        if word.casefold() == value.casefold():
            return word
    raise ToolError(f"{field} {value!r}: expected one of {', '.join(allowed)}", field=field, value=value)


def find_customer(books: Books, call: ask.FindCustomer) -> ask.CustomersFound:
    """By e-mail, phone or number where the query is one of these, else by name, the nearest first."""
    rows = books.session.exec(select(Customer)).all()
    digits = _digits(call.query)
    exact = [
        row
        for row in rows
        if call.query.casefold() in (row.email.casefold(), row.number.casefold())
        or (len(digits) >= 6 and digits == _digits(row.phone))
    ]
    near = exact or _nearest(call.query, rows)
    return ask.CustomersFound(
        matches=[
            ask.CustomerFound(customer=row.name, number=row.number, city=row.city, email=row.email, on_hold=row.on_hold)
            for row in near[:_FEW]
        ]
    )


def _nearest(query: str, rows: Iterable[Customer]) -> list[Customer]:
    wanted = query.casefold()
    scored = []
    for row in rows:
        name = row.name.casefold()
        score = 100.0 if wanted == name else 95.0 if wanted in name else fuzz.WRatio(wanted, name)
        if score >= _NEAR:
            scored.append((-score, row.name, row))
    return [row for _, _, row in sorted(scored, key=lambda entry: entry[:2])]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def new_customer(books: Books, name: str, city: str, email: str) -> Customer:
    """A new account with the company's usual terms.

    Raises:
        ToolError: A customer of that name exists: two of one name would be told apart by nobody.
    """
    for number, known in books.session.exec(select(Customer.number, Customer.name)).all():
        if _compared(known) == _compared(name):
            raise ToolError(f"name {name!r}: a customer of that name exists, {number}", field="name", value=name)
    return books.add(
        Customer(
            number=books.next_number("customer"),
            name=name,
            city=city,
            email=email,
            currency=books.company.currency,
            credit_limit=_USUAL_LIMIT,
        )
    )


def _compared(name: str) -> str:
    """As the directory finds names; one without any letters or figures as it is."""
    return same(name) or plain(name)


def create_customer(books: Books, call: ask.CreateCustomer) -> ask.CustomerCreated:
    """Open an account."""
    row = new_customer(books, call.name, call.city or "", call.email or "")
    return ask.CustomerCreated(customer=row.name, number=row.number)


def find_lead(books: Books, call: ask.FindLead) -> ask.LeadsFound:
    """By words in name, interest or e-mail."""
    like = f"%{call.query}%"
    rows = books.session.exec(
        select(Lead)
        .where(or_(col(Lead.name).ilike(like), col(Lead.interest).ilike(like), col(Lead.email).ilike(like)))
        .order_by(col(Lead.number).desc())
        .limit(_FEW)
    ).all()
    return ask.LeadsFound(
        leads=[ask.LeadFound(lead=row.number, name=row.name, interest=row.interest, state=row.state) for row in rows]
    )


def create_lead(books: Books, call: ask.CreateLead) -> ask.LeadCreated:
    """Note a lead."""
    row = books.add(
        Lead(
            number=books.next_number("lead"),
            name=call.name,
            interest=call.interest or "",
            email=call.email or "",
            created=books.today,
        )
    )
    return ask.LeadCreated(lead=row.number, name=row.name)


def convert_lead(books: Books, call: ask.ConvertLead) -> ask.LeadConverted:
    """A lead becomes a customer with an opportunity, once."""
    lead = books.find(Lead, call.lead, "lead")
    if lead.state != "open":
        raise ToolError(f"lead {lead.number}: is {lead.state} already", field="lead", value=lead.number)
    customer = new_customer(books, lead.name, "", lead.email)
    chance = books.add(
        Opportunity(
            number=books.next_number("opportunity"),
            title=lead.interest or lead.name,
            customer=customer.number,
            stage="qualified",
        )
    )
    lead.state, lead.customer = "converted", customer.number
    return ask.LeadConverted(lead=lead.number, customer=customer.name, number=customer.number, opportunity=chance.number)


def find_opportunity(books: Books, call: ask.FindOpportunity) -> ask.OpportunitiesFound:
    """Of a customer, in a stage, or all."""
    query = select(Opportunity, Customer).join(Customer)
    if call.customer is not None:
        query = query.where(Opportunity.customer == books.find(Customer, call.customer, "customer").number)
    if call.stage is not None:
        query = query.where(Opportunity.stage == one_of(call.stage, STAGES, "stage"))
    rows = sorted(
        books.session.exec(query).all(), key=lambda pair: (pair[0].stage in CLOSED_STAGES, -(pair[0].amount or 0), pair[0].number)
    )
    return ask.OpportunitiesFound(
        opportunities=[
            ask.OpportunityFound(
                opportunity=row.title,
                number=row.number,
                customer=customer.name,
                stage=row.stage,
                amount=row.amount,
                close_date=row.close_date,
            )
            for row, customer in rows[:_SOME]
        ]
    )


def create_opportunity(books: Books, call: ask.CreateOpportunity) -> ask.OpportunityState:
    """Open one, at the first stage."""
    customer = books.find(Customer, call.customer, "customer")
    row = books.add(
        Opportunity(
            number=books.next_number("opportunity"),
            title=call.title,
            customer=customer.number,
            stage=next(iter(STAGES)),
            amount=call.amount,
            close_date=call.close_date,
        )
    )
    return _state(row)


def update_opportunity(books: Books, call: ask.UpdateOpportunity) -> ask.OpportunityState:
    """Move one on; a closed one stays closed."""
    row = books.find(Opportunity, call.opportunity, "opportunity")
    stage = one_of(call.stage, STAGES, "stage")
    if row.stage in CLOSED_STAGES:
        raise ToolError(f"opportunity {row.number}: is {row.stage} already", field="opportunity", value=row.number)
    row.stage = stage
    row.amount = row.amount if call.amount is None else call.amount
    row.close_date = row.close_date if call.close_date is None else call.close_date
    return _state(row)


def _state(row: Opportunity) -> ask.OpportunityState:
    return ask.OpportunityState(
        opportunity=row.title, number=row.number, stage=row.stage, amount=row.amount, close_date=row.close_date
    )


def schedule_activity(books: Books, call: ask.ScheduleActivity) -> ask.ActivityState:
    """Plan something, today or later."""
    customer = books.find(Customer, call.customer, "customer")
    if call.date < books.today:
        raise ToolError(f"date {call.date}: lies before today, {books.today}", field="date", value=call.date)
    row = books.add(
        Activity(
            number=books.next_number("activity"),
            customer=customer.number,
            type=one_of(call.type, ACTIVITY_TYPES, "type"),
            date=call.date,
            subject=call.subject or "",
        )
    )
    return _activity(row, customer)


def list_activities(books: Books, call: ask.ListActivities) -> ask.ActivitiesFound:
    """Planned ones, of a customer or until a day."""
    query = select(Activity, Customer).join(Customer).where(Activity.state == "planned")
    if call.customer is not None:
        query = query.where(Activity.customer == books.find(Customer, call.customer, "customer").number)
    if call.until is not None:
        query = query.where(Activity.date <= call.until)
    rows = books.session.exec(query.order_by(col(Activity.date), col(Activity.number)).limit(_SOME)).all()
    return ask.ActivitiesFound(
        activities=[
            ask.ActivityFound(activity=row.number, customer=customer.name, type=row.type, date=row.date, subject=row.subject)
            for row, customer in rows
        ]
    )


def complete_activity(books: Books, call: ask.CompleteActivity) -> ask.ActivityState:
    """Done, once."""
    row = books.find(Activity, call.activity, "activity")
    if row.state != "planned":
        raise ToolError(f"activity {row.number}: is {row.state} already", field="activity", value=row.number)
    row.state, row.outcome = "done", call.outcome or ""
    return _activity(row, books.find(Customer, row.customer, "customer"))


def _activity(row: Activity, customer: Customer) -> ask.ActivityState:
    return ask.ActivityState(activity=row.number, customer=customer.name, type=row.type, date=row.date, state=row.state)


CRM: dict[str, Handler] = {
    "find_customer": find_customer,
    "create_customer": create_customer,
    "find_lead": find_lead,
    "create_lead": create_lead,
    "convert_lead": convert_lead,
    "find_opportunity": find_opportunity,
    "create_opportunity": create_opportunity,
    "update_opportunity": update_opportunity,
    "schedule_activity": schedule_activity,
    "list_activities": list_activities,
    "complete_activity": complete_activity,
}
