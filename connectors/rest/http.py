"""Requests that behave: rate limits kept, passing failures tried again, answers bounded, no secret sent elsewhere.

Knows nothing of pages or rows. Everything that goes wrong ends as SourceError, without secrets.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests

from connectors.rest.auth import Authorizer
from connectors.rest.options import LOOPBACK, RestOptions
from connectors.secrets import without_secrets
from models.errors import SourceError

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may well succeed."""
_LIMITED = frozenset({429, 503})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_SHOWN = 300
_CONNECTION = re.compile(r"^HTTPS?Connection(Pool)?\([^)]*\): ")
"""How urllib3 begins what it says of a connection; the place is named already."""


class Refused(SourceError):
    """An answer that says no; `status` is its HTTP status."""

    status: int = 0


@dataclass(frozen=True)
class Answer:
    """A successful answer: its JSON (None where it has no body), headers with names in lower case, and its address."""

    data: Any
    headers: Mapping[str, str]
    url: str
    links: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What an answer with status 200 says all the same: that it failed, for now (`passing`), or for want of a token."""

    message: str
    passing: bool = False
    renew: bool = False


class Http:
    """A client of one base address. `with` closes it."""

    def judge(self, data: Any) -> Verdict | None:
        """What is wrong with an answer although its status is 200; for systems that answer so."""
        return None

    def __init__(
        self,
        options: RestOptions,
        base: Path,
        *,
        source: str,
        stream: str | None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.options, self.source, self.stream = options, source, stream
        self._sleep, self._clock, self._last = sleep, clock, -1e9
        self.session = requests.Session()
        # Proxies and certificates come from the environment; a .netrc must not sign in where nobody said so.
        self.session.auth = _no_auth
        if options.ca_file:
            self.session.verify = str(base / Path(options.ca_file).expanduser())
        self.session.headers.update({"Accept": "application/json", "User-Agent": "kehu", **options.headers})
        self.auth = Authorizer(options, self._token)

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def url(self, path: str) -> str:
        """The address of a path, or of a URL that the server gave; SourceError where it leads to another server."""
        found = urljoin(self.options.base_url, path)
        self._same_server(found)
        return found

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """GET as JSON."""
        return self.request("GET", path, params=params)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> Answer:
        """One request, tried again as the options allow. `raw` leaves the body as bytes.

        Raises SourceError; it is retryable for what may pass by itself.
        """
        url = self.url(path)
        renewed, attempt = False, 0
        while True:
            attempt += 1
            wait: float | None = None
            try:
                response = self._sent(method, url, params, json, data, headers)
                with response:
                    status = response.status_code
                    if status == 401 and not renewed and self.auth.renew():
                        renewed, attempt = True, attempt - 1
                        continue
                    if status < 300:
                        answer = self._answer(response, raw)
                        wrong = None if raw else self.judge(answer.data)
                        if wrong is None:
                            return answer
                        if wrong.renew and not renewed and self.auth.renew():
                            renewed, attempt = True, attempt - 1
                            continue
                        problem = f"{_place(response)}: {wrong.message}"
                        if not wrong.passing:
                            raise self.fault(problem)
                    else:
                        problem = self._problem(response)
                        wait = _asked_wait(response) if status in _LIMITED else None
                        if status not in PASSING:
                            raise self._refused(problem, status)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                if isinstance(error, requests.exceptions.SSLError):
                    raise self.fault(f"the certificate of {urlsplit(url).netloc} is not trusted: {error}") from None
                problem = f"{urlsplit(url).netloc} does not answer: {_reason(error)}"
            except requests.RequestException as error:
                raise self.fault(f"{type(error).__name__}: {error}") from None
            if attempt > self.options.retries:
                raise self.fault(problem, retryable=True)
            pause = wait if wait is not None else min(60.0, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.5, 1.5)
            if pause > self.options.longest_wait:
                raise self.fault(f"{problem}; it asks for a pause of {pause:,.0f} seconds", retryable=True)
            self._sleep(pause)

    def _refused(self, message: str, status: int) -> Refused:
        text = without_secrets(message, *self.auth.secrets)
        refused = Refused(text, source=self.source, stream=self.stream)
        refused.status = status
        return refused

    def fault(self, message: str, *, retryable: bool = False) -> SourceError:
        """A fault of the source, without secrets."""
        text = without_secrets(message, *self.auth.secrets)
        return SourceError(text, source=self.source, stream=self.stream, retryable=retryable)

    def _sent(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        json: Any,
        data: Any,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        headers = {**self.auth.headers(), **(headers or {})}
        params = {**(params or {}), **self.auth.params()}
        for _ in range(_MOST_REDIRECTS):
            self._pace()
            response = self.session.request(
                method,
                url,
                params=params,
                json=json,
                data=data,
                headers=headers,
                timeout=(min(10.0, self.options.timeout), self.options.timeout),
                allow_redirects=False,
                stream=True,
            )
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return response
            # Only within the server: the headers that sign in go along.
            url = urljoin(url, response.headers["location"])
            self._same_server(url)
            params = {}
            response.close()
        raise self.fault("the server redirects in a circle")

    def _pace(self) -> None:
        rate = self.options.requests_per_second
        if rate:
            pause = self._last + 1 / rate - self._clock()
            if pause > 0:
                self._sleep(pause)
        self._last = self._clock()

    def _same_server(self, url: str) -> None:
        """Addresses that a server gives may lead elsewhere, and the sign-in with them: they do not here."""
        base, found = urlsplit(self.options.base_url), urlsplit(url)
        if (found.scheme, found.netloc) != (base.scheme, base.netloc):
            raise self.fault(f"the server leads to {found.scheme}://{found.netloc}, which is not {base.netloc}")

    def _answer(self, response: requests.Response, raw: bool) -> Answer:
        most = self.options.largest_answer << 20
        parts, size = [], 0
        for part in response.iter_content(1 << 16):
            size += len(part)
            if size > most:
                raise self.fault(f"an answer is larger than {self.options.largest_answer} MiB; ask for smaller pages")
            parts.append(part)
        body = b"".join(parts)
        self._quota(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        links = {rel: link["url"] for rel, link in response.links.items() if "url" in link}
        if raw:
            return Answer(body, headers, response.url, links)
        if not body.strip():
            return Answer(None, headers, response.url, links)
        try:
            return Answer(orjson.loads(body), headers, response.url, links)
        except orjson.JSONDecodeError:
            kind = headers.get("content-type", "no content type")
            shown = body[:_SHOWN].decode("utf-8", "replace")
            raise self.fault(f"{_place(response)} answered no JSON ({kind}): {shown}") from None

    def _quota(self, response: requests.Response) -> None:
        """Waits where the answer says that it was the last one for now."""
        left, reset = (response.headers.get(name) for name in ("X-RateLimit-Remaining", "X-RateLimit-Reset"))
        if left is None or reset is None or not left.strip().isdigit() or int(left) > 0:
            return
        pause = _until(reset)
        if pause is not None and 0 < pause <= self.options.longest_wait:
            self._sleep(pause)

    def _problem(self, response: requests.Response) -> str:
        head = b"".join(_first_bytes(response)).decode("utf-8", "replace").strip()
        words = {401: "sign-in was refused", 403: "access is refused", 404: "there is nothing"}
        known = words.get(response.status_code, response.reason or "")
        return f"{_place(response)} answered {response.status_code} {known}" + (f": {head}" if head else "")

    def _token(self, url: str, form: Mapping[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        """Asks a token endpoint; called by the authorizer."""
        found = urljoin(self.options.base_url, url)
        parts = urlsplit(found)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise self.fault(f"{parts.netloc} would get the secret in the clear; use https")
        response = self._asked_token(found, form, basic)
        try:
            answer = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            answer = {}
        if response.status_code >= 300 or not isinstance(answer, dict):
            told = answer if isinstance(answer, dict) else {}
            why = told.get("error_description") or told.get("error") or response.reason
            message = f"{parts.netloc} refuses to sign in: {response.status_code} {why}"
            raise self.fault(message, retryable=response.status_code in PASSING)
        if not answer.get("access_token"):
            raise self.fault(f"{parts.netloc} answered without an access_token")
        return answer

    def _asked_token(self, url: str, form: Mapping[str, str], basic: tuple[str, str] | None) -> requests.Response:
        """The answer of a token endpoint; it is asked again while it has a passing fault."""
        for attempt in range(self.options.retries + 1):
            pause = min(60.0, 0.5 * 2**attempt) * random.uniform(0.5, 1.5)
            last = attempt == self.options.retries
            try:
                response = self.session.post(
                    url, data=dict(form), auth=basic or _no_auth, timeout=self.options.timeout, allow_redirects=False
                )
            except requests.RequestException as error:
                if last:
                    place = urlsplit(url).netloc
                    raise self.fault(f"{place} does not sign in: {_reason(error)}", retryable=True) from None
            else:
                if response.status_code not in PASSING or last:
                    return response
                asked = _asked_wait(response)
                pause = pause if asked is None else asked
                if pause > self.options.longest_wait:
                    return response
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _first_bytes(response: requests.Response) -> list[bytes]:
    try:
        return [next(response.iter_content(_SHOWN), b"")]
    except requests.RequestException:
        return []


def _place(response: requests.Response) -> str:
    parts = urlsplit(response.url or "")
    return f"{parts.netloc}{parts.path}"


def _reason(error: BaseException) -> str:
    """The innermost cause: what wraps it names the whole address, parameters included."""
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
        if not isinstance(inner, BaseException):
            if not isinstance(inner, str):
                return f"{type(error).__name__}: {inner or seen}"
            return _CONNECTION.sub("", inner)
        seen = inner


def _asked_wait(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait (RFC 9110, Retry-After: seconds or a date)."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        if value := response.headers.get(name):
            return _until(value)
    return None


def _until(value: str) -> float | None:
    """Seconds until what a header says: seconds, a time since 1970, or a date."""
    try:
        number = float(value)
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            return None
    if number > 1e11:
        number /= 1000
    return max(0.0, number - time.time()) if number > 1e8 else max(0.0, number)
