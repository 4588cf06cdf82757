//! The load programs behind `bench/RESULTS.md`. `bench/run` starts what they need and calls this.
//!
//! Everything is a ratio within one run: each figure and its baseline are measured in turn, three rounds, medians.

mod client;
mod lists;
mod machine;
mod pgbench;
mod report;
mod seed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::routing::get;
use b2b_dashboard::access::authenticate::authenticate;
use b2b_dashboard::accounts;
use b2b_dashboard::app::App;
use b2b_dashboard::config::Config;
use b2b_dashboard::types::{AccountId, Clock, Ids};
use client::{Connection, Load, Until, load, request};
use machine::{Server, cpu_of_postgres};
use report::Report;
use serde_json::{Value, json};

/// The program's own, so that the bare handler has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Teams over which the load is spread, each with a seat of its own.
const TEAMS: usize = 100;
/// Rounds of each figure.
const ROUNDS: usize = 3;

/// What a database under load is known by.
pub struct Place {
    name: &'static str,
    url: String,
    folder: PathBuf,
    postmaster: Option<u32>,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("bare") => bare(&arguments[2], &arguments[3], &arguments[4]).await,
        Some("run") => {
            run(
                Path::new(&arguments[2]),
                Path::new(&arguments[3]),
                &arguments[4],
                &arguments[5],
            )
            .await
        }
        Some("lists") => {
            large_lists(
                Path::new(&arguments[2]),
                Path::new(&arguments[3]),
                &arguments[4],
                &arguments[5],
            )
            .await;
        }
        _ => panic!("called by bench/run: run|lists PROGRAM FOLDER POSTGRES_URL POSTMASTER_PID"),
    }
}

