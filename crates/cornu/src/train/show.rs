//! The training step as text: what the compiler made of a model.

use super::feeds::Feeds;
use super::step::{self, Purpose};
use crate::data::{Column, IntoColumns};
use crate::model::Model;
use cornu_graph::{Plan, Result, passes, plan};

impl Model {
    /// The optimized graph of a training step on these data and batches of this size, as text:
    /// what runs, in which loops, and how much memory it takes.
    ///
    /// # Errors
    /// If the model is not compiled or the data do not fit it.
    pub fn show_program(
        &mut self,
        x: impl IntoColumns,
        y: impl IntoColumns,
        batch_size: usize,
    ) -> Result<String> {
        let (x, y) = (x.into_columns(), y.into_columns());
        let built = self.built_for(&x)?;
        let trainer = self.trainer_mut("show_program")?;
        let columns: Vec<&Column> = x.iter().chain(&y).collect();
        let feeds = Feeds::new(&columns);
        let random = trainer.state.random.clone();
        let program =
            step::build(&built, Some(trainer), Purpose::Train, batch_size, feeds.spec(), &random)?;
        let graph = passes::optimize(program.graph);
        let plan = Plan::new(graph, plan::Options::default(), |_, _| 0);
        Ok(format!(
            "{}{} instructions, {} bytes for values between them\n",
            plan.graph(),
            plan.steps().len(),
            plan.arena_bytes()
        ))
    }
}
