//! What is drawn at random for an image.

use super::generator::ImageDataGenerator;
use super::ranges::ShiftRange;
use super::transform::TransformParameters;
use cornu_graph::philox::philox;

/// The random numbers of one image in one epoch. Each parameter has its own, so that an option
/// that is switched on leaves what the others draw as it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    key: [u32; 2],
    image: u32,
    epoch: u32,
}

/// Which number each parameter gets.
#[derive(Clone, Copy)]
enum Slot {
    Theta,
    Shear,
    Tx,
    TxSign,
    Ty,
    TySign,
    Zx,
    Zy,
    FlipHorizontal,
    FlipVertical,
    ChannelShift,
    Brightness,
}

impl Draws {
    pub fn new(seed: u64, epoch: u32, image: usize) -> Draws {
        Draws { key: [seed as u32, (seed >> 32) as u32], image: image as u32, epoch }
    }

    /// A number in [0, 1) with 53 random bits.
    fn unit(self, slot: Slot) -> f64 {
        let (block, half) = (slot as u32 / 2, slot as usize % 2 * 2);
        let words = philox([block, 0, self.image, self.epoch], self.key);
        let bits = u64::from(words[half]) | u64::from(words[half + 1]) << 32;
        (bits >> 11) as f64 / 9_007_199_254_740_992.0
    }

    fn between(self, slot: Slot, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit(slot)
    }

    /// Either way of 0. Nothing is drawn for 0.
    fn around(self, slot: Slot, most: f64) -> f64 {
        if most == 0.0 { 0.0 } else { self.between(slot, -most, most) }
    }

    fn heads(self, slot: Slot) -> bool {
        self.unit(slot) < 0.5
    }

    /// One of the first whole numbers.
    fn below(self, slot: Slot, count: usize) -> usize {
        ((self.unit(slot) * count as f64) as usize).min(count - 1)
    }

    /// A shift in pixels of an axis of this size.
    fn shift(self, range: &ShiftRange, slots: [Slot; 2], size: usize) -> f64 {
        if range.is_none() {
            return 0.0;
        }
        let sign = if self.heads(slots[1]) { -1.0 } else { 1.0 };
        let drawn = match range {
            ShiftRange::Real(most) => self.around(slots[0], *most),
            ShiftRange::Whole(count) => sign * self.below(slots[0], *count as usize) as f64,
            ShiftRange::OneOf(values) => sign * values[self.below(slots[0], values.len())],
        };
        if range.is_fraction() { drawn * size as f64 } else { drawn }
    }
}

