//! `cornu-bench compare`: the peers by turns, workload after workload.

use crate::machine::Machine;
use crate::measured::{Measured, median};
use crate::peers::{self, CORNU, Peer, Programs, Request};
use crate::results::{Comparison, Results};
use crate::workloads::{self, Workload};
use crate::{data, show};
use std::path::{Path, PathBuf};

/// What is compared, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Only these networks, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = workloads::named)]
    workloads: Vec<&'static Workload>,
    /// Only these peers, separated by commas: jax, tensorflow, torch, burn, candle [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = peer)]
    peers: Vec<&'static str>,
    /// How often each peer's turn comes
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// How often all samples are seen [default: as each workload says]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Only the first so many steps of each epoch; accuracies are not compared then
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// The file of the results. Workloads that it has and that are not run stay; pictures are put
    /// beside it
    #[arg(long, value_name = "FILE.json", default_value = "target/bench/results.json")]
    output: PathBuf,
    #[command(flatten)]
    programs: Programs,
}

/// Runs the peers and writes what they measured, after each workload.
pub fn compare(options: &Options) -> Result<(), String> {
    let mut results = Results::open(&options.output, Machine::this())?;
    println!("{}", results.machine);
    let peers = find_peers(options)?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    data::export(folder.path()).map_err(|e| e.to_string())?;
    let all: Vec<&Workload> = workloads::ALL.iter().collect();
    let chosen = if options.workloads.is_empty() { &all } else { &options.workloads };
    for workload in chosen {
        println!("\n{}: {}", workload.name, workload.about);
        let runs = by_turns(workload, &peers, options, folder.path());
        results.put(Comparison::new(workload, &runs));
        results.write(&options.output)?;
    }
    show::tell(&results);
    show::draw(&results, &options.output)
}

/// Cornu and the peers that are there; of the others it says why they are left out.
fn find_peers(options: &Options) -> Result<Vec<Peer>, String> {
    let mut found = vec![Peer::cornu()?];
    for &(name, title) in peers::NAMES {
        let wanted = options.peers.is_empty() || options.peers.contains(&name);
        if name == CORNU || !wanted {
            continue;
        }
        match Peer::find(name, &options.programs) {
            Ok(peer) => found.push(peer),
            Err(why) => println!("{title} is left out: {why}"),
        }
    }
    Ok(found)
}

/// Round after round, each peer once. One that fails is not tried again.
fn by_turns(workload: &Workload, peers: &[Peer], options: &Options, data: &Path) -> Vec<Measured> {
    let mut peers: Vec<&Peer> = peers.iter().filter(|peer| peer.has(workload)).collect();
    let mut runs = vec![];
    for round in 1..=options.rounds {
        peers.retain(|peer| {
            let request = Request {
                workload,
                data,
                epochs: options.epochs.unwrap_or(workload.epochs),
                steps: options.steps.or(peer.usual_steps(workload)),
                seed: round as u64,
            };
            let measured = peer.measure(&request);
            tell(round, peer, &measured);
            measured.map(|measured| runs.push(measured)).is_ok()
        });
    }
    runs
}

/// A line about a run.
fn tell(round: usize, peer: &Peer, measured: &Result<Measured, String>) {
    let title = peers::title(peer.name);
    match measured {
        Err(why) => println!("  {round}  {title}: left out: {why}"),
        Ok(measured) => {
            let seconds = median(measured.settled()).unwrap_or(f64::NAN);
            let accuracy = match measured.test.get("accuracy") {
                Some(Some(accuracy)) => format!("accuracy {accuracy:.4}"),
                Some(None) => "not a number".into(),
                None => "some steps only".into(),
            };
            println!("  {round}  {title:<20} {seconds:>9.3} s an epoch, {accuracy}");
        }
    }
}

/// A peer of an argument.
fn peer(name: &str) -> Result<&'static str, String> {
    let peers = || peers::NAMES.iter().map(|(known, _)| *known).filter(|known| *known != CORNU);
    peers()
        .find(|known| *known == name)
        .ok_or_else(|| format!("Cornu's peers are {}", peers().collect::<Vec<_>>().join(", ")))
}
