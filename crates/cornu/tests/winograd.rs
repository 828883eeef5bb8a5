//! Plain sums and Winograd's transforms train to the same. Alone in its file: the way to compute is
//! the whole program's.

use cornu::prelude::*;

#[test]
fn a_model_trains_alike_with_and_without_winograd() {
    let rows = 32;
    let value = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 1000.0;
    let x = Array::new([rows, 12, 12, 1], (0..rows * 144).map(value).collect()).unwrap();
    let y = Array::new([rows, 1], (0..rows).map(|i| (i % 2) as u8).collect()).unwrap();
    let train = |winograd: bool| {
        utils::set_winograd(winograd).unwrap();
        utils::set_random_seed(5);
        let mut model: Model = Sequential::new()
            .add(Input::new([12, 12, 1]))
            .add(Conv2D::new(32, (3, 3)).activation("relu"))
            .add(Conv2D::new(32, (3, 3)).padding("same").activation("relu"))
            .add(Flatten::new())
            .add(Dense::new(1).activation("sigmoid"))
            .into();
        model.compile("sgd", "binary_crossentropy").build().unwrap();
        let history = model.fit(&x, &y).epochs(3).verbose(0).run().unwrap();
        (history.last("loss").unwrap(), model.get_weights().unwrap())
    };
    let ((plain, plain_weights), (fast, fast_weights)) = (train(false), train(true));
    assert!((plain - fast).abs() < 1e-4 * plain, "{plain} and {fast}");
    // They are computed in different ways, each repeatable to the bit.
    assert_ne!(plain_weights, fast_weights);
    assert_eq!(fast_weights, train(true).1);
    assert_eq!(plain_weights, train(false).1);
}
