"""What our service says of itself by gRPC: its contract by reflection, and its health. Nothing here knows its proto file."""

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from facts import PATIENCE, failure, state

SERVING = health_pb2.HealthCheckResponse.SERVING


def services(channel):
    names = ProtoReflectionDescriptorDatabase(channel).get_services()

    assert "greeter.Greeter" in names, names
    assert "grpc.health.v1.Health" in names, names


def kinds(channel):
    methods = greeter(channel).methods

    assert {method.name: (method.client_streaming, method.server_streaming) for method in methods} == {
        "Hello": (False, False),
        "Fail": (False, False),
        "Metadata": (False, False),
        "Deadline": (False, False),
        "Wait": (False, False),
        "Count": (False, True),
        "Sum": (True, False),
        "Echo": (True, True),
    }


def call(channel):
    hello = greeter(channel).FindMethodByName("Hello")
    request = GetMessageClass(hello.input_type)(name="Ann")
    caller = channel.unary_unary(
        f"/{hello.containing_service.full_name}/{hello.name}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=GetMessageClass(hello.output_type).FromString,
    )

    reply = caller(request, timeout=PATIENCE)

    assert reply.greeting == "Hello Ann", reply


def health(channel):
    for service in ["", "greeter.Greeter"]:
        reply = check(channel, service)
        assert reply.status == SERVING, (service, reply)


def health_of_nobody(channel):
    error = failure(lambda: check(channel, "nobody"))

    assert error.code() == grpc.StatusCode.NOT_FOUND, error


def health_watched(channel):
    request = health_pb2.HealthCheckRequest(service="greeter.Greeter")

    states = health_pb2_grpc.HealthStub(channel).Watch(request, timeout=PATIENCE)

    assert next(states).status == SERVING


def greeter(channel):
    """The service, as reflection describes it."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    return pool.FindServiceByName("greeter.Greeter")


def check(channel, service):
    """What is answered about the health of a service."""
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(channel).Check(request, timeout=PATIENCE)


if __name__ == "__main__":
    state(globals())
