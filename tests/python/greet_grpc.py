"""Prints how our service greets Ann when it is called by grpcio."""

import sys

import grpc

from contract import messages, services
from facts import PATIENCE

with grpc.insecure_channel(sys.argv[1]) as channel:
    print(services.GreeterStub(channel).Hello(messages.HelloRequest(name="Ann"), timeout=PATIENCE).greeting)
