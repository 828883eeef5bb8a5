//! A report: one page with everything there is to tell of a training. It needs no network, no
//! scripts and no other files.

mod html;

use super::Picture;
use super::curves;
use super::plot::number;
use crate::model::Model;
use crate::train::History;
use cornu_graph::{Error, Result};
use std::fmt::Display;
use std::path::Path;

/// A page with the figures, settings, curves and pictures of a training, light or dark as the
/// reader's system is; it can be printed, and read on a phone.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::viz::{self, Report};
/// # let folder = tempfile::tempdir()?;
/// # std::env::set_current_dir(&folder)?;
/// # let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1));
/// # model.compile("sgd", "mse").build()?;
/// # let x = Array::new([2, 1], vec![0.0f32, 1.0])?;
/// # let history = model.fit(&x, &x).epochs(3).verbose(0).run()?;
/// # let matrix = viz::confusion_matrix(&[0u8, 1], &[0u8, 1], &["cat", "dog"])?;
///
/// Report::new("cats and dogs")
///     .figure("accuracy", 0.974)
///     .setting("seed", 1)
///     .history(&history)
///     .picture("Confusion matrix", matrix)
///     .model(&model)
///     .write("report.html")?;
/// # Ok::<(), cornu::Error>(())
/// ```
///
/// Parts stand in the order in which they were added; figures and settings come first. What is
/// wrong with a part comes out at [`Report::write`].
#[derive(Debug)]
#[must_use = "a report is not written until write is called"]
pub struct Report {
    title: String,
    summary: Option<String>,
    figures: Vec<(String, String)>,
    settings: Vec<(String, String)>,
    sections: Vec<Section>,
    /// What is wrong with a part: the first of it.
    error: Option<Error>,
}

/// A part of the page.
#[derive(Debug)]
struct Section {
    title: String,
    text: Option<String>,
    pictures: Vec<Picture>,
    table: Option<Table>,
}

/// A table that can be folded away.
#[derive(Debug)]
struct Table {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A key figure: a number or a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Shown with the digits that are worth reading.
    Number(f64),
    /// Shown as it is.
    Text(String),
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Number(value)
    }
}

