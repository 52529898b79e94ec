//! An FTP server that has the files a test gives it, and does with a command what the test says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::{Gate, pause, soon};

/// What the server does with a command, in place of the right thing.
#[derive(Clone)]
pub(crate) enum Action {
    /// Sends this reply and does nothing. `{port}`, `{high}` and `{low}` are those of a port that it opens for data.
    Reply(String),
    /// Sends nothing more. The control connection stays open.
    Silence,
    /// Closes the control connection.
    Close,
    /// Sends these bytes on the data connection, and ends the transfer like this.
    Send(Vec<u8>, TransferEnd),
    /// Sends this text on the data connection again and again.
    SendForever(&'static str),
    /// Sends 150 and does not read the data connection.
    ReadNothing,
    /// For EPRT: somebody with another address connects first, and sends this.
    Stranger(&'static [u8]),
}

/// How a transfer from the server ends.
#[derive(Clone)]
pub(crate) enum TransferEnd {
    /// The data connection closes, and this reply is sent.
    Reply(&'static str),
    /// The data connection closes, and no reply is sent.
    NoReply,
    /// The control connection closes, and the data connection stays open.
    ControlClosed,
    /// Both connections stay open, and no reply is sent.
    Stuck,
    /// The data connection is reset, and this reply is sent.
    Reset(&'static str),
}

/// The files of a server, and how it behaves.
#[derive(Default)]
pub(crate) struct Site {
    files: HashMap<Vec<u8>, Arc<[u8]>>,
    /// User names and passwords that are accepted; empty: all.
    logins: Vec<(&'static str, &'static str)>,
    /// What happens with a command that begins like this. The first that fits counts.
    actions: Vec<(&'static str, Action)>,
    /// The same for the next such command alone.
    once: Option<(&'static str, Action)>,
    greeting: Option<Action>,
}

impl Site {
    /// `/hello.txt` with 5 bytes, `/pub/data.bin` with 100,000 and `/empty`.
    pub(crate) fn new() -> Self {
        Self::default()
            .file("/hello.txt", b"hello")
            .file("/pub/data.bin", &[7; 100_000])
            .file("/empty", b"")
    }

    pub(crate) fn file(mut self, path: impl AsRef<[u8]>, bytes: &[u8]) -> Self {
        self.files.insert(path.as_ref().to_vec(), bytes.into());
        self
    }

    /// Does this with commands that begin like this.
    pub(crate) fn on(mut self, command: &'static str, action: Action) -> Self {
        self.actions.push((command, action));
        self
    }

    /// Does this with the next command that begins like this.
    pub(crate) fn once(mut self, command: &'static str, action: Action) -> Self {
        self.once = Some((command, action));
        self
    }

    /// Sends this reply to commands that begin like this.
    pub(crate) fn reply(self, command: &'static str, text: &str) -> Self {
        self.on(command, Action::Reply(text.to_owned()))
    }

    /// Does this in place of sending `220 ready`.
    pub(crate) fn greeting(mut self, action: Action) -> Self {
        self.greeting = Some(action);
        self
    }

    /// Accepts this login, and others only when they are named too.
    pub(crate) fn login(mut self, user: &'static str, password: &'static str) -> Self {
        self.logins.push((user, password));
        self
    }

    /// What happens with a command, where that is not the right thing.
    fn take_action(&mut self, line: &str) -> Option<Action> {
        let once = self.once.take_if(|(start, _)| line.starts_with(*start));
        let mut always = self.actions.iter();
        once.or_else(|| always.find(|(start, _)| line.starts_with(start)).cloned())
            .map(|(_, action)| action)
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        path == b"/" || self.files.keys().any(|file| inside(path, file).is_some())
    }

    /// Name and size of what is in a directory, in order. A directory has no size.
    fn entries(&self, path: &[u8]) -> Vec<(Vec<u8>, Option<usize>)> {
        let entry = |(file, bytes): (&Vec<u8>, &Arc<[u8]>)| {
            let rest = inside(path, file)?;
            Some(match rest.iter().position(|byte| *byte == b'/') {
                Some(slash) => (rest[..slash].to_vec(), None),
                None => (rest.to_vec(), Some(bytes.len())),
            })
        };
        let mut entries: Vec<_> = self.files.iter().filter_map(entry).collect();
        entries.sort();
        entries.dedup();
        entries
    }

    /// The lines of a listing, which this writes for each name and size.
    fn listing(&self, path: &[u8], facts: impl Fn(Option<usize>) -> String) -> Vec<u8> {
        let lines = self.entries(path).into_iter();
        lines
            .flat_map(|(name, size)| [facts(size).into_bytes(), name, b"\r\n".to_vec()].concat())
            .collect()
    }
}

/// The path of a file below a directory.
fn inside<'a>(directory: &[u8], file: &'a [u8]) -> Option<&'a [u8]> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    file.strip_prefix(directory)?.strip_prefix(b"/")
}

/// A running server. It listens until it is dropped.
pub(crate) struct FtpServer {
    pub(crate) address: SocketAddr,
    site: Arc<Mutex<Site>>,
    commands: Arc<Mutex<Vec<Vec<String>>>>,
    /// Opened each time a control connection has ended.
    pub(crate) closed: Gate,
    task: JoinHandle<()>,
}

impl FtpServer {
    pub(crate) async fn start(site: Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let site = Arc::new(Mutex::new(site));
        let commands = Arc::new(Mutex::new(Vec::new()));
        let closed = Gate::new();
        let (shared, log, gate) = (Arc::clone(&site), Arc::clone(&commands), closed.clone());
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(Vec::new());
                    log.len() - 1
                };
                let connection = ControlConnection {
                    site: Arc::clone(&shared),
                    commands: Arc::clone(&log),
                    number,
                    stream: BufReader::new(stream),
                    directory: b"/".to_vec(),
                    data: None,
                    user: String::new(),
                    offset: 0,
                };
                let gate = gate.clone();
                running.spawn(async move {
                    let _ = connection.run().await;
                    gate.open();
                });
            }
        });
        Self {
            address,
            site,
            commands,
            closed,
            task,
        }
    }

