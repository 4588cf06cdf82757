//! The direction of the modules: each file's `crate::…` is read, and a use that goes upward fails by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules from the bottom to the top; those of one line may use each other. What stands below may be used by what
/// stands above, never the other way round.
///
/// Two lines hold what has grown together: values know how they are stored (`types`, `db`), and the services share one
/// line with `app`, since it is opened from what they keep (the cache of keys, the limits, the mailer) and is handed to
/// them again.
const LAYERS: &[&[&str]] = &[
    &["tasks", "types", "db", "dns"],
    &["error", "metrics"],
    &["locale", "i18n", "body", "telemetry"],
    &[
        "app",
        "config",
        "access",
        "jobs",
        "events",
        "commit",
        "resource",
        "records",
        "listing",
        "resources",
        "email",
        "seats",
        "members",
        "lifecycle",
        "commerce",
        "provisioning",
        "invitations",
        "joining",
        "accounts",
        "admins",
        "demo",
        "bulk",
        "feeds",
        "streams",
        "webhooks",
        "lms",
        "reports",
        "imports",
    ],
    &["http", "dashboard", "docs", "worker"],
    &["server"],
    &["cli", "main", "lib"],
];

/// Uses that go upward and are known: the file, the module, and why.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "app.rs",
        "http",
        "the app holds the requests that run with an idempotency key",
    ),
    (
        "docs/catalog.rs",
        "cli",
        "the page of commands is made from the command line itself",
    ),
    (
        "telemetry.rs",
        "config",
        "the log and the traces are opened from their settings",
    ),
];

/// Modules that know nothing of HTTP.
const WITHOUT_AXUM: &[&str] = &[
    "types",
    "db",
    "error",
    "access",
    "events",
    "jobs",
    "commit",
    "resource",
    "records",
    "listing",
    "resources",
    "seats",
    "lifecycle",
    "commerce",
    "provisioning",
    "invitations",
    "joining",
    "email",
    "bulk",
    "app",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file by its path below `src`, without its comments and its tests.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let is_test = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
    found
        .iter()
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .expect("below src")
                .display()
                .to_string();
            let text = std::fs::read_to_string(path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines: Vec<_> = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            (name, lines.join("\n"))
        })
        .filter(|(name, _)| !is_test(name))
        .collect()
}

fn module_of(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.trim_end_matches(".rs")
}

/// The modules that a text names by `crate::…`, alone or in braces.
fn used(text: &str) -> BTreeSet<&str> {
    let word = |text: &str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(&rest[..word(rest)]);
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (n, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && depth == 0 && c.is_alphabetic() => {
                    names.insert(&group[n..n + word(&group[n..])]);
                    begins = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn no_file_uses_what_stands_above_it() {
    let sources = sources();
    let modules: BTreeSet<&str> = sources.keys().map(|file| module_of(file)).collect();
    let mut faults = Vec::new();
    for (file, text) in &sources {
        let module = module_of(file);
        let Some(own) = layer(module) else {
            faults.push(format!(
                "{file}: the module {module} has no place in the layers"
            ));
            continue;
        };
        for name in used(text).into_iter().filter(|name| modules.contains(name)) {
            let is_known = KNOWN
                .iter()
                .any(|(known, used, _)| known == file && *used == name);
            if layer(name).is_some_and(|layer| layer > own) && !is_known {
                faults.push(format!("{file} uses {name}, which stands above {module}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_listed_as_known_is_still_so() {
    let sources = sources();
    for (file, name, reason) in KNOWN {
        let is_used = sources
            .get(*file)
            .is_some_and(|text| used(text).contains(name));
        assert!(
            is_used,
            "{file} does not use {name} any more ({reason}): take it off the list"
        );
    }
}

#[test]
fn only_the_surfaces_know_of_axum() {
    for (file, text) in sources() {
        if WITHOUT_AXUM.contains(&module_of(&file)) {
            assert!(!text.contains("axum"), "{file} mentions axum");
        }
    }
}

#[test]
fn uses_are_read_in_every_form() {
    let text = "use crate::db::Db;\nuse crate::{app, error::{Code, Error}, http::door};\nlet x = crate::tasks::spawn(y);";
    let names: Vec<_> = used(text).into_iter().collect();
    assert_eq!(names, ["app", "db", "error", "http", "tasks"]);
}
