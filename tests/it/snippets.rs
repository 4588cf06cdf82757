//! The programs of the reference are run, in every language, against a server: each must get what its operation documents.
//!
//! An operation's programs are made by the code that makes those of `/docs`, for the address and the body with which the
//! contract tests carry its example out. The Rust programs are compiled as one, against the crates of these tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use b2b_dashboard::docs::examples::examples;
use b2b_dashboard::http::endpoint::Endpoint;
use b2b_dashboard::http::routes::endpoints;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::contract::preparation::{make_examples, prepare};
use crate::support::database::{Engine, OnDatabase};
use crate::support::http::ApiApp;
use crate::support::operation::{Document, Operation};

/// A program that is to be run, and the status it must print.
struct Program {
    name: String,
    code: String,
    status: u16,
}

/// The programs of every operation in one language, each with an example prepared for itself.
async fn programs(app: &ApiApp, document: &Document, language: &str, origin: &str) -> Vec<Program> {
    let mut list = Vec::new();
    let mut all: Vec<&Endpoint> = endpoints().iter().collect();
    // To prepare some operations all jobs are run; this one wants a job that has not run.
    all.sort_by_key(|endpoint| endpoint.id == "cancel_job");
    for endpoint in all {
        let operation = document.operation(&endpoint.id);
        let code = program(app, document, operation, endpoint, language, origin).await;
        list.push(Program {
            name: endpoint.id.clone(),
            code,
            status: operation.status(),
        });
    }
    list
}

async fn program(
    app: &ApiApp,
    document: &Document,
    operation: &Operation,
    endpoint: &Endpoint,
    language: &str,
    origin: &str,
) -> String {
    let prepared = prepare(app, document, operation).await;
    let path = prepared.path.strip_prefix("/api").expect("below /api");
    let mut endpoint = Endpoint {
        path: path.to_owned().leak(),
        ..endpoint.clone()
    };
    if let Some(input) = &mut endpoint.input {
        input.example.clone_from(&prepared.body);
    }
    let all = examples(&endpoint, origin);
    let found = all.into_iter().find(|one| one.language == language);
    found
        .unwrap_or_else(|| panic!("no program in {language}"))
        .code
}

/// A server on a port, with the records that the examples take for granted.
async fn server() -> (ApiApp, Document, String, JoinSet<()>) {
    let app = ApiApp::on(Engine::Sqlite).await;
    let document = Document::of(&app).await;
    make_examples(&app, &document).await;
    let mut server = JoinSet::new();
    let address = app.node.listen(&mut server).await;
    (app, document, format!("http://{address}"), server)
}

