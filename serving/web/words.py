"""What stored words are called on pages: kinds of tasks, states, roles, attributes. English here, translated later."""

from __future__ import annotations

from collections.abc import Callable
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
    "move": N_("record moved over"),
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
    "compared": N_("compared"),
    "verified": N_("verified"),
    "trained": N_("trained"),
    "applied": N_("applied"),
    "followed": N_("applied, with stages and findings"),
    "erasure": N_("erasure"),
    # relations that sources declare
    "reports_to": N_("reports to"),
    "account_team": N_("account team"),
    "draft": N_("draft"),
    "retired": N_("retired"),
    "active": N_("active"),
    "full": N_("full"),
    "incremental": N_("incremental"),
    "merge": N_("merge"),
    "created": N_("created"),
    "updated": N_("updated"),
    "changed": N_("changed"),
    "merged": N_("merged"),
    "alias": N_("alias"),
    # what the audit log names
    "account.add": N_("account made"),
    "account.disable": N_("account disabled"),
    "account.enable": N_("account enabled"),
    "account.link": N_("link for a password made"),
    "account.password": N_("password changed"),
    "account.password_refused": N_("change of password refused"),
    "account.role": N_("role changed"),
    "audit.export": N_("audit log exported"),
    "customer.compare": N_("customers compared"),
    "customer.view": N_("customer looked at"),
    "customer.search": N_("customers searched"),
    "customer.list": N_("list of customers looked at"),
    "inbox.view": N_("inbox looked at"),
    "task.view": N_("task looked at"),
    "record.view": N_("source record looked at"),
    "quarantine.view": N_("quarantined row looked at"),
    "decision.match": N_("decided: match"),
    "decision.no_match": N_("decided: no match"),
    "decision.unsure": N_("decided: unsure"),
    "decision.split": N_("golden record split"),
    "decision.move": N_("record moved over"),
    "decision.pin": N_("value pinned"),
    "decision.ignore": N_("value ignored"),
    "decision.edit": N_("value edited"),
    "decision.undo": N_("decision undone"),
    "decision.approve": N_("decision approved"),
    "decision.reject": N_("decision rejected"),
    "task.claim": N_("task claimed"),
    "task.release": N_("task released"),
    "task.assign": N_("task assigned"),
    "task.due": N_("due date set"),
    "task.comment": N_("comment written"),
    "task.done": N_("task finished"),
    "finding.give": N_("finding given to a steward"),
    "findings.export": N_("findings exported"),
    "findings.hand_back": N_("list of findings handed back"),
    "finding.waive": N_("finding waived"),
    "finding.unwaive": N_("waiver taken back"),
    "finding.hand_back": N_("finding handed back"),
    "key.add": N_("API key made"),
    "key.revoke": N_("API key revoked"),
    "key.rotate": N_("API key renewed"),
    "model.view": N_("comparison of models looked at"),
    "model.publish": N_("match model published"),
    "model.rollback": N_("match model rolled back"),
    "session.begin": N_("signed in"),
    "session.end": N_("signed out"),
    "session.refused": N_("sign-in refused"),
    "subject_access": N_("personal data handed to the person"),
    "erase": N_("person erased"),
    "erase.proof": N_("erasure proved"),
    "webhook.add": N_("webhook made"),
    # entity types
    "organization": N_("organization"),
    "person": N_("person"),
    "vehicle": N_("vehicle"),
    "touchpoint": N_("touchpoint"),
    "relation": N_("relation"),
    # what is named in the audit log; where a level of a model has its weight from; roles of buyers
    "account": N_("account"),
    "audit": N_("audit log"),
    "customer": N_("customer"),
    "decision": N_("decision"),
    "export": N_("export"),
    "key": N_("API key"),
    "match_model": N_("match model"),
    "record": N_("source record"),
    "row": N_("row"),
    "source": N_("source"),
    "task": N_("task"),
    "tasks": N_("tasks"),
    "webhook": N_("webhook"),
    "golden": N_("golden record"),
    "declared": N_("declared"),
    "pooled": N_("pooled"),
    "prior": N_("from the prior"),
    "data": N_("from the data"),
    "decision_maker": N_("decision maker"),
    "influencer": N_("influencer"),
    "user": N_("user"),
    "gatekeeper": N_("gatekeeper"),
    "key_account": N_("key account"),
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
    "owner": N_("vehicle owner"),
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
    "type": N_("kind"),
    "stage": N_("stage"),
    "from_key": N_("from whom"),
    "to_key": N_("to whom"),
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


