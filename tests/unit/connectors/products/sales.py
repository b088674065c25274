"""Simulated sales systems: Salesforce, Dynamics 365, Oracle CX Sales, SAP S/4HANA, HubSpot, 纷享销客, 销售易."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from connectors.conformance import Row
from connectors.products.salesforce import SalesforceConnector
from tests.support.simulator import Reply, Request
from tests.unit.connectors.products.base import SECRET, SIZE, Product, from_millis, iso, millis, moment, utc

_SOQL = re.compile(
    r"^SELECT (?P<columns>[\w., ]+) FROM (?P<object>\w+)"
    r"(?: WHERE SystemModstamp >= (?P<since>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ))?(?: ORDER BY SystemModstamp, Id)?$"
)


class Salesforce(Product):
    """Client credentials; SOQL with unquoted times; queryAll shows what was deleted; Bulk 2.0 in two parts."""

    kind, resource = "salesforce", "Account"
    columns = {"key": "Id", "changed": "SystemModstamp", "name": "Name", "city": "BillingCity", "deleted": "IsDeleted"}

    def __init__(self, folder: Any):
        super().__init__(folder)
        self.found: list[dict[str, Any]] = []
        self.jobs: dict[str, list[Any]] = {}

    @property
    def options(self) -> dict[str, Any]:
        return {"client_id": "app", "client_secret": SECRET, "poll": 0}

    def let_in(self, request: Request) -> Reply:
        if request.path == "/services/oauth2/token":
            right = request.form["grant_type"] == "client_credentials" and request.form["client_secret"] == SECRET
            return self.issue(instance_url=self.server.url) if right else Reply({"error": "invalid_client"}, 400)
        if not self.spend(request):
            return Reply([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401)
        return self.answer(request)

    def record(self, row: Row, gone: dt.datetime | None = None) -> dict[str, Any]:
        stamp = gone.astimezone(dt.UTC) if gone else utc(row)
        master = self.merged.get(row.key)
        empty = dict.fromkeys(next(r for r in SalesforceConnector.resources if r.name == "Account").columns)
        return {
            **empty,
            "attributes": {"type": "Account", "url": f"/services/data/v62.0/sobjects/Account/{row.key}"},
            "Id": self.hub_key(row.key),
            "Name": row.name,
            "BillingCity": row.city,
            "SystemModstamp": stamp.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "IsDeleted": gone is not None,
            "MasterRecordId": self.hub_key(master) if master else None,
        }

    def query(self, text: str) -> list[dict[str, Any]] | Reply:
        found = _SOQL.match(text)
        if found is None:
            return Reply([{"errorCode": "MALFORMED_QUERY", "message": text}], 400)
        if found["object"] != self.resource:
            return []
        records = [self.record(r) for r in self.rows.values()]
        records += [self.record(Row(key), at) for key, at in self.gone.items()]
        columns = found["columns"].split(", ")
        if unknown := set(columns) - set(self.record(Row("x"))):
            return Reply([{"errorCode": "INVALID_FIELD", "message": f"No such column '{unknown.pop()}'"}], 400)
        since = moment(found["since"]) if found["since"] else None
        chosen = [r for r in records if since is None or moment(r["SystemModstamp"]) >= since]
        chosen.sort(key=lambda r: (r["SystemModstamp"], r["Id"]))
        return [{"attributes": r["attributes"], **{c: r[c] for c in columns}} for r in chosen]

    def answer(self, request: Request) -> Reply:
        base = "/services/data/v62.0"
        if request.path == f"{base}/queryAll":
            found = self.query(request.query["q"])
            if isinstance(found, Reply):
                return found
            self.found = found
            return self.page(0)
        if request.path.startswith(f"{base}/query/"):
            return self.page(int(request.path.rpartition("-")[2]))
        if request.path == f"{base}/jobs/query" and request.method == "POST":
            found = self.query(request.json["query"])
            if isinstance(found, Reply) or request.json["operation"] != "queryAll":
                return found if isinstance(found, Reply) else Reply(None, 400)
            self.jobs[f"job{len(self.jobs)}"] = [0, found, request.json["query"]]
            return Reply({"id": f"job{len(self.jobs) - 1}", "state": "UploadComplete"})
        job = self.jobs[request.path.split("/")[6]]
        if not request.path.endswith("/results"):
            job[0] += 1
            return Reply({"state": "JobComplete" if job[0] > 1 else "InProgress"})
        start = int(request.query.get("locator", 0))
        lines = [_SOQL.match(job[2])["columns"].split(", ")]  # type: ignore[index]
        lines += [[_cell(v) for k, v in r.items() if k != "attributes"] for r in job[1][start : start + 30]]
        text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) + "\n" for line in lines)
        locator = str(start + 30) if start + 30 < len(job[1]) else "null"
        return Reply(text.encode(), headers={"Content-Type": "text/csv", "Sforce-Locator": locator})

    def page(self, start: int) -> Reply:
        done = start + SIZE >= len(self.found)
        more = {} if done else {"nextRecordsUrl": f"/services/data/v62.0/query/01g-{start + SIZE}"}
        return Reply({"totalSize": len(self.found), "done": done, **more, "records": self.found[start : start + SIZE]})


def _cell(value: Any) -> str:
    """As the bulk interface writes it: words in small letters, times with Z."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).replace("+0000", "Z")


