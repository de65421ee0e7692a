//! Messages of a stream that wait to be read, bounded by what they weigh: many small ones, or one that is as large as may
//! be. While there is room the connection is read on, which is how the other side is seen to have left.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// What a message weighs at least, in bytes.
const LEAST: usize = 256;

/// A queue of messages that together weigh as much as the longest one, `longest` bytes.
pub(super) fn queue<T>(longest: usize) -> (Sender<T>, Receiver<T>) {
    let most = u32::try_from(longest.max(LEAST)).unwrap_or(u32::MAX);
    let most = most.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
    let (sender, receiver) = mpsc::unbounded_channel();
    let sender = Sender {
        sender,
        room: Arc::new(Semaphore::new(most as usize)),
        most,
    };
    (sender, Receiver(receiver))
}

pub(super) struct Sender<T> {
    /// Bounded by the room that each message holds until it is taken.
    sender: mpsc::UnboundedSender<(T, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    most: u32,
}

impl<T> Sender<T> {
    /// Waits until there is room for `message` of `size` bytes; false if nobody will take it.
    pub(super) async fn send(&self, message: T, size: usize) -> bool {
        let weight = u32::try_from(size.max(LEAST)).map_or(self.most, |size| size.min(self.most));
        // What a reader leaves behind gives its room back, and then nobody takes more.
        match Arc::clone(&self.room).acquire_many_owned(weight).await {
            Ok(place) => self.sender.send((message, place)).is_ok(),
            Err(_) => false,
        }
    }
}

pub(super) struct Receiver<T>(mpsc::UnboundedReceiver<(T, OwnedSemaphorePermit)>);

impl<T> Receiver<T> {
    /// The next message; `None` once there are no more.
    pub(super) async fn recv(&mut self) -> Option<T> {
        self.0.recv().await.map(|(message, _place)| message)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{LEAST, queue};

    #[tokio::test]
    async fn messages_wait_once_they_weigh_as_much_as_the_longest() {
        let (sender, mut receiver) = queue(10 * LEAST);
        for small in 0..9 {
            assert!(sender.send(small, 1).await);
        }

        assert_eq!(sender.send(9, 2 * LEAST).now_or_never(), None);

        assert_eq!(receiver.recv().await, Some(0));
        assert_eq!(sender.send(9, 2 * LEAST).now_or_never(), Some(true));
    }

    #[tokio::test]
    async fn the_longest_fits_by_itself() {
        let (sender, mut receiver) = queue(LEAST);

        assert!(sender.send((), 100 * LEAST).await);
        assert_eq!(sender.send((), 1).now_or_never(), None);

        receiver.recv().await.unwrap();
        assert!(sender.send((), 1).await);
    }

    #[tokio::test]
    async fn who_waits_for_room_learns_that_the_reader_left() {
        let (sender, receiver) = queue(LEAST);
        assert!(sender.send((), 1).await);
        let (sent, ()) = tokio::join!(sender.send((), 1), async { drop(receiver) });

        assert!(!sent);
    }
}
