//! Who trains: Cornu, Keras on its backends, burn, candle. Each is a program of its own that takes
//! the same options and prints the same line of JSON.

use crate::measured::Measured;
use crate::workloads::Workload;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that trains the workloads.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The name in options and results.
    pub name: &'static str,
    program: OsString,
    arguments: Vec<OsString>,
    environment: Option<(&'static str, &'static str)>,
}

/// Where the peers' programs are.
#[derive(Clone, Debug, clap::Args)]
pub struct Programs {
    /// A Python that has Keras and its backends (benches/keras/requirements.txt)
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// The built program of benches/burn
    #[arg(long, value_name = "PATH")]
    burn: Option<PathBuf>,
    /// The built program of benches/candle
    #[arg(long, value_name = "PATH")]
    candle: Option<PathBuf>,
}

/// Cornu's name among the peers.
pub const CORNU: &str = "cornu";

/// The names of all, Cornu first, and what tables call them.
pub const NAMES: &[(&str, &str)] = &[
    (CORNU, "Cornu"),
    ("jax", "Keras on JAX"),
    ("tensorflow", "Keras on TensorFlow"),
    ("torch", "Keras on torch"),
    ("burn", "burn"),
    ("candle", "candle"),
];

/// What tables call a peer.
pub fn title(name: &str) -> &str {
    NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, title)| title)
}

/// How a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The network.
    pub workload: &'a Workload,
    /// The folder with the data for peers.
    pub data: &'a Path,
    /// How often all samples are seen.
    pub epochs: usize,
    /// Only so many steps of each epoch.
    pub steps: Option<usize>,
    /// Of the weights, the order and the dropout.
    pub seed: u64,
}

impl Peer {
    /// This program.
    pub fn cornu() -> Result<Peer, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?.into();
        Ok(Peer { name: CORNU, program, arguments: vec!["workload".into()], environment: None })
    }

    /// A peer of Cornu, if it is there; the error says why it is not.
    pub fn find(name: &'static str, programs: &Programs) -> Result<Peer, String> {
        match name {
            CORNU => Peer::cornu(),
            "burn" => Peer::built(name, programs.burn.as_deref()),
            "candle" => Peer::built(name, programs.candle.as_deref()),
            backend => Peer::keras(backend, &programs.python),
        }
    }

    fn built(name: &'static str, program: Option<&Path>) -> Result<Peer, String> {
        let program = program.filter(|path| path.is_file());
        let program = program.ok_or_else(|| {
            format!("it is not built (cargo xtask bench does it, or --{name} PATH)")
        })?;
        Ok(Peer { name, program: program.into(), arguments: vec![], environment: None })
    }

    fn keras(backend: &'static str, python: &Path) -> Result<Peer, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keras/train.py");
        let peer = Peer {
            name: backend,
            program: python.into(),
            arguments: vec![script.into()],
            environment: Some(("KERAS_BACKEND", backend)),
        };
        let check = peer.command().arg("--check").stderr(Stdio::null()).output();
        if check.is_ok_and(|output| output.status.success()) {
            return Ok(peer);
        }
        let python = python.display();
        Err(format!(
            "{python} has no Keras with it (--python PATH, or pip install -r benches/keras/requirements.txt)"
        ))
    }

    /// Whether it has this network.
    pub fn has(&self, workload: &Workload) -> bool {
        !workload.keras_only || !self.is_compiled_peer()
    }

    /// The steps it runs of a workload unless it is told: all, but for what would take too long.
    pub fn usual_steps(&self, workload: &Workload) -> Option<usize> {
        workload.few_steps.filter(|_| self.is_compiled_peer())
    }

    fn is_compiled_peer(&self) -> bool {
        matches!(self.name, "burn" | "candle")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment).stdin(Stdio::null());
        command
    }

    /// Trains in a process of its own.
    pub fn measure(&self, request: &Request<'_>) -> Result<Measured, String> {
        let mut command = self.command();
        command.arg(request.workload.name);
        if self.name != CORNU {
            command.arg("--data").arg(request.data);
        }
        command.args(["--epochs", &request.epochs.to_string()]);
        command.args(["--seed", &request.seed.to_string()]);
        if let Some(steps) = request.steps {
            command.args(["--steps", &steps.to_string()]);
        }
        let output = command.output();
        let output = output.map_err(|e| format!("{}: {e}", self.program.to_string_lossy()))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            return Err(format!("it failed ({}): {last}", output.status));
        }
        let measured = Measured::parse(&String::from_utf8_lossy(&output.stdout))?;
        if (measured.peer.as_str(), measured.workload.as_str())
            != (self.name, request.workload.name)
        {
            let Measured { peer, workload, .. } = measured;
            return Err(format!("it measured {workload} on {peer}"));
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads;

    fn programs() -> Programs {
        Programs { python: "/nowhere/python".into(), burn: None, candle: Some("/nowhere".into()) }
    }

    #[test]
    fn what_is_not_there_says_what_to_do() {
        let error = |name| Peer::find(name, &programs()).unwrap_err();
        assert!(error("jax").contains("/nowhere/python has no Keras"));
        assert!(error("burn").contains("--burn PATH"));
        assert!(error("candle").contains("--candle PATH"));
        assert_eq!(Peer::find(CORNU, &programs()).unwrap().name, CORNU);
    }

    #[cfg(unix)]
    #[test]
    fn programs_that_fail_or_mix_up_names_are_told() {
        let peer = |script: &str| Peer {
            name: "burn",
            program: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: None,
        };
        let request = Request {
            workload: workloads::find("mlp_r").unwrap(),
            data: Path::new("data"),
            epochs: 2,
            steps: Some(3),
            seed: 4,
        };
        let failed = peer("echo reason >&2; exit 3").measure(&request).unwrap_err();
        assert!(failed.contains("reason") && failed.contains('3'), "{failed}");
        let line = |peer: &str| {
            format!(
                r#"echo '{{"workload": "'$0'", "peer": "{peer}", "versions": {{"args": "'"$*"'"}}, "epoch_s": [1]}}'"#
            )
        };
        let measured = peer(&line("burn")).measure(&request).unwrap();
        assert_eq!(measured.versions["args"], "--data data --epochs 2 --seed 4 --steps 3");
        let error = peer(&line("candle")).measure(&request).unwrap_err();
        assert_eq!(error, "it measured mlp_r on candle");
    }

    #[test]
    fn compiled_peers_do_less() {
        let peer = |name| Peer { name, ..Peer::cornu().unwrap() };
        let [cnn, l1] = ["cnn_r", "siamese_l1"].map(|name| workloads::find(name).unwrap());
        assert_eq!(peer("burn").usual_steps(cnn), Some(15));
        assert_eq!(peer("jax").usual_steps(cnn), None);
        assert!(!peer("candle").has(l1) && peer("torch").has(l1) && peer(CORNU).has(l1));
    }
}