fn seconds() -> u64 {
    std::env::var("BENCH_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(6)
}

impl Place {
    fn variables(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("B2B_DATABASE__URL", self.url.clone()),
            (
                "B2B_SECRETS__MASTER_KEY_FILE",
                self.folder.join("secret.key").display().to_string(),
            ),
            ("B2B_LOG__LEVEL", "warn".to_owned()),
        ];
        all.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        all
    }

    fn serve(&self, program: &Path, more: &[(&'static str, &str)]) -> Server {
        Server::start(
            program,
            &["serve", "--listen", "127.0.0.1:0"],
            &self.variables(more),
        )
    }

    /// Runs a command of the program and gives its JSON.
    fn command(&self, program: &Path, arguments: &[&str]) -> Value {
        let output = Command::new(program)
            .args(arguments)
            .arg("--json")
            .envs(self.variables(&[]))
            .output()
            .expect("the program");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn app(&self) -> App {
        let variables = self
            .variables(&[])
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        App::open(
            Config::load(None, variables).expect("settings"),
            Clock::system(),
            Ids::system(),
        )
        .expect("an app")
    }
}

/// Makes an account without a limit, and a key.
fn account(place: &Place, program: &Path) -> (String, AccountId) {
    place.command(program, &["migrate"]);
    let made = place.command(
        program,
        &[
            "account",
            "create",
            "--name",
            "Load",
            "--plan",
            "enterprise",
            "--requests-per-minute",
            "10000000",
        ],
    );
    let account = made["id"]
        .as_str()
        .or(made["account"]["id"].as_str())
        .expect("an id")
        .to_owned();
    let key = place.command(
        program,
        &[
            "key",
            "create",
            "--account",
            &account,
            "--name",
            "load",
            "--scopes",
            "full",
        ],
    );
    let key = key["api_key"].as_str().expect("a key").to_owned();
    (key, AccountId::parse(&account).expect("an id"))
}

/// An account with a product, and the teams with their seats.
async fn seed(place: &Place, program: &Path) -> (String, AccountId) {
    let (key, account) = account(place, program);
    let server = place.serve(program, &[]);
    let mut connection = Connection::open(&server.address).await;
    let mut post = async |path: &str, body: Value| {
        let (status, answer) = connection
            .send(&request("POST", path, &key, Some(&body.to_string())))
            .await;
        assert!(status < 300, "{path}: {}", String::from_utf8_lossy(&answer));
    };
    post(
        "/api/courses",
        json!({ "name": "Load", "external_id": "load" }),
    )
    .await;
    post(
        "/api/products",
        json!({ "name": "Load", "external_id": "load", "courses": ["ext:load"] }),
    )
    .await;
    for n in 0..1000 {
        post(
            "/api/teams",
            json!({ "name": format!("Team {n}"), "external_id": format!("team-{n}") }),
        )
        .await;
        post("/api/seats", json!({ "product": "ext:load", "teams": [format!("ext:team-{n}")], "quantity": 1_000_000, "external_id": format!("seat-{n}") })).await;
    }
    (key, account)
}

fn provisions(key: &str, run: String) -> impl Fn(u64) -> Vec<u8> + Send + Sync + 'static {
    let key = key.to_owned();
    move |n| {
        let team = (n as usize * 7919) % TEAMS;
        request(
            "POST",
            "/api/provision",
            &key,
            Some(&pgbench::body(team, &format!("{run}-{n}")).to_string()),
        )
    }
}

fn only(load: &Load, wanted: u16) {
    assert_eq!(
        load.statuses.keys().copied().collect::<Vec<_>>(),
        [wanted],
        "{:?}",
        load.statuses
    );
}

/// The two databases, each with a folder for its files.
fn places(folder: &Path, postgres: &str, postmaster: &str) -> [Place; 2] {
    let sqlite = Place {
        name: "SQLite",
        url: format!("sqlite:{}/bench.db", folder.display()),
        folder: folder.join("s"),
        postmaster: None,
    };
    let server = Place {
        name: "PostgreSQL",
        url: postgres.to_owned(),
        folder: folder.join("p"),
        postmaster: postmaster.parse().ok(),
    };
    for place in [&sqlite, &server] {
        std::fs::create_dir_all(&place.folder).expect("a folder");
    }
    [sqlite, server]
}

/// Page 1 and page 40,000 of every list in a large account.
async fn large_lists(program: &Path, folder: &Path, postgres: &str, postmaster: &str) {
    let scale = std::env::var("BENCH_SCALE")
        .ok()
        .and_then(|text| text.parse().ok());
    let size = seed::Size::scaled(scale.unwrap_or(1.0));
    let mut lists = report::Lists::default();
    for place in &places(folder, postgres, postmaster) {
        let (key, account) = account(place, program);
        seed::fill(place, &account, size).await;
        lists::measure(place, program, &key, &account, &mut lists).await;
    }
    let size = format!(
        "{} people, {} teams, {} assignments",
        size.users, size.teams, size.assignments
    );
    lists.write(Path::new("bench/RESULTS.md"), &size);
}

async fn run(program: &Path, folder: &Path, postgres: &str, postmaster: &str) {
    let [sqlite, server] = places(folder, postgres, postmaster);
    let mut report = Report::default();
    let keys = [seed(&sqlite, program).await, seed(&server, program).await];
    postgres_provisions(&server, program, &keys[1], &mut report).await;
    sqlite_provisions(&sqlite, program, &keys[0].0, &mut report).await;
    for (place, (key, _)) in [&sqlite, &server].into_iter().zip(&keys) {
        reads(place, program, key, &mut report).await;
        hot_seat(place, program, key, &mut report).await;
    }
    check_and_limit(&sqlite, &keys[0].0, &mut report).await;
    size(&sqlite, program, &keys[0].0, &mut report).await;
    report.write(Path::new("bench/RESULTS.md"));
}

/// Provisions over HTTP against pgbench with the same statements one by one.
async fn postgres_provisions(
    place: &Place,
    program: &Path,
    (key, account): &(String, AccountId),
    report: &mut Report,
) {
    let app = place.app();
    let call = accounts::operator(&app, account.clone());
    let mut files = Vec::new();
    for team in 0..TEAMS {
        let file = place.folder.join(format!("team-{team}.sql"));
        std::fs::write(&file, pgbench::script(&app, &call, team).await).expect("a file");
        files.push(file);
    }
    drop(app);
    let server = place.serve(program, &[("B2B_JOBS__RUN_IN_SERVE", "false")]);
    let (mut rates, mut bases, mut cpu, mut db_cpu, mut base_cpu) =
        (vec![], vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let (own, db) = (server.cpu(), cpu_of_postgres(place.postmaster.unwrap_or(0)));
        let seen = load(
            &server.address,
            16,
            Until::Time(Duration::from_secs(seconds())),
            provisions(key, format!("pg{round}")),
        )
        .await;
        only(&seen, 201);
        let count = seen.latencies.len() as f64;
        cpu.push((server.cpu() - own) / count * 1e6);
        db_cpu.push((cpu_of_postgres(place.postmaster.unwrap_or(0)) - db) / count * 1e6);
        rates.push(seen.rate);
        let db = cpu_of_postgres(place.postmaster.unwrap_or(0));
        let (rate, count) = run_pgbench(&place.url, &files);
        base_cpu.push((cpu_of_postgres(place.postmaster.unwrap_or(0)) - db) / count * 1e6);
        bases.push(rate);
    }
    report.ratio(
        "Provisions a second over HTTP, 16 connections ÷ pgbench, the same statements one by one",
        "PostgreSQL",
        &rates,
        &bases,
        0.9,
        1.3,
    );
    report.cpu("PostgreSQL, provision over HTTP", &cpu, Some(&db_cpu));
    report.cpu(
        "PostgreSQL, pgbench one by one (database alone)",
        &base_cpu,
        None,
    );
}

fn run_pgbench(url: &str, files: &[PathBuf]) -> (f64, f64) {
    let mut command = Command::new("pgbench");
    command.args([
        "-n",
        "-M",
        "prepared",
        "-c",
        "16",
        "-j",
        "2",
        "-T",
        &seconds().to_string(),
    ]);
    for file in files {
        command.arg("-f").arg(file);
    }
    let output = command.arg(url).output().expect("pgbench");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let figure = |name: &str| {
        text.lines().find_map(|line| {
            line.strip_prefix(name)?
                .split([' ', '/'])
                .next()?
                .parse::<f64>()
                .ok()
        })
    };
    let (rate, count) = (
        figure("tps = "),
        figure("number of transactions actually processed: "),
    );
    (
        rate.unwrap_or_else(|| panic!("{text}")),
        count.unwrap_or_else(|| panic!("{text}")),
    )
}

/// Provisions over HTTP with group commit against a commit for each.
async fn sqlite_provisions(place: &Place, program: &Path, key: &str, report: &mut Report) {
    let (mut rates, mut bases, mut cpu) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        for (group, name) in [("64", "g"), ("1", "s")] {
            let server = place.serve(
                program,
                &[
                    ("B2B_DATABASE__GROUP_COMMIT", group),
                    ("B2B_JOBS__RUN_IN_SERVE", "false"),
                ],
            );
            let own = server.cpu();
            let seen = load(
                &server.address,
                32,
                Until::Time(Duration::from_secs(seconds())),
                provisions(key, format!("{name}{round}")),
            )
            .await;
            only(&seen, 201);
            if group == "64" {
                cpu.push((server.cpu() - own) / seen.latencies.len() as f64 * 1e6);
                rates.push(seen.rate);
            } else {
                bases.push(seen.rate);
            }
        }
    }
    report.ratio(
        "Provisions a second over HTTP, 32 connections ÷ a commit for each request",
        "SQLite",
        &rates,
        &bases,
        1.8,
        3.0,
    );
    report.cpu("SQLite, provision over HTTP", &cpu, None);
}

/// Reads over HTTP against a bare handler with the same bytes and key check.
async fn reads(place: &Place, program: &Path, key: &str, report: &mut Report) {
    let server = place.serve(program, &[("B2B_JOBS__RUN_IN_SERVE", "false")]);
    let mut connection = Connection::open(&server.address).await;
    let (_, page) = connection
        .send(&request("GET", "/api/users?limit=50", key, None))
        .await;
    let listed: Value = serde_json::from_slice(&page).expect("a page");
    let one = format!(
        "/api/users/{}",
        listed["data"][0]["id"].as_str().expect("an id")
    );
    let (_, single) = connection.send(&request("GET", &one, key, None)).await;
    for (name, body) in [("single", &single), ("page", &page)] {
        std::fs::write(place.folder.join(name), body).expect("a file");
    }
    let bare = std::env::current_exe().expect("this program");
    let (single, page) = (
        place.folder.join("single").display().to_string(),
        place.folder.join("page").display().to_string(),
    );
    let bare = Server::start(
        &bare,
        &["bare", &one, &single, &page],
        &place.variables(&[]),
    );
    for (path, name, floor, goal) in [
        (
            one.as_str(),
            "GET /api/users/{id} ÷ a bare handler",
            (0.3, 0.18),
            (0.6, 0.36),
        ),
        (
            "/api/users?limit=50",
            "GET a page of 50 users ÷ a bare handler",
            (0.2, 0.12),
            (0.4, 0.24),
        ),
    ] {
        let (mut rates, mut bases, mut cpu, mut base_cpu) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            for (of, rates, cpu) in [
                (&server, &mut rates, &mut cpu),
                (&bare, &mut bases, &mut base_cpu),
            ] {
                let (bytes, own) = (request("GET", path, key, None), of.cpu());
                let seen = load(
                    &of.address,
                    16,
                    Until::Time(Duration::from_secs(seconds() / 2)),
                    move |_| bytes.clone(),
                )
                .await;
                only(&seen, 200);
                cpu.push((of.cpu() - own) / seen.latencies.len() as f64 * 1e6);
                rates.push(seen.rate);
            }
        }
        let pick = |pair: (f64, f64)| {
            if place.postmaster.is_none() {
                pair.0
            } else {
                pair.1
            }
        };
        report.ratio(name, place.name, &rates, &bases, pick(floor), pick(goal));
        report.cpu(
            &format!("{}, {name} (the handler itself)", place.name),
            &cpu,
            None,
        );
        report.cpu(&format!("{}, {name} (bare)", place.name), &base_cpu, None);
    }
}

