//! An FTP server that serves what a story gives it, and misbehaves where the story says so.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::{Gate, pause, soon};

/// What the server does with a command in place of what is right.
#[derive(Clone)]
pub(crate) enum Say {
    /// Sends this, and does nothing. `{port}`, `{high}` and `{low}` are those of a port that it opens for data.
    Reply(String),
    /// Sends nothing more; the connection stays.
    Nothing,
    /// Closes the control connection.
    Hangup,
    /// For a command that brings data: these bytes, then what is said to end it.
    Data(Vec<u8>, End),
    /// For the same: this line again and again.
    Endless(&'static str),
    /// For EPRT: somebody with another address calls first, and has this to say.
    Stranger(&'static [u8]),
}

/// How a transfer ends.
#[derive(Clone)]
pub(crate) enum End {
    /// The data connection closes, and this is sent.
    Reply(&'static str),
    /// The data connection closes, and nothing is sent.
    Nothing,
    /// The control connection closes, the data connection stays.
    Hangup,
    /// Nothing closes and nothing is sent.
    Stuck,
    /// The data connection is reset, and this is sent.
    Reset(&'static str),
}

/// What a server has, and how it behaves.
#[derive(Clone, Default)]
pub(crate) struct Site {
    files: HashMap<String, Vec<u8>>,
    /// Names and passwords that are let in; empty: everybody.
    logins: Vec<(&'static str, &'static str)>,
    twists: Vec<(&'static str, Say)>,
    greeting: Option<Say>,
}

impl Site {
    /// Two files, two directories.
    pub(crate) fn new() -> Self {
        Self::default()
            .file("/hello.txt", b"hello")
            .file("/pub/data.bin", &[7; 100_000])
            .file("/empty", b"")
    }

    pub(crate) fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    /// Does this when a command begins so.
    pub(crate) fn on(mut self, command: &'static str, say: Say) -> Self {
        self.twists.push((command, say));
        self
    }

    /// Answers a command so.
    pub(crate) fn reply(self, command: &'static str, text: &str) -> Self {
        self.on(command, Say::Reply(text.to_owned()))
    }

    pub(crate) fn greeting(mut self, say: Say) -> Self {
        self.greeting = Some(say);
        self
    }

    pub(crate) fn login(mut self, user: &'static str, password: &'static str) -> Self {
        self.logins.push((user, password));
        self
    }

    fn is_directory(&self, path: &str) -> bool {
        let inside = format!("{}/", path.trim_end_matches('/'));
        path == "/" || self.files.keys().any(|file| file.starts_with(&inside))
    }

    /// Name and size of what is in a directory; without a size it is one too.
    fn list(&self, path: &str) -> Vec<(String, Option<usize>)> {
        let inside = format!("{}/", path.trim_end_matches('/'));
        let mut found: Vec<(String, Option<usize>)> = Vec::new();
        for (file, bytes) in &self.files {
            let Some(rest) = file.strip_prefix(&inside) else {
                continue;
            };
            let entry = match rest.split_once('/') {
                Some((name, _)) => (name.to_owned(), None),
                None => (rest.to_owned(), Some(bytes.len())),
            };
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        found.sort();
        found
    }
}

/// A running server. It listens until it is dropped.
pub(crate) struct FtpServer {
    pub(crate) address: SocketAddr,
    site: Arc<Mutex<Site>>,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    /// Opened each time a control connection has ended.
    pub(crate) left: Gate,
    task: JoinHandle<()>,
}

impl FtpServer {
    pub(crate) async fn start(site: Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let site = Arc::new(Mutex::new(site));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let left = Gate::new();
        let (shared, log, gate) = (Arc::clone(&site), Arc::clone(&heard), left.clone());
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(Vec::new());
                    log.len() - 1
                };
                let talk = Talk {
                    site: Arc::clone(&shared),
                    heard: Arc::clone(&log),
                    number,
                    stream: BufReader::new(stream),
                    directory: "/".into(),
                    data: None,
                    user: String::new(),
                    rest: 0,
                };
                let gate = gate.clone();
                running.spawn(async move {
                    let _ = talk.run().await;
                    gate.open();
                });
            }
        });
        Self {
            address,
            site,
            heard,
            left,
            task,
        }
    }

    /// A server that does this with a command.
    pub(crate) async fn that(command: &'static str, say: Say) -> Self {
        Self::start(Site::new().on(command, say)).await
    }

    /// Behaves otherwise from the next command on.
    pub(crate) fn become_(&self, site: Site) {
        *self.site.lock().unwrap() = site;
    }

    pub(crate) fn url(&self) -> String {
        format!("ftp://{}", self.address)
    }

    /// The commands of each connection so far.
    pub(crate) fn heard(&self) -> Vec<Vec<String>> {
        self.heard.lock().unwrap().clone()
    }

    /// All commands so far that begin so.
    pub(crate) fn all(&self, verb: &str) -> Vec<String> {
        let heard = self.heard().concat();
        heard
            .into_iter()
            .filter(|command| command.starts_with(verb))
            .collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.site.lock().unwrap().files.get(path).cloned()
    }
}

impl Drop for FtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Data {
    Listening(TcpListener),
    Calling(SocketAddr),
}

/// A line as text: in UTF-8, or else in ISO-8859-1.
fn text(line: Vec<u8>) -> String {
    let latin1 = |line: Vec<u8>| line.into_iter().map(char::from).collect();
    String::from_utf8(line).unwrap_or_else(|error| latin1(error.into_bytes()))
}

/// One control connection.
struct Talk {
    site: Arc<Mutex<Site>>,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    number: usize,
    stream: BufReader<TcpStream>,
    directory: String,
    data: Option<Data>,
    user: String,
    rest: usize,
}

impl Talk {
    fn site(&self) -> Site {
        self.site.lock().unwrap().clone()
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await?;
        self.stream.get_mut().write_all(b"\r\n").await
    }

    async fn run(mut self) -> std::io::Result<()> {
        match self.site().greeting {
            None => self.say("220 ready").await?,
            Some(Say::Reply(text)) => self.say(&text).await?,
            Some(Say::Hangup) => return Ok(()),
            Some(_) => {}
        }
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let line = text(line).trim_end().to_owned();
            self.heard.lock().unwrap()[self.number].push(line.clone());
            let twists = self.site().twists;
            let twist = twists
                .into_iter()
                .find(|(start, _)| line.starts_with(start));
            match twist.map(|(_, say)| say) {
                None => {
                    if !self.obey(&line).await? {
                        return Ok(());
                    }
                }
                Some(Say::Reply(text)) => {
                    let text = self.with_port(text).await;
                    self.say(&text).await?;
                }
                Some(Say::Nothing) => {}
                Some(Say::Hangup) => return Ok(()),
                Some(Say::Data(bytes, end)) => {
                    if !self.send(&bytes, end).await? {
                        return Ok(());
                    }
                }
                Some(Say::Stranger(bytes)) => {
                    self.obey(&line).await?;
                    let Some(Data::Calling(address)) = self.data else {
                        continue;
                    };
                    let socket = TcpSocket::new_v4()?;
                    socket.bind("127.0.0.2:0".parse().unwrap())?;
                    let mut stranger = socket.connect(address).await?;
                    stranger.write_all(bytes).await?;
                }
                Some(Say::Endless(line)) => {
                    self.say("150 here").await?;
                    let mut data = self.connected().await;
                    loop {
                        data.write_all(line.as_bytes()).await?;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    async fn with_port(&mut self, text: String) -> String {
        if !text.contains("{low}") && !text.contains("{port}") {
            return text;
        }
        let port = self.listen().await;
        let [high, low] = port.to_be_bytes();
        text.replace("{port}", &port.to_string())
            .replace("{high}", &high.to_string())
            .replace("{low}", &low.to_string())
    }

    async fn listen(&mut self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        self.data = Some(Data::Listening(listener));
        port
    }

    async fn connected(&mut self) -> TcpStream {
        match self.data.take().expect("a data connection") {
            Data::Listening(listener) => soon("data", listener.accept()).await.unwrap().0,
            Data::Calling(address) => soon("data", TcpStream::connect(address)).await.unwrap(),
        }
    }

    /// The right answer; `false` at the end.
    async fn obey(&mut self, line: &str) -> std::io::Result<bool> {
        let site = self.site();
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let path = match argument.strip_prefix('/') {
            Some(_) => argument.to_owned(),
            None => format!("{}/{argument}", self.directory.trim_end_matches('/')),
        };
        let file = site.files.get(&path);
        let rest = std::mem::take(&mut self.rest);
        match verb {
            "USER" => {
                self.user = argument.to_owned();
                self.say("331 password").await?;
            }
            "PASS" => {
                let pair = (self.user.as_str(), argument);
                match site.logins.is_empty() || site.logins.contains(&pair) {
                    true => self.say("230 in").await?,
                    false => self.say("530 no").await?,
                }
            }
            "PWD" => {
                let text = format!("257 \"{}\"", self.directory);
                self.say(&text).await?;
            }
            "TYPE" | "NOOP" => self.say("200 ok").await?,
            "SIZE" => match file {
                Some(bytes) => self.say(&format!("213 {}", bytes.len())).await?,
                None => self.say("550 no file").await?,
            },
            "MDTM" => match file {
                Some(_) => self.say("213 20260102030405").await?,
                None => self.say("550 no file").await?,
            },
            "CWD" if site.is_directory(&path) => {
                self.directory = path;
                self.say("250 there").await?;
            }
            "EPSV" => {
                let port = self.listen().await;
                self.say(&format!("229 extended (|||{port}|)")).await?;
            }
            "PASV" => {
                let text = "227 passive (127,0,0,1,{high},{low})".to_owned();
                let text = self.with_port(text).await;
                self.say(&text).await?;
            }
            "EPRT" => {
                let parts: Vec<&str> = argument.split('|').collect();
                self.data = Some(Data::Calling(
                    format!("{}:{}", parts[2], parts[3]).parse().unwrap(),
                ));
                self.say("200 ok").await?;
            }
            "PORT" => {
                let n: Vec<u16> = argument.split(',').map(|n| n.parse().unwrap()).collect();
                let port = n[4] << 8 | n[5];
                let address = format!("{}.{}.{}.{}:{port}", n[0], n[1], n[2], n[3]);
                self.data = Some(Data::Calling(address.parse().unwrap()));
                self.say("200 ok").await?;
            }
            "REST" => {
                self.rest = argument.parse().unwrap();
                self.say("350 from there").await?;
            }
            "RETR" if file.is_some() => {
                let bytes = file.unwrap()[rest..].to_vec();
                return self.send(&bytes, End::Reply("226 done")).await;
            }
            "MLSD" => {
                let lines: Vec<String> = (site.list(&self.directory).into_iter())
                    .map(|(name, size)| match size {
                        Some(size) => {
                            format!("type=file;size={size};modify=20260102030405; {name}\r\n")
                        }
                        None => format!("type=dir;modify=20260102030405; {name}\r\n"),
                    })
                    .collect();
                return self
                    .send(lines.concat().as_bytes(), End::Reply("226 done"))
                    .await;
            }
            "LIST" => {
                let lines: Vec<String> = (site.list(&self.directory).into_iter())
                    .map(|(name, size)| match size {
                        Some(size) => {
                            format!("-rw-r--r--   1 ftp ftp {size:>9} Jan 02  2026 {name}\r\n")
                        }
                        None => format!("drwxr-xr-x   1 ftp ftp      4096 Jan 02  2026 {name}\r\n"),
                    })
                    .collect();
                return self
                    .send(lines.concat().as_bytes(), End::Reply("226 done"))
                    .await;
            }
            "STOR" => {
                self.say("150 send").await?;
                let mut data = self.connected().await;
                let mut bytes = Vec::new();
                let whole = data.read_to_end(&mut bytes).await.is_ok();
                let name = if whole { path } else { format!("{path} (cut)") };
                self.site.lock().unwrap().files.insert(name, bytes);
                match whole {
                    true => self.say("226 stored").await?,
                    false => self.say("426 cut").await?,
                }
            }
            "DELE" if file.is_some() => {
                self.site.lock().unwrap().files.remove(&path);
                self.say("250 gone").await?;
            }
            "CWD" | "RETR" | "DELE" => self.say("550 no").await?,
            _ => self.say("500 what").await?,
        }
        Ok(true)
    }

    /// Sends data; `false` when the control connection is to end.
    async fn send(&mut self, bytes: &[u8], end: End) -> std::io::Result<bool> {
        self.say("150 here").await?;
        let mut data = self.connected().await;
        let written = data.write_all(bytes).await;
        match end {
            _ if written.is_err() => self.say("426 you left").await?,
            End::Reply(text) => {
                drop(data);
                self.say(text).await?;
            }
            End::Nothing => drop(data),
            End::Hangup => {
                tokio::spawn(async move {
                    // Until the gateway has closed it.
                    let _ = data.read_to_end(&mut Vec::new()).await;
                });
                return Ok(false);
            }
            End::Stuck => {
                let _ = data.read_to_end(&mut Vec::new()).await;
            }
            End::Reset(text) => {
                // What is sent before a reset may be lost with it.
                pause(100).await;
                data.set_zero_linger()?;
                drop(data);
                self.say(text).await?;
            }
        }
        Ok(true)
    }
}
