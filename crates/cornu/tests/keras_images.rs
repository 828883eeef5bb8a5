//! Image files against Keras's `load_img`: colours, sizes, interpolation.

mod support;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cornu::data::{ColorMode, ImageReader, Interpolation};
use serde_json::Value;
use support::*;

#[test]
fn images_are_those_of_keras() {
    let describe = |case: &Value| {
        let name = text(&case["name"]).to_owned();
        let (mode, size, how) = (&case["color_mode"], &case["target_size"], &case["interpolation"]);
        (name.clone(), format!("{name} {mode} {size} {how}"))
    };
    check_all("images", &[], describe, check);
}

fn check(case: &Value) -> Check {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("image");
    std::fs::write(&path, BASE64_STANDARD.decode(text(&case["file"]))?)?;
    let mut reader = ImageReader::new().color_mode(match text(&case["color_mode"]) {
        "grayscale" => ColorMode::Grayscale,
        _ => ColorMode::Rgb,
    });
    if !case["target_size"].is_null() {
        let size = sizes(&case["target_size"]);
        reader = reader.target_size(size[0], size[1]).interpolation(
            match text(&case["interpolation"]) {
                "bilinear" => Interpolation::Bilinear,
                _ => Interpolation::Nearest,
            },
        );
    }
    let (image, expected) = (reader.load(&path)?, array(&case["value"]));
    if image.shape() != expected.shape() {
        return Err(format!("{image:?} is not {expected:?}").into());
    }
    let most = case["tolerance"].as_u64().expect("a tolerance") as u8;
    let pixels = image.as_slice::<u8>()?.iter().zip(expected.as_slice::<u8>()?);
    let worst = pixels.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    match worst <= most {
        true => Ok(()),
        false => Err(format!("a pixel is {worst} from Keras's, more than {most}").into()),
    }
}
