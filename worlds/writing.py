"""How source systems write down the truth: one record of one entity, in the system's formats, with gaps and mistakes.

A record is a dict attribute → text. `evidence` says which true facts a record really shows, so that every record but a
small share can be recognised by somebody who looks at all its fields.
"""

from worlds import lexicon_han as han
from worlds import lexicon_latin as latin
from worlds.contact import COUNTRY_NAMES, address_line, phone_text, wrong_phone
from worlds.dice import Dice
from worlds.identifiers import landline, mobile, typo_digit, typo_letter
from worlds.organization import Organization
from worlds.persons import Person
from worlds.places import City
from worlds.systems import Noise, System

Record = dict[str, str]
_WIDE = {i: i + 0xFEE0 for i in range(0x21, 0x7F)}
_BOXES = ("info", "sales", "service", "wang", "li.na", "zhang", "fleet", "j.smith", "office")
_PLACEHOLDERS = ("无", "-", "n/a", "不详", "0", "unknown")


def homophone(rng: Dice, text: str, among: str = "") -> str:
    """The text with one character (of `among`, when given) replaced by one that sounds or looks alike."""
    table = han.confused()
    places = [i for i, c in enumerate(text) if c in table and (not among or c in among)]
    if not places:
        return text
    i = rng.pick(places)
    return text[:i] + rng.pick(table[text[i]]) + text[i + 1 :]


def _spoil_text(rng: Dice, text: str, noise: Noise, core: str) -> str:
    """Width, script, case, spacing and typing errors of a name."""
    chinese = not text.isascii() and any("一" <= c <= "鿿" for c in text)
    if chinese:
        if rng.random() < noise.homophone:
            text = homophone(rng, text, core)
        if rng.random() < noise.traditional:
            text = han.traditional(text)
        if rng.random() < noise.full_width and "(" in text:
            text = text.replace("(", "（").replace(")", "）")
        if rng.random() < noise.spacing * 0.5:
            text = f" {text}　"
        return text
    if rng.random() < noise.typo:
        text = typo_letter(rng, text)
    draw = rng.random()
    if draw < noise.upper:
        return text.upper()
    if draw < noise.upper * 1.5:
        return text.lower()
    if draw < noise.upper * 1.5 + noise.spacing:
        return text.replace(" ", "  ", 1)
    return text.translate(_WIDE) if rng.random() < noise.full_width * 0.2 else text


# --- organizations


def organization_name(rng: Dice, o: Organization, form: str) -> str:
    """The company's name as written in the given form: full, variant, old, short, core or english."""
    if form == "old" and o.old_name:
        return o.old_name
    if form == "short":
        return o.short
    if form == "core" and not o.branch and not o.sole_trader and len(o.core) > 1:
        return o.core
    if form == "english" and o.name_en:
        return o.name_en
    if form in ("full", "old", "core", "english"):
        return o.name
    if o.country != "CN":
        return _latin_variant(rng, o)
    name = o.name
    draw = rng.random()
    if draw < 0.3:
        return (
            name.replace("有限责任公司", "有限公司")
            if "责任" in name
            else name.replace("有限公司", "有限责任公司")
            if not o.branch
            else name
        )
    if draw < 0.55:
        return (
            name.replace(o.city.full, o.city.name)
            if o.city.full in name
            else f"{o.city.province_short}{name}"
            if name.startswith(o.city.name) and o.city.province_short != o.city.name
            else name
        )
    if draw < 0.75 and not o.branch:
        return name.replace("有限责任公司", "").replace("股份有限公司", "").replace("有限公司", "")
    if draw < 0.9 and name.startswith(o.city.name) and not name.startswith(o.city.full) and not o.branch:
        return f"{o.core}({o.city.name}){name[len(o.city.name) + len(o.core) :]}"
    return name.replace("(", "（").replace(")", "）")