class Dynamics(Product):
    """Change tracking: a delta link behind the last page; deleted rows as `$deletedEntity`."""

    kind, resource = "dynamics", "accounts"
    columns = {"key": "accountid", "changed": "modifiedon", "name": "name", "city": "address1_city"}

    def __init__(self, folder: Any):
        super().__init__(folder)
        self.log: list[str] = []
        self.expired = False

    @property
    def options(self) -> dict[str, Any]:
        app = {"client_id": "app", "client_secret": SECRET}
        return {"token_url": self.server.url + "tenant/oauth2/v2.0/token", **app, "page_size": SIZE}

    def put(self, rows: Any) -> None:
        rows = list(rows)
        super().put(rows)
        self.log += [row.key for row in rows]

    def remove(self, keys: Any, at: dt.datetime) -> None:
        keys = list(keys)
        super().remove(keys, at)
        self.log += keys

    def merge(self, loser: str, winner: str, at: dt.datetime) -> None:
        row = self.rows[loser]
        super().merge(loser, winner, at)
        # The loser stays, inactive, and says who its master is.
        del self.gone[loser]
        self.put([Row(loser, row.name, row.city, at)])

    def let_in(self, request: Request) -> Reply:
        if request.path.endswith("/token"):
            right = request.form["scope"] == self.server.url + ".default" and request.form["client_secret"] == SECRET
            return self.issue() if right else Reply({"error": "invalid_client"}, 401)
        if not self.spend(request):
            return Reply({"error": {"code": "0x80040220", "message": "token"}}, 401)
        assert "odata.track-changes" in request.headers["prefer"]
        return self.answer(request)

    def shown(self, key: str) -> dict[str, Any]:
        row = self.rows.get(key)
        if row is None:
            return {
                "@odata.context": f"{self.server.url}$metadata#accounts/$deletedEntity",
                "id": self.hub_key(key),
                "reason": "deleted",
            }
        master = self.merged.get(key)
        return {
            "@odata.etag": 'W/"1"',
            "accountid": self.hub_key(key),
            "name": row.name,
            "address1_city": row.city,
            "modifiedon": iso(row),
            "merged": master is not None,
            "_masterid_value": self.hub_key(master) if master else None,
        }

    def answer(self, request: Request) -> Reply:
        if not request.path.endswith("/accounts"):
            return Reply({"value": [], "@odata.deltaLink": self.server.url + "x?$deltatoken=0"})
        start, upto = int(request.query.get("$skiptoken", 0)), int(request.query.get("upto", len(self.log)))
        token = request.query.get("$deltatoken")
        if token is not None and self.expired:
            return Reply({"error": {"code": "0x80060891", "message": "The delta token has expired"}}, 400)
        keys = list(self.rows) if token is None else list(dict.fromkeys(self.log[int(token) : upto]))
        page = [self.shown(key) for key in keys[start : start + SIZE]]
        place = f"{self.server.url}api/data/v9.2/accounts?upto={upto}"
        if start + SIZE < len(keys):
            kept = "" if token is None else f"&$deltatoken={token}"
            return Reply({"value": page, "@odata.nextLink": f"{place}&$skiptoken={start + SIZE}{kept}"})
        return Reply({"value": page, "@odata.deltaLink": f"{place.partition('?')[0]}?$deltatoken={upto}"})


