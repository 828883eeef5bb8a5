//! A repeated operand written out for one tile.

/// Copies elements along axes of the given sizes and strides, outermost first, up to `len`.
///
/// # Safety
/// The strided elements can be read from `from`, and `len` elements written to `to`.
pub(crate) unsafe fn fill<T: Copy>(
    to: *mut T,
    from: *const T,
    axes: &[(usize, usize)],
    len: usize,
) {
    let (&(size, stride), outer) = axes.split_last().expect("there is at least one axis");
    let mut written = 0;
    while written < len {
        let mut rest = written / size;
        let mut offset = 0;
        for &(size, stride) in outer.iter().rev() {
            offset += rest % size * stride;
            rest /= size;
        }
        // SAFETY: by the contract of this function.
        unsafe { run(to.add(written), from.add(offset), stride, size.min(len - written)) }
        written += size;
    }
}

/// Copies `len` elements that are `stride` apart.
///
/// # Safety
/// They can be read, and `len` elements written to `to`.
#[inline(always)]
unsafe fn run<T: Copy>(to: *mut T, from: *const T, stride: usize, len: usize) {
    // SAFETY: by the contract of this function.
    unsafe {
        match stride {
            0 => {
                let value = *from;
                for i in 0..len {
                    *to.add(i) = value;
                }
            }
            1 => {
                for i in 0..len {
                    *to.add(i) = *from.add(i);
                }
            }
            _ => {
                for i in 0..len {
                    *to.add(i) = *from.add(i * stride);
                }
            }
        }
    }
}
