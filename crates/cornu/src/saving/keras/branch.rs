//! A model as its files see it: layers within layers, and the path of each.

use crate::layers::{Lambda, LayerRef};
use crate::model::Network;
use crate::session::snake_case;
use std::collections::{HashMap, HashSet};

/// A layer with the layers inside it, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub layer: LayerRef,
    pub children: Vec<Branch>,
}

/// Where the variables of a layer stand.
pub(crate) struct Place {
    /// The group: `layers/sequential/layers/dense`. Empty for the model itself.
    pub path: String,
    pub layer: LayerRef,
}

impl Branch {
    /// A layer as it is, with everything inside.
    pub fn of(layer: &LayerRef) -> Branch {
        let inner = layer.definition().layers();
        Branch { layer: layer.clone(), children: inner.iter().map(Branch::of).collect() }
    }

    /// The groups of all layers, by Keras's rule: the place of a layer comes from its class and a
    /// count of those before it, not from its name. A layer that is reached twice stands at the
    /// first place; the second is counted all the same.
    pub fn places(&self) -> Vec<Place> {
        let mut seen = HashSet::new();
        let mut places = vec![];
        self.collect(String::new(), &mut seen, &mut places);
        places
    }

    fn collect(&self, path: String, seen: &mut HashSet<usize>, places: &mut Vec<Place>) {
        if !seen.insert(self.layer.address()) {
            return;
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for child in &self.children {
            let stem = snake_case(class_in_file(&child.layer));
            let count = counts.entry(stem.clone()).or_insert(0);
            let name = if *count == 0 { stem } else { format!("{stem}_{count}") };
            *count += 1;
            child.collect(joined(&path, &format!("layers/{name}")), seen, places);
        }
        places.push(Place { path, layer: self.layer.clone() });
    }
}

/// The class that stands for a layer in a file: a closure over tensors becomes a model of operations.
pub(crate) fn class_in_file(layer: &LayerRef) -> &str {
    if layer.downcast::<Lambda>().is_some() { "Functional" } else { layer.kind() }
}

/// Whether a file has it as a functional model, whose own first node shifts the count of its calls.
pub(crate) fn is_functional(layer: &LayerRef) -> bool {
    let network = layer.downcast::<Network>();
    layer.downcast::<Lambda>().is_some() || matches!(network, Some(Network::Functional(_)))
}

/// One path below another.
pub(crate) fn joined(above: &str, below: &str) -> String {
    if above.is_empty() { below.to_owned() } else { format!("{above}/{below}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn places_are_counted_by_class() {
        let tower =
            Sequential::new().add(Input::new([3])).add(Dense::new(4)).add(Dense::new(2).name("x"));
        let (a, b) = (Input::tensor([3]), Input::tensor([3]));
        let difference = tower.call(&a) - tower.call(&b);
        let y = Dense::new(1).call(Dense::new(5).call(&difference));
        let model = Model::new([&a, &b], &y).unwrap();
        let places = Branch::of(&model.as_layer()).places();
        let paths: Vec<&str> = places.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "layers/input_layer",
                "layers/input_layer_1",
                "layers/sequential/layers/dense",
                "layers/sequential/layers/dense_1",
                "layers/sequential",
                "layers/dense",
                "layers/dense_1",
                "",
            ]
        );
    }
}
