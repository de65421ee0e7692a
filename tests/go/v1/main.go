// A program of go-micro v1 that others are tested against: see ../README.md.
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/micro/go-micro/broker"
	"github.com/micro/go-micro/broker/nats"
	"github.com/micro/go-micro/client"
	"github.com/micro/go-micro/metadata"
	"github.com/micro/go-micro/registry"
	"github.com/micro/go-micro/registry/etcd"
	"github.com/micro/go-micro/registry/memory"
	"github.com/micro/go-micro/server"

	"micro.tests/peer"
)

func main() {
	command := peer.ReadCommand()
	registry.DefaultRegistry = openRegistry(command)
	broker.DefaultBroker = openBroker(command)
	switch command.Word {
	case "server":
		serve(command, func(served server.Server) error {
			return served.Handle(served.NewHandler(&Greeter{pace: command.Pace}))
		})
	case "subscriber":
		serve(command, func(served server.Server) error {
			var options []server.SubscriberOption
			if command.Queue != "" {
				options = append(options, server.SubscriberQueue(command.Queue))
			}
			return served.Subscribe(served.NewSubscriber(command.Topic, printEvent, options...))
		})
	case "client":
		peer.Print(call(command, newClient(command)))
	case "publisher":
		publish(command, newClient(command))
	case "list", "get", "watch":
		look(command)
	default:
		peer.Fail(fmt.Errorf("%s is not a command", command.Word))
	}
}

func openRegistry(command *peer.Command) registry.Registry {
	switch kind, address, _ := strings.Cut(command.Registry, "="); kind {
	case "mdns":
		return registry.NewRegistry()
	case "etcd":
		return etcd.NewRegistry(registry.Addrs(address))
	default:
		return memory.NewRegistry()
	}
}

func openBroker(command *peer.Command) broker.Broker {
	kind, address, _ := strings.Cut(command.Broker, "=")
	if kind == "nats" {
		return nats.NewBroker(broker.Addrs(address))
	}
	return broker.NewBroker(broker.Registry(registry.DefaultRegistry), broker.Addrs("127.0.0.1:0"))
}

// serve runs what is set up until stdin closes, and prints the address once it can be called.
func serve(command *peer.Command, setUp func(server.Server) error) {
	options := []server.Option{
		server.Name(command.Service),
		server.Version(command.Version),
		server.Address(command.Bind()),
		server.Metadata(command.Metadata),
		server.Registry(registry.DefaultRegistry),
		server.Broker(broker.DefaultBroker),
	}
	if command.Id != "" {
		options = append(options, server.Id(command.Id))
	}
	served := server.NewServer(options...)
	if err := setUp(served); err != nil {
		peer.Fail(err)
	}
	if err := served.Start(); err != nil {
		peer.Fail(err)
	}
	peer.Say(served.Options().Address)
	peer.UntilStdinCloses()
	if err := served.Stop(); err != nil {
		peer.Fail(err)
	}
}

func printEvent(ctx context.Context, message *peer.HelloRequest) error {
	headers, _ := metadata.FromContext(ctx)
	peer.Print(peer.Event{Metadata: headers, Message: message})
	return nil
}

func newClient(command *peer.Command) client.Client {
	return client.NewClient(
		client.ContentType(command.Type),
		client.RequestTimeout(command.Timeout),
		client.Retries(0),
		client.Registry(registry.DefaultRegistry),
		client.Broker(broker.DefaultBroker),
	)
}

func publish(command *peer.Command, publisher client.Client) {
	if err := broker.DefaultBroker.Connect(); err != nil {
		peer.Fail(err)
	}
	ctx := metadata.NewContext(context.Background(), metadata.Metadata(command.Metadata))
	for _, message := range command.Requests(func() any { return new(peer.HelloRequest) }) {
		if err := publisher.Publish(ctx, publisher.NewMessage(command.Topic, message)); err != nil {
			peer.Fail(err)
		}
	}
	peer.Say("published")
	// They are sent after Publish has returned.
	peer.UntilStdinCloses()
}

func look(command *peer.Command) {
	var services []*registry.Service
	var err error
	switch command.Word {
	case "list":
		services, err = registry.DefaultRegistry.ListServices()
	case "get":
		services, err = registry.DefaultRegistry.GetService(command.Service)
	case "watch":
		err = watch()
	}
	if err != nil {
		peer.Fail(err)
	}
	peer.Print(services)
}

func watch() error {
	watcher, err := registry.DefaultRegistry.Watch()
	if err != nil {
		return err
	}
	peer.Say("watching")
	go func() {
		for {
			change, err := watcher.Next()
			if err != nil {
				peer.Fail(err)
			}
			peer.Print(change)
		}
	}()
	peer.UntilStdinCloses()
	return nil
}
