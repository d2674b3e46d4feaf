"""What Tryton does for each operation: one file per business area, by the operation's name in `HANDLERS`."""

from collections.abc import Mapping

from tools.erp.tryton.areas.deliveries import DELIVERIES
from tools.erp.tryton.areas.invoicing import INVOICING
from tools.erp.tryton.areas.parties import PARTIES
from tools.erp.tryton.areas.payments import PAYMENTS
from tools.erp.tryton.areas.purchasing import PURCHASING
from tools.erp.tryton.areas.sales import SALES
from tools.erp.tryton.areas.stock import STOCK
from tools.erp.tryton.work import Read, Write

HANDLERS: Mapping[str, Read | Write] = {**PARTIES, **SALES, **DELIVERIES, **STOCK, **INVOICING, **PAYMENTS, **PURCHASING}
"""Every operation that runs on Tryton."""
