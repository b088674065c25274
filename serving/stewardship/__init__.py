"""Stewardship for pages, the interface for programs, and the command line: what one may do, and what one sees.

Every function takes the store, the configuration and who asks (`serving.access.Principal`), checks what they may, and
raises `StewardError` (with `status` and `code`) or `NotAllowed`. Knows no HTTP. Nothing is masked here: rows name the
`sensitivity` of their attribute, and who shows them masks and records the reading.

What one does, each one transaction with its log entry, its audit entry, its effect and its events; answers `Done`:

    decide_pair, decide_task, decide_tasks      match (of golden records, or of one record alone), no match, unsure
    split                                       records of a golden record over several
    pin_value, ignore_value, edit_value         golden values
    undo, approve, reject                       decisions
    claim, release, assign, set_due, comment    tasks; `for_each` does one of them for several
    give_finding, finish                        findings that a steward is to see to

What one sees, each one published state:

    inbox, next_task, read_filter               tasks in the order of value times doubt
    task_view                                   a task: records side by side, waterfall, merge preview, graph, history
    customers_beside                            two golden records, by what of theirs speaks most for one customer
    golden_view                                 a golden record: values with provenance, versions, lineage, decisions
    compare (attribute_rows, waterfall)         any records side by side
    merge_preview, contradictions, graph_of     a test merge; what speaks against it; a neighbourhood
    decisions_about, decision_view              the decision log
"""

from serving.stewardship.bench import Bench, bench_of
from serving.stewardship.compare import attribute_rows, record_views, waterfall
from serving.stewardship.contradictions import Contradiction, Contradicts, contradictions
from serving.stewardship.deciding import approve, decide_pair, decide_task, decide_tasks, reject, split, undo
from serving.stewardship.done import Done
from serving.stewardship.errors import Claimed, Overtaken, Refused, StewardError, Unknown
from serving.stewardship.finding_tasks import finish, give_finding, task_of_finding
from serving.stewardship.golden_view import GoldenView, golden_view
from serving.stewardship.graph import Graph, graph_of
from serving.stewardship.inbox import Inbox, inbox, next_task, read_filter
from serving.stewardship.log import decision_view, decisions_about
from serving.stewardship.preview import MergePreview, merge_preview
from serving.stewardship.task_view import Beside, TaskView, customers_beside, task_view
from serving.stewardship.tasks import assign, claim, comment, for_each, release, set_due
from serving.stewardship.values import edit_value, ignore_value, pin_value

__all__ = [
    "Bench",
    "Beside",
    "Contradiction",
    "Contradicts",
    "Claimed",
    "Done",
    "GoldenView",
    "Graph",
    "Inbox",
    "MergePreview",
    "Overtaken",
    "Refused",
    "StewardError",
    "TaskView",
    "Unknown",
    "approve",
    "assign",
    "attribute_rows",
    "bench_of",
    "claim",
    "comment",
    "contradictions",
    "customers_beside",
    "decide_pair",
    "decide_task",
    "decide_tasks",
    "decision_view",
    "decisions_about",
    "edit_value",
    "finish",
    "for_each",
    "give_finding",
    "golden_view",
    "graph_of",
    "ignore_value",
    "inbox",
    "merge_preview",
    "next_task",
    "pin_value",
    "read_filter",
    "record_views",
    "reject",
    "release",
    "set_due",
    "split",
    "task_of_finding",
    "task_view",
    "undo",
    "waterfall",
]