    /// The server of [`Site::new`] that does this with a command.
    pub(crate) async fn with(command: &'static str, action: Action) -> Self {
        Self::start(Site::new().on(command, action)).await
    }

    /// Has other files and behaves like this, from the next command on.
    pub(crate) fn become_(&self, site: Site) {
        *self.site.lock().unwrap() = site;
    }

    pub(crate) fn url(&self) -> String {
        format!("ftp://{}", self.address)
    }

    /// The commands of each connection so far.
    pub(crate) fn commands(&self) -> Vec<Vec<String>> {
        self.commands.lock().unwrap().clone()
    }

    /// The commands of all connections so far that begin like this.
    pub(crate) fn commands_with(&self, verb: &str) -> Vec<String> {
        let commands = self.commands().concat().into_iter();
        commands
            .filter(|command| command.starts_with(verb))
            .collect()
    }

    /// Control connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.commands.lock().unwrap().len()
    }

    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        let site = self.site.lock().unwrap();
        site.files.get(path.as_bytes()).map(|file| file.to_vec())
    }
}

impl Drop for FtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The data connection that was agreed on.
enum Data {
    /// The gateway connects here.
    Passive(TcpListener),
    /// The server connects there.
    Active(SocketAddr),
}

struct ControlConnection {
    site: Arc<Mutex<Site>>,
    commands: Arc<Mutex<Vec<Vec<String>>>>,
    /// Its place in `commands`.
    number: usize,
    stream: BufReader<TcpStream>,
    directory: Vec<u8>,
    data: Option<Data>,
    user: String,
    /// What REST said.
    offset: usize,
}

