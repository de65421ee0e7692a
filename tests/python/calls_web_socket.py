"""What a WebSocket is answered by our service; facts are functions that take how to open one."""

import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

# How long an answer may take.
PATIENCE = 20


def send(socket, message):
    socket.send(json.dumps(message))


def receive(socket):
    return json.loads(socket.recv(timeout=PATIENCE))


def end(socket):
    """How the service closed, as code and reason."""
    try:
        message = socket.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason
    raise AssertionError(f"it went on: {message}")


def unary(open):
    with open("Hello") as socket:
        send(socket, {"name": "Jürgen <&>"})

        assert receive(socket) == {"greeting": "Hello Jürgen <&>"}
        assert end(socket) == (1000, "")


def error(open):
    with open("Fail") as socket:
        send(socket, {"code": 409, "detail": "no <room>"})

        assert end(socket) == (4409, "no <room>")


def server_stream(open):
    for fail, wanted in [(False, (1000, "")), (True, (4409, "asked to fail"))]:
        with open("Count") as socket:
            send(socket, {"to": 3, "fail": fail})

            assert [receive(socket)["value"] for _ in range(3)] == [1, 2, 3]
            assert end(socket) == wanted


def client_stream(open):
    with open("Sum") as socket:
        for value in [1, 2, 3]:
            send(socket, {"value": value, "last": value == 3})

        assert receive(socket)["value"] == 6


def both_ways(open):
    with open("Echo") as socket:
        for text in ["a", "b"]:
            send(socket, {"text": text})
            assert receive(socket) == {"text": text}


def half_close(open):
    with open("Sum") as socket:
        for value in [1, 2, 3]:
            send(socket, {"value": value})
        socket.send("")

        assert receive(socket)["value"] == 6
        assert end(socket) == (1000, "")


if __name__ == "__main__":
    address, fact = sys.argv[1:]
    globals()[fact](lambda endpoint: connect(f"ws://{address}/Greeter/{endpoint}"))
