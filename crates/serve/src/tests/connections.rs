//! Connections over a real socket: slow ones, many, and such as take nothing.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What the system may hold of a connection, on either side: little, so that what is not taken is soon the server's to hold.
const HELD_BYTES: u32 = 4 << 10;

/// The server over a real socket.
pub(super) struct Listening {
    pub(super) shop: Shop,
    address: std::net::SocketAddr,
}

pub(super) async fn listening(limits: Limits) -> Listening {
    let shop = shop_within(limits.clone());
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(HELD_BYTES).expect("a small buffer");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(64).expect("it listens");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(crate::connection::serve(listener, shop.app.clone(), limits, shop.served.closing.subscribe()));
    Listening { shop, address }
}

impl Listening {
    pub(super) async fn send(&self, text: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(HELD_BYTES).expect("a small buffer");
        let mut stream = socket.connect(self.address).await.expect("it listens");
        stream.write_all(text.as_bytes()).await.expect("it takes what is sent");
        stream
    }

    /// What comes back to what is sent, until the server ends it.
    async fn answer(&self, text: &str) -> String {
        let mut stream = self.send(text).await;
        let mut all = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut all)).await;
        read.expect("the server ends it").expect("an answer");
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Requests that were answered, whether anybody took the answer or not.
    fn answered(&self) -> u64 {
        let metrics = self.shop.served.metrics.text(&self.shop.served);
        let line = metrics.lines().find_map(|l| l.strip_prefix("tidemill_http_requests_total{status=\"2xx\"} "));
        line.and_then(|n| n.parse().ok()).expect("a number")
    }
}

#[tokio::test]
async fn a_head_that_is_slow_or_long_is_not_waited_for() {
    let site = listening(Limits { header_max: Duration::from_millis(50), ..Limits::default() }).await;
    let whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(site.answer(whole).await.starts_with("HTTP/1.1 200"));
    let slow = site.answer("GET /healthz HTTP/1.1\r\nHost: local").await;
    assert!(!slow.starts_with("HTTP/1.1 200"), "{slow}");
    let idle = site.answer("").await;
    assert!(idle.is_empty() || !idle.starts_with("HTTP/1.1 200"), "{idle}");
    let nonsense = site.answer("\u{16}\u{3}\u{1} this is not HTTP\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400") || nonsense.is_empty(), "{nonsense}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_little_is_made_for_it() {
    let site = listening(Limits { connections: 1, stalled_max: Duration::from_millis(100), ..Limits::default() }).await;
    let one = format!("GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let mut held = site.send(&one).await;
    let asking = async {
        // It ends early where the server has let go.
        let _ = held.write_all(one.repeat(1_000).as_bytes()).await;
    };
    let other = site.answer("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let ((), other) = tokio::join!(asking, other);
    assert!(other.starts_with("HTTP/1.1 200"), "{other}");
    let answered = site.answered();
    assert!(answered < 50, "{answered} answers were made for who takes none");
    drop(held);
}

#[tokio::test]
async fn so_many_are_connected_at_most_and_the_others_wait() {
    let site = listening(Limits { connections: 1, header_max: Duration::from_millis(200), ..Limits::default() }).await;
    let held = site.send("GET /healthz HTTP/1.1\r\nHost: local").await;
    let second = site.answer("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
    drop(held);
}
