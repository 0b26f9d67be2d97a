//! `connector = "socket"`: lines over TCP, from a server that is connected to (`address`) or from clients that connect here (`listen`).
//!
//! Nothing that a socket brought can be asked for again: what had not reached an epoch when the process died is lost, and so is what is sent while nobody
//! is connected. Where a connection broke, that is told.
//!
//! Threads read and cut; what they have waits in a queue with an end, so that whoever reads slowly slows the sender. Position: the number of the next
//! line, so that rows keep places of their own after a restart.

use super::lines::Cutting;
use super::options::{COLUMNS, DELIMITER, FORMAT, HEADER, LineOptions, NESTED, QUOTE, RAGGED, RECORD_BYTES_MAX, doc};
use crate::formats::records::{Record, RecordDecoder, decode_again};
use crate::options::{OptionDoc, OptionProblem, OptionReader, Options};
use crate::stream::{Budget, Lag, Positions, Pulled, StreamBatch, StreamConnector, StreamSource};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tidemill_core::{ColumnRead, Decoded, Error, Result};

/// Lines over TCP.
pub struct Socket;

const DOCS: &[OptionDoc] = &[
    doc("address", "text", "", "The server to connect to, `host:port`. It is connected to again whenever the connection breaks."),
    doc(
        "listen",
        "text",
        "",
        "The address to take connections at, `127.0.0.1:PORT`, in place of `address`. Other than loopback addresses need `insecure_listen` and a `token`.",
    ),
    doc(
        "token",
        "text",
        "",
        "With `listen`: what the first line of each connection must be; with `address`: what is sent as the first line. From the environment: `token = \"${ORDERS_TOKEN}\"`.",
    ),
    doc("insecure_listen", "true or false", "false", "Lets `listen` take connections from other machines. Nothing is encrypted."),
    FORMAT,
    DELIMITER,
    QUOTE,
    HEADER,
    COLUMNS,
    RAGGED,
    NESTED,
    RECORD_BYTES_MAX,
];

/// Blocks that wait to be pulled.
const QUEUE: usize = 64;
const BLOCK: usize = 64 << 10;
const CONNECTIONS_MAX: usize = 256;
/// How often a thread looks whether it is still wanted.
const GLANCE: Duration = Duration::from_millis(100);
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
const TOKEN_BYTES_MAX: usize = 4096;

#[derive(Debug, Clone)]
enum Side {
    Connect(String),
    Listen(String),
}

struct SocketOptions {
    side: Side,
    token: Option<String>,
    lines: LineOptions,
}

/// `host:port`, with a port.
pub(crate) fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn parse(options: &Options) -> (SocketOptions, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let (address, listen) = (r.text("address").map(str::to_string), r.text("listen").map(str::to_string));
    for (key, value) in [("address", &address), ("listen", &listen)] {
        if let Some(v) = value.as_ref().filter(|v| !is_address(v)) {
            r.problem(key, format!("`{key}` is \"{v}\", which is no host and port"), format!("write it as {key} = \"127.0.0.1:9000\""));
        }
    }
    let token = r.text("token").map(str::to_string);
    if token.as_ref().is_some_and(|t| t.trim().is_empty() || t.contains(['\n', '\r'])) {
        r.problem("token", "`token` is empty, or more than a line", "set the variable it comes from");
    }
    let insecure = r.boolean("insecure_listen").unwrap_or(false);
    let side = match (address, listen) {
        (Some(_), Some(_)) => {
            r.problem("listen", "`address` and `listen` do not go together", "keep `address` to connect, `listen` to be connected to");
            Side::Connect(String::new())
        }
        (Some(address), None) => Side::Connect(address),
        (None, Some(listen)) => {
            let host = listen.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
            let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            if !is_loopback && is_address(&listen) && !(insecure && token.is_some()) {
                r.problem(
                    "listen",
                    format!("`listen = \"{listen}\"` takes connections from other machines"),
                    "listen on 127.0.0.1; or, where nobody else is on the network, set `insecure_listen = true` and a `token`",
                );
            }
            Side::Listen(listen)
        }
        (None, None) => {
            let _ = r.required("address", "say where to connect to: address = \"127.0.0.1:9000\"; or where to be connected to: listen = …");
            Side::Connect(String::new())
        }
    };
    let lines = LineOptions::read(&mut r, true);
    (SocketOptions { side, token, lines }, r.problems)
}

