//! `connector = "webhook"`: rows to an address over HTTP, as one JSON array a request or one request a row.
//!
//! A request that fails is sent again after a pause, with the same `Idempotency-Key`, so that a receiver that heeds it does its work once. A refusal for
//! good (a status of 400 to 499 but 408, 425 and 429) is an error at once: sent again, it would be refused again.

use super::encode::Encoding;
use crate::options::{OptionDoc, OptionProblem, OptionReader, OptionValue, Options};
use crate::stream::{SinkConnector, StreamSink};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tidemill_core::{Error, Result};

/// HTTP requests.
pub struct Webhook;

const DOCS: &[OptionDoc] = &[
    OptionDoc {
        name: "url",
        value: "text",
        default: "",
        text: "Where to post to, `http://` or `https://`. A secret in it comes from the environment: `${HOOK_URL}`.",
    },
    OptionDoc {
        name: "body",
        value: "\"array\" or \"row\"",
        default: "\"array\"",
        text: "`array`: one request for many rows, as a JSON array; `row`: one request a row, as a JSON object.",
    },
    OptionDoc { name: "rows_max", value: "integer", default: "500", text: "Rows of one request, at most." },
    OptionDoc {
        name: "headers",
        value: "table of texts",
        default: "",
        text: "Headers of each request: `headers = { Authorization = \"Bearer ${TOKEN}\" }`.",
    },
    OptionDoc { name: "timeout_ms", value: "integer", default: "10000", text: "How long an answer is waited for." },
    OptionDoc {
        name: "tries",
        value: "integer",
        default: "8",
        text: "How often a request is sent before it is an error, with longer and longer pauses.",
    },
    OptionDoc {
        name: "ids",
        value: "true or false",
        default: "true",
        text: "Whether each row has its id, as `_id`. The header `Idempotency-Key` is there always.",
    },
];

const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Told of an answer that is a refusal.
const SHOWN: usize = 200;

struct WebhookOptions {
    url: String,
    is_array: bool,
    rows_max: usize,
    headers: Vec<(String, String)>,
    timeout: Duration,
    tries: usize,
    ids: bool,
}

fn parse(options: &Options) -> (WebhookOptions, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let url = r.required("url", "say where to: url = \"https://example.com/orders\"").unwrap_or_default().to_string();
    if !url.is_empty() && !reqwest::Url::parse(&url).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host()) {
        r.problem("url", "`url` is no address of http or https", "write it as url = \"https://example.com/orders\"");
    }
    let is_array = r.choice("body", &["array", "row"]) != Some("row");
    let rows_max = r.count("rows_max").unwrap_or(500);
    if rows_max == 0 {
        r.problem("rows_max", "`rows_max` can't be 0", "give 1 or more");
    }
    let mut headers = Vec::new();
    match r.get("headers") {
        None => {}
        Some(OptionValue::Table(table)) => {
            for (name, value) in table {
                let OptionValue::Text(text) = value else {
                    r.problem("headers", format!("the header `{name}` is {}, and a text is wanted", value.kind()), "");
                    continue;
                };
                let fits = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
                    && reqwest::header::HeaderValue::from_str(text).is_ok();
                if !fits {
                    r.problem("headers", format!("`{name}` is no header that HTTP allows"), "");
                }
                headers.push((name.clone(), text.clone()));
            }
        }
        Some(other) => r.problem(
            "headers",
            format!("`headers` takes a table of texts, not {}", other.kind()),
            "write it as headers = { Name = \"value\" }",
        ),
    }
    let timeout = Duration::from_millis(r.count("timeout_ms").unwrap_or(10_000).max(1) as u64);
    let tries = r.count("tries").unwrap_or(8).max(1);
    let ids = r.boolean("ids").unwrap_or(true);
    (WebhookOptions { url, is_array, rows_max, headers, timeout, tries, ids }, r.problems)
}

