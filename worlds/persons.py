"""Persons of the generated worlds: what is true of them. How systems write them down is in `writing`.

They come in households and offices, since the hard cases are between people who share things: a family phone and
address, a mail box, a switchboard, a birthday (twins), or the whole name (father and son; namesakes in one city).
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from worlds import identifiers as ids
from worlds import lexicon_han as han
from worlds import lexicon_latin as latin
from worlds.contact import FREE_MAIL, Address, address
from worlds.dice import Dice
from worlds.places import City, cities


@dataclass(slots=True)
class Person:
    """One human being. Phones are international digits; '' where a person has none of a kind."""

    entity: int
    country: str
    city: City
    surname: str
    given: str
    middle: str
    suffix: str
    nickname: str
    male: bool
    born: date
    national_id: str
    mobile: str
    old_mobile: str
    email: str
    address: Address
    home_phone: str = ""
    family_mail: str = ""
    office_phone: str = ""
    extension: int = 0
    office_mail: str = ""
    work_mail: str = ""
    job_title: str = ""
    old_surname: str = ""
    old_address: Address | None = None


@dataclass(frozen=True, slots=True)
class PeopleMix:
    """Shares of the ways people come; `same_name` (father and son) and `twins` are shares of the households."""

    household: float = 0.30
    same_name: float = 0.15
    twins: float = 0.06
    office: float = 0.10
    namesakes: float = 0.06
    latin: float = 0.45
    moved: float = 0.12
    new_surname: float = 0.03


@dataclass(slots=True)
class PersonMaker:
    """Makes people in households, offices and alone."""

    rng: Dice
    mix: PeopleMix
    entities: int = 0

    def family(self) -> list[Person]:
        """The next household, office, set of namesakes, or single person."""
        rng, mix = self.rng, self.mix
        script = "latin" if rng.random() < mix.latin else "han"
        draw = rng.random()
        if draw < mix.household:
            return self._household(script)
        draw -= mix.household
        if draw < mix.office:
            return self._office(script)
        draw -= mix.office
        if draw < mix.namesakes:
            first = self.one(script)
            return [first, self._retake(self.one(script, first.city), first.surname, first.given, first.male)]
        return [self.one(script)]

    def one(
        self,
        script: str,
        city: City | None = None,
        surname: str = "",
        male: bool | None = None,
        age: tuple[int, int] = (19, 70),
    ) -> Person:
        """A person; what is not given is drawn."""
        rng = self.rng
        if city is None:
            places, weights = cities(script)
            city = rng.weighted(places, weights)
        man = rng.random() < 0.62 if male is None else male
        born = date(2026, 6, 30) - timedelta(days=rng.between(age[0] * 365, age[1] * 365))
        nickname = middle = ""
        if script == "han":
            if not surname:
                names, weights = han.surnames()
                surname = rng.weighted(names, weights)
            chars = han.MALE if man else han.FEMALE
            given = rng.word(chars, han.falling(len(chars), 25), 1 if rng.random() < 0.15 else 2)
        else:
            surname = surname or latin.SURNAMES[min(int(rng.expovariate(1 / 90)), len(latin.SURNAMES) - 1)]
            table = latin.MALE if man else latin.FEMALE
            given_names = latin.MALE_NAMES if man else latin.FEMALE_NAMES
            given = given_names[min(int(rng.expovariate(1 / 28)), len(given_names) - 1)]
            nickname = rng.pick(table[given]) if table[given] else ""
            middle = rng.pick(given_names) if rng.random() < 0.4 else ""
        a = address(rng, city)
        number = (
            ids.resident_id(rng, rng.pick(city.districts)[0] if rng.random() < 0.6 else a.district_code, born, man)
            if script == "han"
            else ids.other_id(rng, city.country)
        )
        title = rng.pick(han.TITLES if script == "han" else latin.TITLES) if rng.random() < 0.5 else ""
        made = Person(
            self._next(),
            city.country,
            city,
            surname,
            given,
            middle,
            "",
            nickname,
            man,
            born,
            number,
            ids.mobile(rng, city),
            ids.mobile(rng, city),
            "",
            a,
            job_title=title,
        )
        made.email = self._mail(made)
        if rng.random() < self.mix.moved:
            made.old_address = address(rng, city)
        if script == "latin" and not man and rng.random() < self.mix.new_surname * 3:
            made.old_surname = rng.pick(latin.SURNAMES)
        return made

    def _next(self) -> int:
        self.entities += 1
        return self.entities - 1

    def _mail(self, p: Person) -> str:
        rng = self.rng
        if p.country == "CN":
            first, last = "".join(han.pinyin(p.given)), "".join(han.pinyin(p.surname))
            user = rng.pick(
                (
                    f"{rng.between(100_000_000, 3_000_000_000)}",
                    f"{last}{first}{rng.between(1, 9999)}",
                    f"{first}.{last}{rng.between(1, 999)}",
                    p.mobile[2:],
                )
            )
        else:
            first, last = _ascii(p.given), _ascii(p.surname)
            user = rng.pick(
                (
                    f"{first}.{last}{rng.between(1, 999)}",
                    f"{first[0]}{last}{rng.between(1, 9999)}",
                    f"{first}{p.born.year % 100:02d}{last}",
                    f"{last}{first}{rng.between(1, 99)}",
                )
            )
        return f"{user}@{rng.pick(FREE_MAIL[p.country])}"

    def _retake(self, p: Person, surname: str, given: str, male: bool) -> Person:
        """The person under another name; what follows from the name is made anew."""
        script = "han" if p.country == "CN" else "latin"
        p.surname, p.given, p.male = surname, given, male
        p.nickname = self.rng.pick(latin.NICKNAMES[given]) if script == "latin" and latin.NICKNAMES.get(given) else ""
        if script == "han":
            p.national_id = ids.resident_id(self.rng, p.address.district_code, p.born, male)
        p.email = self._mail(p)
        return p

    def _household(self, script: str) -> list[Person]:
        """Two to four people at one address, most with one phone and some with one mail box."""
        rng, mix = self.rng, self.mix
        draw = rng.random()
        head = self.one(script, male=True, age=(48, 74) if draw < mix.same_name else (34, 68))
        members = [head]
        if draw < mix.same_name and script == "latin":
            son = self._retake(self.one(script, head.city, male=True), head.surname, head.given, True)
            son.born = head.born + timedelta(days=rng.between(20 * 365, 29 * 365))
            son.middle = head.middle
            head.suffix, son.suffix = ("Sr", "Jr") if rng.random() < 0.8 else ("", "II")
            members.append(son)
        elif draw < mix.same_name + mix.twins:
            a = self.one(script, head.city, surname=head.surname, male=True, age=(19, 40))
            b = self.one(script, head.city, surname=head.surname, male=True)
            b.born = a.born
            if script == "han":
                b.given = (
                    a.given[0] + b.given[-1]
                    if b.given[-1] != a.given[-1]
                    else a.given[0] + ("明" if a.given[-1] != "明" else "亮")
                )
            members += [
                a,
                self._retake(
                    b,
                    b.surname,
                    b.given if b.given != a.given else b.given + rng.pick(han.MALE) if script == "han" else b.given,
                    True,
                ),
            ]
        for _ in range(rng.pick((0, 1, 1, 2)) if len(members) > 1 else rng.pick((1, 1, 2))):
            spouse = len(members) == 1
            keeps = script == "han" and spouse
            members.append(
                self.one(
                    script,
                    head.city,
                    "" if keeps else head.surname,
                    male=False if spouse else None,
                    age=(30, 66) if spouse else (19, 40),
                )
            )
        phone = ids.landline(rng, head.city) if rng.random() < 0.7 else ""
        stem = _ascii(head.surname) if script == "latin" else "".join(han.pinyin(head.surname))
        box = f"{stem}family{rng.between(1, 999)}@{rng.pick(FREE_MAIL[head.country])}"
        mail = box if rng.random() < 0.35 else ""
        for m in members:
            m.address = head.address if m is head or rng.random() < 0.92 else m.address
            m.home_phone, m.family_mail = phone, mail
        return members

    def _office(self, script: str) -> list[Person]:
        """Colleagues: one switchboard, one info@ mail, some with the company's address instead of their own."""
        rng = self.rng
        first = self.one(script, age=(22, 60))
        site, phone = address(rng, first.city, site=True), ids.landline(rng, first.city)
        stem = "".join([rng.pick("abcdefghiklmnoprstuw") for _ in range(rng.pick((5, 6, 7, 8)))])
        domain = stem + {"CN": ".com.cn", "GB": ".co.uk", "US": ".com", "DE": ".de"}[first.country]
        out = [first, *(self.one(script, first.city, age=(22, 60)) for _ in range(rng.pick((1, 2, 3, 4, 6, 9))))]
        box = f"{rng.pick(('info', 'info', 'office'))}@{domain}"
        for p in out:
            p.office_phone, p.extension = phone, rng.between(100, 999)
            p.office_mail = box
            user = (
                ".".join("".join(han.pinyin(x)) for x in (p.given, p.surname))
                if script == "han"
                else f"{_ascii(p.given)}.{_ascii(p.surname)}"
            )
            p.work_mail = f"{user}@{domain}" if rng.random() < 0.7 else ""
            if rng.random() < 0.4:
                p.address = replace(site)
        return out


def _ascii(text: str) -> str:
    table = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}
    return "".join(table.get(c, c) for c in text.lower() if c.isalpha())
