//! A DNS server on the loopback address that answers TXT questions with what it is told, over UDP.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// The texts of each name, in lower case and without the point at the end.
type Texts = Arc<Mutex<HashMap<String, Vec<String>>>>;

pub(crate) struct FakeDns {
    pub(crate) address: SocketAddr,
    texts: Texts,
    _server: JoinSet<()>,
}

impl FakeDns {
    /// One that knows no name yet.
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = socket.local_addr().expect("an address");
        let texts = Texts::default();
        let mut server = JoinSet::new();
        server.spawn(serve(socket, Arc::clone(&texts)));
        Self {
            address,
            texts,
            _server: server,
        }
    }

    /// Says that a name has these texts.
    pub(crate) fn set(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.texts
            .lock()
            .expect("the texts")
            .insert(name.to_owned(), texts);
    }
}

async fn serve(socket: UdpSocket, texts: Texts) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let Ok(question) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        let answer = answer(&question, &texts).to_vec().expect("an answer");
        let _ = socket.send_to(&answer, from).await;
    }
}

fn answer(question: &Message, texts: &Texts) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_available = true;
    for query in &question.queries {
        answer.add_query(query.clone());
        let name = query.name().to_ascii().to_lowercase();
        match texts
            .lock()
            .expect("the texts")
            .get(name.trim_end_matches('.'))
        {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(texts) => {
                for text in texts {
                    // A text longer than 255 bytes comes in parts, and shorter ones may.
                    let (one, other) = text.split_at(text.len() / 2);
                    let data = RData::TXT(TXT::new(vec![one.to_owned(), other.to_owned()]));
                    answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
                }
            }
        }
    }
    answer
}
