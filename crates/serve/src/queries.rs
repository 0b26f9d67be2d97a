//! Queries by name: which there are, and their rows for given values.

use crate::api::{ParameterDetail, QueryDetail, QueryList, ResultColumn};
use crate::json::Json;
use crate::limits::{SELECTION_BYTES_MAX, VALUES_MAX};
use crate::panels::{Asking, asked, sent};
use crate::refusal::Refusal;
use crate::server::Served;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_project::dashboard::query::Kind;
use tidemill_project::query::{NamedQuery, Parameter};

/// The queries that there are.
pub async fn queries(State(served): State<Arc<Served>>) -> Json<QueryList> {
    Json(QueryList { queries: served.data.queries().iter().map(|q| detail(&served, q)).collect() })
}

/// The rows of one.
pub async fn query(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    given: Asking<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let query = served.data.queries().iter().find(|q| q.name == name).ok_or_else(|| Refusal::not_found("there is no such query"))?;
    let asked = query.asked(values(asked(given)?)?).map_err(refused)?;
    let answer = served.ask_view(&format!("query.{}", query.name), asked).await?;
    sent(&answer)
}

/// Each once, and not more than a URL may hold.
fn values(given: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > SELECTION_BYTES_MAX || given.len() > VALUES_MAX {
        return Err(refused(format!("values may have {SELECTION_BYTES_MAX} bytes in all, and be {VALUES_MAX}")));
    }
    let mut values = BTreeMap::new();
    for (name, value) in given {
        let shown: String = name.chars().take(100).collect();
        if values.insert(name, value).is_some() {
            return Err(refused(format!("`{shown}` stands twice")));
        }
    }
    Ok(values)
}

fn refused(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "bad_value", message).help("/api/queries lists what each query takes")
}

fn detail(served: &Served, query: &NamedQuery) -> QueryDetail {
    let columns = served.columns(&format!("query.{}", query.name)).into_iter();
    QueryDetail {
        name: query.name.clone(),
        description: query.description.clone(),
        params: query.parameters.iter().map(parameter).collect(),
        columns: columns.map(|(name, kind)| ResultColumn { name, data_type: kind.as_str().into() }).collect(),
    }
}

fn parameter(p: &Parameter) -> ParameterDetail {
    ParameterDetail {
        name: p.name.value.clone(),
        data_type: Kind::of(&p.data_type).as_str().into(),
        required: p.is_required(),
        default: p.default.clone(),
        description: p.description.clone(),
    }
}
