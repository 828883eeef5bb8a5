//! Random numbers for programs that use Cornu: sampling generators, data of one's own.
//!
//! ```
//! use cornu::random::Philox;
//!
//! let mut random = Philox::new(9487);
//! let digit = random.below(10);
//! let share = random.uniform();
//! assert!(digit < 10 && (0.0..1.0).contains(&share));
//! ```

pub use cornu_graph::philox::Philox;
