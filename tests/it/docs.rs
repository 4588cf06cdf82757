//! The documentation as its readers meet it: every page answers, every link leads somewhere, nothing is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use b2b_dashboard::app::App;
use b2b_dashboard::config::Config;
use b2b_dashboard::dashboard::assets;
use b2b_dashboard::db::migrate;
use b2b_dashboard::docs;
use b2b_dashboard::error::Code;
use b2b_dashboard::http;
use b2b_dashboard::types::{Clock, Ids, Timestamp};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;

/// The program's pages on an empty database.
struct Site {
    router: Router,
    _folder: TempDir,
}

impl Site {
    async fn open(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        let url = format!("sqlite:{}", place("test.db"));
        migrate::migrate(&url).await.expect("a schema");
        let own = [
            ("B2B_DATABASE__URL", url),
            ("B2B_SECRETS__MASTER_KEY_FILE", place("secret.key")),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let more = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::load(None, own.into_iter().chain(more)).expect("settings");
        let start = Timestamp::parse("2026-03-02T09:00:00Z").expect("a time");
        let app = App::open(config, Clock::fixed(start), Ids::seeded(1)).expect("an app");
        Self {
            router: docs::routes(&app)
                .merge(http::router(&app))
                .merge(assets::routes()),
            _folder: folder,
        }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String, String) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let policy = response
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .map_or("", |policy| policy.to_str().unwrap_or("?"))
            .to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body");
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        (status, text, policy)
    }

    async fn page(&self, path: &str) -> String {
        let (status, text, _) = self.get(path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        text
    }

    /// Every page that links lead to from the first one.
    async fn pages(&self) -> BTreeMap<String, String> {
        let mut pages = BTreeMap::new();
        let mut waiting = vec!["/docs".to_owned()];
        while let Some(path) = waiting.pop() {
            if pages.contains_key(&path) {
                continue;
            }
            let text = self.page(&path).await;
            for link in attributes(&text, "href") {
                let target = link.split(['#', '?']).next().unwrap_or_default();
                if target.starts_with("/docs") {
                    waiting.push(target.to_owned());
                }
            }
            pages.insert(path, text);
        }
        pages
    }
}

/// The values of an attribute, wherever it stands in a tag.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let opening = format!(" {name}=\"");
    html.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|value| value.replace("&amp;", "&"))
        .collect()
}

