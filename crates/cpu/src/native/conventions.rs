//! Whether a function leaves the registers that it must leave as they were (System V). Compiled code
//! around a call seldom notices.

use std::arch::naked_asm;

/// Calls a function as [`super::Code::call`] does, on no elements.
///
/// # Panics
/// If it has not left all registers as they were.
///
/// # Safety
/// As [`super::Code::call`].
pub(super) unsafe fn check(function: *const u8, table: *const u8) {
    // SAFETY: by the contract of this function; of no elements none is read or written.
    let kept = unsafe { keeps_registers(function, table, 0, 0) };
    assert_eq!(kept, 1, "the code has changed a register that belongs to its caller");
}

/// Fills the registers that a function must keep, calls `function(table, count, rest)`, and tells
/// whether they are still the same: 1 or 0.
#[unsafe(naked)]
unsafe extern "sysv64" fn keeps_registers(
    function: *const u8,
    table: *const u8,
    count: usize,
    rest: u32,
) -> u32 {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov edx, ecx",
        "mov ebx, 101",
        "mov ebp, 102",
        "mov r12d, 103",
        "mov r13d, 104",
        "mov r14d, 105",
        "mov r15d, 106",
        // Six registers and the way back are on the stack: 8 bytes more than a multiple of 16.
        "sub rsp, 8",
        "call rax",
        "add rsp, 8",
        "xor eax, eax",
        "cmp rbx, 101",
        "jne 2f",
        "cmp rbp, 102",
        "jne 2f",
        "cmp r12, 103",
        "jne 2f",
        "cmp r13, 104",
        "jne 2f",
        "cmp r14, 105",
        "jne 2f",
        "cmp r15, 106",
        "jne 2f",
        "mov eax, 1",
        "2:",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}
