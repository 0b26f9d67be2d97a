use super::directory::Directory;
use super::socket::Socket;
use super::tail::Tail;
use crate::options::{OptionValue, Options};
use crate::stream::{Budget, Positions, Pulled, StreamConnector, StreamSource, followed};
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;
use tidemill_core::{ColumnRead, Result};

const SOON: Budget = Budget { rows: 1000, bytes: 1 << 20, wait: Duration::from_millis(20) };

fn columns() -> Vec<ColumnRead> {
    vec![ColumnRead::new("id", DataType::Int64), ColumnRead::new("name", DataType::Utf8)]
}

fn options(pairs: &[(&str, OptionValue)]) -> Options {
    pairs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect()
}

/// What came so far.
#[derive(Default)]
struct Got {
    ids: Vec<i64>,
    lines: Vec<u64>,
    rejects: Vec<String>,
    positions: Positions,
}

impl Got {
    fn pull(&mut self, source: &mut dyn StreamSource) -> Result<bool> {
        let Pulled::Batches(batches) = source.pull(SOON)? else { return Ok(false) };
        for b in batches {
            assert_eq!(b.decoded.rows_read, (b.decoded.batch.num_rows() + b.decoded.rejects.len()) as u64);
            self.ids.extend(b.decoded.batch.column(0).as_primitive::<Int64Type>().values());
            self.lines.extend(&b.decoded.lines);
            self.rejects.extend(b.decoded.rejects.iter().map(|r| r.raw.clone()));
            self.positions.insert(b.split.to_string(), b.position);
        }
        Ok(true)
    }

    /// Pulls until `rows` rows are there in all.
    fn wait(&mut self, source: &mut dyn StreamSource, rows: usize) {
        for _ in 0..500 {
            if self.ids.len() + self.rejects.len() >= rows {
                return;
            }
            self.pull(source).unwrap();
        }
        panic!("{} rows and {} rejects came, of {rows}: {:?}", self.ids.len(), self.rejects.len(), source.trouble());
    }

    /// Nothing more comes.
    fn rest(&mut self, source: &mut dyn StreamSource) {
        for _ in 0..15 {
            self.pull(source).unwrap();
        }
    }
}

fn open(connector: &dyn StreamConnector, options: &Options, dir: &Path, from: &Positions) -> Box<dyn StreamSource> {
    assert_eq!(connector.check(options, dir), Vec::new());
    connector.open(options, dir, &columns(), from).unwrap()
}

fn lines(ids: std::ops::Range<i64>) -> String {
    ids.map(|i| format!("{{\"id\":{i},\"name\":\"n{i}\"}}\n")).collect()
}

// ------------------------------------------------------------------------------------------------------------- directory

fn followed_directory() -> Options {
    options(&[("path", "in".into()), ("follow", true.into()), ("poll_ms", 20.into())])
}

#[test]
fn the_word_follow_chooses_the_connector() {
    let kind = |kind: &str, o: &Options| followed(kind, o).map(|c| c.kind());
    assert_eq!(kind("files", &followed_directory()), Some("directory"));
    assert_eq!(kind("files", &options(&[("path", "in".into())])), None);
    assert_eq!(kind("directory", &followed_directory()), None);
    assert_eq!(kind("tail", &options(&[])), Some("tail"));
}

#[test]
fn files_are_taken_once_as_they_appear() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("in");
    let mut got = Got::default();
    // That there is no directory yet is trouble, and no error.
    let mut source = open(&Directory, &followed_directory(), dir.path(), &Positions::new());
    got.rest(source.as_mut());
    assert!(source.trouble().is_some_and(|t| t.contains("in")));
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(inside.join("a.csv"), "id,name\n1,x\n2,y\n").unwrap();
    got.wait(source.as_mut(), 2);
    // Half a file under a hidden name is nobody's; renamed, it is whole.
    std::fs::write(inside.join("_b.csv"), "id,name\n3,x\n").unwrap();
    got.rest(source.as_mut());
    assert_eq!(got.ids, [1, 2]);
    std::fs::rename(inside.join("_b.csv"), inside.join("b.csv")).unwrap();
    got.wait(source.as_mut(), 3);
    got.rest(source.as_mut());
    assert_eq!((got.ids.clone(), source.lag().len(), source.trouble()), (vec![1, 2, 3], 0, None));
    assert!(got.positions.values().all(|p| p.starts_with("done ")), "{:?}", got.positions);

    // Another process goes on; what was taken is not taken again, however it was touched.
    let mut again = Got::default();
    let text = std::fs::read(inside.join("a.csv")).unwrap();
    std::fs::write(inside.join("a.csv"), text).unwrap();
    std::fs::write(inside.join("c.csv"), "name,id\nz,4\n").unwrap();
    let mut source = open(&Directory, &followed_directory(), dir.path(), &got.positions);
    again.wait(source.as_mut(), 1);
    again.rest(source.as_mut());
    assert_eq!(again.ids, [4]);

    std::fs::write(inside.join("a.csv"), "id,name\n1,x\n2,y\n9,new\n").unwrap();
    let changed = (0..50).find_map(|_| source.pull(SOON).err()).unwrap();
    assert!(changed.what.contains("has changed") && changed.help.is_some_and(|h| h.contains("tail")), "{}", changed.what);
}

