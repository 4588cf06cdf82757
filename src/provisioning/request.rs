//! The body of the call: its full form, and the shorthand that means the same.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue, json};
use std::borrow::Cow;

use crate::access::roles::MemberRoleRef;
use crate::body::read_body;
use crate::error::{Error, Fault, Result};
use crate::resource::Input;
use crate::resources::{Organization, Product, Team, User};
use crate::seats::actions::IfFull;
use crate::seats::seat::MAX_QUANTITY;
use crate::seats::{Seat, SeatTemplate};
use crate::types::text::{Language, Zone};
use crate::types::{Email, ExternalId, Id, Metadata, Name, Ref, Tags, Timestamp};

crate::words! {
    /// How the team is found or made.
    pub enum Strategy {
        /// The team named; never makes one.
        Specific = "specific",
        /// The person's own team, joined first; for somebody in none the default team.
        First = "first",
        /// A new team.
        Create = "create",
        /// The first of seven rules that fits.
        Auto = "auto",
    }
}

crate::words! {
    /// What happens when somebody else's team has the name.
    pub enum OnExisting {
        /// It is refused.
        Fail = "fail",
        /// The person joins it.
        Use = "use",
    }
}

/// Who is to be provisioned: matched by `id`, `external_id`, then `email`; made if missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserPart {
    /// Our id of the person.
    pub id: Option<Id<User>>,
    /// The e-mail address; needed for somebody new.
    pub email: Option<Email>,
    /// First name.
    pub first_name: Option<Name>,
    /// Last name.
    pub last_name: Option<Name>,
    /// The full name, for those who have only one field.
    pub name: Option<Name>,
    /// The company the person works for.
    pub company: Option<Name>,
    /// Your own key of the person.
    pub external_id: Option<ExternalId>,
    /// The language of mails and pages.
    pub locale: Option<Language>,
    /// The IANA time zone.
    pub timezone: Option<Zone>,
    /// Labels.
    pub tags: Option<Tags>,
    /// Your own data.
    pub metadata: Option<Metadata>,
}

/// Which team the person is to be in.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeamPart {
    /// How the team is found or made; `auto` unless said.
    pub strategy: Option<Strategy>,
    /// The team's id or `ext:<your own key>`.
    pub id: Option<Ref<Team>>,
    /// The team's name.
    pub name: Option<Name>,
    /// The organization it is sought or made in.
    pub organization: Option<Ref<Organization>>,
    /// The person's role in it; `member` unless said, `owner` for the first of a new team.
    pub role: Option<MemberRoleRef>,
    /// What happens when somebody else's team has the name.
    pub on_existing: Option<OnExisting>,
}

/// One line of seats.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeatPart {
    /// The product.
    pub product: Option<Ref<Product>>,
    /// A certain seat, instead of a product.
    pub seat: Option<Ref<Seat>>,
    /// A template, instead of a product: its terms are used where the team has no seat yet.
    pub template: Option<Ref<SeatTemplate>>,
    /// Places to add to the team's seat.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub quantity: Option<i64>,
    /// Whether this person gets a place: true without a quantity, false with one, unless said.
    pub assign: Option<bool>,
    /// What happens when no place is free; `fail` unless said.
    pub if_full: Option<IfFull>,
    /// When the place ends, within the seat's terms.
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
}

impl SeatPart {
    /// Which member names what the line is of.
    pub fn names(&self) -> &'static str {
        if self.seat.is_some() {
            "seat"
        } else if self.template.is_some() {
            "template"
        } else {
            "product"
        }
    }

    /// Whether the person gets a place.
    pub fn assigns(&self) -> bool {
        self.assign.unwrap_or(self.quantity.is_none())
    }
}

/// The call in its full form.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProvisionRequest {
    /// Who.
    pub user: UserPart,
    /// In which team.
    pub team: TeamPart,
    /// With which seats.
    #[schemars(length(max = 50))]
    pub seats: Vec<SeatPart>,
    /// Whether somebody who never got one gets a welcome mail; true unless said.
    pub welcome_email: Option<bool>,
    /// Your own reference, such as an order's number: a repeat with it adds its quantities once.
    pub external_reference: Option<ExternalId>,
}

/// The body as it may be sent: the full form or the shorthand. For the document only; [`read`] reads it.
#[derive(Debug)]
pub struct ProvisionBody;