class OracleCx(Product):
    """Row-match queries; `hasMore`; no word of deletions."""

    kind, resource = "oracle_cx", "accounts"
    columns = {"key": "PartyId", "changed": "LastUpdateDate", "name": "OrganizationName", "city": "City"}

    @property
    def options(self) -> dict[str, Any]:
        return {"user": "integration", "password": SECRET, "page_size": SIZE}

    def let_in(self, request: Request) -> Reply:
        return (
            self.answer(request) if request.headers.get("authorization", "").startswith("Basic ") else Reply(None, 401)
        )

    def answer(self, request: Request) -> Reply:
        query = request.query.get("q")
        found = re.fullmatch(r"LastUpdateDate >= '(\S+Z)'", query) if query else None
        if query and not found:
            return Reply({"title": "Bad Request", "detail": "URL request parameter q"}, 400)
        rows = self.ordered(moment(found[1]) if found else None) if request.path.endswith("/accounts") else []
        start, size = int(request.query["offset"]), int(request.query["limit"])
        wanted = request.query["fields"].split(",")
        shown = [
            {
                "PartyId": int(self.hub_key(r.key)),
                "OrganizationName": r.name,
                "City": r.city,
                "LastUpdateDate": utc(r).isoformat(timespec="milliseconds"),
            }
            for r in rows[start : start + size]
        ]
        items = [{name: value for name, value in row.items() if name in wanted} for row in shown]
        return Reply(
            {"items": items, "count": len(items), "hasMore": start + size < len(rows), "limit": size, "offset": start}
        )


class Sap(Product):
    """OData 2: dates as milliseconds, times as durations, an envelope `d`, navigation that is deferred."""

    kind, resource = "sap_s4", "organizations"
    columns = {
        "key": "BusinessPartner",
        "changed": "changed_at",
        "name": "BusinessPartnerFullName",
        "city": "address.CityName",
    }

    @property
    def options(self) -> dict[str, Any]:
        return {"user": "COMM_USER", "password": SECRET, "page_size": SIZE, "client": "100"}

    def let_in(self, request: Request) -> Reply:
        assert request.headers["sap-client"] == "100"
        return (
            self.answer(request) if request.headers.get("authorization", "").startswith("Basic ") else Reply(None, 401)
        )

    orders: tuple[dict[str, Any], ...] = ()

    def answer(self, request: Request) -> Reply:
        text = request.query.get("$filter", "")
        if request.path.endswith("/A_SalesOrder"):
            return self.sold(request, text)
        found = re.fullmatch(r"BusinessPartnerCategory eq '(\d)'(?: and LastChangeDate ge datetime'([^']+)')?", text)
        if found is None:
            return Reply({"error": {"message": {"value": "Invalid filter"}}}, 400)
        since = moment(found[2]).replace(tzinfo=dt.UTC) if found[2] else None
        rows = sorted(self.ordered(since), key=lambda r: self.numbers[r.key]) if found[1] == "2" else []
        start, size = int(request.query["$skip"]), int(request.query["$top"])
        return Reply({"d": {"results": [self.shown(row) for row in rows[start : start + size]]}})

    def sold(self, request: Request, text: str) -> Reply:
        asked = re.fullmatch(r"LastChangeDateTime ge datetimeoffset'([^']+)'", text)
        if text and asked is None:
            return Reply({"error": {"message": {"value": "Invalid filter"}}}, 400)
        rows = [
            {**order, "LastChangeDateTime": f"/Date({int(order['LastChangeDateTime'].timestamp() * 1000)}+0000)/"}
            for order in self.orders
            if asked is None or order["LastChangeDateTime"] >= moment(asked[1])
        ]
        start, size = int(request.query["$skip"]), int(request.query["$top"])
        return Reply({"d": {"results": rows[start : start + size]}})

    def shown(self, row: Row) -> dict[str, Any]:
        at = utc(row)
        day = int(at.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
        address = {"__metadata": {"id": "x"}, "CityName": row.city, "to_EmailAddress": {"__deferred": {"uri": "x"}}}
        return {
            "__metadata": {"id": "x", "type": "A_BusinessPartner"},
            "BusinessPartner": self.hub_key(row.key),
            "BusinessPartnerFullName": row.name,
            "LastChangeDate": f"/Date({day})/",
            "LastChangeTime": at.strftime("PT%HH%MM%SS"),
            "to_BusinessPartnerAddress": {"results": [address]},
            "to_BusinessPartnerBank": {"__deferred": {"uri": "x"}},
        }


class HubSpot(Product):
    """Lists and searches with different properties of change; archived objects; winners name whom they took in."""

    kind, resource = "hubspot", "companies"
    columns = {
        "key": "id",
        "changed": "updatedAt",
        "name": "properties.name",
        "city": "properties.city",
        "deleted": "archived",
    }
    most = 10_000

    @property
    def options(self) -> dict[str, Any]:
        return {"token": SECRET}

    def let_in(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return Reply({"category": "INVALID_AUTHENTICATION"}, 401)
        return self.answer(request)

    def shown(self, row: Row, properties: list[str], archived: bool = False) -> dict[str, Any]:
        losers = ";".join(self.hub_key(loser) for loser, winner in self.merged.items() if winner == row.key)
        values = {"name": row.name, "city": row.city, "hs_merged_object_ids": losers or None}
        chosen = {name: values.get(name) for name in properties}
        return {
            "id": self.hub_key(row.key),
            "properties": chosen,
            "createdAt": iso(row),
            "updatedAt": iso(row),
            "archived": archived,
        }

    def answer(self, request: Request) -> Reply:
        if request.path == "/crm/v3/objects/companies/search":
            body = request.json
            changed, above = body["filterGroups"][0]["filters"]
            assert changed["propertyName"] == "hs_lastmodifieddate" and body["limit"] <= 200
            rows = [r for r in self.ordered(from_millis(changed["value"])) if self.numbers[r.key] > int(above["value"])]
            rows.sort(key=lambda r: self.numbers[r.key])
            start = int(body.get("after", 0))
            if start + body["limit"] > self.most:
                return Reply({"message": "There was a problem with the request."}, 400)
            return self.page(rows, start, body["properties"], min(body["limit"], SIZE))
        properties = request.query["properties"].split(",")
        if not request.path.endswith("/companies"):
            return self.page([], 0, properties)
        archived = request.query.get("archived") == "true"
        merged = [key for key in self.gone if key not in self.merged]
        rows = [Row(key, changed=self.gone[key]) for key in merged] if archived else list(self.rows.values())
        return self.page(rows, int(request.query.get("after", 0)), properties, archived=archived)

    def page(
        self, rows: list[Row], start: int, properties: list[str], size: int = SIZE, archived: bool = False
    ) -> Reply:
        following = {"paging": {"next": {"after": str(start + size)}}} if start + size < len(rows) else {}
        return Reply(
            {"results": [self.shown(r, properties, archived) for r in rows[start : start + size]], **following}
        )


class Fxiaoke(Product):
    """Tokens and keys in the body; failures with status 200; voided rows stay listed."""

    kind, resource = "fxiaoke", "AccountObj"
    columns = {"key": "_id", "changed": "last_modified_time", "name": "name", "city": "city__r", "deleted": "_gone"}

    @property
    def options(self) -> dict[str, Any]:
        return {"app_id": "app", "app_secret": SECRET, "permanent_code": SECRET, "open_user_id": "FSUID_1"}

    def let_in(self, request: Request) -> Reply:
        body = request.json
        if request.path == "/cgi/corpAccessToken/get/V2":
            if body["appSecret"] != SECRET or body["permanentCode"] != SECRET:
                return Reply({"errorCode": 10001, "errorMessage": "app error"})
            self.tokens, self.left = self.tokens + 1, self.uses
            return Reply(
                {"errorCode": 0, "corpAccessToken": f"token{self.tokens}", "corpId": "FSCID", "expiresIn": 7200}
            )
        self.left -= 1
        if body["corpAccessToken"] != f"token{self.tokens}" or self.left < 0 or not body["currentOpenUserId"]:
            return Reply({"errorCode": 20016, "errorMessage": "corpAccessToken expired"})
        return self.answer(request)

    def answer(self, request: Request) -> Reply:
        data = request.json["data"]
        info, rows = data["search_query_info"], [(row, False) for row in self.rows.values()]
        rows += [(Row(key, changed=at), True) for key, at in self.gone.items()]
        if data["dataObjectApiName"] != self.resource:
            rows = []
        if info["limit"] > 100:
            return Reply({"errorCode": 320002500, "errorMessage": "limit"})
        for one in info["filters"]:
            assert (one["field_name"], one["operator"]) == ("last_modified_time", "GTE")
            rows = [(r, gone) for r, gone in rows if millis(r) >= int(one["field_values"][0])]
        rows.sort(key=lambda pair: self.numbers[pair[0].key])
        page = [
            {
                "_id": self.hub_key(r.key),
                "name": r.name,
                "city__r": r.city,
                "owner": ["FSUID_1"],
                "owner__l": [{"id": "1"}],
                "last_modified_time": millis(r),
                "is_deleted": False,
                "life_status": "invalid" if gone else "normal",
            }
            for r, gone in rows[info["offset"] : info["offset"] + SIZE]
        ]
        return Reply({"errorCode": 0, "errorMessage": "success", "data": {"dataList": page, "total": len(rows)}})


class Xiaoshouyi(Product):
    """A query language with `limit`; codes in answers; numbers as ids."""

    kind, resource = "xiaoshouyi", "account"
    columns = {"key": "id", "changed": "updatedAt", "name": "accountName", "city": "city"}

    @property
    def options(self) -> dict[str, Any]:
        return {"client_id": "app", "client_secret": SECRET, "user": "u", "password": SECRET}

    def let_in(self, request: Request) -> Reply:
        if request.path == "/oauth2/token.action":
            right = request.form["grant_type"] == "password" and request.form["password"] == SECRET
            return self.issue() if right else Reply({"error": "invalid_grant"}, 400)
        if not self.spend(request):
            return Reply({"code": 20000002, "msg": "token invalid"})
        return self.answer(request)

    def answer(self, request: Request) -> Reply:
        text = request.query["q"]
        found = re.fullmatch(
            r"select ([\w, ]+) from (\w+) where id > (\d+)(?: and updatedAt >= (\d+))? order by id limit 0, (\d+)", text
        )
        if found is None or int(found[5]) > 300:
            return Reply({"code": 1050001, "msg": "syntax error"})
        rows = self.ordered(from_millis(found[4]) if found[4] else None) if found[2] == self.resource else []
        rows = sorted((r for r in rows if self.numbers[r.key] > int(found[3])), key=lambda r: self.numbers[r.key])
        shown = [
            {"id": int(self.hub_key(r.key)), "accountName": r.name, "city": r.city, "updatedAt": millis(r)}
            for r in rows[:SIZE]
        ]
        return Reply(
            {"code": 200, "msg": "OK", "result": {"totalSize": len(rows), "count": len(shown), "records": shown}}
        )


SALES: list[type[Product]] = [Salesforce, Dynamics, OracleCx, Sap, HubSpot, Fxiaoke, Xiaoshouyi]
