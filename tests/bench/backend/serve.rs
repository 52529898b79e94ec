//! Nodes, each with a listener for AJP13 and one for HTTP/1.1.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ajp13::PacketSize;
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::answers::Answers;
use crate::{ajp, http1};

/// Serves this number of nodes and prints their addresses.
pub(crate) async fn run(nodes: u16, packet_size: PacketSize, split: bool) -> io::Result<()> {
    for number in 1..=nodes {
        let node = format!("node{number}");
        let answers = Answers::ajp(&node, packet_size, split).map_err(io::Error::other)?;
        listen(&node, "ajp", answers, ajp::serve).await?;
        let answers = Answers::http(&node, packet_size, split);
        listen(&node, "http", answers, http1::serve).await?;
    }
    std::future::pending().await
}

async fn listen<F>(
    node: &str,
    protocol: &str,
    answers: Answers,
    serve: fn(TcpStream, Arc<Answers>) -> F,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{node} {protocol} {}", listener.local_addr()?.port());
    let answers = Arc::new(answers);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = serve(stream, Arc::clone(&answers));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    eprintln!("connection ended: {error}");
                }
            });
        }
    });
    Ok(())
}

/// Writes an answer, each item with a write of its own.
pub(crate) async fn write(stream: &mut TcpStream, answer: &[Bytes]) -> io::Result<()> {
    for part in answer {
        stream.write_all(part).await?;
    }
    Ok(())
}

/// The error for an unknown path.
pub(crate) fn unknown(path: &[u8]) -> io::Error {
    io::Error::other(format!("no answer for {}", path.escape_ascii()))
}
