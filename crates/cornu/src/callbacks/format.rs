//! File names with figures in them, in Python's notation: `{epoch:02d}-{val_loss:.2f}`.

use crate::names;
use crate::train::Logs;
use cornu_graph::{Error, ErrorKind, Result};

/// A file name whose parts in braces are filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Field { name: String, spec: Spec },
}

/// How a number is written: Python's `[[fill]align][sign][0][width][.precision][type]`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// Longer numbers than this are no file names.
const WIDEST: usize = 200;

impl Template {
    /// Reads a template. `{{` and `}}` are braces.
    ///
    /// # Errors
    /// If the braces do not match, or a number is to be written in a way that is not known.
    pub fn parse(text: &str) -> Result<Template> {
        let wrong = |what: String| Error::value(format!("the file name '{text}': {what}"));
        let (mut parts, mut plain) = (vec![], String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let field = rest.split_once('}').filter(|(field, _)| !field.contains('{'));
            let Some((field, after)) = field.filter(|_| brace == "{") else {
                return Err(wrong(format!("a '{brace}' has no partner"))
                    .help("a brace that is part of the name is written twice: {{ or }}"));
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            let (name, spec) = field.split_once(':').unwrap_or((field, ""));
            let spec = Spec::parse(spec)
                .ok_or_else(|| wrong(format!("'{spec}' is no way to write a number")))
                .map_err(|e| e.help("as in {epoch:02d}, {val_loss:.2f}, {accuracy:.1%}"))?;
            parts.push(Part::Field { name: name.to_owned(), spec });
            rest = after;
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Template { parts })
    }

    /// The text before the first field.
    pub fn start(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Fills in counts (from 1) and figures.
    ///
    /// # Errors
    /// If there is no figure of a name.
    pub fn fill(&self, counts: &[(&str, usize)], logs: &Logs) -> Result<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Field { name, spec } => {
                    let count = counts.iter().find(|(known, _)| known == name);
                    let written = match (count, logs.get(name)) {
                        (Some((_, count)), _) => spec.count(*count),
                        (None, Some(value)) => spec.number(value),
                        (None, None) => return Err(unknown(name, counts, logs)),
                    };
                    text.push_str(&written.ok_or_else(|| not_whole(name))?);
                }
            }
        }
        Ok(text)
    }
}

fn unknown(name: &str, counts: &[(&str, usize)], logs: &Logs) -> Error {
    let known = counts.iter().map(|(name, _)| *name).chain(logs.iter().map(|(name, _)| name));
    names::unknown("figure for the file name", name, known)
}

fn not_whole(name: &str) -> Error {
    Error::new(ErrorKind::Value, format!("'{name}' is no whole number, as 'd' asks for"))
        .help("write it as in {val_loss:.2f}")
}

impl Spec {
    fn parse(text: &str) -> Option<Spec> {
        let mut spec = Spec::default();
        let chars: Vec<char> = text.chars().collect();
        let mut rest = chars.as_slice();
        let is_align = |c: &char| "<>=^".contains(*c);
        if rest.get(1).is_some_and(is_align) {
            (spec.fill, spec.align) = (Some(rest[0]), Some(rest[1]));
            rest = &rest[2..];
        } else if rest.first().is_some_and(is_align) {
            spec.align = Some(rest[0]);
            rest = &rest[1..];
        }
        if let Some(sign) = rest.first().filter(|c| "+- ".contains(**c)) {
            spec.sign = Some(*sign);
            rest = &rest[1..];
        }
        if rest.first() == Some(&'0') {
            spec.fill = spec.fill.or(Some('0'));
            spec.align = spec.align.or(Some('='));
            rest = &rest[1..];
        }
        (spec.width, rest) = digits(rest)?;
        if rest.first() == Some(&'.') {
            let (precision, after) = digits(&rest[1..])?;
            if after.len() + 1 == rest.len() {
                return None;
            }
            (spec.precision, rest) = (Some(precision), after);
        }
        match rest {
            [] => {}
            [kind] if "deEfFgG%".contains(*kind) => spec.kind = Some(*kind),
            _ => return None,
        }
        Some(spec).filter(|spec| spec.width <= WIDEST && spec.precision <= Some(WIDEST))
    }

    /// A count: with `d` or nothing as a whole number.
    fn count(&self, count: usize) -> Option<String> {
        match (self.kind, self.precision) {
            (None | Some('d'), None) => Some(self.pad(false, &count.to_string())),
            (None | Some('d'), Some(_)) => None,
            _ => self.number(count as f64),
        }
    }

