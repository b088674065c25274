"""Compares what a configuration maps with what a source really delivers, reading its first batch of rows at most.

Finds mapped columns that are not there and delivered columns that look like an attribute nobody mapped. Nothing is
written; rows and values are judged when they are landed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pyarrow as pa
from rapidfuzz import fuzz

from connectors.protocol import BadRow, Delivery
from connectors.registry import connector_for, missing_columns, wanted_columns
from models.config import Config, Source, Stream
from models.errors import ConfigError, ConfigErrors, KehuError

# Names that systems give to an attribute, beyond the attribute's own name.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "name": (
        "company",
        "account",
        "company_name",
        "account_name",
        "cust_name",
        "customer_name",
        "organisation",
        "公司名称",
        "客户名称",
        "单位名称",
    ),
    "name_en": ("english_name", "name_english", "英文名称"),
    "short_name": ("abbreviation", "简称"),
    "tax_id": ("uscc", "credit_code", "tax_no", "vat", "vat_id", "tax_number", "统一社会信用代码", "税号"),
    "registration_id": ("reg_no", "registration_no", "company_number", "注册号"),
    "phone": ("tel", "mobile", "telephone", "phone1", "phone2", "phone_number", "cell", "电话", "手机", "联系电话"),
    "email": ("mail", "e_mail", "email_address", "邮箱", "电子邮件"),
    "website": ("url", "web", "homepage", "domain", "网址", "网站"),
    "address_line": ("address", "addr", "street", "address1", "address_1", "registered_address", "地址", "详细地址"),
    "district": ("county", "区县"),
    "city": ("town", "suburb", "城市"),
    "province": ("state", "region", "省份"),
    "postal_code": ("zip", "zipcode", "zip_code", "postcode", "post_code", "邮编"),
    "country": ("country_code", "nation", "国家"),
    "industry": ("sector", "branch_of_industry", "行业"),
    "employees": ("headcount", "staff", "员工人数"),
    "fleet_size": ("vehicles", "trucks", "fleet", "车辆数"),
    "status": ("account_status", "状态"),
    "account_owner": ("owner", "sales_rep", "客户经理"),
    "segment": ("tier", "customer_segment", "客户级别"),
    "parent_key": ("parent", "parent_id", "parent_account", "上级客户"),
    "full_name": ("name", "contact_name", "person_name", "姓名", "联系人"),
    "given_name": ("first_name", "firstname", "forename", "名"),
    "family_name": ("last_name", "lastname", "surname", "姓"),
    "gender": ("sex", "性别"),
    "birth_date": ("date_of_birth", "dob", "birthday", "born", "出生日期", "生日"),
    "national_id": ("id_number", "id_card", "idno", "ssn", "passport", "身份证号"),
    "job_title": ("title", "position", "role", "职务", "职位"),
    "organization_key": ("account_id", "company_id", "customer_id", "所属公司"),
}
SIMILAR_ENOUGH = 88
"""Of 100, by rapidfuzz's ratio on names without case and separators; below it, suggestions were mostly noise."""


@dataclass(frozen=True)
class Seen:
    """What was seen of one stream.

    `columns` are the delivered ones; `mapping` and `examples` go by attribute (personal and secret values are not
    shown); `unmapped` columns are kept in the payload but fill no attribute; `errors` would keep the stream from
    being landed; `unreadable` says that the source is at fault, not the configuration.
    """

    source: str
    stream: str
    entity: str
    mode: str | None
    mapping: dict[str, list[str]]
    columns: list[str] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    suggestions: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    unreadable: bool = False


def check_options(config: Config) -> None:
    """Check every connector's name and options without opening a source. Raises ConfigErrors with all mistakes."""
    mistakes: list[ConfigError] = []
    for source in config.sources:
        try:
            connector_for(source, config.base)
        except ConfigError as error:
            mistakes += (_of_file(config, mistake) for mistake in error.mistakes)
    if mistakes:
        raise ConfigErrors(mistakes)


def look_at(config: Config, source: Source, stream: Stream) -> Seen:
    """Open the source, read the first batch of the stream and compare it with the mapping. Faults become `errors`."""
    seen = Seen(source.name, stream.name, stream.entity, stream.mode, stream.field_columns)
    try:
        connector = connector_for(source, config.base)
        seen.errors.extend(str(_of_file(config, mistake)) for mistake in connector.check(stream))
        if seen.errors:
            return seen
        first, sparse = _first_batch(connector.read(stream, None))
    except ConfigError as error:
        seen.errors.extend(str(_of_file(config, mistake)) for mistake in error.mistakes)
        return seen
    except KehuError as error:
        seen.errors.append(str(error))
        return replace(seen, unreadable=True)
    if first is None:
        return seen
    seen.columns.extend(first.schema.names)
    if not sparse:
        missing = missing_columns(source, stream, seen.columns)
        seen.errors.extend(str(_of_file(config, mistake)) for mistake in missing)
    seen.unmapped.extend(c for c in seen.columns if c not in wanted_columns(stream))
    attributes = config.attributes_of(stream.entity)
    seen.suggestions.update(suggest(seen.unmapped, attributes, seen.mapping))
    for name, columns in seen.mapping.items():
        if attributes[name].sensitivity == "public":
            for column in columns:
                value = _first_value(first, column)
                if value is not None:
                    seen.examples.setdefault(name, value)
    return seen


def _of_file(config: Config, mistake: ConfigError) -> ConfigError:
    """The mistake with the file it is in, which a connector does not know."""
    file = mistake.file or str(config.file)
    return ConfigError(mistake.message, file=file, key=mistake.key, nearest=mistake.nearest)


def _first_batch(items: Iterable[object]) -> tuple[pa.RecordBatch | None, bool]:
    """The first rows of a reading (None: there are none), and whether absent columns are usual in it."""
    sparse = False
    for item in items:
        if isinstance(item, Delivery):
            sparse = item.sparse
        elif isinstance(item, pa.RecordBatch):
            return item, sparse
        elif isinstance(item, BadRow):
            continue
    return None, sparse


def _first_value(batch: pa.RecordBatch, column: str) -> str | None:
    if column not in batch.schema.names:
        return None
    values = (value.as_py() for value in batch.column(column))
    return next((str(v) for v in values if v not in (None, "")), None)


def suggest(columns: Iterable[str], attributes: Iterable[str], mapped: Iterable[str]) -> dict[str, str]:
    """Delivered column → canonical attribute it seems to hold, for attributes that are not mapped yet."""
    free = [a for a in attributes if a not in set(mapped)]
    found: dict[str, str] = {}
    for column in columns:
        best, score = None, float(SIMILAR_ENOUGH)
        for attribute in free:
            for name in (attribute, *SYNONYMS.get(attribute, ())):
                ratio = fuzz.ratio(_plain(column), _plain(name))
                if ratio > score or (ratio == score and best is None):
                    best, score = attribute, ratio
        if best:
            found[column] = best
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
