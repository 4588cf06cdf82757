//! Signing in with a password or a link that is asked for, and choosing a password.
//!
//! The answers do not tell who has an account: an unknown address costs the work of a known one, and asking for a link
//! is always answered the same. One address may be known in several accounts; where a password fits in more than one,
//! the person chooses.

use std::time::Duration;

use serde_json::json;

use super::links::{self, LinkPurpose, begin, call_of};
use super::password::{check_rules, salt};
use super::sessions::{self, Origin, SessionId, Started};
use super::{Call, signed};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Scan, Select, Statement};
use crate::email::TemplateKind;
use crate::email::outbox::{NewMail, queue};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::locale::Locale;
use crate::params;
use crate::types::{AccountId, Email, Secret, Timestamp};

/// Links one person is sent in an hour at the most; further wishes are answered alike and sent nothing.
const LINKS_AN_HOUR: i64 = 5;
/// Seconds in which a choice between accounts is to be made.
const CHOICE: i64 = 300;
/// The least time in which asking for a link is answered, so that the answer's time tells nothing.
const ANSWER: Duration = Duration::from_millis(250);

/// An account that a person may choose after their password fitted in several.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its name.
    pub account_name: String,
    /// What to hand to [`sign_in_by_choice`]; good for five minutes.
    pub token: String,
}

/// What came of a password.
#[derive(Debug, Clone)]
pub enum SignIn {
    /// The person is signed in.
    Done(Started),
    /// The password fits in several accounts.
    Choose(Vec<Choice>),
}

struct Candidate {
    account: AccountId,
    account_name: String,
    user_id: String,
    name: String,
    hash: Option<String>,
}

fn failed() -> Error {
    Error::new(
        Code::SignInFailed,
        "Address or password is wrong. You can also ask for a sign-in link.",
    )
}

async fn candidates(app: &App, email: &Email) -> Result<Vec<Candidate>> {
    let found = app
        .db
        .scan::<(AccountId, String, String)>(Scan::SignInAddress, params![email.key()])
        .await?;
    let mut candidates = Vec::with_capacity(found.len());
    for (account, user_id, account_name) in found {
        let select = Select::new(
            "SELECT coalesce(u.name, u.email), p.hash FROM users u LEFT JOIN user_passwords p ON p.account_id = $1 AND p.user_id = u.id \
             WHERE u.account_id = $1 AND u.id = $2",
            params![user_id],
        );
        if let Some((name, hash)) = app
            .db
            .first::<(String, Option<String>)>(&account, select)
            .await?
        {
            candidates.push(Candidate {
                account,
                account_name,
                user_id,
                name,
                hash,
            });
        }
    }
    Ok(candidates)
}

/// Signs a person in: 401 `sign_in_failed` without saying what was wrong, 429 after ten wrong passwords in a minute.
pub async fn sign_in_with_password(
    app: &App,
    email: &Email,
    password: &Secret<String>,
    from: &Origin,
    now: Timestamp,
) -> Result<SignIn> {
    let throttled = format!(
        "{}\n{}",
        email.key(),
        from.address.as_deref().unwrap_or_default()
    );
    app.sign_in_failures.check(&throttled, now)?;
    let mut fitting = Vec::new();
    let mut tried = false;
    for candidate in candidates(app, email).await? {
        let Some(hash) = &candidate.hash else {
            continue;
        };
        tried = true;
        if app
            .passwords
            .verify_password(password, Some(hash))
            .await
            .map_err(Error::internal)?
        {
            fitting.push(candidate);
        }
    }
    if !tried {
        app.passwords
            .verify_password(password, None)
            .await
            .map_err(Error::internal)?;
    }
    if fitting.len() > 1 {
        let choice = |candidate: Candidate| Choice {
            token: choice_token(app, &candidate, now),
            account_name: candidate.account_name,
        };
        return Ok(SignIn::Choose(fitting.into_iter().map(choice).collect()));
    }
    let Some(candidate) = fitting.pop() else {
        app.sign_in_failures.count(throttled, now);
        return Err(failed());
    };
    renew_hash(app, &candidate, password, now).await?;
    start(
        app,
        &candidate.account,
        &candidate.user_id,
        &candidate.name,
        from,
        now,
    )
    .await
    .map(SignIn::Done)
}

fn choice_token(app: &App, candidate: &Candidate, now: Timestamp) -> String {
    let payload = format!(
        "{}\n{}\n{}",
        candidate.account,
        candidate.user_id,
        now.plus_seconds(CHOICE).micros()
    );
    signed::sign(&app.keys.link, "sign-in-choice", &payload)
}

/// Signs a person in to the account they chose.
pub async fn sign_in_by_choice(
    app: &App,
    token: &str,
    from: &Origin,
    now: Timestamp,
) -> Result<Started> {
    let payload = signed::open(&app.keys.link, "sign-in-choice", token).ok_or_else(failed)?;
    let mut parts = payload.split('\n');
    let (Some(account), Some(user_id), Some(until)) = (
        parts.next().and_then(AccountId::parse),
        parts.next(),
        parts.next(),
    ) else {
        return Err(failed());
    };
    if until
        .parse()
        .map_or(true, |until: i64| until <= now.micros())
    {
        return Err(Error::new(
            Code::SignInFailed,
            "The choice has taken too long. Sign in again.",
        ));
    }
    let select = Select::new(
        "SELECT coalesce(name, email) FROM users WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND status <> 'deactivated'",
        params![user_id.to_owned()],
    );
    let (name,) = app
        .db
        .first::<(String,)>(&account, select)
        .await?
        .ok_or_else(failed)?;
    start(app, &account, user_id, &name, from, now).await
}

