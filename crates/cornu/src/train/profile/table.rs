//! A profile as a table.

use super::figures::{OpProfile, Profile};
use super::files::phase;
use crate::model::terminal_columns;
use crate::train::Purpose;
use cornu_graph::Phase;
use std::collections::BTreeMap;
use std::fmt;

/// In which order the table lists the ops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As they run.
    #[default]
    Order,
    /// The slowest first.
    Time,
}

/// The table of a [`Profile`]: print it.
///
/// It is as wide as the environment variable `COLUMNS` says, or 80 characters; long names are cut.
#[must_use = "a table is to be printed"]
pub struct ProfileTable<'a> {
    profile: &'a Profile,
    sort: Sort,
    columns: Option<usize>,
}

impl Profile {
    /// The profile as a table: a line for each op, sums by layer and by phase, and where a step loses
    /// most time against what the machine can do.
    pub fn table(&self) -> ProfileTable<'_> {
        ProfileTable { profile: self, sort: Sort::default(), columns: None }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)
    }
}

/// The narrowest table, in characters.
const NARROWEST: usize = 72;
/// From which width on the phase has a column.
const WIDE: usize = 96;
/// The characters of the figures of a line.
const FIGURES: usize = 42;
/// How many losses are named.
const LOSSES: usize = 3;

impl ProfileTable<'_> {
    /// In which order the ops are listed.
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = sort;
        self
    }

    /// The width of the terminal, at least 72.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = Some(columns);
        self
    }
}

impl fmt::Display for ProfileTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.unwrap_or_else(terminal_columns).max(NARROWEST);
        let profile = self.profile;
        head(f, profile)?;
        let layout = Layout::new(columns, profile);
        layout.ops(f, profile, self.sort)?;
        layout.sums(f, profile, "By layer", |op| op.layer.as_str())?;
        if profile.purpose == Purpose::Train {
            layout.sums(f, profile, "By phase", |op| phase(op.phase))?;
        }
        totals(f, profile)?;
        losses(f, profile)
    }
}

fn head(f: &mut fmt::Formatter<'_>, profile: &Profile) -> fmt::Result {
    let step = match profile.purpose {
        Purpose::Train => "Training step",
        Purpose::Evaluate => "Step of an evaluation",
        Purpose::Predict => "Step of a prediction",
    };
    let machine = &profile.machine;
    let threads = if machine.threads == 1 { "thread" } else { "threads" };
    writeln!(
        f,
        "{step}, batch {}, {} {threads}: medians of {} steps",
        profile.batch_size,
        machine.threads,
        profile.steps()
    )?;
    write!(f, "Machine: {:.0} GFLOP/s", machine.flops_per_second * 1e-9)?;
    for bytes in [1 << 15, 1 << 20, 1 << 23, 1 << 26] {
        write!(f, ", {:.0} GB/s at {}", machine.bytes_per_second(bytes) * 1e-9, memory(bytes))?;
    }
    writeln!(f, "\n")
}

/// The widths of the columns before the figures.
struct Layout {
    layer: usize,
    phase: bool,
    op: usize,
}

impl Layout {
    fn new(columns: usize, profile: &Profile) -> Layout {
        let longest = profile.ops.iter().map(|op| op.layer.chars().count()).max().unwrap_or(0);
        let phase = profile.purpose == Purpose::Train && columns >= WIDE;
        let layer = longest.clamp(8, if columns >= WIDE { 24 } else { 12 });
        let rest = columns - FIGURES - layer - 1 - if phase { 9 } else { 0 };
        let longest = profile.ops.iter().map(|op| op.op.chars().count()).max().unwrap_or(0);
        Layout { layer, phase, op: rest.min(longest.max(8)) }
    }

    fn ops(&self, f: &mut fmt::Formatter<'_>, profile: &Profile, sort: Sort) -> fmt::Result {
        self.title(f, "layer", "phase", "op")?;
        let mut ops: Vec<&OpProfile> = profile.ops.iter().collect();
        if sort == Sort::Time {
            ops.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        }
        for op in ops {
            self.line(f, &op.layer, phase(op.phase), &op.op)?;
            writeln!(f, "{}", Sum::of(op).figures(profile))?;
        }
        Ok(())
    }

    /// The sums of groups of ops, the largest first.
    fn sums(
        &self,
        f: &mut fmt::Formatter<'_>,
        profile: &Profile,
        title: &str,
        group: impl Fn(&OpProfile) -> &str,
    ) -> fmt::Result {
        let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
        profile.ops.iter().for_each(|op| sums.entry(group(op)).or_default().add(op));
        let mut sums: Vec<(&str, Sum)> = sums.into_iter().collect();
        sums.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
        writeln!(f)?;
        self.title(f, title, "", "")?;
        for (name, sum) in sums {
            let ops = if sum.ops == 1 { "1 op".into() } else { format!("{} ops", sum.ops) };
            self.line(f, name, "", &ops)?;
            writeln!(f, "{}", sum.figures(profile))?;
        }
        Ok(())
    }