def _latin_variant(rng: Dice, o: Organization) -> str:
    name, draw = o.name, rng.random()
    if draw < 0.45:
        return name.replace(f" {o.form}", f" {rng.pick(latin.SAME_FORM[o.form])}", 1)
    if draw < 0.65 and not o.branch:
        return name.replace(f" {o.form}", "", 1)
    if draw < 0.8:
        return name.replace(" & ", " and ")
    if draw < 0.9:
        return name.replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ß", "ss")
    return name.replace(",", "").replace(".", "")


def organization(rng: Dice, o: Organization, system: System, noise: Noise, old: bool) -> tuple[Record, set[str]]:
    """One record of the company in the system, and the evidence it shows; `old`: written before a move or renaming."""
    form = rng.weighted(system.forms, system.form_weights)
    if old and o.old_name and form != "english":
        form = "old"
    name = organization_name(rng, o, form)
    evidence = {"name"} if form in ("full", "variant") else {"short"} if form == "short" else set()
    row: Record = {"name": _spoil_text(rng, name, noise, o.core)}
    draw = rng.random
    have = {a for a, share in system.fill if draw() < share}
    if o.name_en and "name_en" in have:
        row["name_en"] = _spoil_text(rng, o.name_en, noise, "")
    if "tax_id" in have and o.tax_id:
        organization_tax_id(rng, o, row, evidence, noise)
    phones = list(o.phones)
    if "phone" in have:
        number = phones[0]
        extension = rng.between(800, 899) if rng.random() < 0.08 and number[2] != "1" else 0
        if rng.random() < noise.new_phone:
            number = landline(rng, o.city)
        elif rng.random() < noise.phone_typo:
            number = wrong_phone(rng, number)
        else:
            evidence.add("phone")
        row["phone"] = phone_text(rng, number, o.city, extension, system.international)
    if "phone2" in have:
        number = mobile(rng, o.city) if rng.random() < noise.new_phone else phones[1]
        row["phone2"] = phone_text(rng, number, o.city, 0, system.international)
        evidence |= {"mobile"} if number == phones[1] else set()
    if "email" in have and o.emails:
        mail = o.emails[0]
        if o.domain and rng.random() < 0.3:
            mail = f"{rng.pick(_BOXES)}@{o.domain}"
        if rng.random() < noise.email_typo:
            mail = typo_letter(rng, mail)
        else:
            evidence.add("domain" if o.domain and o.parent < 0 else "email")
        row["email"] = mail.upper() if rng.random() < noise.upper * 0.5 else mail
    if "website" in have and o.domain:
        row["website"] = rng.pick(("www.{}", "http://www.{}", "https://www.{}/", "{}", "http://{}/index.html")).format(
            o.domain
        )
        evidence.add("domain" if o.parent < 0 else "email")
    a = o.old_address if old and o.old_address else o.address
    if "address_line" in have:
        style = system.address_style if rng.random() < 0.8 else "street"
        row["address_line"] = _spoil_address(rng, address_line(rng, a, style), noise)
        evidence |= {"address"} if a is o.address else set()
    _places(rng, row, have, a.city, a.district, a.postal, noise)
    if "city" in row:
        evidence.add("city")
    if "industry" in have:
        row["industry"] = o.industry
    if "employees" in have:
        row["employees"] = str(o.employees if rng.random() < 0.7 else int(o.employees * rng.uniform(0.8, 1.3)) + 1)
    if rng.random() < noise.placeholder:
        row[rng.pick(("phone", "email", "tax_id"))] = rng.pick(_PLACEHOLDERS)
        evidence -= {"phone", "email", "tax_id", "domain"}
    return row, evidence


def organization_tax_id(rng: Dice, o: Organization, row: Record, evidence: set[str], noise: Noise) -> None:
    """Write the tax id, sometimes in groups, in lower case or mistyped."""
    value = o.tax_id
    if rng.random() < noise.id_typo:
        value = value[:6] + typo_digit(rng, value[6:])
    else:
        evidence.add("tax_id")
        draw = rng.random()
        if draw < 0.04:
            value = " ".join(value[i : i + 4] for i in range(0, len(value), 4))
        elif draw < 0.07:
            value = value.lower()
    row["tax_id"] = value


