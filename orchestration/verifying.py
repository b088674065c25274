"""The job that compares the published state with a full run, for a schedule at night or a look by hand."""

# No postponed annotations here: Dagster reads the type of `context` when it makes the op.

import dagster as dg

from orchestration.steps import verify


@dg.op(name="compare_with_full_run", required_resource_keys={"hub"})
def compare(context: dg.OpExecutionContext) -> None:
    """Fails, and says where, when anything differs."""
    found = verify(context.resources.hub)
    if not found:
        context.log.info("nothing differs")
        return
    metadata = {f"{row['entity']} {row['what']}": int(row["count"]) for row in found}
    raise dg.Failure("the published state is not that of a full run", metadata=metadata, allow_retries=False)


@dg.graph(description="Compares the published state with a resolution of all records; publishes nothing.")
def verify_graph() -> None:
    """One step: compare."""
    compare()