    fn title(&self, f: &mut fmt::Formatter<'_>, layer: &str, phase: &str, op: &str) -> fmt::Result {
        self.line(f, layer, phase, op)?;
        let [time, step, flops, bytes, floor] = ["µs", "step", "GFLOP/s", "GB/s", "floor"];
        writeln!(f, "{time:>10}{step:>8}{flops:>9}{bytes:>8}{floor:>7}")
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, layer: &str, phase: &str, op: &str) -> fmt::Result {
        let (layer_width, op_width) = (self.layer, self.op);
        write!(f, "{:<layer_width$} ", cut(layer, layer_width))?;
        if self.phase {
            write!(f, "{phase:<8} ")?;
        }
        write!(f, "{:<op_width$}", cut(op, op_width))
    }
}

/// Some ops together.
#[derive(Clone, Copy, Default)]
struct Sum {
    ops: usize,
    seconds: f64,
    floor: f64,
    flops: u64,
    bytes: u64,
}

impl Sum {
    fn of(op: &OpProfile) -> Sum {
        let mut sum = Sum::default();
        sum.add(op);
        sum
    }

    fn add(&mut self, op: &OpProfile) {
        self.ops += 1;
        self.seconds += op.seconds;
        self.floor += op.floor_seconds;
        self.flops += op.cost.flops;
        self.bytes += op.cost.bytes();
    }

    fn figures(&self, profile: &Profile) -> String {
        let each_second = |count: u64| count as f64 / self.seconds.max(1e-9) * 1e-9;
        format!(
            "{:>10.1}{:>7.1}%{:>9.1}{:>8.1}{:>6.0}%",
            self.seconds * 1e6,
            percent(self.seconds, profile.step_seconds),
            each_second(self.flops),
            each_second(self.bytes),
            percent(self.floor, self.seconds)
        )
    }
}

fn totals(f: &mut fmt::Formatter<'_>, profile: &Profile) -> fmt::Result {
    let micros = |seconds: f64| format!("{:.1} µs", seconds * 1e6);
    let (step, floor) = (profile.step_seconds, profile.floor_seconds());
    let line = |f: &mut fmt::Formatter<'_>, what: &str, figure: String, about: &str| {
        writeln!(f, "{}", format!("{what:<16} {figure:>12}  {about}").trim_end())
    };
    writeln!(f)?;
    line(f, "step", micros(step), "with no clock beside its ops")?;
    line(f, "its ops", micros(profile.ops_seconds()), "")?;
    line(f, "between them", micros(profile.between_seconds()), "looking at the clock counted")?;
    if let Some(waiting) = profile.waiting_seconds {
        line(f, "generator", micros(waiting), "before each step: waiting for its batch")?;
    }
    let times = format!("the step takes {:.2} times as long", step / floor);
    line(f, "floor", micros(floor), &times)?;
    let gflop = profile.cost().flops as f64 * 1e-9;
    let speed = format!("in a step: {:.1} GFLOP/s", gflop / step);
    line(f, "arithmetic", format!("{gflop:.3} GFLOP"), &speed)?;
    line(f, "arena", memory(profile.arena_bytes), "for values between the ops")?;
    line(f, "variables", memory(profile.variable_bytes), "weights, slots, figures")
}

/// The ops that lose most time against the machine.
fn losses(f: &mut fmt::Formatter<'_>, profile: &Profile) -> fmt::Result {
    let place = |op: &OpProfile| match (op.layer.as_str(), op.phase) {
        ("", part) => phase(part).to_owned(),
        (layer, Phase::Forward) => layer.to_owned(),
        (layer, part) => format!("{layer}, {}", phase(part)),
    };
    let mut losses: Vec<(f64, String)> = profile
        .ops
        .iter()
        .map(|op| (op.seconds - op.floor_seconds, format!("{} ({})", op.op, place(op))))
        .collect();
    losses.push((profile.between_seconds(), "time between the ops".into()));
    losses.extend(profile.waiting_seconds.map(|s| (s, "waiting for the generator".into())));
    losses.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    writeln!(f, "\nWhat to look at: the largest losses against the floor")?;
    for (seconds, what) in losses.into_iter().take(LOSSES) {
        let share = percent(seconds, profile.step_seconds);
        writeln!(f, "{:>10.1} µs {share:>5.1}%  {what}", seconds * 1e6)?;
    }
    Ok(())
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { 100.0 * part / whole } else { 0.0 }
}

/// `1.5 MB`, by powers of 1024.
fn memory(bytes: usize) -> String {
    let kilo = bytes as f64 / 1024.0;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{kilo:.0} KB"),
        _ => format!("{:.1} MB", kilo / 1024.0),
    }
}

/// The text, cut at its end if it is longer.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
