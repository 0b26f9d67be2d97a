//! How brokers are reached: addresses, TLS, credentials. The same for sources, sinks and the commands about topics.

use crate::options::{OptionDoc, OptionFault, OptionProblem, OptionReader, Options};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tidemill_core::{Error, Secret};

/// How brokers are reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// `host:port`, with commas between.
    pub brokers: String,
    pub security: Security,
    pub sasl: Option<Sasl>,
    pub tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    #[default]
    Plaintext,
    Tls,
    SaslPlaintext,
    SaslTls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sasl {
    pub mechanism: &'static str,
    pub user: String,
    pub password: Secret,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub key_password: Option<Secret>,
}

const fn doc(name: &'static str, value: &'static str, default: &'static str, text: &'static str) -> OptionDoc {
    OptionDoc { name, value, default, text }
}

/// Options of everything that reaches brokers.
pub const DOCS: [OptionDoc; 9] = [
    doc("brokers", "text or list of texts", "", "`host:port` of one broker or more; the others are found from there."),
    doc(
        "security",
        "\"plaintext\", \"tls\", \"sasl\" or \"sasl_tls\"",
        "\"plaintext\"",
        "How the connection is protected: not at all, by TLS, by a password (SASL), or by a password within TLS.",
    ),
    doc("sasl_mechanism", "\"plain\", \"scram-sha-256\" or \"scram-sha-512\"", "\"scram-sha-256\"", "How the password is told."),
    doc("sasl_user", "text", "", "The user's name, with `security = \"sasl\"` or `\"sasl_tls\"`."),
    doc("sasl_password", "text", "", "The password: `\"${KAFKA_PASSWORD}\"`, so that it stands in the environment and not in the project."),
    doc("tls_ca", "path", "the system's", "PEM file with the certificates that brokers are checked against."),
    doc("tls_certificate", "path", "", "PEM file with the certificate that brokers know us by."),
    doc("tls_key", "path", "", "PEM file with its private key."),
    doc("tls_key_password", "text", "", "The key's password: `\"${KAFKA_KEY_PASSWORD}\"`."),
];

const MECHANISMS: [&str; 3] = ["plain", "scram-sha-256", "scram-sha-512"];

impl Access {
    /// Brokers without protection.
    pub fn plain(brokers: impl Into<String>) -> Access {
        Access { brokers: brokers.into(), ..Access::default() }
    }

    /// Reads options by names of [`DOCS`], and reports every mistake.
    pub fn parse(options: &Options, base_dir: &Path) -> (Access, Vec<OptionProblem>) {
        let mut r = OptionReader::new(options, &DOCS);
        let access = Access::read(&mut r, base_dir);
        (access, r.problems)
    }

    pub(super) fn read(r: &mut OptionReader, base_dir: &Path) -> Access {
        let brokers = r.texts("brokers").unwrap_or_default().join(",");
        if r.get("brokers").is_none() {
            r.problems.push(missing("brokers", "add `brokers = \"localhost:9092\"`"));
        } else {
            check_brokers(&brokers, r);
        }
        let security = match r.choice("security", &["plaintext", "tls", "sasl", "sasl_tls"]) {
            Some("tls") => Security::Tls,
            Some("sasl") => Security::SaslPlaintext,
            Some("sasl_tls") => Security::SaslTls,
            _ => Security::Plaintext,
        };
        let has_sasl = matches!(security, Security::SaslPlaintext | Security::SaslTls);
        let has_tls = matches!(security, Security::Tls | Security::SaslTls);
        for key in ["sasl_mechanism", "sasl_user", "sasl_password"] {
            if r.get(key).is_some() && !has_sasl {
                r.problem(
                    key,
                    format!("`{key}` means nothing without a password's protection"),
                    "set `security = \"sasl_tls\"` (or \"sasl\")",
                );
            }
        }
        for key in ["tls_ca", "tls_certificate", "tls_key", "tls_key_password"] {
            if r.get(key).is_some() && !has_tls {
                r.problem(key, format!("`{key}` means nothing without TLS"), "set `security = \"tls\"` or \"sasl_tls\"");
            }
        }
        let mechanism = r.choice("sasl_mechanism", &MECHANISMS).unwrap_or("scram-sha-256");
        let user = r.text("sasl_user").unwrap_or_default().to_string();
        let password = Secret::new(r.text("sasl_password").unwrap_or_default());
        if has_sasl {
            for (key, help) in
                [("sasl_user", "name the user"), ("sasl_password", "write `sasl_password = \"${KAFKA_PASSWORD}\"`, and set the variable")]
            {
                if r.get(key).is_none() {
                    r.problems.push(missing(key, help));
                }
            }
        }
        let mut path = |key: &str| {
            let path = base_dir.join(r.text(key)?);
            if !path.is_file() {
                r.problems.push(OptionProblem {
                    key: Some(key.into()),
                    fault: OptionFault::Unreadable,
                    message: format!("there is no file {}", path.display()),
                    help: None,
                });
            }
            Some(path)
        };
        let (ca, certificate, key) = (path("tls_ca"), path("tls_certificate"), path("tls_key"));
        if certificate.is_some() != key.is_some() {
            let (there, other) = if key.is_some() { ("tls_key", "tls_certificate") } else { ("tls_certificate", "tls_key") };
            r.problem(there, format!("`{there}` is given without `{other}`"), "give both, or none");
        }
        let key_password = r.text("tls_key_password").map(Secret::new);
        Access {
            brokers,
            security,
            sasl: has_sasl.then_some(Sasl { mechanism, user, password }),
            tls: Tls { ca, certificate, key, key_password },
        }
    }

