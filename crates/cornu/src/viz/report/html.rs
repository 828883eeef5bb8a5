//! The text of a report's page.

use super::{Report, Section, Table};
use crate::viz::Picture;
use crate::viz::paint::svg::{self, Letters, escaped};
use crate::viz::paint::{Theme, Weight, canvas::clean, ink};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cornu_graph::Result;
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");

pub fn page(report: &Report) -> Result<String> {
    let mut body = String::new();
    let _ = writeln!(body, "<header>\n<h1>{}</h1>", text(&report.title));
    if let Some(summary) = &report.summary {
        let _ = writeln!(body, "<p class=\"summary\">{}</p>", text(summary));
    }
    body += "</header>\n";
    write_figures(&mut body, &report.figures);
    write_settings(&mut body, &report.settings);
    for section in &report.sections {
        write_section(&mut body, section)?;
    }
    // The page is written in the pictures' font.
    let letters: Letters = [Weight::Regular, Weight::SemiBold]
        .map(|weight| (weight, body.chars().filter(|c| !c.is_control()).collect()))
        .into();
    let (family, faces) = svg::font_faces(&letters);
    let fonts = format!("{faces}:root {{ font-family: {family}, {}; }}\n", svg::FALLBACK);
    let inks = ink::css(&ink::all(), Theme::Auto);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{}</title>\n<style>\n{fonts}{STYLE}{inks}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        text(&report.title)
    ))
}

fn text(text: &str) -> String {
    escaped(&clean(text))
}

fn write_figures(body: &mut String, figures: &[(String, String)]) {
    if figures.is_empty() {
        return;
    }
    *body += "<dl class=\"figures\">\n";
    for (name, value) in figures {
        let (name, value) = (text(name), text(value));
        let _ = writeln!(body, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    *body += "</dl>\n";
}

fn write_settings(body: &mut String, settings: &[(String, String)]) {
    if settings.is_empty() {
        return;
    }
    *body += "<section>\n<h2>Settings</h2>\n<table class=\"settings\">\n<tbody>\n";
    for (name, value) in settings {
        let (name, value) = (text(name), text(value));
        let _ = writeln!(body, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
    }
    *body += "</tbody>\n</table>\n</section>\n";
}

fn write_section(body: &mut String, section: &Section) -> Result<()> {
    let _ = writeln!(body, "<section>\n<h2>{}</h2>", text(&section.title));
    if let Some(words) = section.text.as_deref().filter(|words| !words.is_empty()) {
        let _ = writeln!(body, "<p>{}</p>", text(words));
    }
    let class = if section.pictures.len() > 1 { "pictures several" } else { "pictures" };
    let _ = writeln!(body, "<div class=\"{class}\">");
    for picture in &section.pictures {
        write_picture(body, picture, &section.title)?;
    }
    *body += "</div>\n";
    if let Some(table) = &section.table {
        write_table(body, table);
    }
    *body += "</section>\n";
    Ok(())
}

fn write_picture(body: &mut String, picture: &Picture, title: &str) -> Result<()> {
    // A wide picture is not made so small that nobody can read it, but can be moved.
    *body += "<figure tabindex=\"0\">";
    match picture.canvas() {
        Some(canvas) => *body += &svg::fragment(canvas)?,
        None => {
            // As an image of its own, what is in it can neither disturb the page nor run.
            let data = BASE64_STANDARD.encode(picture.to_svg()?);
            let alt = text(title);
            let _ = write!(body, "<img alt=\"{alt}\" src=\"data:image/svg+xml;base64,{data}\"/>");
        }
    }
    *body += "</figure>\n";
    Ok(())
}

fn write_table(body: &mut String, table: &Table) {
    let _ = writeln!(body, "<details>\n<summary>{}</summary>", text(&table.title));
    *body += "<div class=\"scroll\">\n<table class=\"numbers\">\n<thead>\n<tr>";
    for name in &table.header {
        let _ = write!(body, "<th scope=\"col\">{}</th>", text(name));
    }
    *body += "</tr>\n</thead>\n<tbody>\n";
    for row in &table.rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", text(cell))).collect();
        let _ = writeln!(body, "<tr>{cells}</tr>");
    }
    *body += "</tbody>\n</table>\n</div>\n</details>\n";
}
