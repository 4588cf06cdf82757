//! The style sheet, script and pictures of the dashboard, embedded in the program.
//!
//! Every file is served under a path that contains the hash of its content, so a browser may keep it for ever
//! and a new release is seen at once. A path with an older hash (a page loaded before a release) is answered
//! with the current file and is not kept. The style sheet is written in parts and served as one file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// The parts of `app.css`, in the order in which they apply.
const STYLE_PARTS: [&str; 8] = [
    "css/tokens.css",
    "css/base.css",
    "css/shell.css",
    "css/controls.css",
    "css/data.css",
    "css/display.css",
    "css/docs.css",
    "css/pages.css",
];

struct Asset {
    body: Cow<'static, [u8]>,
    hash: String,
    content_type: String,
}

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let mut assets: BTreeMap<String, Asset> = Files::iter()
        .filter(|path| !path.starts_with("css/"))
        .filter_map(|path| {
            let file = Files::get(&path)?;
            let content_type = content_type(file.metadata.mimetype());
            Some((
                path.into_owned(),
                Asset {
                    hash: hash(&file.data),
                    body: file.data,
                    content_type,
                },
            ))
        })
        .collect();
    let style: Vec<u8> = STYLE_PARTS
        .iter()
        .filter_map(|path| Files::get(path))
        .flat_map(|file| file.data.into_owned())
        .collect();
    let style = Asset {
        hash: hash(&style),
        body: Cow::Owned(style),
        content_type: content_type("text/css"),
    };
    assets.insert("app.css".to_owned(), style);
    assets
});

fn content_type(mime: &str) -> String {
    if mime.starts_with("text/") {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_owned()
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of `body`.
fn hash(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .take(8)
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The address of an embedded file, such as `/assets/0123456789abcdef/app.css`. `path` is relative to `assets/`;
/// a file that does not exist gives an address that answers 404.
pub fn asset_url(path: &str) -> String {
    let hash = ASSETS.get(path).map_or("none", |asset| asset.hash.as_str());
    format!("/assets/{hash}/{path}")
}

/// `GET /assets/{hash}/{path}`: the file with its type, an `ETag` (304 when the reader has it) and a year of
/// immutable caching; `no-cache` when the hash is not the current one; 404 for an unknown path.
pub fn routes() -> Router {
    Router::new().route("/assets/{hash}/{*path}", get(serve))
}

async fn serve(Path((hash, path)): Path<(String, String)>, request: HeaderMap) -> Response {
    let Some(asset) = ASSETS.get(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", asset.hash);
    let caching = if asset.hash == hash {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let (Ok(etag), Ok(kind)) = (
        HeaderValue::from_str(&etag),
        HeaderValue::from_str(&asset.content_type),
    ) {
        headers.insert(header::ETAG, etag);
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let known = request
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| {
        known
            .split(',')
            .any(|tag| tag.trim().trim_start_matches("W/") == etag)
    }) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, asset.body.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn get_asset(url: &str, etag: Option<&str>) -> Response {
        let mut request = Request::get(url);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        routes()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_style_sheet_is_one_file_kept_for_ever() {
        let response = get_asset(&asset_url("app.css"), None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/css; charset=utf-8"
        );
        assert_eq!(
            response.headers()[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        let etag = response.headers()[header::ETAG]
            .to_str()
            .unwrap()
            .to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            text.contains("--accent:") && text.contains(".seat-card"),
            "first and last part are there"
        );
        let again = get_asset(&asset_url("app.css"), Some(&etag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn an_older_hash_gets_the_current_file_without_keeping_it() {
        let response = get_asset("/assets/0000000000000000/app.js", None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    }

    #[tokio::test]
    async fn unknown_files_and_parts_of_the_style_sheet_are_not_found() {
        for path in [
            "/assets/x/none.js",
            "/assets/x/css/tokens.css",
            "/assets/x/../Cargo.toml",
        ] {
            assert_eq!(
                get_asset(path, None).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