    /// A figure; `None` with `d`.
    fn number(&self, value: f64) -> Option<String> {
        let size = value.abs();
        let text = match (self.kind, self.precision) {
            (Some('d'), _) => return None,
            (Some('%'), _) if !value.is_finite() => format!("{}%", repr(size)),
            _ if !value.is_finite() => repr(size),
            (Some('f' | 'F'), p) => format!("{size:.*}", p.unwrap_or(6)),
            (Some('%'), p) => format!("{:.*}%", p.unwrap_or(6), size * 100.0),
            (Some('e' | 'E'), p) => exponential(size, p.unwrap_or(6)),
            (Some('g' | 'G'), p) => general(size, p.unwrap_or(6).max(1), false),
            (_, Some(p)) => general(size, p.max(1), true),
            (_, None) => repr(size),
        };
        let upper = matches!(self.kind, Some('E' | 'F' | 'G'));
        let negative = value.is_sign_negative() && !value.is_nan();
        Some(self.pad(negative, &if upper { text.to_uppercase() } else { text }))
    }

    fn pad(&self, negative: bool, size: &str) -> String {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            (false, _) => "",
        };
        let lacking = self.width.saturating_sub(sign.len() + size.chars().count());
        let fill = |count: usize| self.fill.unwrap_or(' ').to_string().repeat(count);
        match self.align {
            Some('<') => format!("{sign}{size}{}", fill(lacking)),
            Some('=') => format!("{sign}{}{size}", fill(lacking)),
            Some('^') => format!("{}{sign}{size}{}", fill(lacking / 2), fill(lacking.div_ceil(2))),
            _ => format!("{}{sign}{size}", fill(lacking)),
        }
    }
}

/// The number at the start (0 if there is none), and what follows.
fn digits(text: &[char]) -> Option<(usize, &[char])> {
    let count = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let number: String = text[..count].iter().collect();
    let number = if count == 0 { 0 } else { number.parse().ok()? };
    Some((number, &text[count..]))
}

/// `1.50e-05`: an exponent of two digits at least.
fn exponential(size: f64, precision: usize) -> String {
    let (mantissa, exponent) = split(&format!("{size:.precision$e}"));
    with_exponent(&mantissa, exponent)
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Mantissa and exponent of a text as Rust writes it.
fn split(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or_default())
}

/// So many significant digits, zeros at the end left out; `keep_point` is Python's way of writing
/// a number with a precision and no type.
fn general(size: f64, precision: usize, keep_point: bool) -> String {
    let (mantissa, exponent) = split(&format!("{size:.*e}", precision - 1));
    let bound = precision as i32 - i32::from(keep_point);
    if exponent < -4 || exponent >= bound {
        return with_exponent(without_zeros(&mantissa), exponent);
    }
    let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
    let fixed = format!("{size:.decimals$}");
    let text = without_zeros(&fixed);
    if keep_point && !text.contains('.') { format!("{text}.0") } else { text.to_owned() }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A number as Python prints it: the shortest that reads back the same, always with a point or an
/// exponent.
pub(super) fn repr(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else { format!("{value}") };
    }
    let (mantissa, exponent) = split(&format!("{value:e}"));
    if (-4..16).contains(&exponent) || value == 0.0 {
        return format!("{value:?}");
    }
    with_exponent(&mantissa, exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        let mut logs = Logs::default();
        logs.set("loss", 0.061_25);
        logs.set("val_loss", -1234.5);
        logs.set("nan", f64::NAN);
        Template::parse(template).unwrap().fill(&[("epoch", 7)], &logs).unwrap()
    }

    // What Python's str.format gives is compared in tests/keras_callbacks.rs.
    #[test]
    fn names_are_filled_in() {
        assert_eq!(filled("w/{epoch:02d}-{loss:.2f}.x"), "w/07-0.06.x");
        assert_eq!(filled("{{{epoch}}}"), "{7}");
        assert_eq!(filled("{val_loss:+.1e}{nan}"), "-1.2e+03nan");
        assert_eq!(Template::parse("a/b-{epoch}").unwrap().start(), "a/b-");
    }

    #[test]
    fn mistakes_are_told() {
        let wrong = |text: &str| Template::parse(text).unwrap_err().to_string();
        assert!(wrong("a{epoch").contains("'{' has no partner"));
        assert!(wrong("a}b").contains("'}' has no partner"));
        assert!(wrong("a{b{c}").contains("no partner"));
        assert!(wrong("{epoch:q}").contains("'q' is no way to write a number"));
        assert!(wrong("{epoch:.f}").contains("'.f' is no way"));
        assert!(wrong("{epoch:99999999999999999999d}").contains("no way"));
        let mut logs = Logs::default();
        logs.set("val_loss", 1.0);
        let fill = |text: &str| Template::parse(text).unwrap().fill(&[("epoch", 1)], &logs);
        let error = fill("{val_los:.2f}").unwrap_err().to_string();
        assert!(error.contains("'val_los'") && error.contains("did you mean 'val_loss'"));
        let error = fill("{val_loss:02d}").unwrap_err().to_string();
        assert!(error.contains("no whole number"), "{error}");
    }
}
