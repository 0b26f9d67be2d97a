use super::console::Lines;
use super::encode::Encoding;
use super::files::Files;
use super::socket::Socket;
use super::webhook::Webhook;
use crate::options::{OptionValue, Options};
use crate::stream::{SinkConnector, StreamSink};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

fn rows(ids: std::ops::Range<i64>) -> (RecordBatch, Vec<String>) {
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.clone()));
    let name: ArrayRef = Arc::new(StringArray::from_iter(ids.clone().map(|i| match i % 4 {
        0 => None,
        1 => Some("a, \"b\"".to_string()),
        2 => Some(String::new()),
        _ => Some(format!("n{i}")),
    })));
    let x: ArrayRef = Arc::new(Float64Array::from_iter_values(ids.clone().map(|i| if i % 3 == 0 { f64::NAN } else { i as f64 / 2.0 })));
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(ids.clone().map(|i| i * 1_000_000)).with_timezone("UTC"));
    let batch =
        RecordBatch::try_from_iter_with_nullable([("id", id, true), ("name", name, true), ("x", x, true), ("at", at, true)]).unwrap();
    (batch, ids.map(|i| format!("t/0:{i}")).collect())
}

fn options(pairs: &[(&str, OptionValue)]) -> Options {
    pairs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect()
}

fn open(sink: &dyn SinkConnector, options: &Options, dir: &Path) -> Box<dyn StreamSink> {
    assert_eq!(sink.check(options, dir), Vec::new());
    sink.open(options, dir, &rows(0..1).0.schema()).unwrap()
}

#[test]
fn rows_are_lines_of_json_or_csv() {
    let (batch, ids) = rows(0..3);
    let text = |is_csv, ids_too| {
        let encoding = Encoding { is_csv, ids: ids_too };
        let mut sink = Lines { out: Vec::new(), encoding, pending: encoding.header(&batch.schema()) };
        sink.write(&batch, &ids).unwrap();
        String::from_utf8(sink.out).unwrap()
    };
    assert_eq!(
        text(false, true),
        "{\"_id\":\"t/0:0\",\"id\":0,\"name\":null,\"x\":null,\"at\":\"1970-01-01T00:00:00Z\"}\n\
         {\"_id\":\"t/0:1\",\"id\":1,\"name\":\"a, \\\"b\\\"\",\"x\":0.5,\"at\":\"1970-01-01T00:00:01Z\"}\n\
         {\"_id\":\"t/0:2\",\"id\":2,\"name\":\"\",\"x\":1.0,\"at\":\"1970-01-01T00:00:02Z\"}\n"
    );
    assert_eq!(
        text(true, false),
        "id,name,x,at\n0,,NaN,1970-01-01T00:00:00Z\n1,\"a, \"\"b\"\"\",0.5,1970-01-01T00:00:01Z\n2,\"\",1.0,1970-01-01T00:00:02Z\n"
    );
    assert!(text(true, true).starts_with("_id,id,name,x,at\nt/0:0,0,,"));
}

#[test]
fn files_grow_to_their_size_and_a_torn_line_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let o = options(&[("path", "out".into()), ("file_bytes", 2000.into())]);
    let mut sink = open(&Files, &o, dir.path());
    for i in 0..10 {
        let (batch, ids) = rows(i * 10..i * 10 + 10);
        sink.write(&batch, &ids).unwrap();
        sink.flush().unwrap();
    }
    drop(sink);
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(dir.path().join("out")).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        names
    };
    let before = files();
    assert!(before.len() > 2 && before[0].ends_with("part-000001.jsonl"), "{before:?}");
    let last = before.last().unwrap();
    std::fs::OpenOptions::new().append(true).open(last).unwrap().write_all(b"{\"_id\":\"t/0:100\",\"id").unwrap();
    let mut sink = open(&Files, &o, dir.path());
    let (batch, ids) = rows(100..101);
    sink.write(&batch, &ids).unwrap();
    sink.flush().unwrap();
    let text: String = files().iter().map(|f| std::fs::read_to_string(f).unwrap()).collect();
    let seen: Vec<String> = text.lines().map(|l| l.split('"').nth(3).unwrap().to_string()).collect();
    assert_eq!(seen, (0..101).map(|i| format!("t/0:{i}")).collect::<Vec<_>>());
}

#[test]
fn a_socket_that_breaks_is_sent_all_since_the_last_flush() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let o = options(&[("address", address.as_str().into()), ("token", "secret".into())]);
    let mut sink = open(&Socket, &o, Path::new("."));
    let line = |peer: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        peer.read_line(&mut line).unwrap();
        line
    };
    let (batch, ids) = rows(0..2);
    sink.write(&batch, &ids).unwrap();
    let mut first = BufReader::new(server.accept().unwrap().0);
    assert_eq!(line(&mut first), "secret\n");
    assert!(line(&mut first).contains("t/0:0"));
    drop(first);
    // The first write after the end may still go into the void; a later one finds out, and nothing since the flush is missing.
    let mut second = None;
    server.set_nonblocking(true).unwrap();
    for i in 2..200 {
        let (batch, ids) = rows(i..i + 1);
        sink.write(&batch, &ids).unwrap();
        if let Ok((peer, _)) = server.accept() {
            peer.set_nonblocking(false).unwrap();
            second = Some((BufReader::new(peer), i));
            break;
        }
    }
    let (mut second, last) = second.expect("a second connection");
    sink.flush().unwrap();
    assert_eq!(line(&mut second), "secret\n");
    for i in 0..=last {
        assert!(line(&mut second).contains(&format!("\"t/0:{i}\"")));
    }
    drop((second, server));
    let mut gave_up = None;
    let o = options(&[("address", address.as_str().into()), ("tries", 2.into())]);
    let mut sink = open(&Socket, &o, Path::new("."));
    if let Err(e) = sink.write(&batch, &ids) {
        gave_up = Some(e.what);
    }
    assert!(gave_up.is_some_and(|w| w.contains("can't send")));
}

