//! The attributes of `micro`, which re-exports and explains them.
//!
//! Each reads the item, builds a model of it, checks the model and emits code that is thin: types
//! in, types out, one call into the runtime. The user's item is emitted even if something is wrong
//! with it, so that one mistake gives one message and editors keep working. Bodies are never read.

mod args;
mod diag;
mod entry;
mod error;
mod function;
mod handler;
mod item;
mod linked;
mod message;
mod method;
mod names;
mod paths;
#[cfg(feature = "proto")]
mod proto;
mod rewrite;
mod service;
#[cfg(test)]
mod snapshots;
mod subscriber;

use proc_macro::TokenStream;

/// Makes a struct or enum a message: serde, protobuf, `Debug`, `Clone`, `PartialEq` and `Default`.
///
/// It is the first attribute; derives come under it, and those that are there are not added. One type then travels as
/// JSON, MessagePack and protobuf, and prints its `.proto`.
///
/// ```
/// use micro::Message;
/// use micro::message::ContentType;
///
/// #[micro::message]
/// pub struct Order {
///     pub customer_name: String,
///     #[tag = 4]
///     pub cents: i64,
///     pub status: Status,
///     pub payment: Option<Payment>,
/// }
///
/// /// Without fields: an enum of protobuf.
/// #[micro::message]
/// pub enum Status {
///     #[default]
///     Open,
///     Shipped,
///     #[micro(unknown)]
///     Other(i32),
/// }
///
/// /// With fields: a message with a oneof.
/// #[micro::message]
/// pub enum Payment {
///     Card { number: String },
///     Voucher(u64),
/// }
///
/// let json = br#"{"customerName": "Ann", "cents": "990", "status": "Shipped", "payment": {"voucher": 7}}"#;
/// let order = Order::format().decode(&ContentType::JSON, json).unwrap();
///
/// assert_eq!((order.cents, order.status), (990, Status::Shipped));
/// assert_eq!(order.payment, Some(Payment::Voucher(7)));
/// ```
///
/// # Fields
///
/// | type | in protobuf | in JSON |
/// |---|---|---|
/// | `bool`, numbers of 8 to 64 bits | the number of that kind; 8 and 16 bits as 32 | a number; one in quotes is read, too |
/// | `String` | `string` | a text |
/// | `Vec<u8>`, `Bytes` | `bytes` | base64 |
/// | `Vec<T>` | `repeated`, numbers packed | a list |
/// | `Option<T>` | `optional` | left out if it is `None` |
/// | `HashMap<K, V>`, `BTreeMap<K, V>`, keyed by whole numbers, `bool` or `String` | `map` | an object |
/// | messages, `Box<T>` | the message; `T` | an object; `T` |
/// | enums without fields | `enum` | a number; names are read, too |
///
/// In a format with names a field is written as it is called and read in `camelCase` as well. A field that is absent has
/// its default, one that is not known is ignored, and a default is not written unless it stands in an `Option`.
///
/// # Attributes under it
///
/// | attribute | on | meaning |
/// |---|---|---|
/// | `#[tag = 3]` | field, variant | its number in protobuf; else one more than the one before. Asked for behind `#[cfg]` |
/// | `#[micro(name = "userID")]` | field, variant | its name in JSON, MessagePack and the `.proto`; there, a variant without fields has the enum's before it |
/// | `#[micro(sint)]`, `#[micro(fixed)]` | field of 32 or 64 bits, list or option of them, variant | written as protobuf's `sint32` or `fixed32` and their kin |
/// | `#[micro(oneof)]` | field `Option<E>` of a struct | the variants of the enum `E` are fields of the message, of which one is set; all tags are written |
/// | `#[default]` | variant | the one that absence stands for; without fields it has the number 0 |
/// | `#[micro(unknown)]` | variant `Other(i32)` | keeps numbers that have no variant; else they are refused |
///
/// # Keys
///
/// | key | meaning |
/// |---|---|
/// | `plain` | serde's derives alone: any type that serde takes, and no protobuf |
/// | `without(Debug)` | traits, of the four, that are written by hand |
#[proc_macro_attribute]
pub fn message(args: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(args.into(), item.into()).into()
}

