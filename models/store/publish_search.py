"""Publishing step for the search index: the words of records whose standard values a run computed.

Kinds of words: `h` two characters of a Chinese name side by side (`1`: a name of one), `w` a word of a Latin name,
`a` a name in Latin letters without blanks, `b` and `e` the first and the last four of its letters (one slip of the
fingers damages only one of them), `n` the last eight digits of a telephone number, `m` a mailbox, `d` a web domain,
`i` an identifier, `p` the first letters of the syllables of a Chinese name (sfwl), `v` the VIN of a vehicle and its
last eight characters, `l` its plate.
"""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from models.store import bulk
from models.store import tables as t
from models.store.columns import parse_json_column
from models.store.publication import Publication, parquet
from models.store.search_tables import initial_of, search_word

PARTY_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("name_core", "name_ascii", "full_norm", "surname_ascii", "given_ascii"), pa.string()),
    **dict.fromkeys(("tax_id", "registration_id", "national_id", "web_domain"), pa.string()),
    "name_region": pa.string(),
    "name_tokens": pa.list_(pa.string()),
    **dict.fromkeys(("alt_cores", "alt_ascii", "phones", "emails", "role_emails"), pa.list_(pa.string())),
}
"""The standard columns that words are made of."""

_PAGE = 50_000
_HAN = "[一-鿿]"
_LETTERS = "regexp_replace(lower({0}), '[^a-z0-9]', '', 'g')"
# One row per record and name, in Chinese or Latin writing; then per record and name in Latin letters.
_NAMES = "SELECT record_id, unnest(list_concat([name_core, full_norm], alt_cores)) AS name FROM r"
# People are called by their surname as well; the short ones are those of millions.
_LONG = "CASE WHEN length(surname_ascii) > 4 THEN surname_ascii END"
_ASCII = (
    f"SELECT record_id, {_LETTERS.format('one')} AS name FROM "
    f"(SELECT record_id, unnest(list_concat([name_ascii, surname_ascii || given_ascii, {_LONG}], "
    "alt_ascii)) AS one FROM r)"
)
_WORDS = f"""
WITH r AS (FROM {{rows}}),
names AS (SELECT record_id, regexp_replace(name, '\\s', '', 'g') AS han, name FROM ({_NAMES}) WHERE name <> ''),
chinese AS (SELECT record_id, han FROM names WHERE regexp_matches(han, '{_HAN}')),
latin AS (
  SELECT record_id, unnest(string_split(lower(name), ' ')) AS w FROM names WHERE NOT regexp_matches(name, '{_HAN}')),
ascii AS (SELECT record_id, name FROM ({_ASCII}) WHERE length(name) > 1),
words AS (
  SELECT record_id, 'h:' || unnest(list_transform(range(1, length(han)), lambda i: substr(han, i, 2))) AS word
  FROM chinese
  UNION ALL SELECT record_id, '1:' || han FROM chinese WHERE length(han) = 1
  UNION ALL SELECT record_id, 'w:' || w FROM latin WHERE length(w) > 1
  UNION ALL SELECT record_id, 'a:' || name FROM ascii
  UNION ALL SELECT record_id, 'b:' || left(name, 4) FROM ascii WHERE length(name) >= 5
  UNION ALL SELECT record_id, 'e:' || right(name, 4) FROM ascii WHERE length(name) >= 5
  UNION ALL SELECT record_id, 'n:' || right(d, 8) FROM (
    SELECT record_id, regexp_replace(unnest(phones), '\\D', '', 'g') AS d FROM r) WHERE length(d) >= 5
  UNION ALL SELECT record_id, 'm:' || lower(unnest(list_concat(emails, role_emails))) FROM r
  UNION ALL SELECT record_id, 'd:' || web_domain FROM r WHERE web_domain IS NOT NULL
  UNION ALL SELECT record_id, 'i:' || regexp_replace(upper(i), '[^0-9A-Z]', '', 'g') FROM (
    SELECT record_id, unnest([tax_id, registration_id, national_id]) AS i FROM r) WHERE i IS NOT NULL
)
SELECT (md5_number_lower(word) >> 1)::BIGINT AS word, record_id FROM words WHERE word IS NOT NULL
"""

