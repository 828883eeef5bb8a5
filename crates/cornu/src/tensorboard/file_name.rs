//! Names of event files: TensorBoard finds them by `tfevents`, and reads those of a folder in the
//! order of their names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Since when, as events tell it.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A name that no other writer has: the time, the machine, the process, and a count.
pub(super) fn event_file_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let host = super::plain(&gethostname::gethostname().to_string_lossy());
    let (seconds, process) = (now().as_secs(), std::process::id());
    format!("events.out.tfevents.{seconds:010}.{host}.{process}.{count}.v2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_within_a_second() {
        let (a, b) = (event_file_name(), event_file_name());
        assert_ne!(a, b);
        assert!(a.starts_with("events.out.tfevents."), "{a}");
        assert!(!a.contains(['/', '\\', ' ']), "{a}");
    }
}
