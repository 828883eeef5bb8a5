//! A pool of threads that stay.
//!
//! A job is a few tasks, cut by a rule that does not know about time, so that results never depend
//! on who does what. Each thread begins with the task of its own number: the same part of the data
//! stays in its cache from job to job. Whoever is done takes what nobody has begun, so that a
//! worker that the system does not run (other processes, a cold start) holds nobody up.
//!
//! Between jobs a worker spins for a short while, because most jobs of a program follow each other
//! within microseconds and waking a sleeping thread costs more than many of them; then it sleeps.
//!
//! While others compute beside the programs ([`Pool::lend`]), that many workers are left asleep, and
//! their tasks are done by the rest: three threads on two cores are slower than two.

use crate::float::FlushDenormals;
use std::any::Any;
use std::cell::UnsafeCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);
/// How long it keeps the processor to itself meanwhile.
const GREEDY: Duration = Duration::from_micros(10);

/// How many threads there are to share work with, and from when on that is worth it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crew {
    /// The threads, the caller counted.
    pub threads: usize,
    /// About how many cycles it takes to hand a job to the workers and wait for them.
    pub handover: usize,
}

impl Crew {
    /// Into how many tasks to cut a job of `cycles` cycles that has `units` parts.
    pub(crate) fn tasks(self, cycles: usize, units: usize) -> usize {
        let most = self.threads.min(units).max(1);
        if cycles > cycles / most + self.handover { most } else { 1 }
    }
}

/// The `index`-th of `parts` parts of `0..count`, as even as possible.
pub(crate) fn part(count: usize, parts: usize, index: usize) -> Range<usize> {
    index * count / parts..(index + 1) * count / parts
}

/// What all threads of a job run, with the number of the task.
type Body<'a> = dyn Fn(usize) + Sync + 'a;

/// The threads. One job runs at a time.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    turn: Mutex<()>,
}

struct Shared {
    /// The number of the job in the upper bits, how many shares it has in the lower 16. Share `i`
    /// is the tasks `i`, `i + shares`, …
    job: AtomicU64,
    /// The job's body and how many tasks it has; written only while no share is being worked on.
    body: UnsafeCell<Option<(*const Body<'static>, usize)>>,
    /// For each share the number of the last job in which somebody took it.
    taken: Vec<AtomicU64>,
    /// Shares of the job that are not done; at first, workers that are not up.
    left: AtomicUsize,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// How many cores are lent to others.
    lent: AtomicUsize,
    /// One for each worker.
    workers: Vec<Bell>,
    caller: Bell,
}

// SAFETY: `body` is written by the caller before it announces the job, and read by those who have
// taken a share of that very job, for all of whom the caller waits before it returns (and before
// it writes again). The body itself is `Sync`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Lets threads wait for a condition: spinning first, then asleep.
#[derive(Default)]
struct Bell {
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Bell {
    /// Waits until `ready` holds. `SeqCst` on both sides: either the sleeper sees the condition, or
    /// the ringer sees the sleeper.
    fn wait(&self, ready: impl Fn() -> bool) {
        if ready() {
            return;
        }
        let start = Instant::now();
        loop {
            for _ in 0..64 {
                if ready() {
                    return;
                }
                std::hint::spin_loop();
            }
            match start.elapsed() {
                time if time > SPIN => break,
                // Perhaps the other side waits for this very processor.
                time if time > GREEDY => std::thread::yield_now(),
                _ => {}
            }
        }
        let mut guard = ignore_poison(self.lock.lock());
        self.sleepers.fetch_add(1, SeqCst);
        while !ready() {
            guard = ignore_poison(self.wake.wait(guard));
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Wakes those who sleep. Call it after the condition has come true.
    fn ring(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            drop(ignore_poison(self.lock.lock()));
            self.wake.notify_all();
        }
    }
}

/// A panic inside a job reaches the caller by itself; the locks guard no data that it could spoil.
pub(crate) fn ignore_poison<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool of `threads` threads, the caller counted.
    pub(crate) fn new(threads: usize) -> Pool {
        let threads = threads.clamp(1, 0xffff);
        let shared = Arc::new(Shared {
            job: AtomicU64::new(0),
            body: UnsafeCell::new(None),
            taken: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            left: AtomicUsize::new(threads - 1),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
            lent: AtomicUsize::new(0),
            workers: (1..threads).map(|_| Bell::default()).collect(),
            caller: Bell::default(),
        });
        let spawn = |index: usize| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(format!("cornu-{index}"))
                .spawn(move || shared.work(index))
                .expect("the system can start a thread")
        };
        let workers = (1..threads).map(spawn).collect();
        // A thread allocates when it starts; a run must not.
        shared.caller.wait(|| shared.left.load(SeqCst) == 0);
        Pool { shared, workers, turn: Mutex::new(()) }
    }