/// A thousand calls for ten places, and the rate against the same over a thousand seats.
async fn hot_seat(place: &Place, program: &Path, key: &str, report: &mut Report) {
    let server = place.serve(program, &[("B2B_JOBS__RUN_IN_SERVE", "false")]);
    let mut connection = Connection::open(&server.address).await;
    let (mut hot_rates, mut wide_rates) = (vec![], vec![]);
    for round in 0..ROUNDS {
        let team = json!({ "name": format!("Hot {round}"), "external_id": format!("hot-{round}") })
            .to_string();
        connection
            .send(&request("POST", "/api/teams", key, Some(&team)))
            .await;
        let seat = json!({ "product": "ext:load", "teams": [format!("ext:hot-{round}")], "quantity": 10, "external_id": format!("hot-{round}") }).to_string();
        connection
            .send(&request("POST", "/api/seats", key, Some(&seat)))
            .await;
        let own = key.to_owned();
        let hot = load(&server.address, 64, Until::Count(1000), move |n| {
            let body = json!({ "email": format!("hot-{round}-{n}@load.example"), "team": { "strategy": "specific", "id": format!("ext:hot-{round}") }, "seats": [{ "product": "ext:load", "if_full": "waitlist" }] });
            request("POST", "/api/provision", &own, Some(&body.to_string()))
        })
        .await;
        only(&hot, 201);
        let (_, seat) = connection
            .send(&request(
                "GET",
                &format!("/api/seats/ext:hot-{round}"),
                key,
                None,
            ))
            .await;
        let seat: Value = serde_json::from_slice(&seat).expect("a seat");
        assert_eq!(
            (&seat["assigned"], &seat["waitlisted"]),
            (&json!(10), &json!(990)),
            "{seat}"
        );
        let own = key.to_owned();
        let wide = load(&server.address, 64, Until::Count(1000), move |n| {
            request(
                "POST",
                "/api/provision",
                &own,
                Some(&pgbench::body(n as usize, &format!("wide-{round}-{n}")).to_string()),
            )
        })
        .await;
        only(&wide, 201);
        hot_rates.push(hot.rate);
        wide_rates.push(wide.rate);
    }
    let (_, proof) = connection
        .send(&request("GET", "/api/integrity", key, None))
        .await;
    let proof: Value = serde_json::from_slice(&proof).expect("a report");
    assert_eq!(proof["mismatches"], json!([]), "{proof}");
    report.ratio("1,000 parallel calls for 10 places (10 assigned, 990 waiting, ledger equal) ÷ over 1,000 seats", place.name, &hot_rates, &wide_rates, 0.0, 0.0);
}

