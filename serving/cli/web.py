"""The command that serves pages and interface."""

from __future__ import annotations

import click

from serving.cli.session import Session, with_session


@click.command(short_help="Serve the pages and the interface for programs.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that answer.")
@click.option("--https", is_flag=True, help="Browsers come by https, through a proxy in front.")
@with_session
def serve(session: Session, host: str, port: int, workers: int, https: bool) -> None:
    """Serve the pages for people and the interface for programs. Ctrl-C ends it, and finishes what has begun."""
    from serving.http.server import first_account_link, refuse_taken
    from serving.http.server import serve as run

    config = session.config()
    refuse_taken(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    link = first_account_link(config, url)  # opens the store: nothing is promised before that
    session.say(f"Kehu on {url}")
    if link:
        session.say(f"Nobody can sign in yet. Make the first account here, once, within three days:\n{link}")
    session.result({"url": url, **({"first_account": link} if link else {})})
    run(config, host=host, port=port, workers=workers, secure=https)
