//! Uploads whose answer comes before their end, or without a look at the body, to a Tomcat with either protocol.

use serde_json::Value;

use crate::support::ajpgate::Ajpgate;
use crate::support::client::{self, Client};
use crate::support::payload::{FRAMINGS, Payload, chunked, parsed, request};

/// Sends uploads with `Expect: 100-continue`. The interim answer must come before the body is sent.
pub(crate) async fn expect_100_continue(gateway: &Ajpgate) {
    let payload = Payload::new(20_000);
    for (field, body) in [
        ("Content-Length: 20000", payload.bytes.clone()),
        ("Transfer-Encoding: chunked", chunked(&payload.bytes)),
    ] {
        let mut client = Client::connect(gateway.front()).await;
        client
            .send(format!(
                "PUT /app/sha HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{field}\r\n\r\n"
            ))
            .await;
        let (status, ..) = client.head().await.expect("an interim answer");
        assert_eq!(status, 100, "{field}");
        client.send(body).await;
        let seen = parsed(&client.answer().await);
        assert_eq!(seen["sha256"], payload.sha256, "{field}");
    }
}

/// Sends the second half of an upload after the beginning of its answer.
pub(crate) async fn answer_before_the_end(gateway: &Ajpgate) {
    let payload = Payload::new(1 << 20);
    let (half, rest) = payload.bytes.split_at(payload.bytes.len() / 2);
    let mut client = Client::connect(gateway.front()).await;
    client
        .send(format!(
            "POST /app/sha?early=1 HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            payload.bytes.len()
        ))
        .await;
    client.send(half).await;
    client.raw_until("{\"early\":true}").await;
    client.send(rest).await;
    let answer = client.answer().await;
    let second = answer.text().lines().nth(1).expect("two lines");
    let seen: Value = serde_json::from_str(second).unwrap();
    assert_eq!(seen["sha256"], payload.sha256);
}

/// Sends uploads of several sizes that the servlet does not read. The request behind each of them must succeed.
pub(crate) async fn ignored_bodies(gateway: &Ajpgate) {
    for size in [1, 20_000, 5_000_000] {
        for framing in FRAMINGS {
            let payload = Payload::new(size);
            let mut client = Client::connect(gateway.front()).await;
            client
                .send(request("POST", "/app/sha?ignore=1", &payload, framing))
                .await;
            assert_eq!(parsed(&client.answer().await)["bytes"], 0);
            let next = client::get(gateway.front(), "/app/echo/next", "").await;
            assert_eq!(parsed(&next)["pathInfo"], "/next");
        }
    }
    assert_eq!(gateway.count("member_errors_total", &[]).await, 0);
}
