//! Windows of an image as rows of a matrix, and rows of such a matrix added back to an image.

use super::Sizes;
use crate::kernels::gather::add;
use crate::kernels::layout::copy;
use crate::simd::{Instructions, Simd, instantiate};
use std::ops::Range;

/// Moves the windows of one group of channels between an image and a matrix. Asks that the image
/// (at its first channel of the group) and the matrix can be read and written.
pub(super) type Patches = unsafe fn(&Sizes, image: *mut f32, matrix: *mut f32, Range<usize>);

/// Copies windows to a matrix, whose rows or columns are [`Sizes::patch_stride`] apart.
pub(super) fn take(instructions: Instructions, by_columns: bool) -> Patches {
    if by_columns {
        return instantiate!(
            instructions,
            fn(sizes: &Sizes, image: *mut f32, matrix: *mut f32, windows: Range<usize>),
            s => take_columns(s, sizes, image, matrix, windows)
        );
    }
    instantiate!(
        instructions,
        fn(sizes: &Sizes, image: *mut f32, matrix: *mut f32, windows: Range<usize>),
        s => each_pixel(s, sizes, image, matrix, windows, |s, image, row, len| match image {
            Some(image) => copy(s, row, image, len),
            None => zero(s, row, len),
        })
    )
}

/// Adds the rows of a matrix to windows.
pub(super) fn put_back(instructions: Instructions) -> Patches {
    instantiate!(
        instructions,
        fn(sizes: &Sizes, image: *mut f32, matrix: *mut f32, windows: Range<usize>),
        s => each_pixel(s, sizes, image, matrix, windows, |s, image, row, len| {
            if let Some(image) = image {
                add(s, image, row, len);
            }
        })
    )
}

/// Calls `visit` with each piece of the windows: where it is in the image (`None` in the padding)
/// and in the matrix, and how many numbers it has.
///
/// # Safety
/// See [`Patches`]; the pieces can be read and written.
#[inline(always)]
unsafe fn each_pixel<S: Simd>(
    s: S,
    sizes: &Sizes,
    image: *mut f32,
    matrix: *mut f32,
    windows: Range<usize>,
    visit: impl Fn(S, Option<*mut f32>, *mut f32, usize),
) {
    let (channels, conv) = (sizes.group_channels(), &sizes.conv);
    // Pixels of a row of a window are neighbours, unless they are spread or in groups.
    let joined = conv.dilation[1] == 1 && conv.groups == 1;
    let mut row = matrix;
    for window in windows {
        let (oy, ox) = (window / sizes.output[1], window % sizes.output[1]);
        for ky in 0..sizes.filter[0] {
            let y = place(oy * conv.strides[0] + ky * conv.dilation[0], conv.padding[0].0);
            let y = y.filter(|&y| y < sizes.image[0]);
            let line = y.map(|y| image.wrapping_add(y * sizes.image[1] * sizes.channels));
            let start = ox * conv.strides[1];
            let x = place(start, conv.padding[1].0);
            let inside = x.filter(|x| x + sizes.filter[1] <= sizes.image[1]);
            if let (true, Some(x)) = (joined, inside) {
                let len = sizes.filter[1] * channels;
                visit(s, line.map(|line| line.wrapping_add(x * channels)), row, len);
                row = row.wrapping_add(len);
                continue;
            }
            for kx in 0..sizes.filter[1] {
                let x = place(start + kx * conv.dilation[1], conv.padding[1].0);
                let x = x.filter(|&x| x < sizes.image[1]);
                let pixel = line.zip(x).map(|(line, x)| line.wrapping_add(x * sizes.channels));
                visit(s, pixel, row, channels);
                row = row.wrapping_add(channels);
            }
        }
    }
}

/// Where the patches of some windows of an image are, for a group: in the image itself where a patch
/// is one pixel, else copied to `room`.
///
/// # Safety
/// The image holds what the sizes tell, and there is room for the patches.
pub(super) unsafe fn patches_of(
    sizes: &Sizes,
    take: Patches,
    image: *const f32,
    group: usize,
    windows: Range<usize>,
    room: *mut f32,
) -> *const f32 {
    // SAFETY: by the contract of this function.
    unsafe {
        let image = image.add(group * sizes.group_channels());
        if sizes.is_pointwise() {
            return image.add(windows.start * sizes.channels);
        }
        take(sizes, image.cast_mut(), room, windows);
        room
    }
}

/// Copies windows of an image of one channel to a matrix stored by columns: the pixels in the same
/// place of neighbouring windows are neighbours.
///
/// # Safety
/// See [`Patches`].
#[inline(always)]
unsafe fn take_columns<S: Simd>(
    s: S,
    sizes: &Sizes,
    image: *mut f32,
    matrix: *mut f32,
    windows: Range<usize>,
) {
    let (conv, width) = (&sizes.conv, sizes.image[1]);
    let (before, stride) = (conv.padding[1].0, sizes.patch_stride());
    let mut window = windows.start;
    while window < windows.end {
        let (oy, ox) = (window / sizes.output[1], window % sizes.output[1]);
        let count = (sizes.output[1] - ox).min(windows.end - window);
        let mut to = matrix.wrapping_add(window - windows.start);
        for ky in 0..sizes.filter[0] {
            let y = place(oy * conv.strides[0] + ky * conv.dilation[0], conv.padding[0].0);
            let line = y.filter(|&y| y < sizes.image[0]).map(|y| image.wrapping_add(y * width));
            for kx in 0..sizes.filter[1] {
                // The windows whose pixel is in the padding before, and in the image.
                let left = ox + kx * conv.dilation[1];
                let low = before.saturating_sub(left).min(count);
                let high = (width + before).saturating_sub(left).clamp(low, count);
                let high = if line.is_some() { high } else { low };
                let from = line.unwrap_or(image).wrapping_add(left + low).wrapping_sub(before);
                // SAFETY: by the contract of this function.
                unsafe {
                    zero(s, to, low);
                    copy(s, to.add(low), from, high - low);
                    zero(s, to.add(high), count - high);
                }
                to = to.wrapping_add(stride);
            }
        }
        window += count;
    }
}

/// A place in the padded image as a place in the image, if it is not in the padding before.
#[inline(always)]
fn place(padded: usize, before: usize) -> Option<usize> {
    padded.checked_sub(before)
}

/// Writes zeros.
///
/// # Safety
/// `len` numbers can be written.
#[inline(always)]
unsafe fn zero<S: Simd>(s: S, to: *mut f32, len: usize) {
    // SAFETY: by the contract of this function.
    unsafe {
        for i in (0..len).step_by(S::LANES) {
            s.store_n(to.add(i), s.splat(0.0), S::LANES.min(len - i));
        }
    }
}
