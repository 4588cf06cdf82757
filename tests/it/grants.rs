//! Nobody grants what they do not hold: tried on every operation of the document that can give somebody a right.

use std::collections::BTreeSet;

use b2b_dashboard::access::Permission;
use b2b_dashboard::access::roles::{GlobalRole, TeamRole, team_level};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value as JsonValue, json};

use crate::contract::preparation::{make_examples, prepare};
use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::{Document, Operation};

/// What a member of a body gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// The role of a team: a word, or a custom role.
    TeamRole,
    /// A role of the whole account.
    AccountRole,
    /// Permissions by their names.
    Permissions,
}

/// Where in a body something is given.
#[derive(Debug, Clone)]
struct Gift {
    pointer: String,
    gives: Gives,
}

/// The members of an operation's body that give rights, found by its schema. Members of items and of parts are found too.
fn gifts(document: &Document, operation: &Operation) -> Vec<Gift> {
    let mut found = Vec::new();
    if let Some(schema) = operation.body_schema() {
        walk(document, &schema, "", 0, &mut found);
    }
    found
}

fn walk(document: &Document, schema: &JsonValue, at: &str, depth: usize, found: &mut Vec<Gift>) {
    let schema = document.resolved(schema);
    if depth > 6 {
        return;
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        for one in schema[choice].as_array().into_iter().flatten() {
            walk(document, one, at, depth + 1, found);
        }
    }
    if !schema["items"].is_null() {
        walk(
            document,
            &schema["items"],
            &format!("{at}/0"),
            depth + 1,
            found,
        );
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let text = document.resolved(member).to_string();
        let gives = match name.as_str() {
            "role" | "role_in_team" if text.contains("manager") => Some(Gives::TeamRole),
            "role" | "roles" if text.contains("reporter") => Some(Gives::AccountRole),
            "role" | "roles" if text.contains("role_") => Some(Gives::TeamRole),
            "permissions" | "scopes" => Some(Gives::Permissions),
            _ => None,
        };
        let pointer = format!("{at}/{name}");
        match gives {
            Some(gives) => found.push(Gift { pointer, gives }),
            None => walk(document, member, &pointer, depth + 1, found),
        }
    }
}

/// The members of the example that name a place: the gift is put where the example has one.
fn put(body: &mut JsonValue, pointer: &str, value: JsonValue) -> bool {
    let (above, name) = pointer.rsplit_once('/').expect("a pointer");
    let Some(place) = body.pointer_mut(above) else {
        return false;
    };
    match place {
        JsonValue::Object(members) => {
            members.insert(name.to_owned(), value);
            true
        }
        _ => false,
    }
}

/// Operations that take permissions or roles and give nobody anything, each with its reason.
const GIVE_NOTHING: &[(&str, &str)] = &[(
    "check_permissions",
    "asks whether somebody has the permissions",
)];

/// What is to be given, and what its giver holds.
#[derive(Debug, Clone)]
struct Case {
    held: BTreeSet<Permission>,
    wanted: BTreeSet<Permission>,
    built_in: Option<usize>,
}

fn cases() -> impl Strategy<Value = Case> {
    let some = |all: Vec<Permission>| {
        let most = all.len();
        proptest::sample::subsequence(all, 1..most)
    };
    let team: Vec<Permission> = team_level().into_iter().collect();
    (
        some(Permission::ALL.to_vec()),
        some(team),
        proptest::option::of(0..3_usize),
        any::<bool>(),
    )
        .prop_map(|(held, wanted, built_in, enough)| {
            let wanted: BTreeSet<Permission> = wanted.into_iter().collect();
            let mut held: BTreeSet<Permission> = held.into_iter().collect();
            if enough {
                held.extend(&wanted);
                held.extend(TeamRole::Owner.permissions());
            }
            Case {
                held,
                wanted,
                built_in,
            }
        })
}