async fn run(mut command: Command, key: &str) -> Result<String, String> {
    command
        .env("API_KEY", key)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command
        .output()
        .await
        .map_err(|error| format!("{command:?}: {error}; scripts/test installs what is missing"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    let fault = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {told}{fault}", output.status))
}

/// Runs the programs of a language, each as `command` makes it of a file; what is printed must tell the status.
async fn all_of(language: &str, extension: &str, command: impl Fn(&Path) -> Command) {
    let (app, document, origin, _server) = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut faults = Vec::new();
    let list = programs(&app, &document, language, &origin).await;
    assert!(list.len() > 60, "every operation has a program");
    for program in list {
        let file = folder.path().join(format!("{}.{extension}", program.name));
        std::fs::write(&file, &program.code).expect("a file");
        let told = run(command(&file), &app.key.secret).await;
        if let Err(fault) = check(language, &program, told) {
            faults.push(format!("{}: {fault}\n{}", program.name, program.code));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// The status stands at the beginning of what a program prints; PHP and curl print the answer alone, so a problem is told
/// by its code there.
fn check(language: &str, program: &Program, told: Result<String, String>) -> Result<(), String> {
    let told = told?;
    let is_problem = told.contains("\"type\":\"/docs/problems/");
    let begins = told.starts_with(&program.status.to_string());
    let is_good = match language {
        "curl" | "PHP" => !is_problem && (program.status == 204 || !told.trim().is_empty()),
        _ => begins && (program.status == 207 || !is_problem),
    };
    if is_good { Ok(()) } else { Err(told) }
}

fn program_of(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_runs() {
    all_of("curl", "sh", |file| {
        let mut command = program_of("bash", &["-e"]);
        command.arg(file);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_runs() {
    // As a module, in which a program may wait at its top.
    all_of("JavaScript", "mjs", |file| {
        let mut command = program_of("node", &[]);
        command.arg(file);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_runs() {
    all_of("Python", "py", |file| {
        let mut command = program_of("python3", &["-I", "-S"]);
        command.arg(file);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn php_runs() {
    all_of("PHP", "php", |file| {
        let mut command = program_of("php", &["-n"]);
        command.arg(file);
        command
    })
    .await;
}

/// These tests' reqwest is built without a crypto library of its own; a reader's brings one.
const PROVIDER: &str =
    "rustls::crypto::ring::default_provider().install_default().expect(\"a provider\");";

/// All Rust programs as one: each a module, run in order.
fn one_program(list: &[Program]) -> String {
    let mut code = String::from("#![allow(dead_code)]\n");
    let mut runs = String::new();
    for program in list {
        let _ = write!(
            code,
            "mod {0} {{\n{1}\npub fn run() {{ print!(\"{0} \"); main().expect(\"{0}\"); }}\n}}\n",
            program.name, program.code
        );
        let _ = writeln!(runs, "    {}::run();", program.name);
    }
    let _ = write!(code, "fn main() {{\n    {PROVIDER}\n{runs}}}\n");
    code
}

/// The compiled forms of a crate beside this test's own program: several where it was built with different features.
fn compiled(name: &str) -> Vec<PathBuf> {
    let own = std::env::current_exe().expect("this program");
    let folder = own.parent().expect("a folder");
    let is_it = |path: &PathBuf| {
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        file.starts_with(&format!("lib{name}-")) && path.extension().is_some_and(|it| it == "rlib")
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(is_it)
        .collect();
    // The newest first: what these tests were built with.
    found.sort_by_key(|path| std::cmp::Reverse(path.metadata().and_then(|it| it.modified()).ok()));
    found
}

/// Crates to compile against, each with its compiled form.
type Crates = [(&'static str, PathBuf); 3];

/// Compiles a program against crates of these tests.
async fn compile(source: &Path, target: &Path, crates: &Crates) -> Result<String, String> {
    let own = std::env::current_exe().expect("this program");
    let folder = own.parent().expect("a folder");
    let mut command = program_of("rustc", &["--edition", "2024", "--crate-type", "bin", "-o"]);
    command.arg(target).arg(source);
    command
        .arg("-L")
        .arg(format!("dependency={}", folder.display()));
    for (name, path) in crates {
        command
            .arg("--extern")
            .arg(format!("{name}={}", path.display()));
    }
    run(command, "").await
}

/// The compiled forms that go together: with which a program that makes a client compiles and runs.
async fn fitting(folder: &Path) -> Crates {
    let (source, target) = (folder.join("probe.rs"), folder.join("probe"));
    let probe = format!(
        "fn main() {{ {PROVIDER} let _ = reqwest::blocking::Client::new().post(\"http://localhost\").json(&serde_json::json!(1)); }}\n"
    );
    std::fs::write(&source, probe).expect("a file");
    let [all_reqwest, all_json, all_rustls] = ["reqwest", "serde_json", "rustls"].map(compiled);
    let mut last = "there is no compiled reqwest".to_owned();
    for reqwest in &all_reqwest {
        for json in &all_json {
            for rustls in &all_rustls {
                let crates = [
                    ("reqwest", reqwest.clone()),
                    ("serde_json", json.clone()),
                    ("rustls", rustls.clone()),
                ];
                let done = match compile(&source, &target, &crates).await {
                    Ok(_) => run(Command::new(&target), "").await,
                    Err(fault) => Err(fault),
                };
                match done {
                    Ok(_) => return crates,
                    Err(fault) => last = fault,
                }
            }
        }
    }
    panic!("{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rust_compiles_and_runs() {
    let (app, document, origin, _server) = server().await;
    let list = programs(&app, &document, "Rust", &origin).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) = (folder.path().join("all.rs"), folder.path().join("all"));
    std::fs::write(&source, one_program(&list)).expect("a file");
    let crates = fitting(folder.path()).await;
    compile(&source, &target, &crates)
        .await
        .expect("the programs compile");
    let told = run(Command::new(&target), &app.key.secret)
        .await
        .expect("the programs run");
    for program in &list {
        let line = told
            .lines()
            .find(|line| line.starts_with(&format!("{} ", program.name)));
        let wanted = format!("{} {} ", program.name, program.status);
        assert!(
            line.is_some_and(|line| line.starts_with(&wanted)),
            "{wanted}: {line:?}"
        );
    }
}
