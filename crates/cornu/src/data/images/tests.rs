//! Pixels by hand, and files that are no images. What Keras makes of files is in
//! `tests/keras_images.rs`, folders are in `tests/image_files.rs`.

use super::decode::decode;
use super::*;

fn encoded(color: png::ColorType, depth: png::BitDepth, size: [u32; 2], data: &[u8]) -> Vec<u8> {
    let mut file = vec![];
    let mut encoder = png::Encoder::new(&mut file, size[1], size[0]);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

fn eight(color: png::ColorType, size: [u32; 2], data: &[u8]) -> Vec<u8> {
    encoded(color, png::BitDepth::Eight, size, data)
}

#[test]
fn transparent_pixels_lie_on_white() {
    let file = eight(png::ColorType::Rgba, [1, 3], &[9, 9, 9, 0, 10, 20, 30, 255, 0, 0, 0, 51]);
    let image = decode(&file).unwrap();
    let rgb = image.to_mode(ColorMode::Rgb);
    assert_eq!(rgb.pixels, [255, 255, 255, 10, 20, 30, 204, 204, 204]);
    // 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15
    assert_eq!(image.to_mode(ColorMode::Grayscale).pixels, [255, 18, 204]);
    let file = eight(png::ColorType::GrayscaleAlpha, [1, 2], &[0, 0, 7, 255]);
    assert_eq!(decode(&file).unwrap().to_mode(ColorMode::Grayscale).pixels, [255, 7]);
}

#[test]
fn colours_of_16_bits_are_cut() {
    let depth = png::BitDepth::Sixteen;
    let file = encoded(png::ColorType::Grayscale, depth, [1, 2], &[200, 255, 3, 0]);
    assert_eq!(decode(&file).unwrap().pixels, [200, 3]);
}

#[test]
fn light_backgrounds_are_told_from_dark_ones() {
    let edge = |pixels: &[u8], height| {
        let width = pixels.len() / height;
        Image { height, width, channels: 1, pixels: pixels.to_vec() }.is_light_at_the_edge()
    };
    // Ink in the middle does not count, at the edge it has to be the smaller part.
    assert!(edge(&[255, 255, 255, 255, 0, 255, 255, 255, 255], 3));
    assert!(!edge(&[0, 0, 0, 0, 255, 0, 0, 0, 0], 3));
    assert!(edge(&[0, 255, 255, 255, 0, 255, 255, 255, 255], 3));
    assert!(!edge(&[127], 1) && edge(&[128], 1));
}

#[test]
fn files_that_are_no_images_say_so() {
    let image = eight(png::ColorType::Grayscale, [20, 20], &[7; 400]);
    let mut crc = image.clone();
    crc[20] ^= 1;
    for (bytes, expected) in [
        (&b""[..], "not an image: expected PNG or JPEG, found an empty file"),
        (b"GIF89a", "not an image: expected PNG or JPEG, found 47 49 46"),
        (b"\x93NUMPY\x01\x00", "a NumPy .npy file"),
        (&image[..image.len() / 2], "cut short: the PNG image ends early"),
        (&image[..20], "cut short"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "the JPEG image is damaged or cut short"),
        (&crc, "the PNG image is damaged"),
    ] {
        let error = decode(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn an_image_that_claims_to_be_huge_is_not_unpacked() {
    // A header for 60,000 x 60,000 pixels, and no pixels.
    let mut file = eight(png::ColorType::Rgb, [1, 1], &[0; 3]);
    file[16..24].copy_from_slice(&[0, 0, 234, 96, 0, 0, 234, 96]);
    let mut crc = flate2::Crc::new();
    crc.update(&file[12..29]);
    file[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let error = decode(&file).unwrap_err().to_string();
    assert!(error.contains("60000 x 60000 pixels, more than the limit of 67108864"), "{error}");
}

#[test]
fn a_larger_or_smaller_image_is_mixed() {
    let image = |pixels: &[u8], width| Image {
        height: pixels.len() / width,
        width,
        channels: 1,
        pixels: pixels.to_vec(),
    };
    let sized = |image: &Image, height, width| {
        resize::resize(image.clone(), height, width, Interpolation::Bilinear).pixels
    };
    // A triangle over four pixels, the means of which are a quarter and three quarters away.
    assert_eq!(sized(&image(&[0, 100], 2), 1, 4), [0, 25, 75, 100]);
    assert_eq!(sized(&image(&[0, 100], 1), 4, 1), [0, 25, 75, 100]);
    // Half the size: the weights are 3 for the two pixels that are covered, 1 for the next.
    assert_eq!(sized(&image(&[70, 0, 0, 7], 4), 1, 2), [30, 3]);
    let nearest = resize::resize(image(&[1, 2, 3], 3), 1, 2, Interpolation::Nearest);
    assert_eq!(nearest.pixels, [1, 3]);
}
