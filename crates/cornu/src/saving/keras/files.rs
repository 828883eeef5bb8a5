//! A model's contents as the members of a `.keras` archive, and back.

use super::contents::{Contents, config_with_compile, optimizer_group, version};
use super::extras::{Extras, FOLDER, State};
use super::json::parse;
use super::legacy::KERAS_VERSION;
use super::weights::numbered;
use crate::saving::archive::{self, Archive, Members};
use crate::saving::h5::Group;
use cornu_graph::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The members of the archive of a model.
///
/// There is no date in them: the same model is the same bytes.
pub(crate) fn to_members(contents: &Contents) -> Result<Members> {
    let metadata = json!({
        "keras_version": KERAS_VERSION,
        "cornu_version": env!("CARGO_PKG_VERSION"),
    });
    let mut weights = contents.weights.clone();
    if !contents.optimizer.is_empty() {
        let kind = contents.compile.as_ref().and_then(|c| c.pointer("/optimizer/class_name"));
        let kind = kind.and_then(Value::as_str).unwrap_or("optimizer");
        weights.groups.insert("optimizer".into(), optimizer_group(kind, &contents.optimizer));
    }
    let mut members = Members::new();
    members.insert(archive::METADATA.into(), metadata.to_string().into_bytes());
    if !contents.config.is_null() {
        let config = config_with_compile(contents).to_string();
        members.insert(archive::CONFIG.into(), config.into_bytes());
    }
    members.insert(archive::WEIGHTS.into(), weights.to_bytes()?);
    let state = contents.extras.state.to_bytes()?;
    members.insert(format!("{FOLDER}/state.json"), state);
    for (name, bytes) in &contents.extras.files {
        members.insert(format!("{FOLDER}/{name}"), bytes.clone());
    }
    Ok(members)
}

/// The contents of an archive.
pub(crate) fn from_archive(archive: &mut Archive) -> Result<Contents> {
    let mut config = match archive.names().contains(&archive::CONFIG) {
        true => parse(&archive.read(archive::CONFIG)?, archive::CONFIG)?,
        false => Value::Null,
    };
    let compile = config.as_object_mut().and_then(|c| c.shift_remove("compile_config"));
    let weights = weights_of(archive)?;
    Ok(Contents {
        config,
        compile: compile.filter(|c| c.as_object().is_some_and(|fields| !fields.is_empty())),
        training_config: None,
        optimizer: weights.at("optimizer/vars").map_or(vec![], numbered),
        optimizer_names: vec![],
        keras_version: keras_version(archive)?,
        weights,
        extras: extras(archive)?,
    })
}

/// The weights of an archive alone.
pub(crate) fn weights_of(archive: &mut Archive) -> Result<Group> {
    let bytes = archive.read(archive::WEIGHTS)?;
    Group::read(bytes).map_err(|e| e.within(archive::WEIGHTS))
}

/// What Cornu keeps of an archive's model; nothing of a file of Keras's.
pub(crate) fn state_of(archive: &mut Archive) -> Result<State> {
    let name = format!("{FOLDER}/state.json");
    if !archive.names().contains(&name.as_str()) {
        return Ok(State::default());
    }
    State::read(&archive.read(&name)?)
}

fn extras(archive: &mut Archive) -> Result<Extras> {
    let state = state_of(archive)?;
    let own = |name: &&str| name.strip_prefix(FOLDER).is_some_and(|rest| rest != "/state.json");
    let names: Vec<String> = archive.names().into_iter().filter(own).map(str::to_owned).collect();
    let mut files = BTreeMap::new();
    for name in names {
        let short = name[FOLDER.len()..].trim_start_matches('/').to_owned();
        files.insert(short, archive.read(&name)?);
    }
    Ok(Extras { state, files })
}

fn keras_version(archive: &mut Archive) -> Result<Option<(u32, u32)>> {
    if !archive.names().contains(&archive::METADATA) {
        return Ok(None);
    }
    let metadata = parse(&archive.read(archive::METADATA)?, archive::METADATA)?;
    Ok(metadata["keras_version"].as_str().and_then(version))
}
