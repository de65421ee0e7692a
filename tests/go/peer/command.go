package peer

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Command is the command line of a peer: a word, flags, and what is left.
type Command struct {
	Word     string
	Registry string
	Broker   string
	Service  string
	Version  string
	Id       string
	Address  string
	Legacy   bool
	Endpoint string
	Type     string
	Timeout  time.Duration
	Replies  int
	Pace     time.Duration
	Topic    string
	Queue    string
	Metadata Pairs
	Rest     []string
}

// Pairs are the values of a flag that may be given many times, each as key=value.
type Pairs map[string]string

func (p Pairs) String() string { return fmt.Sprint(map[string]string(p)) }

// Set takes one pair in.
func (p Pairs) Set(pair string) error {
	key, value, ok := strings.Cut(pair, "=")
	if !ok {
		return errors.New("it takes key=value")
	}
	p[key] = value
	return nil
}

// out is for what the tests read, and nothing else.
var out = os.Stdout

// ReadCommand reads the command line; it ends the process if it is wrong.
func ReadCommand() *Command {
	// go-micro v5 logs to stdout.
	os.Stdout = os.Stderr
	command := &Command{Metadata: Pairs{}}
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	flags.StringVar(&command.Registry, "registry", "memory", "mdns, etcd=host:port, or memory: nobody else sees it")
	flags.StringVar(&command.Broker, "broker", "http", "http, or nats=host:port")
	flags.StringVar(&command.Service, "service", "greeter", "the name served or called")
	flags.StringVar(&command.Version, "version", "1.0.0", "the version served")
	flags.StringVar(&command.Id, "id", "", "the id of the node")
	flags.StringVar(&command.Address, "address", "", "of a server: where it listens; of a client: whom it calls")
	flags.BoolVar(&command.Legacy, "legacy", false, "call the address as a node that does not say protocol=mucp")
	flags.StringVar(&command.Endpoint, "endpoint", "Greeter.Hello", "what is called")
	flags.StringVar(&command.Type, "type", "application/json", "the content type of calls and messages")
	flags.DurationVar(&command.Timeout, "timeout", 5*time.Second, "of a call")
	flags.IntVar(&command.Replies, "replies", 0, "end a stream after so many; 0 leaves the end to the server")
	flags.DurationVar(&command.Pace, "pace", 0, "wait after each message of a stream served")
	flags.StringVar(&command.Topic, "topic", "greetings", "what is published or subscribed to")
	flags.StringVar(&command.Queue, "queue", "", "the queue of a subscriber; none is broadcast")
	flags.Var(command.Metadata, "metadata", "key=value, any number of times")
	if len(os.Args) < 2 {
		Fail(errors.New("say what to do: server, client, subscriber, publisher, list, get or watch"))
	}
	command.Word = os.Args[1]
	flags.Parse(os.Args[2:])
	command.Rest = flags.Args()
	return command
}

// Bind is where a server listens: on loopback if nothing else was said.
func (c *Command) Bind() string {
	if c.Address == "" {
		return "127.0.0.1:0"
	}
	return c.Address
}

// Requests are the arguments, read as JSON into what make gives.
func (c *Command) Requests(make func() any) []any {
	var requests []any
	for _, text := range c.Rest {
		request := make()
		if err := json.Unmarshal([]byte(text), request); err != nil {
			Fail(fmt.Errorf("%s: %w", text, err))
		}
		requests = append(requests, request)
	}
	return requests
}

// Outcome is what a client prints.
type Outcome struct {
	Replies []any `json:"replies"`
	// Ended says that the server ended the stream, and without an error.
	Ended bool `json:"ended"`
	// Error is go-micro's: id, code, detail and status; null if there was none.
	Error any `json:"error"`
}

// Event is what a subscriber prints of each message.
type Event struct {
	Metadata map[string]string `json:"metadata"`
	Message  any               `json:"message"`
}

// Print writes one line of JSON.
func Print(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		Fail(err)
	}
	Say(string(line))
}

// Say writes one line.
func Say(line string) { fmt.Fprintln(out, line) }

// UntilStdinCloses waits for that.
func UntilStdinCloses() { io.Copy(io.Discard, os.Stdin) }

// Fail ends the process with an error.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
