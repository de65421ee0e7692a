package peer

import (
	"context"
	"io"
	"time"
)

// Hello is the reply of Greeter.Hello.
func Hello(request *HelloRequest) string { return "Hello " + request.Name }

// Left is the time until the deadline of a call, -1 if it has none.
func Left(ctx context.Context) int64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return -1
	}
	return time.Until(deadline).Milliseconds()
}

// Wait returns after a time, or before it with the error of a call that is over.
func Wait(ctx context.Context, request *Time) error {
	select {
	case <-time.After(time.Duration(request.Millis) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stream is either end of a stream of go-micro's.
type Stream interface {
	Send(any) error
	Recv(any) error
}

// Paced is a stream that waits after each message sent.
//
// Servers of go-micro v5 hand messages on in one buffer: what is sent at once is overwritten by what follows.
type Paced struct {
	Stream
	Pause time.Duration
}

// Send sends, and waits.
func (p Paced) Send(message any) error {
	err := p.Stream.Send(message)
	time.Sleep(p.Pause)
	return err
}

// Count answers one Range; it says whether the stream is to fail then.
func Count(stream Stream) (bool, error) {
	request := new(Range)
	if err := stream.Recv(request); err != nil {
		return false, err
	}
	for value := int64(1); value <= request.To; value++ {
		if err := stream.Send(&Number{Value: value}); err != nil {
			return false, err
		}
	}
	return request.Fail, nil
}

// Sum adds up numbers until the last, or until the client's end, and answers once.
func Sum(stream Stream) error {
	total := int64(0)
	for {
		number := new(Number)
		err := stream.Recv(number)
		if err != nil && err != io.EOF {
			return err
		}
		total += number.Value
		if err == io.EOF || number.Last {
			return stream.Send(&Number{Value: total, Last: true})
		}
	}
}

// Echo answers each line by itself until the client's end.
func Echo(stream Stream) error {
	for {
		line := new(Line)
		if err := stream.Recv(line); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(line); err != nil {
			return err
		}
	}
}