/// The key check and the limit together, in the process.
async fn check_and_limit(place: &Place, key: &str, report: &mut Report) {
    let app = place.app();
    let header = format!("Bearer {key}");
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        let (begun, count) = (Instant::now(), 200_000_u32);
        for _ in 0..count {
            let now = app.clock.now();
            let known = authenticate(&app, Some(&header), None, now)
                .await
                .expect("a key");
            let account = &known.caller().account;
            let standing = app
                .limiter
                .take(&app.db, account, account.as_str(), known.account_limit, now)
                .await
                .expect("a limit");
            assert!(standing.allowed);
        }
        figures.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(count));
    }
    report.figure(
        "Key check and rate limit together",
        "µs a request",
        &figures,
        2.0,
    );
}

/// Start on an existing database, and memory after a hundred thousand provisions.
async fn size(place: &Place, program: &Path, key: &str, report: &mut Report) {
    let mut starts = Vec::new();
    for _ in 0..ROUNDS {
        starts.push(place.serve(program, &[]).start.as_secs_f64());
    }
    report.figure("Start to ready on an existing database", "s", &starts, 0.5);
    let count = std::env::var("BENCH_PROVISIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let server = place.serve(program, &[]);
    let seen = load(
        &server.address,
        32,
        Until::Count(count),
        provisions(key, "size".to_owned()),
    )
    .await;
    only(&seen, 201);
    report.figure(
        &format!("Memory after {count} provisions with their mails"),
        "MiB",
        &[server.memory()],
        100.0,
    );
    let quantiles: BTreeMap<&str, f64> =
        [("p50", seen.quantile(0.5)), ("p99", seen.quantile(0.99))].into();
    report.note(format!("Latency in that run at 32 connections with the worker beside it: {quantiles:.1?} ms at {:.0} a second.", seen.rate));
}

/// A bare axum server: two paths, their bytes, and the key check.
async fn bare(one: &str, single: &str, page: &str) {
    let variables: Vec<_> = std::env::vars()
        .filter(|(name, _)| name.starts_with("B2B_"))
        .collect();
    let app = App::open(
        Config::load(None, variables).expect("settings"),
        Clock::system(),
        Ids::system(),
    )
    .expect("an app");
    let handler = |file: &str| {
        let (app, bytes): (App, Arc<[u8]>) =
            (app.clone(), std::fs::read(file).expect("a file").into());
        get(move |request: Request| {
            let (app, bytes) = (app.clone(), Arc::clone(&bytes));
            async move {
                let text = request
                    .headers()
                    .get(header::AUTHORIZATION)
                    .and_then(|value| value.to_str().ok());
                match authenticate(&app, text, None, app.clock.now()).await {
                    Ok(_) => (
                        StatusCode::OK,
                        [(header::CONTENT_TYPE, "application/json")],
                        bytes.to_vec(),
                    ),
                    Err(_) => (
                        StatusCode::UNAUTHORIZED,
                        [(header::CONTENT_TYPE, "application/json")],
                        Vec::new(),
                    ),
                }
            }
        })
    };
    let router = Router::new()
        .route(one, handler(single))
        .route("/api/users", handler(page));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    println!(
        "{}",
        json!({ "url": format!("http://{}", listener.local_addr().expect("an address")) })
    );
    axum::serve(listener, router).await.expect("a server");
}
