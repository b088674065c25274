"""Passwords: how they are hashed, and which ones are refused."""

from __future__ import annotations

import functools

import argon2

SHORTEST = 10
LONGEST = 200
"""Letters of a password; the upper bound keeps nobody's hashing busy with a book."""

_FEW = 4  # different letters; fewer is 1111111111

_hasher = argon2.PasswordHasher()  # argon2id with the parameters of RFC 9106 for machines with little memory


def fault_of(password: str, name: str) -> str | None:
    """Why a password is refused, as a message of the catalogue; None for one that will do."""
    if len(password) < SHORTEST:
        return "A password has at least 10 letters."
    if len(password) > LONGEST:
        return "A password has at most 200 letters."
    if len(set(password)) < _FEW:
        return "That password has too few different letters."
    if name and name.casefold() in password.casefold():
        return "A password does not contain the name of the account."
    return None


def hashed(password: str) -> str:
    """The argon2id hash of a password, salt and parameters included."""
    return _hasher.hash(password)


def fits(password: str, stored: str | None) -> bool:
    """Whether a password is the one of the hash. Takes as long for an account that has none."""
    try:
        return _hasher.verify(stored or _nobody(), password) and stored is not None
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


@functools.cache
def _nobody() -> str:
    return hashed("the password of nobody")