impl JsonSchema for ProvisionBody {
    fn schema_name() -> Cow<'static, str> {
        "ProvisionBody".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (user, team, seat) = (
            generator.subschema_for::<UserPart>(),
            generator.subschema_for::<TeamPart>(),
            generator.subschema_for::<SeatPart>(),
        );
        let (email, name, reference) = (
            Email::json_schema(generator),
            Name::json_schema(generator),
            ExternalId::json_schema(generator),
        );
        let product = json!({ "type": "string", "minLength": 1, "maxLength": 330 });
        json_schema!({
            "type": "object",
            "description": "The full form with `user`, `team` and `seats`, or the shorthand with `email`, `name`, `team` as a name and `seats` as product references.",
            "properties": {
                "user": user,
                "email": email,
                "name": name.clone(),
                "team": { "anyOf": [team, name] },
                "seats": { "anyOf": [
                    { "type": "array", "maxItems": 50, "items": { "anyOf": [seat, product.clone()] } },
                    { "type": "string", "maxLength": 5000, "description": "Product references, separated by commas." },
                ] },
                "welcome_email": { "type": ["boolean", "null"], "default": true },
                "external_reference": { "anyOf": [reference, { "type": "null" }] },
            },
            "additionalProperties": false,
        })
    }
}

/// Where the members of a full form were written by the caller, who may have used the shorthand.
#[derive(Debug, Clone, Default)]
pub struct Places(Vec<(String, String)>);

impl Places {
    /// The same refusal with every fault at the place where the caller wrote it.
    pub fn told(&self, error: Error) -> Error {
        if error.faults().is_empty() {
            return error;
        }
        Error::invalid(
            error
                .faults()
                .iter()
                .map(|fault| self.there(fault))
                .collect(),
        )
    }

    fn there(&self, fault: &Fault) -> Fault {
        let pointer = self.0.iter().find_map(|(inner, outer)| {
            let rest = fault.pointer.strip_prefix(inner.as_str())?;
            let rest = if inner.ends_with("/product") {
                ""
            } else {
                rest
            };
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{outer}{rest}"))
        });
        Fault {
            pointer: pointer.unwrap_or_else(|| fault.pointer.clone()),
            ..fault.clone()
        }
    }
}

/// Reads a body in either form. Every fault is told at once, at the place where the caller wrote it; later ones are by
/// [`Places::told`].
pub fn read(body: &JsonValue) -> Result<(ProvisionRequest, Places)> {
    let (full, places) = normalise(body)?;
    let bytes = serde_json::to_vec(&full).map_err(Error::internal)?;
    let request: ProvisionRequest = read_body(&bytes).map_err(|error| places.told(error))?;
    let faults = faults_of(&request);
    if faults.is_empty() {
        Ok((request, places))
    } else {
        Err(places.told(Error::invalid(faults)))
    }
}

/// What the types cannot say.
fn faults_of(request: &ProvisionRequest) -> Vec<Fault> {
    let mut faults = Vec::new();
    let user = &request.user;
    if user.id.is_none() && user.email.is_none() && user.external_id.is_none() {
        faults.push(Fault::new(
            "/user/email",
            "required",
            "Say who it is: an e-mail address, or the id or external_id of somebody known.",
        ));
    }
    let team = &request.team;
    if team.strategy == Some(Strategy::Specific) && team.id.is_none() && team.name.is_none() {
        faults.push(Fault::new(
            "/team/id",
            "required",
            "The strategy «specific» needs the team's id, ext: key or name.",
        ));
    }
    if team.strategy == Some(Strategy::Create) && team.id.is_some() {
        faults.push(Fault::new(
            "/team/id",
            "not_allowed",
            "The strategy «create» makes a new team; it takes a name, not an id.",
        ));
    }
    for (n, seat) in request.seats.iter().enumerate() {
        let named = [
            seat.product.is_some(),
            seat.seat.is_some(),
            seat.template.is_some(),
        ]
        .into_iter()
        .filter(|there| *there)
        .count();
        if named != 1 {
            faults.push(Fault::new(
                format!("/seats/{n}/product"),
                "required",
                "Name exactly one of product, seat and template.",
            ));
        }
        if seat
            .quantity
            .is_some_and(|quantity| !(1..=MAX_QUANTITY).contains(&quantity))
        {
            faults.push(Fault::new(
                format!("/seats/{n}/quantity"),
                "invalid",
                format!("The quantity is a number from 1 to {MAX_QUANTITY}."),
            ));
        }
        if seat.expires_at.is_some() && seat.expires_in_days.is_some() {
            faults.push(Fault::new(
                format!("/seats/{n}/expires_at"),
                "ambiguous",
                "Give expires_at or expires_in_days, not both.",
            ));
        }
    }
    if request.seats.len() > 50 {
        faults.push(Fault::new(
            "/seats",
            "too_long",
            "50 lines of seats at the most; send further ones in another call.",
        ));
    }
    faults
}