impl StreamConnector for Socket {
    fn kind(&self) -> &'static str {
        "socket"
    }

    fn options(&self) -> &'static [OptionDoc] {
        DOCS
    }

    fn check(&self, options: &Options, _: &Path) -> Vec<OptionProblem> {
        parse(options).1
    }

    fn can_replay(&self) -> bool {
        false
    }

    fn open(&self, options: &Options, _: &Path, columns: &[ColumnRead], from: &Positions) -> Result<Box<dyn StreamSource>> {
        let (socket, problems) = parse(options);
        if let Some(p) = problems.into_iter().next() {
            return Err(Error { help: p.help, ..Error::config(p.message) });
        }
        let (Side::Connect(name) | Side::Listen(name)) = &socket.side;
        let split: Arc<str> = name.as_str().into();
        // Columns that a line can't have are told now.
        socket.lines.decoder(&split, None, columns)?;
        let next = match from.get(&*split) {
            Some(text) => text.parse().map_err(|_| Error::data(format!("the position \"{text}\" is no line's number")).at(&*split))?,
            None => 1,
        };
        let (sender, blocks) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let link = Link { shared: Arc::clone(&shared), to: sender, cutting: socket.lines.cutting(), token: socket.token };
        let thread = match socket.side {
            Side::Connect(address) => spawn("socket", move || connect(&link, &address))?,
            Side::Listen(address) => {
                let listener = TcpListener::bind(&address).map_err(|e| {
                    Error::unavailable(format!("can't listen at {address}: {e}")).because(e).help("another process may have the port")
                })?;
                listener.set_nonblocking(true).map_err(|e| Error::unavailable(format!("can't listen at {address}")).because(e))?;
                spawn("socket", move || listen(&Arc::new(link), &listener))?
            }
        };
        Ok(Box::new(Lines {
            split,
            lines: socket.lines,
            columns: columns.to_vec(),
            decoders: BTreeMap::new(),
            waiting: VecDeque::new(),
            blocks: Some(blocks),
            next,
            shared,
            thread: Some(thread),
        }))
    }

    fn decode_again(&self, options: &Options, _: &Path, split: &str, records: &[(u64, &str)], columns: &[ColumnRead]) -> Result<Decoded> {
        again(options, split, records, columns)
    }
}

fn again(options: &Options, split: &str, records: &[(u64, &str)], columns: &[ColumnRead]) -> Result<Decoded> {
    let (socket, _) = parse(options);
    if socket.lines.header {
        return Err(Error::config("these lines came after a header that nobody knows any more")
            .at(split)
            .help("name the fields by `columns`"));
    }
    decode_again(split, &socket.lines.format(None), records, columns)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(work).map_err(|e| Error::unavailable("cannot start a thread").because(e))
}

