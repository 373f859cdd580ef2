"""What a route finds ready in the application. All are coroutines: FastAPI runs plain functions in a thread each."""

from typing import Annotated

from fastapi import Depends, Query, Request
from whatsinvoice.common.v1 import common_pb2

from whatsinvoice_gateway.clients import Services


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


async def _page(
    limit: Annotated[int, Query(ge=1, le=100, description="Rows of a page")] = 20,
    cursor: Annotated[str, Query(max_length=64, description="next_cursor of the page before")] = "",
) -> common_pb2.PageRequest:
    return common_pb2.PageRequest(limit=limit, cursor=cursor)


PageDep = Annotated[common_pb2.PageRequest, Depends(_page)]