/// Makes an `impl` block a service, or a trait the contract of one.
///
/// Methods annotated with [`macro@handler`] answer calls, those with [`macro@subscriber`] take events; the others
/// are left alone, and so is every signature in an `impl` block. The name of an endpoint is the type's, a dot and the
/// method's in upper camel case: `Ledger` and `deposit_cents` make `Ledger.DepositCents`.
///
/// # Keys
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = "greeter"` | what the service is registered and found as | the type's name: `MailBox` is `mail-box` |
/// | `version = "1.0.0"` | the version in its record | that of the program |
/// | `endpoint = "Greeter"` | what the names of its endpoints start with | the type's name |
/// | `metadata("region" = "eu")` | facts in its record | none |
///
/// # On an `impl` block
///
/// The type implements `micro::Handle`, so that a service can handle it, and gets a client: `GreeterClient::new(&service)`
/// finds the service by its name, `named` by another one, and `local` is answered by a value in this process, without a
/// network. Each handler is a method that returns a `micro::Call`, which is awaited. Calls share one value of the type,
/// which must be `Send`, `Sync` and `'static`.
///
/// ```
/// use micro::prelude::*;
///
/// struct Greeter {
///     greeting: String,
/// }
///
/// #[micro::service(name = "greeter", version = "1.0.0")]
/// impl Greeter {
///     /// Greets whoever is named.
///     #[micro::handler]
///     async fn hello(&self, name: String) -> micro::Result<String> {
///         Ok(format!("{} {name}", self.greeting))
///     }
/// }
///
/// # let runtime = tokio::runtime::Runtime::new().unwrap();
/// # runtime.block_on(async {
/// let greeter = GreeterClient::local(Greeter { greeting: "Hello".to_owned() });
///
/// assert_eq!(greeter.hello("Ann".to_owned()).await.unwrap(), "Hello Ann");
/// # });
/// ```
///
/// # On a trait
///
/// The trait is the contract alone, for a crate that clients depend on without the server. An `async fn` in it becomes
/// one that returns a future which is `Send`, and the trait asks for `Send + Sync + 'static`; whoever implements it
/// writes plain `async fn`s. The client is the same. `greeter::serve`, named after the trait in snake case, makes of an
/// implementation what a service handles.
///
/// ```
/// #[micro::service(name = "greeter")]
/// pub trait Greeter {
///     #[micro::handler]
///     async fn hello(&self, name: String) -> micro::Result<String>;
/// }
///
/// struct English;
///
/// impl Greeter for English {
///     async fn hello(&self, name: String) -> micro::Result<String> {
///         Ok(format!("Hello {name}"))
///     }
/// }
///
/// # async fn run(service: micro::Service) -> micro::Result<()> {
/// service.handle(greeter::serve(English)).run().await
/// # }
/// ```
#[proc_macro_attribute]
pub fn service(args: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(args.into(), item.into()).into()
}

/// Makes a method of a [`macro@service`], or a free function, answer one endpoint.
///
/// It is an `async fn` that takes `&self`, if it is a method, a `&Context` if it wants one, and what the caller sends:
/// one message, or `Streaming<T>`. It returns a result of one message, or `micro::Result<impl Stream<Item =
/// micro::Result<T>>>`; any error that converts into `micro::Error` will do. A message is a type with
/// [`macro@message`], one of prost's, or any that serde reads and writes.
///
/// # Keys
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = "Chat.Rename"` | the name of the endpoint | from the type's name and the method's |
/// | `timeout = "2s"` | how long callers wait that say nothing; units are `ns`, `us`, `ms`, `s`, `m`, `h` | the caller's |
/// | `idempotent` | running it twice does what running it once does, so that a lost call may be sent again | it is not |
/// | `blocking` | runs where it may block a thread | it must not block |
/// | `stream` | the return type is an alias that hides an `impl Stream` | as the return type is written |
/// | `service = "math"` | the service that a free function belongs to | the one that the program runs |
///
/// # On a free function
///
/// The function is served by the service that the program runs, without a word in `main`. A type of the function's
/// name holds its client. Without `name`, the endpoint is made of the last segment of `service` and the function's name.
///
/// ```
/// #[micro::handler(name = "Math.Double", idempotent)]
/// async fn double(number: i64) -> micro::Result<i64> {
///     Ok(number * 2)
/// }
///
/// # async fn run(service: micro::Service) -> micro::Result<()> {
/// let four = double::call(&service, 2).await?;
/// # let _ = four;
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn handler(args: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand(args.into(), item.into()).into()
}

/// Makes a method of a [`macro@service`], or a free function, take the events of a topic.
///
/// It is an `async fn` that takes `&self`, if it is a method, a `&Context` if it wants one, and the event, and returns
/// a result of nothing: `Ok` is the acknowledgement, after `Err` the event is delivered again.
///
/// # Keys
///
/// | key | meaning | default |
/// |---|---|---|
/// | `topic = "joined"` | what is listened to | must be written |
/// | `group = "chat"` | one member of the group gets each event | this or `broadcast` must be written |
/// | `broadcast` | every running instance gets each event | this or `group` must be written |
/// | `retry = 5` | how often an event of a group is tried in all before it is parked | 3 |
/// | `concurrency = 8` | how many events are handled at a time, in no order | 1, in order |
/// | `durable` | asks for events that were published while nobody was there | not asked |
///
/// # On a free function
///
/// The function is run by the service that the program runs, without a word in `main`. A type of the function's name
/// holds its publisher.
///
/// ```
/// #[micro::subscriber(topic = "audit", broadcast)]
/// async fn audit(entry: String) -> micro::Result<()> {
///     println!("{entry}");
///     Ok(())
/// }
///
/// # async fn run(service: micro::Service) -> micro::Result<()> {
/// audit::publish(&service, &"Ann came".to_owned()).await?;
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn subscriber(args: TokenStream, item: TokenStream) -> TokenStream {
    subscriber::expand(args.into(), item.into()).into()
}

