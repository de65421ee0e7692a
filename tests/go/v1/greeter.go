package main

import (
	"context"
	"io"
	"time"

	"github.com/micro/go-micro/client"
	"github.com/micro/go-micro/errors"
	"github.com/micro/go-micro/metadata"
	"github.com/micro/go-micro/registry"
	"github.com/micro/go-micro/server"

	"micro.tests/peer"
)

// Greeter is the service.
type Greeter struct{ pace time.Duration }

func (*Greeter) Hello(ctx context.Context, request *peer.HelloRequest, reply *peer.HelloResponse) error {
	reply.Greeting = peer.Hello(request)
	return nil
}

func (*Greeter) Fail(ctx context.Context, request *peer.Failure, reply *peer.Empty) error {
	return errors.New("greeter.fail", request.Detail, request.Code)
}

func (*Greeter) Metadata(ctx context.Context, request *peer.Empty, reply *peer.Values) error {
	reply.Values, _ = metadata.FromContext(ctx)
	return nil
}

func (*Greeter) Deadline(ctx context.Context, request *peer.Empty, reply *peer.Time) error {
	reply.Millis = peer.Left(ctx)
	return nil
}

func (*Greeter) Wait(ctx context.Context, request *peer.Time, reply *peer.Empty) error {
	if err := peer.Wait(ctx, request); err != nil {
		return errors.Timeout("greeter.wait", "%v", err)
	}
	return nil
}

func (g *Greeter) Count(ctx context.Context, stream server.Stream) error {
	fails, err := peer.Count(peer.Paced{Stream: stream, Pause: g.pace})
	if fails {
		return errors.Conflict("greeter.count", "asked to fail")
	}
	return err
}

func (g *Greeter) Sum(ctx context.Context, stream server.Stream) error {
	return peer.Sum(peer.Paced{Stream: stream, Pause: g.pace})
}

func (g *Greeter) Echo(ctx context.Context, stream server.Stream) error {
	return peer.Echo(peer.Paced{Stream: stream, Pause: g.pace})
}

// call does what the command says and tells what came of it.
func call(command *peer.Command, caller client.Client) peer.Outcome {
	endpoint, ok := peer.Endpoints[command.Endpoint]
	if !ok {
		// What nobody serves is called, too.
		endpoint = peer.Endpoints["Greeter.Hello"]
	}
	if command.Address != "" {
		node := &registry.Node{Id: "static", Address: command.Address, Metadata: map[string]string{}}
		if !command.Legacy {
			node.Metadata["protocol"] = "mucp"
		}
		service := &registry.Service{Name: command.Service, Version: command.Version, Nodes: []*registry.Node{node}}
		if err := registry.DefaultRegistry.Register(service); err != nil {
			peer.Fail(err)
		}
	}
	ctx := metadata.NewContext(context.Background(), metadata.Metadata(command.Metadata))
	requests := command.Requests(endpoint.Request)
	if endpoint.Stream {
		return stream(ctx, command, caller, endpoint, requests)
	}
	reply := endpoint.Reply()
	err := caller.Call(ctx, caller.NewRequest(command.Service, command.Endpoint, requests[0]), reply)
	if err != nil {
		return peer.Outcome{Replies: []any{}, Error: errors.Parse(err.Error())}
	}
	return peer.Outcome{Replies: []any{reply}}
}

func stream(ctx context.Context, command *peer.Command, caller client.Client, endpoint peer.Endpoint, requests []any) peer.Outcome {
	outcome := peer.Outcome{Replies: []any{}}
	open := caller.NewRequest(command.Service, command.Endpoint, endpoint.Request(), client.StreamingRequest())
	stream, err := caller.Stream(ctx, open)
	for _, request := range requests {
		if err == nil {
			err = stream.Send(request)
		}
	}
	for err == nil && (command.Replies == 0 || len(outcome.Replies) < command.Replies) {
		reply := endpoint.Reply()
		if err = stream.Recv(reply); err == nil {
			outcome.Replies = append(outcome.Replies, reply)
		}
	}
	if err == io.EOF {
		outcome.Ended = true
	} else if err != nil {
		outcome.Error = errors.Parse(err.Error())
	}
	if stream != nil {
		stream.Close()
	}
	return outcome
}