PARTS = {
    "customers": N_("customers"),
    # phases of a run
    "land": N_("landing"),
    "changes": N_("changes"),
    "standardise": N_("standardising"),
    "profile": N_("profiling of values"),
    "block": N_("blocking"),
    "score": N_("scoring"),
    "cluster": N_("clustering"),
    "scope": N_("what is solved again"),
    "load": N_("loading"),
    "train": N_("training"),
    "write": N_("writing"),
    "survive": N_("survivorship"),
    "resolve": N_("resolving"),
    "touchpoints": N_("touchpoints"),
    "lifecycle": N_("lifecycle"),
    "check": N_("checks"),
    "publish": N_("publishing"),
    "forget": N_("erasing"),
    "corrections": N_("corrections"),
    "verify": N_("verifying"),
    "compare": N_("comparing"),
    # what an entry of the audit log details
    "attributes": N_("attributes"),
    "rows": N_("rows"),
    "tasks": N_("tasks"),
    "text": N_("text"),
    "how": N_("how"),
    "by": N_("by"),
    "role": N_("role"),
    "reason": N_("reason"),
    "kind": N_("kind"),
    "entity_type": N_("entity type"),
    "left_id": N_("left record"),
    "right_id": N_("right record"),
    "undoes": N_("undoes"),
    "approves": N_("approves"),
    "detail": N_("detail"),
    "to": N_("to"),
    "due_at": N_("due date"),
    "address": N_("network address"),
    "note": N_("note"),
    "why": N_("why"),
    "before": N_("before"),
    "source": N_("source"),
    "source_key": N_("key"),
    "parts": N_("parts"),
    "golden_id": N_("golden record"),
    "value": N_("value"),
    "attribute": N_("attribute"),
    "record_id": N_("record"),
    "record": N_("record"),
    "despite": N_("in spite of"),
    "from": N_("from"),
    "form": N_("form"),
    "scopes": N_("scopes"),
    "purpose": N_("purpose"),
    "name": N_("name"),
    "since": N_("since"),
    "until": N_("until"),
    "actor": N_("who"),
    "action": N_("what"),
    "object_type": N_("of what"),
    "object_id": N_("id"),
}
"""Phases of a run, and what entries of the audit log detail, by their names in the store."""


STANDARD = {
    "gender": {"m": N_("male"), "f": N_("female")},
    "org_form": {
        "limited": N_("limited company"),
        "joint_stock": N_("joint stock company"),
        "limited_partnership": N_("limited partnership"),
        "partnership": N_("partnership"),
        "sole_proprietorship": N_("sole proprietorship"),
        "sole_trader": N_("sole trader"),
        "cooperative": N_("cooperative"),
        "company": N_("company"),
        "llc": N_("limited liability company"),
        "plc": N_("public limited company"),
        "inc": N_("corporation"),
        "other": N_("another form"),
    },
    "name_status": {
        "deregistered": N_("deregistered"),
        "revoked": N_("licence revoked"),
        "closed": N_("out of business"),
        "insolvent": N_("insolvent"),
        "moved": N_("moved away"),
        "disabled": N_("not to be used"),
        "blocked": N_("blacklisted"),
        "duplicate": N_("a duplicate"),
        "active": N_("in business"),
    },
}
"""Codes of standard values: column → code → what it is called. Forms of other countries (GmbH) stay as they are."""

_CODED = frozenset({"buying_role", "influence", "affinity", "status"})


def coded(speech: Speech, segment: Callable[[str], str], attribute: str, value: Any) -> Any:
    """A value in the reader's language where the attribute, or the column of standard values, has words for it.

    `segment` gives the label of a segment, as the contracts have it. Any other value is returned as it is.
    """
    if isinstance(value, list):
        return [coded(speech, segment, attribute, one) for one in value]
    if not value or not isinstance(value, str):
        return value
    if attribute == "segment":
        return segment(value)
    if attribute == "consent" and value.lower() in ("true", "false"):
        return shown(speech, value.lower() == "true")
    names = TERMS if attribute in _CODED else STANDARD.get(attribute, {})
    return speech(names[value]) if value in names else value


def detail(speech: Speech, name: str, value: Any) -> Any:
    """What an entry of the audit log details, in the reader's language where it is a word of the program."""
    if name in ("attributes", "attribute"):
        listed = value if isinstance(value, list) else [value]
        named = [speech(ATTRIBUTES.get(str(one), str(one))) for one in listed]
        return named if isinstance(value, list) else named[0]
    if name in ("role", "kind", "entity_type", "verdict", "object_type", "action") and value:
        return speech(TERMS.get(str(value), str(value)))
    if isinstance(value, dict):
        return {speech(PARTS.get(str(key), str(key))): detail(speech, str(key), one) for key, one in value.items()}
    return value


def shown(speech: Speech, value: Any) -> str:
    """A golden or source value as text: lists with commas, yes and no, numbers with their separators."""
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, bool):
        return speech(N_("yes")) if value else speech(N_("no"))
    if isinstance(value, int | float):
        return speech.number(value)
    if isinstance(value, list | tuple):
        # Lines end behind a comma, but before a plus sign only where it is said that they may.
        return speech.signs.comma.join(shown(speech, v) for v in value).replace("、+", "、\u200b+")
    if isinstance(value, dict):
        signs = speech.signs
        return signs.semicolon.join(f"{k}{signs.colon}{shown(speech, v)}" for k, v in value.items())
    return str(value)
