//! Products.

use axum::{
    Json,
    extract::{Path, State as Given},
};
use serde_json::Value;

use crate::{
    query::{Asked, Pairs},
    refusal::Refusal,
    state::Shared,
};

type Answer = Result<Json<Value>, Refusal>;

pub(crate) async fn list(Given(shared): Given<Shared>, pairs: Pairs) -> Answer {
    let asked = Asked::new(pairs)?;
    let state = shared.lock();
    let found: Vec<_> = state
        .products
        .iter()
        .filter(|product| {
            asked.admits("id", Some(&product.id))
                && asked.admits_flag("is_archived", false)
                && asked.admits_flag("is_recurring", true)
        })
        .collect();
    Ok(Json(asked.page(&found, |product| state.show_product(product))))
}

pub(crate) async fn get(Given(shared): Given<Shared>, Path(id): Path<String>) -> Answer {
    let state = shared.lock();
    let product = state.product(&id).ok_or_else(Refusal::not_found)?;
    Ok(Json(state.show_product(product)))
}