# As people are called, and companies with and without the place in front.
_SPOKEN = """
SELECT DISTINCT record_id, name FROM (SELECT record_id, unnest([full_norm, array_to_string(name_tokens, ''),
  name_region || array_to_string(name_tokens, '')]) AS name FROM {rows}) WHERE length(name) BETWEEN 3 AND 16
  AND regexp_full_match(name, '[一-鿿]+')
"""
_INITIALS = f"""
SELECT (md5_number_lower('p:' || string_agg(i.letter, '' ORDER BY c.at)) >> 1)::BIGINT AS word, record_id FROM (
  SELECT record_id, name, unnest(string_split(name, '')) AS sign, generate_subscripts(string_split(name, ''), 1) AS at
  FROM ({_SPOKEN})) c JOIN initials i ON i.sign = c.sign GROUP BY record_id, name
"""
_VEHICLES = """
WITH r AS (SELECT record_id, regexp_replace(upper(vin), '[^0-9A-Z]', '', 'g') AS vin,
  regexp_replace(upper(plate), '[^0-9A-Z一-鿿]', '', 'g') AS plate FROM {rows})
SELECT (md5_number_lower(word) >> 1)::BIGINT AS word, record_id FROM (
  SELECT record_id, 'v:' || vin AS word FROM r WHERE length(vin) >= 8
  UNION ALL SELECT record_id, 'v:' || right(vin, 8) FROM r WHERE length(vin) > 8
  UNION ALL SELECT record_id, 'l:' || plate FROM r WHERE length(plate) >= 5)
"""


def publish_search(work: Publication) -> int:
    """Add the words of the records that were standardised; a store from before the index gets those of all records."""
    if work.was_empty(search_word) and not work.was_empty(t.source_record):
        return _add_all(work)
    count = 0
    for entity in work.outcome.entities:
        standard = work.file("standard", entity)
        if standard is not None and (names := set(work.columns(standard)) & PARTY_COLUMNS.keys()):
            columns = ", ".join(["record_id", *(n if n in names else _absent(n) for n in PARTY_COLUMNS)])
            count += _add(work, f"(SELECT {columns} FROM {parquet(standard)})")
        if standard is not None and entity == "vehicle" and {"vin", "plate"} & set(work.columns(standard)):
            count += _written(work, _VEHICLES.format(rows=_vehicles(work, standard)))
    return count


def _vehicles(work: Publication, standard: str) -> str:
    known = set(work.columns(standard))
    columns = ", ".join(n if n in known else f"NULL::VARCHAR AS {n}" for n in ("vin", "plate"))
    return f"(SELECT record_id, {columns} FROM {parquet(standard)})"


def _absent(name: str) -> str:
    return f"NULL::{'VARCHAR[]' if pa.types.is_list(PARTY_COLUMNS[name]) else 'VARCHAR'} AS {name}"


def _add(work: Publication, rows: str) -> int:
    count = _written(work, _WORDS.format(rows=rows))
    signs = work.duck.execute(
        f"SELECT DISTINCT unnest(string_split(name, '')) FROM ({_SPOKEN.format(rows=rows)})"
    ).fetchall()
    letters = [(sign, letter) for (sign,) in signs if (letter := initial_of(sign))]
    if not letters:
        return count
    both = [pa.array(part, pa.string()) for part in zip(*letters, strict=True)]
    work.duck.register("initials", pa.table(both, names=["sign", "letter"]))
    count += _written(work, _INITIALS.format(rows=rows))
    work.duck.unregister("initials")
    return count


def _written(work: Publication, words: str) -> int:
    query = f"SELECT DISTINCT word, record_id FROM ({words}) ORDER BY word, record_id"
    return bulk.upsert(work.connection, search_word, work.batches(query))


def _add_all(work: Publication) -> int:
    r = t.source_record.c
    schema = pa.schema(list(PARTY_COLUMNS.items()))
    count, last = 0, -1
    while True:
        query = sa.select(r.record_id, r.standard).where(r.record_id > last, r.standard.is_not(None))
        query = query.order_by(r.record_id).limit(_PAGE)
        held = pa.Table.from_batches(list(bulk.fetch(work.connection, query, large=False)))
        if held.num_rows == 0:
            return count
        last = held["record_id"][-1].as_py()
        work.duck.register("stored", parse_json_column(held, "standard", schema))
        count += _add(work, "stored")
        work.duck.unregister("stored")
