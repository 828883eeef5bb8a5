//! Rows of the convolution and its two gradients: each configuration gives all three.

use super::{Case, SUMMED, floats};
use cornu_graph::infer::infer;
use cornu_graph::op::Conv2d;
use cornu_graph::{DType, Op, TensorType};

const PLAIN: Conv2d = Conv2d { strides: [1, 1], padding: [(0, 0); 2], dilation: [1, 1], groups: 1 };
const SAME: Conv2d = Conv2d { padding: [(1, 1); 2], ..PLAIN };

pub fn add(cases: &mut Vec<Case>) {
    for (conv, image, filter) in [
        (PLAIN, [1, 1, 1, 1], [1, 1, 1, 1]),
        (PLAIN, [2, 4, 5, 3], [1, 1, 3, 2]),
        (PLAIN, [2, 5, 4, 2], [3, 2, 2, 3]),
        (PLAIN, [1, 3, 3, 2], [3, 3, 2, 1]),
        (PLAIN, [0, 5, 5, 1], [3, 3, 1, 2]),
        (SAME, [2, 5, 6, 1], [3, 3, 1, 2]),
        (SAME, [1, 1, 1, 2], [3, 3, 2, 2]),
        (SAME, [1, 9, 11, 8], [3, 3, 8, 17]),
        (SAME, [2, 14, 13, 16], [3, 3, 16, 32]),
        (Conv2d { padding: [(2, 2); 2], ..PLAIN }, [1, 7, 7, 1], [5, 5, 1, 6]),
        (Conv2d { padding: [(0, 1), (2, 0)], ..PLAIN }, [2, 4, 3, 2], [2, 3, 2, 2]),
        (Conv2d { padding: [(3, 3); 2], ..PLAIN }, [1, 2, 2, 1], [2, 2, 1, 1]),
        (Conv2d { strides: [2, 2], ..PLAIN }, [1, 5, 6, 2], [3, 3, 2, 2]),
        (Conv2d { strides: [2, 1], ..SAME }, [2, 5, 4, 1], [3, 3, 1, 2]),
        (Conv2d { strides: [3, 4], ..PLAIN }, [1, 8, 9, 1], [2, 2, 1, 1]),
        (Conv2d { strides: [2, 2], padding: [(0, 1); 2], ..PLAIN }, [1, 6, 8, 3], [3, 3, 3, 4]),
        (Conv2d { dilation: [2, 1], ..PLAIN }, [1, 6, 4, 1], [3, 2, 1, 2]),
        (Conv2d { dilation: [2, 3], ..SAME }, [1, 5, 7, 2], [2, 3, 2, 1]),
        (Conv2d { strides: [2, 1], dilation: [1, 2], ..SAME }, [1, 5, 5, 1], [2, 2, 1, 2]),
        (Conv2d { groups: 2, ..PLAIN }, [1, 3, 4, 4], [2, 2, 2, 6]),
        (Conv2d { groups: 3, ..SAME }, [2, 3, 3, 3], [3, 3, 1, 3]),
        (Conv2d { groups: 2, ..SAME }, [1, 4, 3, 2], [2, 2, 1, 4]),
        (Conv2d { groups: 4, strides: [2, 2], ..SAME }, [1, 5, 5, 8], [3, 3, 2, 4]),
        (Conv2d { groups: 2, dilation: [2, 2], ..SAME }, [1, 5, 4, 4], [2, 2, 2, 2]),
    ] {
        three(cases, conv, image, filter);
    }
}

fn three(cases: &mut Vec<Case>, conv: Conv2d, image: [usize; 4], filter: [usize; 4]) {
    let types = [image, filter].map(|shape| TensorType::new(DType::F32, shape));
    let output = infer(&Op::Conv2d(conv), &[&types[0], &types[1]]).expect("a case is well typed");
    let output = output.shape.sizes();
    let mut add = |op, operands| cases.push(Case::new(op, operands).within(SUMMED));
    add(Op::Conv2d(conv), vec![floats(image), floats(filter)]);
    let op = Op::Conv2dInputGrad { conv, input: image.into() };
    add(op, vec![floats(output.as_slice()), floats(filter)]);
    let op = Op::Conv2dFilterGrad { conv, filter: filter.into() };
    add(op, vec![floats(image), floats(output.as_slice())]);
}
