//! A hundred thousand messages, and a subscriber in a process of its own that is killed in the middle of them.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use micro::broker::{Broker, Consumer, JetStreamBroker, Mode, Options, RabbitMqBroker, Terms};
use micro::message::{ContentType, Message};
use micro::{Error, Metadata};
use tests::servers::{Nats, RabbitMq, Server};

const TEST: &str = "killed::a_subscriber_in_a_process_of_its_own";

const MESSAGES: usize = 100_000;

/// How many publishers wait for a confirmation at once.
const PUBLISHERS: usize = 500;

/// It is all handled much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(180);

/// The brokers, by the names that the other process is told.
fn open(name: &str, address: &str) -> Arc<dyn Broker> {
    let mut options = Options::default();
    options.addresses = vec![address.to_owned()];
    match name {
        "jetstream" => Arc::new(JetStreamBroker::new(&options).unwrap()),
        "rabbitmq" => Arc::new(RabbitMqBroker::new(&options).unwrap()),
        name => panic!("{name}"),
    }
}

fn durable() -> Terms {
    let mut terms = Terms::new(Mode::group("g"));
    terms.durable = true;
    terms
}

/// Not a test by itself: the subscriber. It notes each message before it acks it.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_in_a_process_of_its_own() {
    let variable = |name| std::env::var(name).ok();
    let (Some(name), Some(address), Some(path)) =
        (variable("BROKER"), variable("ADDRESS"), variable("FILE"))
    else {
        return;
    };
    let file = OpenOptions::new().append(true).open(path).unwrap();
    let file = Arc::new(Mutex::new(file));
    let consumer = Consumer::new(move |delivery| {
        let mut line = delivery.message.body.to_vec();
        line.push(b'\n');
        // One write, which a kill does not part.
        file.lock().unwrap().write_all(&line).unwrap();
        Box::pin(async { Ok::<_, Error>(()) })
    });
    let broker = open(&name, &address);
    let subscribed = broker.subscribe("t", durable(), consumer);
    let _subscribed = subscribed.await.unwrap();
    std::future::pending::<()>().await;
}

/// The subscriber's process, which dropping kills (SIGKILL).
struct Subscriber(Child);

impl Subscriber {
    fn start(name: &str, address: &str, file: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture"]);
        command.env("BROKER", name).env("ADDRESS", address);
        command.env("FILE", file).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What the subscriber has noted.
struct Notes {
    path: PathBuf,
    read: BufReader<File>,
    handled: usize,
    numbers: HashSet<usize>,
}

impl Notes {
    fn new(folder: &Path) -> Self {
        let path = folder.join("handled");
        File::create(&path).unwrap();
        Self {
            read: BufReader::new(File::open(&path).unwrap()),
            path,
            handled: 0,
            numbers: HashSet::new(),
        }
    }

    /// Waits until so many numbers are there.
    async fn reach(&mut self, count: usize) {
        let begun = Instant::now();
        while self.numbers.len() < count {
            let mut line = String::new();
            if self.read.read_line(&mut line).unwrap() == 0 {
                let late = begun.elapsed() > SOON;
                assert!(!late, "{} of {count} messages came", self.numbers.len());
                // Another process writes it.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            self.numbers.insert(line.trim_end().parse().unwrap());
            self.handled += 1;
        }
    }
}

async fn publish(broker: Arc<dyn Broker>) {
    let published = stream::iter(0..MESSAGES).map(|number| {
        let broker = &broker;
        async move {
            let message = Message {
                content_type: ContentType::JSON,
                metadata: Metadata::new(),
                body: number.to_string().into(),
            };
            broker.publish("t", message).await.unwrap();
        }
    });
    published
        .buffer_unordered(PUBLISHERS)
        .for_each(async |()| {})
        .await;
}

async fn none_is_lost(name: &str, address: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut notes = Notes::new(folder.path());
    let begun = Instant::now();
    let mut subscriber = Subscriber::start(name, address, &notes.path);
    // What is published is for groups that are there.
    let broker = open(name, address);
    let idle = Consumer::new(|_| Box::pin(async { Err(Error::conflict("test", "too early")) }));
    let mut idle = broker.subscribe("t", durable(), idle).await.unwrap();
    idle.leave();
    idle.ended().await;

    let publishing = tokio::spawn(publish(broker));
    for kill in 1..=3 {
        notes.reach(MESSAGES * kill / 4).await;
        drop(subscriber);
        subscriber = Subscriber::start(name, address, &notes.path);
    }
    publishing.await.unwrap();
    notes.reach(MESSAGES).await;

    let twice = notes.handled - MESSAGES;
    println!(
        "{name}: {MESSAGES} messages, the subscriber killed three times: none lost, {twice} handled twice, in {:.0?}",
        begun.elapsed()
    );
    drop(subscriber);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_rabbitmq_none_of_a_hundred_thousand_messages_is_lost() {
    let server = Server::start(RabbitMq::alone()).await;

    none_is_lost("rabbitmq", &server.address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_jetstream_none_of_a_hundred_thousand_messages_is_lost() {
    let server = Server::start(Nats::alone()).await;

    none_is_lost("jetstream", &server.address()).await;
}