/// Answers requests with these statuses, then 200, and tells what it was sent: headers and body.
fn receiver(statuses: Vec<u16>) -> (String, std::sync::mpsc::Receiver<(String, String)>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", server.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.into_iter();
        for stream in server.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            loop {
                let mut head = String::new();
                while reader.read_line(&mut head).unwrap_or(0) > 2 {}
                if head.is_empty() {
                    break;
                }
                let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_string)).unwrap();
                let mut body = vec![0; length.trim().parse().unwrap()];
                reader.read_exact(&mut body).unwrap();
                let status = statuses.next().unwrap_or(200);
                let said = if status < 300 { "" } else { "not now" };
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{said}", said.len());
                // Told before it is answered: whoever has the answer looks at once.
                if tell.send((head.to_lowercase(), String::from_utf8(body).unwrap())).is_err() {
                    return;
                }
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (url, told)
}

#[test]
fn a_webhook_is_tried_again_with_the_same_key() {
    let (url, told) = receiver(vec![503, 429]);
    let headers = OptionValue::Table([("X-Token".to_string(), OptionValue::from("t"))].into());
    let o = options(&[("url", url.as_str().into()), ("rows_max", 3.into()), ("headers", headers)]);
    let mut sink = open(&Webhook, &o, Path::new("."));
    let (batch, ids) = rows(0..4);
    sink.write(&batch, &ids).unwrap();
    sink.flush().unwrap();
    sink.flush().unwrap();
    let requests: Vec<(String, String)> = told.try_iter().collect();
    assert_eq!(requests.len(), 4, "{requests:?}");
    let key = |r: &(String, String)| r.0.lines().find_map(|l| l.strip_prefix("idempotency-key: ").map(str::to_string)).unwrap();
    assert!(key(&requests[0]) == key(&requests[1]) && key(&requests[1]) == key(&requests[2]) && key(&requests[2]) != key(&requests[3]));
    assert_eq!(key(&requests[3]), "t/0:3");
    assert!(requests[0].0.contains("x-token: t") && requests[0].0.contains("content-type: application/json"));
    assert_eq!(requests[0].1, requests[2].1);
    assert!(requests[0].1.starts_with("[{\"_id\":\"t/0:0\",") && requests[0].1.ends_with("}]"));
    assert_eq!(requests[0].1.matches("\"id\":").count(), 3);
}

#[test]
fn a_row_a_request_and_a_refusal_for_good() {
    let (url, told) = receiver(vec![200, 200, 422]);
    let o = options(&[("url", url.as_str().into()), ("body", "row".into()), ("ids", false.into())]);
    let mut sink = open(&Webhook, &o, Path::new("."));
    let (batch, ids) = rows(0..2);
    sink.write(&batch, &ids).unwrap();
    let bodies: Vec<String> = told.try_iter().map(|r| r.1).collect();
    assert!(bodies.len() == 2 && bodies[1].starts_with("{\"id\":1,"), "{bodies:?}");
    let refused = sink.write(&batch, &ids).unwrap_err();
    assert!(refused.what.contains("422") && refused.what.contains("not now"), "{}", refused.what);
    let nobody = format!("http://127.0.0.1:{}/secret", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let mut sink = open(&Webhook, &options(&[("url", nobody.as_str().into()), ("tries", 2.into())]), Path::new("."));
    sink.write(&batch, &ids).unwrap();
    let away = sink.flush().unwrap_err();
    assert!(away.what.contains("tried 2 times") && !away.what.contains("secret"), "{}", away.what);
}

#[test]
fn mistakes_are_told() {
    let told = |sink: &dyn SinkConnector, pairs: &[(&str, OptionValue)]| {
        sink.check(&options(pairs), Path::new(".")).into_iter().map(|p| p.message).collect::<Vec<_>>().join("; ")
    };
    assert!(told(&Webhook, &[]).contains("`url` is missing"));
    assert!(told(&Webhook, &[("url", "ftp://x".into())]).contains("no address"));
    assert!(told(&Webhook, &[("url", "http://x".into()), ("headers", "a".into())]).contains("table of texts"));
    assert!(told(&Socket, &[("address", "x".into())]).contains("no host and port"));
    assert!(told(&Files, &[("path", "Cargo.toml".into())]).contains("is a file"));
    assert!(told(&super::console::Console, &[("formt", "csv".into())]).contains("unknown option"));
}