def organization_recognisable(mine: set[str], other: set[str]) -> bool:
    """Whether a careful person who sees both records would say that they are one company."""
    both = mine & other
    if "tax_id" in both or (
        "name" in both
        and ("city" in both or "address" in both or "phone" in both or "domain" in both or "email" in both)
    ):
        return True
    named = ("name" in mine or "short" in mine) and ("name" in other or "short" in other)
    if named and both & {"phone", "domain", "mobile", "address"}:
        return True
    return len(both & {"phone", "mobile", "domain", "address", "email"}) >= 2 or "name" in both


# --- persons


def person_name(rng: Dice, p: Person, form: str) -> tuple[str, str, str]:
    """(family name, given name, full name) as written in the given form: full, nickname, initial or latin."""
    surname, given = p.surname, p.given
    if p.country == "CN":
        if form == "latin":
            family, first = "".join(han.pinyin(surname)).capitalize(), "".join(han.pinyin(given)).capitalize()
            return family, first, f"{first} {family}" if rng.random() < 0.5 else f"{family} {first}"
        if form == "initial" and rng.random() < 0.35:
            title = rng.pick(han.SALUTATIONS)
            return surname, title, surname + title
        return surname, given, surname + given if rng.random() < 0.97 else f"{surname} {given}"
    if form == "nickname" and p.nickname:
        given = p.nickname
    elif form == "initial":
        given = f"{given[0]}."
    middle = (
        f" {p.middle[0]}{rng.pick(('', '.'))}"
        if p.middle and rng.random() < 0.35
        else f" {p.middle}"
        if p.middle and rng.random() < 0.2
        else ""
    )
    suffix = f" {p.suffix}" if p.suffix and rng.random() < 0.5 else ""
    first = given + middle
    full = f"{surname}, {first}{suffix}" if rng.random() < 0.18 else f"{first} {surname}{suffix}"
    return surname + suffix, first, full


def person(rng: Dice, p: Person, system: System, noise: Noise, old: bool) -> tuple[Record, set[str]]:
    """One record of the person in the system, and the evidence it shows; `old` when it was written before a move."""
    form = rng.weighted(system.forms, system.form_weights)
    family, given, full = person_name(rng, p, form)
    evidence = {"name"} if form in ("full", "latin") or (form == "nickname" and not p.nickname) else {"short"}
    row: Record = {}
    if "full_name" in system.columns.values():
        row["full_name"] = _spoil_text(rng, full, noise, p.surname + p.given)
    else:
        if p.old_surname and old:
            family = p.old_surname
            evidence = {"short"}
        row["family_name"] = _spoil_text(rng, family, noise, p.surname)
        row["given_name"] = _spoil_text(rng, given, noise, p.given)
        if rng.random() < noise.order * 0.5:
            row["family_name"], row["given_name"] = row["given_name"], row["family_name"]
    draw = rng.random
    have = {a for a, share in system.fill if draw() < share}
    if "birth_date" in have:
        row["birth_date"] = _birth(rng, p, system, noise, evidence)
    if "national_id" in have:
        person_id(rng, p, row, evidence, noise)
    if "phone" in have:
        person_phone(rng, p, row, evidence, noise, system)
    if "phone2" in have and (p.office_phone or p.home_phone):
        number = p.office_phone if p.office_phone and rng.random() < 0.7 else p.home_phone or p.office_phone
        extension = p.extension if number == p.office_phone and rng.random() < 0.35 else 0
        row["phone2"] = phone_text(rng, number, p.city, extension, system.international)
        evidence.add("office" if number == p.office_phone else "home")
    if "email" in have:
        _person_mail(rng, p, row, evidence, noise)
    a = p.old_address if old and p.old_address else p.address
    if "address_line" in have:
        row["address_line"] = _spoil_address(rng, address_line(rng, a, system.address_style), noise)
        evidence |= {"address"} if a is p.address else {"old address"}
    _places(rng, row, have, a.city, a.district, a.postal, noise)
    if "gender" in have:
        row["gender"] = {"CN": ("男", "女")}.get(p.country, ("M", "F"))[0 if p.male else 1]
    if "job_title" in have and p.job_title:
        row["job_title"] = p.job_title
    if rng.random() < noise.placeholder:
        row[rng.pick(("phone", "email", "national_id"))] = rng.pick(_PLACEHOLDERS)
        evidence -= {"mobile", "email", "national_id"}
    return row, evidence


