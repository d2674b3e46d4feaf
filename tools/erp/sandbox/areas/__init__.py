"""What the sandbox does for each operation: one file per business area, by the operation's name in `HANDLERS`."""

from collections.abc import Mapping

from tools.erp.sandbox.areas.crm import CRM
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.areas.invoicing import INVOICING
from tools.erp.sandbox.areas.payments import PAYMENTS
from tools.erp.sandbox.areas.purchasing import PURCHASING
from tools.erp.sandbox.areas.receivables import RECEIVABLES
from tools.erp.sandbox.areas.reports import REPORTS
from tools.erp.sandbox.areas.sales import SALES
from tools.erp.sandbox.areas.service import SERVICE
from tools.erp.sandbox.areas.stock import STOCK

HANDLERS: Mapping[str, Handler] = {
    **CRM,
    **SALES,
    **STOCK,
    **INVOICING,
    **PAYMENTS,
    **RECEIVABLES,
    **PURCHASING,
    **SERVICE,
    **REPORTS,
}
"""Every operation the sandbox carries out."""
