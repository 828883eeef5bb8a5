//! How much memory a process held at most.

/// The peak of this process so far, in MB of 1,000,000 bytes. Linux tells it (`VmHWM`); on other
/// systems it is not known.
pub fn peak_mb() -> Option<f64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// The peak in the text of `/proc/PID/status`.
fn peak_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        let status = "Name:\tcornu\nVmPeak:\t 9999 kB\nVmHWM:\t   15625 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak_of(status), Some(16.0));
        assert_eq!(peak_of("Name:\tcornu\n"), None);
    }
}
