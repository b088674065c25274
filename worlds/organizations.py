"""Companies of the generated worlds: what is true of them. How systems write them down is in `writing`.

They come in families, since the hard cases are between relatives and look-alikes: a company with branches, a group
with subsidiaries, independent companies of one trade name in two cities, small firms that share an agent's phone.
"""

from dataclasses import dataclass, field, replace

from worlds import identifiers as ids
from worlds import lexicon_han as han
from worlds import lexicon_latin as latin
from worlds.contact import FREE_MAIL, address
from worlds.dice import Dice
from worlds.organization import FamilyMix, Organization
from worlds.places import City, cities


@dataclass(slots=True)
class OrganizationMaker:
    """Makes families of companies; keeps registered names and domains unique, as a register would."""

    rng: Dice
    mix: FamilyMix
    entities: int = 0
    names: set[int] = field(default_factory=set)
    domains: set[int] = field(default_factory=set)

    def family(self) -> list[Organization]:
        """The next family of one or more entities."""
        rng, mix = self.rng, self.mix
        script = "latin" if rng.random() < mix.latin else "han"
        draw = rng.random()
        if draw < mix.group:
            return self._group(script)
        draw -= mix.group
        if draw < mix.branches:
            head = self._company(script)
            return [head, *(self._branch(head) for _ in range(rng.pick((1, 1, 2, 3))))]
        draw -= mix.branches
        if draw < mix.same_trade_name:
            return self._same_trade_name(script)
        draw -= mix.same_trade_name
        if draw < mix.agent:
            return self._agent_clients(script)
        if script == "han" and rng.random() < mix.sole_trader:
            return [self._sole_trader()]
        return [self._company(script)]

    def lone(self) -> Organization:
        """A company of China that belongs to nobody and never moved."""
        return self._chinese()

    def group(self) -> list[Organization]:
        """A group of China: its head, then its companies and perhaps a branch, each behind its parent."""
        return self._group("han")

    def _next(self) -> int:
        self.entities += 1
        return self.entities - 1

    def _taken(self, seen: set[int], text: str) -> bool:
        key = int.from_bytes(text.encode()[-24:], "little") % 2_305_843_009_213_693_951
        if key in seen:
            return True
        seen.add(key)
        return False

    def _city(self, script: str, country: str = "", other_than: City | None = None) -> City:
        places, weights = cities(script)
        while True:
            city = self.rng.weighted(places, weights)
            if city is not other_than and (not country or city.country == country):
                return city

    def _domain(self, stem: str, city: City, latin_city: str) -> str:
        rng = self.rng
        tails = {
            "CN": (".com", ".cn", ".com.cn", ".net"),
            "GB": (".co.uk", ".com", ".uk"),
            "US": (".com", ".net", ".us"),
            "DE": (".de", ".com"),
        }
        candidates = (
            stem,
            f"{stem}{rng.pick(('wl', 'group', 'auto', 'ys', 'online'))}",
            f"{latin_city}{stem}",
            f"{stem}{rng.between(10, 9999)}",
        )
        tail = rng.pick(tails[city.country])
        for candidate in candidates:
            if not self._taken(self.domains, candidate + tail):
                return candidate + tail
        return f"{stem}{self.entities}{tail}"

    # --- Chinese companies

    def _core(self) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < self.mix.popular:
            return han.POPULAR[int(rng.random() * len(han.POPULAR))]
        length = 2 if draw < 0.85 else 3 if draw < 0.97 else 4
        return rng.word(han.TRADE, han.falling(len(han.TRADE)), length)

    def _chinese_name(self, city: City, core: str, trade: str, form: str) -> str:
        draw = self.rng.random()
        if draw < 0.5:
            return f"{city.name}{core}{trade}{form}"
        if draw < 0.65:
            return f"{city.full}{core}{trade}{form}"
        if draw < 0.85:
            return f"{city.province_short}{core}{trade}{form}"
        if draw < 0.93:
            return f"{core}({city.province_short if draw < 0.89 else city.name}){trade}{form}"
        return f"{core}{trade}{form}"

    def _chinese(self, core: str = "", city: City | None = None, trade: int = -1, form: str = "") -> Organization:
        rng = self.rng
        given = core
        for attempt in range(12):
            city_ = city or self._city("han")
            core = given or self._core()
            t = trade if trade >= 0 and attempt < 6 else rng.weighted(range(len(han.TRADES)), han.TRADE_CUM)
            word, english, industry = han.TRADES[t]
            form_ = form or rng.weighted(han.FORMS, (78, 90, 97, 100))
            name = self._chinese_name(city_, core, word, form_)
            # A register refuses a second company of the same trade name and trade in one city.
            if not self._taken(self.names, f"{core}{word}{city_.name}") and not self._taken(self.names, name):
                break
        syllables = han.pinyin(core)
        latin_core = "".join(syllables)
        place = city_.latin.replace("'", "").lower()
        domain = self._domain(
            latin_core if rng.random() < 0.8 else latin_core[:1] + "".join(s[0] for s in syllables[1:]) + "56",
            city_,
            place,
        )
        domain = domain if rng.random() < 0.75 else ""
        region = (
            ""
            if name.startswith(core) and "(" not in name
            else f"{city_.latin} "
            if city_.name in name
            else f"{_province_latin(city_)} "
        )
        english_form = "Co., Ltd." if "集团" not in form_ else "Group Co., Ltd."
        latin_name = f"{region}{latin_core.capitalize()} {english} {english_form}"
        a = address(rng, city_, site=True)
        emails = (
            [f"{rng.pick(('info', 'info', 'sales', 'office', 'service', latin_core))}@{domain}"]
            if domain
            else [self._free_mail("CN", latin_core)]
        )
        phones = [ids.landline(rng, city_), ids.mobile(rng, city_)]
        if not domain and rng.random() < 0.6:
            phones.reverse()
        return Organization(
            self._next(),
            "CN",
            city_,
            name,
            latin_name,
            core + word,
            core,
            industry,
            ids.credit_code(rng, a.district_code),
            phones,
            emails,
            domain,
            a,
            int(rng.lognormvariate(3.2, 1.2)) + 1,
            trade=word,
            form=form_,
        )

    def _free_mail(self, country: str, stem: str) -> str:
        rng = self.rng
        user = (
            f"{rng.between(100_000_000, 3_000_000_000)}"
            if country == "CN" and rng.random() < 0.5
            else f"{stem}{rng.between(1, 9999)}"
        )
        return f"{user}@{rng.pick(FREE_MAIL[country])}"

    def _sole_trader(self) -> Organization:
        rng = self.rng
        city = self._city("han")
        surnames, weights = han.surnames()
        surname = rng.weighted(surnames, weights)
        given = rng.word(han.MALE, han.falling(len(han.MALE)), rng.pick((1, 2)))
        a = address(rng, city, site=True)
        trade = rng.pick(han.SOLE_TRADES)
        core = rng.pick((f"老{surname}", surname + given, self._core()))
        name = f"{city.full}{a.district}{core}{trade}" if rng.random() < 0.75 else f"{core}{trade}(个体工商户)"
        return Organization(
            self._next(),
            "CN",
            city,
            name,
            "",
            core + trade,
            core,
            "道路运输",
            ids.credit_code(rng, a.district_code, sole_trader=True),
            [ids.mobile(rng, city), ids.mobile(rng, city)],
            [self._free_mail("CN", "".join(han.pinyin(core)))],
            "",
            a,
            rng.between(1, 6),
            sole_trader=True,
            trade=trade,
        )

    # --- companies with Latin names

    def _latin(self, core: str = "", city: City | None = None, trade: int = -1, country: str = "") -> Organization:
        rng = self.rng
        given = core
        for attempt in range(12):
            city_ = city or self._city("latin", country)
            core = given or self._latin_core(city_, attempt)
            t = trade if trade >= 0 and attempt < 6 else rng.weighted(range(len(latin.TRADES)), latin.TRADE_CUM)
            word, industry = latin.TRADES[t]
            form = rng.weighted(*latin.FORMS[city_.country])
            if not self._taken(self.names, f"{core}{word}{city_.name if given else city_.country}"):
                break
        name = f"{core} {word} {form}"
        stem = "".join(c for c in core.lower() if c.isascii() and c.isalnum())
        domain = self._domain(
            stem + (word.split()[0].lower() if rng.random() < 0.5 else ""),
            city_,
            city_.name.split()[0].lower().replace("ü", "ue").replace("ö", "oe"),
        )
        domain = domain if rng.random() < 0.85 else ""
        a = address(rng, city_, site=True)
        emails = (
            [f"{rng.pick(('info', 'info', 'sales', 'office', 'accounts', 'enquiries'))}@{domain}"]
            if domain
            else [self._free_mail(city_.country, stem)]
        )
        return Organization(
            self._next(),
            city_.country,
            city_,
            name,
            "",
            f"{core} {word}" if rng.random() < 0.6 else core,
            core,
            industry,
            ids.vat_number(rng, city_.country),
            [ids.landline(rng, city_), ids.mobile(rng, city_)],
            emails,
            domain,
            a,
            int(rng.lognormvariate(3.2, 1.2)) + 1,
            trade=word,
            form=form,
        )

    def _latin_core(self, city: City, attempt: int) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < 0.3 and attempt < 4:
            return (
                rng.pick(latin.SURNAMES) + rng.pick(("", " & Sons", " Brothers", " Group"))
                if city.country != "DE"
                else rng.pick(latin.SURNAMES)
            )
        if draw < 0.45:
            return f"{rng.pick(latin.SURNAMES)} & {rng.pick(latin.SURNAMES)}"
        if draw < 0.55 and attempt < 4:
            return f"{city.name} {rng.pick(latin.FIRST_WORDS)}"
        if draw < 0.7:
            return "".join([rng.pick("ABCDEFGHJKLMNPRSTVW") for _ in range(3)])
        if draw < 0.85:
            return f"{rng.pick(latin.FIRST_WORDS)} {rng.pick(latin.SECOND_WORDS)}"
        return f"{rng.pick(latin.FIRST_WORDS)}{rng.pick(latin.SECOND_WORDS).lower()}"

    # --- families

    def _company(self, script: str, **given: object) -> Organization:
        rng = self.rng
        made: Organization = self._chinese(**given) if script == "han" else self._latin(**given)  # type: ignore[arg-type]
        if rng.random() < self.mix.moved:
            made.old_address = address(rng, made.city, site=True)
        if rng.random() < self.mix.renamed:
            other = self._core() if script == "han" else self._latin_core(made.city, 9)
            made.old_name = made.name.replace(made.core, other)
        return made

    def _branch(self, head: Organization) -> Organization:
        """A branch: own address, own tax id in China, the head's domain and often its switchboard."""
        rng = self.rng
        script = "han" if head.country == "CN" else "latin"
        city = self._city(script, "" if script == "han" else head.country)
        a = address(rng, city, site=True)
        label = city.name
        if script == "han" and (city is head.city or self._taken(self.names, f"{head.name}{label}")):
            label = a.district if rng.random() < 0.6 else f"第{rng.pick('一二三四五六七八九')}"
        name = (
            f"{head.name}{label}分公司" if script == "han" else f"{head.name} - {label} {rng.pick(('Branch', 'Depot'))}"
        )
        phone = head.phones[0] if rng.random() < 0.35 else ids.landline(rng, city)
        return replace(
            head,
            entity=self._next(),
            city=city,
            name=name,
            name_en=f"{head.name_en} {city.latin} Branch" if head.name_en else "",
            short=f"{head.short}{label}分公司" if script == "han" else f"{head.short} {label}",
            tax_id=ids.credit_code(rng, a.district_code) if script == "han" else "",
            phones=[phone, ids.mobile(rng, city)],
            emails=list(head.emails)
            if rng.random() < 0.4
            else [f"{city.latin.lower().replace(' ', '').replace(chr(39), '')}@{head.domain}"]
            if head.domain
            else [],
            address=a,
            branch=label,
            parent=head.entity,
            head=head.name,
            old_name="",
            old_address=None,
            employees=max(1, head.employees // 5),
        )

    def _group(self, script: str) -> list[Organization]:
        """A head and its subsidiaries: one trade name, domain and switchboard, other trades and cities; a branch."""
        rng = self.rng
        head = self._company("han", form="集团有限公司") if script == "han" else self._company("latin")
        out = [head]
        for _ in range(rng.pick((1, 2, 2, 3, 4))):
            stays = rng.random() < 0.4
            city = head.city if stays else self._city(script, "" if script == "han" else head.country)
            sub = self._company(script, core=head.core, city=city)
            sub.parent, sub.head = head.entity, head.name
            if rng.random() < 0.7 and head.domain:
                sub.domain = head.domain
                sub.emails = (
                    list(head.emails)
                    if rng.random() < 0.5
                    else [f"{rng.pick(('hr', 'sales', 'cw', 'office2'))}{sub.entity % 97}@{head.domain}"]
                )
            if stays and rng.random() < 0.6:
                sub.phones[0] = head.phones[0]
            if stays and rng.random() < 0.6:
                sub.address = head.address
            out.append(sub)
        if rng.random() < 0.4:
            out.append(self._branch(rng.pick(out)))
        return out

    def _same_trade_name(self, script: str) -> list[Organization]:
        """Two or three independent companies of one trade name, most of the same trade, in different cities."""
        rng = self.rng
        first = self._company(script)
        trades = han.TRADES if script == "han" else latin.TRADES
        trade = next(i for i, t in enumerate(trades) if t[0] == first.trade)
        out = [first]
        for _ in range(rng.pick((1, 1, 2))):
            city = self._city(script, "" if script == "han" else first.country, other_than=out[-1].city)
            out.append(self._company(script, core=first.core, city=city, trade=trade if rng.random() < 0.7 else -1))
        return out

    def _agent_clients(self, script: str) -> list[Organization]:
        """Small unrelated firms registered by one agent: its phone, often its mail, one building."""
        rng = self.rng
        first = self._company(script)
        out = [first]
        agent_phone, agent_mail = first.phones[0], f"info@{first.domain}" if first.domain else first.emails[0]
        for _ in range(rng.pick((2, 3, 5, 8))):
            firm = self._company(script, city=first.city)
            firm.phones[0] = agent_phone
            firm.domain = ""
            if rng.random() < 0.5:
                firm.emails = [agent_mail]
            if rng.random() < 0.7:
                firm.address = replace(first.address, unit=firm.address.unit)
            out.append(firm)
        return out


def _province_latin(city: City) -> str:
    return (
        "".join(han.pinyin(city.province_short)).capitalize()
        if city.province_short not in _ODD
        else _ODD[city.province_short]
    )


_ODD = {"陕西": "Shaanxi", "内蒙古": "Inner Mongolia", "重庆": "Chongqing", "西藏": "Tibet", "新疆": "Xinjiang"}
