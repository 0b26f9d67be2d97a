//! A schema registry, asked over HTTP for schemas by their number, each once; and told of ours.

use crate::formats::records::{SchemaId, SchemaLookup};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tidemill_core::{Error, Result};

const PATIENCE: Duration = Duration::from_secs(10);

/// A registry at an address.
pub struct Registry {
    address: String,
    known: Mutex<HashMap<u32, Option<String>>>,
}

impl Registry {
    pub fn new(address: &str) -> Registry {
        Registry { address: address.trim_end_matches('/').into(), known: Mutex::default() }
    }

    /// Enters a schema as what the values of a topic are; gives its number. A schema that is there already keeps its number.
    pub fn enter(&self, topic: &str, schema: &str) -> Result<u32> {
        let url = format!("{}/subjects/{topic}-value/versions", self.address);
        let mut body = String::from("{\"schema\":");
        crate::formats::typed::text::push_quoted(schema, &mut body);
        body.push('}');
        let (status, answer) = request(url.clone(), Some(body))?;
        let number = super::produce::json_member(&answer, "id").and_then(|id| String::from_utf8(id).ok()?.parse().ok());
        match number {
            Some(number) if status == 200 => Ok(number),
            _ => Err(Error::config(format!("the schema registry refuses the schema: {}", shown(status, &answer))).at(url)),
        }
    }
}

impl SchemaLookup for Registry {
    fn schema(&self, id: SchemaId) -> Result<Option<String>> {
        let SchemaId::Registry(number) = id else { return Ok(None) };
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(known.clone());
        }
        let url = format!("{}/schemas/ids/{number}", self.address);
        let (status, answer) = request(url.clone(), None)?;
        let schema = match status {
            200 => {
                let schema = super::produce::json_member(&answer, "schema").and_then(|s| String::from_utf8(s).ok());
                Some(schema.ok_or_else(|| Error::data("the schema registry's answer has no schema").at(url))?)
            }
            404 => None,
            _ => return Err(Error::unavailable(format!("the schema registry does not answer: {}", shown(status, &answer))).at(url)),
        };
        // A number that is not there may be entered later.
        if schema.is_some() {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(number, schema.clone());
        }
        Ok(schema)
    }
}

fn shown(status: u16, answer: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(answer).chars().take(200).collect();
    format!("status {status}, {}", text.trim())
}

/// Asks on a thread of its own: whoever reads may stand in a runtime, where nothing may block.
fn request(url: String, body: Option<String>) -> Result<(u16, Vec<u8>)> {
    let place = url.clone();
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(move || -> std::result::Result<(u16, Vec<u8>), String> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
            runtime.block_on(async {
                let client = reqwest::Client::builder().timeout(PATIENCE).user_agent("tidemill").build();
                let client = client.map_err(|e| e.to_string())?;
                let request = match body {
                    None => client.get(&url),
                    Some(body) => client.post(&url).header("Content-Type", "application/vnd.schemaregistry.v1+json").body(body),
                };
                let answer = request.send().await.map_err(|e| e.without_url().to_string())?;
                let status = answer.status().as_u16();
                Ok((status, answer.bytes().await.map_err(|e| e.without_url().to_string())?.to_vec()))
            })
        });
        asking.join().unwrap_or_else(|_| Err("the request was given up".into()))
    });
    asked.map_err(|why| Error::unavailable(format!("the schema registry can't be asked: {why}")).at(place))
}
