//! Ctrl-C: the first stops the training, the second the program.

use crate::say;
use cornu::{Error, Result};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// A flag that is set when somebody wants to stop. Termination by the system counts too: who ends
/// a training that runs unattended wants to keep what was trained no less.
pub fn flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&flag);
    let handler = move || {
        if stop.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
        say::aside("\nStopping; what was trained is kept. Ctrl-C again quits at once.");
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Error::state(format!("Ctrl-C cannot be watched for: {error}")))?;
    Ok(flag)
}
