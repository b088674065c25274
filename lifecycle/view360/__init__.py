"""The 360 view of a customer: one document with everything that the systems know of it, and the same as flat tables.

`customer_360` builds the document of one customer from indexed look-ups; what stands in it is declared in `document`.
"""

from lifecycle.view360.build import customer_360, find_customer
from lifecycle.view360.document import SCHEMA_VERSION, Customer360

__all__ = ["SCHEMA_VERSION", "Customer360", "customer_360", "find_customer"]
