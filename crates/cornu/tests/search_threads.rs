//! The number of threads changes the time that a search takes, never what it finds.

use cornu::prelude::*;
use cornu::search::{Hnsw, Index, Measure};

#[test]
fn threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let values = (0..6000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as f32 / 4096.0);
    let rows = Array::new([1500, 4], values.collect()).unwrap();
    let found = |threads: usize| {
        utils::set_threads(threads).unwrap();
        let index = Index::approximate(&rows, Measure::Euclidean, Hnsw::default().search_width(3));
        let index = index.unwrap();
        let path = folder.path().join(threads.to_string());
        index.save(&path).unwrap();
        let exact = Index::exact(&rows, Measure::Cosine).unwrap();
        let few = rows.slice_rows(0, 3).unwrap();
        (
            std::fs::read(path).unwrap(),
            index.search_all(&rows, 3).unwrap(),
            exact.search_all(&rows, 3).unwrap(),
            exact.search_all(&few, 3).unwrap(),
        )
    };
    let one = found(1);
    assert!(one == found(3), "three threads found something else than one");
    assert!(one == found(8), "eight threads found something else than one");
}
