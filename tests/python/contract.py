"""The contract of the service, compiled from the proto file that our program prints."""

import grpc

# Where it lies is on the path of this interpreter.
messages, services = grpc.protos_and_services("greeter.proto")