#[test]
fn a_file_still_being_written_waits() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    let mut file = std::fs::File::create(dir.path().join("in/a.jsonl")).unwrap();
    let slower = options(&[("path", "in".into()), ("follow", true.into()), ("poll_ms", 300.into())]);
    let mut source = open(&Directory, &slower, dir.path(), &Positions::new());
    let mut got = Got::default();
    for i in 0..10 {
        file.write_all(lines(i..i + 1).as_bytes()).unwrap();
        // A pull waits a fifteenth of the time from look to look.
        got.pull(source.as_mut()).unwrap();
    }
    assert!(got.ids.is_empty());
    assert!(!source.lag().is_empty(), "a file that is seen and not taken is behind");
    drop(file);
    got.wait(source.as_mut(), 10);
}

#[test]
fn reading_goes_on_within_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("in")).unwrap();
    let rows = 150_000;
    std::fs::write(dir.path().join("in/a.jsonl"), lines(0..rows)).unwrap();
    let mut positions = Positions::new();
    let (mut ids, mut lines_seen, mut processes) = (Vec::new(), Vec::new(), 0);
    while ids.len() < rows as usize {
        processes += 1;
        assert!(processes < 20);
        let mut source = open(&Directory, &followed_directory(), dir.path(), &positions);
        let mut got = Got::default();
        for _ in 0..50 {
            if got.pull(source.as_mut()).unwrap() {
                break;
            }
        }
        ids.extend(got.ids);
        lines_seen.extend(got.lines);
        positions.extend(got.positions);
    }
    assert!(processes > 2, "the file was read in one go: the test tests nothing");
    assert_eq!(ids, (0..rows).collect::<Vec<_>>());
    assert_eq!(lines_seen, (1..=rows as u64).collect::<Vec<_>>());
}

// ------------------------------------------------------------------------------------------------------------- tail

fn tailed(more: &[(&str, OptionValue)]) -> Options {
    let mut all = options(&[("path", "log.jsonl".into()), ("poll_ms", 20.into())]);
    all.extend(options(more));
    all
}

fn append(path: &Path, text: &str) {
    std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn lines_come_when_they_are_whole_and_rotation_loses_none() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.jsonl");
    let mut source = open(&Tail, &tailed(&[]), dir.path(), &Positions::new());
    let mut got = Got::default();
    got.rest(source.as_mut());
    assert!(source.trouble().is_some_and(|t| t.contains("no file")));
    append(&log, &lines(0..3));
    append(&log, "\n{\"id\":3,");
    got.wait(source.as_mut(), 3);
    got.rest(source.as_mut());
    assert_eq!((got.ids.len(), source.lag()[0].behind), (3, Some(0)));
    append(&log, "\"name\":\"n\"}\nbroken\n");
    got.wait(source.as_mut(), 5);
    assert_eq!((got.ids.clone(), got.rejects.clone(), got.lines.clone()), (vec![0, 1, 2, 3], vec!["broken".to_string()], vec![1, 2, 3, 5]));
    // Renamed, with a rest that nobody had read, and a last line without its end.
    append(&log, lines(4..6).trim_end());
    std::fs::rename(&log, dir.path().join("log.jsonl.1")).unwrap();
    append(&log, &lines(6..8));
    got.wait(source.as_mut(), 9);
    assert_eq!(got.ids, (0..8).collect::<Vec<_>>());
    // Places are not given twice.
    let mut places = got.lines.clone();
    places.dedup();
    assert!(places.len() == 8 && places.is_sorted(), "{places:?}");
    assert_eq!(source.trouble(), None);
}

