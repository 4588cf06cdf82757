//! What a page works with: who looks, what the address and the form say, and the ways to read, change and answer.

use std::future::Future;

use maud::Markup;
use serde_json::{Map, Value as JsonValue, json};

use crate::access::{Call, Caller, Permission};
use crate::app::App;
use crate::commit::{Done, commit};
use crate::dashboard::components::{ApiCall, Form, ListUrl};
use crate::dashboard::form::{FieldErrors, FormData};
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::db::{Db, Select, Value};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::listing::{self, ListQuery};
use crate::records::reach_condition;
use crate::resource::Record;
use crate::types::{Kind, Ref};

/// Records counted at the most for the number below a list: nobody reads on by it, and counting costs time.
const COUNTED: i64 = 10_000;

/// One request for a page.
pub(super) struct Desk {
    /// What the program is made of.
    pub(super) app: App,
    /// Who looks, and when.
    pub(super) call: Call,
    /// The token of the session's forms.
    pub(super) csrf: String,
    /// The places of the address's pattern.
    pub(super) places: Vec<String>,
    /// The query, without empty values.
    pub(super) query: FormData,
    /// The form that was sent; none when the page is only looked at.
    pub(super) form: Option<FormData>,
}

/// What a page answers.
pub(super) enum Shown {
    /// A page, with the HTTP status it goes out with.
    Page(u16, Box<Page>, Markup),
    /// The way to another page, with something to say there.
    Go(String, Notice),
}

impl Shown {
    /// A page.
    pub(super) fn page(page: Page, body: Markup) -> Self {
        Self::Page(200, Box::new(page), body)
    }

    /// A page with a form, which goes out as 422 when the form came back with errors.
    pub(super) fn form(page: Page, errors: Option<&FieldErrors>, body: Markup) -> Self {
        let status = if errors.is_none() { 200 } else { 422 };
        Self::Page(status, Box::new(page), body)
    }

    /// The way back of a record that was put aside, for whoever follows a link to it.
    pub(super) fn put_aside(href: &str, name: &str) -> Self {
        let text = format!("{name} was put aside.");
        Self::Go(format!("{href}/restore"), Notice::warning(text))
    }

    /// The way to another page after something was done.
    pub(super) fn done(to: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Go(to.into(), Notice::success(text))
    }
}

impl Desk {
    /// The database.
    pub(super) fn db(&self) -> &Db {
        &self.app.db
    }

    /// Who looks.
    pub(super) fn caller(&self) -> &Caller {
        &self.call.caller
    }

