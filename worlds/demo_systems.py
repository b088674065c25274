"""The systems of the demo world, a maker of commercial vehicles: sales CRM, dealers' service system, marketing.

Columns and habits only. A column whose attribute begins with `_` is delivered but mapped to nothing, as in real tables.
"""

from worlds.systems import System

CRM_NAMES = {"full": 0.86, "variant": 0.10, "short": 0.04}
SERVICE_NAMES = {"full": 0.68, "variant": 0.20, "old": 0.02, "short": 0.10}
MARKETING_NAMES = {"full": 0.60, "variant": 0.16, "short": 0.14, "english": 0.10}

ACCOUNTS = System(
    "sales_crm", "accounts", "sales", 10, "organization", "account_id", "ACC-", "modified_on",
    {
        "account_name": "name", "english_name": "name_en", "uscc": "tax_id", "registered_address": "address_line",
        "city": "city", "tel": "phone", "mobile": "phone2", "email": "email", "url": "website", "industry": "industry",
        "staff": "employees", "owner": "account_owner", "segment": "segment", "parent_id": "parent_key",
        "credit_limit": "_credit_limit",
    },
    {
        "tax_id": 0.72, "name_en": 0.35, "address_line": 0.85, "city": 0.85, "phone": 0.8, "phone2": 0.35,
        "email": 0.5, "website": 0.5, "industry": 0.9, "employees": 0.5,
    },
    CRM_NAMES, 1.0, "full", 0.12, deleted="is_deleted",
)  # fmt: skip
CUSTOMERS = System(
    "service", "customers", "service", 20, "organization", "cust_no", "C", "last_update",
    {
        "cust_name": "name", "tax_no": "tax_id", "phone1": "phone", "phone2": "phone2", "province": "province",
        "city": "city", "district": "district", "address": "address_line", "vehicles": "fleet_size",
        "dealer": "_dealer",
    },
    {"tax_id": 0.6, "phone": 0.8, "phone2": 0.3, "province": 0.8, "city": 0.85, "district": 0.4, "address_line": 0.6},
    SERVICE_NAMES, 1.0, "local", 0.08, file="{stream}_*.csv",
)  # fmt: skip
COMPANIES = System(
    "marketing", "companies", "marketing", 30, "organization", "lead_id", "MK", "updated",
    {
        "company": "name", "website": "website", "email": "email", "phone": "phone", "city": "city",
        "industry": "industry", "campaign": "_campaign",
    },
    {"website": 0.6, "email": 0.65, "phone": 0.55, "city": 0.7, "industry": 0.4},
    MARKETING_NAMES, 0.7, "full", 0.25, file="leads_{stream}.ndjson",
)  # fmt: skip
CONTACTS = System(
    "sales_crm", "contacts", "sales", 10, "person", "contact_id", "CON-", "modified_on",
    {
        "account_id": "organization_key", "name": "full_name", "sex": "gender", "birthday": "birth_date",
        "id_card": "national_id", "mobile": "phone", "office_phone": "phone2", "email": "email", "title": "job_title",
        "role": "buying_role", "influence": "influence", "attitude": "affinity", "city": "city",
    },
    {
        "gender": 0.8, "birth_date": 0.5, "national_id": 0.35, "phone": 0.85, "phone2": 0.4, "email": 0.6,
        "job_title": 0.7, "city": 0.7,
    },
    {"full": 0.93, "nickname": 0.04, "initial": 0.03}, 1.0, "full", 0.1, deleted="is_deleted",
)  # fmt: skip
OWNERS = System(
    "service", "owners", "service", 20, "person", "owner_no", "P", "last_update",
    {
        "owner_name": "full_name", "born": "birth_date", "idno": "national_id", "tel": "phone", "tel2": "phone2",
        "city": "city", "address": "address_line", "plate": "_plate",
    },
    {"birth_date": 0.5, "national_id": 0.75, "phone": 0.9, "phone2": 0.2, "address_line": 0.7, "city": 0.8},
    {"full": 0.94, "nickname": 0.03, "initial": 0.03}, 0.9, "full", 0.08, "%Y%m%d", file="{stream}_*.csv",
)  # fmt: skip
PEOPLE = System(
    "marketing", "people", "marketing", 30, "person", "lead_id", "ML", "updated",
    {
        "name": "full_name", "email": "email", "phone": "phone", "city": "city", "title": "job_title",
        "consent": "consent", "company": "_company",
    },
    {"email": 0.75, "phone": 0.7, "city": 0.6, "job_title": 0.3},
    {"full": 0.80, "nickname": 0.06, "initial": 0.04, "latin": 0.10}, 0.7, "full", 0.25, file="leads_{stream}.ndjson",
)  # fmt: skip

ORGANIZATION_SYSTEMS = (ACCOUNTS, CUSTOMERS, COMPANIES)
PERSON_SYSTEMS = (CONTACTS, OWNERS, PEOPLE)
SYSTEMS = (*ORGANIZATION_SYSTEMS, *PERSON_SYSTEMS)
