"""Tables of who may use the hub: accounts, their sessions, links to set a password, keys of programs.

Secrets are never here, only what proves them: passwords as argon2 hashes; of sessions, links and keys, which are long
and random, the SHA-256.
"""

from __future__ import annotations

import sqlalchemy as sa

from models.store.tables import Id, Json, UtcTime, _column, metadata

account = sa.Table(
    "account",
    metadata,
    _column("name", sa.Text, key=True),
    _column("role", sa.Text),  # see models.stewardship.Role
    _column("display", sa.Text, null=True),
    _column("password", sa.Text, null=True),  # argon2; none until somebody set one, or for those of a single sign-on
    _column("subject", sa.Text, null=True),  # issuer and subject of a single sign-on
    _column("language", sa.Text, null=True),
    _column("created_at", UtcTime),
    _column("created_by", sa.Text),
    _column("disabled_at", UtcTime, null=True),
    _column("failures", Id),  # wrong passwords since the last right one
    _column("wait_until", UtcTime, null=True),  # no password is looked at before
    _column("seen_at", UtcTime, null=True),
    sa.Index("ix_account_subject", "subject", unique=True),
)

web_session = sa.Table(
    "web_session",
    metadata,
    _column("id", sa.Text, key=True),
    _column("account", sa.Text),
    _column("csrf", sa.Text),
    _column("created_at", UtcTime),
    _column("seen_at", UtcTime),
    _column("expires_at", UtcTime),
    _column("address", sa.Text, null=True),
    _column("agent", sa.Text, null=True),
    sa.Index("ix_web_session_account", "account"),
)

one_time_link = sa.Table(  # leads once to a page where a password is set
    "one_time_link",
    metadata,
    _column("id", sa.Text, key=True),
    _column("account", sa.Text, null=True),  # none: the first account, which is made by using the link
    _column("created_at", UtcTime),
    _column("expires_at", UtcTime),
    _column("used_at", UtcTime, null=True),
)

api_key = sa.Table(
    "api_key",
    metadata,
    _column("key_id", sa.Text, key=True),
    _column("consumer", sa.Text),  # the program that uses it; may have several keys, so that one can be replaced
    _column("role", sa.Text),
    _column("hash", sa.Text),
    _column("scopes", Json),
    _column("created_at", UtcTime),
    _column("created_by", sa.Text),
    _column("expires_at", UtcTime, null=True),
    _column("revoked_at", UtcTime, null=True),
    _column("used_at", UtcTime, null=True),
    sa.Index("ix_api_key_consumer", "consumer"),
)

ACCOUNT_TABLES = (account, web_session, one_time_link, api_key)
