//! Entities: what dashboards are about one of, such as a customer; what all views that have one row for it say.

use crate::api::{EntityDetail, EntityList, EntityProfile, EntitySummary, EntityValues, ResultColumn, SearchQuery};
use crate::dashboards::called;
use crate::json::Json;
use crate::limits::{SEARCH_LETTERS_MAX, SELECTION_BYTES_MAX};
use crate::panels::{Asking, asked};
use crate::profiles::Profile;
use crate::refusal::Refusal;
use crate::server::Served;
use crate::values::instant;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The entities that there are.
pub async fn entities(State(served): State<Arc<Served>>) -> Json<EntityList> {
    let mut entities: Vec<EntitySummary> = Vec::new();
    for dashboard in served.dashboards.read().iter() {
        let Some(entity) = &dashboard.entity else { continue };
        // Of several pages of one entity the first in the menu is the one that is led to.
        if entities.iter().all(|e| e.name != entity.value) {
            entities.push(EntitySummary {
                name: entity.value.clone(),
                label: called(entity),
                dashboard: dashboard.name.clone(),
                profiles: served.data.profiles(entity),
            });
        }
    }
    Json(EntityList { entities })
}

/// What is known of one.
pub async fn entity(State(served): State<Arc<Served>>, Path((entity, key)): Path<(String, String)>) -> Result<Json<EntityDetail>, Refusal> {
    let all = profiles(&served, &entity)?;
    if key.len() > SELECTION_BYTES_MAX {
        return Err(unknown(&entity));
    }
    let (mut profiles, mut versions, mut as_of_micros) = (Vec::new(), Vec::new(), i64::MAX);
    for (profile, said) in all.iter().zip(served.profiles_of(&all, &key).await?) {
        let columns = said.columns.into_iter().map(|(name, data_type)| ResultColumn { name, data_type });
        profiles.push(EntityProfile { view: profile.view.clone(), columns: columns.collect(), row: said.row });
        versions.push(said.version);
        as_of_micros = as_of_micros.min(said.as_of_micros);
    }
    if profiles.iter().all(|p| p.row.is_none()) {
        return Err(unknown(&entity));
    }
    Ok(Json(EntityDetail { entity, key, profiles, as_of: instant(as_of_micros), version: versions.join(".") }))
}

/// Values that begin like this.
pub async fn search(
    State(served): State<Arc<Served>>,
    Path(entity): Path<String>,
    query: Asking<SearchQuery>,
) -> Result<Json<EntityValues>, Refusal> {
    let asked = asked(query)?;
    let all = profiles(&served, &entity)?;
    let begin = asked.q.unwrap_or_default();
    if begin.chars().count() > SEARCH_LETTERS_MAX {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_request", format!("`q` may have {SEARCH_LETTERS_MAX} letters")));
    }
    let limit = usize::try_from(asked.limit.unwrap_or(20)).unwrap_or(usize::MAX).min(served.limits.rows_page_max);
    let mut values = BTreeSet::new();
    for profile in &all {
        values.extend(served.keys_like(profile, &begin, limit).await?);
    }
    Ok(Json(EntityValues { values: values.into_iter().take(limit).collect() }))
}

fn profiles(served: &Served, entity: &str) -> Result<Vec<Profile>, Refusal> {
    let is_entity = served.dashboards.read().iter().any(|d| d.entity.as_ref().is_some_and(|e| e.value == entity));
    if !is_entity {
        return Err(Refusal::not_found("there is no such entity").help("/api/entities lists them"));
    }
    let views = served.data.profiles(entity).into_iter();
    Ok(views.map(|view| Profile { view, column: entity.to_string() }).collect())
}

fn unknown(entity: &str) -> Refusal {
    Refusal::not_found(format!("nothing has this value of `{entity}`"))
}
