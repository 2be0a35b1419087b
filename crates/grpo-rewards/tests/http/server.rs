//! A small HTTP server that does what a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does with a request.
pub(crate) enum Act {
    /// Answers with a status, further header lines and a body; keeps the connection open.
    Reply(u16, &'static str, Vec<u8>),
    /// The same, and closes the connection without having said so.
    ReplyAndClose(u16, Vec<u8>),
    /// Says nothing for a while, then closes.
    Hang(Duration),
    /// Sends these bytes, then closes.
    Raw(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `act` gets the number of the request, from 0, and the request. The server lives as long as the test's process.
    pub(crate) fn start(act: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, act) = (Arc::clone(&requests), Arc::new(act));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, act) = (Arc::clone(&log), Arc::clone(&act));
                thread::spawn(move || serve(stream.unwrap(), &log, &*act));
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Request>>, act: &dyn Fn(usize, &Request) -> Act) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len() - 1
        };
        match act(number, &request) {
            Act::Reply(status, headers, body) => answer(&mut stream, status, headers, &body),
            Act::ReplyAndClose(status, body) => {
                answer(&mut stream, status, "", &body);
                return;
            }
            Act::Hang(time) => {
                thread::sleep(time);
                return;
            }
            Act::Raw(bytes) => {
                let _ = stream.write_all(&bytes);
                return;
            }
        }
    }
}

fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    // A client that has gone away is part of some tests.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim_end().to_owned(), headers, body, at: Instant::now() })
}