    /// What every client is set to.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "tidemill")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("allow.auto.create.topics", "false")
            .set(
                "security.protocol",
                match self.security {
                    Security::Plaintext => "plaintext",
                    Security::Tls => "ssl",
                    Security::SaslPlaintext => "sasl_plaintext",
                    Security::SaslTls => "sasl_ssl",
                },
            );
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.to_ascii_uppercase())
                .set("sasl.username", &sasl.user)
                .set("sasl.password", sasl.password.expose());
        }
        if matches!(self.security, Security::Tls | Security::SaslTls) {
            let mut path = |key: &str, path: &Option<PathBuf>| {
                if let Some(path) = path {
                    config.set(key, path.display().to_string());
                }
            };
            path("ssl.certificate.location", &self.tls.certificate);
            path("ssl.key.location", &self.tls.key);
            // Where the system keeps its certificates differs; the library tries the usual places.
            let ca = self.tls.ca.clone().unwrap_or_else(|| PathBuf::from("probe"));
            config.set("ssl.ca.location", ca.display().to_string());
            if let Some(password) = &self.tls.key_password {
                config.set("ssl.key.password", password.expose());
            }
        }
        config
    }
}

fn check_brokers(brokers: &str, r: &mut OptionReader) {
    for broker in brokers.split(',').map(str::trim) {
        let port = broker.rsplit_once(':').map(|(host, port)| (host.trim_matches(['[', ']']), port.parse::<u16>()));
        if !matches!(port, Some((host, Ok(1..))) if !host.is_empty()) {
            r.problem(
                "brokers",
                format!("`brokers` has \"{broker}\" where a host and a port are expected"),
                "write it as \"localhost:9092\"",
            );
        }
    }
}

pub(super) fn missing(key: &str, help: &str) -> OptionProblem {
    OptionProblem { key: None, fault: OptionFault::Missing, message: format!("the option `{key}` is missing"), help: Some(help.into()) }
}

/// What the library says on its own threads, kept for people.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Option<String>>);

impl Heard {
    pub fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn hear(&self, error: &KafkaError, reason: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That no broker is left is what follows from why the last one went.
        if last.is_none() || error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *last = Some(told(error, reason));
        }
    }

    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A client without anything of its own, which keeps quiet.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    pub heard: Heard,
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

impl ClientContext for Quiet {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.hear(&error, reason);
    }
}

/// An error of the library's own threads, as one line.
fn told(error: &KafkaError, reason: &str) -> String {
    // "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"
    let reason = reason.split(" (after ").next().unwrap_or(reason).trim();
    if reason.is_empty() { error.to_string() } else { reason.to_string() }
}

/// "unknown topic or partition", of "UnknownTopicOrPartition (Broker: Unknown topic or partition)".
fn said(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    let inner = text.split_once('(').map_or(text.as_str(), |(_, rest)| rest.trim_end_matches(')'));
    let inner = inner.split_once(": ").map_or(inner, |(_, rest)| rest);
    let mut letters = inner.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// What failed while asking brokers, as an error of ours.
pub(super) fn failed(what: &str, brokers: &str, e: &KafkaError, heard: Option<String>) -> Error {
    let code = e.rdkafka_error_code();
    let kind = match code {
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::TopicAlreadyExists
            | RDKafkaErrorCode::InvalidPartitions
            | RDKafkaErrorCode::InvalidReplicationFactor
            | RDKafkaErrorCode::InvalidConfig
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Authentication,
        ) => Error::config,
        None if matches!(e, KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_)) => Error::config,
        _ => Error::unavailable,
    };
    // "SASL authentication error: …", "SSL handshake failed: …": what no waiting mends, though it looks like a broker that is away.
    let is_refused = heard.as_ref().is_some_and(|h| h.contains("authentication") || h.contains("SSL handshake failed"));
    let kind = if is_refused && code != Some(RDKafkaErrorCode::UnknownTopicOrPartition) { Error::config } else { kind };
    let why = match (code, heard) {
        (
            Some(
                RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::MessageTimedOut,
            ),
            Some(heard),
        ) => heard,
        (Some(code), _) => said(code),
        (None, _) => e.to_string(),
    };
    let out = kind(format!("{what}: {why}"));
    let out = if brokers.is_empty() { out } else { out.at(brokers.to_string()) };
    match code {
        _ if is_refused => {
            out.help("see that `security`, `sasl_user`, `sasl_password`, `sasl_mechanism` and `tls_ca` are what the brokers know")
        }
        Some(
            RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::Resolve,
        ) => out.help("see that the brokers run and that this address reaches them"),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            out.help("`tidemill topics ls` shows the topics there are, `tidemill topics create` makes one")
        }
        _ => out,
    }
    .because(e.clone())
}
