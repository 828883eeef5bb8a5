//! The processor's mode for denormal numbers.
//!
//! Squared gradients and decayed averages fall below 1e-38, where arithmetic can be a hundred times
//! slower. While a program runs, such numbers count as zero.

/// Flushes denormal numbers to zero on this thread for as long as it lives.
///
/// Rust assumes the default mode when it folds constants, and nothing else: no kernel depends on a
/// folded denormal.
pub(crate) struct FlushDenormals {
    before: Control,
    /// The mode belongs to the thread.
    _thread: std::marker::PhantomData<*const ()>,
}

impl FlushDenormals {
    pub(crate) fn begin() -> FlushDenormals {
        let before = control();
        set_control(before | FLUSH);
        FlushDenormals { before, _thread: std::marker::PhantomData }
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        set_control(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
type Control = u32;
#[cfg(not(target_arch = "x86_64"))]
type Control = u64;

/// MXCSR: flush to zero (bit 15), denormals are zero (bit 6).
#[cfg(target_arch = "x86_64")]
const FLUSH: Control = 1 << 15 | 1 << 6;
/// FPCR: flush to zero (bit 24).
#[cfg(target_arch = "aarch64")]
const FLUSH: Control = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: Control = 0;

#[cfg(target_arch = "x86_64")]
fn control() -> Control {
    let mut value: Control = 0;
    // SAFETY: stores the register in a variable of its size.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
    }
    value
}

#[cfg(target_arch = "x86_64")]
fn set_control(value: Control) {
    // SAFETY: the value was read from the register; only the denormal bits differ.
    unsafe {
        let value = &raw const value;
        std::arch::asm!("ldmxcsr [{}]", in(reg) value, options(nostack, preserves_flags));
    }
}

#[cfg(target_arch = "aarch64")]
fn control() -> Control {
    let value: Control;
    // SAFETY: reads a register.
    unsafe {
        std::arch::asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

#[cfg(target_arch = "aarch64")]
fn set_control(value: Control) {
    // SAFETY: the value was read from the register; only the denormal bit differs.
    unsafe {
        std::arch::asm!("msr fpcr, {}", in(reg) value, options(nomem, nostack, preserves_flags));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> Control {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_: Control) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn the_mode_is_restored() {
        let tiny = || black_box(1e-30f32) * black_box(1e-10);
        assert!(tiny() > 0.0);
        {
            let _mode = FlushDenormals::begin();
            if FLUSH != 0 {
                assert_eq!(tiny(), 0.0);
            }
        }
        assert!(tiny() > 0.0);
    }
}
