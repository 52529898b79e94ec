//! Loads that wrk does not have: a fixed number of requests, a fixed rate, idle connections.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::client::{Client, Request};

/// Sends this number of requests one after the other.
pub(crate) async fn get(address: SocketAddr, request: &Request, count: u32) -> io::Result<()> {
    let mut client = Client::connect(address, request, 1).await?;
    for turn in 0..count {
        if request.closes() && turn > 0 {
            client = Client::connect(address, request, 1).await?;
        }
        client.exchange().await?;
    }
    Ok(())
}

/// Opens connections, sends a request on each, and keeps them until standard input ends.
pub(crate) async fn idle(
    address: SocketAddr,
    request: &Request,
    connections: u32,
) -> io::Result<()> {
    let clients = open(address, request, connections).await?;
    println!("{connections} connections are idle");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    drop(clients);
    Ok(())
}

/// Opens connections, says `ready`, waits for a line, and sends requests at fixed times, whether or not the answer before
/// is late. Prints requests, seconds, p50, p99 and p99.9 in milliseconds, and errors, as load.lua does. The connections
/// stay open until standard input ends.
pub(crate) async fn rate(
    address: SocketAddr,
    request: &Request,
    rate: u32,
    connections: u32,
    length: Duration,
) -> io::Result<()> {
    let mut clients = JoinSet::new();
    let mut turns = Vec::new();
    for mut client in open(address, request, connections).await? {
        let (turn, mut due) = unbounded_channel::<Instant>();
        turns.push(turn);
        clients.spawn(async move {
            let mut times = Vec::new();
            while let Some(due) = due.recv().await {
                client.exchange().await?;
                times.push(due.elapsed());
            }
            Ok::<_, io::Error>((client, times))
        });
    }
    println!("ready");
    let mut input = BufReader::new(tokio::io::stdin());
    input.read_line(&mut String::new()).await?;
    let started = Instant::now();
    // The timers of tokio have milliseconds.
    thread::spawn(move || send_turns(&turns, rate, length));
    let (mut times, mut errors, mut kept) = (Vec::new(), 0_u32, Vec::new());
    while let Some(ended) = clients.join_next().await {
        match ended.map_err(io::Error::other)? {
            Ok((client, more)) => {
                kept.push(client);
                times.extend(more);
            }
            Err(_) => errors += 1,
        }
    }
    print(&mut times, started.elapsed(), errors);
    input.read_to_end(&mut Vec::new()).await?;
    kept.into_iter().try_for_each(Client::reset)
}

/// Opens connections and sends a request on each.
async fn open(address: SocketAddr, request: &Request, connections: u32) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for number in 0..connections {
        let mut client = Client::connect(address, request, number).await?;
        client.exchange().await?;
        client.rest();
        clients.push(client);
    }
    Ok(clients)
}

/// Tells the clients, one after the other, when their next request is due.
fn send_turns(turns: &[UnboundedSender<Instant>], rate: u32, length: Duration) {
    let started = Instant::now();
    let number = (length * rate).as_secs();
    for (turn, number) in turns.iter().cycle().zip(0..number) {
        let due = started + Duration::from_nanos(number * 1_000_000_000 / u64::from(rate));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // A client that had an error has ended, and is counted as such.
        let _ = turn.send(due);
    }
}

fn print(times: &mut [Duration], length: Duration, errors: u32) {
    times.sort_unstable();
    let percentile = |per_mille: usize| {
        let time = times.get(times.len() * per_mille / 1000);
        time.copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!(
        "{},{:.3},{:.3},{:.3},{:.3},{errors}",
        times.len(),
        length.as_secs_f64(),
        percentile(500),
        percentile(990),
        percentile(999),
    );
}
