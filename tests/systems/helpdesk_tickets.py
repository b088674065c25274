"""Writes tickets into the django-helpdesk of the tests: JSON lines in, numbers out, `null` clears."""

import json
import sys

import django

django.setup()

from helpdesk.models import Ticket  # noqa: E402  (models are there when Django is set up)

for line in sys.stdin:
    numbers: list[int] = []
    given = json.loads(line)
    if given is None:
        Ticket.objects.all().delete()
        given = []
    for ticket in given:
        values = {"queue_id": 1, "priority": 3, **ticket}
        number = values.pop("id", None)
        if number is None:
            numbers.append(Ticket.objects.create(**values).pk)
        else:
            Ticket.objects.filter(pk=number).update(**values)
            numbers.append(number)
    print(json.dumps(numbers), flush=True)
