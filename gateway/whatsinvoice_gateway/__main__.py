"""Composition root of the gateway: `python -m whatsinvoice_gateway [--check-config]`."""

import argparse
import asyncio
import signal
import sys

import structlog
import uvicorn
import uvloop
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.observe.health import OpsServer
from whatsinvoice_kit.observe.logging import configure_logging

from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.edge.connections import protocol_for
from whatsinvoice_gateway.settings import Settings

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 25


async def _alive() -> None:
    """The gateway has no database: it is healthy when it answers."""


async def _serve(settings: Settings) -> None:
    telemetry.start("gateway", settings.otel_exporter_otlp_endpoint, settings.otel_traces_sampler_arg)
    protocol = protocol_for(settings.body_seconds)
    config = uvicorn.Config(
        edged(create_app(settings, settings.service_keys()), settings),
        host=settings.host,
        port=settings.port,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # edged() believes the proxies of our settings alone
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(DRAIN_SECONDS - settings.drain_delay_seconds),
    )
    server = uvicorn.Server(config)
    ops = OpsServer(settings.ops_host, settings.ops_port, _alive)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        """Not ready, and serving until those who send requests know it; then no new ones, and the last end."""
        ops.ready = False
        protocol.leaving = True
        loop.call_later(settings.drain_delay_seconds, setattr, server, "should_exit", True)

    await ops.start()
    serving = asyncio.create_task(server._serve())  # noqa: SLF001  (the public serve() takes over signals)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    while not server.started and not serving.done():  # noqa: ASYNC110  (uvicorn sets a flag, no event)
        await asyncio.sleep(0.01)
    ops.ready = True
    log.info("ready", port=settings.port, ops_port=ops.port)
    await serving
    await ops.stop()
    telemetry.stop()
    log.info("stopped")


def main() -> None:
    """Runs what the arguments say; without any, the gateway."""
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_gateway")
    parser.add_argument("--check-config", action="store_true", help="print the effective settings, secrets masked")
    options = parser.parse_args()
    settings = Settings.load()
    if options.check_config:
        sys.stdout.write(settings.shown() + "\n")
        return
    configure_logging("gateway", form=settings.log_format, level=settings.log_level)
    uvloop.run(_serve(settings))


if __name__ == "__main__":
    main()