    /// How many threads there are, the caller counted.
    pub(crate) fn threads(&self) -> usize {
        self.shared.threads()
    }

    /// Leaves a core to the calling thread until the guard is dropped.
    pub(crate) fn lend(self: &Arc<Pool>) -> Lent {
        self.shared.lent.fetch_add(1, SeqCst);
        Lent(Arc::clone(self))
    }

    /// Takes the pool for a while, with that many threads at most; others wait.
    pub(crate) fn session(&self, threads: usize) -> Session<'_> {
        Session {
            shared: &self.shared,
            threads,
            _turn: ignore_poison(self.turn.lock()),
            _mode: FlushDenormals::begin(),
        }
    }
}

/// A core that a thread beside the programs has for itself; see
/// [`Cpu::lend_core`](crate::Cpu::lend_core).
#[must_use = "the core is given back when this is dropped"]
pub struct Lent(Arc<Pool>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.shared.lent.fetch_sub(1, SeqCst);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        self.shared.announce(self.threads());
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its tasks and has none of its own.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn threads(&self) -> usize {
        self.taken.len()
    }

    /// How many threads are there for a job: all whose cores are not lent.
    fn free(&self) -> usize {
        self.threads().saturating_sub(self.lent.load(SeqCst)).max(1)
    }

    /// Starts the next job; returns its number.
    fn announce(&self, shares: usize) -> u64 {
        let number = (self.job.load(SeqCst) >> 16) + 1;
        self.job.store((number << 16) | shares as u64, SeqCst);
        self.workers[..shares - 1].iter().for_each(Bell::ring);
        number
    }

    /// What a worker does all its life.
    fn work(&self, index: usize) {
        let _mode = FlushDenormals::begin();
        let mut seen = 0;
        self.done();
        loop {
            let shares = |job: u64| (job & 0xffff) as usize;
            self.workers[index - 1].wait(|| {
                let job = self.job.load(SeqCst);
                // A job of fewer shares is not for all.
                job != seen && index < shares(job)
            });
            seen = self.job.load(SeqCst);
            if self.stop.load(SeqCst) {
                return;
            }
            if index < shares(seen) {
                self.take_part(seen >> 16, shares(seen), index);
            }
        }
    }

    /// Does the shares of a job that nobody has begun, `first` before the others.
    fn take_part(&self, number: u64, shares: usize, first: usize) {
        for share in (first..shares).chain(0..first) {
            if !self.take(share, number) {
                continue;
            }
            // SAFETY: this thread has taken a share of the job, so the caller wrote the body
            // before and leaves it, and what it borrows, until no share is left.
            let (body, tasks) = unsafe { (*self.body.get()).expect("a job has a body") };
            let result = catch_unwind(AssertUnwindSafe(|| {
                // SAFETY: as above.
                let body = unsafe { &*body };
                (share..tasks).step_by(shares).for_each(body);
            }));
            if let Err(panic) = result {
                ignore_poison(self.panic.lock()).get_or_insert(panic);
            }
            self.done();
        }
    }

    /// Tells the caller that a share is done, or a worker up.
    fn done(&self) {
        if self.left.fetch_sub(1, SeqCst) == 1 {
            self.caller.ring();
        }
    }

    /// Takes a share of a job, unless somebody has it, or the job is over.
    fn take(&self, share: usize, number: u64) -> bool {
        let taken = &self.taken[share];
        let last = taken.load(SeqCst);
        last < number && taken.compare_exchange(last, number, SeqCst, SeqCst).is_ok()
    }
}

