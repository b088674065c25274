"""Where webhooks may lead: to public addresses by https, unless the configuration allows more.

An address is looked up once, checked, and then used as it was checked, so that no name can mean another place a moment
later.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from models.errors import KehuError

Lookup = Callable[[str, int], list[str]]


class TargetError(KehuError):
    """A webhook that may not lead there."""


@dataclass(frozen=True)
class Target:
    """A checked place: the address to connect to, and the URL with that address in place of the name."""

    url: str
    host: str
    address: str


def lookup(host: str, port: int) -> list[str]:
    """The addresses of a name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TargetError(f"the name {host} cannot be looked up ({error.strerror or error})") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked(url: str, *, private: bool, find: Lookup = lookup) -> Target:
    """The place that a URL leads to. Raises TargetError for one that it may not lead to.

    `private` allows http, and addresses of private networks and of this machine.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise TargetError("this is no URL") from None
    if parts.scheme not in (("https", "http") if private else ("https",)):
        raise TargetError("a webhook leads to https")
    if not host or parts.username or parts.password:
        raise TargetError("a webhook's URL has a host, and no name or password in it")
    port = port or (443 if parts.scheme == "https" else 80)
    addresses = find(host, port)
    for address in addresses:
        if not private and not is_public(address):
            raise TargetError(f"{host} is in a private network; serving.private_webhooks allows that")
    if not addresses:
        raise TargetError(f"the name {host} has no address")
    place = addresses[0].partition("%")[0]
    shown = f"[{place}]" if ":" in place else place
    rest = parts._replace(netloc=f"{shown}:{port}", fragment="").geturl()
    return Target(rest, parts.netloc, place)


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet; addresses that wrap another count as that one."""
    try:
        found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast
