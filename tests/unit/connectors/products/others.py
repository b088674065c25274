"""Simulated service and marketing systems: Zendesk, ServiceNow, Marketo, Oracle Eloqua."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from connectors.conformance import Row
from tests.support.simulator import Reply, Request
from tests.unit.connectors.products.base import SECRET, SIZE, Product, from_millis, iso, moment, utc


class Zendesk(Product):
    """Time-based exports: `next_page` is always given, and `end_of_stream` says when to stop."""

    kind, resource = "zendesk", "organizations"
    columns = {"key": "id", "changed": "updated_at", "name": "name", "city": "details", "deleted": "_deleted"}

    @property
    def options(self) -> dict[str, Any]:
        return {"user": "agent@example.com", "token": SECRET}

    def let_in(self, request: Request) -> Reply:
        return (
            self.answer(request) if request.headers.get("authorization", "").startswith("Basic ") else Reply(None, 401)
        )

    def answer(self, request: Request) -> Reply:
        kind = "organizations" if "organizations" in request.path else "users" if "users" in request.path else "tickets"
        since = from_millis(int(request.query["start_time"]) * 1000)
        rows = [(r, False) for r in self.ordered()] if kind == self.resource else []
        rows += [(Row(key, changed=at), True) for key, at in self.gone.items()] if kind == self.resource else []
        rows = sorted((p for p in rows if utc(p[0]) >= since), key=lambda p: (utc(p[0]), self.numbers[p[0].key]))
        start = int(request.query.get("place", 0))
        page = [
            {
                "id": int(self.hub_key(r.key)),
                "name": r.name,
                "details": r.city,
                "updated_at": iso(r),
                "deleted_at": iso(r) if gone else None,
                "domain_names": ["example.com"],
            }
            for r, gone in rows[start : start + SIZE]
        ]
        end = start + SIZE >= len(rows)
        following = f"{self.server.url}{request.path[1:]}?start_time={request.query['start_time']}&place={start + SIZE}"
        name = "next_page" if kind == "organizations" else "after_url"
        return Reply({kind: page, name: following, "end_of_stream": end, "count": len(page)})


class ServiceNow(Product):
    """Encoded queries, the Link header, deletions in a table of their own."""

    kind, resource = "servicenow", "customer_account"
    columns = {"key": "sys_id", "changed": "sys_updated_on", "name": "name", "city": "city"}

    @property
    def options(self) -> dict[str, Any]:
        return {"user": "integration", "password": SECRET, "page_size": SIZE}

    def let_in(self, request: Request) -> Reply:
        return (
            self.answer(request) if request.headers.get("authorization", "").startswith("Basic ") else Reply(None, 401)
        )

    def answer(self, request: Request) -> Reply:
        table, parts = request.path.rpartition("/")[2], request.query["sysparm_query"].split("^")
        bounds = [re.fullmatch(r"(sys_updated_on|sys_created_on)>=(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", p) for p in parts]
        since = next((moment(b[2]).replace(tzinfo=dt.UTC) for b in bounds if b), None)
        time = "%Y-%m-%d %H:%M:%S"
        if table == "sys_audit_delete":
            assert parts[0] == f"tablename={self.resource}"
            gone = [(k, at.astimezone(dt.UTC)) for k, at in self.gone.items() if since is None or at >= since]
            found = [{"documentkey": self.hub_key(k), "sys_created_on": at.strftime(time)} for k, at in gone]
        elif table == self.resource:
            found = [
                {
                    "sys_id": self.hub_key(r.key),
                    "name": r.name or "",
                    "city": r.city or "",
                    "sys_updated_on": utc(r).strftime(time),
                }
                for r in self.ordered(since)
            ]
        else:
            found = []
        fields = request.query["sysparm_fields"].split(",")
        start, size = int(request.query.get("sysparm_offset", 0)), int(request.query["sysparm_limit"])
        page = [{name: value for name, value in row.items() if name in fields} for row in found[start : start + size]]
        query = "&".join(f"{n}={v.replace(' ', '%20')}" for n, v in request.query.items() if n != "sysparm_offset")
        link = f'<{self.server.url}{request.path[1:]}?{query}&sysparm_offset={start + size}>;rel="next"'
        return Reply({"result": page}, headers={"Link": link} if start + size < len(found) else {})


class Marketo(Product):
    """Activities instead of a filter; extracts of at most 31 days; failures with status 200."""

    kind, resource = "marketo", "leads"
    columns = {"key": "id", "changed": "updatedAt", "name": "firstName", "city": "city"}

    def __init__(self, folder: Any):
        super().__init__(folder)
        self.created: dict[str, dt.datetime] = {}
        self.exports: list[list[Any]] = []
        self.activity: list[dict[str, Any]] = []

    @property
    def options(self) -> dict[str, Any]:
        return {"client_id": "app", "client_secret": SECRET, "start": "2025-12-20", "poll": 0}

    def put(self, rows: Any) -> None:
        rows = list(rows)
        super().put(rows)
        for row in rows:
            self.created.setdefault(row.key, utc(row))

    def let_in(self, request: Request) -> Reply:
        if request.path == "/identity/oauth/token":
            return self.issue() if request.form["client_secret"] == SECRET else Reply({"error": "invalid_client"}, 401)
        if not self.spend(request):
            return Reply({"success": False, "errors": [{"code": "602", "message": "Access token expired"}]})
        return self.answer(request)

    def shown(self, row: Row) -> dict[str, Any]:
        values = {"firstName": row.name, "city": row.city, "updatedAt": iso(row), "createdAt": iso(row)}
        return {"id": int(self.hub_key(row.key)), **values}

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/rest/v1/")
        if path == "leads/describe.json":
            return Reply({"success": True, "result": [{"rest": {"name": n}} for n in self.shown(Row("x"))]})
        if path == "activities/pagingtoken.json":
            return Reply({"success": True, "nextPageToken": f"{request.query['sinceDatetime']}|0"})
        if path.startswith("activities"):
            return self.activities(path, request)
        if path == "leads.json":
            assert request.query["_method"] == "GET" and request.form["filterType"] == "id"
            ids = request.form["filterValues"].split(",")
            assert len(ids) <= 300
            found = [self.shown(r) for r in self.rows.values() if self.hub_key(r.key) in ids]
            return Reply({"success": True, "result": found})
        return self.extract(request)

    def activities(self, path: str, request: Request) -> Reply:
        since, _, place = request.query["nextPageToken"].partition("|")
        start = int(place)
        if path == "activities/leadchanges.json":
            found: list[dict[str, Any]] = [{"leadId": int(self.hub_key(r.key))} for r in self.ordered(moment(since))]
        elif path == "activities/deletedleads.json":
            found = [{"leadId": int(self.hub_key(k))} for k, at in self.gone.items() if at >= moment(since)]
        elif request.query["activityTypeIds"] == "32":
            found = [
                {"leadId": int(self.hub_key(w)), "attributes": [{"name": "Merge IDs", "value": f"[{self.hub_key(k)}]"}]}
                for k, w in self.merged.items()
            ]
        else:
            # Every answer looks at so many activities of all types, and gives those that are asked for.
            types = [int(one) for one in request.query["activityTypeIds"].split(",")]
            assert len(types) <= 10
            behind = [a for a in self.activity if moment(a["activityDate"]) >= moment(since)]
            page = [a for a in behind[start : start + SIZE] if a["activityTypeId"] in types]
            more = start + SIZE < len(behind)
            following = f"{since}|{start + SIZE}"
            return Reply({"success": True, "result": page, "nextPageToken": following, "moreResult": more})
        following = f"{since}|{min(start + SIZE, len(found))}"
        page = found[start : start + SIZE]
        more = start + SIZE < len(found)
        return Reply({"success": True, "result": page, "nextPageToken": following, "moreResult": more})

    def extract(self, request: Request) -> Reply:
        *_, number, word = request.path.split("/")
        if word == "create.json":
            span = request.json["filter"]["createdAt"]
            start, end = moment(span["startAt"]), moment(span["endAt"])
            if end - start > dt.timedelta(days=31):
                return Reply({"success": False, "errors": [{"code": "1003", "message": "more than 31 days"}]})
            chosen = [r for r in self.rows.values() if start <= self.created[r.key] <= end]
            self.exports.append([0, chosen, request.json["fields"]])
            return Reply({"success": True, "result": [{"exportId": str(len(self.exports) - 1), "status": "Created"}]})
        export = self.exports[int(number)]
        if word == "file.json":
            lines = [export[2], *([self.shown(r).get(name) for name in export[2]] for r in export[1])]
            cells = [["" if v is None else '"' + str(v).replace('"', '""') + '"' for v in line] for line in lines]
            return Reply(
                "".join(",".join(line) + "\n" for line in cells).encode(), headers={"Content-Type": "text/csv"}
            )
        export[0] += 1
        status = "Completed" if export[0] > 2 else "Processing"
        return Reply({"success": True, "result": [{"exportId": number, "status": status}]})


class Eloqua(Product):
    """Numbered pages; moments in seconds; fields of one's own by number."""

    kind, resource = "eloqua", "accounts"
    columns = {"key": "id", "changed": "updatedAt", "name": "name", "city": "field.100012"}

    @property
    def options(self) -> dict[str, Any]:
        return {"company": "Maker", "user": "integration", "password": SECRET, "page_size": SIZE}

    def let_in(self, request: Request) -> Reply:
        return (
            self.answer(request) if request.headers.get("authorization", "").startswith("Basic ") else Reply(None, 401)
        )

    def __init__(self, folder: Any):
        super().__init__(folder)
        self.activity: list[dict[str, Any]] = []
        self.syncs: list[list[Any]] = []

    def bulk(self, request: Request) -> Reply:
        """Exports: defined, made, asked for until they are done, fetched in pages."""
        path = request.path.removeprefix("/api/bulk/2.0")
        if path == "/activities/exports":
            asked = re.fullmatch(
                r"'{{Activity.Type}}'='(\w+)' AND '{{Activity.CreatedAt}}'>='([^']+)'", request.json["filter"]
            )
            assert asked is not None and set(request.json["fields"]) >= {"ActivityId", "ContactId"}
            found = [
                a
                for a in self.activity
                if a["ActivityType"] == asked[1] and moment(a["ActivityDate"]) >= moment(asked[2])
            ]
            self.syncs.append([0, found])
            return Reply({"uri": f"/activities/exports/{len(self.syncs) - 1}"}, 201)
        if path == "/syncs":
            number = request.json["syncedInstanceUri"].rpartition("/")[2]
            return Reply({"uri": f"/syncs/{number}", "status": "pending"}, 201)
        sync = self.syncs[int(path.split("/")[2])]
        if path.endswith("/data"):
            offset = int(request.query["offset"])
            assert sync[0] > 1 and int(request.query["limit"]) <= 50_000
            page = sync[1][offset : offset + SIZE]
            return Reply({"items": page, "hasMore": offset + SIZE < len(sync[1]), "totalResults": len(sync[1])})
        sync[0] += 1
        return Reply({"status": "success" if sync[0] > 1 else "active"})

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/api/bulk/"):
            return self.bulk(request)
        since = request.query.get("lastUpdatedAt")
        rows = self.ordered(from_millis(int(since) * 1000) if since else None)
        rows = sorted(rows, key=lambda r: self.numbers[r.key]) if request.path.endswith("/accounts") else []
        page, size = int(request.query["page"]), int(request.query["count"])
        found = [
            {
                "type": "Account",
                "id": self.hub_key(r.key),
                "name": r.name,
                "updatedAt": str(int(utc(r).timestamp())),
                "fieldValues": [{"type": "FieldValue", "id": "100012", "value": r.city}],
            }
            for r in rows[(page - 1) * size : page * size]
        ]
        return Reply({"elements": found, "page": page, "pageSize": size, "total": len(rows)})


OTHERS: list[type[Product]] = [Zendesk, ServiceNow, Marketo, Eloqua]
