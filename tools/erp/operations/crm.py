"""Customers, leads, opportunities and activities."""

import datetime as dt

from pydantic import Field

from tools.erp.operations.kinds import (
    Activity,
    ActivityType,
    Amount,
    Customer,
    Day,
    Lead,
    Money,
    Note,
    OneDay,
    Opportunity,
    Stage,
    Text,
)
from tools.erp.operations.operation import Arguments, Operation, Result


class FindCustomer(Arguments):
    """Look up a customer by name, e-mail or phone."""

    query: Text = Field(description="name, e-mail or phone")


class CustomerFound(Result):
    """One match."""

    customer: str
    number: str
    city: Note
    email: Note
    on_hold: bool


class CustomersFound(Result):
    """Matches, the nearest first; at most ten."""

    matches: list[CustomerFound]


class CreateCustomer(Arguments):
    """Open a new customer account."""

    name: Text = Field(description="name of the firm or person")
    city: Text | None = Field(default=None, description="city as said")
    email: Text | None = Field(default=None, description="e-mail address")


class CustomerCreated(Result):
    """The new account."""

    customer: str
    number: str


class FindLead(Arguments):
    """Look up leads by name, firm or subject."""

    query: Text = Field(description="name, firm or subject")


class LeadFound(Result):
    """One lead."""

    lead: str
    name: Note
    interest: Note
    state: str


class LeadsFound(Result):
    """Matches, the newest first; at most ten."""

    leads: list[LeadFound]


class CreateLead(Arguments):
    """Note a new lead: somebody who may become a customer."""

    name: Text = Field(description="who it is: person or firm")
    interest: Text | None = Field(default=None, description="what they want, as said")
    email: Text | None = Field(default=None, description="e-mail address")


class LeadCreated(Result):
    """The new lead."""

    lead: str
    name: Note


class FindOpportunity(Arguments):
    """List sales opportunities, of one customer or in one stage."""

    customer: Customer | None = Field(default=None, description="customer as said")
    stage: Stage | None = Field(default=None, description="stage as said")


class OpportunityFound(Result):
    """One opportunity."""

    opportunity: str
    number: str
    customer: str
    stage: str
    amount: Money | None
    close_date: dt.date | None


class OpportunitiesFound(Result):
    """Open ones first, the largest first; at most twenty."""

    opportunities: list[OpportunityFound]


class CreateOpportunity(Arguments):
    """Open a sales opportunity for a customer."""

    customer: Customer = Field(description="customer as said")
    title: Text = Field(description="what it is about, as said")
    amount: Amount | None = Field(default=None, description="expected amount")
    close_date: Day | None = Field(default=None, description="expected close, as said")


class UpdateOpportunity(Arguments):
    """Change stage, amount or close date of a sales opportunity."""

    opportunity: Opportunity = Field(description="opportunity as said")
    stage: Stage = Field(description="stage as said")
    amount: Amount | None = Field(default=None, description="expected amount")
    close_date: Day | None = Field(default=None, description="date as said")


class OpportunityState(Result):
    """The opportunity as it now stands."""

    opportunity: str
    number: str
    stage: str
    amount: Money | None
    close_date: dt.date | None


class ConvertLead(Arguments):
    """Turn a lead into a customer with an opportunity."""

    lead: Lead = Field(description="lead number or name")


class LeadConverted(Result):
    """What became of it."""

    lead: str
    customer: str
    number: str
    opportunity: str


class ScheduleActivity(Arguments):
    """Plan a call, meeting, visit, e-mail or task with a customer."""

    customer: Customer = Field(description="customer as said")
    type: ActivityType = Field(description="call, meeting, visit, e-mail, task")
    date: OneDay = Field(description="when, as said")
    subject: Text | None = Field(default=None, description="what about, as said")


class ActivityState(Result):
    """The activity as it now stands."""

    activity: str
    customer: str
    type: str
    date: dt.date
    state: str


class ListActivities(Arguments):
    """List planned activities, of one customer or until a date."""

    customer: Customer | None = Field(default=None, description="customer as said")
    until: Day | None = Field(default=None, description="last day, as said")


class ActivityFound(Result):
    """One planned activity."""

    activity: str
    customer: str
    type: str
    date: dt.date
    subject: Note


class ActivitiesFound(Result):
    """Planned ones, the soonest first; at most twenty."""

    activities: list[ActivityFound]


class CompleteActivity(Arguments):
    """Mark a planned activity as done."""

    activity: Activity = Field(description="activity number")
    outcome: Text | None = Field(default=None, description="what came of it, as said")


CRM = (
    Operation(
        name="find_customer", risk="read", arguments=FindCustomer, result=CustomersFound, says="Customers found: {matches}."
    ),
    Operation(
        name="create_customer",
        risk="write",
        arguments=CreateCustomer,
        result=CustomerCreated,
        says="{customer} is customer {number} now.",
    ),
    Operation(name="find_lead", risk="read", arguments=FindLead, result=LeadsFound, says="Leads found: {leads}."),
    Operation(name="create_lead", risk="write", arguments=CreateLead, result=LeadCreated, says="Lead {lead} noted for {name}."),
    Operation(
        name="convert_lead",
        risk="write",
        arguments=ConvertLead,
        result=LeadConverted,
        says="{lead} became customer {customer} ({number}) with opportunity {opportunity}.",
    ),
    Operation(
        name="find_opportunity",
        risk="read",
        arguments=FindOpportunity,
        result=OpportunitiesFound,
        says="Opportunities: {opportunities}.",
    ),
    Operation(
        name="create_opportunity",
        risk="write",
        arguments=CreateOpportunity,
        result=OpportunityState,
        says="Opportunity {number} {opportunity!r} opened, amount {amount}, close {close_date}.",
    ),
    Operation(
        name="update_opportunity",
        risk="write",
        arguments=UpdateOpportunity,
        result=OpportunityState,
        says="{opportunity} is at {stage}, amount {amount}, close {close_date}.",
    ),
    Operation(
        name="schedule_activity",
        risk="write",
        arguments=ScheduleActivity,
        result=ActivityState,
        says="{type} with {customer} planned for {date} ({activity}).",
    ),
    Operation(
        name="list_activities", risk="read", arguments=ListActivities, result=ActivitiesFound, says="Planned: {activities}."
    ),
    Operation(
        name="complete_activity",
        risk="write",
        arguments=CompleteActivity,
        result=ActivityState,
        says="{activity} ({type} with {customer}) is {state}.",
    ),
)
