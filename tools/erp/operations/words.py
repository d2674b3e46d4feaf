"""Enumerated words of an ERP, each with what people say for it."""

from collections.abc import Mapping

STAGES: Mapping[str, tuple[str, ...]] = {
    "new": ("fresh", "just in"),
    "qualified": ("contacted", "nurturing", "shortlisted"),
    "discovery": ("needs analysis", "evaluation", "pilot"),
    "demo": ("demo done", "demonstration"),
    "proposal": ("proposal sent", "quoted", "final offer", "budget approval"),
    "negotiation": ("negotiating", "verbal agreement", "legal", "contract review"),
    "contract sent": ("contract out", "for signature"),
    "on hold": ("paused", "parked"),
    "won": ("closed won", "signed"),
    "lost": ("closed lost", "dead"),
}
"""Of an opportunity, in order; the last two close it."""
CLOSED_STAGES = ("won", "lost")
ACTIVITY_TYPES: Mapping[str, tuple[str, ...]] = {
    "call": ("phone call", "ring", "phone", "telephone call", "video call"),
    "meeting": ("meet", "sit-down", "appointment", "lunch"),
    "visit": ("site visit", "on site"),
    "e-mail": ("email", "mail"),
    "task": ("to-do", "todo", "reminder", "follow-up", "follow up"),
}
PRIORITIES: Mapping[str, tuple[str, ...]] = {
    "urgent": ("critical", "emergency", "top", "p1", "asap", "highest"),
    "high": ("p2", "important"),
    "normal": ("medium", "routine", "standard", "p3"),
    "low": ("minor", "lowest", "p4"),
}
"""The most urgent first."""
REPORTS: Mapping[str, tuple[str, ...]] = {
    "sales by customer": ("customer sales", "revenue by customer", "turnover by customer", "sales per customer"),
    "sales by product": ("product sales", "revenue by product", "sales by item", "sales per product", "turnover by product"),
    "margin by product": ("margins", "product margin", "margin", "margin per product", "product margins"),
    "stock value": ("inventory value", "stock valuation", "inventory valuation", "value of stock"),
    "open orders": ("order backlog", "open order", "order book"),
    "purchases by supplier": ("supplier purchases", "purchases", "spend by supplier", "purchases per supplier"),
    "cash received": ("cash receipts", "cash in", "payments received", "receipts"),
    "trial balance": ("trial balances", "tb", "balances"),
}
PAYMENT_METHODS: Mapping[str, tuple[str, ...]] = {
    "bank transfer": ("wire", "sepa", "sepa transfer", "transfer", "wire transfer", "bank"),
    "card": ("credit card", "debit card", "visa", "mastercard", "amex"),
    "cash": (),
    "cheque": ("check", "postal order"),
    "direct debit": ("standing order",),
    "online": ("paypal", "stripe", "apple pay", "mobile payment", "google pay"),
}
TONES: Mapping[str, tuple[str, ...]] = {
    "friendly": ("gentle", "kind", "very kind", "polite", "courteous", "casual", "warm", "soft", "nice"),
    "neutral": ("formal", "standard", "normal"),
    "firm": ("strict", "serious", "sharp", "stern", "no-nonsense", "strong"),
    "final": ("last", "last warning", "final warning"),
}
UNITS: Mapping[str, tuple[str, ...]] = {
    "piece": ("pieces", "pc", "pcs", "unit", "units", "each", "ea"),
    "box": ("boxes", "bx"),
    "carton": ("cartons", "ctn", "ctns"),
    "case": ("cases",),
    "pallet": ("pallets", "plt", "skid", "skids"),
    "roll": ("rolls",),
    "bag": ("bags",),
    "sack": ("sacks",),
    "pair": ("pairs", "pr"),
    "set": ("sets",),
    "m": ("metre", "metres", "meter", "meters", "mtr"),
    "kg": ("kilo", "kilos", "kilogram", "kilograms", "kgs"),
    "litre": ("litres", "liter", "liters", "l", "ltr"),
    "drum": ("drums",),
    "canister": ("canisters",),
    "cylinder": ("cylinders",),
    "bale": ("bales",),
    "big bag": ("big bags",),
    "ream": ("reams",),
    "sheet": ("sheets",),
    "tin": ("tins",),
    "bottle": ("bottles",),
    "tube": ("tubes",),
}
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "stage": STAGES,
    "activity_type": ACTIVITY_TYPES,
    "priority": PRIORITIES,
    "report": REPORTS,
    "payment_method": PAYMENT_METHODS,
    "tone": TONES,
    "unit": UNITS,
}
"""Every kind that is filled with one of few words."""
