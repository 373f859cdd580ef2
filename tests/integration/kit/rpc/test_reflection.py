"""F30: a service describes its RPCs to callers in development, and to nobody in production."""

import json

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support.keys import Keyring
from support.services import running
from whatsinvoice_invoices.__main__ import SPEC


@pytest.mark.parametrize("app_env", ["dev", "prod"])
async def test_f30_reflection_is_off_in_production(
    migrated: dict[str, str], redis_url: str, keyring: Keyring, app_env: str
) -> None:
    settings = {
        "app_env": app_env,
        "database_url": migrated["invoices"],
        "redis_url": redis_url,
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["invoices"]),
        "public_base_url": "https://pay.test",
    }
    async with running(SPEC, **settings) as process:
        assert process.rpc is not None
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.rpc.port}") as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            asked = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            if app_env == "prod":
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await asked.read()
                assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
            else:
                found = await asked.read()
                names = {service.name for service in found.list_services_response.service}
                assert "whatsinvoice.invoices.v1.InvoicesService" in names