    /// Whether the visitor has a permission.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.caller().may(permission)
    }

    /// Whether the visitor sees the whole account and has a permission.
    pub(super) fn may_in_account(&self, permission: Permission) -> bool {
        self.may(permission) && self.caller().require_account().is_ok()
    }

    /// Refuses a visitor without a permission.
    pub(super) fn require(&self, permission: Permission) -> Result<()> {
        self.caller().require(permission)
    }

    /// Whether a form was sent.
    pub(super) const fn is_post(&self) -> bool {
        self.form.is_some()
    }

    /// Refuses what is not sent by a form: an address that only changes something has no page.
    pub(super) fn require_post(&self) -> Result<()> {
        if self.is_post() {
            return Ok(());
        }
        Err(Error::new(
            Code::RouteNotFound,
            "There is no page at this address.",
        ))
    }

    /// A value of the query; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.query.get(name)
    }

    /// A value of the form without spaces around it; empty when it is not there.
    pub(super) fn field(&self, name: &str) -> &str {
        self.form.as_ref().map_or("", |form| form.get(name))
    }

    /// All values of a name in the form.
    pub(super) fn fields(&self, name: &str) -> Vec<String> {
        let pairs = self.form.as_ref().map_or(&[][..], FormData::pairs);
        pairs
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// What a field shows: what was typed when the form came back, else what is stored.
    pub(super) fn shown(&self, name: &str, stored: &str) -> String {
        if self.is_post() {
            self.field(name).to_owned()
        } else {
            stored.to_owned()
        }
    }

    /// Whether a box is ticked: as it was sent, else as it stands.
    pub(super) fn ticked(&self, name: &str, stored: bool) -> bool {
        if self.is_post() {
            !self.field(name).is_empty()
        } else {
            stored
        }
    }

    /// The record that the address names in its `n`th place.
    pub(super) fn reference<K: Kind>(&self, n: usize) -> Result<Ref<K>> {
        let text = self.places.get(n).map_or("", String::as_str);
        Ref::parse(text).map_err(|_| Error::not_found(K::PREFIX))
    }

    /// The address of a list with the query as it is.
    pub(super) fn list(&self, path: &str) -> ListUrl {
        ListUrl::new(path, self.query.pairs().to_vec())
    }

    /// One page of records as the query asks for it, with the number of all as far as it is counted.
    pub(super) async fn records<R: Record>(&self) -> Result<listing::Page<R>> {
        self.require(R::READ)?;
        let query =
            ListQuery::parse::<R>(self.query.pairs(), self.caller(), &self.app.keys.cursor)?;
        query
            .counting_up_to(COUNTED)
            .run(self.db(), self.caller(), &self.app.keys.cursor)
            .await
    }

    /// A read of rows of `R`'s table (by its own name) that stays within the visitor's reach: `{reach}` in the text
    /// becomes the condition.
    pub(super) fn within<R: Record>(&self, sql: &str, mut params: Vec<Value>) -> Select {
        let reach = reach_condition::<R>(self.caller(), params.len() + 2).map(|(text, value)| {
            params.push(value);
            text
        });
        Select::new(sql.replace("{reach}", &reach.unwrap_or_default()), params)
    }

    /// Carries out a plan.
    pub(super) async fn commit<T, F, Fut>(&self, plan: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(Plan, T)>>,
    {
        let done = commit(self.db(), &self.app.ids, &self.call, plan).await?;
        Ok(done.value)
    }

    /// The visitor's call as a dry run.
    pub(super) fn dry(&self) -> Call {
        Call {
            dry_run: true,
            ..self.call.clone()
        }
    }

    /// What a plan would change, changing nothing.
    pub(super) async fn rehearse<T, F, Fut>(&self, call: &Call, plan: F) -> Result<Done<T>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(Plan, T)>>,
    {
        commit(self.db(), &self.app.ids, call, plan).await
    }

    /// The members of a new record's body: what was filled in.
    pub(super) fn filled(&self, names: &[&str]) -> Map<String, JsonValue> {
        names
            .iter()
            .filter(|name| !self.field(name).is_empty())
            .map(|name| ((*name).to_owned(), json!(self.field(name))))
            .collect()
    }

    /// The members of a change's body: what was emptied becomes `null`.
    pub(super) fn changed(&self, names: &[&str]) -> Map<String, JsonValue> {
        let value = |name: &str| match self.field(name) {
            "" => JsonValue::Null,
            text => json!(text),
        };
        names
            .iter()
            .map(|name| ((*name).to_owned(), value(name)))
            .collect()
    }

    /// The labels typed into one field, separated by commas.
    pub(super) fn labels(&self, name: &str) -> JsonValue {
        let tags: Vec<&str> = self
            .field(name)
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .collect();
        json!(tags)
    }

    /// A form of this session.
    pub(super) fn post(&self, action: impl Into<String>, body: Markup) -> Form {
        Form::post(action, self.csrf.clone(), body)
    }

    /// The API call that a form makes.
    pub(super) fn api(&self, id: &str, method: &str, path: &str) -> ApiCall {
        ApiCall::new(
            id,
            method,
            format!("{}/api{path}", self.app.config.server.origin()),
        )
    }
}

/// A body made of a form, read as the API reads it.
pub(super) fn read<T: serde::de::DeserializeOwned + schemars::JsonSchema + 'static>(
    body: &JsonValue,
) -> Result<T> {
    let bytes = serde_json::to_vec(body).map_err(Error::internal)?;
    crate::body::read_body(&bytes)
}

/// What is wrong with a form. What is not the form's fault goes on.
pub(super) fn faults(error: Error) -> Result<FieldErrors> {
    let code = error.code();
    if code.status() >= 500 || matches!(code, Code::Forbidden | Code::NotFound) {
        return Err(error);
    }
    Ok(FieldErrors::of(&error))
}

/// What is wrong with one field, if anything.
pub(super) fn fault<'a>(errors: Option<&'a FieldErrors>, field: &str) -> Option<&'a str> {
    errors.and_then(|errors| errors.get(field))
}

/// What is wrong with a form, for its summary.
pub(super) fn summary(errors: Option<&FieldErrors>) -> Vec<(String, String)> {
    errors.map(FieldErrors::summary).unwrap_or_default()
}
