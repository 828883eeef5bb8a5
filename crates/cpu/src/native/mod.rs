//! Machine code made at run time: the functions that no compiler could have made before, as nobody
//! had asked for them yet.
//!
//! Two rooms: [`assembler`] writes instructions, [`Code`] is memory that the processor may run, and
//! that nobody can write to any more when it does. Where a system forbids programs to make code
//! ([`Code::is_allowed`]), whoever asks has a slower way that needs none.

pub(crate) mod assembler;
#[cfg(all(test, target_arch = "x86_64"))]
mod conventions;
pub(crate) mod registers;

use memmap2::{Mmap, MmapMut};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// The code that was in use when some was made last, by its bytes.
type Known = HashMap<Box<[u8]>, Weak<Code>>;

/// Instructions that can be called, and the constants that they read.
#[derive(Debug)]
pub(crate) struct Code {
    memory: Mmap,
}

impl Code {
    /// The code of these bytes, ready to run; `None` if the system forbids it, or has no memory. Code
    /// that is in use already is used again: the layers of a deep network are often alike.
    pub(crate) fn new(bytes: &[u8]) -> Option<Arc<Code>> {
        static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = known.get(bytes).and_then(Weak::upgrade) {
            return Some(code);
        }
        known.retain(|_, code| code.strong_count() > 0);
        let code = Arc::new(Code::write(bytes)?);
        known.insert(bytes.into(), Arc::downgrade(&code));
        Some(code)
    }

    /// Whether the system lets programs make code. It was asked once.
    pub(crate) fn is_allowed() -> bool {
        const RETURN: u8 = 0xc3;
        static ALLOWED: LazyLock<bool> = LazyLock::new(|| Code::write(&[RETURN]).is_some());
        *ALLOWED
    }

    fn write(bytes: &[u8]) -> Option<Code> {
        if cfg!(not(target_arch = "x86_64")) {
            return None;
        }
        let mut memory = MmapMut::map_anon(bytes.len()).ok()?;
        memory.copy_from_slice(bytes);
        Some(Code { memory: memory.make_exec().ok()? })
    }

    /// Calls the code as a function of three numbers.
    ///
    /// # Safety
    /// It is one, by the convention of System V, and may be called with these.
    pub(crate) unsafe fn call<T>(&self, table: *const T, count: usize, rest: u32) {
        #[cfg(target_arch = "x86_64")]
        {
            type Function<T> = unsafe extern "sysv64" fn(*const T, usize, u32);
            // SAFETY: by the contract of this function.
            unsafe {
                let function: Function<T> = std::mem::transmute(self.memory.as_ptr());
                #[cfg(test)]
                conventions::check(self.memory.as_ptr(), table.cast());
                function(table, count, rest);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        unreachable!("code is made for x86-64 only: {table:p} {count} {rest} {:p}", &self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    #[cfg(target_arch = "x86_64")]
    #[should_panic = "belongs to its caller"]
    fn a_register_that_is_not_kept_is_noticed() {
        // xor r12d, r12d; ret
        let code = Code::new(&[0x45, 0x31, 0xe4, 0xc3]).expect("code can be made");
        // SAFETY: the caller of the check keeps the register.
        unsafe { conventions::check(code.memory.as_ptr(), std::ptr::null()) };
    }

    #[test]
    fn code_runs_and_is_shared() {
        // add [rdi], rsi; ret
        let bytes = [0x48, 0x01, 0x37, 0xc3];
        let Some(code) = Code::new(&bytes) else { return };
        let again = Code::new(&bytes).unwrap();
        assert!(Arc::ptr_eq(&code, &again));
        let number = Cell::new(0usize);
        // SAFETY: the bytes are a function that writes its second parameter to where the first says.
        unsafe { code.call(number.as_ptr(), 42, 0) };
        assert_eq!(number.get(), 42);
        drop((code, again));
        assert!(Code::new(&bytes).is_some(), "code that was given back is made anew");
    }
}
