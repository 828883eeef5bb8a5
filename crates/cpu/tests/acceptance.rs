//! The acceptance test of every backend: the table of cases, random graphs, wrong arguments.

use cornu_cpu::{Cpu, Instructions, Options, Winograd};
use cornu_testkit::parity::{check_executor, random_failures};

/// Backends with all instructions that the machine has and 1 and 2 threads. Every kernel shares its
/// work, however little it is.
fn backends(winograd: Winograd) -> impl Iterator<Item = Cpu> {
    let available = Instructions::ALL.into_iter().filter(|i| i.available());
    available.flat_map(|i| [1, 2].map(|threads| (i, threads))).map(
        move |(instructions, threads)| {
            let options = Options { threads, instructions, winograd };
            Cpu::new(options).expect("they are available").with_handover(0)
        },
    )
}

/// Each element is compared, so sums are plain: the error of Winograd's transforms is in parts of a
/// tile's largest results (`parity/linear.rs` tests them).
#[test]
fn the_backend_is_accepted() {
    for cpu in backends(Winograd::Never) {
        check_executor(&cpu);
    }
}

#[test]
fn random_graphs_with_winograd_are_accepted() {
    for cpu in backends(Winograd::Always) {
        let failures = random_failures(&cpu, 0..150);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
