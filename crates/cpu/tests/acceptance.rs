//! The acceptance test of every backend: the table of cases, random graphs, wrong arguments.

use cornu_cpu::{Cpu, Instructions, Options};

#[test]
fn the_backend_is_accepted() {
    for instructions in Instructions::ALL.into_iter().filter(|i| i.available()) {
        for threads in [1, 2] {
            let cpu = Cpu::new(Options { threads, instructions, ..Options::default() })
                .expect("they are available");
            // Every kernel shares its work, however little it is.
            cornu_testkit::parity::check_executor(&cpu.with_handover(0));
        }
    }
}