/// What the threads and the source share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Connections to a server that broke.
    broken: AtomicU64,
    /// Connections whose first line was not the token.
    refused: AtomicU64,
    /// Lines that were cut off by the end of their connection, and are no whole ones maybe.
    torn: AtomicU64,
    /// Why nobody is connected.
    trouble: Mutex<Option<String>>,
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
    fn tell(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Whole records of one connection.
struct Block {
    connection: u64,
    data: Vec<u8>,
    spans: Vec<Range<usize>>,
    /// The connection is gone.
    is_last: bool,
}

/// What a thread that reads has.
struct Link {
    shared: Arc<Shared>,
    to: SyncSender<Block>,
    cutting: Cutting,
    token: Option<String>,
}

/// Connects, reads until the connection breaks, and connects again.
fn connect(link: &Link, address: &str) {
    let (mut pause, mut tries, mut number) = (BACK_OFF.0, 0u64, 0u64);
    while !link.shared.is_stopped() {
        let opened = resolve(address).and_then(|to| TcpStream::connect_timeout(&to, Duration::from_secs(5)));
        match opened.and_then(|stream| greet(stream, link)) {
            Ok(stream) => {
                link.shared.tell(None);
                (pause, tries) = (BACK_OFF.0, 0);
                number += 1;
                let why = read(link, stream, number, Vec::new());
                if link.shared.is_stopped() {
                    return;
                }
                link.shared.broken.fetch_add(1, Ordering::Relaxed);
                link.shared.tell(Some(format!("the connection to {address} broke ({why}); connecting again")));
            }
            Err(e) => {
                tries += 1;
                link.shared.tell(Some(format!("can't connect to {address}: {e} (tried {tries} times)")));
            }
        }
        // In glances, so that a stop is not kept waiting.
        let mut left = pause;
        while !left.is_zero() && !link.shared.is_stopped() {
            let nap = left.min(GLANCE);
            std::thread::sleep(nap);
            left -= nap;
        }
        pause = (pause * 2).min(BACK_OFF.1);
    }
}

fn resolve(address: &str) -> std::io::Result<SocketAddr> {
    address.to_socket_addrs()?.next().ok_or_else(|| std::io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

fn greet(mut stream: TcpStream, link: &Link) -> std::io::Result<TcpStream> {
    if let Some(token) = &link.token {
        stream.write_all(token.as_bytes())?;
        stream.write_all(b"\n")?;
    }
    Ok(stream)
}

/// Takes connections; each is read by a thread of its own.
fn listen(link: &Arc<Link>, listener: &TcpListener) {
    let mut readers: Vec<JoinHandle<()>> = Vec::new();
    let mut number = 0;
    while !link.shared.is_stopped() {
        readers.retain(|r| !r.is_finished());
        match listener.accept() {
            Ok((stream, _)) if readers.len() < CONNECTIONS_MAX => {
                number += 1;
                let of_reader = Arc::clone(link);
                match spawn("socket connection", move || serve(&of_reader, stream, number)) {
                    Ok(reader) => readers.push(reader),
                    // The connection is closed with that: whoever connected sees it.
                    Err(e) => link.shared.tell(Some(e.to_string())),
                }
            }
            Ok((stream, peer)) => {
                link.shared.tell(Some(format!("{peer} was turned away: there are {CONNECTIONS_MAX} connections already")));
                drop(stream);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(10)),
            Err(e) => {
                link.shared.tell(Some(format!("can't take connections: {e}")));
                std::thread::sleep(GLANCE);
            }
        }
    }
    readers.into_iter().for_each(|r| drop(r.join()));
}

fn serve(link: &Link, stream: TcpStream, number: u64) {
    let _ = stream.set_nonblocking(false);
    match admit(link, &stream) {
        Some(rest) => {
            read(link, stream, number, rest);
        }
        None => {
            link.shared.refused.fetch_add(1, Ordering::Relaxed);
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Reads the first line, where it must be the token; what came after it is given back.
fn admit(link: &Link, mut stream: &TcpStream) -> Option<Vec<u8>> {
    let Some(token) = &link.token else { return Some(Vec::new()) };
    stream.set_read_timeout(Some(GLANCE)).ok()?;
    let mut first = Vec::new();
    let mut buffer = [0; 1024];
    // Ten seconds are enough for a line.
    for _ in 0..100 {
        if let Some(end) = memchr::memchr(b'\n', &first) {
            let said = first[..end].strip_suffix(b"\r").unwrap_or(&first[..end]);
            return is_same(said, token.as_bytes()).then(|| first[end + 1..].to_vec());
        }
        if first.len() > TOKEN_BYTES_MAX || link.shared.is_stopped() {
            return None;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(n) => first.extend_from_slice(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Compares in a time that does not tell where they differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (blake3::hash(a), blake3::hash(b));
    a == b
}

/// Reads to the end of the connection; says why it ended. `pending` came with the first line.
fn read(link: &Link, mut stream: TcpStream, connection: u64, mut pending: Vec<u8>) -> String {
    let _ = stream.set_read_timeout(Some(GLANCE));
    let why = loop {
        let block = cut(link, connection, &mut pending, false);
        if !block.spans.is_empty() && !send(link, block) {
            return "stopped".into();
        }
        let held = pending.len();
        pending.resize(held + BLOCK, 0);
        let read = stream.read(&mut pending[held..]);
        pending.truncate(held + read.as_ref().map_or(0, |n| *n));
        match read {
            Ok(0) => break "it was closed".to_string(),
            Ok(_) => {}
            Err(_) if link.shared.is_stopped() => break "stopped".into(),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(e) => break e.to_string(),
        }
        if link.shared.is_stopped() {
            break "stopped".into();
        }
    };
    if !pending.is_empty() {
        link.shared.torn.fetch_add(1, Ordering::Relaxed);
    }
    let mut rest = cut(link, connection, &mut pending, true);
    rest.is_last = true;
    send(link, rest);
    why
}

/// The whole records of `pending`, which are taken from it.
fn cut(link: &Link, connection: u64, pending: &mut Vec<u8>, at_end: bool) -> Block {
    let (mut spans, mut at) = (Vec::new(), 0);
    while let Some(cut) = link.cutting.next(pending, at, at_end) {
        if !cut.is_blank(pending) {
            spans.push(cut.span);
        }
        at = cut.next;
    }
    let rest = pending.split_off(at);
    Block { connection, data: std::mem::replace(pending, rest), spans, is_last: false }
}

/// Waits until there is room; false when nobody wants it any more.
fn send(link: &Link, mut block: Block) -> bool {
    loop {
        match link.to.try_send(block) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(_)) if link.shared.is_stopped() => return false,
            Err(TrySendError::Full(b)) => {
                block = b;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The source: takes blocks, numbers lines, decodes.
struct Lines {
    split: Arc<str>,
    lines: LineOptions,
    columns: Vec<ColumnRead>,
    /// By connection; `None` until its header came.
    decoders: BTreeMap<u64, Option<RecordDecoder>>,
    /// Taken from the queue, and not given yet.
    waiting: VecDeque<Block>,
    blocks: Option<Receiver<Block>>,
    /// Number of the next line.
    next: u64,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    fn decode(&mut self, mut block: Block) -> Result<Option<StreamBatch>> {
        if !self.decoders.contains_key(&block.connection) {
            let decoder = match self.lines.header {
                true => None,
                false => Some(self.lines.decoder(&self.split, None, &self.columns)?),
            };
            self.decoders.insert(block.connection, decoder);
        }
        let Some(decoder) = self.decoders.get_mut(&block.connection) else { return Err(Error::bug("a connection without a decoder")) };
        if decoder.is_none() && !block.spans.is_empty() {
            let labels = self.lines.labels(&block.data[block.spans.remove(0)]);
            *decoder = Some(self.lines.decoder(&self.split, Some(labels), &self.columns)?);
        }
        let batch = match decoder {
            Some(decoder) if !block.spans.is_empty() => {
                let first = self.next;
                self.next += block.spans.len() as u64;
                let record = |(i, span): (usize, &Range<usize>)| {
                    let number = first + i as u64;
                    Record { line: number, offset: number, payload: &block.data[span.clone()] }
                };
                let records: Vec<Record<'_>> = block.spans.iter().enumerate().map(record).collect();
                let decoded = decoder.decode(&records, &[])?;
                Some(StreamBatch { split: Arc::clone(&self.split), decoded, position: self.next.to_string(), source_micros: None })
            }
            _ => None,
        };
        if block.is_last {
            self.decoders.remove(&block.connection);
        }
        Ok(batch)
    }

    /// Blocks of one connection that follow one another become one: columns are made of many rows or not at all well.
    fn gather(&mut self, budget: Budget, first: Block) -> Block {
        let mut out = first;
        let Some(blocks) = &self.blocks else { return out };
        while !out.is_last && out.spans.len() < budget.rows && out.data.len() < budget.bytes {
            let Some(block) = self.waiting.pop_front().or_else(|| blocks.try_recv().ok()) else { break };
            if block.connection != out.connection {
                self.waiting.push_back(block);
                break;
            }
            let base = out.data.len();
            out.data.extend_from_slice(&block.data);
            out.spans.extend(block.spans.into_iter().map(|s| s.start + base..s.end + base));
            out.is_last = block.is_last;
        }
        out
    }
}

impl StreamSource for Lines {
    fn pull(&mut self, budget: Budget) -> Result<Pulled> {
        let mut batches = Vec::new();
        let (mut rows, mut bytes) = (0, 0u64);
        while rows < budget.rows && bytes < budget.bytes as u64 {
            let Some(blocks) = &self.blocks else { return Ok(Pulled::End) };
            let wait = if batches.is_empty() { budget.wait } else { Duration::ZERO };
            let block = match self.waiting.pop_front() {
                Some(block) => block,
                None => match blocks.recv_timeout(wait) {
                    Ok(block) => block,
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Err(Error::bug("the thread that reads the socket is gone")),
                },
            };
            let block = self.gather(budget, block);
            if let Some(batch) = self.decode(block)? {
                rows += batch.decoded.rows_read as usize;
                bytes += batch.decoded.bytes_read;
                batches.push(batch);
            }
        }
        Ok(if batches.is_empty() { Pulled::Idle } else { Pulled::Batches(batches) })
    }

    fn confirm(&mut self, _: &Positions) -> Result<()> {
        Ok(())
    }

    fn lag(&mut self) -> Vec<Lag> {
        vec![Lag { split: Arc::clone(&self.split), behind: None, position: self.next.to_string() }]
    }

    fn trouble(&self) -> Option<String> {
        let now = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let count = |n: &AtomicU64, what: &str| Some(n.load(Ordering::Relaxed)).filter(|n| *n > 0).map(|n| format!("{n} {what}"));
        let told = [
            now,
            count(&self.shared.broken, "connections broke (what was sent while there was none is lost)"),
            count(&self.shared.torn, "lines ended with their connection"),
            count(&self.shared.refused, "connections were refused: their first line was not the token"),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
