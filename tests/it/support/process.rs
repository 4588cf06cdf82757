//! The real program as a child process: its ready line, its logs, its memory, and the ways it can end.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How long the program may take to say that it is ready, and to end when asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program, killed when this is dropped.
pub(crate) struct Process {
    /// Where it answers, from its ready line `{"url": "http://127.0.0.1:…"}`.
    pub(crate) url: String,
    /// The whole ready line.
    pub(crate) ready: serde_json::Value,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: JoinSet<()>,
}

impl Process {
    /// Starts `b2b-dashboard` with these arguments and with nothing in its environment but these variables and `PATH`,
    /// and waits for its ready line.
    pub(crate) async fn start<A: AsRef<OsStr>>(
        arguments: &[A],
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_b2b-dashboard"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            .envs(variables.iter().copied());
        Self::run(command, PATIENCE).await
    }

    /// Starts any program that writes a ready line as its first line of standard output.
    pub(crate) async fn run(mut command: Command, patience: Duration) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (sender, mut first) = mpsc::unbounded_channel();
        let mut readers = JoinSet::new();
        let stdout = child.stdout.take().expect("a pipe");
        let stderr = child.stderr.take().expect("a pipe");
        readers.spawn(collect(stdout, Arc::clone(&lines), Some(sender)));
        readers.spawn(collect(stderr, Arc::clone(&lines), None));
        let line = match tokio::time::timeout(patience, first.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => {
                let status = child.wait().await.map_err(|error| error.to_string())?;
                readers.join_all().await;
                return Err(format!(
                    "the program ended before it was ready, {status}:\n{}",
                    joined(&lines)
                ));
            }
            Err(_) => {
                return Err(format!(
                    "the program was not ready in {patience:?}:\n{}",
                    joined(&lines)
                ));
            }
        };
        let ready: serde_json::Value = serde_json::from_str(&line)
            .map_err(|error| format!("the ready line {line:?} is no JSON: {error}"))?;
        let url = ready
            .get("url")
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| format!("the ready line {line:?} has no url"))?
            .to_owned();
        Ok(Self {
            url,
            ready,
            child,
            lines,
            readers,
        })
    }

    /// All lines it has written so far, to standard output and error, in the order they came.
    pub(crate) fn logs(&self) -> String {
        joined(&self.lines)
    }

    /// Resident memory in bytes, as the kernel counts it.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the program runs");
        let kib: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .expect("a VmRSS line");
        kib * 1024
    }

    /// Asks it to end (SIGTERM) and waits until it has; panics with its logs when it takes longer than 30 seconds.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, String) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a pid")).expect("a pid");
        kill_process(pid, Signal::TERM).expect("the program runs");
        let Ok(status) = tokio::time::timeout(PATIENCE, self.child.wait()).await else {
            panic!("the program did not end when asked:\n{}", self.logs());
        };
        self.ended(status.expect("an exit status")).await
    }

    /// Ends it as a power cut would (SIGKILL), with no chance to tidy up.
    pub(crate) async fn kill(mut self) -> String {
        self.child.kill().await.expect("the program runs");
        let status = self.child.wait().await.expect("an exit status");
        self.ended(status).await.1
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    async fn ended(self, status: ExitStatus) -> (ExitStatus, String) {
        self.readers.join_all().await;
        (status, joined(&self.lines))
    }
}

async fn collect(
    pipe: impl AsyncRead + Unpin,
    lines: Arc<Mutex<Vec<String>>>,
    mut first: Option<mpsc::UnboundedSender<String>>,
) {
    let mut reader = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        lines.lock().expect("lines").push(line.clone());
        if let Some(first) = first.take() {
            let _ = first.send(line);
        }
    }
}

fn joined(lines: &Mutex<Vec<String>>) -> String {
    lines.lock().expect("lines").join("\n")
}

mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    /// It logs before it says that it is ready: whatever is asked of it from then on comes after both lines.
    const READY: &str = r#"echo logged >&2; echo '{"url":"http://127.0.0.1:1","version":"x"}';"#;

    #[tokio::test]
    async fn a_program_is_ready_then_ends_as_asked() {
        let script = format!("trap 'echo bye; exit 3' TERM; {READY} while :; do sleep 0.02; done");
        let process = Process::run(shell(&script), PATIENCE).await.expect("ready");
        assert_eq!(process.url, "http://127.0.0.1:1");
        assert_eq!(process.ready["version"], "x");
        assert!(process.resident_bytes() > 100_000);
        let process_ready = READY.split('\'').nth(1).expect("a line").to_owned();
        let (status, logs) = process.terminate().await;
        assert_eq!(status.code(), Some(3));
        // Two streams: which of them is read first is nobody's promise.
        let at = |line: &str| logs.lines().position(|one| one == line);
        assert!(
            at("logged").is_some() && at("bye") > at(&process_ready),
            "{logs}"
        );
    }

    #[tokio::test]
    async fn a_killed_program_has_no_last_word() {
        let script = format!("trap 'echo bye' TERM; {READY} exec sleep 60");
        let process = Process::run(shell(&script), PATIENCE).await.expect("ready");
        assert!(!process.logs().contains("bye"));
        assert!(!process.kill().await.contains("bye"));
    }

    #[tokio::test]
    async fn dropping_ends_the_program() {
        let script = format!("{READY} exec sleep 60");
        let process = Process::run(shell(&script), PATIENCE).await.expect("ready");
        let status = format!("/proc/{}/status", process.pid());
        drop(process);
        for _ in 0..500 {
            let running =
                std::fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ"));
            if !running {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still running after 5 s");
    }

    #[tokio::test]
    async fn a_program_that_is_never_ready_says_why() {
        let refused = Process::start(&["--no-such-flag"], &[("NO_COLOR", "1")]).await;
        let refused = refused.err().expect("no such flag");
        assert!(refused.contains("ended before it was ready"), "{refused}");
        let silent = Process::run(
            shell("echo hm >&2; exec sleep 60"),
            Duration::from_millis(300),
        );
        let silent = silent.await.err().expect("no ready line");
        assert!(silent.ends_with("not ready in 300ms:\nhm"), "{silent}");
    }
}
