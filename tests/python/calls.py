"""What grpcio is answered by our service."""

import queue

import grpc

from contract import messages, services
from facts import PATIENCE, failure, state


def unary(channel):
    greeter = services.GreeterStub(channel)

    reply = greeter.Hello(messages.HelloRequest(name="Jürgen"), timeout=PATIENCE)

    assert reply == messages.HelloResponse(greeting="Hello Jürgen"), reply


def server_stream(channel):
    greeter = services.GreeterStub(channel)

    values = greeter.Count(messages.Range(to=3), timeout=PATIENCE)

    assert [value.value for value in values] == [1, 2, 3]


def server_stream_that_fails(channel):
    greeter = services.GreeterStub(channel)

    values = greeter.Count(messages.Range(to=2, fail=True), timeout=PATIENCE)

    assert [next(values).value, next(values).value] == [1, 2]
    error = failure(lambda: next(values))
    assert (error.code(), error.details()) == (grpc.StatusCode.ALREADY_EXISTS, "asked to fail"), error


def client_stream(channel):
    greeter = services.GreeterStub(channel)

    total = greeter.Sum((messages.Number(value=value) for value in [1, 2, 3]), timeout=PATIENCE)

    assert total.value == 6, total


def client_stream_that_says_its_last(channel):
    greeter = services.GreeterStub(channel)

    def numbers():
        yield messages.Number(value=1)
        yield messages.Number(value=5, last=True)

    assert greeter.Sum(numbers(), timeout=PATIENCE).value == 6


def both_ways(channel):
    greeter = services.GreeterStub(channel)
    lines = queue.Queue()

    echoes = greeter.Echo(iter(lines.get, None), timeout=PATIENCE)
    for text in ["a", "b"]:
        lines.put(messages.Line(text=text))
        assert next(echoes).text == text
    lines.put(None)

    assert list(echoes) == []


def error(channel):
    greeter = services.GreeterStub(channel)

    for code, status in [(409, "ALREADY_EXISTS"), (404, "NOT_FOUND"), (400, "INVALID_ARGUMENT"), (500, "INTERNAL")]:
        request = messages.Failure(code=code, detail="no <room>")
        error = failure(lambda: greeter.Fail(request, timeout=PATIENCE))
        assert (error.code().name, error.details()) == (status, "no <room>"), error


def unknown_method(channel):
    nothing = channel.unary_unary("/greeter.Greeter/Nothing")

    error = failure(lambda: nothing(b"", timeout=PATIENCE))

    assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error


def metadata(channel):
    greeter = services.GreeterStub(channel)

    reply = greeter.Metadata(messages.Empty(), metadata=[("x-user", "42")], timeout=PATIENCE)

    assert reply.values["x-user"] == "42", reply


def deadline(channel):
    greeter = services.GreeterStub(channel)

    left = greeter.Deadline(messages.Empty(), timeout=PATIENCE).millis

    assert PATIENCE / 2 * 1000 < left <= PATIENCE * 1000, left


def deadline_that_passes(channel):
    greeter = services.GreeterStub(channel)

    error = failure(lambda: greeter.Wait(messages.Time(millis=60_000), timeout=0.3))

    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error


def gzip(channel):
    greeter = services.GreeterStub(channel)
    name = "a" * 10_000

    reply = greeter.Hello(messages.HelloRequest(name=name), compression=grpc.Compression.Gzip, timeout=PATIENCE)

    assert reply.greeting == "Hello " + name


if __name__ == "__main__":
    state(globals())