/// A role of the account with these permissions.
async fn role(app: &ApiApp, kind: &str, wanted: &BTreeSet<Permission>) -> String {
    let body =
        json!({ "name": format!("Role {}", app.number()), "kind": kind, "permissions": wanted });
    let made = app.post("/api/roles", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.id()
}

/// The value of a gift and what it gives.
async fn gift(app: &ApiApp, gives: Gives, case: &Case) -> (JsonValue, BTreeSet<Permission>) {
    match (gives, case.built_in) {
        (Gives::Permissions, _) => (json!(case.wanted), case.wanted.clone()),
        (Gives::TeamRole, Some(n)) => {
            let role = TeamRole::ALL[n];
            (json!(role), role.permissions())
        }
        (Gives::AccountRole, Some(n)) => {
            let role = GlobalRole::ALL[n];
            (json!(role), role.permissions())
        }
        (Gives::TeamRole, None) => (
            json!(role(app, "team", &case.wanted).await),
            case.wanted.clone(),
        ),
        (Gives::AccountRole, None) => (
            json!(role(app, "global", &case.wanted).await),
            case.wanted.clone(),
        ),
    }
}

async fn try_case(
    app: &ApiApp,
    document: &Document,
    operation: &Operation,
    one: &Gift,
    case: &Case,
) -> (bool, String) {
    let prepared = prepare(app, document, operation).await;
    let mut body = prepared.body.clone().expect("a body");
    let (value, given) = gift(app, one.gives, case).await;
    let told = format!(
        "{} {} = {value} by {:?}",
        operation.id, one.pointer, case.held
    );
    assert!(
        put(&mut body, &one.pointer, value),
        "{}: its example has no place for {}; give it one",
        operation.id,
        one.pointer
    );
    // What else the operation needs, the giver has: the call fails for nothing but the gift.
    let scope = operation.scope.as_deref().and_then(Permission::from_word);
    let mut held = case.held.clone();
    held.extend(scope);
    // The new state of what stands already is the old one and the gift: who may not touch that is refused for it.
    let scopes: Vec<&str> = held.iter().map(|permission| permission.as_str()).collect();
    let key = app
        .key_with(&app.first, &scopes, KeyOptions::default())
        .await;
    let before = (
        app.count("user_roles").await,
        app.count("team_members").await,
        app.count("custom_roles").await,
        app.count("api_keys").await,
    );
    let call = Call::new(&operation.method, &prepared.path)
        .key(&key.secret)
        .json(&body);
    let answer = app.send(call).await;
    let refusal = match answer.json()["data"][0]["problem"]["code"].as_str() {
        Some(code) => Some(code.to_owned()),
        None => answer.json()["code"].as_str().map(str::to_owned),
    };
    let told = format!("{told}: {}", answer.text());
    let is_lacking = !given.is_subset(&held);
    // A team that a provision makes may be given its first owner by whoever may provision.
    let is_first =
        operation.id.contains("provision") && given.is_subset(&TeamRole::Owner.permissions());
    if is_lacking && !is_first {
        let known = ["grant_exceeds_rights", "insufficient_scope"];
        assert!(
            refusal.as_deref().is_some_and(|code| known.contains(&code)),
            "given and not held: {told}"
        );
        let after = (
            app.count("user_roles").await,
            app.count("team_members").await,
            app.count("custom_roles").await,
            app.count("api_keys").await,
        );
        assert_eq!(before, after, "something was given: {told}");
    }
    (refusal.is_none(), told)
}

both! {
    async fn nobody_grants_what_they_lack(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let rounds = if app.node.app.db.is_sqlite() { 14 } else { 6 };
        let config = Config { rng_seed: RngSeed::Fixed(21), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let mut tried = BTreeSet::new();
        for operation in document.writes() {
            if GIVE_NOTHING.iter().any(|(id, _)| *id == operation.id) {
                continue;
            }
            for one in gifts(&document, operation) {
                let mut went_well = false;
                let mut last = String::new();
                for _ in 0..rounds {
                    let case = cases().new_tree(&mut runner).expect("a case").current();
                    let (well, told) = try_case(&app, &document, operation, &one, &case).await;
                    went_well |= well;
                    last = told;
                }
                // What is held can be given: the refusals above are for the gift, not for the call.
                let case = Case { held: Permission::all(), wanted: [Permission::TeamsRead].into(), built_in: None };
                let (well, told) = try_case(&app, &document, operation, &one, &case).await;
                assert!(well || went_well, "never goes well: {told}\n{last}");
                tried.insert(operation.id.clone());
            }
        }
        // What is known to give rights was found; an operation that comes is tried by itself.
        for known in [
            "add_team_member", "update_team_member", "move_team_member", "batch_add_team_members", "provision",
            "create_role", "update_role", "put_role", "batch_roles", "add_user_role",
        ] {
            assert!(tried.contains(known), "{known} is not among {tried:?}");
        }
    }

    async fn the_words_of_the_document_tell_what_gives_rights(app: ApiApp) {
        let document = Document::of(&app).await;
        // A permission that is needed to give rights is needed by no operation that takes a body and was overlooked.
        let giving = ["roles:write", "keys:write", "members:write", "invitations:write", "links:write"];
        // Taking away, stopping and moving things on give nobody anything.
        let takes = |id: &str| ["remove", "revoke", "resend", "remind", "decline", "pause", "resume", "approve", "rotate", "delete", "retry", "accept"].iter().any(|verb| id.contains(verb));
        let gives = |o: &&Operation| o.method != "PATCH" && o.scope.as_deref().is_some_and(|scope| giving.contains(&scope));
        for operation in document.with_body().filter(gives) {
            let is_known = !gifts(&document, operation).is_empty() || takes(&operation.id);
            assert!(is_known, "{} may give rights, and its body names no role or permissions that could be tried", operation.id);
        }
    }
}
