//! Streams between two processes, of which one is killed.

use std::io::{BufRead, BufReader, Lines, Read, stdin};
use std::process::{Child, ChildStdout, Command, Stdio};

use micro::registry::MemoryRegistry;
use micro::transport::{AutoTransport, FramesTransport, Transport};
use tests::alone;
use tokio::time::timeout;

use super::{Chat, ChatClient, KINDS, Kind, SOON, go_on, service};

/// The other end, in a process of its own; dropping it kills it.
struct Peer {
    child: Child,
    said: Option<Lines<BufReader<ChildStdout>>>,
}

impl Peer {
    fn start(role: &str, transport: &str) -> Self {
        Self::run(role, transport, |_| {})
    }

    fn run(role: &str, transport: &str, with: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "process::a_peer_in_a_process_of_its_own",
            "--nocapture",
        ]);
        command.env("ROLE", role).env("TRANSPORT", transport);
        with(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Some(said);
        Self { child, said }
    }

    /// What it says behind `word`, once it does.
    async fn says(&mut self, word: &'static str) -> String {
        let mut lines = self.said.take().unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let said = lines.by_ref().map(Result::unwrap);
            let found = said.filter_map(|line| Some(line.split_once(word)?.1.to_owned()));
            (found.take(1).next(), lines)
        });
        let (found, lines) = read.await.unwrap();
        self.said = Some(lines);
        found.expect("it ended")
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Not a test by itself: what a [`Peer`] runs.
#[tokio::test]
async fn a_peer_in_a_process_of_its_own() {
    let Ok(role) = std::env::var("ROLE") else {
        return;
    };
    std::thread::spawn(|| {
        // The end of the input says that the parent is gone.
        stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(1);
    });
    match &*std::env::var("TRANSPORT").unwrap() {
        "frames" => play(&role, FramesTransport::default()).await,
        _ => play(&role, AutoTransport::default()).await,
    }
}

async fn play(role: &str, transport: impl Transport + 'static) {
    let registry = MemoryRegistry::new();
    if role == "node" {
        let chat = Chat::default();
        let node = service("chat", &registry, transport).await;
        let running = node.handle(chat.clone()).start().await.unwrap();
        println!("listening at {}", running.address());
        chat.busy().await;
        println!("busy");
        return std::future::pending().await;
    }
    let caller = service("caller", &registry, transport).await;
    let address = std::env::var("ADDRESS").unwrap();
    let kind = KINDS.into_iter().find(|kind| format!("{kind:?}") == role);
    go_on(&ChatClient::new(&caller), kind.unwrap(), &address).await;
}

fn a_stream_whose_node_is_killed_is_no_clean_end<T: Transport + 'static>(
    kind: Kind,
    name: &str,
    transport: fn() -> T,
) {
    alone(async || {
        let mut node = Peer::start("node", name);
        let address = node.says("listening at ").await;
        let caller = service("caller", &MemoryRegistry::new(), transport()).await;
        let client = ChatClient::new(&caller);
        let mut stream = std::pin::pin!(go_on(&client, kind, &address));
        tokio::select! {
            ended = &mut stream => panic!("{ended:?}"),
            _ = node.says("busy") => {}
        }

        node.kill();

        let ended = timeout(SOON, stream).await.expect("it goes on");
        assert!(ended.is_some());
    });
}

fn a_stream_whose_caller_is_killed_ends_its_handler<T: Transport + 'static>(
    kind: Kind,
    name: &str,
    transport: fn() -> T,
) {
    alone(async || {
        let chat = Chat::default();
        let node = service("chat", &MemoryRegistry::new(), transport()).await;
        let running = node.handle(chat.clone()).start().await.unwrap();
        let role = format!("{kind:?}");
        let mut caller = Peer::run(&role, name, |command| {
            command.env("ADDRESS", running.address());
        });
        let busy = timeout(SOON, chat.busy()).await;
        busy.expect("it is not called");

        caller.kill();

        let quiet = timeout(SOON, chat.quiet()).await;
        quiet.expect("its handler goes on");
    });
}

macro_rules! over_both {
    ($($kind:ident: $node:ident $caller:ident)*) => {
        over_both!(over_frames "frames" FramesTransport $($kind $node $caller)*);
        over_both!(over_the_default "auto" AutoTransport $($kind $node $caller)*);
    };
    ($module:ident $name:literal $transport:ident $($kind:ident $node:ident $caller:ident)*) => {
        mod $module {
            use super::{Kind, $transport};

            $(#[test]
            fn $node() {
                super::a_stream_whose_node_is_killed_is_no_clean_end(
                    Kind::$kind, $name, $transport::default,
                );
            }

            #[test]
            fn $caller() {
                super::a_stream_whose_caller_is_killed_ends_its_handler(
                    Kind::$kind, $name, $transport::default,
                );
            })*
        }
    };
}

over_both! {
    Server: a_server_stream_whose_node_is_killed_is_no_clean_end
        a_server_stream_whose_caller_is_killed_ends_its_handler
    Client: a_client_stream_whose_node_is_killed_is_an_error
        a_client_stream_whose_caller_is_killed_ends_its_handler
    Bidirectional: a_bidirectional_stream_whose_node_is_killed_is_no_clean_end
        a_bidirectional_stream_whose_caller_is_killed_ends_its_handler
}
