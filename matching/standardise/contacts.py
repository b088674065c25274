"""E-mail addresses and web domains, with what makes them weak evidence: free-mail providers and role mailboxes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from matching.standardise.junk import PLACEHOLDER, TEST, filler_digits, folded_junk
from matching.standardise.text import fold
from matching.standardise.wordlists import list_words


@cache
def free_mail() -> frozenset[str]:
    """Domains of providers whose addresses say nothing about the employer."""
    return frozenset(list_words("free_mail"))


_ROLES = frozenset(
    """
    info information sales sale service services support help helpdesk contact contacts contactus office admin
    administrator webmaster
    postmaster hostmaster root noreply no-reply donotreply do-not-reply mail email mailbox enquiries enquiry inquiry
    hello team
    hr jobs job career careers recruit recruitment zhaopin marketing market press media pr ir investor investors legal
    finance
    accounts account accounting billing invoice invoices fapiao caiwu purchase purchasing procurement caigou orders
    order export
    import trade business biz customerservice customer customers cs kefu fuwu xiaoshou shichang security abuse privacy
    it tech
    technical reception frontdesk reservations booking bookings general public secretary board dongmi zqb gs company
    gongsi service1 sales1
    """.split()
)
_TEST_LOCAL = frozenset(
    "test testing test1 test123 asdf abc xxx xx a aa aaa none na nobody noone null noemail no nomail example".split()
)
_TEST_DOMAINS = frozenset(
    "test.com test.cn example.com example.org example.net example.cn domain.com email.com none.com na.com "
    "no.com noemail.com nomail.com "
    "xxx.com xx.com abc.com aaa.com localhost invalid.com asdf.com mail.test a.com 123.com".split()
)
_JUNK_DOMAINS = _TEST_DOMAINS | frozenset("none.com http.com www.com com.cn com".split())
_ADDR_RE = re.compile(r"[^\s<>,;:\"()\[\]、，；]+@[^\s<>,;:\"()\[\]、，；]+")
_SIMPLE_RE = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|"
    r"}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
_NUMERIC_RE = re.compile(r"[\d.:]+")
_NEXT_RE = re.compile(r"[\s、,;|，；]+")
_HTTP_RE = re.compile(r"^(?:https?|http)[:/.]+")
_PATH_RE = re.compile(r"[/?#:]")
_HOST_RE = re.compile(r"[^\s_!$%&'()*+;=]+")
_PLAIN_WEB_RE = re.compile(r"(?:https?://)?(?!http)([a-z0-9][a-z0-9.-]*[a-z0-9])(?:/[a-z0-9._/-]*)?")
_SCHEME_RE = re.compile(r"^[a-z][a-z0-9+.-]*:/*|^/+")


class Email(NamedTuple):
    """A parsed address. domain: registrable domain; free: a free-mail provider; role: a mailbox of a function."""

    raw: str
    value: str | None = None
    domain: str | None = None
    free: bool = False
    role: bool = False
    reason: str | None = None


class WebDomain(NamedTuple):
    """A registrable domain found in a web address, or a reason."""

    raw: str
    value: str | None = None
    reason: str | None = None


@cache
def _suffixes() -> Any:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@cache
def _suffix_rules() -> frozenset[str]:
    """The public suffix list as it is written: suffixes, `*.` for one more label, `!` for an exception from that."""
    from publicsuffixlist import PSLFILE

    with open(PSLFILE, encoding="utf-8") as lines:
        rules = (line.split(" ")[0].strip().lower() for line in lines)
        return frozenset(rule for rule in rules if rule and not rule.startswith("//"))


def _registrable_of(host: str) -> str | None:
    """What the library says of a host in lower case, three times quicker for the hosts there usually are."""
    labels = host.split(".")
    if "xn--" in host or "" in labels:
        found = _suffixes().privatesuffix(host)
        return str(found) if found else None
    rules = _suffix_rules()
    public = 1
    tail = host
    for depth in range(len(labels), 0, -1):
        if tail in rules or "*." + tail in rules or "!" + tail in rules:
            public = depth
            if "!" + tail in rules:
                public -= 1
            elif "*." + tail in rules and depth < len(labels):
                public += 1
            break
        tail = tail.partition(".")[2]
    return ".".join(labels[-public - 1 :]) if len(labels) > public else None


def registrable(host: str) -> str | None:
    """Registrable domain of a host name (www.shop.example.com.cn → example.com.cn), null for none."""
    host = host.strip(".").lower()
    if "." not in host or _NUMERIC_RE.fullmatch(host):
        return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return _registrable_of(host)


def split_emails(raw: str) -> list[str]:
    """Addresses of a field that may hold several, or the field itself."""
    found = _ADDR_RE.findall(raw)
    return found if len(found) > 1 else [raw]


def parse_email(raw: str) -> Email:
    """Parses one address: display names and mailto: dropped, lower case, syntax checked, no look-up in DNS."""
    text = fold(raw).lower()
    reason = folded_junk(text)
    if reason:
        return Email(raw, reason=reason)
    if _SIMPLE_RE.fullmatch(text) and text[0] not in "'`-_":
        # Nothing to take off or to repair: so are most.
        address = text
        local, _, host = address.partition("@")
    else:
        text = text.replace("(at)", "@").replace("[at]", "@").replace(" at ", "@")
        text = (
            text.replace("mailto:", "").replace("。", ".").replace(" ", "")
            if text.count("@") == 1 and "<" not in text
            else text
        )
        found = _ADDR_RE.search(text)
        if not found:
            return Email(raw, reason="no address")
        address = found.group().strip(".'`-_") if text.count("@") == 1 else found.group().strip(".'`")
        local, _, host = address.partition("@")
        host = host.rstrip(".,;")
        address = f"{local}@{host}"
        if not _SIMPLE_RE.fullmatch(address):
            from email_validator import EmailNotValidError, validate_email

            try:
                checked = validate_email(address, check_deliverability=False, allow_smtputf8=True)
            except EmailNotValidError:
                return Email(raw, reason="malformed address")
            address, host = checked.normalized.lower(), checked.ascii_domain.lower()
            local = address.partition("@")[0]
    domain = registrable(host)
    if domain is None:
        return Email(raw, reason="no registrable domain")
    if domain in _TEST_DOMAINS and domain != "email.com":
        return Email(raw, reason=TEST)
    free = domain in free_mail() or host in free_mail()
    bare = local.partition("+")[0].replace(".", "")
    if bare in _TEST_LOCAL and (free or bare in ("none", "noemail", "nomail", "test", "na")):
        return Email(raw, reason=TEST if "test" in bare else PLACEHOLDER)
    if bare.isdigit() and filler_digits(bare):
        return Email(raw, reason="filler digits")
    role = local in _ROLES or local.replace(".", "").replace("-", "") in _ROLES or local.rstrip("0123456789") in _ROLES
    return Email(raw, address, domain, free, role)


def parse_web_domain(raw: str) -> WebDomain:
    """Registrable domain of a web address, with or without scheme and path; the first when several are given."""
    text = fold(raw).lower().replace("。", ".")
    reason = folded_junk(text)
    if reason:
        return WebDomain(raw, reason=reason)
    plain = _PLAIN_WEB_RE.fullmatch(text)
    if plain:
        host = plain.group(1)
    else:
        text = _SCHEME_RE.sub("", _NEXT_RE.split(text.strip())[0])
        host = _PATH_RE.split(_HTTP_RE.sub("", text), maxsplit=1)[0].rpartition("@")[2].strip(".")
    if not host or "." not in host:
        return WebDomain(raw, reason="no domain")
    if not plain and not _HOST_RE.fullmatch(host):
        return WebDomain(raw, reason="malformed domain")
    domain = registrable(host)
    if domain is None:
        return WebDomain(raw, reason="no registrable domain")
    if domain in _JUNK_DOMAINS:
        return WebDomain(raw, reason=PLACEHOLDER)
    if domain in free_mail():
        return WebDomain(raw, reason="free-mail provider")
    return WebDomain(raw, domain)
