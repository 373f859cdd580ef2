"""ServiceError <-> gRPC status: canonical code, ErrorInfo{reason}, BadRequest for fields, RetryInfo."""

from typing import NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from whatsinvoice_kit.core.errors import FieldViolation, Kind, ServiceError

DOMAIN = "whatsinvoice"
CODES = {kind: grpc.StatusCode[kind.name] for kind in Kind}
KINDS = {code: kind for kind, code in CODES.items()} | {grpc.StatusCode.DEADLINE_EXCEEDED: Kind.UNAVAILABLE}


async def abort(context: "grpc.aio.ServicerContext[object, object]", error: ServiceError) -> NoReturn:
    """Ends the RPC with the error, details and all."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    details: list[any_pb2.Any] = [_packed(info)]
    if error.violations:
        fields = [
            error_details_pb2.BadRequest.FieldViolation(field=v.field, reason=v.code, description=v.message)
            for v in error.violations
        ]
        details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
    if error.retry_after:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(error.retry_after)
        details.append(_packed(retry))
    code = code_pb2.Code.Value(error.kind.name)
    status = status_pb2.Status(code=code, message=error.message, details=details)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returns never")


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError:
    """What the other side raised; a broken connection, a full server or a passed deadline is UNAVAILABLE."""
    kind = KINDS.get(error.code())
    if kind is None:
        return ServiceError(Kind.UNAVAILABLE, "UPSTREAM_FAILED", "a service failed to answer", retry_after=1)
    reason, retry_after = "", 0
    violations: tuple[FieldViolation, ...] = ()
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the details are of another status than the one that came
        status = None
    for detail in status.details if status else ():
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            violations = tuple(FieldViolation(v.field, v.reason, v.description) for v in bad.field_violations)
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.seconds
    if not reason:
        late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        reason = "UPSTREAM_TIMEOUT" if late else f"UPSTREAM_{kind.name}"
        return ServiceError(kind, reason, "a service took too long" if late else "a service is away", retry_after=1)
    return ServiceError(kind, reason, error.details() or "", violations, retry_after)


def _packed(
    message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
