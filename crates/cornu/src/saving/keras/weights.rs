//! The weights of a model in a tree of groups: `model.weights.h5`.

use super::branch::{Branch, Place, joined};
use crate::layers::LayerRef;
use crate::saving::h5::{Attribute, Group, Stored};
use crate::variable::Variable;
use cornu_graph::{Array, Error, Result, Shape};
use std::collections::HashMap;

/// How a file's weights are brought to a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matching {
    /// By the names of layers, not by their places.
    pub by_name: bool,
    /// Leaves out what does not fit.
    pub skip_mismatch: bool,
}

/// Values for variables, found to fit but not given to them yet.
#[derive(Default)]
pub(crate) struct Fitting {
    pairs: Vec<(Variable, Array)>,
    /// What was left out, and why.
    pub skipped: Vec<Error>,
}

impl Fitting {
    /// Finds values for all variables of a layer. Nothing, or all of them, is taken.
    pub fn add(
        &mut self,
        layer: &LayerRef,
        variables: &[Variable],
        values: Result<Vec<Array>>,
        skip_mismatch: bool,
    ) -> Result<()> {
        let fitted = values.and_then(|values| fit(variables, values));
        match fitted.map_err(|e| e.within(format!("{} ({})", layer.name(), layer.kind()))) {
            Ok(pairs) => self.pairs.extend(pairs),
            Err(error) if skip_mismatch => self.skipped.push(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives the variables their values.
    pub fn assign(self) -> Result<Vec<Error>> {
        self.pairs.into_iter().try_for_each(|(variable, value)| variable.assign(value))?;
        Ok(self.skipped)
    }
}

fn fit(variables: &[Variable], values: Vec<Array>) -> Result<Vec<(Variable, Array)>> {
    if variables.len() != values.len() {
        return Err(Error::file(format!(
            "the layer has {} weights, the file has {} for it",
            variables.len(),
            values.len()
        )));
    }
    let pair = |(variable, value): (&Variable, Array)| {
        let (ours, theirs) = (variable.shape(), value.shape().to_vec());
        if ours != theirs {
            let (ours, theirs) = (Shape::from(ours), Shape::from(theirs));
            let name = variable.name();
            return Err(Error::shape(format!("its {name} is {ours}, in the file it is {theirs}")));
        }
        Ok((variable.clone(), value.cast(variable.ty().dtype)))
    };
    variables.iter().zip(values).map(pair).collect()
}

/// The own variables of a layer as Keras counts them: what is trained, then the rest.
pub(crate) fn in_keras_order(layer: &LayerRef) -> Vec<Variable> {
    let own = layer.own_weights();
    let (trained, rest): (Vec<Variable>, Vec<Variable>) =
        own.into_iter().partition(Variable::is_weight);
    trained.into_iter().chain(rest).collect()
}

/// The tree of a model's weights.
pub(crate) fn write(model: &Branch) -> Group {
    let mut root = Group::default();
    for Place { path, layer } in model.places() {
        // Keras writes empty groups for layers without weights, but does not miss them.
        let variables = in_keras_order(&layer);
        if variables.is_empty() {
            continue;
        }
        let vars = root.make(&joined(&path, "vars"));
        vars.attributes.insert("name".into(), Attribute::Text(layer.name().to_owned()));
        for (i, variable) in variables.iter().enumerate() {
            vars.arrays.insert(i.to_string(), Stored::from(variable.value()));
        }
    }
    root
}

/// Finds the values of a model's weights in a tree.
pub(crate) fn read(model: &Branch, root: &Group, matching: Matching) -> Result<Fitting> {
    let mut fitting = Fitting::default();
    let by_name = if matching.by_name { named(root) } else { HashMap::new() };
    for Place { path, layer } in model.places() {
        let variables = in_keras_order(&layer);
        if variables.is_empty() && !holds_values(root.at(&joined(&path, "vars"))) {
            continue;
        }
        let group = match matching.by_name {
            true => match by_name.get(layer.name()) {
                Some(group) => Some(*group),
                None => continue,
            },
            false => find(root, &path),
        };
        let values = match group {
            Some(group) => Ok(numbered(group)),
            None => Err(Error::file(format!("the file has no group '{path}/vars' for it"))),
        };
        fitting.add(&layer, &variables, values, matching.skip_mismatch)?;
    }
    Ok(fitting)
}

fn holds_values(group: Option<&Group>) -> bool {
    group.is_some_and(|group| !group.arrays.is_empty())
}

/// The group of a layer's variables. The first writers of the format had another name for the layers
/// of a model.
fn find<'g>(root: &'g Group, path: &str) -> Option<&'g Group> {
    let vars = joined(path, "vars");
    root.at(&vars).or_else(|| {
        let old = vars.replace("layers/", "_layer_checkpoint_dependencies/");
        root.at(&old)
    })
}

/// The arrays `0`, `1`, … of a group.
pub(crate) fn numbered(group: &Group) -> Vec<Array> {
    group.numbered().into_iter().map(|stored| stored.array.clone()).collect()
}

/// The groups of variables by the names of their layers.
fn named(root: &Group) -> HashMap<&str, &Group> {
    let mut found = HashMap::new();
    let mut open = vec![root];
    while let Some(group) = open.pop() {
        for (name, inner) in &group.groups {
            match inner.attributes.get("name") {
                Some(Attribute::Text(layer)) if name == "vars" => {
                    found.insert(layer.as_str(), inner);
                }
                _ => open.push(inner),
            }
        }
    }
    found
}
