//! `admin create | reset | list | remove`: the people who administer an account.

use clap::{Args, Subcommand};
use serde_json::json;

use super::account::{read, wrong};
use super::session::{block_on, open};
use super::{CliError, Output};
use crate::access::links::{self, LinkPurpose};
use crate::access::roles::{AccountRole, GlobalRole};
use crate::accounts::{self, Account};
use crate::admins;
use crate::app::App;
use crate::commit::commit;
use crate::config::Config;
use crate::error::Error;
use crate::events::{Event, Plan};
use crate::records;
use crate::resources::user::User;
use crate::types::{Email, Name, Ref};

/// What to do with administrators.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make somebody an administrator, and print a new password or a sign-in link.
    Create(Create),
    /// Print a new password or a sign-in link for somebody who cannot get in.
    Reset(Person),
    /// Show the administrators.
    List {
        /// The account, by id or name; not needed where there is only one.
        #[arg(long)]
        account: Option<String>,
    },
    /// Take a role away from somebody; the last owner stays.
    Remove(Remove),
}

/// Who is meant.
#[derive(Debug, Args)]
pub struct Person {
    /// The e-mail address.
    #[arg(long)]
    pub email: String,
    /// The account, by id or name; not needed where there is only one.
    #[arg(long)]
    pub account: Option<String>,
    /// Print a single-use sign-in link in place of a password.
    #[arg(long)]
    pub link: bool,
}

/// An administrator to be made.
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    person: Person,
    /// The person's name.
    #[arg(long)]
    pub name: Option<String>,
    /// What they may do.
    #[arg(long, default_value = "owner", value_parser = ["owner", "admin", "reporter"])]
    pub role: String,
}

/// A role to be taken away.
#[derive(Debug, Args)]
pub struct Remove {
    /// The e-mail address.
    #[arg(long)]
    pub email: String,
    /// The account, by id or name; not needed where there is only one.
    #[arg(long)]
    pub account: Option<String>,
    /// The role.
    #[arg(long, value_parser = ["owner", "admin", "reporter"])]
    pub role: String,
}

/// Runs it.
pub fn run(config: Config, command: &AdminCommand) -> Result<Output, CliError> {
    block_on(false, async {
        let app = open(config).await?;
        match command {
            AdminCommand::Create(command) => create(&app, command).await,
            AdminCommand::Reset(person) => reset(&app, person).await,
            AdminCommand::List { account } => list(&app, account.as_deref()).await,
            AdminCommand::Remove(command) => remove(&app, command).await,
        }
    })
}

async fn create(app: &App, command: &Create) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, command.person.account.as_deref()).await?;
    let email = Email::parse(&command.person.email).map_err(|fault| wrong("--email", &fault))?;
    let name = read("--name", command.name.as_deref(), Name::parse)?;
    let role = role(&command.role)?;
    let call = accounts::operator(app, account.id.clone());
    let password = (!command.person.link).then(|| admins::generate_password(app));
    let hash = match &password {
        Some(password) => Some(admins::hash(app, password, &[]).await?),
        None => None,
    };
    let plan = || admins::create(app, &call, &email, name.as_ref(), role, hash.as_deref());
    let (user, is_new) = commit(&app.db, &app.ids, &call, plan).await?.value;
    let made = if is_new { "Made" } else { "Already known:" };
    let title = format!("{made} {} as {role} of {}.", user.email, account.name);
    let link = if command.person.link {
        Some(new_link(app, &account, &user).await?)
    } else {
        None
    };
    Ok(way_in(
        app,
        &title,
        &user,
        password.as_ref().map(|password| password.expose().as_str()),
        link.as_deref(),
    ))
}

