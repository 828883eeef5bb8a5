//! The queue between a thread that makes batches and the training that takes them.
//!
//! Once it is full, nothing is made until half of it is taken: waking a thread takes as long as a
//! step of a small network, so it is better to be woken seldom and to make a few.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A queue in which at most `capacity` things wait, at least one.
pub fn queue<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { waiting: VecDeque::new(), is_closed: false, sleeps: false };
    let shared = Arc::new(Shared {
        capacity: capacity.max(1),
        state: Mutex::new(state),
        changed: Condvar::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// The end of the one who makes things. The queue ends when it is dropped.
pub struct Sender<T>(Arc<Shared<T>>);

/// The end of the one who takes them.
pub struct Receiver<T>(Arc<Shared<T>>);

struct Shared<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    /// One of the two sleeps at most: there is nothing to take, or no room.
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Whether one of the two is gone.
    is_closed: bool,
    /// Whether somebody sleeps.
    sleeps: bool,
}

impl<T> Sender<T> {
    /// Waits until there is room for one more; `false` if nobody takes it any more.
    pub fn wait_for_room(&self) -> bool {
        let mut state = self.0.lock();
        if state.waiting.len() >= self.0.capacity {
            state = self.0.sleep(state, |state| state.waiting.len() > self.0.capacity / 2);
        }
        !state.is_closed
    }

    /// Puts one at the end; `false` if nobody takes it any more. Does not wait.
    pub fn send(&self, thing: T) -> bool {
        let mut state = self.0.lock();
        state.waiting.push_back(thing);
        self.0.wake(&mut state);
        !state.is_closed
    }
}

impl<T> Receiver<T> {
    /// Takes the first; waits until there is one. `None` if there are no more.
    pub fn receive(&self) -> Option<T> {
        let mut state = self.0.lock();
        if state.waiting.is_empty() {
            state = self.0.sleep(state, |state| state.waiting.is_empty());
        }
        let thing = state.waiting.pop_front();
        if state.waiting.len() <= self.0.capacity / 2 {
            self.0.wake(&mut state);
        }
        thing
    }
}

impl<T> Shared<T> {
    /// What a panic leaves behind is a queue as good as any.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps for as long as a condition holds and the other one is there.
    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State<T>>,
        condition: impl Fn(&State<T>) -> bool,
    ) -> MutexGuard<'a, State<T>> {
        while condition(&state) && !state.is_closed {
            state.sleeps = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn wake(&self, state: &mut State<T>) {
        if std::mem::take(&mut state.sleeps) {
            self.changed.notify_one();
        }
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.wake(&mut state);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    #[test]
    fn things_come_in_order_and_no_more_wait_than_there_is_room_for() {
        for capacity in [1, 2, 10] {
            let (sender, receiver) = queue(capacity);
            let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                scope.spawn(|| {
                    let sender = sender;
                    while made.load(SeqCst) < 1000 && sender.wait_for_room() {
                        let number = made.fetch_add(1, SeqCst);
                        assert!(number < taken.load(SeqCst) + capacity + 1, "{number}");
                        assert!(sender.send(number));
                    }
                });
                for expected in 0..1000 {
                    assert_eq!(receiver.receive(), Some(expected));
                    taken.fetch_add(1, SeqCst);
                }
                assert_eq!(receiver.receive(), None);
            });
        }
    }

    #[test]
    fn who_waits_for_one_that_is_gone_is_told() {
        let (sender, receiver) = queue(1);
        thread::scope(|scope| {
            let full = scope.spawn(move || {
                assert!(sender.wait_for_room() && sender.send(1));
                sender.wait_for_room()
            });
            assert_eq!(receiver.receive(), Some(1));
            drop(receiver);
            // Made room for, or told: both end.
            full.join().unwrap();
        });
        let (sender, receiver) = queue(2);
        drop(receiver);
        assert!(!sender.wait_for_room());
        assert!(!sender.send(1));
        let (sender, receiver) = queue(2);
        assert!(sender.send(1));
        drop(sender);
        assert_eq!((receiver.receive(), receiver.receive()), (Some(1), None));
    }
}
