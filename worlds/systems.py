"""The source systems of a generated world, as data: their columns, how full these are, how people type into them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Noise:
    """Rates, per written record or value, of the ways a true value gets spoilt."""

    typo: float = 0.04
    homophone: float = 0.03
    traditional: float = 0.02
    full_width: float = 0.04
    spacing: float = 0.04
    upper: float = 0.06
    id_typo: float = 0.02
    phone_typo: float = 0.03
    email_typo: float = 0.02
    birth_typo: float = 0.03
    birth_swapped: float = 0.015
    postal_typo: float = 0.03
    nickname: float = 0.12
    initial: float = 0.04
    order: float = 0.05
    new_phone: float = 0.08
    no_evidence: float = 0.02
    placeholder: float = 0.01


@dataclass(frozen=True, slots=True)
class System:
    """One stream of one system.

    `columns` maps a column to the attribute written into it; `filled` the attribute to the share of records that have
    it; `names` the way of writing a name to its relative frequency.
    """

    source: str
    stream: str
    family: str
    priority: int
    entity: str
    key: str
    prefix: str
    updated: str
    columns: Mapping[str, str]
    filled: Mapping[str, float]
    names: Mapping[str, float]
    share: float = 1.0
    address_style: str = "full"
    international: float = 0.1
    date_format: str = "%Y-%m-%d"
    deleted: str = ""
    file: str = "{stream}.csv"
    forms: tuple[str, ...] = field(init=False)
    form_weights: tuple[float, ...] = field(init=False)
    fill: tuple[tuple[str, float], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "forms", tuple(self.names))
        object.__setattr__(self, "form_weights", tuple(accumulate(self.names.values())))
        object.__setattr__(self, "fill", tuple(self.filled.items()))

    def mapping(self) -> dict[str, str | list[str]]:
        """The `fields` of this stream for a configuration: attribute → column, or → columns where it holds a list."""
        out: dict[str, str | list[str]] = {}
        for column, attribute in self.columns.items():
            base = attribute.rstrip("2")
            if base in ("phone", "email", "refers_to"):
                listed = out.setdefault(base, [])
                assert isinstance(listed, list)
                listed.append(column)
            elif not attribute.startswith("_"):
                out[attribute] = column
        return out


@dataclass(frozen=True, slots=True)
class Layout:
    """The systems of a world, the noise in them, and how many records an entity has (weights of 1, 2, 3 …)."""

    systems: tuple[System, ...]
    noise: Noise = field(default_factory=Noise)
    copies: tuple[float, ...] = (0.40, 0.30, 0.18, 0.08, 0.04)

    def of(self, entity: str) -> tuple[System, ...]:
        """The systems that hold this entity type."""
        return tuple(s for s in self.systems if s.entity == entity)


ORGANIZATION_NAMES_CAREFUL = {"full": 0.84, "variant": 0.10, "old": 0.01, "short": 0.05}
ORGANIZATION_NAMES_SERVICE = {"full": 0.60, "variant": 0.22, "old": 0.03, "short": 0.15}
ORGANIZATION_NAMES_LOOSE = {"full": 0.48, "variant": 0.18, "old": 0.03, "short": 0.19, "core": 0.04, "english": 0.08}


def organization_systems(ids: float, fill: float = 1.0) -> tuple[System, ...]:
    """Three systems of companies; `ids`: share of sales and service records with a tax id, `fill` scales the rest."""

    def f(**shares: float) -> dict[str, float]:
        return {k: min(1.0, v * fill) for k, v in shares.items()}

    return (
        System(
            "sales_crm",
            "accounts",
            "sales",
            10,
            "organization",
            "account_id",
            "ACC-",
            "modified_on",
            {
                "account_name": "name",
                "english_name": "name_en",
                "uscc": "tax_id",
                "registered_address": "address_line",
                "city": "city",
                "zip": "postal_code",
                "tel": "phone",
                "mobile": "phone2",
                "email": "email",
                "url": "website",
                "industry": "industry",
                "staff": "employees",
                "country": "country",
            },
            {
                "tax_id": ids,
                **f(
                    name_en=0.45,
                    address_line=0.8,
                    city=0.7,
                    postal_code=0.35,
                    phone=0.7,
                    phone2=0.35,
                    email=0.45,
                    website=0.45,
                    industry=0.8,
                    employees=0.4,
                    country=0.85,
                ),
            },
            ORGANIZATION_NAMES_CAREFUL,
            1.0,
            "full",
            0.15,
        ),
        System(
            "service_dms",
            "customers",
            "service",
            20,
            "organization",
            "cust_no",
            "C",
            "last_update",
            {
                "cust_name": "name",
                "tax_no": "tax_id",
                "phone1": "phone",
                "phone2": "phone2",
                "province": "province",
                "city": "city",
                "district": "district",
                "address": "address_line",
                "country": "country",
            },
            {
                "tax_id": ids,
                **f(phone=0.75, phone2=0.3, province=0.75, city=0.8, district=0.35, address_line=0.55, country=0.9),
            },
            ORGANIZATION_NAMES_SERVICE,
            0.95,
            "local",
            0.1,
        ),
        System(
            "marketing",
            "companies",
            "marketing",
            30,
            "organization",
            "id",
            "MK",
            "updated",
            {
                "company": "name",
                "website": "website",
                "email": "email",
                "phone": "phone",
                "city": "city",
                "vat": "tax_id",
                "industry": "industry",
                "country": "country",
            },
            {"tax_id": ids * 0.4, **f(website=0.55, email=0.6, phone=0.45, city=0.65, industry=0.3, country=0.6)},
            ORGANIZATION_NAMES_LOOSE,
            0.75,
            "full",
            0.25,
        ),
    )


def person_systems(ids: float, fill: float = 1.0) -> tuple[System, ...]:
    """Three systems of persons; `ids`: share of sales and service records with an id number, `fill` scales the rest."""

    def f(**shares: float) -> dict[str, float]:
        return {k: min(1.0, v * fill) for k, v in shares.items()}

    return (
        System(
            "sales_crm",
            "contacts",
            "sales",
            10,
            "person",
            "contact_id",
            "CON-",
            "modified_on",
            {
                "last_name": "family_name",
                "first_name": "given_name",
                "sex": "gender",
                "birthday": "birth_date",
                "id_card": "national_id",
                "mobile": "phone",
                "office_phone": "phone2",
                "email": "email",
                "street": "address_line",
                "city": "city",
                "state": "province",
                "zip": "postal_code",
                "title": "job_title",
                "country": "country",
            },
            {
                "national_id": ids,
                **f(
                    gender=0.7,
                    birth_date=0.7,
                    phone=0.7,
                    phone2=0.4,
                    email=0.5,
                    address_line=0.7,
                    city=0.8,
                    province=0.6,
                    postal_code=0.5,
                    job_title=0.4,
                    country=0.9,
                ),
            },
            {"full": 0.80, "nickname": 0.14, "initial": 0.06},
            1.0,
            "local",
            0.12,
        ),
        System(
            "service_dms",
            "owners",
            "service",
            20,
            "person",
            "owner_no",
            "P",
            "last_update",
            {
                "owner_name": "full_name",
                "born": "birth_date",
                "idno": "national_id",
                "tel": "phone",
                "tel2": "phone2",
                "address": "address_line",
                "city": "city",
                "country": "country",
            },
            {"national_id": ids, **f(birth_date=0.55, phone=0.8, phone2=0.3, address_line=0.75, city=0.6, country=0.9)},
            {"full": 0.77, "nickname": 0.16, "initial": 0.07},
            0.95,
            "full",
            0.1,
            "%Y%m%d",
        ),
        System(
            "marketing",
            "people",
            "marketing",
            30,
            "person",
            "id",
            "MP",
            "updated",
            {
                "name": "full_name",
                "email": "email",
                "phone": "phone",
                "city": "city",
                "dob": "birth_date",
                "id_no": "national_id",
                "title": "job_title",
                "country": "country",
            },
            {"national_id": ids * 0.7, **f(email=0.7, phone=0.6, city=0.6, birth_date=0.4, job_title=0.2, country=0.6)},
            {"full": 0.62, "nickname": 0.20, "initial": 0.06, "latin": 0.12},
            0.75,
            "full",
            0.25,
            "%Y/%m/%d",
        ),
    )