async fn reset(app: &App, person: &Person) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, person.account.as_deref()).await?;
    let user = find(app, &account, &person.email).await?;
    if person.link {
        let link = new_link(app, &account, &user).await?;
        return Ok(way_in(
            app,
            &format!("A sign-in link for {}.", user.email),
            &user,
            None,
            Some(&link),
        ));
    }
    let password = admins::generate_password(app);
    let hash = admins::hash(app, &password, &[]).await?;
    let call = accounts::operator(app, account.id.clone());
    commit(&app.db, &app.ids, &call, || async {
        Ok((admins::set_password(&call, &user, &hash), ()))
    })
    .await?;
    Ok(way_in(
        app,
        &format!(
            "A new password for {}; older sessions and links have ended.",
            user.email
        ),
        &user,
        Some(password.expose()),
        None,
    ))
}

async fn list(app: &App, account: Option<&str>) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, account).await?;
    let admins = admins::list(&app.db, &account.id).await?;
    let words = |roles: &[AccountRole]| {
        roles
            .iter()
            .map(AccountRole::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let lines: Vec<String> = admins
        .iter()
        .map(|(user, roles)| format!("{}  {}  {}", user.email, user.display_name(), words(roles)))
        .collect();
    let text = if lines.is_empty() {
        "Nobody administers this account yet: b2b-dashboard admin create --email you@example.com"
            .to_owned()
    } else {
        lines.join("\n")
    };
    let members: Vec<_> = admins
        .iter()
        .map(|(user, roles)| json!({ "user_id": user.id, "email": user.email, "roles": roles }))
        .collect();
    Ok(Output::new(
        text,
        json!({ "account_id": account.id, "admins": members }),
    ))
}

async fn remove(app: &App, command: &Remove) -> Result<Output, CliError> {
    let account = accounts::choose(&app.db, command.account.as_deref()).await?;
    let user = find(app, &account, &command.email).await?;
    let role = role(&command.role)?;
    let call = accounts::operator(app, account.id.clone());
    let plan = || async { Ok((admins::remove_role(&app.db, &call, &user, role).await?, ())) };
    commit(&app.db, &app.ids, &call, plan).await?;
    let left = admins::roles(&app.db, &account.id, &user.id).await?;
    Ok(Output::new(
        format!("{} is not {role} of {} any more.", user.email, account.name),
        json!({ "user_id": user.id, "email": user.email, "roles": left }),
    ))
}

async fn find(app: &App, account: &Account, email: &str) -> Result<User, CliError> {
    let email = Email::parse(email).map_err(|fault| wrong("--email", &fault))?;
    let call = accounts::operator(app, account.id.clone());
    Ok(records::find::<User>(&app.db, &call.caller, &Ref::Email(email)).await?)
}

fn role(word: &str) -> Result<GlobalRole, CliError> {
    GlobalRole::from_word(word).ok_or_else(|| wrong("--role", "must be owner, admin or reporter"))
}

/// A new single-use link for a person.
async fn new_link(app: &App, account: &Account, user: &User) -> Result<String, CliError> {
    let call = accounts::operator(app, account.id.clone());
    let plan = || async {
        let (link, statements) =
            links::new_link(&app.ids, call.now, user.id.as_str(), LinkPurpose::SignIn);
        let mut plan = Plan::new("sign_in_link.create");
        plan.write_all(statements);
        plan.event(
            Event::new("sign_in_link.created", &link, json!({ "user_id": user.id })).user(&user.id),
        );
        Ok::<_, Error>((plan, link))
    };
    let link = commit(&app.db, &app.ids, &call, plan).await?.value;
    Ok(links::url(app, &account.id, link.as_str()))
}

fn way_in(
    app: &App,
    title: &str,
    user: &User,
    password: Option<&str>,
    link: Option<&str>,
) -> Output {
    let origin = app.config.server.origin();
    let how = match (password, link) {
        (_, Some(link)) => format!("Sign in once, with {link}"),
        (Some(password), None) => format!(
            "Sign in at {origin} with the password {password}\nIt is shown this once; change it in your profile."
        ),
        (None, None) => format!("Sign in at {origin}"),
    };
    let json = json!({ "user_id": user.id, "email": user.email, "password": password, "link": link, "url": origin });
    Output::new(format!("{title}\n{how}"), json)
}
