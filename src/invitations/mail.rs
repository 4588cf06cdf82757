//! The mail of an invitation: facts only, its link is made when it is sent.

use serde_json::json;

use super::record::Invitation;
use crate::access::roles::{Held, TeamRole};
use crate::email::TemplateKind;
use crate::email::outbox::{NewMail, queue};
use crate::events::Plan;
use crate::i18n;
use crate::locale::Locale;
use crate::types::{Ids, Timestamp};

/// What the mail tells beside the invitation.
pub(super) struct Told<'a> {
    pub(super) team: &'a str,
    pub(super) organization: Option<&'a str>,
    /// Each product with the end of the place held.
    pub(super) products: Vec<(String, Option<Timestamp>)>,
    pub(super) is_reminder: bool,
}

/// The name of the role offered: a built-in one's in a language, a custom one's as the account has named it.
pub(crate) fn role_name(invitation: &Invitation, locale: &Locale) -> String {
    let key = match &invitation.role {
        Held::BuiltIn(TeamRole::Owner) => "teams-owner",
        Held::BuiltIn(TeamRole::Manager) => "teams-manager",
        Held::BuiltIn(TeamRole::Member) => "teams-member",
        Held::Custom(_) => return invitation.role_name.clone().unwrap_or_default(),
    };
    i18n::text(locale, key, &[])
}

/// Queues the invitation's mail and notes it on the invitation.
pub(super) fn send(
    plan: &mut Plan,
    ids: &Ids,
    now: Timestamp,
    invitation: &mut Invitation,
    told: &Told<'_>,
) {
    let locale = Locale::parse(invitation.locale.as_str()).unwrap_or_else(|_| Locale::english());
    let inviter = invitation
        .is_by_person
        .then(|| invitation.inviter_name.to_string());
    let products: Vec<_> = told
        .products
        .iter()
        .map(|(name, ends)| json!({ "name": name, "courses": [], "ends_at": ends }))
        .collect();
    let mail = NewMail {
        kind: TemplateKind::Invitation,
        user_id: Some(invitation.user_id.to_string()),
        to: invitation.email.clone(),
        context: json!({
            "team": told.team,
            "organization": told.organization,
            "inviter": inviter,
            "role": role_name(invitation, &locale),
            "products": products,
            "reminder": told.is_reminder,
            "invitation_id": invitation.id,
        }),
        locale,
        once_key: None,
        link_id: None,
        provision_id: None,
    };
    invitation.mail_id = Some(queue(plan, ids, now, mail).to_string());
}