/// Draws the parameters of one image. Keras draws `tx` from the range of the height and `ty` from
/// that of the width.
pub(super) fn draw(
    generator: &ImageDataGenerator,
    [rows, cols]: [usize; 2],
    draws: Draws,
) -> TransformParameters {
    let g = generator;
    let zoom = |slot| match g.zoom_range.is_none() {
        true => 1.0,
        false => draws.between(slot, g.zoom_range.low, g.zoom_range.high),
    };
    let intensity = draws.around(Slot::ChannelShift, g.channel_shift_range);
    TransformParameters {
        theta: draws.around(Slot::Theta, g.rotation_range),
        tx: draws.shift(&g.height_shift_range, [Slot::Tx, Slot::TxSign], rows),
        ty: draws.shift(&g.width_shift_range, [Slot::Ty, Slot::TySign], cols),
        shear: draws.around(Slot::Shear, g.shear_range),
        zx: zoom(Slot::Zx),
        zy: zoom(Slot::Zy),
        flip_horizontal: g.horizontal_flip && draws.heads(Slot::FlipHorizontal),
        flip_vertical: g.vertical_flip && draws.heads(Slot::FlipVertical),
        channel_shift_intensity: (g.channel_shift_range != 0.0).then_some(intensity),
        brightness: g
            .brightness_range
            .map(|[low, high]| draws.between(Slot::Brightness, low, high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(generator: &ImageDataGenerator) -> Vec<TransformParameters> {
        (0..4000).map(|image| draw(generator, [20, 50], Draws::new(9, 0, image))).collect()
    }

    /// The numbers fill their range evenly, up to its ends.
    fn assert_even(values: impl Iterator<Item = f64>, low: f64, high: f64) {
        let mut counts = [0; 8];
        for value in values {
            assert!((low..=high).contains(&value), "{value} is not within {low} and {high}");
            counts[(((value - low) / (high - low) * 8.0) as usize).min(7)] += 1;
        }
        assert!(counts.iter().all(|count| (400..600).contains(count)), "{counts:?}");
    }

    #[test]
    fn nothing_is_drawn_for_what_is_off() {
        let drawn = many(&ImageDataGenerator::new());
        assert!(drawn.iter().all(|params| *params == TransformParameters::default()));
    }

    #[test]
    fn each_option_draws_its_parameter_alone() {
        let new = ImageDataGenerator::new;
        let only = |generator: ImageDataGenerator, reset: fn(&mut TransformParameters)| {
            let drawn = many(&generator);
            for params in &drawn {
                let mut rest = *params;
                reset(&mut rest);
                assert_eq!(rest, TransformParameters::default());
            }
            drawn
        };
        let drawn = only(new().rotation_range(30), |p| p.theta = 0.0);
        assert_even(drawn.iter().map(|p| p.theta), -30.0, 30.0);
        let drawn = only(new().shear_range(4.5), |p| p.shear = 0.0);
        assert_even(drawn.iter().map(|p| p.shear), -4.5, 4.5);
        let drawn = only(new().zoom_range([0.5, 0.9]), |p| (p.zx, p.zy) = (1.0, 1.0));
        assert_even(drawn.iter().map(|p| p.zx), 0.5, 0.9);
        assert_even(drawn.iter().map(|p| p.zy), 0.5, 0.9);
        assert!(drawn.iter().filter(|p| (p.zx - p.zy).abs() < 0.01).count() < 400);
        let drawn = only(new().channel_shift_range(7), |p| p.channel_shift_intensity = None);
        assert_even(drawn.iter().map(|p| p.channel_shift_intensity.unwrap()), -7.0, 7.0);
        let drawn = only(new().brightness_range([0.2, 1.2]), |p| p.brightness = None);
        assert_even(drawn.iter().map(|p| p.brightness.unwrap()), 0.2, 1.2);
        let drawn = only(new().horizontal_flip(true), |p| p.flip_horizontal = false);
        assert!((1850..2150).contains(&drawn.iter().filter(|p| p.flip_horizontal).count()));
        let drawn = only(new().vertical_flip(true), |p| p.flip_vertical = false);
        assert!((1850..2150).contains(&drawn.iter().filter(|p| p.flip_vertical).count()));
    }

    /// Of an image with 20 rows and 50 columns.
    #[test]
    fn shifts_are_parts_of_the_size_or_pixels() {
        let width = |range: ShiftRange| {
            let drawn = many(&ImageDataGenerator::new().width_shift_range(range));
            assert!(drawn.iter().all(|p| p.tx == 0.0));
            drawn.iter().map(|p| p.ty).collect::<Vec<f64>>()
        };
        assert_even(width(0.1.into()).into_iter(), -5.0, 5.0);
        assert_even(width(2.5.into()).into_iter(), -2.5, 2.5);
        let distinct = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.dedup();
            values
        };
        assert_eq!(distinct(width(3.into())), [-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(distinct(width([0.1, 0.5].into())), [-25.0, -5.0, 5.0, 25.0]);
        assert_eq!(distinct(width([0.5, 4.0].into())), [-4.0, -0.5, 0.5, 4.0]);
        assert_eq!(distinct(width(0.into())), [0.0]);
        let height = many(&ImageDataGenerator::new().height_shift_range(0.1));
        assert_even(height.iter().map(|p| p.tx), -2.0, 2.0);
    }

    #[test]
    fn an_option_leaves_what_others_draw() {
        let some = ImageDataGenerator::new().rotation_range(5).zoom_range(0.1);
        let more = some.clone().horizontal_flip(true).width_shift_range(3).shear_range(2);
        for (a, b) in many(&some).into_iter().zip(many(&more)) {
            assert_eq!((a.theta, a.zx, a.zy), (b.theta, b.zx, b.zy));
        }
        let other = |seed, epoch, image| draw(&some, [9, 9], Draws::new(seed, epoch, image));
        assert_eq!(other(1, 0, 0), other(1, 0, 0));
        assert_ne!(other(1, 0, 0), other(2, 0, 0));
        assert_ne!(other(1, 0, 0), other(1, 1, 0));
        assert_ne!(other(1, 0, 0), other(1, 0, 1));
    }
}
