//! A PostgreSQL server of a test's own, which may be stopped, crashed and started again under the program.
//!
//! It uses the installed server binaries, on the loopback address, in a temporary folder. PostgreSQL refuses to run as
//! root, so a test that does runs it as `postgres` or else `nobody`.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::postgres;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server with one database, ended when this is dropped.
pub(crate) struct PrivateCluster {
    binaries: PathBuf,
    folder: TempDir,
    user: Option<User>,
    port: u16,
    server: Option<Child>,
}

/// Who the server runs as where it may not run as ourselves.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl PrivateCluster {
    /// Makes a cluster and starts it; ready for connections when this returns.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let user = geteuid().is_root().then(unprivileged);
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).expect("a folder for the server");
        }
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700))
            .expect("a folder for the server");
        let mut cluster = Self {
            binaries: binaries(),
            folder,
            user,
            port: free_port(),
            server: None,
        };
        cluster.initialise();
        cluster.start_again().await;
        cluster
    }

    /// The superuser's address of the one database; the same after [`Self::start_again`].
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server on its old port and data.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log file");
        let mut command = self.command("postgres");
        command
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "fsync=off", "-c", "max_connections=100"])
            .arg("-k")
            .arg(self.folder.path())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        self.server = Some(command.spawn().expect("the PostgreSQL server"));
        let begun = Instant::now();
        while let Err(error) = postgres::execute(&self.url(), "SELECT 1").await {
            let ended = self
                .server
                .as_mut()
                .is_none_or(|server| server.try_wait().expect("a child").is_some());
            assert!(
                !ended && begun.elapsed() < PATIENCE,
                "the server did not start: {error}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the server as an administrator would: clients are disconnected, data is written.
    pub(crate) async fn stop(&mut self) {
        self.end(Signal::INT).await;
    }

    /// Stops the server as a crash would: clients are cut off, the next start recovers.
    pub(crate) async fn crash(&mut self) {
        self.end(Signal::QUIT).await;
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn end(&mut self, signal: Signal) {
        let mut server = self.server.take().expect("a running server");
        kill_process(pid(&server), signal).expect("a signal to the server");
        let begun = Instant::now();
        while server.try_wait().expect("a child").is_none() {
            if begun.elapsed() > PATIENCE {
                server.kill().expect("an end of the server");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn initialise(&self) {
        let output = self
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"])
            .stdin(Stdio::null())
            .output()
            .expect("initdb runs");
        assert!(
            output.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .current_dir(self.folder.path());
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Backends end with their postmaster, and nobody needs the data any more.
            let _ = kill_process(pid(&server), Signal::QUIT);
            let _ = server.wait();
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// The folder of `initdb` and `postgres`: the newest that Debian installed, else what `PATH` has.
fn binaries() -> PathBuf {
    let mut installed: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| has_server(folder))
        .collect();
    installed.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    installed
        .pop()
        .map(|(_, folder)| folder)
        .or_else(|| std::env::split_paths(&path).find(|folder| has_server(folder)))
        .expect("a PostgreSQL server is installed: scripts/test sees to it")
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| folder.join(program).is_file())
}

fn unprivileged() -> User {
    let users = std::fs::read_to_string("/etc/passwd").expect("a list of users");
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = users
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(User {
                uid: fields.next()?.parse().ok()?,
                gid: fields.next()?.parse().ok()?,
            })
        })
        .expect("a user named postgres or nobody")
}

mod tests {
    mod postgres {
        use super::super::super::postgres::execute;
        use super::super::PrivateCluster;

        #[tokio::test]
        async fn a_cluster_keeps_its_data_when_stopped_and_when_crashed() {
            let mut cluster = PrivateCluster::start().await;
            let url = cluster.url();
            execute(
                &url,
                "CREATE TABLE things (name TEXT); INSERT INTO things VALUES ('a')",
            )
            .await
            .expect("a table");
            cluster.stop().await;
            execute(&url, "SELECT 1").await.expect_err("nobody there");
            cluster.start_again().await;
            cluster.crash().await;
            execute(&url, "SELECT 1").await.expect_err("nobody there");
            cluster.start_again().await;
            execute(&url, "SELECT 1 / count(*) FROM things")
                .await
                .expect("the row is still there");
            assert!(
                cluster.log().contains("automatic recovery"),
                "{}",
                cluster.log()
            );
        }
    }
}
