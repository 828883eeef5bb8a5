//! The house rules that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code a file may have; tests below the code do not count.
const MOST_LINES: usize = 520;

/// Which crates of the workspace each crate may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("graph", &[]),
    ("cpu", &["cornu-graph", "cornu-testkit"]),
    ("cornu", &["cornu-graph", "cornu-cpu", "cornu-mnist"]),
    ("mnist", &[]),
    ("cli", &["cornu"]),
    ("testkit", &["cornu-graph"]),
];

/// The only crate with unsafe code.
const UNSAFE: &str = "crates/cpu/";

/// The workspace's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is inside the workspace").to_owned()
}

/// Checks every rule; the error lists all violations.
pub fn run() -> Result<(), String> {
    let mut found = Vec::new();
    for file in ["crates", "benches", "xtask"].iter().flat_map(|room| sources(&root().join(room))) {
        check_file(&file, &mut found)?;
    }
    check_arrows(&mut found)?;
    check_test_command(&mut found)?;
    if found.is_empty() {
        println!("tidy");
        return Ok(());
    }
    Err(format!("{} house rules are broken:\n  {}", found.len(), found.join("\n  ")))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn check_file(path: &Path, found: &mut Vec<String>) -> Result<(), String> {
    let text = read(path)?;
    let root = root();
    let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
    if !text.starts_with("//!") {
        found.push(format!("{name}: begin the file with `//!` and what it is about"));
    }
    let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    if code > MOST_LINES {
        found.push(format!("{name}: {code} lines are more than {MOST_LINES}; split it by ideas"));
    }
    let marks = [" {", " fn", " impl"].map(|after| format!("unsafe{after}"));
    let is_unsafe = |line: &str| {
        !line.trim_start().starts_with("//") && marks.iter().any(|mark| line.contains(mark))
    };
    if text.lines().any(is_unsafe) && !name.starts_with(UNSAFE) {
        found.push(format!("{name}: only {UNSAFE} may have unsafe code"));
    }
    Ok(())
}

fn check_arrows(found: &mut Vec<String>) -> Result<(), String> {
    for (krate, allowed) in ARROWS {
        let manifest = read(&root().join("crates").join(krate).join("Cargo.toml"))?;
        for line in manifest.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let ours = dependency == "cornu" || dependency.starts_with("cornu-");
            if ours && !allowed.contains(&dependency) {
                found.push(format!("crates/{krate}: must not depend on {dependency}"));
            }
        }
    }
    Ok(())
}

/// CI has to run the README's test command as it stands there.
fn check_test_command(found: &mut Vec<String>) -> Result<(), String> {
    let command = "cargo test --workspace";
    for file in ["README.md", ".ci/run"] {
        if !read(&root().join(file))?.lines().any(|line| line.trim() == command) {
            found.push(format!("{file}: does not have the line `{command}`"));
        }
    }
    Ok(())
}
