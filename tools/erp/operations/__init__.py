"""What an ERP can be asked to do, whatever system answers: one file per business area, all of it in `ALL`."""

from tools.erp.operations.crm import CRM
from tools.erp.operations.invoicing import INVOICING
from tools.erp.operations.operation import Operation
from tools.erp.operations.payments import PAYMENTS
from tools.erp.operations.purchasing import PURCHASING
from tools.erp.operations.receivables import RECEIVABLES
from tools.erp.operations.reports import REPORTS
from tools.erp.operations.sales import SALES
from tools.erp.operations.service import SERVICE
from tools.erp.operations.stock import STOCK

ALL: tuple[Operation, ...] = (*CRM, *SALES, *STOCK, *INVOICING, *PAYMENTS, *RECEIVABLES, *PURCHASING, *SERVICE, *REPORTS)
"""Every operation, by area."""