async fn start(
    app: &App,
    account: &AccountId,
    user_id: &str,
    name: &str,
    from: &Origin,
    now: Timestamp,
) -> Result<Started> {
    let call = call_of(account, user_id, name, from, now);
    let plan = || async {
        let mut plan = Plan::new("session.start");
        let started = begin(app, &mut plan, account, user_id, "password", from, now);
        Ok((plan, started))
    };
    Ok(commit(&app.db, &app.ids, &call, plan).await?.value)
}

async fn hashed(app: &App, password: &Secret<String>) -> Result<String> {
    let salt = salt(&mut rand::rng());
    app.passwords
        .hash_password(password, salt)
        .await
        .map_err(Error::internal)
}

/// Hashes a password anew that was hashed with older parameters.
async fn renew_hash(
    app: &App,
    candidate: &Candidate,
    password: &Secret<String>,
    now: Timestamp,
) -> Result<()> {
    if let Some(old) = candidate
        .hash
        .as_ref()
        .filter(|hash| app.passwords.is_outdated(hash))
    {
        let renewed = Statement::new(
            "UPDATE user_passwords SET hash = $2, changed_at = $3 WHERE account_id = $1 AND user_id = $4 AND hash = $5",
            params![hashed(app, password).await?, now, candidate.user_id, *old],
        );
        app.db.write(&candidate.account, vec![renewed]).await?;
    }
    Ok(())
}

/// Sends a link to sign in with, or to choose a password by, to everybody of this address. The answer and its time are
/// the same whether anybody is known by it or not.
pub async fn request_link(
    app: &App,
    email: &Email,
    purpose: LinkPurpose,
    from: &Origin,
    now: Timestamp,
) -> Result<()> {
    let (sent, ()) = tokio::join!(
        send_links(app, email, purpose, from, now),
        tokio::time::sleep(ANSWER)
    );
    sent
}

async fn send_links(
    app: &App,
    email: &Email,
    purpose: LinkPurpose,
    from: &Origin,
    now: Timestamp,
) -> Result<()> {
    let kind = match purpose {
        LinkPurpose::Welcome | LinkPurpose::SignIn => TemplateKind::SignInLink,
        LinkPurpose::SetPassword => TemplateKind::SetPassword,
    };
    for candidate in candidates(app, email).await? {
        let (account, user_id) = (&candidate.account, &candidate.user_id);
        let call = call_of(account, user_id, &candidate.name, from, now);
        let known = Select::new(
            "SELECT count(sign_in_links.id), coalesce(users.locale, accounts.locale), users.email FROM users JOIN accounts ON accounts.account_id = $1 \
             LEFT JOIN sign_in_links ON sign_in_links.account_id = $1 AND sign_in_links.user_id = users.id AND sign_in_links.created_at > $3 \
             WHERE users.account_id = $1 AND users.id = $2 GROUP BY users.locale, accounts.locale, users.email",
            params![*user_id, now.plus_seconds(-3600)],
        );
        let Some((lately, locale, to)) =
            app.db.first::<(i64, String, Email)>(account, known).await?
        else {
            continue;
        };
        if lately >= LINKS_AN_HOUR {
            tracing::info!(%account, user_id, "no further sign-in link is sent in this hour");
            continue;
        }
        let locale = Locale::parse(&locale).unwrap_or_else(|_| Locale::english());
        let plan = || async {
            let mut plan = Plan::new("sign_in_link.request");
            let (link, writes) = links::new_link(&app.ids, now, user_id, purpose);
            plan.write_all(writes);
            let mail = NewMail {
                kind,
                user_id: Some(user_id.clone()),
                to: to.clone(),
                locale: locale.clone(),
                context: json!({}),
                once_key: None,
                link_id: Some(link.to_string()),
                provision_id: None,
            };
            queue(&mut plan, &app.ids, now, mail);
            Ok((plan, ()))
        };
        commit(&app.db, &app.ids, &call, plan).await?;
    }
    Ok(())
}

/// Gives a person a new password: 422 with the rule it breaks, at `/password`. Their unused links and their sessions end,
/// all but `keep`, the one they do it from.
pub async fn set_password(
    app: &App,
    call: &Call,
    user_id: &str,
    new: &Secret<String>,
    keep: Option<&SessionId>,
) -> Result<()> {
    let select = Select::new(
        "SELECT users.email, users.first_name, users.last_name, users.name, accounts.name FROM users JOIN accounts ON accounts.account_id = $1 \
         WHERE users.account_id = $1 AND users.id = $2 AND users.deleted_at IS NULL",
        params![user_id.to_owned()],
    );
    let known = app
        .db
        .first::<(
            String,
            Option<String>,
            Option<String>,
            Option<String>,
            String,
        )>(call.account(), select)
        .await?;
    let (email, first, last, name, account) = known.ok_or_else(|| Error::not_found("user"))?;
    let names: Vec<&str> = [
        Some(&email),
        first.as_ref(),
        last.as_ref(),
        name.as_ref(),
        Some(&account),
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
    .collect();
    check_rules(new.expose(), &names).map_err(|rule| {
        Error::invalid(vec![Fault::new(
            "/password",
            "password_too_weak",
            format!("The password cannot be taken: {rule}."),
        )])
    })?;
    let hash = hashed(app, new).await?;
    let plan = || async {
        let mut plan = Plan::new("password.set");
        plan.write(Statement::new(
            "INSERT INTO user_passwords (account_id, user_id, hash, changed_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id, user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
            params![user_id.to_owned(), hash, call.now],
        ));
        plan.write(sessions::end_all_of(user_id, keep));
        plan.write(links::end_all_of(user_id, call.now));
        plan.event(
            Event::new("user.password_set", user_id, json!({ "user": user_id })).user(user_id),
        );
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, call, plan).await.map(|_| ())
}
