"""Standard values of raw attributes: names, identifiers, contacts, addresses and dates in comparable form.

`standardise` turns a table of raw records into the standard columns that comparisons and match keys use; the
`parse_…` and `check_…` functions do the same for one value and say why when there is none. Nothing here decides
whether two records match.
"""

from __future__ import annotations

from matching.standardise.added import schema_of, standardise_added
from matching.standardise.addresses import parse_address
from matching.standardise.contacts import Email, WebDomain, parse_email, parse_web_domain
from matching.standardise.countries import normal_postcode, parse_country
from matching.standardise.dates import DateValue, parse_date
from matching.standardise.ids import (
    IdCheck,
    check_lei,
    check_national_id,
    check_org_code,
    check_resident_id,
    check_tax_id,
    check_uscc,
    check_vat,
    check_vin,
    normal_plate,
)
from matching.standardise.org_names import parse_org_name
from matching.standardise.person_names import parse_person_name
from matching.standardise.phones import Phone, parse_phone
from matching.standardise.schema import PARSER_VERSION, standard_schema
from matching.standardise.table import standardise
from matching.standardise.values import Address, OrgName, PersonName

__all__ = [
    "PARSER_VERSION",
    "Address",
    "DateValue",
    "Email",
    "IdCheck",
    "OrgName",
    "PersonName",
    "Phone",
    "WebDomain",
    "check_lei",
    "check_national_id",
    "check_org_code",
    "check_resident_id",
    "check_tax_id",
    "check_uscc",
    "check_vat",
    "check_vin",
    "normal_plate",
    "normal_postcode",
    "parse_address",
    "parse_country",
    "parse_date",
    "parse_email",
    "parse_org_name",
    "parse_person_name",
    "parse_phone",
    "parse_web_domain",
    "schema_of",
    "standard_schema",
    "standardise",
    "standardise_added",
]