#[test]
fn rotations_while_nobody_follows_are_caught_up_with() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.jsonl");
    append(&log, &lines(0..5));
    let mut got = Got::default();
    got.wait(open(&Tail, &tailed(&[]), dir.path(), &Positions::new()).as_mut(), 5);
    let later = |seconds: u64| std::time::UNIX_EPOCH + Duration::from_secs(2_000_000_000 + seconds);
    for n in 0..3i64 {
        append(&log, &lines(5 + n..6 + n));
        std::fs::File::options().append(true).open(&log).unwrap().set_modified(later(n as u64)).unwrap();
        for old in (1..=n).rev() {
            std::fs::rename(dir.path().join(format!("log.jsonl.{old}")), dir.path().join(format!("log.jsonl.{}", old + 1))).unwrap();
        }
        std::fs::rename(&log, dir.path().join("log.jsonl.1")).unwrap();
    }
    append(&log, &lines(8..9));
    let mut source = open(&Tail, &tailed(&[]), dir.path(), &got.positions);
    got.wait(source.as_mut(), 9);
    got.rest(source.as_mut());
    assert_eq!(got.ids, (0..9).collect::<Vec<_>>());
    // The file that was read is gone: nobody can say what followed.
    for old in 1..=3 {
        std::fs::remove_file(dir.path().join(format!("log.jsonl.{old}"))).unwrap();
    }
    std::fs::remove_file(&log).unwrap();
    append(&log, &lines(9..10));
    let gone = Tail.open(&tailed(&[]), dir.path(), &columns(), &got.positions).err().unwrap();
    assert!(gone.what.contains("is gone with what followed"), "{}", gone.what);
}

#[test]
fn a_file_cut_in_its_place_is_begun_anew_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.jsonl");
    append(&log, &lines(0..5));
    let mut source = open(&Tail, &tailed(&[]), dir.path(), &Positions::new());
    let mut got = Got::default();
    got.wait(source.as_mut(), 5);
    std::fs::write(&log, lines(5..7)).unwrap();
    got.wait(source.as_mut(), 7);
    assert!(source.trouble().is_some_and(|t| t.contains("cut in its place")));
    // With a copy, as `copytruncate` makes it, nothing is lost.
    let mut source = open(&Tail, &tailed(&[]), dir.path(), &got.positions);
    got.rest(source.as_mut());
    append(&log, &lines(7..8));
    std::fs::copy(&log, dir.path().join("log.jsonl.1")).unwrap();
    std::fs::write(&log, "").unwrap();
    append(&log, &lines(8..9));
    got.wait(source.as_mut(), 9);
    assert_eq!((got.ids.clone(), source.trouble()), ((0..9).collect::<Vec<_>>(), None));
}

#[test]
fn csv_with_a_header_and_lines_within_quotes() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.csv");
    let options = options(&[("path", "log.csv".into()), ("poll_ms", 20.into()), ("header", true.into()), ("from", "end".into())]);
    append(&log, "Name,ID\nold,1\n");
    let mut source = open(&Tail, &options, dir.path(), &Positions::new());
    let mut got = Got::default();
    got.rest(source.as_mut());
    append(&log, "\"two\nlines\",2\nplain,3\n");
    got.wait(source.as_mut(), 2);
    assert_eq!(got.ids, [2, 3]);
    let mut source = open(&Tail, &options, dir.path(), &got.positions);
    append(&log, "x,4\n\"open,5\n");
    got.wait(source.as_mut(), 3);
    got.rest(source.as_mut());
    assert_eq!((got.ids.clone(), got.rejects.len()), (vec![2, 3, 4], 0));
    append(&log, "closes\",6\n");
    got.wait(source.as_mut(), 4);
    assert_eq!(got.ids, [2, 3, 4, 6]);
}

#[test]
fn what_was_set_aside_is_decoded_again() {
    let dir = tempfile::tempdir().unwrap();
    let o = options(&[("path", "log.csv".into()), ("header", true.into())]);
    append(&dir.path().join("log.csv"), "name,id\nx,1\n");
    let d = Tail.decode_again(&o, dir.path(), "log.csv", &[(7, "y,2"), (9, "z,three")], &columns()).unwrap();
    assert_eq!((d.lines, d.batch.column(0).as_primitive::<Int64Type>().value(0), d.rejects[0].line), (vec![7], 2, 9));
    let listen = options(&[("listen", "127.0.0.1:1".into())]);
    let d = Socket.decode_again(&listen, dir.path(), "127.0.0.1:1", &[(3, "{\"id\":3}")], &columns()).unwrap();
    assert_eq!(d.lines, [3]);
}

