"""Who may do and see what: the declaration, principals, masking."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.config import parse_config
from models.vocabulary import ENTITY_TYPES
from serving.access import RIGHTS, ROLE_RIGHTS, ROLE_SEES, ROLES, Masking, NotAllowed, Principal

SECURITY = (Path(__file__).parents[3] / "docs/security.md").read_text(encoding="utf-8")
CONFIG = """
attributes:
  organization: {bank_account: {sensitivity: secret}, dealer_code: {}}
  person: {wechat: {sensitivity: personal}, badge: {sensitivity: public}}
sources:
  - name: crm
    family: sales
    connector: {type: files, path: "{stream}.csv"}
    streams:
      - name: people
        entity: person
        key: id
        fields: {full_name: who, phone: [tel, mobile], job_title: job, national_id: idno}
"""


@pytest.fixture
def masking() -> Masking:
    return Masking(parse_config(CONFIG, "kehu.yaml"))


def who(role: str, *scopes: str) -> Principal:
    return Principal.of_key({"consumer": "erp", "key_id": "k1", "role": role, "scopes": list(scopes)})


def test_every_role_has_rights_that_exist_and_sees_at_least_what_is_public() -> None:
    assert set(ROLE_RIGHTS) == set(ROLE_SEES) == set(ROLES)
    for role in ROLES:
        assert ROLE_RIGHTS[role] <= set(RIGHTS)
        assert "public" in ROLE_SEES[role]


def test_every_right_is_somebodys() -> None:
    assert set().union(*ROLE_RIGHTS.values()) == set(RIGHTS)


def test_the_document_says_what_the_declaration_says() -> None:
    for right in RIGHTS:
        marks = " | ".join("yes" if right in ROLE_RIGHTS[role] else "" for role in ROLES)
        assert f"| `{right}` | {marks} |" in SECURITY, right
    for sensitivity in ("public", "personal", "secret"):
        marks = " | ".join("yes" if sensitivity in ROLE_SEES[role] else "" for role in ROLES)
        assert f"| sees {sensitivity} | {marks} |" in SECURITY, sensitivity


def test_a_principal_without_a_right_is_refused_and_a_wrong_right_is_a_mistake() -> None:
    viewer = Principal.of_account("wang", "viewer")
    viewer.require("customers.read")
    with pytest.raises(NotAllowed, match="accounts.manage"):
        viewer.require("accounts.manage")
    with pytest.raises(KeyError):
        viewer.may("customers.raed")


def test_scopes_narrow_a_role_and_never_widen_it() -> None:
    assert who("consumer").rights == ROLE_RIGHTS["consumer"]
    assert who("consumer", "changes.read").rights == {"changes.read"}
    assert who("viewer", "accounts.manage").rights == set()
    assert who("viewer", "personal", "secret").sees == {"public"}


def test_a_key_sees_personal_attributes_only_where_a_scope_says_so() -> None:
    assert who("consumer").sees == {"public"}
    assert who("lead_steward").sees == {"public"}
    assert who("consumer", "personal").sees == {"public", "personal"}
    assert who("consumer", "personal").rights == ROLE_RIGHTS["consumer"]
    assert who("consumer", "purpose:marketing").purpose == "marketing"


@pytest.mark.parametrize("entity", ENTITY_TYPES)
@pytest.mark.parametrize("role", ROLES)
def test_masking_follows_the_declaration_for_every_attribute(masking: Masking, entity: str, role: str) -> None:
    person = Principal.of_account("a", role)  # type: ignore[arg-type]
    names = {**dict.fromkeys(masking.visible(person, entity)), **dict.fromkeys(masking.hidden(person, entity))}
    shown, masked, personal = masking.split(person, entity, {name: "v" for name in names})
    for name in names:
        sensitivity = masking.sensitivity(entity, name)
        assert (name in shown) == (sensitivity in ROLE_SEES[role]) == (name not in masked)
        assert (name in personal) == (name in shown and sensitivity != "public")


def test_added_attributes_are_masked_as_they_declare(masking: Masking) -> None:
    shown, masked, _ = masking.split(
        Principal.of_account("a", "steward"), "organization", {"name": "n", "bank_account": "1", "dealer_code": "d"}
    )
    assert shown == {"name": "n", "dealer_code": "d"}
    assert masked == ["bank_account"]
    assert masking.sensitivity("person", "badge") == "public"


def test_standard_columns_are_as_sensitive_as_their_attribute(masking: Masking) -> None:
    assert masking.sensitivity("person", "national_id_std") == "secret"
    assert masking.sensitivity("person", "phone_e164") == "personal"
    assert masking.sensitivity("organization", "x_bank_account") == "secret"
    assert masking.sensitivity("person", "something_else") == "personal"


def test_a_delivered_row_is_masked_by_its_mapping_and_unmapped_columns_as_if_they_were_secret(masking: Masking) -> None:
    row = {"id": "7", "who": "王芳", "tel": "1", "mobile": "2", "job": "buyer", "idno": "110", "notes": "id 110"}
    shown, masked, personal = masking.payload(Principal.of_account("a", "steward"), "person", "crm", "people", row)
    assert shown == {"id": "7", "who": "王芳", "tel": "1", "mobile": "2", "job": "buyer"}
    assert masked == ["idno", "notes"]
    assert personal == ["who", "tel", "mobile"]
    shown, _, personal = masking.payload(Principal.of_account("a", "viewer"), "person", "crm", "people", row)
    assert (shown, personal) == ({"id": "7", "job": "buyer"}, [])
