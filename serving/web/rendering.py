"""Renders pages: templates in the reader's language, with what every page needs."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from serving.access import MASK
from serving.customer360 import contracts_of
from serving.web import words
from serving.web.languages import LANGUAGES, N_, Speech, choose
from serving.web.registry import STATIC, navigation
from serving.web.told import told
from serving.web.visits import LANGUAGE_COOKIE, Visit, inside

_TEMPLATES = Path(__file__).parent / "templates"


def page(
    visit: Visit, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """A page from a template of serving/web/templates; `title` is its subject, `here` its entry in the navigation.

    `notice`, if given, is shown on top: `kind` (done, wrong, waits), `text`, and `undo`, a decision's number.
    """
    query = visit.request.url.query
    given = {
        "visit": visit,
        "navigation": navigation(),
        "here": None,
        "notice": None,
        "segment": functools.partial(_segment, visit),
        "coded": coder(visit),
        "address": visit.request.url.path + (f"?{query}" if query else ""),
        **values,
    }
    if given["notice"]:
        given["notice"] = {"undo": None, **given["notice"]}
    text = _environment(visit.language, visit.config.lifecycle.timezone).get_template(template).render(given)
    return HTMLResponse(text, status, dict(headers or {}))


def coder(visit: Visit) -> Callable[[str, Any], Any]:
    """Puts values of an attribute, or a column of standard values, into words of the reader where there are some."""
    return functools.partial(words.coded, visit.speech, functools.partial(_segment, visit))


def _segment(visit: Visit, name: str | None) -> str:
    return contracts_of(visit.config).label(name, visit.language) if name else ""


def go(visit: Visit, address: str) -> Response:
    """Lead the browser on after something was done; a part of a page leads the whole page on."""
    address = inside(address)
    if visit.by_htmx:
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def error_page(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The page of a failure, in the frame if somebody is signed in."""
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is None:
        hub = request.app.state.hub
        language = choose(request.cookies.get(LANGUAGE_COOKIE), accepted=request.headers.get("Accept-Language", ""))
        speech = Speech(language, hub.config.lifecycle.timezone)
        visit = Visit(request, hub.config, hub.store, None, None, hub.masking, hub.reads, speech, "auto")
    return page(
        visit,
        "error.html" if visit.session else "error_plain.html",
        status=status,
        headers=headers,
        title=_HEADINGS.get(status, HTTPStatus(status).phrase),
        code=status,
        detail=detail,
        number=str(getattr(request.state, "request_id", "")),
    )


_HEADINGS = {
    403: N_("You may not do that"),
    404: N_("There is no such page"),
    409: N_("Somebody was quicker"),
    413: N_("That is too much at once"),
    422: N_("That request cannot be understood"),
    500: N_("Something went wrong"),
    503: N_("The hub is busy; try again in a moment"),
}


@functools.cache
def asset(path: str) -> str:
    """The address of a shipped file, which changes when the file does: browsers keep it as long as they like."""
    mark = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?v={mark}"


@functools.cache
def _environment(language: str, timezone: str) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    speech = Speech(language, timezone)
    made.globals.update(
        _=speech,
        N_=N_,
        several=speech.several,
        told=functools.partial(told, speech),
        term=lambda word: speech(words.TERMS.get(str(word), str(word))) if word else "",
        part=lambda word: speech(words.PARTS.get(str(word), str(word))),
        detail=functools.partial(words.detail, speech),
        attribute=lambda name: speech(words.ATTRIBUTES.get(str(name), str(name))) if name else "",
        comma=speech.signs.comma,
        pause=speech.signs.pause,
        semicolon=speech.signs.semicolon,
        colon=speech.signs.colon,
        aside=speech.signs.aside.format,
        languages=LANGUAGES,
        asset=asset,
        icon=_icon,
        csrf=_csrf,
        MASK=MASK,
        data=_data,
    )
    made.filters.update(
        number=speech.number,
        percent=speech.percent,
        moment=speech.moment,
        day=speech.day,
        ago=speech.ago,
        duration=speech.duration,
        shown=functools.partial(words.shown, speech),
    )
    return made


@functools.cache
def _icon(name: str, label: str = "") -> Markup:
    said = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    place = f"/static/icons.svg#{name}"
    return Markup('<svg class="icon" viewBox="0 0 24 24" {}><use href="{}"/></svg>').format(said, place)


@jinja2.pass_context
def _csrf(context: jinja2.runtime.Context) -> Markup:
    """The hidden field without which a form is refused."""
    session = context["visit"].session
    return Markup('<input type="hidden" name="csrf" value="{}">').format(session.csrf) if session else Markup("")


def _data(number: str, value: Any) -> Markup:
    """Data for the script of the page, out of reach of the parser of HTML."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup('<script type="application/json" id="{}">{}</script>').format(number, Markup(text))