impl From<f32> for Value {
    fn from(value: f32) -> Value {
        Value::Number(f64::from(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Number(f64::from(value))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::Number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Number(value) => f.write_str(&number(*value)),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl Report {
    /// An empty page.
    pub fn new(title: impl Into<String>) -> Report {
        Report {
            title: title.into(),
            summary: None,
            figures: vec![],
            settings: vec![],
            sections: vec![],
            error: None,
        }
    }

    /// What it is about, in a sentence or two under the title.
    pub fn summary(mut self, text: impl Into<String>) -> Report {
        self.summary = Some(text.into());
        self
    }

    /// Adds a key figure, which is shown large.
    pub fn figure(mut self, name: impl Into<String>, value: impl Into<Value>) -> Report {
        self.figures.push((name.into(), value.into().to_string()));
        self
    }

    /// Adds a setting: the seed, the batch size, the optimizer.
    pub fn setting(mut self, name: impl Into<String>, value: impl Display) -> Report {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// Adds the curves of a training, and a table of its epochs.
    pub fn history(self, history: &History) -> Report {
        self.history_named("Training", history)
    }

    /// As [`Report::history`], with a title of its own, for pages with several trainings.
    pub fn history_named(mut self, title: impl Into<String>, history: &History) -> Report {
        let title = title.into();
        match curves::panel_pictures(history) {
            Ok(pictures) => {
                let table = Some(epochs(history));
                self.sections.push(Section { title, text: None, pictures, table });
            }
            Err(error) => self.fail(error, &title),
        }
        self
    }

    /// Adds a picture: one of this module, or the text of an SVG that was drawn elsewhere.
    pub fn picture(self, title: impl Into<String>, picture: impl Into<Picture>) -> Report {
        self.picture_with_text(title, picture, "")
    }

    /// As [`Report::picture`], with a text that says what is to be seen.
    pub fn picture_with_text(
        mut self,
        title: impl Into<String>,
        picture: impl Into<Picture>,
        text: impl Into<String>,
    ) -> Report {
        let (title, text) = (title.into(), Some(text.into()));
        let pictures = vec![picture.into()];
        self.sections.push(Section { title, text, pictures, table: None });
        self
    }

    /// Adds the picture of a model with its shapes and names, models inside it unfolded, and its
    /// summary.
    pub fn model(mut self, model: &Model) -> Report {
        let title = "Model".to_owned();
        let plot = model.plot().show_shapes(true).show_layer_names(true);
        let plot = plot.show_layer_activations(true).expand_nested(true);
        let drawn = plot.picture().and_then(|picture| Ok((picture, model.count_params()?)));
        match drawn {
            Ok((picture, count)) => {
                let text = Some(format!("{}: {} parameters.", model.name(), number(count as f64)));
                self.sections.push(Section { title, text, pictures: vec![picture], table: None });
            }
            Err(error) => self.fail(error, &title),
        }
        self
    }

    fn fail(&mut self, error: Error, part: &str) {
        self.error.get_or_insert(error.within(format!("report, part '{part}'")));
    }

    /// The text of the page.
    ///
    /// # Errors
    /// What was wrong with a part: a history without epochs, a model that is not built.
    pub fn to_html(&self) -> Result<String> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => html::page(self),
        }
    }

    /// Writes the page to a file, whole or not at all. Missing folders are made.
    ///
    /// # Errors
    /// As [`Report::to_html`], and if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        super::write(path, &self.to_html()?)
    }
}

/// A row for each epoch with all figures.
fn epochs(history: &History) -> Table {
    let names = history.iter().map(|(name, _)| name.to_owned());
    let header = ["epoch".to_owned()].into_iter().chain(names).chain(["seconds".to_owned()]);
    let row = |(row, epoch): (usize, &usize)| {
        let cell = |value: Option<f64>| value.map_or("–".to_owned(), number);
        let values = history.iter().map(|(name, _)| cell(history.value_in(name, row)));
        let seconds = history.epoch_seconds.get(row).map_or(String::new(), |s| format!("{s:.2}"));
        [(epoch + 1).to_string()].into_iter().chain(values).chain([seconds]).collect()
    };
    let title = match history.epochs.len() {
        1 => "The epoch in numbers".to_owned(),
        count => format!("The {count} epochs in numbers"),
    };
    Table {
        title,
        header: header.collect(),
        rows: history.epochs.iter().enumerate().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz;
    use crate::viz::curves::tests::history;

    fn report() -> Report {
        let row = [("loss", 0.5), ("val_loss", 0.25), ("accuracy", 0.9)];
        let history = history(&[&row, &row]);
        let matrix = || viz::confusion_matrix(&[0u8, 1], &[0u8, 1], &["<b>", "]]>"]).unwrap();
        Report::new("</title><script>alert(1)</script>")
            .summary("a & b")
            .figure("accuracy <", 0.97399998)
            .figure("best", "<i>")
            .setting("seed", 1)
            .setting("<u>", "\"x\"")
            .history(&history)
            .history_named("Again", &history)
            .picture("Matrix", matrix())
            .picture_with_text("Matrix again", matrix(), "What is <seen>")
            .picture("Foreign", "<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>")
    }

    #[test]
    fn the_page_is_whole_and_what_users_wrote_stays_text() {
        let html = report().to_html().unwrap();
        // Void elements and the doctype apart, the page is XML: every tag is closed.
        let xml = html.replace("<!DOCTYPE html>\n", "");
        let page = roxmltree::Document::parse(&xml).unwrap_or_else(|e| panic!("{e}\n{html}"));
        let names: Vec<&str> =
            page.descendants().filter(|n| n.is_element()).map(|n| n.tag_name().name()).collect();
        let count = |name: &str| names.iter().filter(|n| **n == name).count();
        assert_eq!((count("script"), count("b"), count("i"), count("u")), (0, 0, 0, 0));
        // Two panels for each history, two matrices.
        assert_eq!((count("svg"), count("img"), count("details")), (6, 1, 2));
        assert_eq!((count("h1"), count("h2"), count("style")), (1, 6, 1));
        for part in ["alert(1)", "0.9740", "What is &lt;seen&gt;", "a &amp; b", "&quot;x&quot;"] {
            assert!(html.contains(part), "{part}");
        }
    }

    #[test]
    fn nothing_is_loaded_and_nothing_collides() {
        let html = report().to_html().unwrap();
        let xml = html.replace("<!DOCTYPE html>\n", "");
        let page = roxmltree::Document::parse(&xml).unwrap();
        for node in page.descendants() {
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                assert!(name != "id" && !name.starts_with("on"), "{attribute:?}");
                if name == "src" || name == "href" {
                    assert!(value.starts_with("data:"), "{attribute:?}");
                }
            }
            let image = matches!(node.tag_name().name(), "svg" | "img");
            let told = node.attribute("aria-label").or(node.attribute("alt"));
            assert!(!image || told.is_some_and(|text| !text.is_empty()), "{node:?}");
        }
        assert!(!html.contains("http://") || html.matches("http://").count() == 0, "{html}");
    }

    #[test]
    fn what_is_wrong_with_a_part_comes_out() {
        let error = Report::new("a").history(&History::default()).to_html().unwrap_err();
        assert!(error.to_string().contains("no epoch"), "{error}");
        assert!(error.to_string().contains("Training"), "{error}");
        let unbuilt = crate::model::Sequential::new();
        let error = Report::new("a").model(&unbuilt).write("never.html").unwrap_err();
        assert!(error.to_string().contains("Model"), "{error}");
    }

    #[test]
    fn an_empty_report_is_a_page_too() {
        let html = Report::new("nothing").to_html().unwrap();
        assert!(html.contains("<h1>nothing</h1>") && !html.contains("<h2>"));
    }
}
