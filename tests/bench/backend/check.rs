//! Compares the answers of a proxy with those of the nodes behind it, before the proxy is measured.

use std::io;
use std::net::SocketAddr;

use crate::answers::Page;
use crate::client::{Answer, Client, Request};

/// Requests of each session: the second one finds kept connections.
const REQUESTS: u32 = 2;

/// Sends requests with a session of each node. An answer must have the status 200, come from the node of its session, and
/// have the bytes that the node sent, no more and no less. A proxy may leave out the length that the node announced, as
/// httpd does.
pub(crate) async fn run(address: SocketAddr, request: &Request) -> io::Result<()> {
    let page = Page::of(request.path().as_bytes())
        .ok_or_else(|| io::Error::other(format!("no node has {}", request.path())))?;
    for number in 0..request.nodes() {
        let mut client = Client::connect(address, request, number).await?;
        for turn in 0..REQUESTS {
            if request.closes() && turn > 0 {
                client = Client::connect(address, request, number).await?;
            }
            let answer = client.answer().await?;
            compare(&answer, page, &request.node_of(number))?;
        }
    }
    Ok(())
}

fn compare(answer: &Answer, page: &Page, node: &str) -> io::Result<()> {
    let from = answer.field("X-Node");
    if from != Some(node) {
        return Err(io::Error::other(format!(
            "{from:?} has answered, not {node}"
        )));
    }
    if answer.body != page.body() {
        let length = answer.body.len();
        return Err(io::Error::other(format!(
            "the body of {length} bytes is not what {node} sent"
        )));
    }
    Ok(())
}
