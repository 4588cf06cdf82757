//! A real Chromium, driven through the chromedriver of `TEST_WEBDRIVER_URL`.
//!
//! Every call waits for what it needs; what does not come fails with the page's address and text, and with a screenshot
//! in the folder `TEST_SCREENSHOTS` where that is set.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::from_script;

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A browser with one window and an empty profile, closed when this is dropped.
pub(crate) struct Browser {
    client: Client,
    driver: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser of 1280 by 900 pixels.
    pub(crate) async fn open() -> Self {
        let driver = from_script("TEST_WEBDRIVER_URL");
        let profile = tempfile::tempdir().expect("a temporary folder");
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let options = json!({ "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--window-size=1280,900", user_data,
        ]});
        let capabilities = Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)]);
        // The client asks for one even to speak plain HTTP; a second call finds the first one's.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = ClientBuilder::rustls()
            .expect("a TLS provider")
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .unwrap_or_else(|error| panic!("no browser from {driver}: {error}"));
        let session = client.session_id().await.ok().flatten();
        Self {
            client,
            driver,
            session: session.expect("a session"),
            _profile: profile,
        }
    }

    /// Opens an address and waits until the page is loaded.
    pub(crate) async fn goto(&self, url: &str) {
        let result = self.client.goto(url).await;
        self.hold(result, format!("goto {url}")).await;
    }

    /// The address of the page that is shown.
    pub(crate) async fn url(&self) -> String {
        let result = self.client.current_url().await;
        self.hold(result, "url").await.into()
    }

    /// Waits for the first element of a CSS selector.
    pub(crate) async fn wait_for(&self, css: &str) -> Element {
        let begun = Instant::now();
        loop {
            match self.client.find(Locator::Css(css)).await {
                Err(_) if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
                result => return self.hold(result, format!("wait for {css}")).await,
            }
        }
    }

    /// Waits until the page's text contains this.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        let begun = Instant::now();
        while !self.page_text().await.contains(text) {
            if begun.elapsed() > PATIENCE {
                self.fail(&format!("wait for the text {text:?}"), "it did not come")
                    .await;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Clicks an element.
    pub(crate) async fn click(&self, css: &str) {
        let result = self.wait_for(css).await.click().await;
        self.hold(result, format!("click {css}")).await;
    }

    /// Replaces what a field holds, key by key as a person would.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.wait_for(css).await;
        let cleared = field.clear().await;
        self.hold(cleared, format!("clear {css}")).await;
        let typed = field.send_keys(text).await;
        self.hold(typed, format!("fill {css}")).await;
    }

    /// The text of an element as it is shown.
    pub(crate) async fn text(&self, css: &str) -> String {
        let result = self.wait_for(css).await.text().await;
        self.hold(result, format!("text of {css}")).await
    }

    /// Runs the body of a JavaScript function in the page and gives what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let result = self.client.execute(script, Vec::new()).await;
        self.hold(result, format!("run {script}")).await
    }

    /// Changes the size of the window, in pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let result = self.client.set_window_size(width, height).await;
        self.hold(result, "resize").await;
    }

    /// Saves what the window shows as `NAME.png` in the folder `TEST_SCREENSHOTS`; without that variable, nothing.
    pub(crate) async fn screenshot(&self, name: &str) -> Option<PathBuf> {
        let folder = PathBuf::from(std::env::var_os("TEST_SCREENSHOTS")?);
        let image = self.client.screenshot().await.ok()?;
        let path = folder.join(format!("{name}.png"));
        std::fs::create_dir_all(&folder).expect("a folder for screenshots");
        std::fs::write(&path, image).expect("a screenshot");
        Some(path)
    }

    async fn page_text(&self) -> String {
        let script = "return document.body ? document.body.innerText : ''";
        let text = self.client.execute(script, Vec::new()).await;
        text.ok()
            .and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    async fn hold<T, E: Display>(&self, result: Result<T, E>, what: impl Display) -> T {
        match result {
            Ok(value) => value,
            Err(error) => self.fail(&what.to_string(), &error.to_string()).await,
        }
    }

    async fn fail(&self, what: &str, why: &str) -> ! {
        let test = std::thread::current().name().unwrap_or("test").to_owned();
        let name = format!("failed-{}", test.replace("::", "-"));
        let picture = self.screenshot(&name).await;
        let url = self.client.current_url().await.map(String::from);
        panic!(
            "{what}: {why}\npage: {}\nscreenshot: {picture:?}\ntext: {}",
            url.unwrap_or_default(),
            self.page_text().await
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // By a plain blocking request, since the runtime that the client needs may be the one this happens in.
        let Some(host) = self.driver.strip_prefix("http://") else {
            return;
        };
        let host = host.trim_end_matches('/');
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
            self.session
        );
        if let Ok(mut stream) = TcpStream::connect(host) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.write_all(request.as_bytes());
            // The answer comes when the browser has ended.
            let _ = stream.read(&mut [0; 512]);
        }
    }
}

mod tests {
    use super::*;

    const PAGE: &str = "data:text/html,<title>t</title><input id=name value=old><button onclick=\"\
        setTimeout(() => out.textContent = 'Hello ' + document.getElementById('name').value, 200)\">go</button><p id=out></p>";

    #[tokio::test]
    async fn a_page_is_filled_and_read() {
        let browser = Browser::open().await;
        browser.goto(PAGE).await;
        assert!(browser.url().await.starts_with("data:text/html"));
        browser.fill("#name", "Ada").await;
        browser.click("button").await;
        browser.wait_for_text("Hello Ada").await;
        assert_eq!(browser.text("#out").await, "Hello Ada");
        browser.resize(400, 800).await;
        let width = browser.run("return window.outerWidth").await;
        assert!(width.as_u64().is_some_and(|width| width <= 500), "{width}");
        let wanted = std::env::var_os("TEST_SCREENSHOTS").is_some();
        assert_eq!(browser.screenshot("support").await.is_some(), wanted);
    }

    #[tokio::test]
    #[should_panic(expected = "text: Only this")]
    async fn a_failure_shows_the_page() {
        let browser = Browser::open().await;
        browser.goto("data:text/html,<p>Only this</p>").await;
        browser.goto("no address").await;
    }
}
