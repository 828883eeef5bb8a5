//! An activation as a layer.

use crate::activations::Activation;
use crate::layers::{Layer, Scope, one_input};
use crate::tensor::Tensor;
use cornu_graph::Result;

// In Cornu an activation itself is the layer: `.add(Activation::new("relu"))`.
impl Layer for Activation {
    fn kind(&self) -> &str {
        "Activation"
    }

    fn forward(&self, _scope: &mut Scope, inputs: &[Tensor]) -> Result<Tensor> {
        self.apply(one_input(inputs)?)
    }

    fn config(&self) -> serde_json::Value {
        serde_json::json!({ "activation": self })
    }
}
