"""What stored words are called on pages: kinds of tasks, states, roles, attributes. English here, translated later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.web.languages import N_

if TYPE_CHECKING:
    from serving.web.languages import Speech

TERMS = {
    # kinds of tasks
    "grey_pair": N_("Same customer?"),
    "refused_merge": N_("Merge refused"),
    "weak_bridge": N_("Weak bridge"),
    "oversized": N_("Too many records"),
    "conflict": N_("Conflict with a decision"),
    "two_customers": N_("Two customers?"),
    "reopened": N_("Decision to be looked at again"),
    "approval": N_("Approval"),
    "change_request": N_("Change request"),
    "finding": N_("Finding"),
    # verdicts and kinds of decisions
    "match": N_("match"),
    "no_match": N_("no match"),
    "unsure": N_("unsure"),
    "pair": N_("pair"),
    "split": N_("split"),
    "value": N_("value"),
    "pin": N_("pin"),
    "ignore": N_("ignore"),
    "edit": N_("edit"),
    "approve": N_("approve"),
    "reject": N_("reject"),
    "undo": N_("undo"),
    # states
    "open": N_("open"),
    "closed": N_("closed"),
    "running": N_("running"),
    "published": N_("published"),
    "failed": N_("failed"),
    "draft": N_("draft"),
    "retired": N_("retired"),
    "active": N_("active"),
    "full": N_("full"),
    "incremental": N_("incremental"),
    "merge": N_("merge"),
    "created": N_("created"),
    "changed": N_("changed"),
    "merged": N_("merged"),
    "alias": N_("alias"),
    # entity types
    "organization": N_("organization"),
    "person": N_("person"),
    "vehicle": N_("vehicle"),
    "touchpoint": N_("touchpoint"),
    "relation": N_("relation"),
    # roles
    "viewer": N_("viewer"),
    "steward": N_("steward"),
    "lead_steward": N_("lead steward"),
    "engineer": N_("engineer"),
    "admin": N_("administrator"),
    "consumer": N_("program"),
    # families of sources
    "sales": N_("sales"),
    "service": N_("service"),
    "marketing": N_("marketing"),
    # survivorship rules
    "source_priority": N_("source priority"),
    "trust": N_("trust"),
    "most_recent": N_("most recent"),
    "most_frequent": N_("most frequent"),
    "longest": N_("longest"),
    "most_complete": N_("most complete"),
    # of the lifecycle: states, severities, shares, roles
    "all": N_("all"),
    "error": N_("error"),
    "warning": N_("warning"),
    "info": N_("info"),
    "complete": N_("complete"),
    "valid": N_("valid"),
    "timely": N_("timely"),
    "fresh": N_("fresh"),
    "collected": N_("collected"),
    "converted": N_("converted"),
    "won": N_("won"),
    "lost": N_("lost"),
    "met": N_("met"),
    "dropped": N_("dropped"),
    "withdrawn": N_("withdrawn"),
    "delivered": N_("delivered"),
    "cancelled": N_("cancelled"),
    "paid": N_("paid"),
    "solved": N_("solved"),
    "done": N_("done"),
    "supporter": N_("supporter"),
    "neutral": N_("neutral"),
    "critic": N_("critic"),
    "buyer": N_("buyer"),
    "owner": N_("owner"),
    "operator": N_("operator"),
    "driver": N_("driver"),
    "dealer": N_("dealer"),
    "sales_management": N_("sales management"),
    "order_desk": N_("order desk"),
    "production_planning": N_("production planning"),
    "finance": N_("finance"),
    "logistics": N_("logistics"),
}

ATTRIBUTES = {
    "name": N_("name"),
    "name_en": N_("English name"),
    "short_name": N_("short name"),
    "tax_id": N_("credit code / tax id"),
    "registration_id": N_("registration number"),
    "phone": N_("phone"),
    "email": N_("e-mail"),
    "website": N_("website"),
    "address": N_("address"),
    "address_line": N_("street"),
    "district": N_("district"),
    "city": N_("city"),
    "province": N_("province"),
    "postal_code": N_("postal code"),
    "country": N_("country"),
    "industry": N_("industry"),
    "employees": N_("employees"),
    "fleet_size": N_("fleet size"),
    "status": N_("status"),
    "parent_key": N_("parent"),
    "account_owner": N_("account owner"),
    "segment": N_("segment"),
    "full_name": N_("full name"),
    "given_name": N_("given name"),
    "family_name": N_("family name"),
    "gender": N_("gender"),
    "birth_date": N_("birth date"),
    "national_id": N_("national id"),
    "job_title": N_("job title"),
    "organization_key": N_("employer"),
    "buying_role": N_("buying role"),
    "influence": N_("influence"),
    "affinity": N_("affinity"),
    "consent": N_("consent"),
    "vin": N_("VIN"),
    "model": N_("model"),
    "plate": N_("plate"),
    "occurred_at": N_("date"),
    "due_at": N_("due date"),
    "closed_at": N_("closing date"),
    "valid_from": N_("start of validity"),
    "valid_to": N_("end of validity"),
    "subject": N_("subject"),
    "product": N_("product"),
    "quantity": N_("quantity"),
    "reason": N_("reason"),
    "competitor": N_("competitor"),
    "channel": N_("channel"),
    "mileage": N_("mileage"),
    "refers_to": N_("reference"),
    "party_key": N_("customer"),
    "contact_key": N_("contact"),
    "amount": N_("amount"),
    "owner": N_("owner"),
    "role": N_("role"),
    "delivered_on": N_("date of delivery"),
    "produced_on": N_("date of production"),
}


def shown(speech: Speech, value: Any) -> str:
    """A golden or source value as text: lists with commas, yes and no, numbers with their separators."""
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, bool):
        return speech(N_("yes")) if value else speech(N_("no"))
    if isinstance(value, int | float):
        return speech.number(value)
    if isinstance(value, list | tuple):
        return (
            "、".join(shown(speech, v) for v in value)
            if speech.language == "zh"
            else ", ".join(shown(speech, v) for v in value)
        )
    if isinstance(value, dict):
        return "; ".join(f"{k}: {shown(speech, v)}" for k, v in value.items())
    return str(value)
