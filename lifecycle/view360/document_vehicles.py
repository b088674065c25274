"""Parts of the 360 document: its vehicles, who holds them, their service and replacement."""

from __future__ import annotations

from typing import Literal

from lifecycle.view360.document_part import Part


class Holder(Part):
    """A role of a party towards a vehicle, and its period."""

    role: str | None
    golden_id: str | None
    name: str | None
    person: bool
    """A person, not a company."""
    is_self: bool
    valid_from: str | None
    valid_to: str | None
    current: bool


class Vehicle(Part):
    """A vehicle of the customer."""

    vin: str
    model: str | None
    plate: str | None
    delivered_on: str | None
    mileage: float | None
    roles: list[str]
    """The customer's own, current ones."""
    holders: list[Holder]
    last_service: str | None
    contract_until: str | None
    replacement_due: str | None
    replacement_because: Literal["age", "mileage"] | None


class ServiceContract(Part):
    """A contract of service for a vehicle."""

    source_key: str
    vin: str | None
    package: str | None
    valid_from: str | None
    valid_to: str | None
    amount: float | None
    active: bool


class Service(Part):
    """Service contracts and how many vehicles they cover."""

    contracts: list[ServiceContract]
    vehicles: int
    covered: int
    attach_rate: float | None
    last_visit: str | None


class Replacement(Part):
    """Vehicles that are due for replacement in a half-year."""

    half_year: str
    vehicles: int
