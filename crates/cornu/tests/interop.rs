//! ndarray to Cornu and back: the same elements, and the same memory where nothing forces a copy.

use cornu::data::{AsNdarray, Column, NdarrayExt};
use cornu::ndarray::{self, Array2, Array3, Ix2, ShapeBuilder, array, s};
use cornu::{Array, Tensor};

fn address(array: &Array) -> *const f32 {
    array.as_slice::<f32>().unwrap().as_ptr()
}

#[test]
fn an_owned_array_is_moved() {
    let images = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as f32);
    let (before, expected) = (images.as_ptr(), images.clone().into_raw_vec_and_offset().0);
    let moved = images.into_array();
    assert_eq!(moved.shape(), [2, 3, 4]);
    assert_eq!(moved.as_slice::<f32>().unwrap(), expected);
    assert_eq!(address(&moved), before);

    let view = moved.view::<f32>().unwrap();
    assert_eq!((view.as_ptr(), view.shape()), (before, [2, 3, 4].as_slice()));

    let back = moved.into_ndarray::<f32>().unwrap();
    assert_eq!((back.as_ptr(), back.shape()), (before, [2, 3, 4].as_slice()));
    assert!(back.into_dimensionality::<ndarray::Ix3>().is_ok());
}

#[test]
fn a_column_takes_the_memory_too() {
    let labels = array![[1.0f32], [0.0]];
    let before = labels.as_ptr();
    let column = Column::from(labels);
    assert_eq!((column.len(), column.sample_shape()), (2, [1].as_slice()));
    assert_eq!(address(column.array()), before);
}

#[test]
fn other_layouts_come_row_by_row() {
    let by_column = Array2::from_shape_vec((2, 3).f(), vec![0.0f32, 3.0, 1.0, 4.0, 2.0, 5.0]);
    let expected = Array::new([2, 3], (0..6).map(|x| x as f32).collect()).unwrap();
    let by_column = by_column.unwrap();
    assert_eq!((&by_column).into_array(), expected);
    assert_eq!(by_column.view().into_array(), expected);
    assert_eq!(by_column.into_array(), expected);

    let all = array![[0i32, 1, 2], [3, 4, 5], [6, 7, 8]];
    let columns = Array::new([3, 2], vec![1, 2, 4, 5, 7, 8]).unwrap();
    assert_eq!(all.slice(s![.., 1..]).into_array(), columns);
    assert_eq!(all.clone().slice_move(s![.., 1..]).into_array(), columns);
    let rows = Array::new([2, 3], vec![3, 4, 5, 6, 7, 8]).unwrap();
    assert_eq!(all.slice(s![1.., ..]).into_array(), rows);
    assert_eq!(all.clone().slice_move(s![1.., ..]).into_array(), rows);
    let one = all.clone().slice_move(s![1..2, ..]).into_array();
    assert_eq!(one, Array::new([1, 3], vec![3, 4, 5]).unwrap());
    let reversed = all.slice_move(s![..;-1, 0]).into_array();
    assert_eq!(reversed, Array::new([3], vec![6, 3, 0]).unwrap());
}

#[test]
fn all_types_and_ranks_pass() {
    assert_eq!(ndarray::arr0(3u8).into_array(), Array::scalar(3u8));
    let mask = array![true, false].into_array();
    assert_eq!(mask.view::<bool>().unwrap(), array![true, false].into_dyn());
    let empty = Array2::<f32>::zeros((0, 7)).into_array();
    assert_eq!(empty.shape(), [0, 7]);
    assert_eq!(empty.into_ndarray::<f32>().unwrap().shape(), [0, 7]);
    assert_eq!(ndarray::aview1(&[1.0f32, 2.0]).into_array().shape(), [2]);
    assert_eq!(array![1i32].into_shared().into_owned().into_array().shape(), [1]);
}

#[test]
fn a_shared_array_is_copied_and_a_wrong_type_refused() {
    let original = Array::new([2], vec![1.0f32, 2.0]).unwrap();
    let copy = original.clone().into_ndarray::<f32>().unwrap();
    assert_ne!(copy.as_ptr(), address(&original));
    assert!(original.view::<i32>().unwrap_err().to_string().contains("float32, not int32"));
    assert!(original.into_ndarray::<u8>().is_err());
}

#[test]
fn columns_and_tensors_are_made_of_them() {
    let x = array![[1.0f32, 2.0], [3.0, 4.0]];
    for column in [Column::from(&x), Column::from(x.view()), Column::from(x.clone())] {
        assert_eq!(column.to_array().unwrap(), x.clone().into_array());
    }
    let tensors = [Tensor::from(&x), Tensor::from(x.view()), Tensor::from(x.clone())];
    for tensor in tensors {
        let back = tensor.eval().unwrap().into_ndarray::<f32>().unwrap();
        assert_eq!(back.into_dimensionality::<Ix2>().unwrap(), x);
    }
}
