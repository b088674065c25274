"""A client of the hub's interface for Python programs: `Hub` waits for answers, `AsyncHub` awaits them.

from serving.client import Hub

with Hub("https://kehu.example", key) as hub:
hub.customer("0190…")["values"]["name"]
for event in hub.follow(after=0):
...
"""

from serving.client.errors import HubError
from serving.client.hub import AsyncHub, Hub
from serving.client.replica import Replica

__all__ = ["AsyncHub", "Hub", "HubError", "Replica"]
