//! Streams between two runtimes of one process, of which one goes: what a kill is where there is but one process.

use micro::registry::MemoryRegistry;
use micro::transport::{FramesTransport, MemoryTransport, Transport};
use tests::alone;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Chat, ChatClient, KINDS, Kind, SOON, go_on, service};

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// A stream of `kind` that is under way, from a caller in one runtime to a node in another.
struct UnderWay {
    chat: Chat,
    caller: Runtime,
    node: Runtime,
    /// How it ends.
    ended: oneshot::Receiver<bool>,
}

async fn under_way<T: Transport + Clone + 'static>(kind: Kind, transport: T) -> UnderWay {
    let (caller, node) = (runtime(), runtime());
    let chat = Chat::default();
    let (bound, address) = oneshot::channel();
    let (served, carried) = (chat.clone(), transport.clone());
    node.spawn(async move {
        let node = service("chat", &MemoryRegistry::new(), carried).await;
        let running = node.handle(served).start().await.unwrap();
        bound.send(running.address().to_owned()).unwrap();
        std::future::pending::<()>().await;
    });
    let address = address.await.unwrap();
    let (end, ended) = oneshot::channel();
    caller.spawn(async move {
        let caller = service("caller", &MemoryRegistry::new(), transport).await;
        let failed = go_on(&ChatClient::new(&caller), kind, &address).await;
        let _ = end.send(failed.is_some());
    });
    timeout(SOON, chat.busy()).await.expect("it is not called");
    UnderWay {
        chat,
        caller,
        node,
        ended,
    }
}

fn a_stream_whose_node_loses_its_runtime_is_no_clean_end<T: Transport + Clone + 'static>(
    transport: fn() -> T,
) {
    for kind in KINDS {
        alone(async || {
            let stream = under_way(kind, transport()).await;

            stream.node.shutdown_background();

            let ended = timeout(SOON, stream.ended).await.expect("it goes on");
            assert!(ended.unwrap(), "{kind:?}");
            let quiet = timeout(SOON, stream.chat.quiet()).await;
            quiet.expect("its handler goes on");
            stream.caller.shutdown_background();
        });
    }
}

fn a_stream_whose_caller_loses_its_runtime_ends_its_handler<T: Transport + Clone + 'static>(
    transport: fn() -> T,
) {
    for kind in KINDS {
        alone(async || {
            let stream = under_way(kind, transport()).await;

            stream.caller.shutdown_background();

            let quiet = timeout(SOON, stream.chat.quiet()).await;
            quiet.unwrap_or_else(|_| panic!("the handler of {kind:?} goes on"));
            stream.node.shutdown_background();
        });
    }
}

mod over_memory {
    use super::MemoryTransport;

    #[test]
    fn a_stream_whose_node_loses_its_runtime_is_no_clean_end() {
        super::a_stream_whose_node_loses_its_runtime_is_no_clean_end(MemoryTransport::new);
    }

    #[test]
    fn a_stream_whose_caller_loses_its_runtime_ends_its_handler() {
        super::a_stream_whose_caller_loses_its_runtime_ends_its_handler(MemoryTransport::new);
    }
}

mod over_frames {
    use super::FramesTransport;

    #[test]
    fn a_stream_whose_node_loses_its_runtime_is_no_clean_end() {
        super::a_stream_whose_node_loses_its_runtime_is_no_clean_end(FramesTransport::default);
    }

    #[test]
    fn a_stream_whose_caller_loses_its_runtime_ends_its_handler() {
        super::a_stream_whose_caller_loses_its_runtime_ends_its_handler(FramesTransport::default);
    }
}
