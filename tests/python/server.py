"""The service as grpcio serves it: prints its address, and ends when its input does."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import grpc

from contract import messages, services


class Greeter(services.GreeterServicer):
    def Hello(self, request, context):
        return messages.HelloResponse(greeting="Hello " + request.name)

    def Fail(self, request, context):
        context.abort(grpc.StatusCode.ALREADY_EXISTS, request.detail)

    def Metadata(self, request, context):
        return messages.Values(values=dict(context.invocation_metadata()))

    def Deadline(self, request, context):
        return messages.Time(millis=int(context.time_remaining() * 1000))

    def Wait(self, request, context):
        ended = Event()
        context.add_callback(ended.set)
        ended.wait()
        return messages.Empty()

    def Count(self, request, context):
        for value in range(1, request.to + 1):
            yield messages.Number(value=value)
        if request.fail:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "asked to fail")

    def Sum(self, numbers, context):
        return messages.Number(value=sum(number.value for number in numbers), last=True)

    def Echo(self, lines, context):
        yield from lines


server = grpc.server(ThreadPoolExecutor())
services.add_GreeterServicer_to_server(Greeter(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"127.0.0.1:{port}", flush=True)
sys.stdin.read()
server.stop(None)
