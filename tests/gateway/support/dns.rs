//! A name server that answers what the test says, over UDP and TCP.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// A record of an answer: its name, and what it says.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    Address(String, IpAddr),
    Alias(String, String),
    /// Priority, weight, port, target.
    Service(String, u16, u16, u16, String),
}

/// What a question gets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Records(Vec<Record>),
    /// There is no such name.
    NoName,
    /// The server has failed.
    Failure,
    /// Over UDP one of the records and the mark that there are more; over TCP all of them.
    Truncated(Vec<Record>),
    /// No DNS message.
    Garbage,
}

/// The types of questions.
pub(crate) const A: u16 = 1;
pub(crate) const AAAA: u16 = 28;
pub(crate) const SRV: u16 = 33;
pub(crate) const CNAME: u16 = 5;

type Zone = Arc<Mutex<HashMap<(String, u16), Reply>>>;

/// The server. A question that it was told nothing about gets an answer without records.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    zone: Zone,
    /// The questions so far: name, type, and whether over TCP.
    asked: Arc<Mutex<Vec<(String, u16, bool)>>>,
    tasks: [JoinHandle<()>; 2],
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        // A port that is free for both.
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let (zone, asked) = (Zone::default(), Arc::<Mutex<Vec<_>>>::default());
        let over_udp = {
            let (zone, asked) = (Arc::clone(&zone), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                    let answer = answer(&buffer[..length], &zone, &asked, false);
                    let _ = udp.send_to(&answer, from).await;
                }
            })
        };
        let over_tcp = {
            let (zone, asked) = (Arc::clone(&zone), Arc::clone(&asked));
            tokio::spawn(async move {
                while let Ok((stream, _)) = tcp.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&zone), Arc::clone(&asked)));
                }
            })
        };
        Self {
            address,
            zone,
            asked,
            tasks: [over_udp, over_tcp],
        }
    }

    /// Says what a question gets from now on.
    pub(crate) fn set(&self, name: &str, kind: u16, reply: Reply) {
        let mut zone = self.zone.lock().unwrap();
        zone.insert((name.to_owned(), kind), reply);
    }

    /// A name has these addresses from now on, of both families.
    pub(crate) fn addresses(&self, name: &str, addresses: &[IpAddr]) {
        for (kind, is_six) in [(A, false), (AAAA, true)] {
            let of_family = addresses.iter().filter(|it| it.is_ipv6() == is_six);
            let records = of_family.map(|it| Record::Address(name.to_owned(), *it));
            self.set(name, kind, Reply::Records(records.collect()));
        }
    }

    /// How many questions of this type for this name have come so far.
    pub(crate) fn asked(&self, name: &str, kind: u16) -> usize {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|it| (it.0.as_str(), it.1) == (name, kind))
            .count()
    }

    /// Whether a question for this name has come over TCP.
    pub(crate) fn asked_over_tcp(&self, name: &str) -> bool {
        let asked = self.asked.lock().unwrap();
        asked.iter().any(|it| it.0 == name && it.2)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn serve(mut stream: TcpStream, zone: Zone, asked: Arc<Mutex<Vec<(String, u16, bool)>>>) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let answer = answer(&query, &zone, &asked, true);
        let mut framed = u16::try_from(answer.len()).unwrap().to_be_bytes().to_vec();
        framed.extend(answer);
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

fn answer(
    query: &[u8],
    zone: &Zone,
    asked: &Mutex<Vec<(String, u16, bool)>>,
    over_tcp: bool,
) -> Vec<u8> {
    let (name, end) = name_at(query, 12);
    let kind = u16::from_be_bytes([query[end], query[end + 1]]);
    let question = &query[12..end + 4];
    let name = name.to_ascii_lowercase();
    asked.lock().unwrap().push((name.clone(), kind, over_tcp));
    let reply = zone.lock().unwrap().get(&(name, kind)).cloned();
    let (mut code, mut truncated, mut records) = (0, false, Vec::new());
    match reply.unwrap_or(Reply::Records(Vec::new())) {
        Reply::Records(all) => records = all,
        Reply::NoName => code = 3,
        Reply::Failure => code = 2,
        Reply::Garbage => return vec![query[0], query[1], 0xFF, 0, 9],
        Reply::Truncated(mut all) => {
            if !over_tcp {
                truncated = true;
                all.truncate(1);
            }
            records = all;
        }
    }
    let mut answer = query[..2].to_vec();
    answer.extend([0x84 | (u8::from(truncated) << 1) | 1, 0x80 | code]);
    let count = u16::try_from(records.len()).unwrap().to_be_bytes();
    answer.extend([0, 1, count[0], count[1], 0, 0, 0, 0]);
    answer.extend(question);
    for record in &records {
        answer.extend(record_bytes(record));
    }
    answer
}

fn record_bytes(record: &Record) -> Vec<u8> {
    let (name, kind, data) = match record {
        Record::Address(name, IpAddr::V4(address)) => (name, A, address.octets().to_vec()),
        Record::Address(name, IpAddr::V6(address)) => (name, AAAA, address.octets().to_vec()),
        Record::Alias(name, target) => (name, CNAME, name_bytes(target)),
        Record::Service(name, priority, weight, port, target) => {
            let numbers = [priority, weight, port].map(|it| it.to_be_bytes());
            let mut data = numbers.concat();
            data.extend(name_bytes(target));
            (name, SRV, data)
        }
    };
    let mut bytes = name_bytes(name);
    bytes.extend(kind.to_be_bytes());
    // Class IN, an hour to live.
    bytes.extend([0, 1, 0, 0, 0x0E, 0x10]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn name_bytes(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The name that begins there, and where it ends.
fn name_at(message: &[u8], mut at: usize) -> (String, usize) {
    let mut labels = Vec::new();
    while message[at] > 0 {
        let end = at + 1 + usize::from(message[at]);
        labels.push(String::from_utf8_lossy(&message[at + 1..end]).into_owned());
        at = end;
    }
    (labels.join("."), at + 1)
}