/// The pool in the hands of one caller, with denormal numbers flushed to zero.
pub(crate) struct Session<'a> {
    shared: &'a Shared,
    /// How many share the work at most.
    threads: usize,
    _turn: MutexGuard<'a, ()>,
    _mode: FlushDenormals,
}

impl Session<'_> {
    /// Whether one thread does all that is done now.
    pub(crate) fn is_alone(&self) -> bool {
        self.threads.min(self.shared.free()) == 1
    }

    /// Whether all threads of the session are there.
    pub(crate) fn is_free(&self) -> bool {
        self.shared.free() >= self.threads
    }

    /// Runs `body(0), …, body(tasks - 1)`.
    ///
    /// # Panics
    /// If a task panics, once all threads are done.
    pub(crate) fn run(&self, tasks: usize, body: &Body<'_>) {
        let shared = self.shared;
        let shares = tasks.min(shared.free()).min(self.threads);
        if shares <= 1 {
            return (0..tasks).for_each(body);
        }
        // SAFETY: the lifetime is only forgotten until all shares are done, which is waited for
        // below. Nobody works on a share now.
        unsafe {
            let body = std::mem::transmute::<*const Body<'_>, *const Body<'static>>(body);
            *shared.body.get() = Some((body, tasks));
        }
        shared.left.store(shares, SeqCst);
        let number = shared.announce(shares);
        // Panics are caught in there, those of the caller's own tasks, too.
        shared.take_part(number, shares, 0);
        shared.caller.wait(|| shared.left.load(SeqCst) == 0);
        if let Some(panic) = ignore_poison(shared.panic.lock()).take() {
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        for threads in [1, 2, 3, 5] {
            let pool = Pool::new(threads);
            for tasks in [0, 1, 2, 3, 7, 50] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.session(9).run(tasks, &|i| {
                    counts[i].fetch_add(1, SeqCst);
                });
                assert!(counts.iter().all(|c| c.load(SeqCst) == 1), "{threads} {tasks}");
            }
        }
    }

    #[test]
    fn many_jobs_with_pauses() {
        let pool = Pool::new(3);
        let sum = AtomicUsize::new(0);
        for round in 0..2000 {
            if round % 100 == 0 {
                std::thread::sleep(Duration::from_micros(200));
            }
            pool.session(9).run(3, &|i| {
                sum.fetch_add(i, SeqCst);
            });
        }
        assert_eq!(sum.load(SeqCst), 6000);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2);
        for bad in [0, 1] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.session(9).run(2, &|i| assert!(i != bad, "task {bad}"));
            }));
            assert!(result.is_err());
        }
        let ran = AtomicUsize::new(0);
        pool.session(9).run(2, &|_| {
            ran.fetch_add(1, SeqCst);
        });
        assert_eq!(ran.load(SeqCst), 2);
    }

    #[test]
    fn lent_cores_change_who_works_not_what_is_done() {
        let pool = Arc::new(Pool::new(3));
        let mut lent = vec![];
        for free in [3, 2, 1, 1] {
            let workers = Mutex::new(std::collections::HashSet::new());
            for _ in 0..100 {
                let counts: Vec<AtomicUsize> = (0..7).map(|_| AtomicUsize::new(0)).collect();
                pool.session(9).run(7, &|i| {
                    counts[i].fetch_add(1, SeqCst);
                    workers.lock().unwrap().insert(std::thread::current().id());
                });
                assert!(counts.iter().all(|count| count.load(SeqCst) == 1), "{free} free");
            }
            assert!(workers.into_inner().unwrap().len() <= free);
            lent.push(pool.lend());
        }
        drop(lent);
        assert_eq!(pool.shared.free(), 3);
    }

    #[test]
    fn callers_take_turns() {
        let pool = Pool::new(2);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let sum = AtomicUsize::new(0);
                        pool.session(9).run(4, &|i| {
                            sum.fetch_add(i, SeqCst);
                        });
                        assert_eq!(sum.load(SeqCst), 6);
                    }
                });
            }
        });
    }
}