impl ControlConnection {
    fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap()
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await?;
        self.stream.get_mut().write_all(b"\r\n").await
    }

    async fn run(mut self) -> std::io::Result<()> {
        let greeting = self.site().greeting.clone();
        match greeting {
            None => self.say("220 ready").await?,
            Some(Action::Reply(text)) => self.say(&text).await?,
            Some(Action::Close) => return Ok(()),
            Some(_) => {}
        }
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let line = line.strip_suffix(b"\r\n").expect("a whole line");
            let text = String::from_utf8_lossy(line).into_owned();
            self.commands.lock().unwrap()[self.number].push(text.clone());
            let action = self.site().take_action(&text);
            let goes_on = match action {
                None => self.obey(line).await?,
                Some(action) => self.act(action, line).await?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Does what the test says; `false` when the control connection is to close.
    async fn act(&mut self, action: Action, line: &[u8]) -> std::io::Result<bool> {
        match action {
            Action::Reply(text) => {
                let text = self.with_port(text).await;
                self.say(&text).await?;
            }
            Action::Silence => {}
            Action::Close => return Ok(false),
            Action::Send(bytes, end) => return self.send(&bytes, end).await,
            Action::SendForever(text) => {
                self.say("150 here").await?;
                let mut data = self.connected().await;
                loop {
                    data.write_all(text.as_bytes()).await?;
                    tokio::task::yield_now().await;
                }
            }
            Action::ReadNothing => {
                self.say("150 send").await?;
                let _data = self.connected().await;
                // Until the gateway closes the control connection.
                let _ = self.stream.read_u8().await;
                return Ok(false);
            }
            Action::Stranger(bytes) => {
                self.obey(line).await?;
                let Some(Data::Active(address)) = self.data else {
                    return Ok(true);
                };
                let socket = TcpSocket::new_v4()?;
                socket.bind("127.0.0.2:0".parse().unwrap())?;
                let mut stranger = socket.connect(address).await?;
                stranger.write_all(bytes).await?;
            }
        }
        Ok(true)
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
        self.data = Some(Data::Passive(listener));
        port
    }

    async fn connected(&mut self) -> TcpStream {
        match self.data.take().expect("a data connection") {
            Data::Passive(listener) => soon("data", listener.accept()).await.unwrap().0,
            Data::Active(address) => soon("data", TcpStream::connect(address)).await.unwrap(),
        }
    }

    /// Does the right thing; `false` when the control connection is to close.
    async fn obey(&mut self, line: &[u8]) -> std::io::Result<bool> {
        let space = line.iter().position(|byte| *byte == b' ');
        let (verb, argument) = line.split_at(space.unwrap_or(line.len()));
        let argument = argument.get(1..).unwrap_or_default();
        let text = String::from_utf8_lossy(argument).into_owned();
        let path = self.absolute(argument);
        let offset = std::mem::take(&mut self.offset);
        match verb {
            b"EPSV" | b"PASV" | b"EPRT" | b"PORT" => self.agree_on_data(verb, &text).await?,
            b"RETR" => {
                let file = self.site().files.get(&path).cloned();
                match file {
                    Some(file) => return self.send_whole(&file[offset..]).await,
                    None => self.say("550 no").await?,
                }
            }
            b"MLSD" | b"LIST" => {
                let listing = self.listing(verb);
                return self.send_whole(&listing).await;
            }
            b"STOR" => self.store(path).await?,
            _ => {
                let reply = self.reply(verb, text, path);
                self.say(&reply).await?;
            }
        }
        Ok(true)
    }

    /// Obeys a command that needs no data connection.
    fn reply(&mut self, verb: &[u8], argument: String, path: Vec<u8>) -> String {
        let file = self.site().files.get(&path).cloned();
        let reply = match verb {
            b"USER" => {
                self.user = argument;
                "331 password"
            }
            b"PASS" => match self.accepts(&argument) {
                true => "230 in",
                false => "530 no",
            },
            b"PWD" => {
                let directory = String::from_utf8_lossy(&self.directory);
                return format!("257 \"{directory}\"");
            }
            b"TYPE" | b"NOOP" => "200 ok",
            b"SIZE" | b"MDTM" if file.is_none() => "550 no file",
            b"SIZE" => return format!("213 {}", file.map_or(0, |file| file.len())),
            b"MDTM" => "213 20260102030405",
            b"CWD" if self.site().is_directory(&path) => {
                self.directory = path;
                "250 there"
            }
            b"REST" => {
                self.offset = argument.parse().unwrap();
                "350 from there"
            }
            b"DELE" if file.is_some() => {
                self.site().files.remove(&path);
                "250 gone"
            }
            b"CWD" | b"DELE" => "550 no",
            _ => "500 what",
        };
        reply.to_owned()
    }

    fn accepts(&self, password: &str) -> bool {
        let site = self.site();
        site.logins.is_empty() || site.logins.contains(&(&self.user, password))
    }

    /// The listing of the current directory.
    fn listing(&self, verb: &[u8]) -> Vec<u8> {
        let site = self.site();
        match verb {
            b"MLSD" => site.listing(&self.directory, |size| match size {
                Some(size) => format!("type=file;size={size};modify=20260102030405; "),
                None => "type=dir;modify=20260102030405; ".to_owned(),
            }),
            _ => site.listing(&self.directory, |size| match size {
                Some(size) => format!("-rw-r--r--   1 ftp ftp {size:>9} Jan 02  2026 "),
                None => "drwxr-xr-x   1 ftp ftp      4096 Jan 02  2026 ".to_owned(),
            }),
        }
    }

    async fn send_whole(&mut self, bytes: &[u8]) -> std::io::Result<bool> {
        self.send(bytes, TransferEnd::Reply("226 done")).await
    }

    fn absolute(&self, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") {
            return path.to_vec();
        }
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let directory = self.directory.strip_suffix(b"/");
        [directory.unwrap_or(&self.directory), b"/", path].concat()
    }

    async fn agree_on_data(&mut self, verb: &[u8], argument: &str) -> std::io::Result<()> {
        let active = |address: String| Some(Data::Active(address.parse().unwrap()));
        let reply = match verb {
            b"EPSV" => "229 extended (|||{port}|)",
            b"PASV" => "227 passive (127,0,0,1,{high},{low})",
            b"EPRT" => {
                let parts: Vec<&str> = argument.split('|').collect();
                self.data = active(format!("{}:{}", parts[2], parts[3]));
                "200 ok"
            }
            _ => {
                let n: Vec<u16> = argument.split(',').map(|n| n.parse().unwrap()).collect();
                let port = n[4] << 8 | n[5];
                self.data = active(format!("{}.{}.{}.{}:{port}", n[0], n[1], n[2], n[3]));
                "200 ok"
            }
        };
        let reply = self.with_port(reply.to_owned()).await;
        self.say(&reply).await
    }

    /// Stores a file. One whose data connection was reset gets another name.
    async fn store(&mut self, mut path: Vec<u8>) -> std::io::Result<()> {
        self.say("150 send").await?;
        let mut data = self.connected().await;
        let mut bytes = Vec::new();
        let whole = data.read_to_end(&mut bytes).await.is_ok();
        if !whole {
            path.extend_from_slice(b" (cut)");
        }
        self.site().files.insert(path, bytes.into());
        match whole {
            true => self.say("226 stored").await,
            false => self.say("426 cut").await,
        }
    }

    /// Sends data; `false` when the control connection is to close.
    async fn send(&mut self, bytes: &[u8], end: TransferEnd) -> std::io::Result<bool> {
        self.say("150 here").await?;
        let mut data = self.connected().await;
        let written = data.write_all(bytes).await;
        match end {
            _ if written.is_err() => self.say("426 you left").await?,
            TransferEnd::Reply(text) => {
                drop(data);
                self.say(text).await?;
            }
            TransferEnd::NoReply => drop(data),
            TransferEnd::ControlClosed => {
                tokio::spawn(async move {
                    // Until the gateway has closed it.
                    let _ = data.read_to_end(&mut Vec::new()).await;
                });
                return Ok(false);
            }
            TransferEnd::Stuck => {
                let _ = data.read_to_end(&mut Vec::new()).await;
            }
            TransferEnd::Reset(text) => {
                // Bytes that were sent just before a reset can be lost with it.
                pause(100).await;
                data.set_zero_linger()?;
                drop(data);
                self.say(text).await?;
            }
        }
        Ok(true)
    }
}