/// The full form of a body, and where each rewritten place came from.
fn normalise(body: &JsonValue) -> Result<(JsonValue, Places)> {
    let mut members = match body {
        JsonValue::Object(members) => members.clone(),
        _ => {
            return Err(Error::invalid(vec![Fault::new(
                "",
                "wrong_type",
                "The body must be a JSON object.",
            )]));
        }
    };
    let mut places = Places::default();
    let mut faults = Vec::new();
    for name in ["email", "name"] {
        if let Some(value) = members.shift_remove(name) {
            let user = members.entry("user").or_insert_with(|| json!({}));
            match user.as_object_mut() {
                Some(user) if !user.contains_key(name) => {
                    user.insert(name.to_owned(), value);
                    places.0.push((format!("/user/{name}"), format!("/{name}")));
                }
                _ => faults.push(Fault::new(
                    format!("/{name}"),
                    "ambiguous",
                    format!("Give «{name}» here or in «user», not both."),
                )),
            }
        }
    }
    if let Some(JsonValue::String(name)) = members.get("team").cloned() {
        members.insert("team".to_owned(), json!({ "name": name }));
        places.0.push(("/team/name".to_owned(), "/team".to_owned()));
    }
    normalise_seats(&mut members, &mut places);
    if faults.is_empty() {
        Ok((members.into(), places))
    } else {
        Err(Error::invalid(faults))
    }
}

fn normalise_seats(members: &mut Map<String, JsonValue>, places: &mut Places) {
    let (items, is_text) = match members.get("seats") {
        Some(JsonValue::String(text)) => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(Into::into)
                .collect();
            (items, true)
        }
        Some(JsonValue::Array(items)) => (items.clone(), false),
        _ => return,
    };
    let full = |(n, item): (usize, JsonValue)| match item {
        JsonValue::String(reference) => {
            places.0.push((
                format!("/seats/{n}/product"),
                if is_text {
                    "/seats".to_owned()
                } else {
                    format!("/seats/{n}")
                },
            ));
            json!({ "product": reference })
        }
        other => other,
    };
    let items: Vec<JsonValue> = items.into_iter().enumerate().map(full).collect();
    members.insert("seats".to_owned(), items.into());
}

impl Input for ProvisionRequest {
    fn references(&self) -> Vec<crate::resource::Reference> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthand_means_the_full_form() {
        let short = json!({ "email": "ada@example.com", "name": "Ada Byron", "team": "Analytical Engines", "seats": "ext:a, ext:b" });
        let full = json!({
            "user": { "email": "ada@example.com", "name": "Ada Byron" },
            "team": { "name": "Analytical Engines" },
            "seats": [{ "product": "ext:a" }, { "product": "ext:b" }],
        });
        assert_eq!(
            read(&short).expect("shorthand").0,
            read(&full).expect("full form").0
        );
    }

    #[test]
    fn every_fault_is_told_where_it_was_written() {
        let body = json!({ "email": "nonsense", "team": "", "seats": ["ext:a", "what", { "product": "ext:b", "quantity": 0, "asign": true }] });
        let error = read(&body).expect_err("faults");
        let pointers: Vec<_> = error
            .faults()
            .iter()
            .map(|fault| fault.pointer.as_str())
            .collect();
        for wanted in [
            "/email",
            "/team",
            "/seats/1",
            "/seats/2/quantity",
            "/seats/2/asign",
        ] {
            assert!(pointers.contains(&wanted), "{wanted} in {pointers:?}");
        }
        assert!(
            error
                .faults()
                .iter()
                .any(|fault| fault.detail.contains("«assign»"))
        );
    }

    #[test]
    fn somebody_must_be_named() {
        assert!(read(&json!({})).is_err());
        assert!(read(&json!([])).is_err());
        assert!(
            read(&json!({ "user": { "email": "a@example.com" }, "email": "b@example.com" }))
                .is_err()
        );
    }
}
