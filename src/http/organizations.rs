//! Organizations over HTTP: what the tree needs beyond plain records.

use axum::http::Method;
use serde_json::Value as JsonValue;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::resources::Organization;
use crate::resources::organization::{NewOrganization, plan_create};

/// The operations that change organizations.
pub fn endpoints(paths: &Paths, example: JsonValue) -> Vec<Endpoint> {
    let create = Endpoint::new(
        Method::POST,
        paths.list,
        "create_organization",
        "organizations",
        create,
    )
    .about(
        "Create an organization",
        "A root of a tree, or with `parent` a node below another; eight levels at the most.",
    )
    .scope(Permission::OrganizationsWrite)
    .takes::<NewOrganization>(example)
    .gives::<Organization>(201)
    .problems(&[
        Code::AlreadyExists,
        Code::StateConflict,
        Code::ValidationFailed,
    ]);
    let patch = serde_json::json!({ "description": "Ships and shores" });
    vec![
        create,
        crud::patch_endpoint::<Organization>(paths, patch),
        crud::delete_endpoint::<Organization>(paths),
    ]
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewOrganization = request.body()?;
    write(&app, &request, || async {
        let (plan, record) = plan_create(&app.db, &app.ids, &request.call, new.clone()).await?;
        let reply = Reply::json(201, &record)?
            .with_etag()
            .header("location", format!("/api/organizations/{}", record.id));
        Ok((plan, reply))
    })
    .await
}
