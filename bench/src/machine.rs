//! What the machine tells: processor time and memory of processes, medians, and the servers under load.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Clock ticks a second in /proc, on every Linux that matters here.
const TICKS: f64 = 100.0;

/// A server under load, ended when this is dropped.
pub struct Server {
    child: Child,
    /// `127.0.0.1:port`.
    pub address: String,
    /// How long it took to be ready.
    pub start: Duration,
}

impl Server {
    /// Starts a program that writes one JSON line with `url` when it is ready.
    pub fn start(program: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let begun = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line, but {line:?}"));
        let address = ready["url"]
            .as_str()
            .expect("a url")
            .trim_start_matches("http://")
            .to_owned();
        Self {
            child,
            address,
            start: begun.elapsed(),
        }
    }

    /// Processor time so far in seconds.
    pub fn cpu(&self) -> f64 {
        cpu_of(self.child.id())
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("a process");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("a size");
        line.trim()
            .trim_end_matches(" kB")
            .parse::<f64>()
            .expect("a number")
            / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cpu_of(pid: u32) -> f64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return 0.0;
    };
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // utime, stime, cutime, cstime are the 14th to 17th of proc(5); two have been cut off.
    fields[11..15]
        .iter()
        .map(|ticks| ticks.parse::<f64>().unwrap_or(0.0))
        .sum::<f64>()
        / TICKS
}

/// Processor time of a PostgreSQL server in seconds: its first process, with those that have ended, and its children.
pub fn cpu_of_postgres(postmaster: u32) -> f64 {
    let children =
        std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"))
            .unwrap_or_default();
    cpu_of(postmaster)
        + children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .map(cpu_of)
            .sum::<f64>()
}

/// The middle one of several figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The widest distance from the median, in per cent.
pub fn noise(figures: &[f64]) -> f64 {
    let middle = median(figures);
    figures
        .iter()
        .map(|figure| (figure / middle - 1.0).abs() * 100.0)
        .fold(0.0, f64::max)
}