impl SinkConnector for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn options(&self) -> &'static [OptionDoc] {
        DOCS
    }

    fn check(&self, options: &Options, _: &Path) -> Vec<OptionProblem> {
        parse(options).1
    }

    fn open(&self, options: &Options, _: &Path, _: &SchemaRef) -> Result<Box<dyn StreamSink>> {
        let (webhook, problems) = parse(options);
        if let Some(p) = problems.into_iter().next() {
            return Err(Error { help: p.help, ..Error::config(p.message) });
        }
        let (requests, inbox) = channel();
        let (outbox, answers) = channel();
        let (is_array, rows_max, ids) = (webhook.is_array, webhook.rows_max, webhook.ids);
        let client = reqwest::Client::builder().timeout(webhook.timeout).user_agent("tidemill").build();
        let client = client.map_err(|e| Error::config(format!("no requests can be made: {}", without_address(e))))?;
        // Requests are made on a thread of their own: whoever writes may stand in a runtime, where nothing may block.
        let work = move || run(&webhook, &client, &inbox, &outbox);
        let thread = std::thread::Builder::new().name("webhook".into()).spawn(work);
        thread.map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
        Ok(Box::new(Poster {
            requests,
            answers,
            is_array,
            rows_max,
            encoding: Encoding { is_csv: false, ids },
            body: String::new(),
            ids: Vec::new(),
            rows: 0,
        }))
    }
}

/// One request to be made.
struct Request {
    key: String,
    body: String,
}

struct Poster {
    requests: Sender<Request>,
    answers: Receiver<Result<()>>,
    is_array: bool,
    rows_max: usize,
    encoding: Encoding,
    body: String,
    ids: Vec<String>,
    rows: usize,
}

impl Poster {
    fn post(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        if self.is_array {
            self.body.push(']');
        }
        let key = match &self.ids[..] {
            [one] => one.clone(),
            several => blake3::hash(several.join("\n").as_bytes()).to_hex()[..32].to_string(),
        };
        self.ids.clear();
        self.rows = 0;
        let gone = || Error::bug("the thread that makes requests is gone");
        self.requests.send(Request { key, body: std::mem::take(&mut self.body) }).map_err(|_| gone())?;
        self.answers.recv().map_err(|_| gone())?
    }
}

impl StreamSink for Poster {
    fn write(&mut self, rows: &RecordBatch, ids: &[String]) -> Result<()> {
        let encoding = self.encoding;
        encoding.rows(rows, ids, |row, text| {
            if self.is_array {
                self.body.push(if self.rows == 0 { '[' } else { ',' });
            }
            self.body.push_str(text);
            self.rows += 1;
            self.ids.push(ids.get(row).cloned().unwrap_or_default());
            if !self.is_array || self.rows == self.rows_max { self.post() } else { Ok(()) }
        })
    }

    fn flush(&mut self) -> Result<()> {
        self.post()
    }
}

/// Makes the requests, one after another, until nobody wants more.
fn run(options: &WebhookOptions, client: &reqwest::Client, inbox: &Receiver<Request>, outbox: &Sender<Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    while let Ok(request) = inbox.recv() {
        let done = match &runtime {
            Ok(runtime) => runtime.block_on(post(options, client, request)),
            Err(e) => Err(Error::unavailable(format!("cannot make requests: {e}"))),
        };
        if outbox.send(done).is_err() {
            return;
        }
    }
}

async fn post(options: &WebhookOptions, client: &reqwest::Client, request: Request) -> Result<()> {
    let (mut pause, mut tries) = (PAUSE.0, 0);
    loop {
        let mut call = client.post(&options.url).header("content-type", "application/json").header("idempotency-key", &request.key);
        for (name, value) in &options.headers {
            call = call.header(name, value);
        }
        let (why, waits) = match call.body(request.body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                let waits = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse::<u64>().ok()).map(Duration::from_secs);
                let said: String = answer.text().await.unwrap_or_default().chars().take(SHOWN).collect();
                let why = format!("it answered {status}{}{said}", if said.is_empty() { "" } else { ": " });
                let is_final = status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
                if is_final {
                    return Err(Error::data(format!("a webhook refused rows: {why}")).help("mend what it refuses, or the receiver"));
                }
                (why, waits)
            }
            Err(e) => (without_address(e), None),
        };
        tries += 1;
        if tries >= options.tries {
            return Err(Error::unavailable(format!("a webhook can't be reached: {why} (tried {tries} times)")));
        }
        tokio::time::sleep(waits.unwrap_or(pause).min(PAUSE.1)).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// An address may hold a secret.
fn without_address(e: reqwest::Error) -> String {
    let e = e.without_url();
    let mut text = e.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&e);
    while let Some(c) = cause {
        text = format!("{text}: {c}");
        cause = c.source();
    }
    text
}
