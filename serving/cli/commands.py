"""The list of commands, in the order in which `kehu --help` shows them."""

from __future__ import annotations

import click

from serving.cli import (
    deciding,
    developing,
    finding,
    keeping,
    keys,
    matching,
    output,
    privacy,
    project,
    reading,
    running,
    showing,
    tasks,
    users,
    web,
)


class _InOrder(click.Group):
    """Commands in the order in which a newcomer meets them, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from models.config import nearest

            near = nearest(args[0], self.commands)
            hint = f" Did you mean '{near}'?" if near else ""
            raise click.UsageError(f"no such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="kehu", prog_name="kehu")
def cli() -> None:
    """Kehu: customers from sales, service and marketing systems become golden records.

    Start with 'kehu demo', or with 'kehu init DIR' for your own files and databases.
    """


for _command in (
    project.init,
    project.check,
    project.discover,
    running.run,
    reading.backfill,
    reading.replay,
    running.train,
    running.evaluate,
    matching.match,
    showing.show,
    deciding.decide,
    tasks.tasks,
    finding.findings,
    output.export,
    output.corrections,
    output.views,
    output.quarantine,
    keys.key,
    keeping.backup,
    keeping.restore,
    keeping.retention,
    privacy.subject,
    privacy.erase,
    running.model,
    web.serve,
    users.user,
    developing.dev,
    developing.demo,
    project.doctor,
):
    cli.add_command(_command)
