//! A deep network is fused as a shallow one is: each further layer adds the same loops.

use cornu::prelude::*;

/// The lines of the program of a training step, but for its memory.
fn lines(layers: usize) -> usize {
    let mut model = Sequential::new().add(Input::new([8]));
    for _ in 0..layers {
        model = model.add(Dense::new(8).activation("relu"));
        model = model.add(BatchNormalization::new()).add(Dropout::new(0.1));
    }
    let mut model = model.add(Dense::new(1));
    model.compile("adam", "mse").build().unwrap();
    let (x, y) = (Array::zeros([4, 8], DType::F32), Array::zeros([4, 1], DType::F32));
    model.show_program(&x, &y, 4).unwrap().lines().count()
}

#[test]
fn each_layer_adds_the_same_loops() {
    let of_a_layer = lines(5) - lines(4);
    assert!(of_a_layer > 10);
    let (expected, deep) = (36 * of_a_layer, lines(40) - lines(4));
    // Fusion does not search for ever whether two ops may share a loop: a few stay apart.
    assert!((expected..=expected + expected / 500).contains(&deep), "{deep}, not {expected}");
}