// ------------------------------------------------------------------------------------------------------------- socket

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_client_connects_again_and_places_go_on() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let options = options(&[("address", address.as_str().into()), ("token", "secret".into())]);
    let mut source = open(&Socket, &options, Path::new("."), &Positions::from([(address.clone(), "41".to_string())]));
    let mut got = Got::default();
    for round in 0..3i64 {
        let (mut peer, _) = server.accept().unwrap();
        let mut token = [0; 7];
        peer.read_exact(&mut token).unwrap();
        assert_eq!(&token, b"secret\n");
        let text = lines(round * 10..round * 10 + 10);
        // In pieces that end within lines.
        for piece in text.as_bytes().chunks(7) {
            peer.write_all(piece).unwrap();
        }
        got.wait(source.as_mut(), (round as usize + 1) * 10);
        drop(peer);
    }
    assert_eq!(got.ids, (0..30).collect::<Vec<_>>());
    assert_eq!(got.lines, (41..71).collect::<Vec<_>>());
    assert_eq!(got.positions[&address], "71");
    let told = (0..100).find_map(|_| {
        got.pull(source.as_mut()).unwrap();
        source.trouble().filter(|t| t.contains("3 connections broke"))
    });
    assert!(told.is_some(), "{:?}", source.trouble());
}

#[test]
fn a_server_wants_its_token_and_reads_many() {
    let address = format!("127.0.0.1:{}", free_port());
    let options =
        options(&[("listen", address.as_str().into()), ("token", "secret".into()), ("format", "csv".into()), ("header", true.into())]);
    let mut source = open(&Socket, &options, Path::new("."), &Positions::new());
    let mut stranger = TcpStream::connect(&address).unwrap();
    stranger.write_all(b"id,name\n1,x\n").unwrap();
    assert_eq!(stranger.read(&mut [0; 8]).unwrap_or(0), 0, "the connection is closed");
    let mut peers: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for (i, peer) in peers.iter_mut().enumerate() {
        // Each has its columns in its own order.
        let header = if i % 2 == 0 { "id,name" } else { "name,id" };
        peer.write_all(format!("secret\n{header}\n").as_bytes()).unwrap();
    }
    for n in 0..50 {
        for (i, peer) in peers.iter_mut().enumerate() {
            let row = if i % 2 == 0 { format!("{},p{i}\n", n * 4 + i) } else { format!("p{i},{}\n", n * 4 + i) };
            peer.write_all(row.as_bytes()).unwrap();
        }
    }
    peers[0].write_all(b"1000,torn").unwrap();
    drop(peers);
    let mut got = Got::default();
    got.wait(source.as_mut(), 201);
    got.ids.sort_unstable();
    assert_eq!(got.ids, (0..200).chain([1000]).collect::<Vec<_>>());
    got.lines.sort_unstable();
    assert_eq!(got.lines, (1..202).collect::<Vec<_>>());
    let trouble = source.trouble().unwrap();
    assert!(trouble.contains("1 connections were refused") && trouble.contains("1 lines ended"), "{trouble}");
}

#[test]
fn a_slow_reader_slows_its_sender() {
    let address = format!("127.0.0.1:{}", free_port());
    let options = options(&[("listen", address.as_str().into())]);
    let mut source = open(&Socket, &options, Path::new("."), &Positions::new());
    let mut peer = TcpStream::connect(&address).unwrap();
    peer.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let line = format!("{{\"id\":1,\"name\":\"{}\"}}\n", "x".repeat(1000));
    let mut sent = 0usize;
    // Far more than the queue and the system's buffers hold.
    while sent < 200_000 && peer.write_all(line.as_bytes()).is_ok() {
        sent += 1;
    }
    assert!(sent < 200_000, "everything was taken, and nobody reads");
    let mut got = Got::default();
    got.wait(source.as_mut(), sent);
}

#[test]
fn only_loopback_unless_it_is_said_twice() {
    let problems = |pairs: &[(&str, OptionValue)]| {
        Socket.check(&options(pairs), Path::new(".")).into_iter().map(|p| p.message).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(problems(&[("listen", "127.0.0.1:9000".into())]), "");
    assert_eq!(problems(&[("listen", "localhost:9000".into())]), "");
    assert!(problems(&[("listen", "0.0.0.0:9000".into()), ("token", "t".into())]).contains("other machines"));
    assert!(problems(&[("listen", "0.0.0.0:9000".into()), ("insecure_listen", true.into())]).contains("other machines"));
    assert_eq!(problems(&[("listen", "0.0.0.0:9000".into()), ("insecure_listen", true.into()), ("token", "t".into())]), "");
    assert!(problems(&[]).contains("`address` is missing"));
    assert!(problems(&[("address", "nowhere".into())]).contains("no host and port"));
    assert!(problems(&[("address", "a:1".into()), ("listen", "127.0.0.1:1".into())]).contains("do not go together"));
    assert!(problems(&[("address", "a:1".into()), ("delimiter", ";".into())]).contains("means nothing for json"));
}
