"""The contract of the service, compiled from the proto file that our program prints."""

import sys

import grpc

# Where it lies is on the path of this interpreter.
messages, services = grpc.protos_and_services("greeter.proto")

# How long a call may take that is not about time.
PATIENCE = 20


def state(facts):
    """Runs the fact that the command line names, at the address that it gives."""
    address, fact = sys.argv[1:]
    with grpc.insecure_channel(address) as channel:
        facts[fact](channel)
