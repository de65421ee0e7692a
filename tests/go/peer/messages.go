// Package peer is what the peers of both generations of go-micro share: messages, the command line, and what they print.
package peer

import "fmt"

// The messages of the service Greeter. Their Protobuf form is in the tags, which is where both generations of the
// Protobuf library look for it in types that no compiler made.
type (
	HelloRequest struct {
		Name string `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
	}
	HelloResponse struct {
		Greeting string `protobuf:"bytes,1,opt,name=greeting,proto3" json:"greeting,omitempty"`
	}
	// Failure is the error that a call to Greeter.Fail ends with.
	Failure struct {
		Code   int32  `protobuf:"varint,1,opt,name=code,proto3" json:"code,omitempty"`
		Detail string `protobuf:"bytes,2,opt,name=detail,proto3" json:"detail,omitempty"`
	}
	Empty  struct{}
	Values struct {
		Values map[string]string `protobuf:"bytes,1,rep,name=values,proto3" json:"values,omitempty" protobuf_key:"bytes,1,opt,name=key,proto3" protobuf_val:"bytes,2,opt,name=value,proto3"`
	}
	// Time is negative where there is none.
	Time struct {
		Millis int64 `protobuf:"varint,1,opt,name=millis,proto3" json:"millis,omitempty"`
	}
	// Range asks for the numbers from 1 to To, and for an error after them if Fail is set.
	Range struct {
		To   int64 `protobuf:"varint,1,opt,name=to,proto3" json:"to,omitempty"`
		Fail bool  `protobuf:"varint,2,opt,name=fail,proto3" json:"fail,omitempty"`
	}
	// Number is one of many; Last says that no other follows, since a go-micro client cannot half-close.
	Number struct {
		Value int64 `protobuf:"varint,1,opt,name=value,proto3" json:"value,omitempty"`
		Last  bool  `protobuf:"varint,2,opt,name=last,proto3" json:"last,omitempty"`
	}
	Line struct {
		Text string `protobuf:"bytes,1,opt,name=text,proto3" json:"text,omitempty"`
	}
)

func (m *HelloRequest) Reset()  { *m = HelloRequest{} }
func (m *HelloResponse) Reset() { *m = HelloResponse{} }
func (m *Failure) Reset()       { *m = Failure{} }
func (m *Empty) Reset()         { *m = Empty{} }
func (m *Values) Reset()        { *m = Values{} }
func (m *Time) Reset()          { *m = Time{} }
func (m *Range) Reset()         { *m = Range{} }
func (m *Number) Reset()        { *m = Number{} }
func (m *Line) Reset()          { *m = Line{} }

func (m *HelloRequest) String() string  { return fmt.Sprintf("%+v", *m) }
func (m *HelloResponse) String() string { return fmt.Sprintf("%+v", *m) }
func (m *Failure) String() string       { return fmt.Sprintf("%+v", *m) }
func (m *Empty) String() string         { return fmt.Sprintf("%+v", *m) }
func (m *Values) String() string        { return fmt.Sprintf("%+v", *m) }
func (m *Time) String() string          { return fmt.Sprintf("%+v", *m) }
func (m *Range) String() string         { return fmt.Sprintf("%+v", *m) }
func (m *Number) String() string        { return fmt.Sprintf("%+v", *m) }
func (m *Line) String() string          { return fmt.Sprintf("%+v", *m) }

func (*HelloRequest) ProtoMessage()  {}
func (*HelloResponse) ProtoMessage() {}
func (*Failure) ProtoMessage()       {}
func (*Empty) ProtoMessage()         {}
func (*Values) ProtoMessage()        {}
func (*Time) ProtoMessage()          {}
func (*Range) ProtoMessage()         {}
func (*Number) ProtoMessage()        {}
func (*Line) ProtoMessage()          {}

// Endpoint says what a method takes and gives.
type Endpoint struct {
	Request, Reply func() any
	Stream         bool
}

// Endpoints are the methods of Greeter.
var Endpoints = map[string]Endpoint{
	"Greeter.Hello":    {of[HelloRequest], of[HelloResponse], false},
	"Greeter.Fail":     {of[Failure], of[Empty], false},
	"Greeter.Metadata": {of[Empty], of[Values], false},
	"Greeter.Deadline": {of[Empty], of[Time], false},
	"Greeter.Wait":     {of[Time], of[Empty], false},
	"Greeter.Count":    {of[Range], of[Number], true},
	"Greeter.Sum":      {of[Number], of[Number], true},
	"Greeter.Echo":     {of[Line], of[Line], true},
}

func of[T any]() any { return new(T) }
