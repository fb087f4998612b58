//! A name server in a test's hands.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::TXT},
};
use tokio::{net::UdpSocket, task::JoinHandle};

/// Answers over UDP on the loopback interface with the TXT records that it was told, until it is dropped.
#[derive(Debug)]
pub struct TestDns {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    texts: Mutex<HashMap<String, Vec<String>>>,
    silent: AtomicBool,
}

impl TestDns {
    /// A server that knows no name.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::<State>::default();
        let task = tokio::spawn(serve(socket, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes a TXT record, beside those that the name has already.
    ///
    /// # Panics
    /// Never.
    pub fn publish(&self, name: &str, text: &str) {
        let mut texts = self.state.texts.lock().unwrap();
        texts.entry(name.to_owned()).or_default().push(text.to_owned());
    }

    /// From now on it answers nothing, or again.
    pub fn be_silent(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::SeqCst);
    }
}

impl Drop for TestDns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, state: Arc<State>) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if state.silent.load(Ordering::SeqCst) {
            continue;
        }
        if let Ok(question) = Message::from_vec(&buffer[..length]) {
            let answer = state.answer(&question).to_vec().unwrap();
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

impl State {
    fn answer(&self, question: &Message) -> Message {
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        let texts = self.texts.lock().unwrap();
        for query in &question.queries {
            answer.add_query(query.clone());
            let name = query.name().to_ascii().trim_end_matches('.').to_lowercase();
            let found = texts.get(&name);
            if found.is_none() {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            if query.query_type() == RecordType::TXT {
                for text in found.into_iter().flatten() {
                    // In two parts, as long texts come.
                    let (start, end) = text.split_at(text.len() / 2);
                    let data = RData::TXT(TXT::new(vec![start.to_owned(), end.to_owned()]));
                    answer.add_answer(Record::from_rdata(query.name().clone(), 1, data));
                }
            }
        }
        answer
    }
}
