//! Clients that hang up in the middle of a write: it is whole or absent, and nothing is left open behind it.

mod faults {
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    use serde_json::json;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;
    use tokio::task::JoinSet;

    use crate::support::database::{Engine, both};
    use crate::support::http::{ApiApp, Call};
    use crate::support::postgres;

    /// So many clients hang up.
    const CLIENTS: usize = 240;

    fn body(n: usize) -> String {
        json!({ "name": format!("Team {n}"), "external_id": format!("hang-{n}") }).to_string()
    }

    fn request(key: &str, n: usize) -> Vec<u8> {
        let body = body(n);
        format!(
            "POST /api/teams HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: hang-{n}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Sends a request, or for every fourth client a part of one, and is gone a moment later.
    async fn hang_up(address: SocketAddr, key: String, n: usize) {
        let bytes = request(&key, n);
        let part = if n.is_multiple_of(4) {
            bytes.len() - 20
        } else {
            bytes.len()
        };
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return;
        };
        if stream.write_all(&bytes[..part]).await.is_ok() {
            tokio::time::sleep(Duration::from_micros(
                u64::try_from(n % 40).unwrap_or(0) * 1_500,
            ))
            .await;
        }
        if n.is_multiple_of(2) {
            // An end that the server sees as a reset, not as a polite close.
            let _ = stream.set_zero_linger();
        }
    }

    /// Waits until writes that are still running have ended.
    async fn quiet(app: &ApiApp) {
        let begun = Instant::now();
        let (mut before, mut same) = (-1, 0);
        while same < 5 {
            let now = app.count("events").await;
            // On a busy machine the first write may be a while in coming.
            let has_begun = now > 0 || begun.elapsed() > Duration::from_secs(10);
            same = if now == before && has_begun {
                same + 1
            } else {
                0
            };
            before = now;
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "writes go on and on"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    both! {
        async fn a_write_is_whole_or_absent(app: ApiApp) {
            let mut server = JoinSet::new();
            let address = app.node.listen(&mut server).await;
            let mut clients = JoinSet::new();
            for n in 0..CLIENTS {
                clients.spawn(hang_up(address, app.key.secret.clone(), n));
                if n % 16 == 0 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
            clients.join_all().await;
            quiet(&app).await;
            let made = app.count("teams").await;
            let most = i64::try_from(CLIENTS * 3 / 4).expect("a number");
            assert!((1..=most).contains(&made), "{made} of {CLIENTS}");
            for table in ["events", "audit_facts", "idempotency_records"] {
                assert_eq!(app.count(table).await, made, "{table}");
            }
            if app.database.engine == Engine::Postgres {
                // Divides by zero when there is one.
                let open = "SELECT 1 / CASE WHEN count(*) = 0 THEN 1 ELSE 0 END FROM pg_stat_activity \
                            WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
                postgres::execute(&app.database.url, open).await.expect("no open transaction");
            }
            for n in 0..CLIENTS {
                let call = Call::new("POST", "/api/teams").key(&app.key.secret);
                let call = call.header("content-type", "application/json").header("idempotency-key", &format!("hang-{n}"));
                let answer = app.send(call.bytes(body(n))).await;
                assert_eq!(answer.status, 201, "{n}: {}", answer.text());
            }
            for table in ["teams", "events", "audit_facts", "idempotency_records"] {
                assert_eq!(app.count(table).await, i64::try_from(CLIENTS).expect("a number"), "{table}");
            }
        }
    }
}