/// Makes an `async fn` the whole program: register, take one request or event, deregister, run it, and exit.
///
/// The attribute writes `main`. The function is a [`macro@handler`] and takes its keys `timeout`, `idempotent`,
/// `blocking` and `stream`; with a `topic` it is a [`macro@subscriber`] and takes that one's. Besides:
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = "go.micro.greeter"` | what the program is registered and found as | must be written |
/// | `version = "1.0.0"` | the version in its record | none |
/// | `endpoint = "Greeter.Hello"` | the name of the endpoint | the last segment of `name`, and the function's |
///
/// ```no_run
/// #[micro::function(name = "greeter")]
/// async fn hello(name: String) -> micro::Result<String> {
///     Ok(format!("Hello {name}"))
/// }
/// ```
#[proc_macro_attribute]
pub fn function(args: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(args.into(), item.into()).into()
}

/// Makes `async fn main` a program: runtime, logging, flags, `MICRO_*` variables, default components and signals.
///
/// It takes a `micro::Service` that is set up but not running, or the `micro::Builder` of one, if code has defaults of
/// its own to set; and behind it, if the program has flags of its own, a struct that derives `clap::Args`. Without
/// arguments nothing is served. It returns nothing, or a result of nothing, whose error is printed and makes the exit
/// code 1.
///
/// Flags win over `MICRO_*` variables, these over what code sets, and that over the defaults; `--print_config` shows
/// each value and where it comes from.
///
/// # Keys
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = "greeter"` | the name of the service | what is handled names it |
/// | `version = "1.0.0"` | its version | what is handled says it |
///
/// ```no_run
/// use micro::clap;
///
/// #[derive(clap::Args)]
/// struct Args {
///     /// Whom to greet
///     #[arg(long)]
///     name: String,
/// }
///
/// #[micro::main]
/// async fn main(service: micro::Service, args: Args) -> micro::Result<()> {
///     println!("Hello {} from {}", args.name, service.name());
///     service.run().await
/// }
/// ```
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(args.into(), item.into()).into()
}

/// Writes the messages and services of a proto file here, as structs, enums and traits.
///
/// `micro::proto!("proto/greeter.proto")` names a file by its path from the directory of `Cargo.toml`. Each message is as one
/// with [`macro@message`], each service a trait with [`macro@service`] and so has a client, and `greeter::serve`. The
/// crate is built again when the file changes, and what is wrong in it is said with its line. The guide
/// `micro::proto_files` tells what becomes of what.
///
/// # Keys
///
/// | key | meaning | default |
/// |---|---|---|
/// | `include("proto", "third_party")` | the directories that imports are relative to | that of the file |
/// | `name = "mail-box"` | what the services are registered and found as | the package |
#[cfg(feature = "proto")]
#[proc_macro]
pub fn proto(input: TokenStream) -> TokenStream {
    proto::expand(input.into()).into()
}

/// Makes an enum an error that crosses the wire and arrives as itself.
///
/// Implements `Display`, `Error`, `micro::TypedError` and the conversion into `micro::Error`, and derives `Debug`, `Clone`
/// and `PartialEq` where they are not derived below. Other derives go below the attribute. Fields are sent by serde.
///
/// # Keys of `#[error(…)]` on a variant
///
/// | key | meaning | default |
/// |---|---|---|
/// | `code = 409` | the HTTP status, from 400 to 599 | 500 |
/// | `detail = "{by} has it"` | the text; `{by}` is a field, `{0}` one without a name, `{by:?}` as `Debug` shows it | the first line of the docs, or the variant's name in words |
///
/// ```
/// #[micro::error]
/// pub enum ChatError {
///     #[error(code = 409, detail = "{by} has that name")]
///     Taken { by: String },
///     #[error(code = 404)]
///     NoSuchRoom,
/// }
///
/// let error = micro::Error::from(ChatError::Taken { by: "Ann".to_owned() });
///
/// assert_eq!((error.code(), error.detail()), (409, "Ann has that name"));
/// assert_eq!(error.typed(), Some(ChatError::Taken { by: "Ann".to_owned() }));
/// assert_eq!(ChatError::NoSuchRoom.to_string(), "no such room");
/// ```
#[proc_macro_attribute]
pub fn error(args: TokenStream, item: TokenStream) -> TokenStream {
    error::expand(args.into(), item.into()).into()
}
