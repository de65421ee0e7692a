//! What a test leaves behind.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

/// Runs `fact` while no other of its kind runs in this process, and sees that it leaves no task and no socket behind.
pub fn alone(fact: impl AsyncFnOnce()) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let metrics = Handle::current().metrics();
        let left = || (metrics.num_alive_tasks(), sockets());
        let before = left();

        fact().await;

        let gone = async {
            while left() != before {
                tokio::task::yield_now().await;
            }
        };
        let gone = timeout(Duration::from_secs(10), gone).await;
        gone.unwrap_or_else(|_| panic!("{before:?} tasks and sockets became {:?}", left()));
    });
}

/// How many sockets this process has, where that can be known.
pub fn sockets() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let links = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}
