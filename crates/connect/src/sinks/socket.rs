//! `connector = "socket"` as a sink: lines to a server over TCP.
//!
//! TCP does not tell whether the other side has read what it was sent. What was sent since the last flush is sent again over a new connection when the old
//! one broke; what an older one swallowed, nobody knows.

use super::encode::{Encoding, FORMAT, IDS};
use crate::follow::socket::is_address;
use crate::options::{OptionDoc, OptionProblem, OptionReader, Options};
use crate::stream::{SinkConnector, StreamSink};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;
use tidemill_core::{Error, Result};

/// Lines over TCP.
pub struct Socket;

const DOCS: &[OptionDoc] = &[
    OptionDoc { name: "address", value: "text", default: "", text: "The server to connect to, `host:port`." },
    OptionDoc {
        name: "token",
        value: "text",
        default: "",
        text: "What is sent as the first line of a connection. From the environment: `token = \"${ORDERS_TOKEN}\"`.",
    },
    OptionDoc {
        name: "tries",
        value: "integer",
        default: "8",
        text: "How often a connection is tried before it is an error, with longer and longer pauses.",
    },
    FORMAT,
    IDS,
];

const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
const TIMEOUT: Duration = Duration::from_secs(10);

struct SocketOptions {
    address: String,
    token: Option<String>,
    tries: usize,
    encoding: Encoding,
}

fn parse(options: &Options) -> (SocketOptions, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let address = r.required("address", "say where to: address = \"127.0.0.1:9000\"").unwrap_or_default().to_string();
    if !address.is_empty() && !is_address(&address) {
        r.problem("address", format!("`address` is \"{address}\", which is no host and port"), "write it as address = \"127.0.0.1:9000\"");
    }
    let token = r.text("token").map(str::to_string);
    let tries = r.count("tries").unwrap_or(8).max(1);
    let encoding = Encoding::read(&mut r, true);
    (SocketOptions { address, token, tries, encoding }, r.problems)
}

impl SinkConnector for Socket {
    fn kind(&self) -> &'static str {
        "socket"
    }

    fn options(&self) -> &'static [OptionDoc] {
        DOCS
    }

    fn check(&self, options: &Options, _: &Path) -> Vec<OptionProblem> {
        parse(options).1
    }

    fn open(&self, options: &Options, _: &Path, schema: &SchemaRef) -> Result<Box<dyn StreamSink>> {
        let (socket, problems) = parse(options);
        match problems.into_iter().next() {
            Some(p) => Err(Error { help: p.help, ..Error::config(p.message) }),
            None => {
                let header = socket.encoding.header(schema);
                Ok(Box::new(Sender { options: socket, header, stream: None, pending: Vec::new(), sent: 0 }))
            }
        }
    }
}

struct Sender {
    options: SocketOptions,
    header: String,
    stream: Option<TcpStream>,
    /// Since the last flush: `pending[..sent]` went out over this connection.
    pending: Vec<u8>,
    sent: usize,
}

impl Sender {
    fn connect(&self) -> std::io::Result<TcpStream> {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
        let to = self.options.address.to_socket_addrs()?.next().ok_or_else(missing)?;
        let mut stream = TcpStream::connect_timeout(&to, TIMEOUT)?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        if let Some(token) = &self.options.token {
            stream.write_all(format!("{token}\n").as_bytes())?;
        }
        stream.write_all(self.header.as_bytes())?;
        Ok(stream)
    }

    fn send(&mut self) -> Result<()> {
        let (mut pause, mut tries) = (PAUSE.0, 0);
        loop {
            let Err(e) = self.attempt() else { return Ok(()) };
            // All since the last flush goes out again: what became of it, nobody knows.
            (self.stream, self.sent) = (None, 0);
            tries += 1;
            if tries >= self.options.tries {
                return Err(Error::unavailable(format!("can't send to {}: {e}", self.options.address)).because(e));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn attempt(&mut self) -> std::io::Result<()> {
        if self.stream.is_none() {
            self.stream = Some(self.connect()?);
            self.sent = 0;
        }
        if let Some(stream) = &mut self.stream {
            stream.write_all(&self.pending[self.sent..])?;
            self.sent = self.pending.len();
        }
        Ok(())
    }
}

impl StreamSink for Sender {
    fn write(&mut self, rows: &RecordBatch, ids: &[String]) -> Result<()> {
        let Sender { options, pending, .. } = self;
        options.encoding.rows(rows, ids, |_, line| {
            pending.extend_from_slice(line.as_bytes());
            pending.push(b'\n');
            Ok(())
        })?;
        self.send()
    }

    fn flush(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.send()?;
        }
        self.pending.clear();
        self.sent = 0;
        Ok(())
    }
}