#[tokio::test]
async fn every_link_leads_somewhere_and_nothing_is_inline() {
    let site = Site::open(&[]).await;
    let pages = site.pages().await;
    assert!(pages.len() > 40, "{:?}", pages.keys());
    for (path, text) in &pages {
        for forbidden in [" style=", "<style", " onclick=", "javascript:", "<script>"] {
            let code_apart = text.replace("&lt;script", "");
            assert!(!code_apart.contains(forbidden), "{forbidden} on {path}");
        }
        let ids: Vec<_> = attributes(text, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "an id twice on {path}");
        assert_eq!(text.matches("<h1>").count(), 1, "{path}");
        for link in [attributes(text, "href"), attributes(text, "src")].concat() {
            let (target, place) = link.split_once('#').unwrap_or((&link, ""));
            if target.starts_with("/assets/") {
                site.page(target).await;
            } else if target.starts_with("/docs") || target.is_empty() {
                let shown = if target.is_empty() {
                    text
                } else {
                    &pages[target]
                };
                let wanted = format!("id=\"{place}\"");
                assert!(
                    place.is_empty() || shown.contains(&wanted),
                    "{link} on {path}"
                );
            } else {
                assert!(
                    ["/", "/api/openapi.json"].contains(&target),
                    "{link} on {path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_operation_and_every_code_has_its_place() {
    let site = Site::open(&[]).await;
    let pages = site.pages().await;
    for operation in http::routes::endpoints() {
        let page = &pages[&format!("/docs/reference/{}", operation.tag)];
        assert!(
            page.contains(&format!("id=\"{}\"", operation.id)),
            "{}",
            operation.id
        );
        for code in http::openapi::problems(operation).into_values().flatten() {
            let page = &pages[&format!("/docs/problems/{}", code.as_str())];
            let common = page.contains("Every operation of the");
            assert!(
                common || page.contains(&format!("#{}\"", operation.id)),
                "{} {}",
                code.as_str(),
                operation.id
            );
        }
    }
    for code in Code::ALL {
        assert!(
            pages[&http::problem::page(*code)].contains(code.title()),
            "{}",
            code.as_str()
        );
    }
}

#[tokio::test]
async fn examples_carry_the_address_that_readers_use() {
    let site = Site::open(&[]).await;
    let (_, text, policy) = site
        .get("/docs/reference/users", &[("host", "lms.test:81")])
        .await;
    assert!(text.contains("http://lms.test:81/api/users"));
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let (_, text, _) = site
        .get("/docs/guides/guide", &[("host", "evil'><script>")])
        .await;
    assert!(text.contains("http://127.0.0.1:8080/") && !text.contains("evil"));
    let site = Site::open(&[("B2B_SERVER__PUBLIC_URL", "https://learn.example.com")]).await;
    for path in [
        "/docs/guides/guide.md",
        "/docs/guides/idempotency",
        "/llms.txt",
    ] {
        let (_, text, _) = site.get(path, &[("host", "other.test")]).await;
        assert!(text.contains("https://learn.example.com/api"), "{path}");
        assert!(
            !text.contains("127.0.0.1:8080") && !text.contains("other.test"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_on_a_page() {
    let site = Site::open(&[]).await;
    for path in [
        "/docs/none",
        "/docs/guides/none",
        "/docs/guides/none.md",
        "/docs/guides/..%2F..%2FCargo.toml",
        "/docs/reference/none",
        "/docs/problems/none",
        "/docs/a/b/c",
    ] {
        let (status, text, _) = site.get(path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(text.contains("There is no such page"), "{path}");
    }
    let found = site.page("/docs/search?q=seat%20waitlist").await;
    assert!(found.contains("docs-hits"));
    assert!(site.page("/docs/search").await.contains("Type some words"));
    let (_, dark, _) = site.get("/docs", &[("cookie", "theme=dark")]).await;
    assert!(dark.contains("data-theme=\"dark\""));
}

/// Every Markdown file of the repository that people read, with its text.
fn markdown_files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["", "docs", "docs/decisions"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = std::fs::read_to_string(&path).expect("a text");
                files.push((path, text));
            }
        }
    }
    files
}

/// The commands that a text names, such as `key create`.
fn commands_in(text: &str) -> BTreeSet<String> {
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.split("b2b-dashboard ")
        .skip(1)
        .filter_map(|rest| rest.split(['\n', '`', '#', '"']).next())
        .map(|line| {
            line.split(' ')
                .take(2)
                .take_while(is_word)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .filter(|command| !command.is_empty())
        .collect()
}

#[tokio::test]
async fn commands_that_texts_name_exist() {
    let page = Site::open(&[]).await.page("/docs/commands").await;
    let mut count = 0;
    for (file, text) in markdown_files() {
        for command in commands_in(&text) {
            count += 1;
            let place = format!("id=\"{}\"", command.trim().replace(' ', "-"));
            assert!(page.contains(&place), "{command} in {}", file.display());
        }
    }
    assert!(count > 15, "{count}");
}

/// The id that a heading gets, as on GitHub.
fn slug(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

#[test]
fn links_between_files_lead_to_files_and_headings() {
    let files = markdown_files();
    assert!(files.len() > 15);
    for (file, text) in &files {
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.contains("://") {
                continue;
            }
            let (target, place) = link.split_once('#').unwrap_or((link, ""));
            let path = match target {
                "" => file.clone(),
                target => file.parent().expect("a folder").join(target),
            };
            assert!(path.exists(), "{link} in {}", file.display());
            if !place.is_empty() {
                let shown = std::fs::read_to_string(&path).expect("a text");
                let mut headings = shown.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| slug(line.trim_start_matches(['#', ' '])) == place);
                assert!(found, "{link} in {}", file.display());
            }
        }
    }
}
