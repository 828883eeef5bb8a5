//! A profile as files for other programs.

use super::figures::{OpProfile, Profile};
use super::timeline::Span;
use crate::saving::write_whole;
use cornu_graph::{Phase, Result, TensorType};
use serde_json::{Value, json};
use std::path::Path;

impl Profile {
    /// Writes what `chrome://tracing` and `ui.perfetto.dev` draw: every op of every timed step, in
    /// the Trace Event format.
    ///
    /// # Errors
    /// If the file cannot be written. One that was there is as it was then.
    pub fn save_trace(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), self.trace().to_string().as_bytes())
    }

    /// Writes all figures as JSON: times in seconds, memory in bytes.
    ///
    /// # Errors
    /// If the file cannot be written. One that was there is as it was then.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), format!("{:#}\n", self.json()).as_bytes())
    }

    fn trace(&self) -> Value {
        let mut events = vec![json!({
            "name": "process_name", "ph": "M", "pid": 1, "tid": 1,
            "args": { "name": format!("Cornu, {} threads", self.machine.threads) },
        })];
        let arguments: Vec<Value> = self.ops.iter().map(arguments).collect();
        for (number, step) in self.timed.iter().enumerate() {
            if self.waiting_seconds.is_some() {
                events.push(event("wait for the batch", "data", step.waiting, json!({})));
            }
            events.push(event(&format!("step {number}"), "step", step.whole, json!({})));
            for ((op, span), arguments) in self.ops.iter().zip(&step.ops).zip(&arguments) {
                events.push(event(&op.op, phase(op.phase), *span, arguments.clone()));
            }
        }
        json!({ "traceEvents": events, "displayTimeUnit": "ns" })
    }

    fn json(&self) -> Value {
        let reading = self.machine.reading.iter().map(|reading| {
            json!({ "bytes": reading.bytes, "bytes_per_second": reading.bytes_per_second })
        });
        json!({
            "purpose": format!("{:?}", self.purpose).to_lowercase(),
            "batch_size": self.batch_size,
            "steps": self.steps(),
            "threads": self.machine.threads,
            "machine": {
                "flops_per_second": self.machine.flops_per_second,
                "bfloat16_flops_per_second": self.machine.bfloat16_flops_per_second,
                "reading": reading.collect::<Vec<_>>(),
            },
            "step_seconds": self.step_seconds,
            "ops_seconds": self.ops_seconds(),
            "between_seconds": self.between_seconds(),
            "waiting_seconds": self.waiting_seconds,
            "floor_seconds": self.floor_seconds(),
            "arena_bytes": self.arena_bytes,
            "variable_bytes": self.variable_bytes,
            "ops": self.ops.iter().map(op).collect::<Vec<_>>(),
        })
    }
}

/// The word for a phase.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Forward => "forward",
        Phase::Gradient => "gradient",
        Phase::Update => "update",
    }
}

/// An event that has begun and ended; the format counts microseconds.
fn event(name: &str, category: &str, span: Span, arguments: Value) -> Value {
    json!({
        "name": name, "cat": category, "ph": "X", "pid": 1, "tid": 1,
        "ts": span.begin as f64 * 1e-3, "dur": span.nanoseconds() as f64 * 1e-3,
        "args": arguments,
    })
}

fn arguments(op: &OpProfile) -> Value {
    json!({
        "layer": op.layer,
        "inputs": types(&op.inputs),
        "outputs": types(&op.outputs),
        "flops": op.cost.flops,
        "bytes_read": op.cost.bytes_read,
        "bytes_written": op.cost.bytes_written,
    })
}

fn op(op: &OpProfile) -> Value {
    let mut value = arguments(op);
    let more = json!({
        "op": op.op,
        "phase": phase(op.phase),
        "seconds": op.seconds,
        "fastest_seconds": op.fastest_seconds,
        "floor_seconds": op.floor_seconds,
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

fn types(types: &[TensorType]) -> Vec<String> {
    types.iter().map(TensorType::to_string).collect()
}
