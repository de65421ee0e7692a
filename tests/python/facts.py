"""Facts are functions that take a channel to our service, and fail if they are not so."""

import sys

import grpc

# How long a call may take that is not about time.
PATIENCE = 20


def state(facts):
    """Runs the fact that the command line names, at the address that it gives."""
    address, fact = sys.argv[1:]
    with grpc.insecure_channel(address) as channel:
        facts[fact](channel)


def failure(call):
    """The error that a call ends with."""
    try:
        reply = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"it was answered: {reply}")