def _birth(rng: Dice, p: Person, system: System, noise: Noise, evidence: set[str]) -> str:
    text = p.born.strftime(system.date_format)
    draw = rng.random()
    if draw < noise.birth_typo:
        return text[:2] + typo_digit(rng, text[2:])
    if draw < noise.birth_typo + noise.birth_swapped and p.born.day <= 12:
        return p.born.replace(month=p.born.day, day=p.born.month).strftime(system.date_format)
    evidence.add("birth_date")
    return text


def person_id(rng: Dice, p: Person, row: Record, evidence: set[str], noise: Noise) -> None:
    """Write the identity number, sometimes mistyped."""
    value = p.national_id
    if rng.random() < noise.id_typo:
        value = typo_digit(rng, value)
    else:
        evidence.add("national_id")
        if rng.random() < 0.05:
            value = value.replace("-", "").lower()
    row["national_id"] = value


def person_phone(rng: Dice, p: Person, row: Record, evidence: set[str], noise: Noise, system: System) -> None:
    """Write the main number: the own mobile, the household's, an older one, or the office's."""
    draw = rng.random()
    number, extension = p.mobile, 0
    if p.home_phone and draw < 0.14:
        number = p.home_phone
        evidence.add("home")
    elif p.office_phone and draw < 0.26:
        number = p.office_phone
        extension = p.extension if rng.random() < 0.3 else 0
        evidence.add("office")
    elif rng.random() < noise.new_phone:
        number = p.old_mobile
        evidence.add("old mobile")
    elif rng.random() < noise.phone_typo:
        number = wrong_phone(rng, number)
    else:
        evidence.add("mobile")
    row["phone"] = phone_text(rng, number, p.city, extension, system.international)


def _person_mail(rng: Dice, p: Person, row: Record, evidence: set[str], noise: Noise) -> None:
    draw = rng.random()
    if p.office_mail and draw < 0.22:
        row["email"] = p.office_mail
        return
    if p.family_mail and draw < 0.35:
        row["email"] = p.family_mail
        return
    mail = p.work_mail if p.work_mail and draw < 0.6 else p.email
    if rng.random() < noise.email_typo:
        mail = typo_letter(rng, mail)
    else:
        evidence.add("email" if mail == p.email else "work mail")
    row["email"] = mail.upper() if rng.random() < noise.upper * 0.5 else mail


def person_recognisable(mine: set[str], other: set[str]) -> bool:
    """Whether a careful person who sees both records would say that they are one human being."""
    both = mine & other
    named = "name" in both
    if "national_id" in both or both & {"mobile", "email", "work mail", "old mobile"}:
        return True
    if named and "birth_date" in both:
        return True
    return named and "address" in both and bool(both & {"home", "office"})


# --- shared


def _places(rng: Dice, row: Record, have: set[str], city: City, district: str, postal: str, noise: Noise) -> None:
    if "city" in have:
        row["city"] = city.full if city.country == "CN" and rng.random() < 0.5 else city.name
    if "province" in have:
        row["province"] = city.province if rng.random() < 0.4 else city.province_short
    if "district" in have and district:
        row["district"] = district
    if "postal_code" in have:
        row["postal_code"] = typo_digit(rng, postal) if rng.random() < noise.postal_typo else postal
    if "country" in have:
        row["country"] = COUNTRY_NAMES[city.country] if rng.random() < 0.4 else city.country


def _spoil_address(rng: Dice, line: str, noise: Noise) -> str:
    draw = rng.random()
    if draw < noise.full_width and not line.isascii():
        return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in line)
    if draw < noise.full_width + noise.typo:
        return typo_letter(rng, line) if line.isascii() else homophone(rng, line)
    if draw < noise.full_width + noise.typo + noise.traditional and not line.isascii():
        return han.traditional(line)
    if draw > 1 - noise.upper:
        return line.upper()
    return line
