//! Debian's Chromium, driven by its chromedriver: JSON over HTTP (W3C WebDriver), and Chrome DevTools Protocol for the
//! properties of a visitor's device.

use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::wait;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// The longest that the start of a browser takes on a busy machine.
const ANSWERS_WITHIN: Duration = Duration::from_secs(120);
/// The key under which WebDriver returns the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The ENTER and TAB keys in WebDriver's encoding.
pub(crate) const ENTER: &str = "\u{E007}";
pub(crate) const TAB: &str = "\u{E004}";

/// A browser with one window and a profile of its own. Dropping it ends the browser and its driver, which are one process
/// group.
#[derive(Debug)]
pub(crate) struct Chromium {
    driver: SocketAddr,
    session: String,
    _process: Process,
    _folder: Scratch,
}

impl Chromium {
    /// Starts a browser with an empty window of 1440 × 900 pixels.
    pub(crate) async fn start() -> Self {
        require("chromium", "chromium");
        let folder = Scratch::new("chromium");
        // Both leave files in the folder for temporary ones.
        let mut command = Command::new("env");
        command.arg(format!("TMPDIR={}", folder.path().display()));
        command.arg(require("chromedriver", "chromium-driver"));
        command.arg("--port=0");
        let process = Process::spawn(&command, Signal::Kill, &folder.path().join("console.log"));
        let port = wait::until(STARTS_WITHIN, async || port(&process.log())).await;
        let port = port.unwrap_or_else(|| panic!("no chromedriver starts\n{}", process.log()));
        let mut chromium = Self {
            driver: (Ipv4Addr::LOCALHOST, port).into(),
            session: String::new(),
            _process: process,
            _folder: folder,
        };
        let profile = chromium._folder.folder("profile");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1440,900",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        } } });
        let session = chromium.ask("POST", "/session", &wanted).await;
        let session = session.unwrap_or_else(|why| panic!("no Chromium starts: {why}"));
        let id = session["sessionId"].as_str().expect("a session's id");
        chromium.session = format!("/session/{id}");
        chromium
    }

    /// Opens an address and waits until the page is loaded.
    pub(crate) async fn open(&self, address: &str) {
        self.post("/url", &json!({ "url": address })).await;
    }

    /// Runs a script and returns its value.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", &body).await
    }

    /// Waits for an element that an XPath expression finds.
    pub(crate) async fn find(&self, path: &str) {
        self.with(path, async |_| Ok(())).await;
    }

    /// Clicks an element with the mouse; it must be visible.
    pub(crate) async fn click(&self, path: &str) {
        let click = async |element: &str| {
            let click = format!("{element}/click");
            self.command("POST", &click, &json!({})).await.map(drop)
        };
        self.with(path, click).await;
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, path: &str, text: &str) {
        let fill = async |element: &str| {
            let clear = format!("{element}/clear");
            self.command("POST", &clear, &json!({})).await?;
            let (value, keys) = (format!("{element}/value"), json!({ "text": text }));
            self.command("POST", &value, &keys).await.map(drop)
        };
        self.with(path, fill).await;
    }

    /// Acts on the first element that an XPath expression finds, and waits for it. An attempt that fails is repeated, since a
    /// page that updates itself may remove an element between finding and acting.
    async fn with(&self, path: &str, act: impl AsyncFn(&str) -> Result<(), String>) {
        let query = json!({ "using": "xpath", "value": path });
        let mut why = String::new();
        let done = wait::until(STARTS_WITHIN, async || {
            let done = async {
                let found = self.command("POST", "/element", &query).await?;
                let id = found[ELEMENT].as_str().unwrap_or_default();
                act(&format!("/element/{id}")).await
            };
            done.await.map_err(|error| why = error).ok()
        })
        .await;
        if done.is_none() {
            panic!("{path}: {why} in\n{}", self.text().await);
        }
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: &str) {
        let strokes =
            json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let keyboard = json!([{ "type": "key", "id": "keyboard", "actions": strokes }]);
        self.post("/actions", &json!({ "actions": keyboard })).await;
    }

    /// Accepts the dialog that the page has opened, and returns its question.
    pub(crate) async fn accept(&self) -> String {
        let question = self.command("GET", "/alert/text", &Value::Null).await;
        let question = question.unwrap_or_else(|why| panic!("nothing is asked: {why}"));
        self.post("/alert/accept", &json!({})).await;
        question.as_str().expect("a text").to_owned()
    }

    /// The visible text of the page; empty while the browser changes pages.
    pub(crate) async fn text(&self) -> String {
        let query = json!({ "using": "css selector", "value": "body" });
        let text = async {
            let body = self.command("POST", "/element", &query).await?;
            let id = body[ELEMENT].as_str().unwrap_or_default();
            let text = format!("/element/{id}/text");
            self.command("GET", &text, &Value::Null).await
        };
        let text = text.await.unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page shows this text.
    pub(crate) async fn says(&self, text: &str) {
        let said = wait::until(STARTS_WITHIN, async || {
            self.text().await.contains(text).then_some(())
        })
        .await;
        if said.is_none() {
            panic!("the page does not say {text:?}:\n{}", self.text().await);
        }
    }

    /// Runs a command of the Chrome DevTools Protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body).await
    }

    /// Gives the page the size of a device's screen, in CSS pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Sets the preferred colour scheme: `light` or `dark`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": feature }))
            .await;
    }

    /// Turns the scripts of pages off or on, from the next page on.
    pub(crate) async fn disable_scripts(&self, disabled: bool) {
        let value = json!({ "value": disabled });
        self.devtools("Emulation.setScriptExecutionDisabled", value)
            .await;
    }

    /// A picture of the whole page as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let whole = json!({ "captureBeyondViewport": true });
        let shot = self.devtools("Page.captureScreenshot", whole).await;
        let data = shot["data"].as_str().expect("a picture");
        let decoded = base64::engine::general_purpose::STANDARD.decode(data);
        decoded.expect("base64")
    }

    /// The messages of the console since the last call.
    pub(crate) async fn console(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" })).await;
        let lines = log.as_array().cloned().unwrap_or_default();
        let message = |line: &Value| line["message"].as_str().unwrap_or_default().to_owned();
        lines.iter().map(message).collect()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.command("POST", path, body).await;
        answer.unwrap_or_else(|why| panic!("{path} {body}: {why}"))
    }

    async fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("{}{path}", self.session);
        self.ask(method, &path, body).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let asked = timeout(ANSWERS_WITHIN, self.exchange(method, path, &text)).await;
        let answer = asked.map_err(|_| "no answer".to_owned())?;
        let (status, body) = answer.map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match status {
            200 => Ok(value),
            _ => Err(value["message"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// Sends one request on a connection of its own. chromedriver speaks HTTP/1.1 and sends Content-Length.
    async fn exchange(&self, method: &str, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let (driver, length) = (self.driver, body.len());
        let mut stream = BufStream::new(TcpStream::connect(driver).await?);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {driver}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                let code = rest.split(' ').next().unwrap_or_default();
                status = code.parse().map_err(io::Error::other)?;
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        Ok((status, body))
    }
}

/// The port in the line `ChromeDriver was started successfully on port 40705.`
fn port(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("started successfully on port ")?;
    let (port, _) = rest.split_once('.')?;
    port.parse().ok()
}
