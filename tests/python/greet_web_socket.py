"""Prints how our service greets Ann when it is called over WebSocket."""

import json
import sys

from websockets.sync.client import connect

with connect(f"ws://{sys.argv[1]}/Greeter/Hello") as socket:
    socket.send(json.dumps({"name": "Ann"}))
    print(json.loads(socket.recv(timeout=20))["greeting"])
