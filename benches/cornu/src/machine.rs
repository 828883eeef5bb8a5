//! The machine that was measured on.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::thread::available_parallelism;

/// What decides how fast programs run, as far as the system tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: Option<String>,
    /// How many threads may run at once: the cores that the harness may use, which `taskset`
    /// restricts.
    pub threads: usize,
    /// Memory in GB of 1,000,000,000 bytes, rounded.
    pub memory_gb: Option<u64>,
    /// The system.
    pub system: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Machine {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let memory: Option<f64> = value_of(&read("/proc/meminfo"), "MemTotal")
            .and_then(|kib| kib.strip_suffix("kB")?.trim().parse().ok());
        Machine {
            processor: value_of(&read("/proc/cpuinfo"), "model name").map(str::to_owned),
            threads: available_parallelism().map_or(1, usize::from),
            memory_gb: memory.map(|kib| (kib * 1024.0 / 1e9).round() as u64),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// What stands behind the colon in the first line that begins with a name.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = self.processor.as_deref().unwrap_or("an unknown processor");
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        write!(f, "{processor}, {} {threads}", self.threads)?;
        if let Some(memory) = self.memory_gb {
            write!(f, ", {memory} GB")?;
        }
        write!(f, ", {}", self.system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let text = "vendor_id\t: X\nmodel name\t: EPYC 9 : B\nmodel name\t: other\n";
        assert_eq!(value_of(text, "model name"), Some("EPYC 9 : B"));
        assert_eq!(value_of(text, "MemTotal"), None);
    }

    #[test]
    fn it_is_told_in_a_line() {
        let machine = Machine {
            processor: Some("EPYC".into()),
            threads: 2,
            memory_gb: Some(16),
            system: "linux x86_64".into(),
        };
        assert_eq!(machine.to_string(), "EPYC, 2 threads, 16 GB, linux x86_64");
        let bare = Machine { processor: None, threads: 1, memory_gb: None, ..machine };
        assert_eq!(bare.to_string(), "an unknown processor, 1 thread, linux x86_64");
    }
}
